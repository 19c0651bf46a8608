//! The main job over the store for teams: the same estate, the same answers.

use crate::cli::Place;
use crate::conformance::store::mongodb::fresh_url;

#[test]
fn the_quickstart_runs_over_mongodb() {
    let Some(url) = fresh_url() else { return };
    let place = Place::quickstart();
    let run = |line: &str, code: i32| place.expect(&format!("{line} -store={url}"), code);
    run("plan -detailed-exitcode", 2).says("Plan: 7 to add, 0 to change, 0 to destroy.");
    run("apply -auto-approve", 0).says("Apply complete! Resources: 7 added, 0 changed, 0 destroyed.");
    let chain = place.read("out/www/current/fullchain.pem");
    run("plan -detailed-exitcode", 0).says("No changes.");
    run("apply -auto-approve -replace=certificate.www", 0).says("Apply complete!");
    assert_ne!(place.read("out/www/current/fullchain.pem"), chain, "it was renewed");
    run("timeline verify", 0);
    run("timeline certificate.www", 0).says("issued");
    run("jobs list", 0).says("succeeded");
    run("output -raw expires", 0).says("20");
    assert!(!place.path().join(".cap/state.db").exists(), "no store is made beside it");
    run("destroy -auto-approve", 0).says("Destroy complete! Resources: 7 destroyed.");
    run("plan -detailed-exitcode", 2).says("Plan: 7 to add, 0 to change, 0 to destroy.");
}
