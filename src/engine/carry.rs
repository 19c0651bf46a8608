//! Carrying one job as far as it goes: lease, next effect, record, do, record. The lease is the right to do anything at
//! all: it is renewed while effects last, and a worker that loses it drops what it is doing.
//!
//! Outcomes are collected and written together, but always before an effect that could not be found again or undone
//! without them ([`Effect::needs`]). Where it is enough that the job knows them, they are kept in the job alone, and the
//! next whole write takes them to the records and timelines.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::perform::{Adapters, Performer};
use super::progress::{News, Progress};
use super::queue::SharedQueue;
use super::record::{self, ChainFault, Changing};
use super::stop::{Stop, Urgency};
use super::{Engine, WorkOptions};
use crate::job::machine::Context;
use crate::job::{Effect, ErrorClass, Fact, Failure, Job, JobId, JobStatus, LogLine, Machine, Needs, Next, Pending};
use crate::ports::store::{Advance, EventFilter, Flush, Lease, LeaseError, NextLease};
use crate::ports::{PortError, PortResult};
use crate::state::{Event, EventBody};
use crate::time::{Duration, Timestamp};
use crate::timeline::Head;

/// Longest wait that a worker sits out itself: parking a job for less would cost more than it frees.
const SIT_OUT: Duration = Duration::from_secs(1);
/// When a job is looked at again that another worker has.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Times a write is repeated that the store did not answer, or that met a record as it was not read.
const REPEATS: u32 = 4;

/// What came of a job.
pub(super) enum Carried {
    /// It is at its end.
    Ended(Box<Job>),
    /// It waits until then.
    Parked {
        /// Until when.
        until: Timestamp,
        /// Whether those that need it may go all the same.
        delivered: bool,
        /// Whether for a limit of the whole account.
        of_account: bool,
    },
    /// Another worker has it.
    Elsewhere,
    /// It was given back because the worker is to stop.
    Returned,
}

/// One job carried as far as it goes.
pub(super) struct Turn {
    /// Which.
    pub(super) id: JobId,
    /// What came of it.
    pub(super) carried: Carried,
    /// The job to carry next, which was leased with the last write of this one.
    pub(super) next: Option<Held>,
}

/// A lease in hand.
pub(super) struct Held {
    pub(super) lease: Lease,
    /// When it was last taken or renewed, by the worker's clocks: before the store was asked. A write does not make it last
    /// longer.
    sure: (Instant, Timestamp),
}

/// What the jobs of a worker share.
pub(super) struct Shared<'a> {
    pub(super) engine: &'a Engine,
    pub(super) options: &'a WorkOptions,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a Stop,
    pub(super) adapters: &'a Adapters,
}

/// Why carrying came to a stop that is not the job's own.
enum Halt {
    /// The lease is another's.
    Lost,
    /// This one job cannot go on; others can.
    Broken(Failure),
    /// The store does not answer.
    Store(PortError),
}

impl From<PortError> for Halt {
    fn from(fault: PortError) -> Self {
        Self::Store(fault)
    }
}

impl From<ChainFault> for Halt {
    fn from(fault: ChainFault) -> Self {
        match fault {
            ChainFault::Store(fault) => Self::Store(fault),
            ChainFault::Broken(finding) => Self::Broken(Failure {
                class: ErrorClass::Conflict,
                message: format!("the timeline was changed by somebody else, and nothing is added to it: {finding}"),
                remedy: Some(record::BROKEN.to_owned()),
            }),
        }
    }
}

impl From<LeaseError> for Halt {
    fn from(fault: LeaseError) -> Self {
        match fault {
            LeaseError::Store(fault) => Self::Store(fault),
            LeaseError::Stale(address) => Self::Broken(Failure {
                class: ErrorClass::Conflict,
                message: format!("the record of {address} keeps changing under the job that claims it"),
                remedy: Some("plan and apply again; if it stays so, another program writes to this store".to_owned()),
            }),
            LeaseError::Broken(finding) => ChainFault::Broken(finding).into(),
            LeaseError::Held { .. } | LeaseError::Final | LeaseError::Lost => Self::Lost,
        }
    }
}

