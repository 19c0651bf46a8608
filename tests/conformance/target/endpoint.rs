//! What an endpoint serves, asked of a real nginx that reloads what was installed.

use cap::job::ErrorClass;
use cap::ports::target::{Bundle, Served};
use cap::state::Spec;
use serde_json::json;

use super::file;
use super::fixtures::{bundle, bundle_with, holder};
use crate::peers::nginx::Nginx;
use crate::peers::{Scratch, free_port};

fn leaves(port: u16, bundle: &Bundle) -> Served {
    Served::Leaves(vec![(format!("127.0.0.1:{port}"), bundle.fingerprint)])
}

#[tokio::test]
async fn a_reload_is_seen_at_the_endpoint() {
    let scratch = Scratch::new("endpoint");
    let directory = scratch.join("tls");
    let current = |name: &str| directory.join("current").join(name);
    let Some(mut nginx) = Nginx::prepare(&current("fullchain.pem"), &current("privkey.pem")) else { return };
    let block = json!({"directory": directory.to_string_lossy()});
    let one = bundle(&["one.test"]);
    let quiet = file::place().target(block.clone(), json!({})).await;
    quiet.install(&one).await.expect("installed");
    assert_eq!(quiet.verify().await, Ok(Served::NotAsked));
    nginx.start();

    let verify = json!({"endpoint": format!("127.0.0.1:{}", nginx.port), "wait": "20s"});
    let all = json!({"test": nginx.test(), "reload": nginx.reload(), "verify": verify});
    let target = file::place().target(block.clone(), all).await;
    assert_eq!(target.verify().await, Ok(leaves(nginx.port, &one)));
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256] {
        let next = bundle_with(&["*.two.test", "two.test"], algorithm);
        target.install(&next).await.expect("installed");
        assert_eq!(target.verify().await, Ok(leaves(nginx.port, &next)));
    }

    // Files without a reload: the endpoint goes on serving what it had, and that is what is said.
    let served = bundle(&["served.test"]);
    target.install(&served).await.expect("installed");
    assert_eq!(target.verify().await, Ok(leaves(nginx.port, &served)));
    let hasty = json!({"verify": {"endpoint": format!("127.0.0.1:{}", nginx.port), "wait": "200ms"}});
    let forgetful = file::place().target(block, hasty).await;
    let before = forgetful.previous().await.expect("what is there");
    forgetful.install(&bundle(&["unserved.test"])).await.expect("installed");
    assert_eq!(forgetful.verify().await, Ok(leaves(nginx.port, &served)));
    target.restore(&holder().name, &before).await.expect("put back");
    assert_eq!(target.verify().await, Ok(leaves(nginx.port, &served)));

    // A pair that nginx refuses never gets as far as a reload.
    let mut broken = bundle(&["broken.test"]);
    broken.key = bundle(&["other.test"]).key;
    let before = target.previous().await.expect("what is there");
    let error = target.install(&broken).await.expect_err("the key does not match");
    assert!(error.class == ErrorClass::Rejected && error.message.contains("nginx"), "{error}");
    target.restore(&holder().name, &before).await.expect("put back");
    assert_eq!(target.verify().await, Ok(leaves(nginx.port, &served)));
    assert!(nginx.folder().exists());
}

#[tokio::test]
async fn a_chain_is_held_to_trust_where_it_is_given() {
    let scratch = Scratch::new("endpoint-trust");
    let directory = scratch.join("tls");
    let current = |name: &str| directory.join("current").join(name);
    let Some(mut nginx) = Nginx::prepare(&current("fullchain.pem"), &current("privkey.pem")) else { return };
    let block = json!({"directory": directory.to_string_lossy()});
    let one = bundle(&["one.test"]);
    file::place().target(block.clone(), json!({})).await.install(&one).await.expect("installed");
    nginx.start();
    let verify = |trust: &str| json!({"verify": {"endpoint": format!("127.0.0.1:{}", nginx.port), "trust": trust}});
    let trusting = file::place().target(block.clone(), verify(&one.leaf)).await;
    assert_eq!(trusting.verify().await, Ok(leaves(nginx.port, &one)));
    let doubting = file::place().target(block, verify(&bundle(&["ca.test"]).leaf)).await;
    let error = doubting.verify().await.expect_err("another anchor");
    assert_eq!(error.class, ErrorClass::Rejected, "{error}");
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_said_to_be() {
    let scratch = Scratch::new("endpoint-down");
    let port = free_port();
    let verify = json!({"verify": {"endpoint": format!("127.0.0.1:{port}"), "wait": "100ms"}});
    let target = file::place().target(json!({"directory": scratch.join("tls").to_string_lossy()}), verify).await;
    let error = target.verify().await.expect_err("nothing listens");
    assert_eq!(error.class, ErrorClass::Transient);
    assert!(error.message.contains(&format!("127.0.0.1:{port} cannot be connected to")), "{error}");
}

#[tokio::test]
async fn arguments_that_cannot_be_used_are_named() {
    let check = |config: serde_json::Value, expected: &'static str| async move {
        let config: Spec = config.as_object().cloned().unwrap_or_default();
        let secrets = super::fixtures::Only(String::new());
        let connected = cap::target::connect("file_target", &config, &secrets).await;
        let error = connected.err().expect("it cannot be used");
        assert_eq!(error.class, ErrorClass::Rejected);
        assert!(error.message.contains(expected), "{error}");
    };
    check(json!({"files": {}}), "files: it needs directory").await;
    check(json!({"files": {"directory": "/a/../b"}}), "files.directory").await;
    check(json!({"files": {"directory": "/a", "mode": "rw"}}), "files.mode").await;
    check(json!({"files": {"privkey": "/a/key.pem"}}), "files: it needs directory").await;
    check(json!({"files": {"directory": "/a"}, "reload": []}), "reload").await;
    check(json!({"files": {"directory": "/a"}, "verify": {"endpoint": "nowhere"}}), "verify.endpoint").await;
}
