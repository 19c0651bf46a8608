//! A slot whose configuration has changed: what the earlier one leaves behind is cleared, what the new one uses is not.

use std::path::PathBuf;

use cap::state::Spec;
use serde_json::{Value as Json, json};

use super::file;
use super::fixtures::{Only, bundle, holder, in_place};
use crate::peers::Scratch;

/// The files below a folder that hold a private key, by their paths in it.
fn keys(folder: &std::path::Path) -> Vec<String> {
    let is_key = |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY"));
    let all = super::fixtures::snapshot(folder).into_keys();
    let all = all.filter(|path| path.is_file() && !path.is_symlink() && is_key(path));
    all.map(|path| path.strip_prefix(folder).expect("it lies there").to_string_lossy().into_owned()).collect()
}

fn block(scratch: &Scratch, block: &Json) -> Json {
    let here = scratch.join("slot").to_string_lossy().into_owned();
    serde_json::from_str(&block.to_string().replace("HERE", &here)).expect("JSON")
}

/// Moves a slot from one `files` block to another, with the same version and with the next one. `expected` are the files
/// with a private key that lie there afterwards, without what is kept to go back.
async fn check(before: Json, after: Json, expected: &[&str]) {
    let (one, two) = (bundle(&["one.test"]), bundle(&["two.test"]));
    for next in [&one, &two] {
        let scratch = Scratch::new("moved");
        let old = file::place().target(block(&scratch, &before), json!({})).await;
        let new = file::place().target(block(&scratch, &after), json!({})).await;
        old.install(&one).await.expect("installed");
        new.install(next).await.expect("installed in the new place");
        for _ in 0..2 {
            old.remove_except(&holder(), &new.places()).await.expect("the old place is cleared");
            assert_eq!(new.inspect().await, in_place(next), "{before} -> {after}");
        }
        let mut left = keys(&scratch.join("slot"));
        left.retain(|path| !path.contains(".cap-"));
        assert_eq!(left.len(), expected.len(), "{before} -> {after}: {left:?}");
        assert!(left.iter().zip(expected).all(|(path, start)| path.starts_with(start)), "{left:?}");
        new.remove(&holder()).await.expect("removed");
        assert_eq!(keys(&scratch.join("slot")), Vec::<String>::new(), "{before} -> {after}");
    }
}

#[tokio::test]
async fn files_that_are_no_longer_in_use_go() {
    let pair = |cert: &str, key: &str| json!({"fullchain": format!("HERE/{cert}"), "privkey": format!("HERE/{key}")});
    check(pair("a/full.pem", "a/www.key"), pair("a/full.pem", "b/www.key"), &["b/www.key"]).await;
    let all = json!({"fullchain": "HERE/a/full.pem", "privkey": "HERE/a/www.key", "combined": "HERE/a/all.pem"});
    check(all.clone(), pair("a/full.pem", "a/www.key"), &["a/www.key"]).await;
    check(pair("a/full.pem", "a/www.key"), all, &["a/all.pem", "a/www.key"]).await;
}

/// Whether two configurations of an `ssh_target` write to one place.
async fn meet(change: &[(&str, Json)], expected: bool) {
    let config = json!({
        "address": "web1.test",
        "user": "deploy",
        "key": {"$secret": {"env": "KEY"}},
        "host_key": format!("SHA256:{}", "A".repeat(43)),
        "files": {"directory": "/etc/tls/www"},
    });
    let before: Spec = config.as_object().cloned().expect("an object");
    let mut after = before.clone();
    after.extend(change.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let connect = |config: Spec| async move {
        cap::target::connect("ssh_target", &config, &Only(String::new())).await.expect("a target").places()
    };
    let (before, after) = (connect(before).await, connect(after).await);
    assert_eq!(before.iter().any(|place| after.contains(place)), expected, "{before:?} {after:?}");
}

#[tokio::test]
async fn a_host_is_the_same_by_its_address_and_port_or_by_its_key() {
    let key = || ("host_key", json!(format!("SHA256:{}", "E".repeat(43))));
    meet(&[], true).await;
    meet(&[("user", json!("root"))], true).await;
    meet(&[("address", json!("WEB1.test"))], true).await;
    meet(&[key()], true).await;
    meet(&[("port", json!(2222))], true).await;
    meet(&[("port", json!(2222)), key()], false).await;
    meet(&[("address", json!("web2.test")), key()], false).await;
    meet(&[("files", json!({"directory": "/etc/tls/other"}))], false).await;
}

#[tokio::test]
async fn files_that_are_still_in_use_stay() {
    let pair = |cert: &str, key: &str| json!({"fullchain": format!("HERE/{cert}"), "privkey": format!("HERE/{key}")});
    check(pair("a/full.pem", "a/www.key"), pair("b/full.pem", "a/www.key"), &["a/www.key"]).await;
    check(pair("a/full.pem", "a/www.key"), pair("b/full.pem", "b/www.key"), &["b/www.key"]).await;
    check(json!({"directory": "HERE/a"}), pair("a/full.pem", "a/www.key"), &["a/www.key"]).await;
    check(json!({"directory": "HERE/a", "layout": "plain"}), json!({"directory": "HERE/a"}), &["a/versions/"]).await;
    check(json!({"directory": "HERE/a"}), json!({"directory": "HERE/b"}), &["b/versions/"]).await;
}
