//! Jobs: leases that fence, moves that are whole, and what withdraws them.

use cap::job::{ErrorClass, Failure, JobId, JobStatus};
use cap::ports::store::{
    Advance, EventFilter, JobFilter, Lease, LeaseError, NextLease, RecordWrite, Store, Submission,
};

use cap::time::Duration;

use super::Subject;
use super::fixtures::*;

async fn with_jobs_in(subject: &Subject, count: usize) -> (std::sync::Arc<dyn Store>, Vec<JobId>) {
    let store = subject.open().await;
    let submission = with_jobs("r1", count);
    store.submit(&submission).await.expect("it is written");
    (store, submission.jobs.into_iter().map(|job| job.id).collect())
}

/// Everything that a move could have changed.
async fn whole(store: &dyn Store, job: &JobId) -> String {
    let events = store.events(0, 1000, &EventFilter::default()).await.expect("events");
    let log = store.log(job).await.expect("a log");
    let heads = store.heads().await.expect("heads");
    let job = store.job(job).await.expect("a job");
    format!("{:?}", (store.snapshot().await.expect("a snapshot"), events, log, heads, job))
}

fn is_lost<T>(result: &Result<T, LeaseError>) -> bool {
    matches!(result, Err(LeaseError::Lost))
}

pub async fn jobs_come_in_the_order_they_were_submitted(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 12).await;
    let mut second = with_jobs("q2", 2);
    second.writes.clear();
    store.submit(&second).await.expect("it is written");
    store.set_status(&ids[3], &JobStatus::Cancelled, at(1)).await.expect("it is withdrawn");
    let list = async |run: Option<&str>, unfinished| {
        let filter = JobFilter { run: run.map(run_id), unfinished };
        store.jobs(&filter).await.expect("jobs").into_iter().map(|job| job.id.0).collect::<Vec<_>>()
    };
    let all: Vec<String> = (1..=12).map(|number| format!("r1.{number}")).collect();
    let open: Vec<String> = all.iter().filter(|id| *id != "r1.4").cloned().collect();
    let second = ["q2.1".to_owned(), "q2.2".to_owned()];
    assert_eq!(list(None, false).await, [&all[..], &second].concat());
    assert_eq!(list(None, true).await, [&open[..], &second].concat());
    assert_eq!(list(Some("r1"), true).await, open);
    assert_eq!(list(Some("q2"), false).await, second);
    assert!(list(Some("r"), false).await.is_empty());
}

pub async fn a_lease_excludes_others_until_it_runs_out(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 2).await;
    let first = store.lease(&ids[0], "a", NONE).await.expect("a lease");
    let second = store.lease(&ids[0], "b", LONG).await.expect("the first has run out");
    assert!(second.token > first.token);
    assert_eq!((second.worker.as_str(), &second.job.id), ("b", &ids[0]));
    assert!(second.until > store.now().await.expect("the time"));
    match store.lease(&ids[0], "c", LONG).await {
        Err(LeaseError::Held { worker, until }) => assert_eq!((worker.as_str(), until), ("b", second.until)),
        other => panic!("{other:?}"),
    }
    store.lease(&ids[1], "c", LONG).await.expect("another job is free");
}

pub async fn a_renewed_lease_lasts_and_a_lost_one_cannot_be_renewed(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 1).await;
    let lost = store.lease(&ids[0], "a", NONE).await.expect("a lease");
    assert!(is_lost(&store.renew(&lost, LONG).await), "it has run out");
    let lease = store.lease(&ids[0], "b", LONG).await.expect("a lease");
    assert!(is_lost(&store.renew(&lost, LONG).await), "another one holds it");
    let until = store.renew(&lease, Duration::from_secs(1200)).await.expect("it is renewed");
    assert!(until > lease.until);
    match store.lease(&ids[0], "c", LONG).await {
        Err(LeaseError::Held { until: held, .. }) => assert_eq!(held, until),
        other => panic!("{other:?}"),
    }
    store.renew(&lease, NONE).await.expect("it may be cut short");
    store.lease(&ids[0], "c", LONG).await.expect("and is free then");
}

pub async fn a_move_writes_all_that_follows_from_it(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 1).await;
    let lease = store.lease(&ids[0], "a", LONG).await.expect("a lease");
    let mut moves: Vec<Advance> = Vec::new();
    for expect in 1..=3 {
        let before = moves.last().map_or(lease.job.clone(), |advance| advance.job.clone());
        let advance = Advance { release: expect == 3, ..progress(&Lease { job: before, ..lease.clone() }, 1, expect) };
        store.advance(&lease, &advance).await.expect("it moves");
        moves.push(advance);
    }
    let store = subject.open().await;
    assert_eq!(store.job(&ids[0]).await.expect("a job").as_ref(), Some(&moves[2].job));
    assert_eq!(store.records(&[address(1)]).await.expect("it").first(), moves[2].writes[0].record.as_ref());
    let chain = moves[0].appends[0].after.chain.clone();
    assert_eq!(store.head(&chain).await.expect("a head").as_ref(), Some(&moves[2].appends[0].after));
    assert_eq!(store.chain(&chain).await.expect("a chain").len(), 3);
    assert_eq!(store.log(&ids[0]).await.expect("a log"), [line(1), line(2), line(3)]);
    let events = store.events(0, 9, &EventFilter { job: Some(ids[0].clone()) }).await;
    assert_eq!(events.expect("events").len(), 3);
    let next = store.lease(&ids[0], "b", LONG).await.expect("the lease was given back");
    assert_eq!(next.job, moves[2].job);
}

