//! `ssh_target` over a real sshd.

use std::os::unix::fs::symlink;

use cap::job::ErrorClass;
use cap::observed::SlotContent;
use cap::ports::target::Target;
use serde_json::{Value as Json, json};

use super::fixtures::{Place, bundle, folder_of, in_place};
use super::suite::{NOBODY, suite};
use crate::peers::sshd::Sshd;
use crate::peers::{Outcome, Scratch, free_port, report};

fn place(sshd: &Sshd, change: &[(&str, Json)]) -> Place {
    let all = json!({
        "address": "127.0.0.1",
        "port": sshd.port,
        "user": sshd.user,
        "key": {"$secret": {"env": "KEY"}},
        "host_key": sshd.fingerprint,
    });
    let mut arguments = all.as_object().cloned().unwrap_or_default();
    for (name, value) in change {
        arguments.insert((*name).to_owned(), value.clone());
    }
    // `secret_file` takes the final newline away.
    Place { kind: "ssh_target", arguments, secret: sshd.key.trim_end().to_owned() }
}

#[tokio::test]
async fn keeps_the_contract() {
    let Some(sshd) = Sshd::start() else { return };
    // Layouts decide the same for every machine; two of them take every kind of change and every kind of path.
    suite(&place(&sshd, &[("host_key", json!(sshd.host_key()))]), &[0, 2]).await;
}

#[tokio::test]
async fn keeps_the_contract_where_all_tools_are_busybox_s() {
    let Some(sshd) = Sshd::start_among_busybox() else { return };
    suite(&place(&sshd, &[]), &[0]).await;
}

#[tokio::test]
async fn a_host_is_known_in_three_ways() {
    let Some(sshd) = Sshd::start() else { return };
    let scratch = Scratch::new("ssh-known");
    let known = sshd.known_hosts(&sshd.host_key());
    let ways = [
        [("host_key", json!(sshd.fingerprint)), ("known_hosts", Json::Null)],
        [("host_key", json!(sshd.host_key())), ("known_hosts", Json::Null)],
        [("host_key", Json::Null), ("known_hosts", json!(known.to_string_lossy()))],
    ];
    for (number, way) in ways.iter().enumerate() {
        let files = json!({"directory": scratch.join(number.to_string()).to_string_lossy()});
        let target = place(&sshd, way).target(files, json!({})).await;
        let one = bundle(&["one.test"]);
        target.install(&one).await.expect("installed");
        assert_eq!(target.inspect().await, in_place(&one));
    }
}

async fn refused(target: &dyn Target, class: ErrorClass, expected: &str) {
    let error = target.install(&bundle(&["one.test"])).await.expect_err("it must be refused");
    assert_eq!(error.class, class, "{error}");
    assert!(error.message.contains(expected), "{error}");
    assert!(error.remedy.is_some());
}

#[tokio::test]
async fn nobody_is_trusted_at_first_sight() {
    let Some(sshd) = Sshd::start() else { return };
    let scratch = Scratch::new("ssh-refused");
    let directory = scratch.join("tls");
    let files = json!({"directory": directory.to_string_lossy()});
    let (stranger, public) = sshd.stranger();
    let public = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let known = sshd.known_hosts(&public);
    let other = format!("SHA256:{}", "A".repeat(43));
    let (absent, none) = (scratch.join("no-such-file"), Json::Null);
    let wrong = [
        vec![("host_key", json!(other))],
        vec![("host_key", json!(public))],
        vec![("host_key", none.clone()), ("known_hosts", json!(known.to_string_lossy()))],
        vec![("host_key", none), ("known_hosts", json!(absent.to_string_lossy()))],
    ];
    for change in wrong {
        let target = place(&sshd, &change).target(files.clone(), json!({})).await;
        refused(&*target, ErrorClass::Unauthorized, "is not the host that is pinned").await;
        assert!(target.inspect().await.is_err(), "never taken for absent");
    }
    let known = std::fs::read_to_string(known).expect("the file");
    assert!(known.ends_with(&format!("{public}\n")), "it is never written to");

    let mut login = place(&sshd, &[]);
    login.secret = stranger;
    refused(&*login.target(files.clone(), json!({})).await, ErrorClass::Unauthorized, "the login was refused").await;
    login.secret = "no key at all".to_owned();
    refused(&*login.target(files.clone(), json!({})).await, ErrorClass::Unauthorized, "cannot be used").await;
    let closed = place(&sshd, &[("port", json!(free_port()))]);
    refused(&*closed.target(files.clone(), json!({})).await, ErrorClass::Transient, "shows no host key").await;
    let closed = place(&sshd, &[("port", json!(free_port())), ("host_key", json!(sshd.host_key()))]);
    refused(&*closed.target(files, json!({})).await, ErrorClass::Transient, "cannot be reached").await;
    assert!(!directory.exists(), "nothing was written");
}

