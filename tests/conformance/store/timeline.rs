//! What is kept for the record: who the store is, events, chains, sealed secrets, locks.

use cap::job::JobId;
use cap::ports::store::{Advance, EventFilter, Flush, LeaseError, LockError, Submission, SubmitError};
use cap::timeline::{Append, Finding, Flaw};

use super::Subject;
use super::fixtures::*;

pub async fn an_identity_is_given_once(subject: Subject) {
    let first = subject.open().await.identity().await.expect("an identity");
    assert_eq!(subject.open().await.identity().await.expect("an identity"), first);
    assert!(first.id.len() > 20 && first.format > 0 && first.key_check.is_none());
}

pub async fn a_key_check_is_set_by_whoever_knows_the_one_before(subject: Subject) {
    let store = subject.open().await;
    let set = async |expect, check| subject.open().await.set_key_check(expect, check).await.expect("an answer");
    assert_eq!(set(Some("none"), "wrong").await, "");
    assert_eq!(set(None, "first").await, "first");
    assert_eq!(set(None, "second").await, "first");
    assert_eq!(set(Some("other"), "second").await, "first");
    assert_eq!(store.identity().await.expect("an identity").key_check.as_deref(), Some("first"));
    assert_eq!(set(Some("first"), "second").await, "second");
    assert_eq!(store.identity().await.expect("an identity").key_check.as_deref(), Some("second"));
}

pub async fn events_are_paged_and_filtered_in_order(subject: Subject) {
    let store = subject.open().await;
    let (one, two) = (run_id("r1").job(1), run_id("r1").job(2));
    let events = vec![event(&one, 1, 1), event(&two, 1, 2), event(&one, 2, 1), event(&two, 2, 1), event(&one, 3, 2)];
    store.submit(&Submission { events: events.clone(), ..submission("r1", 0) }).await.expect("it is written");
    let later = vec![event(&two, 3, 2)];
    store.submit(&Submission { events: later.clone(), ..submission("r2", 0) }).await.expect("it is written");
    let all = [events, later].concat();
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = store.events(after, 2, &EventFilter::default()).await.expect("events");
        let Some((last, _)) = page.last() else { break };
        assert!(page.len() <= 2 && page.iter().all(|(position, _)| *position > after));
        after = *last;
        found.extend(page.into_iter().map(|(_, event)| event));
    }
    assert_eq!(found, all);
    for job in [one, two, JobId("r9.1".to_owned())] {
        let wanted: Vec<_> = all.iter().filter(|event| event.job == job).collect();
        let found = store.events(0, 100, &EventFilter { job: Some(job) }).await.expect("events");
        assert_eq!(found.iter().map(|(_, event)| event).collect::<Vec<_>>(), wanted);
    }
}

pub async fn an_event_is_recorded_once(subject: Subject) {
    let store = subject.open().await;
    let submission = with_jobs("r1", 1);
    store.submit(&submission).await.expect("it is written");
    let lease = store.lease(&submission.jobs[0].id, "a", LONG).await.expect("a lease");
    let advance = progress(&lease, 1, 1);
    store.advance(&lease, &advance).await.expect("it moves");
    let again = Advance { writes: vec![], appends: vec![], log: vec![], release: true, ..advance };
    store.advance(&lease, &again).await.expect("another move that names the same event");
    assert_eq!(store.events(0, 100, &EventFilter::default()).await.expect("events").len(), 1);
}

