//! Failures by name: rate limits, lost answers, services that do not take up, workers that die or fall asleep.

use cap::engine::progress::Silent;
use cap::engine::{Stop, WorkOptions};
use cap::job::effect::Before;
use cap::job::machine::Context;
use cap::job::retry::{self, Verdict};
use cap::job::{ErrorClass, Fact, Failure, Job, JobId, JobStatus, Machine, Next};
use cap::plan::{Action, Step, Work};
use cap::ports::PortError;
use cap::ports::clock::Clock as _;
use cap::ports::store::{Advance, JobFilter, LeaseError};
use cap::ports::vault::{Flush, KeyType};
use cap::state::EventBody;
use cap::testing::{Fault, Trick};
use cap::time::{Duration, Timestamp};
use serde_json::json;

use super::world::{SLOT, World, create, deploy, due, estate, ground, issue, renewal, run};

/// The message of the only failure.
fn failure(failed: &[Job]) -> &str {
    match failed {
        [Job { status: JobStatus::Failed { failure }, .. }] => &failure.message,
        other => panic!("one failure is expected, not {other:?}"),
    }
}

pub async fn apply(world: &World, steps: Vec<Step>) -> cap::engine::WorkReport {
    let run = world.submit(steps).await.expect("it is submitted");
    world.work(&run).await.expect("the store answers")
}

/// How many attempts failed, by the events.
pub async fn failed_attempts(world: &World) -> usize {
    count(world, |body| matches!(body, EventBody::AttemptFailed { .. })).await
}

/// How often something happened, by the events.
async fn count(world: &World, what: impl Fn(&EventBody) -> bool) -> usize {
    world.events().await.iter().filter(|event| what(&event.body)).count()
}

/// The CA refuses the next order for three hours, a limit of its names alone. Returns when they end.
fn limited(world: &World) -> Timestamp {
    let until = world.clock.now() + Duration::from_secs(3 * 3600);
    let limit = ErrorClass::RateLimited { until, of_account: false };
    world.providers.ca.refuse(PortError::new(limit, "too many orders"));
    until
}

#[test]
fn f05_a_rate_limit_parks_the_job_and_is_no_failure() {
    run(async {
        let world = World::new().await;
        let until = limited(&world);
        let mut steps = estate();
        steps.push(issue("certificate.other", "other.example.com", &[0, 2]));
        let report = apply(&world, steps).await;
        assert_eq!((report.failed.len(), report.succeeded.len()), (0, 4));
        assert!(world.clock.now() >= until, "it waited");
        assert_eq!(failed_attempts(&world).await, 0);
        let first = &world.certificate("certificate.www").await.versions[0];
        let other = &world.certificate("certificate.other").await.versions[0];
        assert!(first.issued_at.since(other.issued_at).millis().abs() > 3_000_000, "the other one did not wait");
        world.check_laws("F05").await;
    });
}

#[test]
fn a_worker_with_little_patience_leaves_long_waits_and_does_the_rest() {
    run(async {
        let world = World::new().await;
        let until = limited(&world);
        let mut steps = estate();
        steps.push(issue("certificate.other", "other.example.com", &[0, 2]));
        let run = world.submit(steps).await.expect("it is submitted");
        let patience = Some(Duration::from_secs(60));
        let options = WorkOptions { run: Some(run.clone()), patience, ..WorkOptions::new("worker") };
        let report = cap::engine::work(&world.engine(), &options, &Silent, &Stop::default()).await.expect("it works");
        assert!(report.left > 0 && world.clock.now() < until, "it did not wait: {report:?}");
        assert_eq!(report.failed, []);
        let rest = world.work(&run).await.expect("the store answers");
        assert_eq!((rest.failed.len(), rest.left), (0, 0));
        assert!(world.clock.now() >= until);
    });
}