/// Carries a job as far as it goes now, under the lease that was taken for it already or under a new one. When it comes to
/// its end, the next job of the queue is leased with it.
///
/// # Errors
/// Only when the store fails: what was done and could not be recorded is found again by the next worker.
pub(super) async fn carry(shared: &Shared<'_>, queue: SharedQueue, id: JobId, held: Option<Held>) -> PortResult<Turn> {
    let (carried, next) = carry_one(shared, &queue, &id, held).await?;
    Ok(Turn { id, carried, next })
}

async fn carry_one(
    shared: &Shared<'_>,
    queue: &SharedQueue,
    id: &JobId,
    held: Option<Held>,
) -> PortResult<(Carried, Option<Held>)> {
    let leased = match held {
        Some(held) => Ok(held),
        None => {
            let sure = (Instant::now(), shared.engine.clock.now());
            let leased = shared.engine.store.lease(id, &shared.options.worker, shared.options.ttl).await;
            leased.map(|lease| Held { lease, sure })
        }
    };
    let held = match leased {
        Ok(held) => held,
        Err(LeaseError::Final) => return Ok((ended_elsewhere(shared, id).await?, None)),
        Err(LeaseError::Store(fault)) => return Err(fault),
        Err(_) => return Ok((Carried::Elsewhere, None)),
    };
    let lease = held.lease.clone();
    let carried = async {
        let mut hand = Hand::take(shared, queue, held).await?;
        let carried = hand.work().await?;
        Ok((carried, hand.next))
    };
    let halt = match carried.await {
        Ok(carried) => return Ok(carried),
        Err(Halt::Broken(failure)) => give_up(shared, lease, failure).await,
        Err(halt) => Err(halt),
    };
    match halt {
        Ok(carried) => Ok((carried, None)),
        Err(Halt::Store(fault)) => Err(fault),
        Err(Halt::Lost | Halt::Broken(_)) => Ok((Carried::Elsewhere, None)),
    }
}

/// A job that cannot go on where it stands fails, its machine left as it is, so that nothing else is held up by it.
async fn give_up(shared: &Shared<'_>, lease: Lease, failure: Failure) -> Result<Carried, Halt> {
    let engine = shared.engine;
    // As it stands in the store: what it has written there under this lease stays with it.
    let mut job = engine.store.job(&lease.job.id).await?.unwrap_or_else(|| lease.job.clone());
    let stored = engine.store.records(std::slice::from_ref(job.address())).await?.into_iter().next();
    let mut changing = Changing::new(job.address().clone(), stored);
    if changing.record().is_some_and(|record| record.claim.as_ref() == Some(&job.id)) {
        changing.release();
    }
    shared.progress.tell(&News::Failed { job: &job, failure: &failure });
    job.status = JobStatus::Failed { failure };
    job.ended_at = Some(engine.clock.now());
    let last = Advance {
        job: job.clone(),
        events: Vec::new(),
        writes: changing.write().into_iter().collect(),
        appends: Vec::new(),
        log: Vec::new(),
        release: true,
    };
    engine.store.advance(&lease, &last).await?;
    Ok(Carried::Ended(Box::new(job)))
}

async fn ended_elsewhere(shared: &Shared<'_>, id: &JobId) -> PortResult<Carried> {
    let job = shared.engine.store.job(id).await?;
    Ok(job.map_or(Carried::Elsewhere, |job| Carried::Ended(Box::new(job))))
}

/// One job in a worker's hand.
struct Hand<'a> {
    shared: &'a Shared<'a>,
    performer: Performer<'a>,
    lease: Lease,
    /// See [`Held::sure`].
    sure: (Instant, Timestamp),
    job: Job,
    machine: Machine,
    changing: Changing,
    head: Option<Head>,
    /// By how much its waits are stretched, in thousandths: drawn once a lease, for it is jobs that are to disperse.
    jitter: u64,
    /// Whether there is something the store does not know.
    dirty: bool,
    /// The token of the lease, once the job waits where it stands.
    parked: Option<u64>,
    /// Numbers of those pending events that the timeline holds already.
    chained: BTreeSet<u32>,
    queue: &'a SharedQueue,
    /// The job that follows this one.
    next: Option<Held>,
}

