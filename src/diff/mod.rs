//! The difference between what should be, what was done and what is there, with a typed reason for each change.
//! A pure function of its arguments: people and the scheduler call the same one.

mod certificate;
mod compare;
mod deployment;
mod drift;
#[cfg(test)]
mod law;
pub mod moves;
mod object;
mod removal;
pub mod scope;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub mod world;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::address::Address;
use crate::diagnostic::codes::plan;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::job::{Job, JobId};
use crate::model::{Estate, Resource};
use crate::observed::Observed;
use crate::plan::{Action, Drift, Importing, Reason, Work};
use crate::state::record::Draft;
use crate::state::{Record, Recorded, Spec, State};
use crate::time::Timestamp;

/// What is asked of the diff.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether the whole estate is to go.
    pub destroy: bool,
    /// Whether only drift is looked for.
    pub refresh_only: bool,
    /// What is to be made anew; see [`scope::resolve`].
    pub replace: BTreeSet<Address>,
    /// What may change; everything when absent. See [`scope::resolve`].
    pub only: Option<BTreeSet<Address>>,
    /// What has moved in the state already; see [`moves::relocate`].
    pub relocation: moves::Relocation,
    /// What exists already, by the address that is to manage it.
    pub imports: BTreeMap<Address, Importing>,
    /// What was asked for by name: it is not set apart silently. See [`scope::resolve`] and [`crate::plan::refused`].
    pub named: BTreeSet<Address>,
    /// The jobs that claim records, as far as they are known.
    pub jobs: Vec<Job>,
}

/// What differs, and why. It borrows from what was compared, so that what does not change is never copied.
#[derive(Debug)]
pub struct Changes<'a> {
    /// In the order of the passes: objects, certificates, deployments, removals. Among them what a job works on, as it looks
    /// meanwhile, without a reason where it would not change: making a plan sets it apart, with all that has to wait for it.
    pub list: Vec<Change<'a>>,
    /// What is not there as it was put there.
    pub drift: Vec<Drift>,
    /// What was asked for: the whole estate is to go.
    pub destroy: bool,
    /// What was asked for: nothing is to change.
    pub refresh_only: bool,
    /// What should be.
    pub estate: &'a Estate,
    /// What was done.
    pub state: &'a State,
    /// Where things were that have moved, by their new address.
    pub moved: &'a BTreeMap<Address, Address>,
    /// What is taken over.
    pub imports: &'a BTreeMap<Address, Importing>,
    /// The jobs that claim records, as far as they are known.
    pub jobs: &'a [Job],
}

/// One object that differs.
#[derive(Debug)]
pub struct Change<'a> {
    /// Which.
    pub address: &'a Address,
    /// What is done about it.
    pub action: Action,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// Revision of its record; zero when there is none.
    pub base: u64,
    /// Its spec before.
    pub before: Option<&'a Spec>,
    /// What its record becomes; absent when it goes.
    pub after: Option<Cow<'a, Draft>>,
    /// What is carried out.
    pub work: Work,
}

/// Compares. `now` decides what is due; nothing else reads a clock. Linear in the size of estate and state.
///
/// Errors name what cannot be planned: what is protected, and what a job still works on where everything is to go. The rest
/// is planned beside them.
pub fn diff<'a>(
    estate: &'a Estate,
    state: &'a State,
    observed: &'a Observed,
    now: Timestamp,
    options: &'a Options,
) -> (Changes<'a>, Diagnostics) {
    let mut pass = Pass {
        estate,
        state,
        observed,
        now,
        options,
        list: Vec::new(),
        faults: Diagnostics::default(),
        drifted: BTreeMap::new(),
        issuers: issuers(state),
        replaced: HashSet::new(),
        issuing: HashSet::new(),
    };
    let drift = pass.look_for_drift();
    if !options.refresh_only {
        if !options.destroy {
            pass.wanted();
        }
        pass.unwanted();
    }
    let Options { destroy, refresh_only, .. } = *options;
    let moved = &options.relocation.moved;
    let Options { imports, jobs, .. } = options;
    (Changes { list: pass.list, drift, destroy, refresh_only, estate, state, moved, imports, jobs }, pass.faults)
}

/// One run of the diff.
struct Pass<'a> {
    estate: &'a Estate,
    state: &'a State,
    observed: &'a Observed,
    now: Timestamp,
    options: &'a Options,
    list: Vec<Change<'a>>,
    faults: Diagnostics,
    /// What was found in the slots of deployments that drifted.
    drifted: BTreeMap<&'a Address, String>,
    /// Issuers that have been made, each with what tells it from another.
    issuers: HashMap<&'a Address, String>,
    /// Issuers that are made anew: what they issued has to be issued again.
    replaced: HashSet<&'a Address>,
    /// Certificates that get a new version.
    issuing: HashSet<&'a Address>,
}

impl<'a> Pass<'a> {
    fn in_scope(&self, address: &Address) -> bool {
        self.options.only.as_ref().is_none_or(|only| only.contains(address))
    }

