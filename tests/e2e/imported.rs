//! Accounts that some other program registered are taken over with their key, and nothing is registered for it.

use std::sync::Arc;

use cap::issuer::acme::establish;
use cap::ports::clock::Clock;
use cap::secret::LocalSecrets;
use cap::state::Spec;
use cap::state::facts::{AccountFacts, Facts};
use cap::time::Timestamp;
use cap::x509::private_pem;
use serde_json::json;

use crate::cli::Place;
use crate::conformance::vault::sealed_in_memory;
use crate::peers::pebble::{Options, Pebble};

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::from_offset(time::OffsetDateTime::now_utc())
    }
}

/// An account of another store: its facts, and its key as PEM.
fn registered(pebble: &Pebble) -> (AccountFacts, String) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let vault = sealed_in_memory().await;
        let secrets = LocalSecrets::with_environment(Box::new(|_| None), ".", Default::default());
        let spec = json!({
            "directory": pebble.directory, "trust": pebble.trust, "key_type": "ecdsa-p256", "email": "pki@example.com",
        });
        let spec: Spec = serde_json::from_value(spec).expect("a spec");
        let address = "acme_account.le".parse().expect("an address");
        let facts = establish((&*vault, &secrets, Arc::new(Wall)), &address, &spec, "run.1", None).await;
        let Ok(Facts::Account(facts)) = facts else { panic!("an account: {facts:?}") };
        let key = vault.get(&facts.key).await.expect("the key");
        let pem = private_pem(&key.pkcs8).to_string();
        (facts, pem)
    })
}

/// An estate that imports the account by this id.
fn estate(pebble: &Pebble, email: &str, id: &str) -> String {
    let directory = &pebble.directory;
    format!(
        r#"project "web" {{}}

acme_account "le" {{
  directory = "{directory}"
  trust     = file("ca.pem")
  email     = "{email}"
}}

import {{
  to = acme_account.le
  id = "{id}"
}}

output "account" {{
  value = acme_account.le.account_uri
}}
"#
    )
}

#[test]
fn an_account_is_found_by_its_key_and_taken_over() {
    let Some(pebble) = Pebble::start(&Options::default()) else { return };
    let place = Place::new();
    place.write("ca.pem", &pebble.trust);
    let (account, key) = registered(&pebble);
    place.write("account.key", &key);
    place.write("other.key", rcgen::KeyPair::generate().expect("a key").serialize_pem());
    let refused = |email: &str, id: &str, why: &str| {
        place.write("main.cap.hcl", estate(&pebble, email, id));
        place.expect("plan", 1).reports(why).reports("main.cap.hcl:11:8");
    };
    refused("pki@example.com", "other.key", "The CA has no account with the key in other.key.");
    refused("pki@example.com", "https://ca.test/1,account.key", "and the id says https://ca.test/1");
    refused("other@example.com", "account.key", "\"email\" of what is there is \"pki@example.com\"");
    refused("pki@example.com", "ca.pem", "ca.pem holds no private key.");

    let uri = &account.account_uri;
    place.write("main.cap.hcl", estate(&pebble, "pki@example.com", &format!("{uri},account.key")));
    place.expect("plan -out=saved.plan", 0).says("# acme_account.le will be imported");
    assert!(!place.read("saved.plan").contains(&key.lines().nth(1).expect("a line")[40..]), "no key is in the plan");
    place.expect("apply saved.plan", 0).says("Resources: 1 imported, 1 added").says(uri);
    std::fs::remove_file(place.path().join("account.key")).expect("removed");
    place.expect("plan -detailed-exitcode", 0).says("No changes.");
    // Its key signs: what is changed at the CA is changed with the account that was there.
    place.write("main.cap.hcl", estate(&pebble, "new@example.com", "account.key"));
    place.expect("apply -auto-approve", 0).says("0 added, 1 changed").says(uri);
}
