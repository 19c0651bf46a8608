//! Beginning an apply: a plan becomes records that are written at once and jobs that claim theirs. Nothing is decided here
//! that the plan has not decided, and nothing is evaluated (law 2).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::record::{self, ChainFault, Changing};
use super::{Engine, adopt};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::job::removal::leaves_something;
use crate::job::{Job, JobId, JobStatus, Pending, Run, RunId};
use crate::plan::predict::imported;
use crate::plan::{Action, Plan, Step, StoredOutput, Work};
use crate::ports::PortError;
use crate::ports::store::{Lock, RecordWrite, Submission, SubmitError};
use crate::state::facts::Facts;
use crate::state::{Event, EventBody, Record};
use crate::time::Timestamp;
use crate::timeline::Finding;

/// Why a plan was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitFault {
    /// Resources in the plan changed since it was made. Nothing was written: plan again.
    #[error("resources changed since the plan was made")]
    Stale(Vec<Address>),
    /// Unfinished jobs work on resources of the plan: let them come to their end first.
    #[error("unfinished jobs work on resources of the plan")]
    Busy(Vec<(Address, JobId)>),
    /// The plan was made against another store.
    #[error("the plan was made against another store")]
    OtherStore {
        /// The store's identity.
        store: String,
        /// That of the store the plan was made against.
        planned: String,
    },
    /// What is to be imported is not what it was. Nothing was written: plan again.
    #[error("what is to be imported changed since the plan was made")]
    Changed(Box<Diagnostic>),
    /// The lock under which it was to begin is not held any more. Nothing was written.
    #[error("the lock ran out or was broken")]
    LockLost,
    /// Somebody changed the timeline of an object of the plan. Nothing was written.
    #[error("{0}")]
    Broken(Finding),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// Submits a plan for `actor`, under a lock where there is one. On return everything that needs only the store is done, and
/// the rest are jobs of the run.
///
/// # Errors
/// See [`SubmitFault`]; nothing was written unless the store failed midway.
pub async fn submit(engine: &Engine, plan: &Plan, actor: &str, lock: Option<&Lock>) -> Result<RunId, SubmitFault> {
    let identity = engine.store.identity().await?;
    if !plan.store.is_empty() && identity.id != plan.store {
        return Err(SubmitFault::OtherStore { store: identity.id, planned: plan.store.clone() });
    }
    let records = read(engine, plan).await?;
    check(plan, &records)?;
    check_claims(engine, &records).await?;
    let run = RunId(engine.ids.fresh("run-"));
    let abandoned = adopt::abandoned(engine, plan).await?;
    let taken = adopt::take(engine, plan, &run).await?;
    let mut builder = Builder::new(run.clone(), actor.to_owned(), engine.clock.now(), records);
    builder.imports = taken.0.clone();
    for step in &plan.steps {
        builder.step(step);
    }
    let submission = match builder.submission(engine, plan).await {
        Ok(submission) => Submission { lock: lock.cloned(), ..submission },
        Err(fault) => {
            taken.give_back(engine).await;
            return Err(fault.into());
        }
    };
    match settled(engine, &submission).await {
        Ok(()) => {
            for key in &abandoned {
                let _ = engine.vault.remove(key).await;
            }
            Ok(run)
        }
        // It may have been written all the same: keys that a record may name have to stay. Whoever begins to manage the same
        // later removes those that none names.
        Err(SubmitError::Store(fault)) => Err(fault.into()),
        Err(refusal) => {
            taken.give_back(engine).await;
            Err(refusal.into())
        }
    }
}

/// Submits. Where the store does not say whether it has taken the submission, it is asked once more: the same run again is
/// fine, and either answer settles what becomes of keys that were sealed for it.
async fn settled(engine: &Engine, submission: &Submission) -> Result<(), SubmitError> {
    match engine.store.submit(submission).await {
        Err(SubmitError::Store(_)) => engine.store.submit(submission).await,
        settled => settled,
    }
}