#[test]
fn a_job_that_cannot_be_read_fails_alone() {
    run(async {
        let world = World::new().await;
        let mut steps = ground();
        let first = steps.len();
        steps.push(issue("certificate.www", "www.example.com", &[0, 2]));
        steps.push(issue("certificate.other", "other.example.com", &[0, 2]));
        let run = world.submit(steps).await.expect("it is submitted");
        let jobs = world.store.jobs(&JobFilter::default()).await.expect("jobs");
        let id = &jobs.iter().find(|job| job.address().to_string() == "certificate.www").expect("a job").id;
        let lease = world.store.lease(id, "elsewhere", Duration::from_secs(30)).await.expect("a lease");
        let job = Job { machine: json!({"of": "another version"}), ..lease.job.clone() };
        let nothing = Advance { job, events: vec![], writes: vec![], appends: vec![], log: vec![], release: true };
        world.store.advance(&lease, &nothing).await.expect("it is written");
        let report = world.work(&run).await.expect("the worker goes on");
        assert!(failure(&report.failed).contains("cannot go on"), "{:?} of {first}", report.failed);
        assert_eq!(world.certificate("certificate.other").await.versions.len(), 1);
        let record = world.record("certificate.www").await;
        assert!(record.is_none_or(|record| record.claim.is_none()), "a later plan may take it up");
    });
}

#[test]
fn f13_a_lost_answer_to_finalize_costs_no_second_certificate() {
    run(async {
        let world = World::new().await;
        world.faults.plan("finalize", 1, Fault::FailAfter(ErrorClass::Transient));
        let report = apply(&world, estate()).await;
        assert_eq!(report.failed, []);
        assert_eq!((world.providers.ca.finalized(), world.faults.count("finalize")), (1, 1));
        assert_eq!(world.providers.ca.issued().len(), 1);
    });
}

#[test]
fn a_lost_answer_to_a_challenge_is_looked_for_before_it_is_answered_again() {
    run(async {
        let world = World::new().await;
        world.faults.plan("respond", 1, Fault::FailAfter(ErrorClass::Transient));
        assert_eq!(apply(&world, estate()).await.failed, []);
        assert_eq!((world.faults.count("respond"), world.faults.count("challenges")), (1, 2));
        world.check_laws("respond").await;
    });
}

#[test]
fn a_key_that_was_lost_is_made_anew_and_the_order_goes_on() {
    run(async {
        let world = World::new().await;
        let run = world.dies_at("finalize", Fault::CrashBefore).await;
        let lost = cap::state::facts::KeyId(format!("certificate/{}", job_of(&world, "certificate.www").await.id));
        world.vault.get(&lost).await.expect("it was made");
        world.vault.remove(&lost).await.expect("removed");
        let report = world.work_as("heir", &run, &Stop::default()).await.expect("the store answers");
        assert_eq!(report.failed, []);
        assert_eq!((world.providers.ca.placed(), world.providers.ca.issued().len()), (1, 1));
        // No write flushes it before the CA hears of it, as that of the order does otherwise.
        assert_eq!(world.faults.keys(), [Flush::Later, Flush::Now]);
        let version = &world.certificate("certificate.www").await.versions[0];
        assert_eq!(version.key.as_ref(), Some(&lost));
        assert_eq!(world.vault.ensure(&lost, KeyType::EcdsaP256, Flush::Now).await, Ok(version.spki));
        world.check_laws("key lost").await;
    });
}

#[test]
fn what_is_missing_here_is_not_an_order_that_vanished_there() {
    run(async {
        for (call, missing) in [("challenges", "zone.z"), ("status", "acme_account.le")] {
            let world = World::new().await;
            let run = world.dies_at(call, Fault::CrashBefore).await;
            let gone = world.record(missing).await.expect("a record");
            let forget = Step {
                action: Action::Forget,
                base: gone.revision,
                before: gone.spec.as_deref().cloned(),
                after: None,
                ..create(missing, Work::Record, json!({}), &[])
            };
            world.submit(vec![forget]).await.expect("it is forgotten");
            let report = world.work_as("heir", &run, &Stop::default()).await.expect("the store answers");
            let message = failure(&report.failed);
            assert!(message.contains(&format!("the store holds no {missing}")), "{call}: {message}");
            assert_eq!((world.providers.ca.placed(), world.faults.count("order")), (1, 1), "{call}: no second order");
            world.check_laws(call).await;
        }
    });
}

