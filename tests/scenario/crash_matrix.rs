//! The crash matrix: at every call of every port that issuing, deploying and renewing make, the call fails before or
//! after its work, the process dies before or after it, or the call is made twice. Whatever happens, the end is that of
//! an undisturbed run: one order a certificate at the CA, no record left in the zone, the records what the events say.

use std::sync::Arc;

use cap::job::ErrorClass;
use cap::ports::vault::{Flush, KeyType};
use cap::testing::{Fault, ManualClock};

use super::world::{SLOT, World, due, estate, renewal, run};
use crate::peers::Scratch;

const FAULTS: [Fault; 5] = [
    Fault::FailBefore(ErrorClass::Transient),
    Fault::FailAfter(ErrorClass::Transient),
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Repeat,
];

/// Issues, deploys, renews and deploys again, through whatever happens.
async fn live(world: &World) {
    let report = world.apply_through_crashes(estate()).await;
    assert_eq!(report.failed, [], "the first apply");
    let steps = renewal(world, due(cap::ports::clock::Clock::now(&*world.clock))).await;
    let report = world.apply_through_crashes(steps).await;
    assert_eq!(report.failed, [], "the renewal");
}

/// The calls that a fault can meet. Submitting is one transaction, tested with the stores.
fn cases(world: &World) -> Vec<(&'static str, usize)> {
    let mut cases: Vec<(&'static str, usize)> = Vec::new();
    for call in world.faults.calls().into_iter().filter(|call| *call != "submit") {
        let nth = cases.iter().filter(|(name, _)| *name == call).count() + 1;
        cases.push((call, nth));
    }
    cases
}

async fn check(world: &World, what: &str, undisturbed: &serde_json::Value) {
    assert!(world.faults.all_happened(), "{what}: it did not happen");
    assert_eq!(world.outcome().await, *undisturbed, "{what}: the end is another");
    world.check_laws(what).await;
    let ca = &world.providers.ca;
    assert_eq!((ca.placed(), ca.finalized(), ca.issued().len()), (2, 2, 2), "{what}: orders, finalized, issued");
    let certificate = world.certificate("certificate.www").await;
    let account = world.record("acme_account.le").await.and_then(|account| account.facts.issuer_id());
    assert!(account.is_some() && certificate.versions.iter().all(|one| one.issuer_id == account), "{what}: who issued");
    for version in &certificate.versions {
        // Were it not there, this would make another one: a key is in the vault before the CA hears of it.
        let key = version.key.as_ref().expect("a key");
        assert_eq!(
            world.vault.ensure(key, KeyType::EcdsaP256, Flush::Now).await,
            Ok(version.spki),
            "{what}: the key is lost"
        );
    }
    let current = certificate.current().map(|version| version.fingerprint);
    assert!(current.is_some(), "{what}: no certificate");
    let hosts = &world.providers.hosts;
    assert_eq!((hosts.content(SLOT), hosts.served(SLOT)), (current, current), "{what}: another one is in service");
}

async fn undisturbed() -> (serde_json::Value, Vec<(&'static str, usize)>) {
    let world = World::new().await;
    live(&world).await;
    let (outcome, cases) = (world.outcome().await, cases(&world));
    check(&world, "undisturbed", &outcome).await;
    (outcome, cases)
}

#[test]
fn every_call_fails_crashes_and_repeats_in_turn() {
    run(async {
        let (outcome, cases) = undisturbed().await;
        assert!(cases.len() > 50, "{cases:?}");
        for (call, nth) in cases {
            for fault in FAULTS {
                let world = World::new().await;
                world.faults.plan(call, nth, fault.clone());
                live(&world).await;
                check(&world, &format!("{call} {nth}: {fault:?}"), &outcome).await;
            }
        }
    });
}

#[test]
fn it_holds_over_sqlite() {
    run(async {
        let (outcome, cases) = undisturbed().await;
        for (call, nth) in cases.into_iter().filter(|(call, nth)| *nth == 1 || *call == "advance") {
            for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                let what = format!("{call} {nth}: {fault:?}");
                let scratch = Scratch::new("matrix");
                let store = cap::store::open("sqlite:state.db", &scratch.join(".cap")).await.expect("the store opens");
                let clock = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse().expect("a time")));
                let world = World::over(clock, store).await;
                world.faults.plan(call, nth, fault);
                live(&world).await;
                check(&world, &what, &outcome).await;
            }
        }
    });
}
