//! Orders at a CA: limits of an account, and orders that are handed out twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use cap::engine::progress::Silent;
use cap::engine::{Limits, Stop, WorkOptions};
use cap::job::{ErrorClass, RunId};
use cap::plan::Work;
use cap::ports::PortError;
use cap::ports::clock::Clock as _;
use cap::ports::issuer::{Issuer as _, OrderHandle, OrderRequest};
use cap::ports::store::Advance;
use cap::state::{Event, EventBody};
use cap::testing::{FakeCa, FakeIssuer, Fault, ManualClock};
use cap::time::Duration;
use serde_json::json;

use super::failures::{apply, failed_attempts, job_of};
use super::world::{World, create, estate, issue, run};

#[test]
fn f05_a_limit_on_the_account_is_not_tried_again_by_its_other_jobs() {
    run(async {
        let world = World::new().await;
        let until = world.clock.now() + Duration::from_secs(3 * 3600);
        let limit = ErrorClass::RateLimited { until, of_account: true };
        // Whoever asked meanwhile would be refused as well, and would use up the second one.
        (0..2).for_each(|_| world.providers.ca.refuse(PortError::new(limit, "too many orders of this account")));
        let mut steps = estate();
        steps.push(issue("certificate.other", "other.example.com", &[0, 2]));
        let run = world.submit(steps).await.expect("it is submitted");
        let limits = Limits { per_issuer: 1, per_target: 1 };
        let options = |patience| WorkOptions { run: Some(run.clone()), limits, patience, ..WorkOptions::new("worker") };
        let hurried = options(Some(Duration::from_secs(60)));
        let report = cap::engine::work(&world.engine(), &hurried, &Silent, &Stop::default()).await.expect("it works");
        assert_eq!((report.failed.len(), world.faults.count("order")), (0, 1), "one was refused, and none asked again");
        // A new process knows what the store says, also for what was submitted since.
        let later =
            world.submit(vec![issue("certificate.later", "later.example.com", &[])]).await.expect("it is submitted");
        for run in [&run, &later] {
            let again = WorkOptions { run: Some(run.clone()), ..hurried.clone() };
            let report = cap::engine::work(&world.engine(), &again, &Silent, &Stop::default()).await.expect("it works");
            assert_eq!((report.left > 0, world.faults.count("order")), (true, 1), "the limit is remembered");
        }
        assert!(world.clock.now() < until);
        let patient = WorkOptions { run: None, ..options(None) };
        let report = cap::engine::work(&world.engine(), &patient, &Silent, &Stop::default()).await.expect("it works");
        assert_eq!((report.failed.len(), report.left), (0, 0));
        assert_eq!((failed_attempts(&world).await, world.providers.ca.issued().len()), (0, 3));
        world.check_laws("F05").await;
    });
}

/// A world whose CA hands out its own open order again.
async fn world_of_one_order() -> World {
    let mut world = World::new().await;
    let dns = Arc::clone(&world.providers.dns);
    let ca = FakeCa::new(Arc::<ManualClock>::clone(&world.clock), dns).expect("a CA");
    world.providers.ca = Arc::new(ca.reusing());
    world
}

/// Whether each has a certificate of its own key, from an order of its own.
async fn check_own_orders(world: &World) {
    let mut keys = BTreeSet::new();
    for of in ["certificate.www", "certificate.twin"] {
        keys.extend(world.certificate(of).await.versions.iter().map(|version| version.spki));
    }
    assert_eq!(keys.len(), 2, "two keys, each with its certificate");
    let ca = &world.providers.ca;
    assert_eq!((ca.placed(), ca.finalized(), ca.issued().len()), (2, 2, 2));
    world.check_laws("one order for two").await;
}

#[test]
fn two_certificates_of_the_same_names_never_share_an_order() {
    run(async {
        let world = world_of_one_order().await;
        let mut steps = estate();
        steps.push(issue("certificate.twin", "www.example.com", &[0, 2]));
        assert_eq!(apply(&world, steps).await.failed, []);
        assert_eq!(failed_attempts(&world).await, 0);
        check_own_orders(&world).await;
    });
}

#[test]
fn an_order_that_somebody_else_finalized_is_replaced() {
    run(async {
        let world = world_of_one_order().await;
        let run = world.submit(estate()).await.expect("it is submitted");
        world.faults.plan("finalize", 1, Fault::Stall);
        let stop = Stop::default();
        let work = world.work_as("slow", &run, &stop);
        let mut work = std::pin::pin!(work);
        world.falls_asleep(work.as_mut()).await;
        // The same account under another name: nobody knows that its orders are the same.
        let mut twin = issue("certificate.twin", "www.example.com", &[0]);
        let spec = &mut twin.after.as_mut().expect("a draft").spec;
        spec.insert("issuer".to_owned(), json!({ "$ref": "acme_account.same" }));
        let same = create("acme_account.same", Work::Register, json!({ "ca": "test" }), &[]);
        let twin = world.submit(vec![same, twin]).await.expect("it is submitted");
        assert_eq!(world.work_as("quick", &twin, &Stop::default()).await.expect("it works").failed, []);
        assert_eq!(world.providers.ca.placed(), 1, "it was given the first one's order");
        world.faults.wake();
        assert_eq!(work.await.expect("the store answers").failed, []);
        check_own_orders(&world).await;
    });
}

