//! Places that change hands: deployments that move past each other, two that meet in one place unawares, and estates that
//! belong to others than who works on them.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

use super::Place;
use crate::peers::{Outcome, report};

const NO_CHANGES: &str = "No changes. Your estate matches the configuration.";

/// Certificates, each on a target of its own, in these directories and this layout.
fn estate(layout: &str, certificates: &[(&str, &str)]) -> String {
    let ground = "project \"demo\" {}\nprivate_ca \"house\" {\n  common_name = \"House\"\n}\n";
    certificates.iter().fold(ground.to_owned(), |text, (name, directory)| {
        let target = format!("file_target \"{name}\" {{\n  files {{\n    directory = \"{directory}\"\n    layout = \"{layout}\"\n  }}\n}}\n");
        let certificate = format!(
            "certificate \"{name}\" {{\n  issuer = private_ca.house\n  common_name = \"{name}.example.test\"\n  targets = [file_target.{name}]\n}}\n"
        );
        text + &target + &certificate
    })
}

/// The certificate's text in a directory, as its reader finds it.
fn served(place: &Place, layout: &str, directory: &str) -> String {
    let current = if layout == "versioned" { "/current" } else { "" };
    let key = place.read(&format!("{directory}{current}/privkey.pem"));
    assert!(key.contains("PRIVATE KEY"), "{directory} has no key");
    place.read(&format!("{directory}{current}/cert.pem"))
}

#[test]
fn deployments_that_move_past_each_other_keep_their_files() {
    for layout in ["versioned", "plain"] {
        let place = Place::new();
        let apply = |certificates: &[(&str, &str)]| {
            place.write("main.cap.hcl", estate(layout, certificates));
            place.expect("apply -auto-approve", 0).says("Apply complete!");
            place.expect("plan -detailed-exitcode", 0).says(NO_CHANGES);
        };
        apply(&[("a", "x"), ("b", "y"), ("c", "z")]);
        let [a, b, c] = ["x", "y", "z"].map(|directory| served(&place, layout, directory));
        let now = |directories: [&str; 3]| directories.map(|directory| served(&place, layout, directory));
        // A chain, a swap, a circle.
        for directories in [["w", "x", "y"], ["w", "y", "x"], ["y", "x", "w"]] {
            apply(&[("a", directories[0]), ("b", directories[1]), ("c", directories[2])]);
            assert_eq!(now(directories), [a.clone(), b.clone(), c.clone()], "{layout} {directories:?}");
        }
        assert!(!place.path().join("z").exists(), "what nobody took over is cleared");
    }
}

#[test]
fn a_place_that_goes_by_two_names_is_given_to_one_deployment() {
    for layout in ["versioned", "plain"] {
        let place = Place::new();
        std::fs::create_dir(place.path().join("real")).expect("a directory");
        std::os::unix::fs::symlink("real", place.path().join("alias")).expect("a link");
        place.write("main.cap.hcl", estate(layout, &[("a", "real/x")]));
        place.expect("apply -auto-approve", 0);
        let first = served(&place, layout, "real/x");
        place.write("main.cap.hcl", estate(layout, &[("a", "real/x"), ("b", "alias/x")]));
        let refused = place.expect("apply -auto-approve", 1);
        refused.reports("alias/x").reports("holds what certificate.a@file_target.a has put there");
        assert_eq!(served(&place, layout, "real/x"), first, "{layout}: it stays as it is");
        // Under its other name it is the same deployment's still, and it is not removed as its own old place.
        place.write("main.cap.hcl", estate(layout, &[("a", "alias/x")]));
        place.expect("apply -auto-approve", 0);
        assert_eq!(served(&place, layout, "real/x"), first, "{layout}: it is still there");
        place.expect("plan -detailed-exitcode", 0).says(NO_CHANGES);
        place.expect("destroy -auto-approve", 0);
        assert!(!place.path().join("real/x").exists());
    }
}

/// As in a container, where the files are those of somebody outside, or where everybody may write to a build's directory.
#[test]
fn root_works_in_the_estate_of_somebody_else() {
    for (owner, mode) in [(65534, 0o755), (0, 0o777)] {
        let place = Place::quickstart();
        if place.path().metadata().expect("a folder").uid() != 0 {
            report("root", &Outcome::NotRun { why: "the tests do not run as root".to_owned() });
            return;
        }
        let out = place.path().join("out");
        std::fs::create_dir(&out).expect("a folder");
        for path in [place.path(), &out] {
            chown(path, Some(owner), None).expect("as root");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("as root");
        }
        place.expect("apply -auto-approve", 0).says("Apply complete! Resources: 7 added");
    }
}
