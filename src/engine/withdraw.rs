//! Withdrawing a job that has had no effect outside: it never goes on, and what it had made here goes with it.

use crate::job::{Job, JobStatus, Machine};
use crate::ports::PortError;
use crate::ports::store::{LeaseError, Store};
use crate::ports::vault::KeyVault;

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

/// Withdraws a job as it was read.
///
/// # Errors
/// See [`WithdrawFault`].
pub async fn withdraw(store: &dyn Store, vault: &dyn KeyVault, job: &Job) -> Result<(), WithdrawFault> {
    let is_clean = |machine: Machine| !machine.has_left_traces();
    if !job.machine.is_null() && !serde_json::from_value(job.machine.clone()).is_ok_and(is_clean) {
        return Err(WithdrawFault::Begun);
    }
    store.set_status(&job.id, &JobStatus::Cancelled, store.now().await?).await?;
    // Whatever a job makes in the vault bears its name. Nobody works on it any more, and no record names any of it.
    for key in vault.ids().await?.iter().filter(|key| key.0.split('/').any(|part| part == job.id.0)) {
        vault.remove(key).await?;
    }
    Ok(())
}
