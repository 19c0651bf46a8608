//! What the store in memory holds, and its changes: each checks first and then changes, so that it is whole or nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::address::Address;
use crate::job::{Job, JobId, JobStatus, Run};
use crate::plan::StoredOutput;
use crate::ports::PortResult;
use crate::ports::store::{
    Advance, EventFilter, Identity, JobFilter, Lease, LeaseError, Lock, LockError, LogLine, RecordWrite, Submission,
    SubmitError,
};
use crate::state::{Event, Record};
use crate::store::common::{
    FORMAT, Move, Stored, change_outputs, continues, is_expected, may_submit, move_of, no_such_job, object_of,
    overgrown, released, with_status,
};
use crate::time::Timestamp;
use crate::timeline::{Append, Finding, Head, Sealed};

/// A job with what the store keeps beside it.
pub(super) struct Kept {
    pub(super) job: Job,
    pub(super) log: Vec<LogLine>,
    token: u64,
    holder: Option<(String, Timestamp)>,
    /// Of the last move, so that its repetition is known.
    mark: Option<String>,
}

impl Kept {
    fn new(job: Job) -> Self {
        Self { job, log: Vec::new(), token: 0, holder: None, mark: None }
    }

    fn held(&self, now: Timestamp) -> Option<&(String, Timestamp)> {
        self.holder.as_ref().filter(|(_, until)| *until > now)
    }

    /// Refuses when it is final or somebody works on it.
    fn free(&self, now: Timestamp) -> Result<(), LeaseError> {
        if self.job.status.is_final() {
            return Err(LeaseError::Final);
        }
        match self.held(now) {
            Some((worker, until)) => Err(LeaseError::Held { worker: worker.clone(), until: *until }),
            None => Ok(()),
        }
    }

    fn is_held_by(&self, lease: &Lease, now: Timestamp) -> bool {
        self.token == lease.token && self.held(now).is_some()
    }
}

/// Everything.
pub(super) struct Tables {
    pub(super) identity: Identity,
    pub(super) records: BTreeMap<Address, Record>,
    pub(super) outputs: BTreeMap<String, StoredOutput>,
    pub(super) runs: Vec<Run>,
    pub(super) links: BTreeMap<String, Vec<Sealed>>,
    pub(super) heads: BTreeMap<String, Head>,
    pub(super) sealed: BTreeMap<String, String>,
    pub(super) locks: BTreeMap<String, Lock>,
    jobs: Vec<Kept>,
    places: HashMap<JobId, usize>,
    events: Vec<Event>,
    recorded: HashSet<(JobId, u32)>,
}

impl Tables {
    pub(super) fn new(id: String) -> Self {
        Self {
            identity: Identity { id, format: FORMAT, key_check: None },
            records: BTreeMap::new(),
            outputs: BTreeMap::new(),
            runs: Vec::new(),
            links: BTreeMap::new(),
            heads: BTreeMap::new(),
            sealed: BTreeMap::new(),
            locks: BTreeMap::new(),
            jobs: Vec::new(),
            places: HashMap::new(),
            events: Vec::new(),
            recorded: HashSet::new(),
        }
    }

    pub(super) fn submit(&mut self, submission: &Submission, now: Timestamp) -> Result<(), SubmitError> {
        if self.runs.iter().any(|run| run.id == submission.run.id) {
            return Ok(());
        }
        if submission.lock.as_ref().is_some_and(|lock| !self.is_held(lock, now)) {
            return Err(SubmitError::LockLost);
        }
        let stale = self.stale(submission)?;
        if !stale.is_empty() {
            return Err(SubmitError::Stale(stale));
        }
        self.check_links(&submission.appends)?;
        self.write(&submission.writes, &submission.events, &submission.appends);
        for job in &submission.jobs {
            self.places.insert(job.id.clone(), self.jobs.len());
            self.jobs.push(Kept::new(job.clone()));
        }
        change_outputs(&mut self.outputs, submission.outputs.iter());
        self.runs.push(submission.run.clone());
        Ok(())
    }

    fn stored(&self, address: &Address) -> Option<Stored> {
        self.records.get(address).map(Stored::from)
    }

    fn stale(&self, submission: &Submission) -> PortResult<Vec<Address>> {
        let records = submission.writes.iter().filter(|write| !may_submit(write, self.stored(&write.address).as_ref()));
        let mut stale: Vec<Address> = records.map(|write| write.address.clone()).collect();
        for append in submission.appends.iter().filter(|append| !continues(append, self.heads.get(&append.after.chain)))
        {
            stale.push(object_of(append, submission)?);
        }
        stale.sort();
        stale.dedup();
        Ok(stale)
    }

    fn write(&mut self, writes: &[RecordWrite], events: &[Event], appends: &[Append]) {
        for write in writes {
            match &write.record {
                Some(record) => self.records.insert(write.address.clone(), record.clone()),
                None => self.records.remove(&write.address),
            };
        }
        for event in events {
            if self.recorded.insert((event.job.clone(), event.number)) {
                self.events.push(event.clone());
            }
        }
        for append in appends {
            self.links.entry(append.after.chain.clone()).or_default().extend(append.links.iter().cloned());
            self.heads.insert(append.after.chain.clone(), append.after.clone());
        }
    }

