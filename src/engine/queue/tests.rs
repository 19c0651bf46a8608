//! Who is next, who waits for whom, and whom a limit holds up.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::job::sample::with_order;
use crate::job::{RunId, sample};

const NOW: Timestamp = Timestamp::from_millis(1000);

/// Job `<number>` of the run, which needs those, of this work with this spec.
fn job(number: usize, needs: &[usize], work: Work, spec: &serde_json::Value) -> Job {
    let mut step = sample::step(&format!("certificate.c{number}"), work);
    step.before = spec.as_object().cloned();
    Job { needs: needs.iter().map(|need| id(*need)).collect(), ..sample::job(number, step) }
}

fn plain(number: usize, needs: &[usize]) -> Job {
    job(number, needs, Work::Register, &json!({}))
}

fn id(number: usize) -> JobId {
    RunId("r".to_owned()).job(number)
}

fn waiting(until: Timestamp, of_account: bool) -> JobStatus {
    JobStatus::Waiting { until, why: String::new(), of_account }
}

fn take_all(queue: &mut Queue, now: Timestamp) -> Vec<String> {
    std::iter::from_fn(|| queue.take(now)).map(|id| id.0).collect()
}

#[test]
fn what_is_needed_comes_first() {
    let (mut queue, _) = Queue::new(&[plain(1, &[]), plain(2, &[1]), plain(3, &[1, 2])], &[], Limits::default());
    for expected in ["r.1", "r.2", "r.3"] {
        assert_eq!(take_all(&mut queue, NOW), [expected]);
        assert_eq!(queue.end(&JobId(expected.to_owned()), true), []);
    }
    assert_eq!(queue.left(), 0);
}

#[test]
fn a_failure_skips_what_needs_it_and_nothing_else() {
    let jobs = [plain(1, &[]), plain(2, &[1]), plain(3, &[2]), plain(4, &[])];
    let (mut queue, _) = Queue::new(&jobs, &[], Limits::default());
    assert_eq!(take_all(&mut queue, NOW), ["r.1", "r.4"]);
    assert_eq!(queue.end(&id(1), false), [(id(2), id(1)), (id(3), id(1))]);
    assert_eq!(queue.left(), 1);
}

#[test]
fn what_was_taken_and_not_begun_is_next_again_under_every_limit() {
    let spec = json!({"issuer": {"$ref": "acme_account.a"}});
    let jobs = [1, 2, 3].map(|number| job(number, &[], Work::Issue, &spec));
    let (mut queue, _) = Queue::new(&jobs, &[], Limits { per_issuer: 2, ..Limits::default() });
    assert_eq!(take_all(&mut queue, NOW), ["r.1", "r.2"]);
    queue.give_back(&id(1));
    assert_eq!(take_all(&mut queue, NOW), ["r.1"]);
    queue.hold(&id(2), Timestamp::from_millis(9000));
    queue.give_back(&id(1));
    queue.end(&id(2), true);
    assert_eq!((take_all(&mut queue, NOW), queue.left()), (vec![], 2), "an account's limit holds it too");
}

#[test]
fn what_ends_makes_room_for_the_next_unless_that_lets_others_go() {
    let spec = json!({"issuer": {"$ref": "acme_account.a"}});
    let issuing = |number| job(number, &[], Work::Issue, &spec);
    let jobs = [issuing(1), issuing(2), issuing(3), plain(4, &[2]), plain(5, &[2, 3])];
    let (mut queue, _) = Queue::new(&jobs, &[], Limits { per_issuer: 1, ..Limits::default() });
    assert_eq!(take_all(&mut queue, NOW), ["r.1"]);
    assert_eq!(queue.replace(&id(1), NOW), Some(id(2)), "the limit is no hindrance");
    assert_eq!(queue.end(&id(1), true), []);
    assert_eq!(take_all(&mut queue, NOW), [""; 0], "the slot is not given twice");
    assert_eq!(queue.replace(&id(2), NOW), None, "the fourth waits for it alone");
    assert_eq!(queue.end(&id(2), true), []);
    assert_eq!(take_all(&mut queue, NOW), ["r.3", "r.4"]);
    // It could not be written: it waits, and takes its place again later.
    assert_eq!(queue.replace(&id(4), NOW), None);
    queue.park(&id(4), Timestamp::from_millis(2000));
    assert_eq!(take_all(&mut queue, Timestamp::from_millis(2000)), ["r.4"]);
}