pub async fn a_move_repeated_changes_nothing(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 1).await;
    let lease = store.lease(&ids[0], "a", LONG).await.expect("a lease");
    for (expect, release) in [(1, false), (2, true)] {
        let job = store.job(&ids[0]).await.expect("a job").expect("it is there");
        let advance = Advance { release, ..progress(&Lease { job, ..lease.clone() }, 1, expect) };
        store.advance(&lease, &advance).await.expect("it moves");
        let before = whole(&*store, &ids[0]).await;
        subject.open().await.advance(&lease, &advance).await.expect("repeating it is fine");
        assert_eq!(whole(&*store, &ids[0]).await, before);
    }
    store.lease(&ids[0], "b", LONG).await.expect("the repetition has not taken the lease back");
}

pub async fn a_move_like_one_of_an_earlier_lease_is_another(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 1).await;
    for worker in ["a", "b", "c"] {
        let lease = store.lease(&ids[0], worker, LONG).await.expect("the one before has given it back");
        let nothing = Advance { writes: Vec::new(), events: Vec::new(), ..progress(&lease, 1, 1) };
        let same = Advance { job: lease.job.clone(), appends: Vec::new(), log: Vec::new(), release: true, ..nothing };
        store.advance(&lease, &same).await.expect("it is given back");
    }
}

pub async fn a_stale_move_writes_nothing(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 1).await;
    let lease = store.lease(&ids[0], "a", LONG).await.expect("a lease");
    let good = progress(&lease, 1, 1);
    let before = whole(&*store, &ids[0]).await;
    let wrong_revision = Advance { writes: vec![write(1, 4)], ..good.clone() };
    let not_new = Advance { writes: vec![write(7, 0), write(1, 0)], ..good.clone() };
    let gone = Advance { writes: vec![write(1, 1), RecordWrite { record: None, ..write(7, 1) }], ..good.clone() };
    let wrong_end = Advance { appends: vec![append("other", 3, 1)], ..good.clone() };
    for (advance, stale) in [(wrong_revision, 1), (not_new, 1), (gone, 7), (wrong_end, 1)] {
        match store.advance(&lease, &advance).await {
            Err(LeaseError::Stale(found)) => assert_eq!(found, address(stale)),
            other => panic!("{other:?}"),
        }
        assert_eq!(whole(&*store, &ids[0]).await, before);
    }
    store.advance(&lease, &good).await.expect("the lease is still good");
}

pub async fn a_worker_that_lost_its_lease_cannot_write(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 1).await;
    let expired = store.lease(&ids[0], "a", NONE).await.expect("a lease");
    let before = whole(&*store, &ids[0]).await;
    assert!(is_lost(&store.advance(&expired, &progress(&expired, 1, 1)).await), "it ran out");
    let lease = store.lease(&ids[0], "b", LONG).await.expect("a lease");
    assert!(is_lost(&store.advance(&expired, &progress(&expired, 1, 1)).await), "another one holds it");
    assert_eq!(whole(&*store, &ids[0]).await, before);
    let release = Advance { release: true, ..progress(&lease, 1, 1) };
    store.advance(&lease, &release).await.expect("it moves");
    let more = progress(&Lease { job: release.job.clone(), ..lease.clone() }, 1, 2);
    assert!(is_lost(&store.advance(&lease, &more).await), "it was given back");
}

pub async fn the_next_job_is_leased_with_the_last_move_of_the_one_before(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 3).await;
    let next = |at: usize| NextLease { job: &ids[at], worker: "a", ttl: LONG };
    let first = store.lease(&ids[0], "a", LONG).await.expect("a lease");
    let last = Advance { release: true, ..progress(&first, 1, 1) };
    let second = store.advance_and_lease(&first, &last, next(1)).await.expect("it moves").expect("the next is free");
    assert_eq!((&second.job.id, second.worker.as_str(), second.token), (&ids[1], "a", 1));
    assert!(second.until > store.now().await.expect("the time"));
    assert_eq!(store.job(&ids[0]).await.expect("a job").as_ref(), Some(&last.job));
    store.lease(&ids[0], "b", LONG).await.expect("the first was given back");
    let held = store.lease(&ids[1], "b", LONG).await;
    assert!(matches!(held, Err(LeaseError::Held { .. })), "{held:?}");

    // A lease that is refused leaves the move.
    store.lease(&ids[2], "b", LONG).await.expect("a lease");
    let last = Advance { release: true, ..progress(&second, 2, 1) };
    let refused = store.advance_and_lease(&second, &last, next(2)).await.expect("it moves");
    assert!(matches!(&refused, Err(LeaseError::Held { worker, .. }) if worker == "b"), "{refused:?}");
    assert_eq!(store.job(&ids[1]).await.expect("a job").as_ref(), Some(&last.job));

    // A move that is refused leases nothing.
    let expired = store.lease(&ids[1], "a", NONE).await.expect("it was given back");
    assert_eq!(store.break_leases("b").await.expect("they are broken"), 2);
    let lost = store.advance_and_lease(&expired, &progress(&expired, 2, 2), next(2)).await;
    assert!(is_lost(&lost), "{lost:?}");
    store.lease(&ids[2], "b", LONG).await.expect("nobody has it");
}

