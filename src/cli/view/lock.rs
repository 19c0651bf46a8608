//! A lock that somebody else holds, in Terraform's words, and one that was lost.

use crate::diagnostic::{Diagnostic, codes};
use crate::ports::store::Lock;

/// The report of one that is held.
pub fn held(lock: &Lock) -> Diagnostic {
    let detail = format!(
        "Error message: the lock is held by {who}\nLock Info:\n  ID:        {id}\n  Path:      {name}\n  Operation: {operation}\n  Who:       {who}\n  Version:   {version}\n  Created:   {created}\n  Info:      a lease, until {until} by the store's clock unless its holder renews it",
        id = lock.id,
        name = lock.name,
        operation = lock.operation,
        who = lock.who,
        version = env!("CARGO_PKG_VERSION"),
        created = lock.created,
        until = lock.until,
    );
    let hint = format!("Wait for it with -lock-timeout=60s; if its holder is gone: cap force-unlock {}", lock.id);
    Diagnostic::error(&codes::store::LOCKED, detail).hint(hint)
}

/// The report of one that was ours.
pub fn lost() -> Diagnostic {
    let detail = "The lock was broken, or it ran out, while this apply held it: somebody else may be at work. Nothing was written since.";
    Diagnostic::error(&codes::store::LOCK_LOST, detail).hint("Plan and apply again.")
}