impl From<SubmitError> for SubmitFault {
    fn from(fault: SubmitError) -> Self {
        match fault {
            SubmitError::Stale(addresses) => Self::Stale(addresses),
            SubmitError::LockLost => Self::LockLost,
            SubmitError::Broken(finding) => Self::Broken(finding),
            SubmitError::Store(fault) => Self::Store(fault),
        }
    }
}

impl From<adopt::KeyFault> for SubmitFault {
    fn from(fault: adopt::KeyFault) -> Self {
        match fault {
            adopt::KeyFault::Changed(report) => Self::Changed(report),
            adopt::KeyFault::Port(fault) => Self::Store(fault),
        }
    }
}

impl From<ChainFault> for SubmitFault {
    fn from(fault: ChainFault) -> Self {
        match fault {
            ChainFault::Broken(finding) => Self::Broken(finding),
            ChainFault::Store(fault) => Self::Store(fault),
        }
    }
}

type Records = HashMap<Address, Record>;

async fn read(engine: &Engine, plan: &Plan) -> Result<Records, PortError> {
    let from = plan.steps.iter().filter_map(|step| step.moved_from.as_ref());
    let addresses: BTreeSet<&Address> = plan.steps.iter().map(|step| &step.address).chain(from).collect();
    let addresses: Vec<Address> = addresses.into_iter().cloned().collect();
    let records = engine.store.records(&addresses).await?;
    Ok(records.into_iter().map(|record| (record.address.clone(), record)).collect())
}

/// A plan is stale when a record it changes is not at the revision it was planned against.
fn check(plan: &Plan, records: &Records) -> Result<(), SubmitFault> {
    let revision = |address: &Address| records.get(address).map_or(0, |record| record.revision);
    let is_stale = |step: &&Step| match &step.moved_from {
        Some(from) => revision(from) != step.base || revision(&step.address) != 0,
        None => revision(&step.address) != step.base,
    };
    let stale: Vec<Address> = plan.steps.iter().filter(is_stale).map(|step| step.address.clone()).collect();
    if stale.is_empty() { Ok(()) } else { Err(SubmitFault::Stale(stale)) }
}

/// A record that an unfinished job claims is left to it. A job gives its claims back in the write that ends it: where it
/// has ended since the record was read, the record is another one by now.
async fn check_claims(engine: &Engine, records: &Records) -> Result<(), SubmitFault> {
    let (mut busy, mut stale) = (Vec::new(), Vec::new());
    for record in records.values() {
        let Some(claim) = &record.claim else { continue };
        match engine.store.job(claim).await? {
            Some(job) if !job.status.is_final() => busy.push((record.address.clone(), claim.clone())),
            _ => stale.push(record.address.clone()),
        }
    }
    busy.sort();
    stale.sort();
    match (busy.is_empty(), stale.is_empty()) {
        (false, _) => Err(SubmitFault::Busy(busy)),
        (true, false) => Err(SubmitFault::Stale(stale)),
        (true, true) => Ok(()),
    }
}

/// Collects what is written and what becomes a job, step by step in the plan's order.
struct Builder {
    run: RunId,
    actor: String,
    at: Timestamp,
    records: Records,
    changing: BTreeMap<Address, Changing>,
    /// Facts of what is imported.
    imports: BTreeMap<Address, Facts>,
    events: Vec<Event>,
    jobs: Vec<Job>,
    /// For every step so far the jobs that whoever needs it has to wait for.
    waits: Vec<Vec<JobId>>,
}

