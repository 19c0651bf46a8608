//! The worker: takes jobs that may run, carries each as far as it goes, and comes back for what waited. Jobs that fail
//! stop only those that need them. It returns when nothing is left to do, or when it is asked to stop.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

pub use super::queue::Limits;

use super::Engine;
use super::carry::{Carried, Held, LOOK_AGAIN, Shared, Turn, carry};
use super::perform::Adapters;
use super::progress::{News, Progress};
use super::queue::{Queue, SharedQueue};
use super::stop::{Stop, Urgency};
use crate::job::{Job, JobId, JobStatus, RunId};
use crate::ports::PortResult;
use crate::ports::store::{JobFilter, LeaseError};
use crate::time::{Duration, Timestamp};

/// How long jobs are waited for that only tidy up after themselves, by whoever does not wait for everything.
const TIDYING: Duration = Duration::from_secs(10);

/// How to work.
#[derive(Debug, Clone)]
pub struct WorkOptions {
    /// Jobs at a time.
    pub parallelism: usize,
    /// Jobs of this run only; otherwise of all.
    pub run: Option<RunId>,
    /// Names this worker in leases: user, host, process.
    pub worker: String,
    /// Jobs at a time per CA and per target.
    pub limits: Limits,
    /// How long a lease lasts without a heartbeat: after this time another worker takes over from one that died.
    pub ttl: Duration,
    /// Jobs that wait for longer than this are left waiting, when nothing else is to be done; without it they are waited
    /// for.
    pub patience: Option<Duration>,
}