#[test]
fn what_has_delivered_lets_others_go_and_stops_none_whatever_becomes_of_it() {
    let (mut queue, _) = Queue::new(&[plain(1, &[]), plain(2, &[1]), plain(3, &[1, 2])], &[], Limits::default());
    assert_eq!(take_all(&mut queue, NOW), ["r.1"]);
    queue.park(&id(1), Timestamp::from_millis(9000));
    queue.deliver(&id(1));
    queue.deliver(&id(1));
    assert_eq!((take_all(&mut queue, NOW), queue.only_tidies()), (vec!["r.2".to_owned()], false));
    assert_eq!(queue.end(&id(1), false), []);
    queue.end(&id(2), true);
    assert_eq!(take_all(&mut queue, NOW), ["r.3"]);

    let jobs = [Job { delivered: true, ..plain(1, &[]) }, plain(2, &[1])];
    let (mut queue, _) = Queue::new(&jobs, &[], Limits::default());
    assert_eq!(take_all(&mut queue, NOW), ["r.1", "r.2"]);
    queue.end(&id(2), true);
    assert!(queue.only_tidies());

    let failed = Job { delivered: true, status: JobStatus::Cancelled, ..plain(1, &[]) };
    let (mut queue, skips) = Queue::new(&[failed, plain(2, &[1])], &[], Limits::default());
    assert_eq!((skips, take_all(&mut queue, NOW), queue.left()), (vec![], vec!["r.2".to_owned()], 1));
    assert!(!queue.only_tidies());
}

#[test]
fn jobs_that_are_final_already_count() {
    let mut jobs = [plain(1, &[]), plain(2, &[]), plain(3, &[1]), plain(4, &[2]), plain(5, &[4])];
    jobs[0].status = JobStatus::Succeeded;
    jobs[1].status = JobStatus::Cancelled;
    jobs[3].status = JobStatus::Skipped { because: id(2) };
    let (mut queue, skips) = Queue::new(&jobs, &[], Limits::default());
    assert_eq!(skips, [(id(5), id(4))]);
    assert_eq!((take_all(&mut queue, NOW), queue.left()), (vec!["r.3".to_owned()], 1));
}

#[test]
fn what_waits_comes_when_it_is_due_even_behind_what_it_needs() {
    let until = Timestamp::from_millis(5000);
    let mut jobs = [plain(1, &[]), plain(2, &[1])];
    jobs[0].status = JobStatus::Succeeded;
    jobs[1].status = waiting(until, false);
    let (mut queue, _) = Queue::new(&jobs, &[], Limits::default());
    assert_eq!((queue.take(NOW), queue.due()), (None, Some(until)));
    assert_eq!(queue.take(until), Some(id(2)));
    queue.park(&id(2), Timestamp::from_millis(9000));
    assert_eq!((queue.take(until), queue.left()), (None, 1));
}

#[test]
fn limits_hold_for_each_ca_and_a_parked_job_takes_no_place() {
    let of = |number, ca: &str| job(number, &[], Work::Issue, &json!({ "issuer": { "$ref": ca } }));
    let jobs = [of(1, "acme_account.a"), of(2, "acme_account.a"), of(3, "acme_account.a"), of(4, "acme_account.b")];
    let (mut queue, _) = Queue::new(&jobs, &[], Limits { per_issuer: 1, per_target: 1 });
    assert_eq!(take_all(&mut queue, NOW), ["r.1", "r.4"]);
    queue.park(&id(1), Timestamp::from_millis(9000));
    assert_eq!(take_all(&mut queue, NOW), ["r.2"]);
    queue.end(&id(2), true);
    assert_eq!(take_all(&mut queue, Timestamp::from_millis(9000)), ["r.1"], "the plan's order again");
}

