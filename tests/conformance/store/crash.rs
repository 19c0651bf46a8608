//! MongoDB has no transaction here, so a process may die between any two writes: wherever it does, whoever looks next sees
//! all or nothing, and repeating what was cut short completes it.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use cap::job::{JobId, JobStatus};
use cap::ports::store::{Advance, EventFilter, JobFilter, Lease, Lock, RecordWrite, Store, Submission, SubmitError};
use cap::store;
use cap::time::Duration;
use mongodb::bson::{DateTime, Document, doc};

use super::fixtures::*;
use super::mongodb::fresh_url;
use super::proxy::{Cut, Proxy};
use super::run;

/// More writes than anything here makes.
const ENOUGH: usize = 60;

async fn open(url: &str) -> Arc<dyn Store> {
    store::open(url, Path::new("/")).await.expect("the store opens")
}

/// The host of a test server's URL, and the same URL with another host.
fn host_of(url: &str) -> (String, impl Fn(&str) -> String) {
    let rest = url.strip_prefix("mongodb://").expect("a URL");
    let (authority, path) = rest.split_once('/').expect("a path");
    let (user, host) =
        authority.rsplit_once('@').map_or((String::new(), authority), |(user, host)| (format!("{user}@"), host));
    let path = path.to_owned();
    (host.to_owned(), move |other: &str| format!("mongodb://{user}{other}/{path}"))
}

/// Runs the work through a proxy that cuts; whether it came to its end before the cut. Work that fails uncut is a fault.
async fn survives<F: Future<Output = Result<T, E>>, T, E: Debug>(
    url: &str,
    at: usize,
    cut: Cut,
    work: impl FnOnce(Arc<dyn Store>) -> F,
) -> bool {
    let (host, through) = host_of(url);
    let proxy = Proxy::start(&host, at, cut).await;
    let store = open(&through(&proxy.address)).await;
    let end = tokio::select! {
        () = proxy.is_cut() => return false,
        end = work(store) => end,
    };
    // The cut is known before any connection is closed, but both may come between the looks at the one and at the other.
    end.inspect_err(|error| assert!(proxy.was_cut(), "nothing was cut: {error:?}")).is_ok()
}

/// Everything that can be seen but positions of events, which may have gaps.
async fn all_of(store: &dyn Store) -> String {
    let events = store.events(0, 1000, &EventFilter::default()).await.expect("events");
    let events: Vec<_> = events.into_iter().map(|(_, event)| event).collect();
    let jobs = store.jobs(&JobFilter::default()).await.expect("jobs");
    let mut chains = Vec::new();
    for head in store.heads().await.expect("heads") {
        chains.push((store.chain(&head.chain).await.expect("a chain"), head));
    }
    let mut logs = Vec::new();
    for job in &jobs {
        logs.push(store.log(&job.id).await.expect("a log"));
    }
    let runs = store.runs().await.expect("runs");
    format!("{:#?}", (store.snapshot().await.expect("a snapshot"), events, jobs, chains, logs, runs))
}

/// The lines that are not in both, for the report.
fn difference(seen: &str, wanted: &str) -> String {
    let only = |one: &str, other: &str, sign: char| {
        let others: Vec<&str> = other.lines().collect();
        one.lines().filter(|line| !others.contains(line)).map(|line| format!("\n{sign} {line}")).collect::<String>()
    };
    only(seen, wanted, '+') + &only(wanted, seen, '-')
}

