//! Answers for programs: JSON that parses and holds what its readers look for.

use serde_json::{Value as Json, json};

use super::{Place, Ran};

#[test]
fn a_plan_has_terraforms_shape() {
    let place = Place::quickstart();
    place.expect("plan -out=p", 0);
    let plan = place.expect("show -json p", 0).json();
    assert_eq!(plan["format_version"], "1.2");
    assert_eq!(plan["applyable"], true);
    let changes = plan["resource_changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 7);
    let certificate = changes.iter().find(|change| change["address"] == "certificate.www").expect("the certificate");
    assert_eq!(certificate["change"]["actions"], json!(["create"]));
    assert_eq!(certificate["change"]["after"]["common_name"], "www.example.test");
}

#[test]
fn streams_are_one_object_a_line() {
    let place = Place::quickstart();
    let types = |lines: &[Json]| -> Vec<String> {
        lines.iter().map(|line| line["type"].as_str().expect("a type").to_owned()).collect()
    };
    let planned = place.expect("plan -json", 0).json_lines();
    let seen = types(&planned);
    assert_eq!(seen.first().map(String::as_str), Some("version"));
    assert_eq!(seen.iter().filter(|kind| *kind == "planned_change").count(), 7);
    let summary = planned.iter().find(|line| line["type"] == "change_summary").expect("a summary");
    assert_eq!(
        summary["changes"],
        json!({"add": 7, "change": 0, "import": 0, "remove": 0, "forget": 0, "operation": "plan"})
    );
    let applied = place.expect("apply -auto-approve -json", 0).json_lines();
    let seen = types(&applied);
    assert_eq!(seen.iter().filter(|kind| *kind == "apply_complete").count(), 7);
    assert_eq!(seen.last().map(String::as_str), Some("outputs"));
    place.write("main.cap.hcl", "zone {");
    let failed = place.expect("plan -json", 1).json_lines();
    assert!(failed.iter().any(|line| line["type"] == "diagnostic" && line["@level"] == "error"));
}

#[test]
fn streams_name_objects_as_terraform_does() {
    let place = Place::new();
    place.write("m/main.cap.hcl", "variable \"email\" {}\nmember \"a\" {\n  email = var.email\n}\n");
    let main = |label: &str, more: &str| {
        let call = "module \"m\" {\n  source   = \"./m\"\n  for_each = { k = \"k@example.test\" }\n  email    = each.value\n}\n";
        let output = "output \"o\" {\n  value = [1, \"a\"]\n}\n";
        place.write("main.cap.hcl", format!("{call}{output}project \"{label}\" {{}}\n{more}"));
    };
    main("p", "");
    let applied = place.expect("apply -auto-approve -json", 0).json_lines();
    let resource = |line: &Json, of: &str| line[of]["resource"].clone();
    let done = applied.iter().filter(|line| line["type"] == "apply_complete");
    let named: Vec<Json> = done.map(|line| resource(line, "hook")).collect();
    let member = json!({
        "addr": "module.m[\"k\"].member.a", "module": "module.m[\"k\"]", "resource": "member.a",
        "implied_provider": "cap", "resource_type": "member", "resource_name": "a", "resource_key": null
    });
    assert!(named.contains(&member), "{named:?}");
    let outputs = &applied.last().expect("a line")["outputs"]["o"];
    assert_eq!(outputs["type"], json!(["tuple", ["number", "string"]]));
    main("q", "moved {\n  from = project.p\n  to   = project.q\n}\n");
    let planned = place.expect("plan -json", 0).json_lines();
    let moved = planned.iter().find(|line| line["type"] == "planned_change").expect("a change");
    assert_eq!(moved["change"]["action"], "move");
    assert_eq!(moved["change"]["previous_resource"]["addr"], "project.p");
}

#[test]
fn validation_counts_and_places_faults() {
    let place = Place::quickstart();
    place.expect("validate", 0).says("Success! The configuration is valid");
    assert_eq!(place.expect("validate -json", 0).json()["valid"], true);
    place.write("main.cap.hcl", "member \"a\" {\n  emial = \"a@example.com\"\n}\n");
    let answer = place.expect("validate -json", 1).json();
    assert_eq!(answer["valid"], false);
    assert!(answer["error_count"].as_u64() >= Some(1));
    let range = &answer["diagnostics"][0]["range"];
    assert_eq!((&range["filename"], &range["start"]["line"]), (&json!("main.cap.hcl"), &json!(2)));
}

#[test]
fn outputs_come_as_text_json_and_raw() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let all = place.expect("output -json", 0).json();
    let expires = all["expires"]["value"].as_str().expect("a string").to_owned();
    assert_eq!(all["expires"]["type"], "string");
    assert_eq!(place.expect("output -raw expires", 0).out, expires);
    assert_eq!(place.expect("output -json expires", 0).json(), json!(expires));
    assert_eq!(place.expect("output", 0).out, format!("expires = \"{expires}\"\n"));
    place.expect("output nothing", 1).reports("nothing");
}

#[test]
fn the_estate_is_shown_without_any_key() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    place.expect("show", 0).says("# certificate.www:").says("fingerprint");
    let estate = place.expect("show -json", 0);
    assert!(!estate.out.contains("PRIVATE KEY"));
    assert_eq!(estate.json()["values"]["root_module"]["resources"].as_array().map(Vec::len), Some(7));
    let record = place.expect("state show -json certificate.www", 0).json();
    assert_eq!(record["facts"]["of"], "certificate");
    let jobs = place.expect("jobs list -json", 0).json_lines();
    let id = jobs[0]["id"].as_str().expect("an id").to_owned();
    assert!(!place.expect(&format!("jobs show -json {id}"), 0).json()["log"].as_array().expect("a log").is_empty());
}