    pub(super) fn jobs(&self, filter: &JobFilter) -> Vec<Job> {
        let jobs = self.jobs.iter().map(|kept| &kept.job);
        jobs.filter(|job| filter.run.as_ref().is_none_or(|run| *run == job.run))
            .filter(|job| !filter.unfinished || !job.status.is_final())
            .cloned()
            .collect()
    }

    pub(super) fn find(&self, id: &JobId) -> Option<&Kept> {
        self.places.get(id).map(|place| &self.jobs[*place])
    }

    fn kept(&mut self, id: &JobId) -> PortResult<&mut Kept> {
        self.places.get(id).map(|place| &mut self.jobs[*place]).ok_or_else(|| no_such_job(id))
    }

    pub(super) fn lease(
        &mut self,
        id: &JobId,
        worker: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease, LeaseError> {
        let kept = self.kept(id)?;
        kept.free(now)?;
        kept.token += 1;
        kept.holder = Some((worker.to_owned(), until));
        Ok(Lease { job: kept.job.clone(), worker: worker.to_owned(), token: kept.token, until })
    }

    pub(super) fn renew(&mut self, lease: &Lease, now: Timestamp, until: Timestamp) -> Result<Timestamp, LeaseError> {
        let kept = self.kept(&lease.job.id)?;
        if !kept.is_held_by(lease, now) {
            return Err(LeaseError::Lost);
        }
        kept.holder = Some((lease.worker.clone(), until));
        Ok(until)
    }

    pub(super) fn advance(&mut self, lease: &Lease, advance: &Advance, now: Timestamp) -> Result<(), LeaseError> {
        let Move { mark, .. } = move_of(lease, advance)?;
        let kept = self.kept(&lease.job.id)?;
        if kept.token == lease.token && kept.mark.as_ref() == Some(&mark) {
            return Ok(());
        }
        if !kept.is_held_by(lease, now) {
            return Err(LeaseError::Lost);
        }
        self.check(advance)?;
        let kept = self.kept(&lease.job.id)?;
        kept.job = advance.job.clone();
        kept.log.extend(advance.log.iter().cloned());
        kept.mark = Some(mark);
        if advance.release {
            kept.holder = None;
        }
        self.write(&advance.writes, &advance.events, &advance.appends);
        Ok(())
    }

    fn check(&self, advance: &Advance) -> Result<(), LeaseError> {
        let record = advance.writes.iter().find(|write| !is_expected(write, self.stored(&write.address).as_ref()));
        let chain = advance.appends.iter().find(|append| !continues(append, self.heads.get(&append.after.chain)));
        match (record, chain) {
            (Some(write), _) => Err(LeaseError::Stale(write.address.clone())),
            (None, Some(_)) => Err(LeaseError::Stale(advance.job.address().clone())),
            (None, None) => Ok(self.check_links(&advance.appends)?),
        }
    }

    fn check_links(&self, appends: &[Append]) -> Result<(), Finding> {
        let overgrows = |append: &Append| {
            let there = self.links.get(&append.after.chain)?;
            let is_there = |link: &Sealed| there.iter().any(|other| other.sequence == link.sequence);
            append.links.iter().any(is_there).then(|| overgrown(append))
        };
        appends.iter().find_map(overgrows).map_or(Ok(()), Err)
    }

    pub(super) fn break_leases(&mut self, worker: &str) -> usize {
        let held = self.jobs.iter_mut().filter(|kept| kept.holder.as_ref().is_some_and(|(name, _)| name == worker));
        held.map(|kept| {
            kept.holder = None;
            kept.token += 1;
        })
        .count()
    }

    pub(super) fn set_status(
        &mut self,
        id: &JobId,
        status: &JobStatus,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), LeaseError> {
        let kept = self.kept(id)?;
        kept.free(now)?;
        kept.job = with_status(kept.job.clone(), status, at);
        kept.holder = None;
        kept.token += 1;
        if status.is_final() {
            self.release_claims(id);
        }
        Ok(())
    }

    fn release_claims(&mut self, job: &JobId) {
        let claimed = self.records.values().filter(|record| record.claim.as_ref() == Some(job)).cloned();
        for record in claimed.collect::<Vec<_>>() {
            let address = record.address.clone();
            match released(record) {
                Some(record) => self.records.insert(address, record),
                None => self.records.remove(&address),
            };
        }
    }

    pub(super) fn events(&self, after: u64, limit: usize, filter: &EventFilter) -> Vec<(u64, Event)> {
        let events = self.events.iter().zip(1_u64..).skip_while(|(_, position)| *position <= after);
        events
            .filter(|(event, _)| filter.job.as_ref().is_none_or(|job| *job == event.job))
            .take(limit)
            .map(|(event, position)| (position, event.clone()))
            .collect()
    }

    fn is_held(&self, lock: &Lock, now: Timestamp) -> bool {
        self.locks.get(&lock.name).is_some_and(|held| held.id == lock.id && held.until > now)
    }

    pub(super) fn lock(&mut self, lock: Lock, now: Timestamp) -> Result<Lock, LockError> {
        match self.locks.get(&lock.name).filter(|held| held.until > now) {
            Some(held) => Err(LockError::Held(Box::new(held.clone()))),
            None => {
                self.locks.insert(lock.name.clone(), lock.clone());
                Ok(lock)
            }
        }
    }
}