/// For a cut at every write: prepares a store, lets the work die, and checks what others see then.
async fn wherever_it_dies<P, F: Future<Output = Result<T, E>>, T, E: Debug, G: Future>(
    prepare: impl AsyncFn(&dyn Store) -> P,
    work: impl Fn(Arc<dyn Store>, &P) -> F,
    again: impl Fn(Arc<dyn Store>, &P) -> G,
    least: usize,
) {
    // The same for every cut: measured once, undisturbed.
    let Some(url) = fresh_url() else { return };
    let direct = open(&url).await;
    let prepared = prepare(&*direct).await;
    let before = all_of(&*direct).await;
    work(direct.clone(), &prepared).await.expect("nothing is cut");
    let after = all_of(&*direct).await;
    assert_ne!(before, after);
    for cut in [Cut::Before, Cut::After] {
        let mut undone = 0;
        for at in 1..ENOUGH {
            let Some(url) = fresh_url() else { return };
            let direct = open(&url).await;
            let prepared = prepare(&*direct).await;
            let survived = survives(&url, at, cut, |store| work(store, &prepared)).await;
            // A handle keeps nothing in memory: this one is as good as a new one.
            let seen = all_of(&*direct).await;
            assert!(seen == before || seen == after, "{cut:?} write {at}: {}", difference(&seen, &after));
            again(direct.clone(), &prepared).await;
            let end = all_of(&*direct).await;
            assert!(end == after, "{cut:?} write {at}, repeated: {}", difference(&end, &after));
            let staged = collection(&url, "staged").await.count_documents(doc! {}).await.expect("an answer");
            assert_eq!(staged, 0, "{cut:?} write {at}: pieces are left");
            undone += usize::from(seen == before);
            if survived {
                assert!(at > least, "only {at} writes");
                // The first write may be the point of no return, but it is never the last.
                assert!(undone < at - 1 && (undone > 0 || cut == Cut::After), "{undone} of {at}");
                break;
            }
        }
    }
}

fn second(lock: &Lock) -> Submission {
    let mut submission = with_jobs("r2", 2);
    submission.lock = Some(lock.clone());
    submission.writes.push(write(0, 1));
    submission.writes.push(RecordWrite { record: None, ..write(10, 1) });
    submission.events = vec![event(&run_id("r2").job(0), 1, 0), event(&run_id("r2").job(0), 2, 10)];
    submission.appends = vec![append("old#r1.0", 1, 2), append("new#r2.0", 0, 1)];
    submission
}

#[test]
fn a_submission_is_whole_wherever_its_submitter_dies() {
    run(wherever_it_dies(
        async |store: &dyn Store| {
            let mut first = Submission { appends: vec![append("old#r1.0", 0, 1)], ..submission("r1", 1) };
            first.writes.push(write(10, 0));
            store.submit(&first).await.expect("it is written");
            store.lock("apply", "me@host", "apply", LONG).await.expect("it is free")
        },
        |store, lock: &Lock| {
            let second = second(lock);
            async move { store.submit(&second).await }
        },
        |store, lock: &Lock| {
            let second = second(lock);
            async move { store.submit(&second).await.expect("it is completed") }
        },
        13,
    ));
}

#[test]
fn a_move_is_whole_wherever_its_worker_dies() {
    let advance = |lease: &Lease| {
        let mut advance = Advance { release: true, ..progress(lease, 1, 1) };
        advance.job.status = JobStatus::Succeeded;
        advance.writes.push(write(7, 0));
        advance
    };
    run(wherever_it_dies(
        async |store: &dyn Store| {
            let submission = with_jobs("r1", 1);
            store.submit(&submission).await.expect("it is written");
            store.lease(&submission.jobs[0].id, "w", LONG).await.expect("a lease")
        },
        move |store, lease| {
            let lease = lease.clone();
            async move { store.advance(&lease, &advance(&lease)).await }
        },
        move |store, lease| {
            let lease = lease.clone();
            async move { store.advance(&lease, &advance(&lease)).await.expect("it is completed") }
        },
        6,
    ));
}

#[test]
fn a_withdrawal_is_whole_wherever_it_is_cut() {
    let cancel = async |store: Arc<dyn Store>, id: &JobId| store.set_status(id, &JobStatus::Cancelled, at(9)).await;
    run(wherever_it_dies(
        async |store: &dyn Store| {
            let submission = with_jobs("r1", 1);
            store.submit(&submission).await.expect("it is written");
            submission.jobs[0].id.clone()
        },
        move |store, id: &JobId| {
            let id = id.clone();
            async move { cancel(store, &id).await }
        },
        move |store, id: &JobId| {
            let id = id.clone();
            // Final when the cut came late enough.
            async move { cancel(store, &id).await.err() }
        },
        2,
    ));
}