#[test]
fn the_program_answers_about_itself() {
    let place = Place::new();
    place.expect("version", 0).says(concat!("cap v", env!("CARGO_PKG_VERSION")));
    assert_eq!(place.expect("version -json", 0).json()["cap_version"], env!("CARGO_PKG_VERSION"));
    place.expect("-version", 0).says("cap v");
    place.expect("completion bash", 0).says("_cap()");
    place.expect("explain CAP0702", 0).says("No configuration files");
    place.expect("plan -help", 0).says("-detailed-exitcode");
}

#[test]
fn the_version_of_the_key_that_seals_is_the_one_asked_for_or_nothing_is_planned() {
    let place = Place::new();
    let keys = |versions: &[u32], line: &str| {
        let mut command = place.command(line);
        for version in versions {
            command.env(format!("CAP_ENCRYPTION_KEY_V{version}"), version.to_string().repeat(64));
        }
        Ran::of(command.output().expect("cap runs"))
    };
    let asks_for = |version: u32| {
        let text = format!(
            "organization \"o\" {{\n  owner = member.m\n  encryption {{ active_version = {version} }}\n}}\n\
             member \"m\" {{ email = \"m@example.com\" }}\n"
        );
        place.write("main.cap.hcl", text);
    };
    asks_for(2);
    let missing = keys(&[1], "plan");
    assert_eq!(missing.code, 1, "{}", missing.out);
    missing.reports("version 2 of the key-encryption key is missing").reports("set CAP_ENCRYPTION_KEY_V2");
    assert_eq!(keys(&[1, 2], "apply -auto-approve").code, 0);
    asks_for(1);
    let lowered = keys(&[1, 2], "plan");
    assert_eq!(lowered.code, 1, "{}", lowered.out);
    lowered.reports("the highest version seals").reports("It can never be lowered");
}

#[test]
fn raising_the_key_seals_everything_anew_and_the_earlier_key_can_go() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let (first, second) = (".cap/encryption.v1.key", ".cap/encryption.v2.key");
    place.write(second, "2".repeat(64));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o400);
    std::fs::set_permissions(place.path().join(second), mode).expect("chmod");
    let text = place.read("main.cap.hcl");
    let asks_for = |version: u32| {
        let block = format!("organization \"example\" {{\n  encryption {{\n    active_version = {version}\n  }}");
        place.write("main.cap.hcl", text.replace("organization \"example\" {", &block));
    };
    asks_for(2);
    let plan = place.expect("plan -detailed-exitcode", 2);
    plan.says("organization.example will be updated in-place").says("every data key is wrapped anew, under version 2");
    place.expect("apply -auto-approve", 0).says("0 added, 1 changed, 0 destroyed");
    place.expect("plan -detailed-exitcode", 0);
    let kept = place.read(first);
    std::fs::remove_file(place.path().join(first)).expect("removed");
    place.expect("plan -detailed-exitcode", 0);
    place.expect("timeline verify", 0);
    place.expect("apply -auto-approve -replace=certificate.www", 0);
    // Back to the first: it opens nothing any more.
    asks_for(1);
    place.expect("plan", 1).reports("the highest version seals").reports("It can never be lowered");
    std::fs::remove_file(place.path().join(second)).expect("removed");
    place.write(first, kept);
    std::fs::set_permissions(place.path().join(first), std::os::unix::fs::PermissionsExt::from_mode(0o400))
        .expect("chmod");
    place.expect("plan", 1).reports("version 2 of the key-encryption key is missing");
}

#[test]
fn a_block_stands_for_its_instances_and_a_module_for_what_is_in_it() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        "project \"p\" {}\nmember \"m\" {\n  for_each = toset([\"a\", \"b\"])\n  email = \"${each.key}@example.com\"\n}\nmodule \"in\" {\n  source = \"./in\"\n}\n",
    );
    place.write("in/main.cap.hcl", "member \"x\" {\n  email = \"x@example.com\"\n}\n");
    place.expect("apply -auto-approve", 0);
    assert_eq!(place.expect("state list member.m", 0).out, "member.m[\"a\"]\nmember.m[\"b\"]\n");
    assert_eq!(place.expect("state list module.in", 0).out, "module.in.member.x\n");
    place.expect("state show member.m", 0).says("# member.m[\"a\"]:").says("# member.m[\"b\"]:");
    assert_eq!(place.expect("state show -json member.m", 0).json_lines().len(), 2);
    place.expect("state show member.n", 1).reports("member.n");
}

#[test]
fn programs_hear_of_every_object_that_is_looked_at() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let looks = |text: &str| {
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let looks = lines.filter(|line| line["type"].as_str().is_some_and(|kind| kind.starts_with("refresh_")));
        looks.map(|line| format!("{} {}", line["type"], line["hook"]["resource"]["addr"])).collect::<Vec<_>>()
    };
    let expected =
        ["start", "complete"].map(|word| format!("\"refresh_{word}\" \"certificate.www@file_target.local\""));
    assert_eq!(looks(&place.expect("plan -json", 0).out), expected);
    assert_eq!(looks(&place.expect("apply -json -auto-approve", 0).out), expected);
    let quiet = place.expect("plan -json-into=lines", 0);
    assert!(!quiet.out.contains("certificate.www"), "{}", quiet.out);
    assert_eq!(looks(&place.read("lines")), expected);
    assert_eq!(looks(&place.expect("plan -json -refresh=false", 0).out), [""; 0]);
}
