//! Several handles at once: what one does holds for all.

use std::collections::BTreeMap;

use cap::job::{JobId, JobStatus};
use cap::ports::store::{Advance, EventFilter, JobFilter, LeaseError, RecordWrite, Submission, SubmitError};

use super::Subject;
use super::fixtures::*;

pub async fn two_handles_see_each_other(subject: Subject) {
    let (one, two) = (subject.open().await, subject.open().await);
    let submission = with_jobs("r1", 1);
    one.submit(&submission).await.expect("it is written");
    let id = &submission.jobs[0].id;
    let lease = two.lease(id, "two", LONG).await.expect("a lease");
    assert!(matches!(one.lease(id, "one", LONG).await, Err(LeaseError::Held { .. })));
    let advance = Advance { release: true, ..progress(&lease, 1, 1) };
    two.advance(&lease, &advance).await.expect("it moves");
    assert_eq!(one.lease(id, "one", LONG).await.expect("it is free").job, advance.job);
    assert_eq!(one.snapshot().await.expect("one"), two.snapshot().await.expect("two"));
    assert_eq!(one.identity().await.expect("one"), two.identity().await.expect("two"));
}

pub async fn eight_workers_take_each_job_once(subject: Subject) {
    const JOBS: usize = 24;
    let store = subject.open().await;
    store.submit(&with_jobs("r1", JOBS)).await.expect("it is written");
    let mut workers = Vec::new();
    for worker in 0..8 {
        let store = subject.open().await;
        workers.push(tokio::spawn(async move {
            let mut taken = Vec::new();
            let open = JobFilter { unfinished: true, ..Default::default() };
            loop {
                let jobs = store.jobs(&open).await.expect("jobs");
                let Some(job) = jobs.get(worker % jobs.len().max(1)) else { return taken };
                taken.extend(carry_out(&*store, &job.id, &format!("w{worker}")).await);
            }
        }));
    }
    let mut times: BTreeMap<JobId, usize> = BTreeMap::new();
    for worker in workers {
        worker.await.expect("it ends well").into_iter().for_each(|job| *times.entry(job).or_default() += 1);
    }
    assert_eq!(times.len(), JOBS);
    assert!(times.values().all(|count| *count == 1), "{times:?}");
    assert_eq!(store.events(0, 1000, &EventFilter::default()).await.expect("events").len(), JOBS);
    let records = store.snapshot().await.expect("a snapshot").state.records;
    assert!(records.len() == JOBS && records.values().all(|record| record.revision == 2));
}

/// Leases a job and ends it; the job, when this worker did.
async fn carry_out(store: &dyn cap::ports::store::Store, id: &JobId, worker: &str) -> Option<JobId> {
    let lease = match store.lease(id, worker, LONG).await {
        Ok(lease) => lease,
        Err(LeaseError::Held { .. } | LeaseError::Final) => return None,
        Err(error) => panic!("{error}"),
    };
    let number = id.0.rsplit('.').next().and_then(|number| number.parse().ok()).expect("a number");
    let mut advance = Advance { release: true, ..progress(&lease, number, 1) };
    advance.job.status = JobStatus::Succeeded;
    store.advance(&lease, &advance).await.expect("it moves");
    Some(id.clone())
}

pub async fn of_rival_submissions_one_wins(subject: Subject) {
    let store = subject.open().await;
    store.submit(&submission("r0", 3)).await.expect("it is written");
    let mut rivals = Vec::new();
    for rival in 0..6 {
        let store = subject.open().await;
        rivals.push(tokio::spawn(async move {
            // Each wants the same two records, and one of its own.
            let remove = RecordWrite { record: None, ..write(1, 1) };
            let writes = vec![write(10 + rival, 0), write(2, 1), remove];
            store.submit(&Submission { writes, ..submission(&format!("r{}", rival + 1), 0) }).await
        }));
    }
    let mut winners = 0;
    for rival in rivals {
        match rival.await.expect("it ends well") {
            Ok(()) => winners += 1,
            Err(SubmitError::Stale(stale)) => assert!(!stale.is_empty()),
            Err(error) => panic!("{error}"),
        }
    }
    let records = store.snapshot().await.expect("a snapshot").state.records;
    // Two that meet may both yield, but what is written is always one's own and whole.
    assert!(winners <= 1);
    assert_eq!(records.len(), 3);
    assert_eq!(records.keys().any(|address| *address == super::fixtures::address(1)), winners == 0);
    assert_eq!(store.runs().await.expect("runs").len(), 1 + winners);
}

pub async fn submissions_side_by_side_all_arrive(subject: Subject) {
    const EACH: usize = 5;
    let mut submitters = Vec::new();
    for submitter in 0..6_usize {
        let store = subject.open().await;
        submitters.push(tokio::spawn(async move {
            let run = format!("r{submitter}");
            let bookkeeping = run_id(&run).job(0);
            let numbers = submitter * EACH..(submitter + 1) * EACH;
            let writes = numbers.clone().map(|number| write(number, 0)).collect();
            let events = numbers.zip(1..).map(|(number, at)| event(&bookkeeping, at, number)).collect();
            store.submit(&Submission { writes, events, ..submission(&run, 0) }).await
        }));
    }
    for submitter in submitters {
        submitter.await.expect("it ends well").expect("nothing is in its way");
    }
    let store = subject.open().await;
    assert_eq!(store.snapshot().await.expect("a snapshot").state.records.len(), 6 * EACH);
    let events = store.events(0, 1000, &EventFilter::default()).await.expect("events");
    assert_eq!(events.len(), 6 * EACH);
    assert!(events.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(store.runs().await.expect("runs").len(), 6);
}
