//! Moves that are written, and those that nobody has to write.

use super::Place;

fn member(arguments: &str) -> String {
    format!("member \"a\" {{\n{arguments}  email = \"a@example.com\"\n}}\n")
}

fn applied(text: &str) -> Place {
    let place = Place::new();
    place.write("main.cap.hcl", text);
    place.expect("apply -auto-approve", 0);
    place
}

#[test]
fn a_block_that_gets_or_loses_count_keeps_its_first_instance() {
    let place = applied(&member(""));
    place.write("main.cap.hcl", member("  count = 2\n"));
    let plan = place.expect("plan", 0);
    plan.says("# member.a has moved to member.a[0]").says("# member.a[1] will be created");
    plan.says("Plan: 1 to add, 0 to change, 0 to destroy.");
    place.expect("apply -auto-approve", 0);
    place.expect("plan -detailed-exitcode", 0);
    place.write("main.cap.hcl", member(""));
    let plan = place.expect("plan", 0);
    plan.says("# member.a[0] has moved to member.a").says("# member.a[1] will be destroyed");
    plan.says("Plan: 0 to add, 0 to change, 1 to destroy.");
}

#[test]
fn other_repetitions_and_written_moves_are_not_second_guessed() {
    let place = applied(&member(""));
    place.write("main.cap.hcl", member("  for_each = toset([\"x\"])\n"));
    place.expect("plan", 0).says("Plan: 1 to add, 0 to change, 1 to destroy.");
    let moved = "moved {\n  from = member.a\n  to   = member.a[1]\n}\n";
    place.write("main.cap.hcl", member("  count = 2\n") + moved);
    place.expect("plan", 0).says("# member.a has moved to member.a[1]").says("# member.a[0] will be created");
}

#[test]
fn objects_move_into_instances_of_modules() {
    let place = applied(&member(""));
    place.write("m/main.cap.hcl", member(""));
    let text = "module \"m\" {\n  source   = \"./m\"\n  for_each = toset([\"k\"])\n}\n";
    let moved = "moved {\n  from = member.a\n  to   = module.m[\"k\"].member.a\n}\n";
    place.write("main.cap.hcl", format!("{text}{moved}"));
    let plan = place.expect("plan", 0);
    plan.says("# member.a has moved to module.m[\"k\"].member.a");
    plan.says("Plan: 0 to add, 0 to change, 0 to destroy.");
    place.expect("apply -auto-approve", 0);
    place.write("main.cap.hcl", text);
    place.expect("plan -detailed-exitcode", 0);
}

#[test]
fn one_block_moves_many_and_a_module_gets_its_instances() {
    let both =
        |name: &str| format!("member \"{name}\" {{\n  for_each = toset([\"x\", \"y\"])\n  email = \"a@b.cd\"\n}}\n");
    let place = applied(&both("old"));
    let moved =
        "moved {\n  for_each = toset([\"x\", \"y\"])\n  from = member.old[each.key]\n  to = member.new[each.key]\n}\n";
    place.write("main.cap.hcl", both("new") + moved);
    let plan = place.expect("plan", 0);
    plan.says("# member.old[\"x\"] has moved to member.new[\"x\"]").says("Plan: 0 to add, 0 to change, 0 to destroy.");

    let call = |arguments: &str| format!("module \"m\" {{\n  source = \"./m\"\n{arguments}}}\n");
    let place = Place::new();
    place.write("m/main.cap.hcl", member(""));
    place.write("main.cap.hcl", call(""));
    place.expect("apply -auto-approve", 0);
    // As in Terraform a module that gets count is another one, unless a move says which instance it is.
    place.write("main.cap.hcl", call("  count = 2\n"));
    place.expect("plan", 0).says("Plan: 2 to add, 0 to change, 1 to destroy.");
    place.write("main.cap.hcl", call("  count = 2\n") + "moved {\n  from = module.m\n  to = module.m[1]\n}\n");
    let plan = place.expect("plan", 0);
    plan.says("# module.m.member.a has moved to module.m[1].member.a")
        .says("Plan: 1 to add, 0 to change, 0 to destroy.");
}

#[test]
fn what_is_not_enabled_goes_and_says_why() {
    let member = |enabled: bool| {
        format!("member \"a\" {{\n  email = \"a@b.cd\"\n  lifecycle {{\n    enabled = {enabled}\n  }}\n}}\n")
    };
    let place = applied(&member(true));
    place.write("main.cap.hcl", member(false));
    let plan = place.expect("plan -out=saved.plan", 0);
    plan.says("# (because its block is not enabled)").says("Plan: 0 to add, 0 to change, 1 to destroy.");
    let shown = place.expect("show -json saved.plan", 0).json();
    assert_eq!(shown["resource_changes"][0]["action_reason"], "delete_because_enabled_false");
    place.expect("apply -auto-approve", 0);
    place.expect("plan -detailed-exitcode", 0);
}