#[test]
fn a_limit_of_an_account_holds_what_has_not_begun_there_and_nothing_else() {
    let of = |number, needs: &[usize], ca: &str| job(number, needs, Work::Issue, &json!({ "issuer": { "$ref": ca } }));
    let (a, b) = ("acme_account.a", "acme_account.b");
    let begun = Job { machine: json!({ "of": "issue" }), ..of(3, &[], a) };
    let jobs = [of(1, &[], a), of(2, &[], a), begun, of(4, &[], b), of(5, &[4], a)];
    let (mut queue, _) = Queue::new(&jobs, &[], Limits { per_issuer: 1, per_target: 1 });
    assert_eq!(take_all(&mut queue, NOW), ["r.1", "r.4"]);
    let until = Timestamp::from_millis(9000);
    queue.park(&id(1), until);
    queue.hold(&id(1), until);
    assert_eq!(take_all(&mut queue, NOW), ["r.3"], "it is past its order");
    queue.end(&id(3), true);
    queue.end(&id(4), true);
    assert_eq!((take_all(&mut queue, NOW), queue.due()), (Vec::new(), Some(until)));
    assert_eq!(take_all(&mut queue, until), ["r.1"]);
    queue.end(&id(1), true);
    assert_eq!(take_all(&mut queue, until), ["r.2"]);
    queue.end(&id(2), true);
    assert_eq!(take_all(&mut queue, until), ["r.5"], "it came to be possible while the lane was held");
}

#[test]
fn a_longer_limit_of_an_account_holds_those_who_wait_for_a_shorter_one() {
    let of = |number| job(number, &[], Work::Issue, &json!({ "issuer": { "$ref": "acme_account.a" } }));
    let begun = Job { machine: json!({ "of": "issue" }), ..of(3) };
    let (mut queue, _) = Queue::new(&[of(1), of(2), begun], &[], Limits { per_issuer: 1, per_target: 1 });
    let [short, long] = [5000, 9000].map(Timestamp::from_millis);
    for (expected, until) in [(1, short), (3, long)] {
        assert_eq!(queue.take(NOW), Some(id(expected)));
        queue.park(&id(expected), until);
        queue.hold(&id(expected), until);
    }
    assert_eq!(take_all(&mut queue, short), ["r.1"]);
    queue.end(&id(1), true);
    assert_eq!((take_all(&mut queue, short), queue.due()), (Vec::new(), Some(long)));
    assert_eq!(take_all(&mut queue, long), ["r.2"]);
}

#[test]
fn a_limit_of_an_account_outlives_the_worker_that_met_it() {
    let of = |number, ca: &str| job(number, &[], Work::Issue, &json!({ "issuer": { "$ref": ca } }));
    let (a, b) = ("acme_account.a", "acme_account.b");
    let until = Timestamp::from_millis(9000);
    let limited = |of_account| Job { status: waiting(until, of_account), ..of(9, a) };
    for (own, others) in [(vec![limited(true)], vec![]), (vec![], vec![limited(true)])] {
        let jobs: Vec<Job> = own.into_iter().chain([of(1, a), of(2, b)]).collect();
        let (mut queue, _) = Queue::new(&jobs, &others, Limits::default());
        assert_eq!((take_all(&mut queue, NOW), queue.due()), (vec!["r.2".to_owned()], Some(until)));
        assert!(take_all(&mut queue, until).contains(&"r.1".to_owned()));
    }
    let (mut queue, _) = Queue::new(&[of(1, a)], &[limited(false)], Limits::default());
    assert_eq!(take_all(&mut queue, NOW), ["r.1"], "it was a limit of other names");
}

/// A job that issues for `a.test` and those.
fn named(number: usize, needs: &[usize], ca: &str, sans: &[&str]) -> Job {
    let spec = json!({ "common_name": "a.test", "sans": sans, "issuer": { "$ref": ca } });
    let mut job = job(number, needs, Work::Issue, &spec);
    let after = Some(sample::draft(&job.step.address, &spec));
    Arc::make_mut(&mut job.step).after = after;
    job
}

#[test]
fn certificates_of_the_same_names_at_one_issuer_are_issued_one_after_the_other() {
    let (a, b) = ("acme_account.a", "acme_account.b");
    let one = |number, needs: &[usize]| named(number, needs, a, &["b.test"]);
    let other = [named(4, &[], b, &["b.test"]), named(5, &[], a, &["c.test"]), plain(6, &[])];
    let jobs: Vec<Job> = [one(1, &[]), one(2, &[]), named(3, &[], a, &["A.test", "b.test"])].into_iter().collect();
    let jobs: Vec<Job> = jobs.into_iter().chain(other).chain([one(7, &[6]), one(8, &[])]).collect();
    let (mut queue, _) = Queue::new(&jobs, &[], Limits::default());
    assert_eq!(take_all(&mut queue, NOW), ["r.1", "r.4", "r.5", "r.6"]);
    assert_eq!(queue.end(&id(6), false), [(id(7), id(6))], "7 goes, and 8 waits for those before it");
    assert_eq!(take_all(&mut queue, NOW), Vec::<String>::new());
    assert_eq!(queue.end(&id(1), false), [], "what became of it does not matter");
    assert_eq!(take_all(&mut queue, NOW), ["r.2"]);
    queue.deliver(&id(2));
    assert_eq!(take_all(&mut queue, NOW), ["r.3"], "the order before is done with");
    queue.end(&id(3), true);
    assert_eq!(take_all(&mut queue, NOW), ["r.8"]);
}

