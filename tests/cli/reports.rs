//! What reports say: where the fault stands, in words of the language, with a remedy, and each fault once.

use super::Place;

const CA: &str = "project \"p\" {}\nprivate_ca \"ca\" {\n  common_name = \"Root\"\n}\n";

fn lacks(text: &str, part: &str) {
    assert!(!text.contains(part), "{part:?} is in\n{text}");
}

#[test]
fn a_fault_of_an_element_is_shown_at_the_element() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        format!("{CA}certificate \"c\" {{\n  issuer = private_ca.ca\n  common_name = \"a.example.test\"\n  sans = [\n    \"b.example.test\",\n    \"not a name\",\n  ]\n}}\n"),
    );
    place.expect("validate", 1).reports("main.cap.hcl:10:5");
}

#[test]
fn files_are_named_so_that_an_editor_opens_them() {
    let place = Place::new();
    place.write("estate/main.cap.hcl", b"locals { a = \"\xff\" }");
    place.expect("validate estate", 1).reports("estate/main.cap.hcl is not UTF-8");
    std::fs::create_dir_all(place.path().join("empty")).expect("a directory");
    place.expect("validate empty", 1).reports("empty holds no file");
    place.write("estate/main.cap.hcl", "variable \"v\" {\n  type = number\n}\n");
    place.write("given.capvars", "v = \"x\"\n");
    place.expect("validate -var-file=given.capvars estate", 1).reports(" here: given.capvars:1:5");
}

#[test]
fn a_line_that_nobody_reads_is_named_and_not_shown() {
    let place = Place::new();
    let long = "1".repeat(100_000);
    place.write("main.cap.hcl", format!("{CA}output \"x\" {{\n  value = {long}\n}}\n"));
    let number = place.expect("validate", 1);
    number.reports("11111111111111111111… is out of range").reports("here: main.cap.hcl:6:11");
    place.write("main.cap.hcl", CA);
    place.write(
        "more.cap.json",
        format!("{{\"locals\": {{\"a\": \"{long}\"}}, \"member\": {{\"m\": {{\"mail\": 1}}}}}}"),
    );
    let json = place.expect("validate", 1);
    json.reports("\"mail\" is not expected here").reports("here: more.cap.json:1:100");
    let said = [&number, &json].map(|ran| ran.err.len());
    assert!(said.iter().all(|length| *length < 2000), "{said:?}");
}

#[test]
fn a_pipe_among_the_files_is_reported_and_not_waited_for() {
    let place = Place::quickstart();
    let pipe = std::ffi::CString::new(place.path().join("pipe.cap.hcl").to_str().expect("UTF-8")).expect("no NUL");
    // SAFETY: the path is a C string that lives until the call returns.
    assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
    place.expect("validate", 1).reports("pipe.cap.hcl cannot be read: it is not a regular file");
    std::fs::remove_file(place.path().join("pipe.cap.hcl")).expect("the pipe");
    place.write("main.cap.hcl", "locals { a = file(\"/dev/zero\") }\noutput \"a\" { value = local.a }");
    place.expect("validate", 1).reports("it is not a regular file");
    place.expect("show /dev/zero", 1).reports("/dev/zero cannot be read: it has more than");
}

#[test]
fn the_parsers_own_words_are_not_shown() {
    let place = Place::new();
    for (text, says) in [
        ("locals {\n  a = \n}\n", "a value: a text in double quotes"),
        ("locals {\n  \"a\" = 1\n}\n", "The name of an argument stands without quotes"),
        ("{}\n", "an argument or a block"),
    ] {
        place.write("main.cap.hcl", text);
        let ran = place.expect("validate", 1);
        lacks(&ran.reports(says).err, "letter or digit");
    }
    place.write(
        "main.cap.hcl",
        format!("{CA}certificate \"c\" {{\n  issuer = private_ca.ca\n  common_name = \"a.example.test\"\n  csr = <<-EOT\n    -----BEGIN CERTIFICATE REQUEST-----\n    AAAA\n    -----END CERTIFICATE REQUEST-----\n  EOT\n}}\n"),
    );
    let ran = place.expect("validate", 1);
    lacks(&ran.reports("it was cut or changed").err, "Parsing");
}

#[test]
fn what_is_planned_for_a_later_version_is_told_apart_from_what_is_mistyped() {
    let place = Place::new();
    for kind in ["webhook_target", "adcs_profile", "kubernetes_target"] {
        place.write("main.cap.hcl", format!("{kind} \"t\" {{}}\n"));
        place.expect("validate", 1).reports(&format!("This version does not support {kind} yet."));
    }
}

#[test]
fn a_mistyped_command_or_option_names_the_one_that_was_meant() {
    let place = Place::new();
    for (line, hint) in [("init", "cap plan works at once"), ("taint certificate.www", "-replace=ADDRESS")] {
        place.expect(line, 1).reports(hint);
    }
    place.expect("plna", 1).reports("'plan'");
    place.expect("plan -detaild-exitcode", 1).reports("'--detailed-exitcode'");
}

#[test]
fn one_fault_is_one_report() {
    let place = Place::new();
    place.write("main.cap.hcl", "variable \"limit\" {}\n");
    let mut command = place.command("validate");
    let ran = super::Ran::of(command.args(["-var", "limit = 3"]).output().expect("cap runs"));
    lacks(&ran.reports("CAP0155").err, "CAP0152");
}

