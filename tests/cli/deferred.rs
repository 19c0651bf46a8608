//! Plans around jobs that have not come to their end: what they hold up is set apart, and the rest is planned and applied.

use serde_json::{Value as Json, json};

use super::interrupted::{interrupted, slow};
use super::{Place, schemas};

/// What the files say besides, once an apply was interrupted while it deployed.
const MORE: &str = r#"
member "bob" {
  email = "bob@example.test"
}

output "name" {
  value = certificate.www.common_name
}
"#;

/// Of these the last two are what jobs work on.
const DEFERRED: [&str; 3] =
    ["certificate.later", "certificate.later@file_target.local", "certificate.www@file_target.local"];

/// A place in which the jobs of both deployments are left.
fn unfinished() -> Place {
    let place = slow();
    interrupted(&place, "apply -auto-approve -parallelism=1");
    place
}

fn texts<'j>(list: &'j Json, pointer: &str) -> Vec<&'j str> {
    let list = list.as_array().expect("a list");
    list.iter().filter_map(|one| one.pointer(pointer)?.as_str()).collect()
}

#[test]
fn what_a_job_holds_up_is_set_apart_and_the_rest_is_planned() {
    let place = unfinished();
    let files = place.read("main.cap.hcl");
    let (kept, _) = files.split_once("certificate \"later\"").expect("its block is the last");
    place.write("main.cap.hcl", kept.to_owned() + MORE);
    let planned = place.expect("plan -out=p -detailed-exitcode", 2);
    planned.says("This is a partial plan.").says("Plan: 1 to add, 0 to change, 0 to destroy.");
    planned.says("# member.bob will be created").reports("Warning: A job is still working on it");
    planned
        .reports("hold up 3 objects, which are left")
        .reports("certificate.later (after certificate.later@file_target.local, job ");
    planned.reports("cap jobs resume").reports("cap jobs cancel");
    assert!(!planned.out.contains("Changes to Outputs"), "{}", planned.out);

    let shown = place.expect("show -json p", 0).json();
    schemas::check(&schemas::schema("plan"), &shown, "plan");
    assert_eq!((&shown["complete"], &shown["applyable"]), (&json!(false), &json!(true)));
    assert_eq!(texts(&shown["deferred_changes"], "/resource_change/address"), DEFERRED);
    let reasons = texts(&shown["deferred_changes"], "/reason");
    assert_eq!(reasons, ["deferred_prereq", "unfinished_job", "unfinished_job"]);
    let changes = texts(&shown["resource_changes"], "/address");
    assert!(changes.contains(&"member.bob") && !changes.iter().any(|one| DEFERRED.contains(one)), "{changes:?}");
    let prior = texts(&shown["prior_state"]["values"]["root_module"]["resources"], "/address");
    assert!(prior.contains(&"certificate.later"), "{prior:?}");

    let applied = place.expect("apply p", 0);
    applied.says("Apply complete! Resources: 1 added, 0 changed, 0 destroyed. 3 deferred.");
    assert!(place.expect("output -json", 0).json().get("name").is_none(), "outputs stay as they are");
    place.expect("jobs resume", 0);
    place.expect("apply -auto-approve", 0).says("0 added, 0 changed, 2 destroyed.").says("name");
    place.expect("plan -detailed-exitcode", 0);
}

#[test]
fn only_what_is_deferred_is_no_proof_that_nothing_changes() {
    let place = unfinished();
    let planned = place.expect("plan -detailed-exitcode", 2);
    planned.says("No changes now.");
    assert!(!planned.out.contains("No changes.") && !planned.out.contains("Plan:"), "{}", planned.out);
    place.expect("plan", 0);
    place.expect("-exit-codes=extended plan -refresh-only -detailed-exitcode", 0);
    let lines = place.expect("plan -json", 0).json_lines();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    let deferred = of("deferred_change");
    let named: Vec<&Json> = deferred.iter().map(|line| &line["change"]["resource"]["addr"]).collect();
    assert_eq!(named, DEFERRED[1..], "{lines:?}");
    assert!(
        deferred.iter().all(|line| line["change"]["action"] == "create" && line["job"].is_string()),
        "{deferred:?}"
    );
    let warnings = of("diagnostic");
    assert!(warnings.len() == 1 && warnings[0]["@level"] == "warn", "{warnings:?}");

    let busy = DEFERRED[1];
    for refused in [format!("plan -target={busy}"), format!("plan -replace={busy}"), "plan -destroy".to_owned()] {
        let refused = place.expect(&refused, 1);
        refused.reports("Error: A job is still working on it");
        assert!(!refused.err.contains("Warning: A job"), "it is said once\n{}", refused.err);
    }
    place.expect("jobs resume", 0);
    place.expect("plan -detailed-exitcode", 0);
}