impl WorkOptions {
    /// The usual way.
    pub fn new(worker: impl Into<String>) -> Self {
        Self {
            parallelism: 10,
            run: None,
            worker: worker.into(),
            limits: Limits::default(),
            ttl: Duration::from_secs(30),
            patience: None,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkReport {
    /// Jobs that succeeded.
    pub succeeded: Vec<Job>,
    /// Jobs that were given up; each status says why.
    pub failed: Vec<Job>,
    /// Jobs that were not begun, each with the job that failed.
    pub skipped: Vec<(JobId, JobId)>,
    /// Jobs that are left: when it was asked to stop, or not to wait for them.
    pub left: usize,
}

/// Works until nothing is left to do.
///
/// # Errors
/// When the store fails. What was done is recorded, or found again by whoever works next.
pub async fn work(
    engine: &Engine,
    options: &WorkOptions,
    progress: &dyn Progress,
    stop: &Stop,
) -> PortResult<WorkReport> {
    let adapters = Adapters::default();
    let shared = Shared { engine, options, progress, stop, adapters: &adapters };
    let worked = tokio::select! {
        worked = Round::work(&shared) => worked,
        () = stop.wished(Urgency::Immediate) => cut_off(&shared).await,
    };
    if worked.is_err() {
        // Our own leases need not run out: nobody works under them any more.
        let _ = engine.store.break_leases(&options.worker).await;
    }
    worked
}

/// The effects were dropped where they stood: the leases are given up, so that whoever works next need not wait.
async fn cut_off(shared: &Shared<'_>) -> PortResult<WorkReport> {
    let store = &shared.engine.store;
    store.break_leases(&shared.options.worker).await?;
    let left = store.jobs(&JobFilter { run: shared.options.run.clone(), unfinished: true }).await?.len();
    Ok(WorkReport { left, ..WorkReport::default() })
}

/// One pass over the jobs there are.
struct Round<'a> {
    shared: &'a Shared<'a>,
    queue: SharedQueue,
    jobs: HashMap<JobId, Job>,
    report: WorkReport,
}

impl<'a> Round<'a> {
    async fn work(shared: &'a Shared<'a>) -> PortResult<WorkReport> {
        let mut round = Self::begin(shared).await?;
        loop {
            round.drain().await?;
            let more = shared.options.run.is_none() && !shared.stop.is_wished();
            if !more {
                break;
            }
            // Work on everything: what was submitted meanwhile belongs to it.
            let report = std::mem::take(&mut round.report);
            round = Self::begin(shared).await?;
            // Beginning may have skipped some already.
            let skipped = std::mem::replace(&mut round.report, report).skipped;
            round.report.skipped.extend(skipped);
            let (left, due) = round.queue.with(|queue| (queue.left(), queue.due()));
            if left == 0 || round.is_too_far(due) {
                break;
            }
        }
        round.report.left = round.queue.with(|queue| queue.left());
        Ok(round.report)
    }

    async fn begin(shared: &'a Shared<'a>) -> PortResult<Self> {
        let (jobs, others) = load(shared).await?;
        let (queue, skips) = Queue::new(&jobs, &others, shared.options.limits);
        let jobs = jobs.into_iter().map(|job| (job.id.clone(), job)).collect();
        let mut round = Self { shared, queue: SharedQueue::new(queue), jobs, report: WorkReport::default() };
        round.skip(skips).await?;
        Ok(round)
    }

    async fn drain(&mut self) -> PortResult<()> {
        let shared = self.shared;
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < shared.options.parallelism.max(1) && !shared.stop.is_wished() {
                let Some(id) = self.queue.with(|queue| queue.take(shared.engine.clock.now())) else { break };
                running.push(carry(shared, self.queue.clone(), id, None));
            }
            if running.is_empty() {
                let due = self.queue.with(|queue| queue.due());
                match due.filter(|due| !shared.stop.is_wished() && !self.is_too_far(Some(*due))) {
                    Some(due) => self.wait(due).await,
                    None => return Ok(()),
                }
                continue;
            }
            // What is due is of interest only while there is room for it.
            let has_room = running.len() < shared.options.parallelism.max(1) && !shared.stop.is_wished();
            let due = self.queue.with(|queue| queue.due()).filter(|_| has_room);
            tokio::select! {
                Some(turn) = running.next() => {
                    let Turn { id, carried, next } = turn?;
                    self.settle(&id, carried).await?;
                    if let Some(held) = self.still_wanted(next).await {
                        running.push(carry(shared, self.queue.clone(), held.lease.job.id.clone(), Some(held)));
                    }
                }
                () = until_due(due, shared.engine.clock.now()) => {}
            }
        }
    }

    /// What was leased ahead, unless the worker is to stop by now: then its lease is given back, and it is not begun.
    async fn still_wanted(&self, next: Option<Held>) -> Option<Held> {
        let held = next?;
        if !self.shared.stop.is_wished() {
            return Some(held);
        }
        self.queue.with(|queue| queue.give_back(&held.lease.job.id));
        // A lease that cannot be given back runs out; what runs still is not to be cut off for that.
        let _ = self.shared.engine.store.renew(&held.lease, Duration::from_millis(0)).await;
        None
    }

    /// Whether the next job is due later than this worker waits.
    fn is_too_far(&self, due: Option<Timestamp>) -> bool {
        let now = self.shared.engine.clock.now();
        let tidying = self.queue.with(|queue| queue.only_tidies());
        let patience = self.shared.options.patience.map(|long| if tidying { long.min(TIDYING) } else { long });
        patience.zip(due).is_some_and(|(patience, due)| due.since(now) > patience)
    }

    async fn wait(&self, due: Timestamp) {
        tokio::select! {
            () = self.shared.engine.clock.sleep_until(due) => {}
            () = self.shared.stop.wished(Urgency::Graceful) => {}
        }
    }

    async fn settle(&mut self, id: &JobId, carried: Carried) -> PortResult<()> {
        match carried {
            Carried::Parked { until, delivered, of_account } => self.queue.with(|queue| {
                queue.park(id, until);
                if of_account {
                    queue.hold(id, until);
                }
                if delivered {
                    queue.deliver(id);
                }
            }),
            Carried::Elsewhere => {
                let again = self.shared.engine.clock.now() + LOOK_AGAIN;
                self.queue.with(|queue| queue.park(id, again));
            }
            Carried::Returned => {}
            Carried::Ended(job) => {
                let skips = self.queue.with(|queue| queue.end(id, job.status == JobStatus::Succeeded));
                match &job.status {
                    JobStatus::Succeeded => self.report.succeeded.push(*job),
                    JobStatus::Skipped { because } => self.report.skipped.push((id.clone(), because.clone())),
                    _ => self.report.failed.push(*job),
                }
                self.skip(skips).await?;
            }
        }
        Ok(())
    }

    async fn skip(&mut self, skips: Vec<(JobId, JobId)>) -> PortResult<()> {
        let engine = self.shared.engine;
        for (id, because) in skips {
            let status = JobStatus::Skipped { because: because.clone() };
            match engine.store.set_status(&id, &status, engine.clock.now()).await {
                Ok(()) => {}
                Err(LeaseError::Store(fault)) => return Err(fault),
                // Another worker has come to the same conclusion.
                Err(_) => continue,
            }
            if let Some(job) = self.jobs.get(&id) {
                self.shared.progress.tell(&News::Skipped { job, because: &because });
            }
            self.report.skipped.push((id, because));
        }
        Ok(())
    }
}

/// The jobs to work on and those they need; and those that are left to others.
async fn load(shared: &Shared<'_>) -> PortResult<(Vec<Job>, Vec<Job>)> {
    let store = &shared.engine.store;
    let unfinished = store.jobs(&JobFilter { run: None, unfinished: true }).await?;
    let is_ours = |job: &Job| shared.options.run.as_ref().is_none_or(|run| *run == job.run);
    let (mut jobs, others): (Vec<Job>, Vec<Job>) = unfinished.into_iter().partition(is_ours);
    let known: HashSet<&JobId> = jobs.iter().map(|job| &job.id).collect();
    let lacks = |job: &&Job| job.needs.iter().any(|need| !known.contains(need));
    let runs: BTreeSet<RunId> = jobs.iter().filter(lacks).map(|job| job.run.clone()).collect();
    let needs = jobs.iter().flat_map(|job| &job.needs).filter(|need| !known.contains(need));
    let needs: HashSet<JobId> = needs.cloned().collect();
    // What a job needs is of its own run: one question for each run, and not for each of thousands of jobs.
    for run in runs {
        let of_run = store.jobs(&JobFilter { run: Some(run), unfinished: false }).await?;
        jobs.extend(of_run.into_iter().filter(|job| needs.contains(&job.id)));
    }
    Ok((jobs, others))
}

/// Returns when a job that waits is due; while others run, by the real clock.
async fn until_due(due: Option<Timestamp>, now: Timestamp) {
    match due {
        Some(due) => tokio::time::sleep(due.since(now).max(Duration::from_millis(1)).to_std()).await,
        None => std::future::pending().await,
    }
}
