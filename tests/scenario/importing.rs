//! Importing through faults: a record never names a key that is not there, and a key that no record names does not stay.

use cap::address::Address;
use cap::engine::SubmitFault;
use cap::job::ErrorClass;
use cap::plan::{Action, ImportedKey, Importing, Step, Work};
use cap::ports::clock::Ids as _;
use cap::ports::vault::{Flush, KeyType};
use cap::state::facts::{AccountFacts, Facts, KeyId};
use cap::testing::{Fault, SeededIds};
use cap::time::Duration;
use cap::x509::Signer;
use serde_json::json;

use super::world::{ACTOR, World, create, run};
use crate::peers::Scratch;

/// Two accounts that are imported, each with its key in a file.
struct Imports {
    folder: Scratch,
    steps: Vec<Step>,
}

const ACCOUNTS: [&str; 2] = ["acme_account.a", "acme_account.b"];

impl Imports {
    fn new() -> Self {
        let folder = Scratch::new("imports");
        let step = |of: &&str| {
            let key = rcgen::KeyPair::generate().expect("a key");
            let path = folder.join(of);
            std::fs::write(&path, key.serialize_pem()).expect("written");
            let spki = Signer::from_pkcs8(key.serialized_der()).expect("a signer").spki();
            let facts = Facts::Account(AccountFacts {
                account_uri: format!("https://ca.test/{of}"),
                directory: "https://ca.test/directory".to_owned(),
                key: KeyId(String::new()),
                thumbprint: "t".to_owned(),
            });
            let keys = vec![ImportedKey { path: path.display().to_string(), spki }];
            let importing = Some(Importing { id: (*of).to_owned(), facts, keys });
            Step { action: Action::Import, importing, ..create(of, Work::Record, json!({}), &[]) }
        };
        let steps = ACCOUNTS.iter().map(step).collect();
        Self { folder, steps }
    }
}

/// Name of the key of an account in the first run of a world.
fn name(of: &str) -> KeyId {
    name_in(1, of)
}

/// Likewise, in a later one.
fn name_in(run: usize, of: &str) -> KeyId {
    let ids = SeededIds::new(7);
    let run = (0..run).map(|_| ids.fresh("run-")).last().expect("a run");
    KeyId(format!("{of}/{run}/imported/1"))
}

/// Which of the keys the vault holds.
async fn kept(world: &World) -> Vec<bool> {
    let mut kept = Vec::new();
    for of in ACCOUNTS {
        kept.push(world.vault.get(&name(of)).await.is_ok());
    }
    kept
}

async fn named(world: &World, of: &str) -> Option<KeyId> {
    let addresses: [Address; 1] = [of.parse().expect("an address")];
    let record = world.store.records(&addresses).await.expect("the store answers").pop()?;
    match record.facts {
        Facts::Account(account) => Some(account.key),
        _ => None,
    }
}

#[test]
fn a_submission_whose_answer_was_lost_is_settled() {
    run(async {
        let transient = ErrorClass::Transient;
        for fault in [Fault::FailBefore(transient), Fault::FailAfter(transient)] {
            let (world, imports) = (World::new().await, Imports::new());
            world.faults.plan("submit", 1, fault.clone());
            world.submit(imports.steps).await.expect("it is submitted all the same");
            assert_eq!(world.faults.count("submit"), 2, "{fault:?}");
            assert_eq!(kept(&world).await, [true, true], "{fault:?}");
            assert_eq!(named(&world, ACCOUNTS[1]).await, Some(name(ACCOUNTS[1])), "{fault:?}");
        }
    });
}

#[test]
fn keys_that_no_record_names_are_removed() {
    run(async {
        let (world, imports) = (World::new().await, Imports::new());
        world.faults.plan("put_key", 2, Fault::FailAfter(ErrorClass::Transient));
        let fault = world.submit(imports.steps).await.expect_err("the vault failed");
        assert!(matches!(fault, SubmitFault::Store(_)), "{fault:?}");
        assert_eq!(kept(&world).await, [false, false]);

        let (world, imports) = (World::new().await, Imports::new());
        let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        std::fs::write(imports.folder.join(ACCOUNTS[1]), other).expect("written");
        let fault = world.submit(imports.steps).await.expect_err("another key");
        assert!(matches!(fault, SubmitFault::Changed(_)), "{fault:?}");
        assert_eq!(kept(&world).await, [false, false]);

        let (world, imports) = (World::new().await, Imports::new());
        let lock = world.store.lock("apply", "me", "apply", Duration::from_secs(30)).await.expect("it is free");
        world.store.unlock(&lock.id).await.expect("it is broken");
        let plan = world.plan(imports.steps).await;
        let fault = cap::engine::submit(&world.engine(), &plan, ACTOR, Some(&lock)).await.expect_err("nobody holds it");
        assert!(matches!(fault, SubmitFault::LockLost), "{fault:?}");
        assert_eq!((kept(&world).await, world.faults.count("submit")), (vec![false, false], 1));
    });
}