/// The job that works on this.
pub async fn job_of(world: &World, address: &str) -> Job {
    let jobs = world.store.jobs(&JobFilter::default()).await.expect("jobs");
    jobs.into_iter().find(|job| job.address().to_string() == address).expect("a job")
}

#[test]
fn f16_a_failed_target_stops_no_other_and_is_the_only_one_repeated() {
    run(async {
        let world = World::new().await;
        let mut steps = ground();
        steps.push(issue("certificate.www", "www.example.com", &[0, 2]));
        for number in 0..7 {
            let target = format!("file_target.t{number}");
            steps.push(deploy("certificate.www", &target, &format!("host{number}:/tls"), &[4]));
        }
        world.providers.hosts.trick("host3:/tls", Trick::ReloadFails);
        let report = apply(&world, steps).await;
        assert_eq!((report.failed.len(), report.succeeded.len()), (1, 8));
        assert!(failure(&report.failed).contains("reload command ended with status 1"), "{report:?}");
        let of = "certificate.www@file_target.t3";
        let stub = world.record(of).await.expect("a record that says what failed");
        assert!(stub.trouble.is_some() && stub.spec.is_none() && stub.claim.is_none(), "{stub:?}");
        let again = Step { base: stub.revision, ..deploy("certificate.www", "file_target.t3", "host3:/tls", &[]) };
        assert_eq!(apply(&world, vec![again]).await.failed, []);
        let installs: Vec<usize> = (0..7).map(|n| world.providers.hosts.installs(&format!("host{n}:/tls"))).collect();
        assert_eq!(installs, [1, 1, 1, 2, 1, 1, 1]);
        world.check_laws("F16").await;
    });
}

#[test]
fn f17_a_crash_between_copy_and_reload_repeats_both() {
    run(async {
        let world = World::new().await;
        world.faults.plan("reload", 1, Fault::CrashBefore);
        let report = world.apply_through_crashes(estate()).await;
        assert_eq!(report.failed, []);
        let installed = world.deployment("certificate.www@file_target.web").await.expect("it is deployed");
        assert!(installed.verified_at.is_some());
        assert_eq!(world.providers.hosts.served(SLOT), Some(installed.fingerprint));
        assert_eq!(world.providers.hosts.installs(SLOT), 2);
    });
}

/// Renews an estate while its machine plays these tricks. Returns what was in service before, and the report.
async fn renew_with(world: &World, tricks: &[Trick]) -> (Option<cap::digest::Digest>, cap::engine::WorkReport) {
    assert_eq!(apply(world, estate()).await.failed, []);
    let before = world.providers.hosts.served(SLOT);
    tricks.iter().for_each(|trick| world.providers.hosts.trick(SLOT, *trick));
    let report = apply(world, renewal(world, due(world.clock.now())).await).await;
    (before, report)
}

#[test]
fn f20_f21_what_is_not_served_is_undone_and_seen_again() {
    run(async {
        for (trick, words) in [(Trick::ReloadFails, "status 1"), (Trick::Lies, "is not served")] {
            let world = World::new().await;
            let (before, report) = renew_with(&world, &[trick]).await;
            let message = failure(&report.failed);
            assert!(message.contains(words) && message.contains("in place again"), "{message}");
            let hosts = &world.providers.hosts;
            assert_eq!((hosts.content(SLOT), hosts.served(SLOT)), (before, before), "{trick:?}");
            let record = world.record("certificate.www@file_target.web").await.expect("a record");
            assert!(record.trouble.is_some());
            assert_eq!(world.deployment("certificate.www@file_target.web").await.map(|facts| facts.version), Some(1));
            let rolled_back = count(&world, |body| matches!(body, EventBody::RolledBack { .. })).await;
            assert_eq!(rolled_back, 1, "{trick:?}");
            world.check_laws("F20").await;
        }
    });
}

