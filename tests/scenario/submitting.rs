//! Submitting: what is refused, and what it costs.

use cap::engine::progress::Silent;
use cap::engine::{Stop, SubmitFault, WorkOptions};
use cap::job::JobStatus;
use cap::plan::{Action, Step, Work};
use cap::ports::clock::Clock as _;
use cap::testing::Fault;
use serde_json::json;

use super::failures::job_of;
use super::world::{World, address, create, deploy, estate, issue, run};

#[test]
fn a_plan_is_stale_only_when_what_it_changes_has_changed() {
    run(async {
        let world = World::new().await;
        let record = |of: &str, base| Step { base, ..create(of, Work::Record, json!({ "n": base }), &[]) };
        world.submit(vec![record("zone.a", 0), record("zone.b", 0)]).await.expect("both are new");
        world.submit(vec![record("zone.a", 1)]).await.expect("it was not changed since");
        let fault = world.submit(vec![record("zone.a", 1), record("zone.b", 1)]).await.expect_err("stale");
        assert!(matches!(&fault, SubmitFault::Stale(list) if *list == [address("zone.a")]), "{fault:?}");
        world.submit(vec![record("zone.b", 1)]).await.expect("another record's change does not matter");
    });
}

#[test]
fn what_a_job_works_on_is_left_to_it() {
    run(async {
        let world = World::new().await;
        let run = world.submit(estate()).await.expect("it is submitted");
        let claimed = world.record("certificate.www").await.expect("a claim");
        let again = Step { base: claimed.revision, ..super::world::issue("certificate.www", "www.example.com", &[]) };
        let fault = world.submit(vec![again]).await.expect_err("busy");
        assert!(matches!(&fault, SubmitFault::Busy(list) if list[0].0 == address("certificate.www")), "{fault:?}");
        world.work(&run).await.expect("the store answers");
        assert!(world.record("certificate.www").await.expect("a record").claim.is_none());
    });
}

#[test]
fn a_plan_of_another_store_is_refused() {
    run(async {
        let (world, other) = (World::new().await, World::new().await);
        let plan = other.plan(estate()).await;
        let fault = cap::engine::submit(&world.engine(), &plan, "tester", None).await.expect_err("another store");
        assert!(matches!(fault, SubmitFault::OtherStore { .. }), "{fault:?}");
    });
}

#[test]
fn a_move_takes_the_record_and_its_timeline_along() {
    run(async {
        let world = World::new().await;
        let run = world.submit(estate()).await.expect("it is submitted");
        world.work(&run).await.expect("the store answers");
        let before = world.record("certificate.www").await.expect("a record");
        let mut moved = super::world::issue("certificate.site", "www.example.com", &[]);
        moved.action = Action::Move;
        moved.work = Work::Record;
        moved.base = before.revision;
        moved.moved_from = Some(address("certificate.www"));
        world.submit(vec![moved]).await.expect("it moves");
        assert!(world.record("certificate.www").await.is_none());
        let after = world.record("certificate.site").await.expect("it is there");
        assert_eq!((after.facts, after.chain), (before.facts, before.chain));
        world.check_laws("moved").await;
    });
}

#[test]
fn bookkeeping_that_needs_a_job_waits_for_it() {
    run(async {
        let world = World::new().await;
        let mut steps = estate();
        steps.push(create("certificate_policy.p", Work::Record, json!({}), &[4]));
        let refusal = cap::ports::PortError::new(cap::job::ErrorClass::Rejected, "no");
        world.providers.ca.refuse(refusal);
        let run = world.submit(steps).await.expect("it is submitted");
        let report = world.work(&run).await.expect("the store answers");
        assert_eq!((report.failed.len(), report.skipped.len()), (1, 2));
        assert!(world.record("certificate_policy.p").await.is_none());
        assert!(world.record("zone.z").await.expect("at once").spec.is_some());
    });
}

/// Four thousand objects that touch nothing outside: one submission, no job.
#[test]
fn four_thousand_records_are_one_submission() {
    run(async {
        let world = World::new().await;
        let steps: Vec<Step> = (0..4000)
            .map(|number| create(&format!("member.m[{number}]"), Work::Record, json!({ "email": "a@b.example" }), &[]))
            .collect();
        let run = world.submit(steps).await.expect("it is submitted");
        let report = world.work(&run).await.expect("the store answers");
        assert_eq!((report.succeeded.len(), report.left), (0, 0));
        assert_eq!(world.store.snapshot().await.expect("a snapshot").state.records.len(), 4000);
        world.check_laws("four thousand").await;
    });
}

#[test]
fn what_is_skipped_of_a_run_that_came_meanwhile_is_reported() {
    run(async {
        let world = World::new().await;
        world.submit(estate()).await.expect("it is submitted");
        world.faults.plan("finalize", 1, Fault::Stall);
        let (engine, options, stop) = (world.engine(), WorkOptions::new("worker"), Stop::default());
        let mut work = std::pin::pin!(cap::engine::work(&engine, &options, &Silent, &stop));
        world.falls_asleep(work.as_mut()).await;
        let later = vec![
            issue("certificate.other", "other.example.com", &[]),
            deploy("certificate.other", "file_target.web", "web:/tls/other", &[0]),
        ];
        world.submit(later).await.expect("it is submitted");
        let withdrawn = job_of(&world, "certificate.other").await.id;
        world.store.set_status(&withdrawn, &JobStatus::Cancelled, world.clock.now()).await.expect("nobody has begun");
        world.faults.wake();
        let report = work.await.expect("the store answers");
        let skipped = job_of(&world, "certificate.other@file_target.web").await.id;
        assert_eq!((report.failed, report.skipped), (vec![], vec![(skipped, withdrawn)]));
        world.check_laws("skipped").await;
    });
}