#[tokio::test]
async fn no_secret_is_seen_in_the_process_table() {
    let Some(sshd) = Sshd::start() else { return };
    let scratch = Scratch::new("ssh-argv");
    let seen = scratch.join("seen");
    // The command runs on the host while everything of this connection is alive, and writes down what anybody can see.
    let script = format!(
        "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' > {}; true",
        seen.display()
    );
    let files = json!({"directory": scratch.join("tls").to_string_lossy()});
    let target = place(&sshd, &[]).target(files, json!({"reload": ["sh", "-c", script]})).await;
    let one = bundle(&["one.test"]);
    target.install(&one).await.expect("installed");
    let seen = std::fs::read_to_string(&seen).expect("what was seen");
    assert!(seen.contains("sshd") || seen.contains("ssh"), "it saw nothing");
    let key = one.key.as_ref().expect("a key");
    for secret in [key.lines().nth(1), sshd.key.lines().nth(2)].into_iter().flatten() {
        assert!(!seen.contains(secret), "a line of a private key is in an argument or an environment");
    }
}

#[tokio::test]
async fn owners_are_set_where_they_may_be() {
    let Some(sshd) = Sshd::start() else { return };
    let scratch = Scratch::new("ssh-owner");
    let one = bundle(&["one.test"]);
    let owned = |owner: &str| json!({"directory": scratch.join("tls").to_string_lossy(), "owner": owner});
    let own = place(&sshd, &[]).target(owned(&sshd.user), json!({})).await;
    own.install(&one).await.expect("installed");
    assert_eq!(own.inspect().await, in_place(&one));
    let nobody = place(&sshd, &[]).target(owned("nobody-has-this-name"), json!({})).await;
    let error = nobody.install(&bundle(&["two.test"])).await.expect_err("there is no such user");
    assert_eq!(error.class, ErrorClass::Rejected, "{error}");
    assert_eq!(own.inspect().await, in_place(&one), "the old pair is untouched");
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_not_taken_for_absent() {
    let Some(sshd) = Sshd::start() else { return };
    let scratch = Scratch::new("ssh-loop");
    let turning = scratch.join("turning");
    symlink(&turning, &turning).expect("a link to itself");
    for block in [json!({"directory": turning.join("tls")}), json!({"combined": turning.join("www.pem")})] {
        let target = place(&sshd, &[]).target(block, json!({})).await;
        assert!(!matches!(target.inspect().await, Ok(SlotContent::Absent)));
        target.previous().await.expect_err("nothing is known of what is there");
    }
}

#[tokio::test]
async fn root_does_not_work_where_others_can_write() {
    let Some(sshd) = Sshd::start() else { return };
    if sshd.user != "root" {
        let why = "the tests do not run as root, and the stand-in for sudo makes nobody root".to_owned();
        report("root", &Outcome::NotRun { why });
        return;
    }
    let scratch = Scratch::new("ssh-trust");
    let make = |name: &str, mode: u32, user: u32| folder_of(scratch.join(name), mode, user);
    make("theirs", 0o755, NOBODY);
    make("group", 0o775, 0);
    make("shared", 0o1777, 0);
    make("safe", 0o755, 0);
    symlink(scratch.join("safe"), scratch.join("link")).expect("a link");
    let check = async |block: Json, expected: Option<&str>| {
        let text = block.to_string().replace("HERE", &scratch.join("").to_string_lossy());
        let mut files: Json = serde_json::from_str(&text).expect("JSON");
        files["owner"] = json!("nobody");
        let target = place(&sshd, &[("sudo", json!(true))]).target(files, json!({})).await;
        match expected {
            Some(why) => {
                refused(&*target, ErrorClass::Rejected, why).await;
                assert!(target.previous().await.is_err(), "refused before anything is touched");
            }
            None => target.install(&bundle(&["one.test"])).await.expect("installed"),
        }
    };
    check(json!({"directory": "HERE/theirs"}), Some("others than root can write")).await;
    check(json!({"directory": "HERE/theirs/below/tls"}), Some("others than root can write")).await;
    check(json!({"combined": "HERE/theirs/www.pem"}), Some("others than root can write")).await;
    check(json!({"directory": "HERE/group/below"}), Some("others than root can write")).await;
    check(json!({"directory": "HERE/shared"}), Some("others than root can write")).await;
    check(json!({"directory": "HERE/shared/new"}), Some("others than root can write")).await;
    check(json!({"directory": "HERE/link/tls"}), Some("is a symbolic link")).await;
    check(json!({"directory": "HERE/shared/below"}), None).await;
    check(json!({"directory": "HERE/safe/new/tls"}), None).await;
    check(json!({"combined": "HERE/safe/www.pem"}), None).await;
}

#[tokio::test]
async fn files_and_commands_go_through_sudo_where_asked() {
    let Some(sshd) = Sshd::start() else { return };
    let scratch = Scratch::new("ssh-sudo");
    let files = json!({"directory": scratch.join("tls").to_string_lossy()});
    let sudo = place(&sshd, &[("sudo", json!(true))]);
    let target = sudo.target(files, json!({"test": ["true"], "reload": ["true"]})).await;
    let one = bundle(&["one.test"]);
    target.install(&one).await.expect("installed");
    assert_eq!(sshd.sudo_asked(), 4, "to look, to change, to test, to reload");
    assert_eq!(target.inspect().await, in_place(&one));
    sshd.refuse_sudo();
    refused(&*target, ErrorClass::Unauthorized, "sudo: a password is required").await;
}