#[test]
fn a_command_that_fails_with_the_old_files_too_leaves_nothing_broken() {
    run(async {
        let world = World::new().await;
        let (before, report) = renew_with(&world, &[Trick::CommandIsWrong]).await;
        let message = failure(&report.failed);
        let again = "the previous version is in place again, but the reload command ended with status 1, again";
        assert!(message.ends_with(again) && !message.contains("BROKEN"), "{message}");
        assert_eq!((world.providers.hosts.content(SLOT), world.faults.count("restore")), (before, 1));
        let is_rolled_back =
            |body: &EventBody| matches!(body, EventBody::RolledBack { fingerprint, .. } if *fingerprint == before);
        assert_eq!(count(&world, is_rolled_back).await, 1);
    });
}

#[test]
fn what_is_put_back_is_looked_at_as_the_previous_configuration_said() {
    run(async {
        for (endpoint, broken) in [(json!(false), false), (json!(true), true)] {
            let world = World::new().await;
            let mut steps = estate();
            let config = json!({ "slot": SLOT, "endpoint": endpoint });
            set_config(&mut steps[5], &config);
            assert_eq!(apply(&world, steps).await.failed, []);
            world.providers.hosts.trick(SLOT, Trick::CommandIsWrong);
            world.providers.hosts.serve(SLOT, None);
            let report = apply(&world, renewal(&world, due(world.clock.now())).await).await;
            let message = failure(&report.failed);
            assert_eq!(message.contains("BROKEN"), broken, "{message}");
        }
    });
}

fn set_config(step: &mut Step, config: &serde_json::Value) {
    let draft = step.after.as_mut().expect("what it is to become");
    draft.spec.insert("config".to_owned(), config.clone());
}

#[test]
fn a_first_installation_that_fails_claims_no_previous_version() {
    run(async {
        let world = World::new().await;
        world.providers.hosts.trick(SLOT, Trick::CommandIsWrong);
        let report = apply(&world, estate()).await;
        let message = failure(&report.failed);
        assert!(message.contains("has been removed") && !message.contains("previous version"), "{message}");
        assert_eq!(world.providers.hosts.content(SLOT), None);
    });
}

#[test]
fn an_endpoint_that_refuses_connections_is_not_asked_for_minutes() {
    run(async {
        let world = World::new().await;
        for _ in 0..8 {
            world.providers.hosts.trick(SLOT, Trick::Lies);
        }
        let begin = world.clock.now();
        let report = apply(&world, estate()).await;
        assert!(failure(&report.failed).contains("connection refused"), "{report:?}");
        assert_eq!((world.faults.count("install"), report.failed[0].attempt), (3, 3));
        let took = world.clock.now().since(begin);
        assert!(took < Duration::from_secs(90), "it took {took}");
    });
}

#[test]
fn a_slow_service_is_given_its_time() {
    run(async {
        let world = World::new().await;
        let (_, report) = renew_with(&world, &[Trick::Slow(5)]).await;
        assert_eq!(report.failed, []);
        assert_eq!(world.providers.hosts.installs(SLOT), 2);
    });
}

#[test]
fn f23_a_rollback_that_fails_is_loud_and_not_repeated() {
    run(async {
        let world = World::new().await;
        let (_, report) = renew_with(&world, &[Trick::ReloadFails, Trick::RestoreFails]).await;
        let message = failure(&report.failed);
        assert!(message.starts_with("BROKEN") && message.contains("could not be put back"), "{message}");
        assert_eq!((world.faults.count("restore"), report.failed[0].attempt), (1, 1));
    });
}