/// As when a block is renamed without `moved` while its first job waits.
#[test]
fn an_order_of_a_run_that_was_left_is_not_shared_with_the_next_run() {
    run(async {
        let world = world_of_one_order().await;
        let first = world.submit(estate()).await.expect("it is submitted");
        let until = world.clock.now() + Duration::from_secs(3 * 3600);
        let limit = ErrorClass::RateLimited { until, of_account: false };
        world.faults.plan("finalize", 1, Fault::FailBefore(limit));
        let left = async |run: &RunId| {
            let patience = Some(Duration::from_secs(60));
            let options = WorkOptions { run: Some(run.clone()), patience, ..WorkOptions::new("hurried") };
            let work = cap::engine::work(&world.engine(), &options, &Silent, &Stop::default()).await;
            let report = work.expect("the store answers");
            assert_eq!(report.failed, []);
            report.left
        };
        assert!(left(&first).await > 0 && world.faults.all_happened());
        let twin =
            world.submit(vec![issue("certificate.twin", "www.example.com", &[])]).await.expect("it is submitted");
        // Nobody comes to finish the first one's order while this one works, so it does not wait for that.
        assert_eq!((left(&twin).await, world.clock.now() < until), (1, true));
        let all = WorkOptions::new("patient");
        let report = cap::engine::work(&world.engine(), &all, &Silent, &Stop::default()).await.expect("it works");
        assert_eq!((report.failed.len(), report.left), (0, 0));
        assert!(world.clock.now() >= until);
        check_own_orders(&world).await;
    });
}

#[test]
fn what_a_ca_said_of_a_lost_order_is_not_held_against_the_next_one() {
    run(async {
        let world = world_of_one_order().await;
        let run = world.submit(estate()).await.expect("it is submitted");
        // The CA takes the request and loses the order, and the next one has to wait, so that this much is stored.
        world.faults.plan("finalize", 1, Fault::Stall);
        world.faults.plan("download", 1, Fault::FailBefore(ErrorClass::NotFound));
        let patience = Some(Duration::from_secs(60));
        let options = WorkOptions { run: Some(run.clone()), patience, ..WorkOptions::new("first") };
        let (engine, stop) = (world.engine(), Stop::default());
        let mut work = std::pin::pin!(cap::engine::work(&engine, &options, &Silent, &stop));
        world.falls_asleep(work.as_mut()).await;
        let until = world.clock.now() + Duration::from_secs(3 * 3600);
        let limit = ErrorClass::RateLimited { until, of_account: false };
        world.providers.ca.refuse(PortError::new(limit, "too many orders"));
        world.faults.wake();
        assert!(work.await.expect("the store answers").left > 0 && world.faults.all_happened());
        // The next order is placed and its event is written, and the job is not: its worker dies in between.
        let job = job_of(&world, "certificate.www").await;
        let request = OrderRequest {
            names: vec!["www.example.com".to_owned()],
            profile: None,
            lifetime: None,
            replaces: None,
            preferred_chain: None,
            again: None,
        };
        let OrderHandle(url) = FakeIssuer(Arc::clone(&world.providers.ca)).order(&request).await.expect("an order");
        let lease = world.store.lease(&job.id, "dead", Duration::from_secs(30)).await.expect("a lease");
        let placed = Event {
            job: job.id.clone(),
            number: job.next_event,
            at: world.clock.now(),
            actor: job.actor.clone(),
            address: job.address().clone(),
            body: EventBody::OrderPlaced { url },
        };
        let half = Advance { job, events: vec![placed], writes: vec![], appends: vec![], log: vec![], release: true };
        world.store.advance(&lease, &half).await.expect("it is written");
        // Somebody else is handed that order as well, and is faster.
        let twin =
            world.submit(vec![issue("certificate.twin", "www.example.com", &[])]).await.expect("it is submitted");
        assert_eq!(world.work_as("quick", &twin, &Stop::default()).await.expect("it works").failed, []);
        assert_eq!(world.work_as("heir", &run, &Stop::default()).await.expect("it works").failed, []);
        let ca = &world.providers.ca;
        assert_eq!(
            (ca.placed(), ca.finalized(), ca.issued().len()),
            (3, 3, 3),
            "nobody is given another's certificate"
        );
        world.check_laws("a lost order").await;
    });
}