/// Makes every submission that is under way look as if it had been so for ever.
async fn let_time_pass(url: &str) {
    let long_ago = doc! { "$set": { "at": DateTime::from_millis(0) } };
    collection(url, "runs").await.update_many(doc! {}, long_ago).await.expect("it is written");
}

/// The documents as they lie there.
async fn collection(url: &str, name: &str) -> mongodb::Collection<Document> {
    let client = mongodb::Client::with_uri_str(url).await.expect("a client");
    client.default_database().expect("a database").collection(name)
}

#[test]
fn what_a_dead_submitter_reserved_is_freed_after_a_while() {
    run(async {
        let Some(url) = fresh_url() else { return };
        let direct = open(&url).await;
        direct.submit(&submission("r1", 3)).await.expect("it is written");
        let dead = Submission { writes: vec![write(0, 1), write(1, 1), write(5, 0)], ..submission("dead", 0) };
        // The run, its piece, the places, the reservations; then it would be committed.
        assert!(!survives(&url, 5, Cut::Before, |store| async move { store.submit(&dead).await }).await);
        let rival = Submission { writes: vec![write(1, 1), write(5, 0)], ..submission("rival", 0) };
        match direct.submit(&rival).await {
            Err(SubmitError::Stale(stale)) => assert_eq!(stale, [address(1), address(5)]),
            other => panic!("{other:?}"),
        }
        let_time_pass(&url).await;
        direct.submit(&rival).await.expect("nobody waits for the dead");
        assert_eq!(direct.records(&[address(1), address(5)]).await.expect("records"), [record(1, 2), record(5, 1)]);
        let late = Submission { writes: vec![write(0, 1), write(1, 1)], ..submission("dead", 0) };
        match direct.submit(&late).await {
            Err(SubmitError::Stale(stale)) => assert_eq!(stale, [address(1)]),
            other => panic!("{other:?}"),
        }
        let free = Submission { writes: vec![write(0, 1), write(2, 1)], ..submission("next", 0) };
        direct.submit(&free).await.expect("nothing is left reserved");
    });
}

/// Between the look at the lock and the point of no return is time for somebody to break the lock or to take it.
#[test]
fn what_is_submitted_under_a_lock_ends_with_it() {
    run(async {
        for is_broken in [true, false] {
            let Some(url) = fresh_url() else { return };
            let direct = open(&url).await;
            let lock = direct.lock("apply", "me@host", "apply", LONG).await.expect("it is free");
            let staged = Submission { lock: Some(lock.clone()), ..submission("staged", 2) };
            // The run, the look at the lock, its piece, the places, the reservations; then it is to be committed.
            let (proxy, store) = held_at(&url, 6).await;
            let submitting = tokio::spawn(async move { store.submit(&staged).await });
            proxy.is_held().await;
            if is_broken {
                assert!(direct.unlock(&lock.id).await.expect("an answer"));
            } else {
                let long_ago = doc! { "$set": { "until": DateTime::from_millis(0) } };
                collection(&url, "locks").await.update_many(doc! {}, long_ago).await.expect("it is written");
                direct.lock("apply", "you@host", "apply", LONG).await.expect("it has run out");
            }
            direct.submit(&submission("rival", 2)).await.expect("nothing is reserved any more");
            proxy.let_go();
            let refusal = submitting.await.expect("it ends").expect_err("it is refused");
            assert!(matches!(refusal, SubmitError::LockLost), "{refusal:?}");
            let runs = direct.runs().await.expect("runs");
            assert_eq!(runs.iter().map(|run| run.id.0.as_str()).collect::<Vec<_>>(), ["rival"]);
        }
    });
}

