//! Withdrawing jobs that have had no effect outside: they never go on, and what they had made here goes with them.

use std::collections::HashSet;

use crate::job::{Job, JobStatus, Machine};
use crate::ports::store::{LeaseError, Store};
use crate::ports::vault::KeyVault;
use crate::ports::{PortError, PortResult};

/// Why a job is not withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawFault {
    /// It may have left something behind, such as a challenge in a zone, which only its own end clears away.
    #[error("it has begun, and what it did outside is cleared away by itself only at its end")]
    Begun,
    /// Somebody works on it, or it is at its end.
    #[error(transparent)]
    Lease(LeaseError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

impl From<LeaseError> for WithdrawFault {
    fn from(fault: LeaseError) -> Self {
        match fault {
            LeaseError::Store(fault) => Self::Store(fault),
            other => Self::Lease(other),
        }
    }
}

/// Withdraws jobs as they were read, and names those that are not withdrawn, with the reason.
///
/// # Errors
/// When what they had made cannot be removed; they are withdrawn all the same.
pub async fn withdraw<'j>(
    store: &dyn Store,
    vault: &dyn KeyVault,
    jobs: &'j [Job],
) -> PortResult<Vec<(&'j Job, WithdrawFault)>> {
    let (mut withdrawn, mut kept) = (HashSet::new(), Vec::new());
    for job in jobs {
        match cancel(store, job).await {
            Ok(()) => drop(withdrawn.insert(job.id.0.as_str())),
            Err(fault) => kept.push((job, fault)),
        }
    }
    if withdrawn.is_empty() {
        return Ok(kept);
    }
    // Whatever a job makes in the vault bears its name. Nobody works on it any more, and no record names any of it.
    for key in vault.ids().await?.iter().filter(|key| key.0.split('/').any(|part| withdrawn.contains(part))) {
        vault.remove(key).await?;
    }
    Ok(kept)
}

async fn cancel(store: &dyn Store, job: &Job) -> Result<(), WithdrawFault> {
    let is_clean = |machine: Machine| !machine.has_left_traces();
    if !job.machine.is_null() && !serde_json::from_value(job.machine.clone()).is_ok_and(is_clean) {
        return Err(WithdrawFault::Begun);
    }
    Ok(store.set_status(&job.id, &JobStatus::Cancelled, store.now().await?).await?)
}