#[test]
fn f24_another_worker_takes_over_when_the_lease_has_run_out() {
    run(async {
        let world = World::new().await;
        let run = world.dies_at("respond", Fault::CrashAfter).await;
        let died = world.clock.now();
        let report = world.work_as("heir", &run, &Stop::default()).await.expect("the store answers");
        assert_eq!((report.failed.len(), report.left), (0, 0));
        assert!(world.clock.now().since(died) >= Duration::from_secs(29), "the lease was respected");
        assert_eq!((world.providers.ca.placed(), world.faults.count("respond")), (1, 1), "F11: no second answer");
        world.check_laws("F24").await;
    });
}

#[test]
fn f25_a_worker_that_lost_its_lease_writes_nothing_and_pushes_nothing() {
    run(async {
        let world = World::new().await;
        let run = world.submit(estate()).await.expect("it is submitted");
        // It falls asleep while it asks what the target holds, and another worker finishes meanwhile.
        world.faults.plan("previous", 1, Fault::Stall);
        let stop = Stop::default();
        let asleep = world.work_as("sleeper", &run, &stop);
        let mut asleep = std::pin::pin!(asleep);
        world.falls_asleep(asleep.as_mut()).await;
        world.clock.advance(Duration::from_secs(150));
        let report = world.work_as("heir", &run, &Stop::default()).await.expect("the store answers");
        assert_eq!((report.failed.len(), world.providers.hosts.installs(SLOT)), (0, 1));
        world.faults.wake();
        let woken = asleep.await.expect("the store answers");
        assert_eq!(woken.failed, []);
        assert_eq!(world.providers.hosts.installs(SLOT), 1, "nothing was pushed after waking");
        world.check_laws("F25").await;
    });
}

#[test]
fn a_stale_token_is_refused_by_the_store() {
    run(async {
        let world = World::new().await;
        world.submit(estate()).await.expect("it is submitted");
        let job = world.store.jobs(&JobFilter::default()).await.expect("jobs").remove(0);
        let ttl = Duration::from_secs(30);
        let old = world.store.lease(&job.id, "a", ttl).await.expect("a lease");
        world.clock.advance(Duration::from_secs(31));
        world.store.lease(&job.id, "b", ttl).await.expect("another lease");
        let advance = Advance { job, events: vec![], writes: vec![], appends: vec![], log: vec![], release: false };
        assert!(matches!(world.store.advance(&old, &advance).await, Err(LeaseError::Lost)));
    });
}

#[test]
fn f26_many_workers_make_one_order_a_certificate_and_one_push_a_target() {
    run(async {
        let world = World::new().await;
        let mut steps = ground();
        for number in 0..12 {
            let at = steps.len();
            steps.push(issue(&format!("certificate.c{number}"), &format!("c{number}.example.com"), &[0, 2]));
            steps.push(deploy(&format!("certificate.c{number}"), "file_target.web", &format!("web:/{number}"), &[at]));
        }
        let run = world.submit(steps).await.expect("it is submitted");
        let stop = Stop::default();
        let workers = ["a", "b", "c", "d"].map(|name| world.work_as(name, &run, &stop));
        for report in futures_util::future::join_all(workers).await {
            assert_eq!(report.expect("the store answers").failed, []);
        }
        assert_eq!((world.providers.ca.placed(), world.providers.ca.issued().len()), (12, 12));
        assert!((0..12).all(|number| world.providers.hosts.installs(&format!("web:/{number}")) == 1));
        world.check_laws("F26").await;
    });
}

#[test]
fn f30_the_ca_is_asked_only_when_every_server_answers() {
    run(async {
        let world = World::new().await;
        world.providers.dns.lag("example.com", "ns2", 12);
        assert_eq!(apply(&world, estate()).await.failed, []);
        assert!(world.faults.count("look") > 10);
        world.check_laws("F30").await;
    });
}

#[test]
fn f30_a_server_that_never_follows_is_named() {
    run(async {
        let world = World::new().await;
        world.providers.dns.lag("example.com", "ns2", usize::MAX);
        let report = apply(&world, estate()).await;
        assert!(failure(&report.failed).contains("ns2"), "{report:?}");
        assert_eq!((world.faults.count("respond"), report.skipped.len()), (0, 1));
        world.check_laws("F30").await;
    });
}