pub async fn a_final_job_is_over(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 1).await;
    let lease = store.lease(&ids[0], "a", LONG).await.expect("a lease");
    let held = store.set_status(&ids[0], &JobStatus::Cancelled, at(9)).await;
    assert!(matches!(held, Err(LeaseError::Held { .. })), "{held:?}");
    let failure = Failure { class: ErrorClass::Rejected, message: "no".to_owned(), remedy: None };
    let mut advance = Advance { release: true, ..progress(&lease, 1, 1) };
    advance.job.status = JobStatus::Failed { failure };
    store.advance(&lease, &advance).await.expect("it moves");
    assert!(matches!(store.lease(&ids[0], "b", LONG).await, Err(LeaseError::Final)));
    let again = store.set_status(&ids[0], &JobStatus::Ready, at(9)).await;
    assert!(matches!(again, Err(LeaseError::Final)), "{again:?}");
}

pub async fn leases_of_a_dead_worker_are_void_at_once(subject: Subject) {
    let (store, ids) = with_jobs_in(&subject, 3).await;
    let dead = store.lease(&ids[0], "dead", LONG).await.expect("a lease");
    store.lease(&ids[1], "dead", LONG).await.expect("a lease");
    let alive = store.lease(&ids[2], "alive", LONG).await.expect("a lease");
    assert_eq!(store.break_leases("dead").await.expect("they are broken"), 2);
    assert_eq!(store.break_leases("dead").await.expect("none is left"), 0);
    assert!(is_lost(&store.renew(&dead, LONG).await));
    assert!(is_lost(&store.advance(&dead, &progress(&dead, 1, 1)).await));
    store.renew(&alive, LONG).await.expect("others keep theirs");
    let next = store.lease(&ids[0], "next", LONG).await.expect("it is free");
    assert!(next.token > dead.token);
}

pub async fn a_withdrawn_job_gives_up_its_claims(subject: Subject) {
    let store = subject.open().await;
    store.submit(&submission("r0", 1)).await.expect("it is written");
    let mut submission = with_jobs("r1", 3);
    let mut claimed = record(0, 2);
    claimed.claim = Some(submission.jobs[0].id.clone());
    submission.writes.push(RecordWrite { address: address(0), expect: 1, record: Some(claimed) });
    store.submit(&submission).await.expect("it is written");
    let [first, second, third] = [0, 1, 2].map(|at| submission.jobs[at].id.clone());
    let until = JobStatus::Waiting { until: at(99), why: "later".to_owned(), of_account: true };
    store.set_status(&third, &until, at(7)).await.expect("it waits");
    store.set_status(&first, &JobStatus::Cancelled, at(8)).await.expect("it is withdrawn");
    store.set_status(&second, &JobStatus::Skipped { because: first.clone() }, at(8)).await.expect("it is skipped");
    let records = store.snapshot().await.expect("a snapshot").state.records;
    let free = records.get(&address(0)).expect("a record that has been made stays");
    assert_eq!((free.claim.as_ref(), free.revision), (None, 3));
    assert_eq!(records.keys().collect::<Vec<_>>(), [&address(0), &address(3)], "what was only claimed goes");
    let ended = async |id| store.job(id).await.expect("a job").expect("it is there").ended_at;
    assert_eq!((ended(&first).await, ended(&third).await), (Some(at(8)), None));
    let retry = Submission { writes: vec![write(1, 0)], ..super::fixtures::submission("r2", 0) };
    store.submit(&retry).await.expect("it can be planned again");
}

pub async fn a_job_that_is_not_there_is_named(subject: Subject) {
    let (store, _) = with_jobs_in(&subject, 1).await;
    let id = run_id("none").job(7);
    assert_eq!(store.job(&id).await.expect("an answer"), None);
    assert!(store.log(&id).await.expect("an answer").is_empty());
    for fault in
        [store.lease(&id, "a", LONG).await.err(), store.set_status(&id, &JobStatus::Cancelled, at(0)).await.err()]
    {
        let Some(LeaseError::Store(error)) = fault else { panic!("{fault:?}") };
        assert_eq!(error.class, ErrorClass::NotFound);
        assert!(error.message.contains("none.7"), "{error}");
    }
}
