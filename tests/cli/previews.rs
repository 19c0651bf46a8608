//! What a plan shows and what it leaves behind: nothing is made by looking, and nothing is said that does not hold.

use serde_json::json;

use super::{Place, Ran};

fn lacks(ran: &Ran, part: &str) {
    assert!(!ran.out.contains(part), "{part:?} is in\n{}", ran.out);
}

/// Names of all files and directories of a place.
fn files(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path()).expect("the place").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn looking_makes_neither_store_nor_key_nor_directory() {
    let place = Place::quickstart();
    for line in
        ["plan", "plan -json", "plan -destroy", "plan -refresh-only", "destroy -auto-approve", "apply -refresh-only"]
    {
        place.expect(line, 0);
        assert_eq!(files(&place), ["main.cap.hcl"], "{line}");
    }
    for refused in ["apply -input=false", "apply -json"] {
        place.expect(refused, 1);
        assert_eq!(files(&place), ["main.cap.hcl"], "{refused}");
    }
    let mut broken = place.command("apply -auto-approve");
    let broken = Ran::of(broken.env("CAP_ENCRYPTION_KEY_V1", "short").output().expect("cap runs"));
    broken.reports("64 hexadecimal digits are expected");
    assert_eq!((broken.code, files(&place)), (1, vec!["main.cap.hcl".to_owned()]), "no store for a key that is none");
    place.expect("plan -store=sqlite:deep/er/s.db", 0);
    place.expect("plan -out=p", 0);
    assert_eq!(files(&place), ["main.cap.hcl", "p"]);
}

#[test]
fn a_saved_plan_makes_a_store_only_where_there_was_none_to_plan_against() {
    let place = Place::quickstart();
    place.expect("plan -out=fresh.plan", 0);
    place.expect("apply fresh.plan", 0).says("7 added");
    place.expect("plan -detailed-exitcode", 0);
    // The store is not the fresh one any more that the plan was made for.
    place.expect("apply fresh.plan", 1).reports("Saved plan is stale");
    place.expect("plan -destroy -out=all.plan", 0);
    let elsewhere = Place::new();
    elsewhere.write("all.plan", std::fs::read(place.path().join("all.plan")).expect("the plan"));
    elsewhere.expect("apply all.plan", 1).reports("There is no store at .cap/state.db");
    assert_eq!(files(&elsewhere), ["all.plan"]);
}

#[test]
fn a_plan_that_an_earlier_version_saved_is_refused() {
    let place = Place::new();
    place.write("old.plan", include_bytes!("../../fixtures/plans/format_1.json"));
    for line in ["apply old.plan", "show old.plan"] {
        place.expect(line, 1).reports("CAP0407").reports("format 1.0").reports("make the plan again with this version");
    }
    assert_eq!(files(&place), ["old.plan"]);
}

#[test]
fn secrets_of_a_plan_without_a_store_are_known_again_afterwards() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        "variable \"token\" {\n  sensitive = true\n}\nmember \"robot\" {\n  email = \"r@example.com\"\n  token = var.token\n}\n",
    );
    place.expect("plan -out=p -var token=marked", 0);
    place.expect("apply p", 1).reports("give it again").reports("member.robot");
    place.expect("apply -var token=marked p", 0).says("1 added");
    place.expect("plan -detailed-exitcode -var token=marked", 0);
    place.expect("plan -detailed-exitcode -var token=other", 2).says("another secret");
    assert!(!place.read("p").contains("marked"));
}

#[test]
fn values_that_a_saved_plan_has_already_cannot_be_set_again() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        "variable \"host\" {\n  default = \"a\"\n}\nmember \"m\" {\n  email = \"${var.host}@example.com\"\n}\n",
    );
    place.expect("plan -out=p -var host=b", 0);
    place.write("other.capvars", "host = \"c\"\n");
    for line in ["apply -var host=c p", "apply -var-file=other.capvars p", "apply -var nothing=1 p"] {
        place.expect(line, 1).reports("Can't set variables when applying a saved plan");
    }
    place.expect("apply -var host=b p", 0).says("1 added");
    place.expect("state show member.m", 0).says("b@example.com");
}