/// How much a write holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// The job, with what is pending in it.
    Job,
    /// The records and timelines as well: nothing is pending any more.
    Whole,
    /// Likewise, and the lease is given back.
    Last,
}

impl<'a> Hand<'a> {
    async fn take(shared: &'a Shared<'a>, queue: &'a SharedQueue, held: Held) -> Result<Self, Halt> {
        let Held { lease, sure } = held;
        let engine = shared.engine;
        let now = engine.clock.now();
        let job = Job { status: JobStatus::Ready, ..lease.job.clone() };
        let stored = engine.store.records(std::slice::from_ref(job.address())).await?.into_iter().next();
        let mut changing = Changing::new(job.address().clone(), stored);
        let context = context(&job, &changing, now, 0);
        let is_new = job.machine.is_null();
        let (mut machine, parked) = if is_new { (Machine::begin(&context), None) } else { parse(&job)? };
        if parked.is_none_or(|token| token + 1 != lease.token) {
            machine.resume();
        }
        if let Some(chain) = machine.chain() {
            changing.remember(chain);
        }
        let mut hand = Self {
            shared,
            performer: Performer::new(engine, shared.adapters, lease.token > 1),
            head: record::head(engine, &changing).await?,
            sure,
            lease,
            job,
            machine,
            changing,
            jitter: engine.ids.jitter(1000),
            dirty: is_new,
            parked: None,
            chained: BTreeSet::new(),
            queue,
            next: None,
        };
        if hand.lease.token > 1 {
            hand.catch_up().await?;
        }
        hand.job.started_at.get_or_insert(now);
        hand.job.attempt = hand.machine.failed_attempts() + 1;
        shared.progress.tell(&News::Started(&hand.job));
        Ok(hand)
    }

    /// Takes in events that a worker before left pending, and those that it recorded without moving the job: it died in
    /// between. What they brought about is written again, which changes nothing where it was written already.
    async fn catch_up(&mut self) -> Result<(), Halt> {
        for event in &self.job.pending.events {
            self.changing.fold(event);
        }
        let filter = EventFilter { job: Some(self.job.id.clone()) };
        let recorded = self.shared.engine.store.events(0, usize::MAX >> 1, &filter).await?;
        let from = self.job.next_event;
        for (_, event) in recorded.into_iter().filter(|(_, event)| event.number >= from) {
            self.machine.absorb(&event.body);
            self.changing.fold(&event);
            self.job.next_event = event.number + 1;
            self.dirty = true;
            self.job.pending.events.push(event);
        }
        self.head = record::head(self.shared.engine, &self.changing).await?;
        self.chained = record::chained(self.shared.engine, &self.changing, &self.job.pending.events).await?;
        Ok(())
    }

    async fn work(&mut self) -> Result<Carried, Halt> {
        let engine = self.shared.engine;
        if self.is_claimed_elsewhere() {
            return self.finish(JobStatus::Failed { failure: claimed_elsewhere(&self.job) }).await;
        }
        loop {
            if self.shared.stop.is_wished() {
                self.write(Extent::Last).await?;
                return Ok(Carried::Returned);
            }
            let now = engine.clock.now();
            let next = self.machine.next(&context(&self.job, &self.changing, now, 0));
            match next {
                Next::Do(effect) => self.act(&effect).await?,
                Next::Wait { until, .. } if until.since(now) <= SIT_OUT => self.sit_out(until).await,
                Next::Wait { until, why, of_account } => {
                    self.park(until, why, of_account).await?;
                    return Ok(Carried::Parked { until, delivered: self.job.delivered, of_account });
                }
                Next::Done => return self.finish(JobStatus::Succeeded).await,
                Next::Failed(failure) => return self.finish(JobStatus::Failed { failure }).await,
            }
        }
    }