#[test]
fn who_holds_an_order_of_an_earlier_worker_goes_before_those_of_the_same_names() {
    let one = |number| named(number, &[], "acme_account.a", &["b.test"]);
    let jobs = [one(1), with_order(one(2)), named(3, &[], "acme_account.a", &[]), with_order(one(4)), one(5)];
    let until = Timestamp::from_millis(9000);
    for first in [2, 4] {
        let (mut queue, _) = Queue::new(&jobs, &[], Limits::default());
        assert_eq!(take_all(&mut queue, NOW), ["r.2", "r.3", "r.4"], "an order of its own is gone on with");
        queue.park(&id(first), until);
        assert_eq!(take_all(&mut queue, NOW), Vec::<String>::new());
        assert_eq!(take_all(&mut queue, until), [format!("r.{first}")]);
        queue.end(&id(first), false);
        assert_eq!(take_all(&mut queue, until), Vec::<String>::new(), "the other order is open");
        queue.end(&id(6 - first), true);
        assert_eq!(take_all(&mut queue, until), ["r.1"]);
        queue.end(&id(1), true);
        assert_eq!(take_all(&mut queue, until), ["r.5"]);
    }
}

#[test]
fn nobody_begins_here_behind_an_order_of_another_run() {
    let one = |number| named(number, &[], "acme_account.a", &["b.test"]);
    let jobs = [one(1), named(2, &[], "acme_account.a", &[]), with_order(one(3)), plain(4, &[1]), one(5)];
    let ends = |status, delivered| Job { status, delivered, ..with_order(one(9)) };
    for (other, free) in [
        (with_order(one(9)), false),
        (one(9), true),
        (with_order(named(9, &[], "acme_account.b", &["b.test"])), true),
        (ends(JobStatus::Cancelled, false), true),
        (ends(JobStatus::Ready, true), true),
    ] {
        let other = Job { run: RunId("other".to_owned()), ..other };
        let (mut queue, _) = Queue::new(&jobs, std::slice::from_ref(&other), Limits::default());
        assert_eq!(take_all(&mut queue, NOW), ["r.2", "r.3"]);
        for (ended, next) in [(3, "r.1"), (2, ""), (1, "r.4 r.5")] {
            assert_eq!(goes_before(&other, &jobs[0]), !free, "{other:?}");
            queue.end(&id(ended), true);
            let next = if free { next } else { "" };
            assert_eq!(take_all(&mut queue, NOW).join(" "), next, "{other:?}");
            if !free && ended == 2 {
                // It is left, and keeps nobody waiting.
                assert_eq!((queue.due(), queue.left()), (None, 3));
                break;
            }
        }
    }
}

#[test]
fn the_soonest_expiry_goes_first() {
    let due = |number, ends| {
        let mut job = plain(number, &[]);
        let not_after = Timestamp::from_millis(ends);
        Arc::make_mut(&mut job.step).reasons.push(Reason::RenewalDue { since: NOW, not_after, suggested: false });
        job
    };
    let (mut queue, _) = Queue::new(&[plain(1, &[]), due(2, 9000), due(3, 8000)], &[], Limits::default());
    assert_eq!(take_all(&mut queue, NOW), ["r.3", "r.2", "r.1"]);
}

#[test]
fn ten_thousand_behind_one_ca_are_no_slower_each() {
    let jobs: Vec<Job> = (1..=10_000)
        .map(|number| job(number, &[], Work::Issue, &json!({ "issuer": { "$ref": "acme_account.a" } })))
        .collect();
    let (mut queue, _) = Queue::new(&jobs, &[], Limits::default());
    let mut done = 0;
    while queue.left() > 0 {
        for id in take_all(&mut queue, NOW) {
            queue.end(&JobId(id), true);
            done += 1;
        }
    }
    assert_eq!(done, 10_000);
}
