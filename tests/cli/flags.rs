//! Flags of Terraform and OpenTofu, as their users and their CI type them.

use super::{Place, Ran};

fn with_environment(place: &Place, line: &str, settings: &[(&str, &str)]) -> Ran {
    Ran::of(place.command(line).envs(settings.iter().copied()).output().expect("cap runs"))
}

#[test]
fn addresses_come_from_files() {
    let place = Place::quickstart();
    place.write("few", "# the people\r\n\n  member.alice  # no more\nmember.alice\n");
    place.expect("plan -target-file=few", 1).reports("few:3:3").reports("Nothing in the configuration");
    place.write("few", "# the people\r\n\n  member.alice  \r\n");
    place.expect("plan -target-file=few", 0).says("Plan: 1 to add, 0 to change, 0 to destroy.");
    place.write("many", "certificate.*\nfile_target.local\nprivate_ca.house\n");
    place.expect("plan -exclude-file=many", 0).says("Plan: 3 to add");
    place.write("elsewhere/few", "project.demo");
    place.expect("plan -target-file=elsewhere/few -target=member.alice .", 0).says("Plan: 2 to add");
    place.expect("plan -target-file=few -exclude=member.alice", 1).reports("mutually-exclusive");
    place.expect("plan -target-file=absent", 1).reports("absent cannot be read");
    place.expect("plan -out=p", 0);
    place.expect("apply -target-file=few p", 1).reports("Planning options cannot be given together with a saved plan");
}

#[test]
fn booleans_take_values_and_the_later_word_wins() {
    let place = Place::quickstart();
    place.expect("plan -json=false -destroy=0", 0).says("Plan: 7 to add");
    assert!(place.expect("plan -json=true -no-color=true", 0).json_lines().len() > 7);
    place.expect("plan -detailed-exitcode -detailed-exitcode=false -refresh=t", 0);
    place.expect("plan -json=perhaps", 1).reports("unexpected value 'perhaps'");
    place.expect("plan -parallelism=2 -parallelism=3 -lock-timeout=0", 0);
    let settings =
        [("CAP_CLI_ARGS", "-json"), ("CAP_CLI_ARGS_plan", "-var 'names=[\"a.example.test\", \"b.example.test\"]'")];
    with_environment(&place, "plan -json=false", &settings).says("+ \"b.example.test\",");
    let unclosed = with_environment(&place, "plan", &[("CAP_CLI_ARGS", "-var 'x")]);
    assert_eq!(unclosed.code, 1);
    unclosed.reports("A quote is not closed in CAP_CLI_ARGS.");
}

#[test]
fn what_is_not_understood_is_told_as_json_where_that_is_asked_for() {
    let place = Place::quickstart();
    let told = |ran: Ran| {
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
        let lines = ran.json_lines();
        let kinds: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
        assert_eq!(kinds, ["version", "diagnostic"], "{lines:?}");
        assert_eq!(lines[1]["@level"], "error");
        format!("{} {}", lines[1]["diagnostic"]["code"], lines[1]["diagnostic"]["detail"])
    };
    for (line, what) in [
        ("plan -json -no-such", "--no-such"),
        ("apply -target -json", "--target"),
        ("-no-color destroy --no-such=1 -json=true", "--no-such"),
        ("plan -json -json-into=file", "--json-into"),
        ("plan -json -destroy -refresh-only", "mutually-exclusive"),
        ("-chdir=absent plan -json", "absent"),
    ] {
        let told = told(place.cap(line));
        assert!(told.contains(what) && told.starts_with("\"CAP07"), "{line}: {told}");
    }
    told(with_environment(&place, "plan -no-such", &[("CAP_CLI_ARGS", "-json")]));
    for line in ["validate -json -no-such", "validate -json absent", "-chdir=absent validate -json"] {
        let report = place.expect(line, 1).json();
        super::schemas::check(&super::schemas::schema("report"), &report, "report");
        assert_eq!(report["error_count"], 1, "{line}: {report}");
    }
    for line in ["plan -json=false -no-such", "plan -no-such -- -json", "output -json -no-such"] {
        let ran = place.expect(line, 1);
        assert_eq!(ran.out, "", "{line}");
        ran.reports("CAP0703");
    }
    place.expect("plan -json -help", 0).says("Usage: cap plan");
}

#[test]
fn a_log_is_kept_where_one_is_asked_for() {
    let place = Place::quickstart();
    let applied = with_environment(&place, "apply -auto-approve", &[("CAP_LOG", "DEBUG")]);
    assert_eq!(applied.code, 0);
    applied.reports("effect=\"install\"");
    let file = [("CAP_LOG", "debug"), ("CAP_LOG_PATH", "log")];
    let replaced = with_environment(&place, "apply -auto-approve -replace=certificate.www", &file);
    assert_eq!((replaced.code, replaced.err.as_str()), (0, ""));
    assert!(place.read("log").lines().any(|line| line.contains("effect=\"ensure_key\"")));
    assert_eq!(with_environment(&place, "plan", &[("CAP_LOG", "info")]).err, "");
    let none = with_environment(&place, "plan", &[("CAP_LOG", "loud")]);
    assert_eq!(none.code, 1);
    none.reports("CAP_LOG is \"loud\", which is no level.").reports("Levels are trace, debug");
    let nowhere = with_environment(&place, "plan", &[("CAP_LOG", "info"), ("CAP_LOG_PATH", "absent/log")]);
    assert_eq!(nowhere.code, 1);
    nowhere.reports("CAP_LOG_PATH: absent/log cannot be written");
}