pub async fn chains_grow_only_at_their_end(subject: Subject) {
    let store = subject.open().await;
    let grow = async |run: &str, appends| store.submit(&Submission { appends, ..submission(run, 0) }).await;
    grow("r1", vec![append("b", 0, 2), append("a", 0, 1)]).await.expect("two chains begin");
    grow("r2", vec![append("b", 2, 10)]).await.expect("one grows");
    assert!(grow("r3", vec![append("b", 2, 1)]).await.is_err(), "that is not its end any more");
    assert!(grow("r4", vec![append("a", 0, 1)]).await.is_err(), "it has begun");
    let mut other = append("a", 1, 1);
    other.before.as_mut().expect("an end").seal = "another seal".to_owned();
    assert!(grow("r5", vec![other]).await.is_err(), "the end is another one");
    let links = store.chain("b").await.expect("a chain");
    assert_eq!(links.iter().map(|link| link.sequence).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert_eq!(links[11], append("b", 11, 1).links[0]);
    let heads: Vec<_> = [("a", 1), ("b", 12)].into_iter().filter_map(|(chain, end)| head(chain, end)).collect();
    assert_eq!(store.heads().await.expect("heads"), heads);
    assert_eq!(store.head("none").await.expect("an answer"), None);
    assert!(store.chain("none").await.expect("an answer").is_empty());
}

/// As when somebody puts an older end of a chain back.
pub async fn a_chain_that_goes_on_behind_its_end_does_not_grow(subject: Subject) {
    let store = subject.open().await;
    let chain = format!("{}#r1.1", address(1));
    let submission = Submission { appends: vec![append("b", 0, 1), append(&chain, 0, 1)], ..with_jobs("r1", 2) };
    store.submit(&submission).await.expect("it is written");
    let behind = [append("b", 1, 2), append(&chain, 1, 1)].map(|append| {
        let after = append.before.clone().expect("an end");
        Append { after, ..append }
    });
    store.submit(&Submission { appends: behind.into(), ..super::fixtures::submission("r2", 0) }).await.expect("links");

    let before = store.snapshot().await.expect("a snapshot");
    let appends = vec![append("new", 0, 1), append("b", 1, 1)];
    let grows = Submission { appends, writes: vec![write(5, 0)], ..super::fixtures::submission("r3", 0) };
    match store.submit(&grows).await {
        Err(SubmitError::Broken(finding)) => assert_eq!(finding, Finding::new("b", 2, Flaw::OldHead)),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.snapshot().await.expect("a snapshot"), before);
    assert!(store.head("new").await.expect("an answer").is_none());

    let lease = store.lease(&submission.jobs[0].id, "a", LONG).await.expect("a lease");
    let advance = Advance { appends: vec![append(&chain, 1, 1)], ..progress(&lease, 1, 1) };
    match store.advance(&lease, &advance).await {
        Err(LeaseError::Broken(finding)) => assert_eq!(finding, Finding::new(&chain, 2, Flaw::OldHead)),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.snapshot().await.expect("a snapshot"), before);
    assert_eq!(store.job(&lease.job.id).await.expect("a job"), Some(lease.job.clone()));
    assert_eq!(store.chain(&chain).await.expect("a chain").len(), 2, "what is there stays as it is");
    // It ends without adding anything, and the others go on.
    let ends = Advance { appends: vec![], ..advance };
    store.advance(&lease, &ends).await.expect("it moves");
    let lease = store.lease(&submission.jobs[1].id, "a", LONG).await.expect("a lease");
    store.advance(&lease, &progress(&lease, 2, 1)).await.expect("it moves");
}

/// As when the first link behind that older end was deleted as well.
pub async fn a_chain_with_a_gap_behind_its_end_does_not_grow(subject: Subject) {
    let store = subject.open().await;
    let chain = format!("{}#r1.1", address(1));
    let submission = Submission { appends: vec![append("b", 0, 1), append(&chain, 0, 1)], ..with_jobs("r1", 1) };
    store.submit(&submission).await.expect("it is written");
    let behind = ["b", &chain].map(|chain| Append { after: head(chain, 1).expect("an end"), ..append(chain, 1, 2) });
    let behind = behind.map(|append| Append { links: append.links[1..].to_vec(), ..append });
    store.submit(&Submission { appends: behind.into(), ..super::fixtures::submission("r2", 0) }).await.expect("links");

    let grows = Submission { appends: vec![append("b", 1, 2)], ..super::fixtures::submission("r3", 0) };
    match store.submit(&grows).await {
        Err(SubmitError::Broken(finding)) => assert_eq!(finding, Finding::new("b", 2, Flaw::OldHead)),
        other => panic!("{other:?}"),
    }
    let lease = store.lease(&submission.jobs[0].id, "a", LONG).await.expect("a lease");
    let advance = Advance { appends: vec![append(&chain, 1, 2)], ..progress(&lease, 1, 1) };
    match store.advance(&lease, &advance).await {
        Err(LeaseError::Broken(finding)) => assert_eq!(finding, Finding::new(&chain, 2, Flaw::OldHead)),
        other => panic!("{other:?}"),
    }
    for chain in ["b", &chain] {
        let links = store.chain(chain).await.expect("a chain");
        assert_eq!(links.iter().map(|link| link.sequence).collect::<Vec<_>>(), [1, 3], "what is there stays as it is");
        assert_eq!(store.head(chain).await.expect("an answer"), head(chain, 1));
    }
}

pub async fn sealed_secrets_are_kept_unless_replaced(subject: Subject) {
    let store = subject.open().await;
    let put = async |sealed, replace| store.put_sealed("key/1", sealed, replace, Flush::Now).await.expect("it is kept");
    assert_eq!(store.get_sealed("key/1").await.expect("an answer"), None);
    assert_eq!(put("one", false).await, "one");
    assert_eq!(put("two", false).await, "one");
    assert_eq!(put("three", true).await, "three");
    assert_eq!(subject.open().await.get_sealed("key/1").await.expect("it").as_deref(), Some("three"));
    assert_eq!(store.put_sealed("key/2", "new", true, Flush::Later).await.expect("it is kept"), "new");
    assert_eq!(store.sealed_names().await.expect("names"), ["key/1", "key/2"]);
    let swap = async |name, expect, sealed| store.swap_sealed(name, expect, sealed).await.expect("an answer");
    assert!(!swap("key/1", "two", "four").await && !swap("key/3", "two", "four").await);
    assert_eq!(store.get_sealed("key/1").await.expect("it").as_deref(), Some("three"));
    assert!(swap("key/1", "three", "four").await && swap("key/1", "four", "four").await);
    assert_eq!(store.get_sealed("key/1").await.expect("it").as_deref(), Some("four"));
    for _ in 0..2 {
        store.remove_sealed("key/1").await.expect("removing it again is fine");
        assert_eq!(store.get_sealed("key/1").await.expect("an answer"), None);
    }
    assert_eq!(store.get_sealed("key/2").await.expect("it").as_deref(), Some("new"));
}

pub async fn a_lock_is_held_by_one(subject: Subject) {
    let (store, other) = (subject.open().await, subject.open().await);
    let lock = store.lock("apply", "me@host", "apply", LONG).await.expect("it is free");
    assert_eq!((lock.name.as_str(), lock.who.as_str(), lock.operation.as_str()), ("apply", "me@host", "apply"));
    match other.lock("apply", "you@host", "destroy", LONG).await {
        Err(LockError::Held(held)) => assert_eq!(*held, lock),
        other => panic!("{other:?}"),
    }
    let second = other.lock("backup", "you@host", "backup", LONG).await.expect("another name is free");
    assert_eq!(store.locks().await.expect("locks"), [lock.clone(), second]);
    let renewed = store.renew_lock(&lock, LONG).await.expect("it is renewed");
    assert!(renewed.until >= lock.until && renewed.id == lock.id);
    assert!(!other.unlock("lock-none").await.expect("an answer"));
    assert!(other.unlock(&lock.id).await.expect("an answer"), "whoever knows its name breaks it");
    assert!(!store.unlock(&lock.id).await.expect("an answer"));
    assert!(matches!(store.renew_lock(&lock, LONG).await, Err(LockError::Lost)), "nobody holds it");
    let next = other.lock("apply", "you@host", "apply", LONG).await.expect("it is free");
    assert_ne!(next.id, lock.id);
    assert!(matches!(store.renew_lock(&lock, LONG).await, Err(LockError::Held(held)) if *held == next));
}

pub async fn a_lock_goes_from_hand_to_hand(subject: Subject) {
    const ROUNDS: usize = 20;
    let mut hands = Vec::new();
    for hand in 0..4 {
        let store = subject.open().await;
        hands.push(tokio::spawn(async move {
            let mut had = 0;
            while had < ROUNDS {
                match store.lock("apply", &format!("hand {hand}"), "apply", LONG).await {
                    Ok(lock) => {
                        assert!(store.unlock(&lock.id).await.expect("an answer"), "it was held");
                        had += 1;
                    }
                    Err(LockError::Held(_)) => tokio::task::yield_now().await,
                    Err(fault) => panic!("{fault}"),
                }
            }
        }));
    }
    for hand in hands {
        let limit = std::time::Duration::from_secs(60);
        tokio::time::timeout(limit, hand).await.expect("nobody waits for ever").expect("it ends well");
    }
}

pub async fn a_lock_runs_out(subject: Subject) {
    let store = subject.open().await;
    let dead = store.lock("apply", "dead", "apply", NONE).await.expect("it is free");
    assert!(store.locks().await.expect("locks").is_empty());
    assert!(matches!(store.renew_lock(&dead, LONG).await, Err(LockError::Lost)));
    assert!(!store.unlock(&dead.id).await.expect("an answer"));
    let next = store.lock("apply", "next", "apply", LONG).await.expect("the first has run out");
    assert!(matches!(store.renew_lock(&dead, LONG).await, Err(LockError::Held(_))));
    assert_eq!(store.locks().await.expect("locks"), [next]);
}
