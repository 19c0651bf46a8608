//! Submitting: wholly or not at all, once, and never over what changed meanwhile.

use cap::address::Address;
use cap::job::RunId;
use cap::ports::store::{JobFilter, Lock, RecordWrite, Store, Submission, SubmitError};
use cap::state::{Record, Recorded};
use serde_json::json;

use super::Subject;
use super::fixtures::*;

/// The addresses of a refusal, and the proof that nothing was written.
async fn refused(store: &dyn Store, submission: &Submission) -> Vec<Address> {
    let SubmitError::Stale(stale) = refusal(store, submission).await else {
        panic!("it was refused for another reason")
    };
    stale
}

async fn refusal(store: &dyn Store, submission: &Submission) -> SubmitError {
    let before = store.snapshot().await.expect("a snapshot");
    let events = store.events(0, 10_000, &Default::default()).await.expect("events").len();
    let refusal = store.submit(submission).await.expect_err("it is refused");
    assert_eq!(store.snapshot().await.expect("a snapshot"), before);
    assert_eq!(store.events(0, 10_000, &Default::default()).await.expect("events").len(), events);
    let filter = JobFilter { run: Some(submission.run.id.clone()), ..Default::default() };
    assert!(store.jobs(&filter).await.expect("jobs").is_empty());
    assert!(!run_ids(store).await.contains(&submission.run.id));
    refusal
}

async fn run_ids(store: &dyn Store) -> Vec<RunId> {
    store.runs().await.expect("runs").into_iter().map(|run| run.id).collect()
}

pub async fn a_submission_is_seen_by_whoever_opens_the_store(subject: Subject) {
    let mut submission = with_jobs("r1", 3);
    submission.events = vec![event(&run_id("r1").job(0), 1, 1)];
    submission.appends = vec![append("certificate.c#r1.0", 0, 2)];
    subject.open().await.submit(&submission).await.expect("it is written");
    let store = subject.open().await;
    let snapshot = store.snapshot().await.expect("a snapshot");
    let written: Vec<&Record> = submission.writes.iter().filter_map(|write| write.record.as_ref()).collect();
    assert_eq!(snapshot.state.records.values().collect::<Vec<_>>(), written);
    let outputs: Vec<_> = snapshot.outputs.into_iter().map(|(name, output)| (name, Some(output))).collect();
    assert_eq!(outputs, submission.outputs.into_iter().collect::<Vec<_>>());
    assert_eq!(store.jobs(&JobFilter::default()).await.expect("jobs"), submission.jobs);
    assert_eq!(store.runs().await.expect("runs"), [submission.run.clone()]);
    assert_eq!(store.events(0, 10, &Default::default()).await.expect("events"), [(1, submission.events[0].clone())]);
    assert_eq!(store.chain("certificate.c#r1.0").await.expect("a chain"), submission.appends[0].links);
    assert_eq!(store.head("certificate.c#r1.0").await.expect("a head"), head("certificate.c#r1.0", 2));
}

pub async fn a_submission_repeated_changes_nothing(subject: Subject) {
    let store = subject.open().await;
    let submission = Submission { appends: vec![append("c#r1.0", 0, 1)], ..with_jobs("r1", 2) };
    store.submit(&submission).await.expect("it is written");
    let lease = store.lease(&submission.jobs[0].id, "w", LONG).await.expect("a lease");
    store.advance(&lease, &progress(&lease, 1, 1)).await.expect("it moves");
    let before = store.snapshot().await.expect("a snapshot");
    subject.open().await.submit(&submission).await.expect("the same run again");
    assert_eq!(store.snapshot().await.expect("a snapshot"), before);
    assert_eq!(store.jobs(&JobFilter::default()).await.expect("jobs").len(), 2);
    assert_eq!(store.job(&lease.job.id).await.expect("a job").map(|job| job.attempt), Some(1));
    assert_eq!(run_ids(&*store).await.len(), 1);
    assert_eq!(store.chain("c#r1.0").await.expect("a chain").len(), 1);
}

pub async fn a_stale_submission_names_what_changed_and_writes_nothing(subject: Subject) {
    let store = subject.open().await;
    let first = Submission { appends: vec![append("certificate.old#r1.0", 0, 1)], ..submission("r1", 3) };
    store.submit(&first).await.expect("it is written");
    let gone = RecordWrite { record: None, ..write(9, 4) };
    for (writes, appends, stale) in [
        (vec![write(0, 0), write(7, 0)], vec![], vec![address(0)]),
        (vec![write(0, 1), write(1, 2), write(2, 7)], vec![], vec![address(1), address(2)]),
        (vec![write(0, 1), write(8, 1), gone], vec![], vec![address(8), address(9)]),
        (vec![write(0, 1)], vec![append("certificate.old#r1.0", 2, 1)], vec!["certificate.old".parse().expect("one")]),
        (vec![write(0, 1)], vec![append("certificate.new#r1.0", 1, 1)], vec!["certificate.new".parse().expect("one")]),
    ] {
        assert_eq!(refused(&*store, &Submission { writes, appends, ..submission("r2", 0) }).await, stale);
    }
    let again = Submission { writes: vec![write(0, 1)], ..submission("r2", 0) };
    store.submit(&again).await.expect("what was refused has left nothing in the way");
}