#[test]
fn programs_read_in_a_file_what_people_do_not_see() {
    let place = Place::quickstart();
    let lines = |name: &str| -> Vec<serde_json::Value> {
        let text = place.read(name);
        text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    };
    let kinds = |name: &str| -> Vec<String> {
        lines(name).iter().map(|line| line["type"].as_str().expect("a type").to_owned()).collect()
    };
    place.expect("plan -json-into=seen", 0).says("Plan: 7 to add, 0 to change, 0 to destroy.");
    let seen = kinds("seen");
    assert_eq!((seen[0].as_str(), seen[8].as_str()), ("version", "change_summary"));
    place.expect("apply -auto-approve -json-into=done", 0).says("Apply complete! Resources: 7 added");
    let done = kinds("done");
    assert_eq!(done.iter().filter(|kind| *kind == "apply_complete").count(), 7);
    assert_eq!(done.last().map(String::as_str), Some("outputs"));
    place.expect("plan -json-into=failed -target=member.nobody", 1).reports("No such address");
    assert_eq!(lines("failed").last().expect("a line")["diagnostic"]["severity"], "error");
    place.expect("plan -json -json-into=x", 1).says("cannot be used with");
    place.expect("plan -json-into=absent/x", 1).reports("absent/x cannot be written");
}

#[test]
fn warnings_are_as_short_as_asked_for() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        "project \"p\" {}\nmember \"a\" {\n  email      = \"a@example.test\"\n  depends_on = [\"project.p\"]\n}\n\
         member \"b\" {\n  email      = \"b@example.test\"\n  depends_on = [\"project.p\"]\n}\n",
    );
    for line in ["plan", "validate"] {
        let ran = place.expect(line, 0);
        ran.reports("(and one more similar warning elsewhere)");
        assert_eq!(ran.err.matches("CAP0177").count(), 1, "{}", ran.err);
        let all = place.expect(&format!("{line} -consolidate-warnings=false"), 0);
        assert_eq!(all.err.matches("CAP0177").count(), 2, "{}", all.err);
        let short = place.expect(&format!("{line} -compact-warnings"), 0);
        short.reports("- Quoted references are deprecated on main.cap.hcl line 4 (and 1 more)");
        assert!(!short.err.contains("CAP0177"), "{}", short.err);
    }
    place
        .expect("validate", 0)
        .says("The configuration is valid, but there were some validation warnings as shown above.");
}

#[test]
fn a_variable_under_terraforms_name_is_noticed() {
    let place = Place::new();
    place.write("main.cap.hcl", "variable \"name\" {}\noutput \"o\" {\n  value = var.name\n}\n");
    let hint = "TF_VAR_name is in the environment; cap reads CAP_VAR_name.";
    with_environment(&place, "plan", &[("TF_VAR_name", "x")]).reports(hint);
    assert!(!place.expect("plan", 1).err.contains("TF_VAR"));
    assert_eq!(with_environment(&place, "plan", &[("TF_VAR_name", "x"), ("CAP_VAR_name", "y")]).code, 0);
}

#[test]
fn what_is_known_from_elsewhere_has_a_hint() {
    let place = Place::quickstart();
    for (line, hint) in [
        ("plan -state=x.tfstate", "Name the store with -store=sqlite:PATH"),
        ("plan -show-sensitive", "A plan holds references to secrets"),
        ("apply -backup=-", "The store keeps its history itself"),
        ("state mv member.a member.b", "with from = OLD and to = NEW"),
        ("state rm member.a", "A removed block forgets an object"),
        ("init", "There is nothing to initialize"),
    ] {
        place.expect(line, 1).reports("CAP0703").reports(hint);
    }
}

#[test]
fn destroy_plans_itself() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    place.expect("plan -destroy -out=p", 0);
    let refused = place.expect("destroy -auto-approve p", 1);
    refused.reports("CAP0703").reports("p is a file").reports("`cap apply p`");
    let help = place.expect("destroy -help", 0).out;
    assert!(help.contains("[DIR]") && !help.contains("PLAN") && !help.contains("-destroy"), "{help}");
    assert!(place.expect("apply -help", 0).out.contains("-destroy"));
    place.expect("destroy -auto-approve .", 0).says("Destroy complete! Resources: 7 destroyed.");
}

#[test]
fn extended_exit_codes_are_finer() {
    let place = Place::quickstart();
    place.expect("plan -out=p", 0);
    place.expect("apply -auto-approve", 0);
    place.expect("plan -detailed-exitcode -exit-codes=extended", 0);
    place.expect("apply p", 1).reports("Saved plan is stale");
    place.expect("apply -exit-codes=extended p", 7);
    std::fs::remove_dir_all(place.path().join("out")).expect("what was deployed");
    place.expect("plan -refresh-only -detailed-exitcode -exit-codes=extended", 4);
    place.expect("plan -refresh-only -detailed-exitcode", 2);
    place.expect("plan -refresh-only -exit-codes=extended", 0);
    place.expect("plan -detailed-exitcode -exit-codes=extended", 2);
    place.write("blocked", "");
    let text = place.read("main.cap.hcl").replace("${path.module}/out", "${path.module}/blocked");
    place.write("main.cap.hcl", &text);
    place.expect("-exit-codes=extended apply -auto-approve", 8);
    place.expect("apply -auto-approve", 1);
    place.write("main.cap.hcl", text + "\ncertificate_policy \"demo\" {\n  allowed_key_types = [\"rsa-2048\"]\n}\n");
    place.expect("-exit-codes=extended plan", 5).reports("CAP0314");
    place.expect("plan", 1);
}

#[test]
fn an_answer_that_is_lost_is_said() {
    let place = Place::quickstart();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is always full");
    let ran =
        Ran::of(place.command("plan").stdout(full).stderr(std::process::Stdio::piped()).output().expect("an end"));
    assert_eq!(ran.code, 1);
    ran.reports("Standard output cannot be written");
}
