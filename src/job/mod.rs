//! Jobs: what has effects outside the store. Durable, resumable, and decided by pure transitions.

pub mod deployment;
pub mod effect;
pub mod establishment;
pub mod issuance;
pub mod machine;
pub mod pace;
pub mod removal;
pub mod retry;
pub mod rewrapping;
#[cfg(test)]
pub(crate) mod sample;
pub mod wanted;
pub mod withdrawal;

pub use effect::{Effect, Fact, Needs};
pub use machine::{Machine, Next};

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::plan::Step;
use crate::state::Event;
use crate::time::{Duration, Timestamp};

/// Names one apply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunId(pub String);

/// Names one job: `<run>.<n>`; `<run>.0` is the run's own bookkeeping.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobId(pub String);

impl RunId {
    /// The job of that number.
    pub fn job(&self, number: usize) -> JobId {
        JobId(format!("{}.{number}", self.0))
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One apply as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// Who submitted it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// Jobs in it.
    pub jobs: usize,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// The apply it belongs to.
    pub run: RunId,
    /// The plan's step it carries out. All it needs is in here and in the store: configuration is never evaluated again.
    pub step: Arc<Step>,
    /// Jobs that must have succeeded first.
    pub needs: Vec<JobId>,
    /// Where it stands.
    pub status: JobStatus,
    /// Attempts begun so far.
    pub attempt: u32,
    /// Number of the next event it records.
    pub next_event: u32,
    /// Where its machine stands; JSON of the machine's own state. `null` before the first effect.
    #[serde(default)]
    pub machine: serde_json::Value,
    /// What has happened since its last whole move.
    #[serde(default, skip_serializing_if = "Pending::is_empty")]
    pub pending: Pending,
    /// Whether all that others need of it is recorded, so that they may go although it is not at its end: it tidies up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delivered: bool,
    /// Who submitted it.
    pub actor: String,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When its first attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it came to an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Job {
    /// What it works on.
    pub fn address(&self) -> &Address {
        &self.step.address
    }
}

/// One line of a job's log, with timing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When, by the worker's clock.
    pub at: Timestamp,
    /// Which effect.
    pub effect: String,
    /// What came of it, without secrets.
    pub message: String,
    /// How long it took.
    pub took: Duration,
    /// Which attempt.
    pub attempt: u32,
}

/// What has happened in a job and is not yet where all can see it: it is kept in the job, and the events go to their
/// records and timelines with the next whole move.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// The lines for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
}

impl Pending {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.log.is_empty()
    }
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum JobStatus {
    /// It may run as soon as what it needs has succeeded. A job that a worker was carrying out when it died is here too.
    Ready,
    /// It waits for a time: backoff, a rate limit, propagation. Never a sleep in a worker.
    Waiting {
        /// Until when.
        until: Timestamp,
        /// For what, for people.
        why: String,
        /// Whether for a limit of the whole account: what has not begun at that account need not try before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        of_account: bool,
    },
    /// Done.
    Succeeded,
    /// Given up; a later plan takes it up again.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Not begun, because a job it needs failed.
    Skipped {
        /// That job.
        because: JobId,
    },
    /// Withdrawn by the user before it had an effect outside.
    Cancelled,
}

impl JobStatus {
    /// Whether nothing more will happen.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Ready | Self::Waiting { .. })
    }

    /// Until when a limit of the whole account lasts, where that is what is waited for.
    pub fn account_limit(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until, of_account: true, .. } => Some(*until),
            _ => None,
        }
    }
}

/// Why a job was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Whose fault.
    pub class: ErrorClass,
    /// What happened, without secrets.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// Whose fault an error is, and so what comes next. Set once, in the adapter; nobody decides on text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ErrorClass {
    /// It may pass: try again with backoff.
    Transient,
    /// Too many requests: try again, not before.
    RateLimited {
        /// Not before.
        until: Timestamp,
        /// Whether the limit is on the whole account, and not on what was asked for: no other request fares better.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        of_account: bool,
    },
    /// The other side refused what was asked: asking again would not help.
    Rejected,
    /// The credential is wrong or lacks a right.
    Unauthorized,
    /// What a peer was asked for is not there.
    NotFound,
    /// Something of our own that is needed is not there: a record of the store, a key of the vault, a secret. It says
    /// nothing about what a peer holds.
    Absent,
    /// Somebody else changed it meanwhile.
    Conflict,
    /// `cap` is wrong.
    Bug,
}
