//! What goes with a record that is removed: keys, and challenge records that had been left behind.

use cap::engine::progress::Silent;
use cap::engine::{Stop, WithdrawFault, WorkOptions};
use cap::job::{ErrorClass, JobStatus};
use cap::plan::{Action, Reason, Step, Work};
use cap::ports::PortError;
use cap::ports::clock::Clock as _;
use cap::state::{EventBody, Record};
use cap::testing::Fault;
use cap::time::Duration;
use serde_json::json;

use super::failures::job_of;
use super::renewals::{break_withdrawals, plan, wanted};
use super::world::{ACTOR, SLOT, World, create, estate, ground, issue, run};

fn delete(record: Record, work: Work, needs: &[usize]) -> Step {
    Step {
        action: Action::Delete,
        reasons: vec![Reason::Destroy],
        base: record.revision,
        before: record.spec.as_deref().cloned(),
        after: None,
        ..create(&record.address.to_string(), work, json!({}), needs)
    }
}

/// The steps that take the certificate of the estate away.
async fn deletion(world: &World) -> Vec<Step> {
    let record = async |of| world.record(of).await.expect("a record");
    vec![
        delete(record("certificate.www@file_target.web").await, Work::Undeploy, &[]),
        delete(record("certificate.www").await, Work::Record, &[0]),
        delete(record("file_target.web").await, Work::Record, &[0]),
    ]
}

/// Applies an estate; the addresses of what failed.
async fn apply(world: &World, steps: &[Step]) -> Vec<String> {
    let plan = plan(world, &wanted(steps)).await;
    let run = cap::engine::submit(&world.engine(), &plan, ACTOR, None).await.expect("it is submitted");
    let report = world.work(&run).await.expect("the store answers");
    report.failed.iter().map(|job| job.address().to_string()).collect()
}

#[test]
fn deleting_a_certificate_removes_its_keys_and_revokes_nothing() {
    run(async {
        let world = World::new().await;
        assert_eq!(apply(&world, &estate()).await, Vec::<String>::new());
        let key = world.certificate("certificate.www").await.versions[0].key.clone().expect("a key");
        let report = world.apply_through_crashes(deletion(&world).await).await;
        assert_eq!(report.failed, []);
        for gone in ["certificate.www@file_target.web", "certificate.www", "file_target.web"] {
            assert!(world.record(gone).await.is_none(), "{gone}");
        }
        assert_eq!(world.providers.hosts.content(SLOT), None);
        assert!(world.vault.get(&key).await.is_err_and(|fault| fault.class == ErrorClass::Absent));
        assert_eq!(world.providers.ca.revoked(), Vec::<String>::new());
        world.check_laws("delete").await;
    });
}

#[test]
fn a_timeline_tells_of_the_keys_that_went_even_when_the_process_died_before_it_could() {
    run(async {
        for fault in [Fault::Repeat, Fault::CrashBefore, Fault::CrashAfter] {
            let world = World::new().await;
            assert_eq!(apply(&world, &estate()).await, Vec::<String>::new());
            let chain = world.record("certificate.www").await.and_then(|record| record.chain).expect("a chain");
            world.faults.plan("remove_key", 1, fault.clone());
            assert_eq!(world.apply_through_crashes(deletion(&world).await).await.failed, []);
            let is_about_key = |body: &EventBody| matches!(body, EventBody::KeyRemoved { .. });
            let events = world.events().await.into_iter().filter(|event| is_about_key(&event.body)).count();
            let links = world.store.chain(&chain).await.expect("a chain");
            let last = links.last().map(|link| link.entry.clone()).expect("a link");
            assert_eq!((events, last.contains("key_removed")), (1, true), "{fault:?}: {last}");
            world.check_laws("key removed").await;
        }
    });
}

#[test]
fn what_a_certificate_left_in_a_zone_is_withdrawn_when_it_is_deleted() {
    run(async {
        let world = World::new().await;
        break_withdrawals(&world);
        assert_eq!(apply(&world, &estate()).await, Vec::<String>::new());
        assert_eq!(world.providers.dns.records().len(), 1, "it was left behind");
        // Everything goes at once, also the credential that is needed for it.
        assert_eq!(apply(&world, &[]).await, Vec::<String>::new());
        assert_eq!(world.store.snapshot().await.expect("a snapshot").state.records.len(), 0);
        world.check_laws("left behind and deleted").await;
    });
}

#[test]
fn what_a_first_issue_that_failed_left_in_a_zone_is_withdrawn_when_it_is_given_up() {
    run(async {
        let world = World::new().await;
        break_withdrawals(&world);
        world.faults.plan("respond", 1, Fault::FailBefore(ErrorClass::Rejected));
        assert_eq!(apply(&world, &estate()).await, ["certificate.www"]);
        assert_eq!(world.providers.dns.records().len(), 1, "it was left behind");
        assert_eq!(apply(&world, &ground()).await, Vec::<String>::new());
        assert!(world.record("certificate.www").await.is_none());
        world.check_laws("left behind and forgotten").await;
    });
}

#[test]
fn a_job_that_is_withdrawn_leaves_no_key() {
    run(async {
        let world = World::new().await;
        let run = world.submit(ground()).await.expect("it is submitted");
        world.work(&run).await.expect("the store answers");
        let before = world.vault.ids().await.expect("ids");
        // Its order is refused for a while: by then its key is made.
        let until = world.clock.now() + Duration::from_secs(3 * 3600);
        let limit = ErrorClass::RateLimited { until, of_account: false };
        world.providers.ca.refuse(PortError::new(limit, "too many orders"));
        let run = world.submit(vec![issue("certificate.www", "www.example.com", &[])]).await.expect("it is submitted");
        let patience = Some(Duration::from_secs(60));
        let options = WorkOptions { run: Some(run), patience, ..WorkOptions::new("worker") };
        let report = cap::engine::work(&world.engine(), &options, &Silent, &Stop::default()).await.expect("it works");
        assert_eq!(report.left, 1);
        assert_eq!(world.vault.ids().await.expect("ids").len(), before.len() + 1, "its key is made");
        let jobs = [job_of(&world, "certificate.www").await];
        let kept = cap::engine::withdraw(&*world.store, &*world.vault, &jobs).await.expect("the vault answers");
        assert!(kept.is_empty(), "{kept:?}");
        assert_eq!(world.vault.ids().await.expect("ids"), before);
        assert_eq!(job_of(&world, "certificate.www").await.status, JobStatus::Cancelled);
        let again = cap::engine::withdraw(&*world.store, &*world.vault, &jobs).await.expect("the vault answers");
        assert!(matches!(again[..], [(_, WithdrawFault::Lease(_))]), "{again:?}");
        world.check_laws("withdrawn").await;
    });
}