#[test]
fn f37_an_invalid_authorization_is_cleaned_up_and_tried_again_much_later() {
    run(async {
        let world = World::new().await;
        let begin = world.clock.now();
        // The provider loses the record right after the check: the CA does not see it.
        let run = world.dies_at("respond", Fault::CrashBefore).await;
        world.providers.ca.spoil_orders("NXDOMAIN");
        let report = world.work_as("heir", &run, &Stop::default()).await.expect("the store answers");
        assert_eq!(report.failed, []);
        assert!(world.clock.now().since(begin) > Duration::from_secs(12 * 60), "it tried again too soon");
        assert_eq!((world.providers.ca.placed(), world.providers.ca.issued().len()), (2, 1));
        world.check_laws("F37").await;
    });
}

#[test]
fn f51_an_order_that_ran_out_is_replaced_and_no_failure() {
    run(async {
        let world = World::new().await;
        let run = world.dies_at("respond", Fault::CrashBefore).await;
        world.providers.ca.forget_orders();
        let report = world.work_as("heir", &run, &Stop::default()).await.expect("the store answers");
        assert_eq!((report.failed.len(), failed_attempts(&world).await), (0, 0));
        assert_eq!((world.providers.ca.placed(), world.providers.ca.issued().len()), (2, 1));
        world.check_laws("F51").await;
    });
}

#[test]
fn what_depends_on_a_failure_is_skipped_and_the_rest_goes_on() {
    run(async {
        let world = World::new().await;
        world.providers.ca.refuse(PortError::new(ErrorClass::Rejected, "policy forbids this name"));
        let mut steps = estate();
        steps.push(issue("certificate.other", "other.example.com", &[0, 2]));
        steps.push(deploy("certificate.other", "file_target.web", "web:/other", &[6]));
        let report = apply(&world, steps).await;
        assert_eq!((report.failed.len(), report.skipped.len(), report.succeeded.len()), (1, 1, 3));
        assert_eq!(report.skipped[0].1, report.failed[0].id);
        // The refusal meets whichever of the two orders first.
        let failed = report.failed[0].address().to_string();
        let other = if failed == "certificate.www" { "certificate.other" } else { "certificate.www" };
        assert!(world.record(&format!("{failed}@file_target.web")).await.is_none(), "its claim is gone");
        assert!(world.deployment(&format!("{other}@file_target.web")).await.is_some());
        world.check_laws("skipped").await;
    });
}

#[test]
fn a_graceful_stop_gives_everything_back_and_the_next_worker_goes_on() {
    run(async {
        let world = World::new().await;
        let run = world.submit(estate()).await.expect("it is submitted");
        world.faults.plan("present", 1, Fault::Stall);
        let stop = Stop::default();
        let work = world.work_as("first", &run, &stop);
        let mut work = std::pin::pin!(work);
        world.falls_asleep(work.as_mut()).await;
        stop.gracefully();
        world.faults.wake();
        let report = work.await.expect("the store answers");
        assert_eq!((report.succeeded.len(), report.left), (1, 2), "the effect was finished, nothing else was begun");
        assert_eq!(world.providers.dns.records().len(), 1);
        let report = world.work_as("second", &run, &Stop::default()).await.expect("the store answers");
        assert_eq!((report.succeeded.len(), report.left), (2, 0));
        assert_eq!(world.providers.ca.placed(), 1);
        world.check_laws("graceful").await;
    });
}