/// Here by a run that cannot be read, as elsewhere by a connection that breaks.
#[test]
fn a_lock_that_cannot_be_given_is_not_held() {
    run(async {
        let Some(url) = fresh_url() else { return };
        let direct = open(&url).await;
        let runs = collection(&url, "runs").await;
        let strange = doc! { "_id": "strange", "stage": "staging", "lock": { "name": "apply", "id": "earlier" } };
        runs.insert_one(strange).await.expect("it is written");
        direct.lock("apply", "me@host", "apply", LONG).await.expect_err("what it ends cannot be read");
        assert_eq!(direct.locks().await.expect("locks"), []);
        runs.delete_many(doc! {}).await.expect("it goes");
        direct.lock("apply", "you@host", "apply", LONG).await.expect("nobody holds it");
    });
}

/// A store whose write of that number is held up, and what holds it.
async fn held_at(url: &str, at: usize) -> (Proxy, Arc<dyn Store>) {
    held_by(url, at, Cut::Hold).await
}

async fn held_by(url: &str, at: usize, hold: Cut) -> (Proxy, Arc<dyn Store>) {
    let (host, through) = host_of(url);
    let proxy = Proxy::start(&host, at, hold).await;
    let store = open(&through(&proxy.address)).await;
    (proxy, store)
}

/// A move that was asked for while its lease lasted may arrive when the job is free: whoever withdraws the job in between
/// has read it as it was before.
#[test]
fn a_withdrawal_is_not_written_over_a_move_that_it_has_not_seen() {
    run(async {
        let Some(url) = fresh_url() else { return };
        let direct = open(&url).await;
        let submission = with_jobs("r1", 1);
        direct.submit(&submission).await.expect("it is written");
        let id = submission.jobs[0].id.clone();
        let lease = direct.lease(&id, "w", LONG).await.expect("a lease");
        let (moves, worker) = held_at(&url, 1).await;
        let moving = tokio::spawn(async move { worker.advance(&lease, &progress(&lease, 1, 1)).await });
        moves.is_held().await;
        let over = direct.now().await.expect("a time") + Duration::from_millis(1);
        let ends = doc! { "$set": { "until": DateTime::from_millis(over.millis()) } };
        collection(&url, "jobs").await.update_many(doc! {}, ends).await.expect("it is written");
        while direct.now().await.expect("a time") < over {}
        let (withdraws, other) = held_at(&url, 1).await;
        let withdrawn = id.clone();
        let withdrawing = tokio::spawn(async move { other.set_status(&withdrawn, &JobStatus::Cancelled, at(9)).await });
        withdraws.is_held().await;
        moves.let_go();
        moving.await.expect("it ends").expect("its lease lasted when it asked");
        withdraws.let_go();
        withdrawing.await.expect("it ends").expect("nobody works on it any more");
        let job = direct.job(&id).await.expect("an answer").expect("the job");
        assert_eq!((job.status, job.attempt, job.next_event), (JobStatus::Cancelled, 1, 2), "the move is part of it");
        assert_eq!(direct.log(&id).await.expect("a log").len(), 1);
    });
}

/// A worker that has waited too long for an answer asks again, and its first request may arrive only then.
#[test]
fn a_move_that_arrives_while_it_is_repeated_is_known_for_the_same() {
    run(async {
        for hold in [Cut::HoldFind("records"), Cut::HoldFind("links"), Cut::Hold] {
            let Some(url) = fresh_url() else { return };
            let direct = open(&url).await;
            let submission = with_jobs("r1", 1);
            direct.submit(&submission).await.expect("it is written");
            let lease = direct.lease(&submission.jobs[0].id, "w", LONG).await.expect("a lease");
            let (first, early) = held_at(&url, 1).await;
            let (second, late) = held_by(&url, 1, hold).await;
            let advance = |store: Arc<dyn Store>, lease: Lease| {
                tokio::spawn(async move { store.advance(&lease, &progress(&lease, 1, 1)).await })
            };
            let moving = advance(early, lease.clone());
            first.is_held().await;
            let repeating = advance(late, lease.clone());
            second.is_held().await;
            first.let_go();
            moving.await.expect("it ends").expect("it moves");
            second.let_go();
            repeating.await.expect("it ends").unwrap_or_else(|fault| panic!("{hold:?}: {fault:?}"));
            assert_eq!(direct.log(&lease.job.id).await.expect("a log").len(), 1, "{hold:?}: it is written once");
        }
    });
}