    /// What should exist: certificates after their issuers, deployments after their certificates.
    fn wanted(&mut self) {
        let (mut certificates, mut deployments) = (Vec::new(), Vec::new());
        for resource in self.estate.resources.values() {
            if !self.in_scope(&resource.draft.address) {
                continue;
            }
            match resource.work {
                Work::Issue => certificates.push(resource),
                Work::Deploy => deployments.push(resource),
                _ => self.one(resource),
            }
        }
        certificates.into_iter().for_each(|resource| self.one(resource));
        deployments.into_iter().for_each(|resource| self.one(resource));
    }

    fn one(&mut self, resource: &'a Resource) {
        let address = &resource.draft.address;
        let record = self.state.records.get(address);
        let is_worked_on = self.is_worked_on(address, record);
        let told = self.faults.0.len();
        let change = match record.and_then(|record| Some((record, record.spec.as_ref()?))) {
            None => Some(self.creation(resource, record)),
            Some((record, before)) => self
                .difference(resource, record, before)
                .or_else(|| is_worked_on.then(|| object::idle(record, Some(&resource.draft)))),
        };
        if is_worked_on {
            // What would be said of it may be about what the job is changing.
            self.faults.0.truncate(told);
        }
        let Some(change) = change else { return };
        if change.work == Work::Issue {
            self.issuing.insert(address);
        }
        let is_anew = change.action == Action::Replace || record.is_none_or(|record| record.facts.is_none());
        if is_anew && matches!(change.work, Work::Register | Work::Establish) {
            self.replaced.insert(address);
        }
        self.list.push(change);
    }

    fn difference(&mut self, resource: &'a Resource, record: &'a Record, before: &'a Recorded) -> Option<Change<'a>> {
        match resource.work {
            Work::Issue => self.certificate(resource, record, before),
            Work::Deploy => self.deployment(resource, record, before),
            _ => self.object(resource, record, before),
        }
        .or_else(|| self.relocated(resource, record, before))
    }

    /// Whether a job works on it, or on the certificate that it deploys.
    fn is_worked_on(&self, address: &Address, record: Option<&Record>) -> bool {
        let is_claimed = |record: &Record| record.claim.is_some();
        record.is_some_and(is_claimed) || self.certificate_of(address).is_some_and(is_claimed)
    }

    /// The report on what a job works on, where it must not be set apart because everything is to go.
    fn refusal(&self, record: &Record) -> Option<Diagnostic> {
        let job = record.claim.as_ref().filter(|_| self.options.destroy)?;
        Some(busy(&record.address, job, None))
    }

    /// The change of something that only moved, or only refers to what moved: its record is written, and nothing else.
    fn relocated(&self, resource: &'a Resource, record: &'a Record, before: &'a Recorded) -> Option<Change<'a>> {
        let relocation = &self.options.relocation;
        let (action, reason) = match (relocation.moved.get(&record.address), relocation.followed.get(&record.address)) {
            (Some(from), _) => (Action::Move, Reason::Moved { from: from.clone() }),
            (None, Some(paths)) => (Action::Update, Reason::Changed { paths: paths.clone() }),
            (None, None) => return None,
        };
        let after = self.compare(resource, record, before).after;
        Some(object::change(record, before, action, vec![reason], after, Work::Record))
    }

    fn creation(&self, resource: &'a Resource, record: Option<&Record>) -> Change<'a> {
        let imported = self.options.imports.contains_key(&resource.draft.address);
        let work = object::work_of(resource, None, &resource.draft.spec);
        // A record without a spec is what an earlier job left that did not come to its end.
        let mut reasons = vec![if record.is_some() { Reason::Incomplete } else { Reason::NotInState }];
        object::note(&mut reasons, work == Work::Rewrap, || object::key_raised(&resource.draft.spec));
        Change {
            address: &resource.draft.address,
            action: if imported { Action::Import } else { Action::Create },
            reasons,
            base: record.map_or(0, |record| record.revision),
            before: None,
            after: Some(self.draft(resource, record)),
            // Nothing is made: what is there is recorded.
            work: if imported { Work::Record } else { work },
        }
    }

    /// The record of a deployment's certificate.
    fn certificate_of(&self, address: &Address) -> Option<&'a Record> {
        match address {
            // Borrowing the certificate's address as a key would need an `Address`; one clone a deployment is cheap.
            Address::Deployment { certificate, .. } => self.state.records.get(&certificate.clone().into()),
            Address::Resource(_) => None,
        }
    }
}

fn issuers(state: &State) -> HashMap<&Address, String> {
    state.records.values().filter_map(|record| Some((&record.address, record.facts.issuer_id()?))).collect()
}

/// The report on what cannot be planned because a job works on it, or on what it has to wait for.
pub fn busy(address: &Address, job: &JobId, waits_for: Option<&Address>) -> Diagnostic {
    let detail = match waits_for {
        None => format!("Job {job} is still working on {address}, so no change of it can be planned."),
        Some(other) => {
            format!(
                "{address} has to wait for {other} and so for job {job}, and no change of it can be planned meanwhile."
            )
        }
    };
    let fault = Diagnostic::error(&plan::BUSY, detail).about(address);
    fault.hint(
        "finish it with `cap jobs resume`, or, where it has left no traces outside, withdraw it with `cap jobs cancel`",
    )
}