#[test]
fn what_is_not_to_be_destroyed_is_forgotten_even_when_its_block_is_gone() {
    let place = Place::quickstart();
    let kept = "\n  lifecycle {\n    destroy = false\n  }\n}\n";
    let text = place.read("main.cap.hcl");
    let at = text.find("certificate \"www\"").expect("the certificate");
    let end = at + text[at..].find("\n}\n").expect("its end");
    let with = format!("{}{kept}{}", &text[..end], &text[end + 3..]);
    place.expect("apply -auto-approve", 0);
    place.write("main.cap.hcl", &with);
    place.expect("apply -auto-approve", 0).says("0 added, 1 changed");
    place.expect("plan -detailed-exitcode", 0);
    let plan = place.expect("plan -destroy", 0);
    plan.says("# certificate.www will be removed from the store but will not be destroyed");
    plan.says("# certificate.www@file_target.local will be removed from the store but will not be destroyed");
    // The block is gone, and with it what reads it.
    let rest = text[end + 3..].replace("certificate.www.not_after", "1");
    place.write("main.cap.hcl", format!("{}{rest}", &text[..at]));
    place.expect("apply -auto-approve", 0).says("0 destroyed, 2 forgotten");
    assert!(place.read("out/www/current/fullchain.pem").contains("BEGIN CERTIFICATE"), "it stays where it is");
}

/// A certificate of that name, with that lifecycle, on a target of that name below a directory.
fn deployed(certificate: &str, lifecycle: &str, target: &str, below: &str) -> String {
    format!(
        "project \"demo\" {{}}\n\nprivate_ca \"house\" {{\n  common_name = \"Root\"\n}}\n\nfile_target \"{target}\" {{\n  files {{\n    directory = \"{below}/${{certificate.name}}\"\n  }}\n}}\n\ncertificate \"{certificate}\" {{\n  issuer      = private_ca.house\n  common_name = \"www.example.test\"\n  targets     = [file_target.{target}]\n  {lifecycle}\n}}\n"
    )
}

#[test]
fn a_deployment_that_moves_leaves_what_is_not_to_be_destroyed() {
    let keeps = "lifecycle {\n    destroy = false\n  }";
    let of_certificate = "moved {\n  from = certificate.a\n  to   = certificate.b\n}\n";
    let of_target = "moved {\n  from = file_target.t\n  to   = file_target.u\n}\n";
    // (lifecycle before, lifecycle afterwards, what moves, the places before and afterwards, whether the old one stays)
    for (before, after, moved, names, stays) in [
        ("", "", of_certificate, ("b", "t", "out", "out/b"), false),
        (keeps, keeps, of_certificate, ("b", "t", "out", "out/b"), true),
        ("", keeps, of_certificate, ("b", "t", "out", "out/b"), true),
        (keeps, keeps, of_target, ("a", "u", "new", "new/a"), true),
        (keeps, keeps, "", ("a", "t", "new", "new/a"), true),
    ] {
        let (certificate, target, below, place_after) = names;
        let place = applied(&deployed("a", before, "t", "out"));
        let there = |path: &str| place.path().join(path).read_dir().is_ok_and(|mut files| files.next().is_some());
        assert!(there("out/a"));
        place.write("main.cap.hcl", deployed(certificate, after, target, below) + moved);
        let plan = place.expect("plan", 0);
        let said = plan.out.contains("what lies in the place it leaves stays there");
        assert_eq!(said, stays, "{}", plan.out);
        plan.says(if stays { "0 to destroy, 1 to forget." } else { "1 to destroy." });
        place.expect("apply -auto-approve", 0).says(if stays { "0 destroyed, 1 forgotten" } else { "1 destroyed" });
        assert_eq!((there("out/a"), there(place_after)), (stays, true), "{names:?} {moved}");
        place.expect("plan -detailed-exitcode", 0);
    }
}

#[test]
fn outputs_follow_what_moves_where_it_is_asked_for_alone() {
    let files = |arguments: &str, address: &str| {
        let output = format!("\noutput \"until\" {{\n  value = {address}.not_after\n}}\n");
        deployed("a", arguments, "t", "out") + &output
    };
    let place = applied(&files("", "certificate.a"));
    let until = place.expect("output -raw until", 0).out;
    place.write("main.cap.hcl", files("count = 1", "certificate.a[0]"));
    let planned = place.expect("plan -out=p -target=certificate.a[0]", 0);
    planned.says("# certificate.a has moved to certificate.a[0]");
    assert!(!planned.out.contains("Changes to Outputs"), "{}", planned.out);
    place.expect("apply p", 0);
    assert_eq!(place.expect("output -raw until", 0).out, until);
    place.expect("plan -detailed-exitcode", 0);
}
