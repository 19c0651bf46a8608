//! The whole way: apply, plan again, change, saved plans, destroy.

use std::process::Command;

use super::{Place, Ran};

const NO_CHANGES: &str = "No changes. Your estate matches the configuration.";

/// The files of a deployment's slot.
fn served(place: &Place) -> (String, String) {
    let current = "out/www/current";
    (place.read(&format!("{current}/fullchain.pem")), place.read(&format!("{current}/privkey.pem")))
}

#[test]
fn a_crash_leaves_no_core_with_keys_in_it() {
    let place = Place::quickstart();
    let seen = place.path().join("limit");
    let reload =
        format!("layout    = \"versioned\"\n  }}\n  reload = [\"sh\", \"-c\", \"ulimit -Sc > {}\"]", seen.display());
    let text = place.read("main.cap.hcl").replace("layout    = \"versioned\"\n  }", &reload);
    place.write("main.cap.hcl", text);
    let mut command = Command::new("sh");
    let line = format!("ulimit -Sc $(ulimit -Hc) && exec {} apply -auto-approve", env!("CARGO_BIN_EXE_cap"));
    command.args(["-c", &line]).current_dir(place.path()).env_clear().env("HOME", place.path());
    let ran = Ran::of(command.env("PATH", "/usr/bin:/bin").output().expect("a shell"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(place.read("limit").trim(), "0");
}

#[test]
fn the_quickstart_is_applied_verified_and_planned_again_without_changes() {
    let place = Place::quickstart();
    place.expect("plan -detailed-exitcode", 2).says("Plan: 7 to add, 0 to change, 0 to destroy.");
    let applied = place.expect("apply -auto-approve", 0);
    applied.says("Apply complete! Resources: 7 added, 0 changed, 0 destroyed.");
    applied.says("certificate.www: Creating...").says("certificate.www@file_target.local: Creation complete after");
    applied.says("expires = \"20");
    let (chain, key) = served(&place);
    assert!(chain.starts_with("-----BEGIN CERTIFICATE-----") && key.starts_with("-----BEGIN PRIVATE KEY-----"));
    place.expect("plan -detailed-exitcode", 0).says(NO_CHANGES);
    place.expect("apply -auto-approve", 0).says(NO_CHANGES);
    assert_eq!(served(&place), (chain, key), "applying again issues nothing again");
    place.expect("timeline verify", 0);
    place.expect("timeline certificate.www", 0).says("issued");
    place.expect("jobs list", 0).says("succeeded");
}

#[test]
fn a_directory_is_named_from_anywhere() {
    let place = Place::new();
    let text = Place::quickstart().read("main.cap.hcl");
    place.write("estate/main.cap.hcl", text);
    place.expect("apply -auto-approve estate", 0).says("Apply complete!");
    assert!(place.path().join("estate/.cap/state.db").exists());
    place.expect("-chdir=estate state list", 0).says("certificate.www@file_target.local");
}

#[test]
fn a_saved_plan_applies_with_the_configuration_deleted() {
    let place = Place::quickstart();
    place.expect("plan -out=the.plan", 0).says("Saved the plan to: the.plan").says("cap apply \"the.plan\"");
    std::fs::remove_file(place.path().join("main.cap.hcl")).expect("the configuration");
    place.expect("show the.plan", 0).says("Plan: 7 to add, 0 to change, 0 to destroy.");
    place.expect("apply the.plan", 0).says("Apply complete! Resources: 7 added, 0 changed, 0 destroyed.");
    let again = place.expect("apply the.plan", 1);
    again
        .reports("Saved plan is stale")
        .reports("the state was changed by another operation after the plan was created");
    again.reports("certificate.www");
}

#[test]
fn a_plan_is_stale_only_when_one_of_its_resources_changed() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let text = place.read("main.cap.hcl");
    place.write("main.cap.hcl", text.clone() + "\nproject \"other\" {}\n");
    // With a second project, everything has to name its own.
    let single = text.replace("project \"demo\" {}", "project \"demo\" {\n  description = \"first\"\n}");
    place.write("main.cap.hcl", &single);
    place.expect("plan -out=project.plan", 0).says("Plan: 0 to add, 1 to change, 0 to destroy.");
    place.write("main.cap.hcl", text.replace("alice@example.test", "a@example.test"));
    place.expect("apply -auto-approve", 0).says("0 added, 1 changed, 0 destroyed");
    place.expect("apply project.plan", 0).says("0 added, 1 changed, 0 destroyed");
    place.expect("apply project.plan", 1).reports("project.demo");
}

#[test]
fn a_saved_plan_leaves_the_outputs_alone_that_it_does_not_change() {
    let place = Place::new();
    let estate = |email: &str, outputs: &[(&str, &str)]| {
        let outputs = outputs.iter().map(|(name, value)| format!("output \"{name}\" {{\n  value = \"{value}\"\n}}\n"));
        place.write(
            "main.cap.hcl",
            format!("member \"m\" {{\n  email = \"{email}\"\n}}\n") + &outputs.collect::<String>(),
        );
    };
    estate("a@example.test", &[("same", "1"), ("changes", "1"), ("goes", "1")]);
    place.expect("apply -auto-approve", 0);
    estate("b@example.test", &[("same", "1"), ("changes", "2"), ("new", "1")]);
    place.expect("plan -out=saved", 0);
    estate("a@example.test", &[("same", "2"), ("changes", "1"), ("goes", "1"), ("more", "1")]);
    place.expect("apply -auto-approve", 0);
    place.expect("apply saved", 0);
    let outputs = place.expect("output -json", 0).json();
    let outputs = outputs.as_object().expect("an object").iter();
    let outputs: Vec<(&str, &str)> =
        outputs.map(|(name, output)| (name.as_str(), output["value"].as_str().expect("a text"))).collect();
    assert_eq!(outputs, [("changes", "2"), ("more", "1"), ("new", "1"), ("same", "2")]);
}

#[test]
fn what_leaves_the_configuration_is_destroyed_and_so_is_everything_on_demand() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let plan = place.expect("plan -destroy -detailed-exitcode", 2);
    plan.says("Plan: 0 to add, 0 to change, 7 to destroy.");
    let destroyed = place.expect("destroy -auto-approve", 0);
    destroyed.says("Destroy complete! Resources: 7 destroyed.");
    assert!(!place.path().join("out/www/current").exists(), "the slot is empty");
    let store = rusqlite::Connection::open(place.path().join(".cap/state.db")).expect("a database");
    let left = "SELECT count(*) FROM sealed WHERE name LIKE 'key/private_ca%' OR name LIKE 'key/certificate%'";
    let left: u32 = store.query_row(left, [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 0, "keys are left in the vault");
    place.expect("destroy -auto-approve", 0).says("No changes. No objects need to be destroyed.");
    assert_eq!(place.expect("state list", 0).out, "");
}

#[test]
fn drift_is_seen_and_put_right() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let (chain, _) = served(&place);
    std::fs::remove_dir_all(place.path().join("out/www")).expect("the slot");
    let drift = place.expect("plan -refresh-only -detailed-exitcode", 2);
    drift.says("Objects have changed outside of cap").says("certificate.www@file_target.local");
    place.expect("plan -refresh=false -detailed-exitcode", 0).says(NO_CHANGES);
    place.expect("apply -auto-approve", 0).says("0 added, 1 changed, 0 destroyed");
    assert_eq!(served(&place).0, chain, "the same version is put back");
}