pub async fn a_claimed_record_is_left_to_its_job(subject: Subject) {
    let store = subject.open().await;
    store.submit(&with_jobs("r1", 2)).await.expect("it is written");
    let claimed = Record { claim: Some(run_id("r2").job(1)), ..record(1, 2) };
    for record in [Some(record(1, 2)), Some(claimed), None] {
        let writes = vec![RecordWrite { address: address(1), expect: 1, record }, write(5, 0)];
        assert_eq!(refused(&*store, &Submission { writes, ..submission("r2", 0) }).await, [address(1)]);
    }
}

pub async fn a_record_moves_and_is_removed(subject: Subject) {
    let store = subject.open().await;
    store.submit(&submission("r1", 3)).await.expect("it is written");
    let leave = RecordWrite { record: None, ..write(0, 1) };
    let remove = RecordWrite { record: None, ..write(1, 1) };
    let writes = vec![leave, write(10, 0), remove];
    store.submit(&Submission { writes, ..submission("r2", 0) }).await.expect("it is written");
    let snapshot = store.snapshot().await.expect("a snapshot");
    assert_eq!(snapshot.state.records.into_keys().collect::<Vec<_>>(), [address(10), address(2)]);
    let asked = [address(0), address(2), address(10)];
    let found = store.records(&asked).await.expect("records");
    assert_eq!(found, [record(2, 1), record(10, 1)]);
    let again = Submission { writes: vec![write(1, 0)], ..submission("r3", 0) };
    store.submit(&again).await.expect("an address that is free can be taken again");
}

pub async fn an_apply_changes_the_outputs_that_it_names(subject: Subject) {
    let store = subject.open().await;
    let mut first = submission("r1", 0);
    let output = first.outputs["run"].clone();
    first.outputs.extend(["gone", "left"].map(|name| (name.to_owned(), output.clone())));
    store.submit(&first).await.expect("it is written");
    let mut second = submission("r2", 0);
    second.outputs.insert("gone".to_owned(), None);
    store.submit(&second).await.expect("it is written");
    store.submit(&first).await.expect("it is there");
    let outputs = store.snapshot().await.expect("a snapshot").outputs;
    assert_eq!(
        outputs.into_iter().map(|(name, output)| (name, output.value)).collect::<Vec<_>>(),
        [("left".to_owned(), json!("r1")), ("run".to_owned(), json!("r2"))]
    );
    assert_eq!(run_ids(&*store).await, [run_id("r1"), run_id("r2")]);
}

pub async fn an_apply_begins_only_under_its_lock(subject: Subject) {
    let (store, other) = (subject.open().await, subject.open().await);
    let under = |lock: &Lock, run: &str, number| {
        let writes = vec![write(number, 0)];
        Submission { lock: Some(lock.clone()), writes, ..submission(run, 0) }
    };
    let take = async |name: &str, ttl| store.lock(name, "me@host", "apply", ttl).await.expect("it is free");
    let mut lock = take("apply", LONG).await;
    lock = store.renew_lock(&lock, LONG).await.expect("it is held");
    let first = under(&lock, "r1", 1);
    store.submit(&first).await.expect("its lock is held");
    let late = under(&lock, "r2", 2);
    other.unlock(&lock.id).await.expect("it is broken");
    assert!(matches!(refusal(&*store, &late).await, SubmitError::LockLost), "nobody holds it");
    store.submit(&first).await.expect("the same run again");
    let next = take("apply", LONG).await;
    assert!(matches!(refusal(&*store, &late).await, SubmitError::LockLost), "somebody else holds it");
    // What is stale as well is refused for the lock: that is what has to be taken first.
    assert!(matches!(refusal(&*store, &under(&lock, "r2", 1)).await, SubmitError::LockLost));
    let over = take("backup", NONE).await;
    assert!(matches!(refusal(&*store, &under(&over, "r2", 2)).await, SubmitError::LockLost), "it has run out");
    store.submit(&under(&next, "r2", 2)).await.expect("its lock is held");
    assert_eq!(run_ids(&*store).await, [run_id("r1"), run_id("r2")]);
}

pub async fn thousands_of_records_go_in_one_submission(subject: Subject) {
    let store = subject.open().await;
    let count = 2_500;
    let submission = submission("r1", count);
    store.submit(&submission).await.expect("it is written");
    let snapshot = store.snapshot().await.expect("a snapshot");
    assert_eq!(snapshot.state.records.len(), count);
    let events = store.events(0, count + 1, &Default::default()).await.expect("events");
    assert_eq!(events.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), submission.events);
    let asked: Vec<Address> = (0..count).map(address).collect();
    assert_eq!(store.records(&asked).await.expect("records").len(), count);
}

pub async fn a_submission_is_not_bounded_by_one_document(subject: Subject) {
    let store = subject.open().await;
    let mut submission = submission("r1", 20);
    for record in submission.writes.iter_mut().filter_map(|write| write.record.as_mut()) {
        let long = "x".repeat(1 << 20);
        record.spec = json!({ "long": long }).as_object().cloned().map(Recorded::from);
    }
    store.submit(&submission).await.expect("it is written");
    let records = subject.open().await.snapshot().await.expect("a snapshot").state.records;
    let written: Vec<&Record> = submission.writes.iter().filter_map(|write| write.record.as_ref()).collect();
    let mut written = written;
    written.sort_by(|a, b| a.address.cmp(&b.address));
    assert!(records.values().collect::<Vec<_>>() == written);
}