/// The jobs of that place wait, longer than anybody will.
fn waiting() -> Place {
    let place = unfinished();
    let store = rusqlite::Connection::open(place.path().join(".cap/state.db")).expect("a database");
    let waits = json!({ "is": "waiting", "until": "2099-01-01T00:00:00Z", "why": "the host is shut" }).to_string();
    let sql = "UPDATE jobs SET body = json_set(body, '$.status', json(?1)) WHERE final = 0";
    assert_eq!(store.execute(sql, [waits]).expect("it is written"), 2);
    place
}

#[test]
fn outputs_follow_what_moves_around_a_job() {
    let place = slow();
    let with = |name: &str| {
        format!(
            "member \"{name}\" {{\n  email = \"b@example.test\"\n}}\n\noutput \"who\" {{\n  value = member.{name}\n}}\n"
        )
    };
    let files = place.read("main.cap.hcl");
    place.write("main.cap.hcl", files.clone() + &with("bob"));
    interrupted(&place, "apply -auto-approve -parallelism=1");
    assert_eq!(place.expect("output -raw who", 0).out, "member.bob");
    let moved = "moved {\n  from = member.bob\n  to   = member.robert\n}\n";
    place.write("main.cap.hcl", files + &with("robert") + moved);
    let planned = place.expect("plan -out=p", 0);
    planned.says("# member.bob has moved to member.robert").says("This is a partial plan.");
    assert!(!planned.out.contains("Changes to Outputs"), "{}", planned.out);
    place.expect("apply p", 0);
    assert_eq!(place.expect("output -raw who", 0).out, "member.robert");
}

#[test]
fn what_would_move_is_where_it_was_meanwhile() {
    let place = unfinished();
    let moved = "moved {\n  from = file_target.local\n  to   = file_target.disk\n}\n";
    let files = place.read("main.cap.hcl").replace("\"local\"", "\"disk\"").replace(".local]", ".disk]");
    place.write("main.cap.hcl", files + moved);
    place.expect("plan -out=p", 0).reports("file_target.disk (from file_target.local, after ");
    let shown = place.expect("show -json p", 0).json();
    schemas::check(&schemas::schema("plan"), &shown, "plan");
    let deferred = shown["deferred_changes"].as_array().expect("a list");
    let target = deferred.iter().find(|one| one["resource_change"]["address"] == "file_target.disk");
    assert_eq!(target.expect("it waits")["resource_change"]["previous_address"], "file_target.local");
    for values in [&shown["prior_state"]["values"], &shown["planned_values"]] {
        let named = texts(&values["root_module"]["resources"], "/address");
        assert!(named.contains(&"file_target.local") && !named.contains(&"file_target.disk"), "{named:?}");
    }
    let lines = place.expect("plan -json", 0).json_lines();
    let told = lines.iter().find(|line| line["change"]["resource"]["addr"] == "file_target.disk");
    assert_eq!(told.expect("it is told")["change"]["previous_resource"]["addr"], "file_target.local");
}

#[test]
fn a_plan_that_goes_around_a_job_goes_on_where_it_was_interrupted() {
    let place = waiting();
    let more = "certificate \"more\" {\n  issuer = private_ca.house\n  common_name = \"more.example.test\"\n  targets = [file_target.local]\n}\n";
    place.write("main.cap.hcl", place.read("main.cap.hcl") + more);
    place.expect("plan -out=p", 0);
    interrupted(&place, "apply -parallelism=1 p");
    let resumed = place.expect("apply p", 0);
    resumed.says("The plan goes on where it was interrupted.").says("2 jobs of an earlier run are left alone");
    resumed.says("Apply complete! Resources: 2 added, 0 changed, 0 destroyed. 2 deferred.");
    place.expect("apply p", 1).reports("CAP0408");
}

#[test]
fn an_apply_goes_around_a_job_that_waits_and_does_not_hide_it() {
    let place = waiting();
    place.write("main.cap.hcl", place.read("main.cap.hcl") + MORE);
    let applied = place.expect("-exit-codes=extended apply -auto-approve", 8);
    applied.says("2 jobs still wait; this apply goes on without them.").says("# member.bob will be created");
    applied.says("Apply incomplete: 1 added, 0 changed, 0 destroyed. 2 deferred.");
    assert!(!applied.out.contains("Apply complete!") && !applied.out.contains("Outputs:"), "{}", applied.out);
    applied.reports("CAP0602").reports("the host is shut");
    // There is nothing else to do now, and the next one says it again.
    place.expect("-exit-codes=extended apply -auto-approve", 8).says("2 deferred.").reports("the host is shut");
    let told = place.expect("apply -auto-approve -json", 1).json_lines();
    let of = |kind: &str| told.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    let done = of("change_summary").last().and_then(|line| line["@message"].as_str()).unwrap_or_default();
    assert!(done.starts_with("Apply incomplete: 0 added") && of("outputs").is_empty(), "{told:?}");
    place.expect("apply -refresh-only -auto-approve", 0);
}