    /// A record that another job claims is not ours to write. One that is gone is: this job may have removed it.
    fn is_claimed_elsewhere(&self) -> bool {
        self.changing.record().is_some_and(|record| record.claim.as_ref() != Some(&self.job.id))
    }

    async fn sit_out(&self, until: Timestamp) {
        tokio::select! {
            () = self.shared.engine.clock.sleep_until(until) => {}
            () = self.shared.stop.wished(Urgency::Graceful) => {}
        }
    }

    async fn act(&mut self, effect: &Effect) -> Result<(), Halt> {
        self.prove_lease(effect.needs()).await?;
        let engine = self.shared.engine;
        self.shared.progress.tell(&News::Doing { job: &self.job.id, effect: effect.name() });
        // The write that follows an order flushes the key as well; where the order is there already, none may follow before the
        // CA hears of the key.
        let flush = if self.machine.order().is_some() { Flush::Now } else { Flush::Later };
        let begun = (Instant::now(), engine.clock.now());
        let result = tokio::select! {
            result = self.performer.perform(&self.job, self.changing.record(), effect, flush) => result,
            halt = beat(self.shared, &self.lease) => return Err(halt),
        };
        let result = result.map_err(failure_of);
        self.note(effect, &result, begun);
        let extent = if result.is_ok() { Extent::Job } else { Extent::Whole };
        self.move_on(effect, result);
        if effect.is_recorded_at_once() && !self.job.pending.events.is_empty() {
            self.write(extent).await?;
        }
        Ok(())
    }

    /// Sees to it that the lease is ours for the next effect, and lasts until the heartbeat renews it.
    async fn prove_lease(&mut self, needs: Needs) -> Result<(), Halt> {
        let ttl = self.shared.options.ttl;
        let age = self.shared.engine.clock.now().since(self.sure.1);
        let is_old = age.millis() * 3 > ttl.millis() || self.sure.0.elapsed() * 3 > ttl.to_std();
        match needs {
            Needs::All if self.dirty || !self.job.pending.is_empty() => self.write(Extent::Whole).await?,
            Needs::Job if self.dirty => self.write(Extent::Job).await?,
            _ => {}
        }
        if is_old || (needs != Needs::Nothing && self.sure.0.elapsed() * 10 > ttl.to_std()) {
            let sure = (Instant::now(), self.shared.engine.clock.now());
            self.shared.engine.store.renew(&self.lease, ttl).await?;
            self.sure = sure;
        }
        Ok(())
    }

    fn move_on(&mut self, effect: &Effect, result: Result<Fact, Failure>) {
        let now = self.shared.engine.clock.now();
        let bodies = self.machine.outcome(effect, result, &context(&self.job, &self.changing, now, self.jitter));
        for body in bodies {
            let event = Event {
                job: self.job.id.clone(),
                number: self.job.next_event,
                at: now,
                actor: self.job.actor.clone(),
                address: self.job.address().clone(),
                body,
            };
            self.job.next_event += 1;
            self.changing.fold(&event);
            if let EventBody::ChallengeLeft { publication, why } = &event.body {
                self.shared.progress.tell(&News::LeftBehind { job: &self.job, publication, why });
            }
            self.job.pending.events.push(event);
        }
        self.job.delivered = self.machine.has_delivered();
        self.job.attempt = self.machine.failed_attempts() + 1;
        self.dirty = true;
    }

