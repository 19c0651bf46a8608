//! Modules: those that are kept here are planned through a small caller, and one is applied.

use super::{Place, Ran};

/// A caller beside copies of all modules.
fn caller(name: &str) -> Place {
    let place = Place::new();
    let root = env!("CARGO_MANIFEST_DIR");
    for entry in std::fs::read_dir(format!("{root}/modules")).expect("the modules").flatten() {
        let module = entry.file_name().into_string().expect("UTF-8");
        let text = std::fs::read(entry.path().join("main.cap.hcl")).expect("a module");
        place.write(&format!("modules/{module}/main.cap.hcl"), text);
    }
    let text = std::fs::read(format!("{root}/fixtures/modules/{name}.cap.hcl")).expect("a caller");
    place.write("main.cap.hcl", text);
    place.write(".ssh/deploy_ed25519", "not a key: plan only fingerprints it");
    place
}

fn run(place: &Place, line: &str) -> Ran {
    Ran::of(place.command(line).env("TSIG_SECRET", "c2VjcmV0").output().expect("cap runs"))
}

#[test]
fn every_module_is_planned_by_its_caller() {
    let planned = [
        ("web-fleet", 9, "module.fleet.certificate.site[\"shop.example.com\"]@module.fleet.ssh_target.host[\"b\"]"),
        ("acme-zones", 8, "module.acme.zone.this[\"example.org\"]"),
        ("private-pki", 4, "module.pki.certificate_policy.issuing"),
        ("multi-environment", 17, "module.environments.certificate.service[\"staging/web\"]"),
    ];
    for (name, count, address) in planned {
        let ran = run(&caller(name), "plan -detailed-exitcode");
        assert_eq!(ran.code, 2, "{name}\n{}{}", ran.out, ran.err);
        ran.says(&format!("Plan: {count} to add, 0 to change, 0 to destroy."));
        ran.says(&format!("# {address} will be created"));
    }
}

#[test]
fn what_a_module_makes_is_applied_moved_and_destroyed() {
    let place = caller("multi-environment");
    run(&place, "apply -auto-approve").says("17 added").says("roots = ").says("BEGIN CERTIFICATE");
    place.expect("plan -detailed-exitcode", 0);
    let text = place.read("main.cap.hcl").replace("module \"environments\"", "module \"all\"");
    let text = text.replace("module.environments", "module.all");
    place.write("main.cap.hcl", format!("{text}\nmoved {{\n  from = module.environments\n  to   = module.all\n}}\n"));
    let moved = place.expect("plan -detailed-exitcode", 2);
    moved.says("Plan: 0 to add, 0 to change, 0 to destroy.").says("has moved to module.all.project.environment");
    place.expect("apply -auto-approve", 0);
    place.expect("plan -detailed-exitcode", 0);
    place.write("main.cap.hcl", "member \"bob\" {\n  email = \"bob@example.com\"\n}\n");
    place.expect("plan", 0).says("16 to destroy").says("because its module is not in configuration");
}

#[test]
fn modules_that_cannot_be_called_are_refused_with_a_remedy() {
    let place = Place::new();
    place.write("main.cap.hcl", "module \"m\" {\n  source = \"example/m\"\n}\n");
    place.expect("validate", 1).reports("names no module").reports("main.cap.hcl");
    place.write("main.cap.hcl", "module \"m\" {\n  source = \"./m\"\n}\n");
    place.write("m/main.cap.hcl", "module \"m\" {\n  source = \"../\"\n}\n");
    place.expect("validate", 1).reports("Modules call each other in a circle");
}