#[test]
fn keys_of_a_submission_that_came_to_nothing_go_with_the_next_one() {
    run(async {
        let transient = ErrorClass::Transient;
        let failing = async |fault: Fault| {
            let (world, imports) = (World::new().await, Imports::new());
            // Of an address that begins likewise, and a key that was made.
            let others = ["acme_account.a2/run-x/imported/1", "acme_account.a/key"].map(|id| KeyId(id.to_owned()));
            for other in &others {
                world.vault.ensure(other, KeyType::EcdsaP256, Flush::Now).await.expect("a key");
            }
            (1..=2).for_each(|nth| world.faults.plan("submit", nth, fault.clone()));
            let fault = world.submit(imports.steps.clone()).await.expect_err("the store failed");
            assert!(matches!(fault, SubmitFault::Store(_)), "{fault:?}");
            assert_eq!(kept(&world).await, [true, true], "nobody knows whether a record names them");
            (world, imports, others)
        };
        let (world, imports, others) = failing(Fault::FailBefore(transient)).await;
        world.submit(imports.steps).await.expect("the store is back");
        let mut expected: Vec<KeyId> = ACCOUNTS.iter().map(|of| name_in(2, of)).chain(others).collect();
        expected.sort();
        assert_eq!(world.vault.ids().await.expect("ids"), expected);

        let (world, imports, _) = failing(Fault::FailBefore(transient)).await;
        let made = imports.steps.into_iter().map(|step| Step {
            action: Action::Create,
            importing: None,
            work: Work::Register,
            ..step
        });
        world.submit(made.collect()).await.expect("the store is back");
        assert_eq!(kept(&world).await, [false, false], "they are made, not imported");

        let (world, imports, _) = failing(Fault::FailAfter(transient)).await;
        let fault = world.submit(imports.steps).await.expect_err("it was written all the same");
        assert!(matches!(fault, SubmitFault::Stale(_)), "{fault:?}");
        assert_eq!(kept(&world).await, [true, true], "records name them");
    });
}

#[test]
fn keys_that_a_record_has_named_are_nobody_s_to_remove() {
    run(async {
        let (world, imports) = (World::new().await, Imports::new());
        world.submit(imports.steps.clone()).await.expect("it is submitted");
        let [a, b] = ACCOUNTS;
        let record = async |of: &str| world.record(of).await.expect("a record");
        // One moves, and its record goes on naming the key; the other is forgotten, and its key is kept all the same.
        let before = record(a).await;
        let moved = Step {
            action: Action::Move,
            base: before.revision,
            moved_from: Some(before.address),
            ..create("acme_account.c", Work::Record, json!({}), &[])
        };
        let before = record(b).await;
        let forgotten = Step {
            action: Action::Forget,
            base: before.revision,
            before: before.spec.as_deref().cloned(),
            after: None,
            ..create(b, Work::Record, json!({}), &[])
        };
        world.submit(vec![moved, forgotten]).await.expect("it is submitted");
        world.submit(imports.steps).await.expect("both are imported again");
        assert_eq!(kept(&world).await, [true, true]);
        assert_eq!(named(&world, "acme_account.c").await, Some(name(a)));
    });
}

#[test]
fn the_key_of_a_registration_that_failed_goes_with_the_next_one() {
    run(async {
        let world = World::new().await;
        let register = || vec![create("acme_account.a", Work::Register, json!({}), &[])];
        world.faults.plan("establish", 1, Fault::FailAfter(ErrorClass::Rejected));
        let run = world.submit(register()).await.expect("it is submitted");
        assert_eq!(world.work(&run).await.expect("the store answers").failed.len(), 1);
        assert_eq!(world.vault.ids().await.expect("ids").len(), 1, "it was made");
        let stub = world.record("acme_account.a").await.map_or(0, |record| record.revision);
        let again = register().into_iter().map(|step| Step { base: stub, ..step }).collect();
        let run = world.submit(again).await.expect("it is submitted");
        assert_eq!(world.work(&run).await.expect("the store answers").failed, []);
        let key = named(&world, "acme_account.a").await.expect("a key");
        assert_eq!(world.vault.ids().await.expect("ids"), [key]);
    });
}