#[test]
fn an_immediate_stop_cuts_off_and_the_next_worker_need_not_wait() {
    run(async {
        let world = World::new().await;
        let run = world.submit(estate()).await.expect("it is submitted");
        world.faults.plan("finalize", 1, Fault::Stall);
        let stop = Stop::default();
        let work = world.work_as("first", &run, &stop);
        let mut work = std::pin::pin!(work);
        world.falls_asleep(work.as_mut()).await;
        stop.at_once();
        assert_eq!(work.await.expect("the store answers").left, 2);
        let begin = world.clock.now();
        assert_eq!(world.work_as("second", &run, &Stop::default()).await.expect("the store answers").left, 0);
        assert!(world.clock.now().since(begin) < Duration::from_secs(10));
        assert_eq!(world.providers.ca.issued().len(), 1);
        world.check_laws("immediate").await;
    });
}

#[test]
fn an_old_place_that_cannot_be_cleared_is_not_forgotten() {
    run(async {
        let world = World::new().await;
        assert_eq!(apply(&world, estate()).await.failed, []);
        let of = "certificate.www@file_target.web";
        let moving = async || {
            let record = world.record(of).await.expect("a record");
            let step = deploy("certificate.www", "file_target.web", "web:/moved", &[]);
            Step { action: Action::Replace, base: record.revision, before: record.spec.as_deref().cloned(), ..step }
        };
        (1..=8).for_each(|nth| world.faults.plan("remove", nth, Fault::FailBefore(ErrorClass::Transient)));
        assert_eq!(apply(&world, vec![moving().await]).await.failed.len(), 1);
        assert!(world.providers.hosts.served("web:/moved").is_some(), "the new one is in service");
        assert_eq!(apply(&world, vec![moving().await]).await.failed, []);
        assert_eq!(world.providers.hosts.content(SLOT), None, "the old place with its key is cleared in the end");
        let spec = world.record(of).await.and_then(|record| record.spec).expect("a record");
        assert_eq!(spec.get("config"), Some(&json!({ "slot": "web:/moved" })));
        world.check_laws("moved").await;
    });
}

#[test]
fn only_what_has_left_nothing_outside_may_be_withdrawn() {
    let id = JobId("run.1".to_owned());
    let broken = Failure { class: ErrorClass::Transient, message: "unreachable".to_owned(), remedy: None };
    let now = cap::time::Timestamp::from_millis(0);
    let check = |step: &Step, outcomes: Vec<Result<Fact, Failure>>, traces: bool| {
        let mut context = Context { job: &id, step, record: None, now, jitter: 0 };
        let mut machine = Machine::begin(&context);
        for outcome in outcomes {
            let Next::Do(effect) = machine.next(&context) else { panic!("it should have something to do") };
            machine.outcome(&effect, outcome, &context);
            context.now = context.now + Duration::from_secs(60);
        }
        assert_eq!(machine.has_left_traces(), traces, "{machine:?}");
    };
    let (key, order) = (Fact::Key(cap::digest::Digest::of("key")), Fact::Order("https://ca.test/order/1".to_owned()));
    let before = Fact::Before(Before { fingerprint: None, handle: String::new(), holder: None });
    let (issue, deploy) =
        (issue("certificate.www", "www.example.com", &[]), deploy("certificate.www", "file_target.web", SLOT, &[]));
    check(&issue, vec![Ok(key.clone()), Err(broken.clone())], false);
    check(&issue, vec![Ok(key), Ok(order)], true);
    check(&deploy, vec![Err(broken)], false);
    check(&deploy, vec![Ok(before)], true);
}

#[test]
fn patience_with_one_kind_of_failure_is_not_used_up_by_another() {
    let now = cap::time::Timestamp::from_millis(0);
    let failure = |class| Failure { class, message: "it failed".to_owned(), remedy: None };
    let mut pace = cap::job::pace::Pace::default();
    for _ in 1..8 {
        assert_ne!(pace.fail(&failure(ErrorClass::Transient), now, 0), Verdict::GiveUp);
    }
    let first = pace.fail_on(&retry::VALIDATION, &failure(ErrorClass::Rejected), now, 0);
    assert_eq!(first, Verdict::Again(now + retry::VALIDATION.wait(1)));
    assert_eq!(pace.fail(&failure(ErrorClass::Transient), now, 0), Verdict::GiveUp);
}
