//! The store: what must outlive the process. Shaped by SQLite and MongoDB alike: one document a record, compare-and-set on
//! one document, no transactions needed, lease time from the store's own clock.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortError;
use crate::address::Address;
pub use crate::job::LogLine;
use crate::job::{Job, JobId, JobStatus, Run, RunId};
use crate::plan::StoredOutput;
use crate::state::{Event, Record, State};
use crate::time::{Duration, Timestamp};
use crate::timeline::{Append, Finding, Head, Sealed};

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Made once, random: a plan of another store is refused.
    pub id: String,
    /// Version of the layout. Another major version is refused, never converted by accident.
    pub format: u32,
    /// Proof of the key-encryption key it opens with: a wrong key is refused at start.
    pub key_check: Option<String>,
}

/// Everything a plan is made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// All records.
    pub state: State,
    /// Outputs, each as the last apply that changed it left it.
    pub outputs: BTreeMap<String, StoredOutput>,
}

/// One write of one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordWrite {
    /// Which.
    pub address: Address,
    /// The revision that was read; zero for one that must not exist.
    pub expect: u64,
    /// What it becomes, its revision being `expect + 1`; absent to remove it.
    pub record: Option<Record>,
}

/// An apply to begin: bookkeeping that is done at once, and jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The run.
    pub run: Run,
    /// The lock under which it is submitted, where there is one; its name and id count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// Writes that are done at once: spec-only changes, and the claims of the jobs.
    pub writes: Vec<RecordWrite>,
    /// The events of the writes.
    pub events: Vec<Event>,
    /// Links of the chains of those events.
    pub appends: Vec<Append>,
    /// Jobs, in an order in which each comes after what it needs.
    pub jobs: Vec<Job>,
    /// Outputs that change, and what each becomes; absent for one that goes. The others stay as the store has them by then.
    pub outputs: BTreeMap<String, Option<StoredOutput>>,
}

/// Why an apply was not begun.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Records have changed since they were read. Nothing was written.
    #[error("records changed since the plan was made")]
    Stale(Vec<Address>),
    /// The lock it was to be submitted under is not held any more. Nothing was written.
    #[error("the lock ran out or was broken")]
    LockLost,
    /// Somebody changed a chain that is to grow: a link is there already where one is to go. Nothing was written.
    #[error("{0}")]
    Broken(#[from] Finding),
    /// The store failed. Submitting the same run again completes it or finds it complete.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// A right to work on one job until it runs out.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The job as it is.
    pub job: Job,
    /// Who holds it.
    pub worker: String,
    /// Rises with every lease of this job. Every write bears it: a worker that lost its lease cannot write.
    pub token: u64,
    /// When it runs out, by the store's clock.
    pub until: Timestamp,
}

/// Why a lease was not given, or not honoured.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another worker holds it.
    #[error("held by {worker} until {until}")]
    Held {
        /// Who.
        worker: String,
        /// Until when, by the store's clock.
        until: Timestamp,
    },
    /// The job has come to its end.
    #[error("the job has come to its end")]
    Final,
    /// A record or the end of a chain is not as it was read, and this write was refused: read again.
    #[error("a record changed meanwhile")]
    Stale(Address),
    /// Somebody changed a chain that is to grow: a link is there already where one is to go. This write was refused.
    #[error("{0}")]
    Broken(#[from] Finding),
    /// The lease ran out or was broken, and this write was refused.
    #[error("the lease was lost")]
    Lost,
    /// The store failed; nothing is known about the write. Repeating it is fine.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// One move of a job, written before the job does anything else. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    /// The job afterwards. Its `next_event` counts the events below.
    pub job: Job,
    /// What happened.
    pub events: Vec<Event>,
    /// The records that follow from it.
    pub writes: Vec<RecordWrite>,
    /// Links of the chains of those events.
    pub appends: Vec<Append>,
    /// Lines for people, kept with the job.
    pub log: Vec<LogLine>,
    /// Whether the lease is given back.
    pub release: bool,
}

/// From when on a write outlives a loss of power. The end of the process it outlives at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// On return.
    Now,
    /// From the next write on that is flushed: nothing that is written later outlasts it. Enough for what can be made
    /// again as long as nothing that follows from it is recorded. A store may flush at once all the same.
    Later,
}

/// A job that is to be leased next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextLease<'a> {
    /// Which.
    pub job: &'a JobId,
    /// To whom.
    pub worker: &'a str,
    /// For how long.
    pub ttl: Duration,
}

/// Which jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this run only.
    pub run: Option<RunId>,
    /// Only those that are not final.
    pub unfinished: bool,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this job only.
    pub job: Option<JobId>,
}

/// A named lock that spans processes: `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// What is locked.
    pub name: String,
    /// Names this holding; `force-unlock` takes it.
    pub id: String,
    /// Who: user, host, process.
    pub who: String,
    /// What for.
    pub operation: String,
    /// Since when, by the store's clock.
    pub created: Timestamp,
    /// Until when, unless it is renewed, by the store's clock.
    pub until: Timestamp,
}

/// Why a lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody holds it.
    #[error("held by {}", .0.who)]
    Held(Box<Lock>),
    /// It ran out or was broken, and nobody has taken it since.
    #[error("it ran out or was broken")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// The store.