#[test]
fn a_list_beside_a_saved_plan_has_to_be_the_plan_s() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        "variable \"hosts\" {\n  type = map(object({ port = number, user = optional(string, \"deploy\") }))\n}\nmember \"m\" {\n  for_each = var.hosts\n  email    = \"${each.value.user}${each.value.port}@example.com\"\n}\n",
    );
    place.write("given.capvars", "hosts = {\n  a = { port = \"443\" }\n}\n");
    place.expect("plan -out=p -var-file=given.capvars", 0);
    for other in ["{\n  a = { port = 444 }\n}", "{}"] {
        place.write("other.capvars", format!("hosts = {other}\n"));
        place.expect("apply -var-file=other.capvars p", 1).reports("cannot set hosts");
    }
    place.expect("apply -var-file=given.capvars p", 0).says("1 added");
}

#[test]
fn drift_alone_is_not_called_no_changes() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    place.expect("plan -refresh-only", 0).says("No changes. Your estate still matches the configuration.");
    std::fs::remove_dir_all(place.path().join("out/www")).expect("the slot");
    let drift = place.expect("plan -refresh-only", 0);
    lacks(drift.says("Objects have changed outside of cap").says("This is a refresh-only plan"), "No changes.");
}

#[test]
fn a_part_of_a_plan_is_not_summed_up() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let text = place.read("main.cap.hcl");
    place.write(
        "main.cap.hcl",
        text.replace("certificate \"www\" {", "certificate \"www\" {\n  lifecycle {\n    prevent_destroy = true\n  }"),
    );
    let part = place.expect("plan -destroy", 1);
    lacks(part.says("but then encountered a problem").reports("CAP0402"), "Plan:");
    let lines = place.expect("plan -destroy -json", 1).json_lines();
    assert!(lines.iter().all(|line| line["type"] != "change_summary"));
}

#[test]
fn outputs_show_what_they_were_and_what_they_become() {
    let place = Place::quickstart();
    let text = place.read("main.cap.hcl") + "output \"name\" {\n  value = certificate.www.common_name\n}\n";
    place.write("main.cap.hcl", &text);
    place.expect("plan", 0).says("+ expires = (known after apply)").says("+ name    = \"www.example.test\"");
    place.expect("apply -auto-approve", 0);
    let again = place.expect("plan -replace=certificate.www", 0);
    lacks(again.says("~ expires = \"20").says("Z\" -> (known after apply)"), "~ name");
    place.write("main.cap.hcl", text.replace("value = certificate.www.common_name", "value = \"other\""));
    let only = place.expect("plan -detailed-exitcode", 2);
    only.says("~ name = \"www.example.test\" -> \"other\"").says("without changing anything else");
    lacks(&only, "Plan:");
    place.expect("apply -auto-approve", 0).says("name = \"other\"");
    let destroyed = place.expect("destroy -auto-approve -target=certificate.www", 0);
    destroyed.says("- expires = \"20").says("-> null");
    lacks(&destroyed, "(unknown:");
    assert_eq!(place.expect("output", 0).out, "name = \"other\"\n");
}

#[test]
fn what_is_there_is_destroyed_without_its_files() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    std::fs::remove_file(place.path().join("main.cap.hcl")).expect("the configuration");
    place.expect("plan", 1).reports("CAP0702");
    place.expect("plan -destroy -target=certificate.www", 0).says("2 to destroy");
    place.expect("destroy -auto-approve", 0).says("Destroy complete! Resources: 7 destroyed.");
    assert!(!place.path().join("out/www/current").exists());
    let empty = Place::new();
    empty.expect("destroy -auto-approve", 1).reports("CAP0702").reports("-store");
    assert_eq!(files(&empty), [""; 0]);
}

