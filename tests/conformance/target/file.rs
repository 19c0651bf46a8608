//! `file_target`.

use std::os::unix::fs::{MetadataExt as _, lchown, symlink};

use cap::job::ErrorClass;
use cap::state::Spec;
use serde_json::{Value as Json, json};

use super::fixtures::{Place, bundle, folder_of};
use super::suite::{NOBODY, suite};
use crate::peers::{Outcome, Scratch, report};

/// Files on this machine.
pub fn place() -> Place {
    Place { kind: "file_target", arguments: Spec::new(), secret: String::new() }
}

#[tokio::test]
async fn keeps_the_contract() {
    suite(&place(), &[0, 1, 2]).await;
}

#[tokio::test]
async fn root_does_not_work_where_others_can_write() {
    let scratch = Scratch::new("file-trust");
    if scratch.join("").metadata().expect("a folder").uid() != 0 {
        let why = "the tests do not run as root, so nothing can be given to others".to_owned();
        report("root", &Outcome::NotRun { why });
        return;
    }
    let make = |name: &str, mode: u32, user: u32| folder_of(scratch.join(name), mode, user);
    make("theirs", 0o755, NOBODY);
    make("group", 0o775, 0);
    make("shared", 0o1777, 0);
    make("safe", 0o755, 0);
    let link = |name: &str, to: &str, user: u32| {
        symlink(scratch.join(to), scratch.join(name)).expect("a link");
        lchown(scratch.join(name), Some(user), None).expect("as root");
    };
    link("link", "safe", 0);
    link("their-link", "safe", NOBODY);
    link("link-to-theirs", "theirs/below", 0);
    link("shared/link", "safe", 0);
    let check = async |block: Json, expected: Option<&str>| {
        let text = block.to_string().replace("HERE", &scratch.join("").to_string_lossy());
        let mut files: Json = serde_json::from_str(&text).expect("JSON");
        files["owner"] = json!(NOBODY.to_string());
        let done = place().target(files, json!({})).await.install(&bundle(&["one.test"])).await;
        match (expected, done) {
            (None, done) => done.unwrap_or_else(|fault| panic!("{block}: {fault}")),
            (Some(why), Ok(())) => panic!("{block} should be refused: {why}"),
            (Some(why), Err(fault)) => {
                assert_eq!(fault.class, ErrorClass::Rejected, "{fault}");
                assert!(fault.message.contains(why) && fault.remedy.is_some(), "{block}: {fault}");
            }
        }
    };
    let open = Some("others than root can write");
    check(json!({"directory": "HERE/theirs"}), open).await;
    check(json!({"directory": "HERE/theirs/below/tls"}), open).await;
    check(json!({"combined": "HERE/theirs/www.pem"}), open).await;
    check(json!({"directory": "HERE/group/below"}), open).await;
    check(json!({"directory": "HERE/shared"}), open).await;
    check(json!({"directory": "HERE/shared/new"}), open).await;
    check(json!({"directory": "HERE/link-to-theirs/tls"}), open).await;
    check(json!({"directory": "HERE/their-link/tls"}), Some("is a symbolic link")).await;
    check(json!({"directory": "HERE/shared/link/tls"}), Some("is a symbolic link")).await;
    check(json!({"directory": "HERE/link/linked"}), None).await;
    check(json!({"directory": "HERE/shared/below"}), None).await;
    check(json!({"directory": "HERE/safe/new/tls"}), None).await;
    check(json!({"combined": "HERE/safe/www.pem"}), None).await;
}
