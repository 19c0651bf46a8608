//! What a worker says while it works, and refresh while it looks. The interface draws it; the engine never prints.

use crate::address::Address;
use crate::job::effect::Publication;
use crate::job::{Failure, Job, JobId};
use crate::time::Timestamp;

/// Who listens.
pub trait Progress: Send + Sync {
    /// Something happened. Called from the worker's tasks and from threads that look: it must be quick.
    fn tell(&self, news: &News<'_>);
}

/// One piece of news.
#[derive(Debug, Clone)]
pub enum News<'a> {
    /// An object is looked at.
    Looking(&'a Address),
    /// It was looked at, or is not waited for any longer.
    Looked(&'a Address),
    /// An attempt begins, or a job is taken up where it stood.
    Started(&'a Job),
    /// A job does this now: `order`, `present`, `install`.
    Doing {
        /// The job.
        job: &'a JobId,
        /// The effect.
        effect: &'a str,
    },
    /// A job waits: backoff, a rate limit, propagation.
    Waiting {
        /// The job.
        job: &'a JobId,
        /// Until when.
        until: Timestamp,
        /// For what.
        why: &'a str,
    },
    /// A challenge record could not be withdrawn and is left behind; the job goes on.
    LeftBehind {
        /// The job.
        job: &'a Job,
        /// The record.
        publication: &'a Publication,
        /// Why.
        why: &'a str,
    },
    /// A job is done.
    Succeeded(&'a Job),
    /// A job was given up.
    Failed {
        /// The job.
        job: &'a Job,
        /// Why.
        failure: &'a Failure,
    },
    /// A job was not begun, because one that it needs failed.
    Skipped {
        /// The job.
        job: &'a Job,
        /// The one that failed.
        because: &'a JobId,
    },
}

/// Listens to nothing.
pub struct Silent;

impl Progress for Silent {
    fn tell(&self, _: &News<'_>) {}
}