#[test]
fn a_port_in_an_address_has_a_place_of_its_own() {
    let place = Place::new();
    let target = |address: &str| {
        place.write(
            "main.cap.hcl",
            format!("project \"p\" {{}}\nssh_target \"t\" {{\n  address = \"{address}\"\n  user = \"u\"\n  key = secret_env(\"K\")\n  known_hosts = \"k\"\n  files {{ directory = \"/tls\" }}\n}}\n"),
        );
    };
    target("web.example.com:2222");
    place
        .expect("validate", 1)
        .reports("write address = \"web.example.com\" and port = 2222")
        .reports("main.cap.hcl:3");
    for good in ["web.example.com", "192.0.2.1", "2001:db8::1", "fe80::1%eth0"] {
        target(good);
        place.expect("validate", 0);
    }
}

#[test]
fn a_renewal_window_as_long_as_the_issuers_lifetime_is_refused() {
    let place = Place::new();
    let estate = |more: &str| {
        let ca = CA.replace("\"Root\"\n", "\"Root\"\n  default_lifetime = \"30d\"\n");
        place.write("main.cap.hcl", format!("{ca}certificate \"c\" {{\n  issuer = private_ca.ca\n  common_name = \"a.example.test\"\n  renew_before = \"40d\"\n{more}}}\n"));
    };
    estate("");
    place.expect("validate", 1).reports("CAP0313").reports("valid for 30d only");
    estate("  lifetime = \"60d\"\n");
    place.expect("validate", 0);
}

#[test]
fn what_parts_of_a_faulty_expression_hold_is_told_and_secrets_are_not() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        r#"variable "hosts" {
  default = { a = { port = null, name = "a.example.test" } }
}

variable "token" {
  default   = "m4rked"
  sensitive = true
  validation {
    condition     = var.token == var.hosts.a.name + 1
    error_message = "It is of no use."
  }
}


locals {
  ports = [for name, host in var.hosts : upper(host.port)]
  keyed = { for name, host in var.hosts : name => var.hosts["${name}x"].name }
  token = "Bearer ${var.token}"
  pem   = "-----BEGIN PRIVATE KEY-----\nMC4C"
  key   = local.pem + 1
  tried = try(var.hosts.b.name, null + 1, "neither")
}

member "m" {
  for_each = var.hosts
  email    = each.value.port + 1
}

check "many" {
  assert {
    condition     = length(var.hosts) > 1 && local.tried == null
    error_message = "There are few."
  }
}
"#,
    );
    let answer = place.expect("validate -json", 1).json();
    let found: Vec<(String, String, String)> = answer["diagnostics"]
        .as_array()
        .expect("diagnostics")
        .iter()
        .map(|one| {
            let values = one["snippet"]["values"].as_array().expect("values").iter();
            let word = |one: &serde_json::Value| one.as_str().unwrap_or_default().to_owned();
            let values = values.map(|one| format!("{} {}", word(&one["traversal"]), word(&one["statement"])));
            let call = &one["snippet"]["function_call"];
            let called = call["signature"]["params"].as_array().map_or(String::new(), |params| {
                let names: Vec<String> = params.iter().map(|param| word(&param["name"])).collect();
                format!("{}({})", word(&call["called_as"]), names.join(", "))
            });
            (word(&one["snippet"]["context"]), called, values.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let hosts = "var.hosts is object with 1 attribute";
    for (context, called, values) in [
        ("locals", "upper(str)", "host.port is null".to_owned()),
        ("locals", "", format!("{hosts}, name is \"a\"")),
        ("locals", "", "var.token is a secret".to_owned()),
        ("locals", "", "local.pem is a private key".to_owned()),
        ("member \"m\"", "", "each.value.port is null".to_owned()),
        ("check \"many\"", "", format!("{hosts}, local.tried is \"neither\"")),
        ("variable \"token\"", "", String::new()),
    ] {
        let row = (context.to_owned(), called.to_owned(), values);
        assert!(found.contains(&row), "{row:?} is missing in {found:#?}");
    }
    let shown = place.expect("validate", 1);
    shown.reports("var.token is a secret").reports("each.value.port is null");
    assert!(!shown.err.contains("m4rked") && !answer.to_string().contains("m4rked"), "{}", shown.err);
}

#[test]
fn what_terminals_would_obey_and_readers_would_misread_is_escaped() {
    let place = Place::new();
    place.write("two\nlines.cap.hcl", "output \"x\" {\n  value = \u{1b}[2J\n}\n");
    place.write("latin.cap.hcl", b"locals {\n  a = \"\xe4\"\n}\n");
    let ran = place.expect("validate", 1);
    ran.reports("two\\nlines.cap.hcl:2:11").reports("\"\\u{1b}\" cannot stand here").reports("here: latin.cap.hcl:2:8");
    let answer = place.expect("validate -json", 1).json();
    let all = answer["diagnostics"].as_array().expect("diagnostics");
    let latin = all.iter().find(|one| one["range"]["filename"] == "latin.cap.hcl").expect("a place");
    assert_eq!(latin["range"]["start"], serde_json::json!({ "line": 2, "column": 8, "byte": 16 }));
}