    fn note(&mut self, effect: &Effect, result: &Result<Fact, Failure>, (begun, at): (Instant, Timestamp)) {
        let took = Duration::from_millis(i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX));
        let message = match result {
            Ok(fact) => fact.words(),
            Err(failure) => failure.message.clone(),
        };
        tracing::debug!(job = %self.job.id, effect = effect.name(), took = %took, "{message}");
        let line = LogLine { at, effect: effect.name().to_owned(), message, took, attempt: self.job.attempt };
        // Polls that say the same again are one line.
        let log = &mut self.job.pending.log;
        match log.last_mut().filter(|last| last.effect == line.effect && last.message == line.message) {
            Some(last) => last.took = Duration::from_millis(last.took.millis() + line.took.millis()),
            None => log.push(line),
        }
    }

    async fn park(&mut self, until: Timestamp, why: String, of_account: bool) -> Result<(), Halt> {
        self.shared.progress.tell(&News::Waiting { job: &self.job.id, until, why: &why });
        self.job.status = JobStatus::Waiting { until, why, of_account };
        self.parked = Some(self.lease.token);
        self.write(Extent::Last).await
    }

    async fn finish(&mut self, status: JobStatus) -> Result<Carried, Halt> {
        // The attempt that a job ends with is the last one: after a failure for good there is none that follows.
        let failed = self.machine.failed_attempts();
        self.job.attempt = if matches!(status, JobStatus::Failed { .. }) { failed.max(1) } else { failed + 1 };
        self.job.status = status;
        self.job.ended_at = Some(self.shared.engine.clock.now());
        if !self.is_claimed_elsewhere() {
            self.changing.release();
        }
        self.write_and_go_on().await?;
        match &self.job.status {
            JobStatus::Failed { failure } => self.shared.progress.tell(&News::Failed { job: &self.job, failure }),
            _ => self.shared.progress.tell(&News::Succeeded(&self.job)),
        }
        Ok(Carried::Ended(Box::new(self.job.clone())))
    }

    /// The last write of a job that has come to its end. What is next in the queue is leased with it.
    async fn write_and_go_on(&mut self) -> Result<(), Halt> {
        let now = self.shared.engine.clock.now();
        let next =
            if self.shared.stop.is_wished() { None } else { self.queue.with(|queue| queue.replace(&self.job.id, now)) };
        let Some(next) = next else { return self.write(Extent::Last).await };
        let sure = (Instant::now(), now);
        match self.write_leasing(Extent::Last, Some(&next)).await {
            Ok(Some(Ok(lease))) => self.next = Some(Held { lease, sure }),
            Ok(Some(Err(LeaseError::Store(fault)))) => return Err(fault.into()),
            Ok(Some(Err(LeaseError::Held { .. }))) => {
                let again = self.shared.engine.clock.now() + LOOK_AGAIN;
                self.queue.with(|queue| queue.park(&next, again));
            }
            // It is at its end, which whoever takes it out again learns; or the worker is to stop, and it was not leased.
            Ok(_) => self.queue.with(|queue| queue.give_back(&next)),
            Err(halt) => {
                self.queue.with(|queue| queue.give_back(&next));
                return Err(halt);
            }
        }
        Ok(())
    }

    /// Writes what the store does not know yet.
    async fn write(&mut self, extent: Extent) -> Result<(), Halt> {
        self.write_leasing(extent, None).await.map(drop)
    }

    /// Likewise, and leases another job with it, unless the worker is to stop by then.
    async fn write_leasing(
        &mut self,
        extent: Extent,
        next: Option<&JobId>,
    ) -> Result<Option<Result<Lease, LeaseError>>, Halt> {
        let Shared { engine, options, stop, .. } = self.shared;
        let mut repeats = 0;
        loop {
            let advance = self.advance(extent)?;
            let written = match next.filter(|_| !stop.is_wished()) {
                Some(job) => {
                    let next = NextLease { job, worker: &options.worker, ttl: options.ttl };
                    engine.store.advance_and_lease(&self.lease, &advance, next).await.map(Some)
                }
                None => engine.store.advance(&self.lease, &advance).await.map(|()| None),
            };
            match written {
                Ok(leased) => {
                    self.written(advance);
                    return Ok(leased);
                }
                Err(LeaseError::Stale(_)) if repeats < REPEATS => self.read_again().await?,
                Err(LeaseError::Store(_)) if repeats < REPEATS => {
                    tokio::time::sleep(std::time::Duration::from_millis(50 << repeats)).await;
                }
                Err(fault) => return Err(fault.into()),
            }
            repeats += 1;
        }
    }

    fn advance(&mut self, extent: Extent) -> PortResult<Advance> {
        self.job.machine = serde_json::to_value(Kept { machine: &self.machine, parked: self.parked })
            .map_err(|fault| PortError::new(ErrorClass::Bug, format!("a job cannot be kept: {fault}")))?;
        let mut job = self.job.clone();
        if extent == Extent::Job {
            let (events, log) = (Vec::new(), Vec::new());
            return Ok(Advance { job, events, writes: Vec::new(), appends: Vec::new(), log, release: false });
        }
        let Pending { events, log } = std::mem::take(&mut job.pending);
        let new = events.iter().filter(|event| !self.chained.contains(&event.number));
        let append = record::append(self.shared.engine, self.changing.chain(), self.head.as_ref(), new)?;
        Ok(Advance {
            job,
            events,
            writes: self.changing.write().into_iter().collect(),
            appends: append.into_iter().collect(),
            log,
            release: extent == Extent::Last,
        })
    }

    fn written(&mut self, advance: Advance) {
        for write in advance.writes {
            self.changing.written(write);
        }
        if let Some(append) = advance.appends.into_iter().next() {
            self.head = Some(append.after);
        }
        self.job.pending = advance.job.pending;
        self.dirty = false;
    }

    async fn read_again(&mut self) -> Result<(), Halt> {
        let engine = self.shared.engine;
        let stored = engine.store.records(std::slice::from_ref(self.job.address())).await?.into_iter().next();
        let events = &self.job.pending.events;
        self.changing.rebase(stored, events);
        self.head = record::head(engine, &self.changing).await?;
        self.chained = record::chained(engine, &self.changing, events).await?;
        Ok(())
    }
}