impl Builder {
    fn new(run: RunId, actor: String, at: Timestamp, records: Records) -> Self {
        Self {
            run,
            actor,
            at,
            records,
            changing: BTreeMap::new(),
            imports: BTreeMap::new(),
            events: Vec::new(),
            jobs: Vec::new(),
            waits: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        if let Some(facts) = self.imports.get(&step.address).cloned() {
            let bodies = step.after.iter().flat_map(|draft| imported(&facts, draft)).collect::<Vec<_>>();
            bodies.into_iter().for_each(|body| self.event(&step.address, body));
            return self.waits.push(Vec::new());
        }
        if let Some(from) = &step.moved_from {
            self.event(&step.address, EventBody::Moved { from: from.clone() });
        }
        let needs = self.needs(step);
        if self.is_job(step, &needs) {
            let id = self.job(step, needs);
            self.waits.push(vec![id]);
        } else {
            self.record(step);
            self.waits.push(Vec::new());
        }
    }

    fn needs(&self, step: &Step) -> Vec<JobId> {
        let waits = step.needs.iter().filter_map(|need| self.waits.get(*need));
        waits.flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether more than the store is touched, or jobs have to come first, or more goes with the record.
    fn is_job(&self, step: &Step, needs: &[JobId]) -> bool {
        let bookkeeping = matches!(step.action, Action::Forget | Action::Move) || step.work == Work::Record;
        let leaves = |record: &Record| leaves_something(step.action, &record.facts);
        !bookkeeping || !needs.is_empty() || self.records.get(&step.address).is_some_and(leaves)
    }

    fn job(&mut self, step: &Step, needs: Vec<JobId>) -> JobId {
        let id = self.run.job(self.jobs.len() + 1);
        self.changing(&step.address).claim(&id);
        self.jobs.push(Job {
            id: id.clone(),
            run: self.run.clone(),
            step: Arc::new(step.clone()),
            needs,
            status: JobStatus::Ready,
            attempt: 0,
            next_event: 1,
            machine: serde_json::Value::Null,
            pending: Pending::default(),
            delivered: false,
            actor: self.actor.clone(),
            created_at: self.at,
            started_at: None,
            ended_at: None,
        });
        id
    }

    fn record(&mut self, step: &Step) {
        match (step.action, &step.after) {
            (Action::Delete, _) => self.event(&step.address, EventBody::Removed { forgotten: false }),
            (Action::Forget, _) => self.event(&step.address, EventBody::Removed { forgotten: true }),
            (_, Some(draft)) => self.event(&step.address, EventBody::Recorded { draft: Box::new(draft.clone()) }),
            (_, None) => {}
        }
    }

    fn event(&mut self, address: &Address, body: EventBody) {
        let event = Event {
            job: self.run.job(0),
            number: self.events.len() as u32 + 1,
            at: self.at,
            actor: self.actor.clone(),
            address: address.clone(),
            body,
        };
        let moved = match &event.body {
            EventBody::Moved { from } => Some(from.clone()),
            _ => None,
        };
        match moved {
            Some(from) => self.move_record(&from, &event),
            None => self.changing(address).fold(&event),
        }
        self.events.push(event);
    }

    /// Takes the record from its old address to the new one; a record that was there is replaced.
    fn move_record(&mut self, from: &Address, event: &Event) {
        let old = self.changing(from).take();
        let new = self.changing(&event.address);
        new.put(old);
        new.fold(event);
    }

    fn changing(&mut self, address: &Address) -> &mut Changing {
        let records = &self.records;
        let made = || Changing::new(address.clone(), records.get(address).cloned());
        self.changing.entry(address.clone()).or_insert_with(made)
    }

    async fn submission(self, engine: &Engine, plan: &Plan) -> Result<Submission, ChainFault> {
        let appends = record::appends(engine, self.changing.values(), &self.events).await?;
        let writes: Vec<RecordWrite> = self.changing.values().filter_map(Changing::write).collect();
        Ok(Submission {
            run: Run { id: self.run, actor: self.actor, at: self.at, jobs: self.jobs.len() },
            lock: None,
            writes,
            events: self.events,
            appends,
            jobs: self.jobs,
            outputs: outputs(plan),
        })
    }
}

/// What the plan does to outputs. Those that it leaves alone are left to whoever may have changed them since it was made.
fn outputs(plan: &Plan) -> BTreeMap<String, Option<StoredOutput>> {
    let gone = plan.outputs.iter().filter(|change| change.after.is_none()).map(|change| (change.name.clone(), None));
    gone.chain(plan.new_outputs.iter().map(|(name, output)| (name.clone(), Some(output.clone())))).collect()
}