#[test]
fn only_what_is_aimed_at_is_planned() {
    let place = Place::quickstart();
    let planned = place.expect("plan -target=private_ca.house", 0);
    planned.says("private_ca.house will be created").reports("Resource targeting is in effect");
    assert!(!planned.out.contains("certificate.www will be created"));
    let planned = place.expect("plan -exclude=certificate.*", 0);
    assert!(!planned.out.contains("certificate.www"), "{}", planned.out);
    place.expect("plan -target=private_ca.hause", 1).reports("did you mean private_ca.house?");
    place.expect("apply -auto-approve", 0);
    let again = place.expect("plan -replace=certificate.www", 0);
    again.says("certificate.www will be");
}

#[test]
fn the_timeline_is_whole_while_an_apply_writes_it() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    let more = "\ncertificate \"more\" {\n  count = 60\n  issuer = private_ca.house\n  common_name = \"c${count.index}.example.test\"\n  targets = [file_target.local]\n}\n";
    place.write("main.cap.hcl", place.read("main.cap.hcl") + more);
    let mut command = place.command("apply -auto-approve");
    let mut apply = command.stdout(std::process::Stdio::null()).spawn().expect("cap runs");
    let mut looks = 0;
    let ended = loop {
        place.expect("timeline verify", 0).says("are whole");
        place.expect("timeline certificate.www", 0);
        looks += 1;
        if let Some(ended) = apply.try_wait().expect("its end") {
            break ended;
        }
    };
    assert!(ended.success() && looks > 1, "{ended} after {looks} looks");
}
