//! Rules that every store keeps in the same way. Pure, but for [`fresh_id`].

use std::collections::BTreeMap;

use aws_lc_rs::rand;

use crate::address::Address;
use crate::digest::{Digest, framed};
use crate::job::{ErrorClass, Job, JobId, JobStatus};
use crate::plan::StoredOutput;
use crate::ports::store::{Advance, Lease, RecordWrite, Submission};
use crate::ports::{PortError, PortResult};
use crate::state::Record;
use crate::time::Timestamp;
use crate::timeline::{Append, Finding, Flaw, Head};

/// Version of what is kept, raised when an older program could not read it.
pub(super) const FORMAT: u32 = 1;

/// What a write has to find: who claims the record that is stored, and its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its revision.
    pub(super) revision: u64,
    /// The job that claims it.
    pub(super) claim: Option<JobId>,
}

impl From<&Record> for Stored {
    fn from(record: &Record) -> Self {
        Self { revision: record.revision, claim: record.claim.clone() }
    }
}

/// Whether a submission may make this write: the record is as it was read, and no other job claims it.
pub(super) fn may_submit(write: &RecordWrite, stored: Option<&Stored>) -> bool {
    let wanted = write.record.as_ref().and_then(|record| record.claim.as_ref());
    let claim = stored.and_then(|stored| stored.claim.as_ref());
    is_expected(write, stored) && (claim.is_none() || claim == wanted)
}

/// Whether the record is as it was read.
pub(super) fn is_expected(write: &RecordWrite, stored: Option<&Stored>) -> bool {
    stored.map_or(0, |stored| stored.revision) == write.expect
}

/// Whether a chain ends where it was read to end.
pub(super) fn continues(append: &Append, head: Option<&Head>) -> bool {
    append.before.as_ref() == head
}

/// What is wrong with a chain that holds a link already where one of an append is to go: its end was put back, or is gone.
/// Whichever link that is, what the end says is wrong from the place behind it.
pub(super) fn overgrown(append: &Append) -> Finding {
    let (end, flaw) = append.before.as_ref().map_or((0, Flaw::MissingHead), |head| (head.sequence, Flaw::OldHead));
    Finding::new(&append.after.chain, end + 1, flaw)
}

/// The object whose timeline a chain is, for the report of a chain that has grown meanwhile: chains are named after the
/// address at which their object was first recorded.
pub(super) fn object_of(append: &Append, submission: &Submission) -> PortResult<Address> {
    let chain = &append.after.chain;
    let named = chain.rsplit_once('#').and_then(|(address, _)| address.parse().ok());
    named.or_else(|| submission.events.first().map(|event| event.address.clone())).ok_or_else(|| {
        PortError::new(ErrorClass::Conflict, format!("the timeline {chain} has grown meanwhile")).remedy("plan again")
    })
}

/// The record after its job was withdrawn: free, or gone when it had only been claimed.
pub(super) fn released(mut record: Record) -> Option<Record> {
    let only_claimed = record.spec.is_none() && record.last.is_none() && record.facts.is_none();
    record.claim = None;
    record.revision += 1;
    (!only_claimed).then_some(record)
}

/// The job with that status.
pub(super) fn with_status(mut job: Job, status: &JobStatus, at: Timestamp) -> Job {
    job.status = status.clone();
    job.ended_at = status.is_final().then_some(at);
    job
}

/// What a store keeps of a move: the job afterwards, as JSON, and a mark.
pub(super) struct Move {
    pub(super) job: String,
    pub(super) mark: String,
}

/// The mark tells a move from every other one, those of earlier leases as well, so that its repetition is known even when it
/// has given the lease back.
/// What happened and the records that follow from it are not looked into: the job counts the events, the heads are made
/// over them, and a record is written once a revision.
pub(super) fn move_of(lease: &Lease, advance: &Advance) -> PortResult<Move> {
    let writes: Vec<_> =
        advance.writes.iter().map(|write| (&write.address, write.expect, write.record.is_some())).collect();
    let links: Vec<_> = advance.appends.iter().map(|append| &append.after).collect();
    let rest = (lease.token, writes, links, &advance.log, advance.release);
    // One program writes and compares it, and its maps are sorted: no canonical form is needed.
    let text = |error| unreadable("a move", &error);
    let job = serde_json::to_string(&advance.job).map_err(text)?;
    let rest = serde_json::to_string(&rest).map_err(text)?;
    let mark = Digest::of(framed(&[&job, &rest])).to_string();
    Ok(Move { job, mark })
}

/// The error of asking for a job that is not there.
pub(super) fn no_such_job(id: &JobId) -> PortError {
    PortError::new(ErrorClass::NotFound, format!("the store holds no job {id}"))
        .remedy("`cap jobs` lists the jobs that it holds")
}

/// Changes the outputs as some of a submission's changes say.
pub(super) fn change_outputs<'a>(
    outputs: &mut BTreeMap<String, StoredOutput>,
    changes: impl Iterator<Item = (&'a String, &'a Option<StoredOutput>)>,
) {
    for (name, output) in changes {
        match output {
            Some(output) => outputs.insert(name.clone(), output.clone()),
            None => outputs.remove(name),
        };
    }
}

/// The error of something kept that cannot be written as, or read from, JSON.
pub(super) fn unreadable(what: &str, error: &dyn std::fmt::Display) -> PortError {
    PortError::new(ErrorClass::Bug, format!("the store holds {what} that this version of cap does not understand: {error}"))
        .remedy("the store is damaged or was changed by another program: restore a backup, or use the version of cap that wrote it")
}

/// A name that nobody else has: 128 random bits behind a prefix.
pub(super) fn fresh_id(prefix: &str) -> PortResult<String> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes)
        .map_err(|_| PortError::new(ErrorClass::Transient, "the operating system gave no randomness"))?;
    Ok(format!("{prefix}-{:032x}", u128::from_be_bytes(bytes)))
}