#[async_trait]
pub trait Store: Send + Sync {
    /// Who it is. Making a store writes it once.
    async fn identity(&self) -> Result<Identity, PortError>;
    /// Sets the key check if it is still the expected one, or if none is set and none is expected. Returns the one in
    /// force, which is another one when somebody was faster.
    async fn set_key_check(&self, expect: Option<&str>, check: &str) -> Result<String, PortError>;
    /// The store's clock.
    async fn now(&self) -> Result<Timestamp, PortError>;

    /// All records and outputs, consistent for each record.
    async fn snapshot(&self) -> Result<Snapshot, PortError>;
    /// Some records: those that exist of the ones asked for.
    async fn records(&self, addresses: &[Address]) -> Result<Vec<Record>, PortError>;
    /// Begins an apply, wholly or not at all as far as anyone who asks can see. Submitting the same run again is fine.
    ///
    /// `LockLost` when it names a lock that is gone, has another id by now, or has run out by the store's clock: a run that
    /// begins under a lock has begun before [`Store::unlock`] breaks that one, or [`Store::lock`] gives one of its name to
    /// somebody else. A store without transactions sees to it by giving up, in those two, what is being submitted under
    /// the lock; one that runs out while its submission is written, and that nobody takes meanwhile, is not noticed there.
    async fn submit(&self, submission: &Submission) -> Result<(), SubmitError>;
    /// All runs, newest last.
    async fn runs(&self) -> Result<Vec<Run>, PortError>;

    /// Jobs, in the order they were submitted.
    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, PortError>;
    /// One job.
    async fn job(&self, id: &JobId) -> Result<Option<Job>, PortError>;
    /// The log of a job.
    async fn log(&self, id: &JobId) -> Result<Vec<LogLine>, PortError>;
    /// Gives the right to work on a job that is not final, for `ttl` from now by the store's clock.
    async fn lease(&self, id: &JobId, worker: &str, ttl: Duration) -> Result<Lease, LeaseError>;
    /// Makes a lease last for `ttl` from now.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Timestamp, LeaseError>;
    /// Writes one move. Events, records and chains are written before the job moves, so that repeating it after a crash is
    /// a no-op. `Lost` when the token is not the job's any more, `Stale` when a record is not at the revision that was read.
    async fn advance(&self, lease: &Lease, advance: &Advance) -> Result<(), LeaseError>;
    /// Writes one move, then leases another job as [`Store::lease`] does: in one go where the store can, because a worker
    /// that ends a job begins the next. A move that is refused leases nothing; a lease that is refused leaves the move.
    async fn advance_and_lease(
        &self,
        lease: &Lease,
        advance: &Advance,
        next: NextLease<'_>,
    ) -> Result<Result<Lease, LeaseError>, LeaseError> {
        self.advance(lease, advance).await?;
        Ok(self.lease(next.job, next.worker, next.ttl).await)
    }
    /// Takes the leases of a worker away, whose process is known to be gone. Their tokens are void at once.
    async fn break_leases(&self, worker: &str) -> Result<usize, PortError>;
    /// Sets the status of a job that nobody works on and that is not final (skip, cancel, run now). `Held` when leased.
    async fn set_status(&self, id: &JobId, status: &JobStatus, at: Timestamp) -> Result<(), LeaseError>;

    /// Events in the order they were recorded, after the given position, at most `limit`; each with its position.
    async fn events(&self, after: u64, limit: usize, filter: &EventFilter) -> Result<Vec<(u64, Event)>, PortError>;
    /// The links of a chain.
    async fn chain(&self, chain: &str) -> Result<Vec<Sealed>, PortError>;
    /// The head of one chain.
    async fn head(&self, chain: &str) -> Result<Option<Head>, PortError>;
    /// The heads of all chains, by name.
    async fn heads(&self) -> Result<Vec<Head>, PortError>;

    /// Stores a sealed secret under a name, unless one is there; returns the one that is there now.
    async fn put_sealed(&self, name: &str, sealed: &str, replace: bool, flush: Flush) -> Result<String, PortError>;
    /// A sealed secret.
    async fn get_sealed(&self, name: &str) -> Result<Option<String>, PortError>;
    /// Replaces a sealed secret if it is still the expected one; says whether it did.
    async fn swap_sealed(&self, name: &str, expect: &str, sealed: &str) -> Result<bool, PortError>;
    /// Names of all sealed secrets, in their order.
    async fn sealed_names(&self) -> Result<Vec<String>, PortError>;
    /// Removes a sealed secret; removing one that is not there is fine.
    async fn remove_sealed(&self, name: &str) -> Result<(), PortError>;

    /// Takes a lock for `ttl`, unless somebody holds it.
    async fn lock(&self, name: &str, who: &str, operation: &str, ttl: Duration) -> Result<Lock, LockError>;
    /// Makes a lock last for `ttl` from now; `Held` by somebody else, or `Lost` to nobody, is an error.
    async fn renew_lock(&self, lock: &Lock, ttl: Duration) -> Result<Lock, LockError>;
    /// Gives a lock back, or breaks it, by the name of the holding. `false` when there is no such holding.
    async fn unlock(&self, id: &str) -> Result<bool, PortError>;
    /// All locks that are held.
    async fn locks(&self) -> Result<Vec<Lock>, PortError>;
}