#[test]
fn a_saved_plan_tells_programs_what_stands_around_its_changes() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let text = place.read("main.cap.hcl") + "variable \"token\" {\n  sensitive = true\n  default = \"marked\"\n}\n";
    place.write("main.cap.hcl", text.replace("alice@example.test", "a@example.test"));
    place.expect("plan -out=p", 0).says("0 to add, 1 to change");
    let plan = place.expect("show -json p", 0).json();
    assert!(!plan.to_string().contains("marked"));
    let actions = |of: &str| {
        let changes = plan["resource_changes"].as_array().expect("changes");
        changes.iter().filter(|one| one["change"]["actions"] == json!([of])).count()
    };
    assert_eq!((actions("update"), actions("no-op")), (1, 6));
    let email = |values: &serde_json::Value| {
        let all = values["root_module"]["resources"].as_array().expect("resources");
        assert_eq!(all.len(), 7);
        let alice = all.iter().find(|one| one["type"] == "member").expect("the member");
        alice["values"]["email"].clone()
    };
    assert_eq!(email(&plan["prior_state"]["values"]), "alice@example.test");
    assert_eq!(email(&plan["planned_values"]), "a@example.test");
    assert!(plan["planned_values"]["outputs"]["expires"]["value"].is_string());
    assert_eq!(plan["variables"]["token"], json!({"sensitive": true}));
    let resources = plan["configuration"]["root_module"]["resources"].as_array().expect("blocks");
    assert!(resources.iter().any(|one| one["address"] == "certificate.www"));
}

#[test]
fn a_run_that_fails_still_says_how_much_was_done() {
    let place = Place::quickstart();
    let text = place.read("main.cap.hcl");
    let failing =
        text.replace("layout    = \"versioned\"\n  }", "layout    = \"versioned\"\n  }\n  reload = [\"false\"]");
    assert_ne!(text, failing);
    place.write("main.cap.hcl", failing);
    let lines = place.expect("apply -auto-approve -json", 1).json_lines();
    assert!(lines.iter().any(|line| line["type"] == "apply_errored"));
    let summary = lines.iter().rev().find(|line| line["type"] == "change_summary").expect("a summary");
    assert_eq!((&summary["changes"]["operation"], &summary["changes"]["add"]), (&json!("apply"), &json!(6)));
    assert!(summary["@message"].as_str().expect("a text").contains("1 failed"));
}

#[test]
fn the_deepest_value_that_is_allowed_is_read_again_wherever_it_is_written() {
    let place = Place::new();
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let text = json!({
        "variable": { "v": { "default": serde_json::from_str::<serde_json::Value>(&nested(100)).expect("JSON") } },
        "output": { "o": { "value": "${var.v}" } },
    });
    place.write("main.cap.json", text.to_string());
    place.expect("plan -out=p", 0);
    place.expect("show p", 0);
    place.expect("apply p", 0);
    place.expect("plan -detailed-exitcode", 0);
    place.expect("output -json", 0);
    place.write("main.cap.json", text.to_string().replace(&nested(100), &nested(101)));
    place.expect("plan", 1).reports("nested deeper than 100 levels");
}

#[test]
fn what_modules_hand_on_is_bounded_where_it_is_shown() {
    let place = Place::new();
    let nested = |inner: &str| format!("{}{inner}{}", "[".repeat(60), "]".repeat(60));
    let calls = |module: &str| format!("module \"m\" {{\n  source = \"./{module}\"\n}}\n");
    let hands_on = |value: &str| format!("output \"o\" {{\n  value = {}\n}}\n", nested(value));
    place.write("one/two/main.cap.hcl", hands_on("1"));
    place.write("one/main.cap.hcl", calls("two") + &hands_on("module.m"));
    place.write("main.cap.hcl", calls("one") + "output \"o\" {\n  value = module.m\n}\n");
    place.expect("apply -auto-approve", 1).reports("nested deeper than 100 levels");
    place.write("main.cap.hcl", calls("one/two") + "output \"o\" {\n  value = module.m\n}\n");
    place.expect("apply -auto-approve", 0);
    place.expect("plan -detailed-exitcode", 0);
}