/// Renews the lease while an effect lasts. Returns when it is lost.
async fn beat(shared: &Shared<'_>, lease: &Lease) -> Halt {
    let ttl = shared.options.ttl;
    let mut sure = Instant::now();
    loop {
        tokio::time::sleep(ttl.to_std() / 3).await;
        let asked = Instant::now();
        match shared.engine.store.renew(lease, ttl).await {
            Ok(_) => sure = asked,
            // A store that does not answer may come back before the lease runs out.
            Err(LeaseError::Store(_)) if sure.elapsed() < ttl.to_std() => {}
            Err(fault) => return fault.into(),
        }
    }
}

fn context<'a>(job: &'a Job, changing: &'a Changing, now: Timestamp, jitter: u64) -> Context<'a> {
    Context { job: &job.id, step: &job.step, record: changing.record(), now, jitter }
}

/// A machine as it is kept in its job.
#[derive(Serialize, Deserialize)]
struct Kept<M> {
    #[serde(flatten)]
    machine: M,
    /// The lease under which it was laid down to wait. When the next lease is the one after, nobody has touched it since,
    /// and nothing has to be read again.
    parked: Option<u64>,
}

fn parse(job: &Job) -> Result<(Machine, Option<u64>), Halt> {
    let kept: Result<Kept<Machine>, _> = serde_json::from_value(job.machine.clone());
    kept.map(|kept| (kept.machine, kept.parked)).map_err(|fault| {
        Halt::Broken(Failure {
            class: ErrorClass::Bug,
            message: format!("job {} stands where this version of cap cannot go on: {fault}", job.id),
            remedy: Some("plan and apply again: what it had done is recorded".to_owned()),
        })
    })
}

fn failure_of(fault: PortError) -> Failure {
    Failure { class: fault.class, message: fault.message, remedy: fault.remedy }
}

fn claimed_elsewhere(job: &Job) -> Failure {
    Failure {
        class: ErrorClass::Conflict,
        message: format!("another job works on {}", job.address()),
        remedy: Some("plan and apply again once it has come to its end".to_owned()),
    }
}
