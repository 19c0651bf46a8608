//! The time, and names that nobody else has.

use crate::time::Timestamp;

/// The wall clock of this process. Leases use the store's clock instead.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Makes names and randomness. Seeded in tests, so that runs repeat.
pub trait Ids: Send + Sync {
    /// A fresh name that begins with `prefix`: unique, sortable by time of making.
    fn fresh(&self, prefix: &str) -> String;
    /// A number in `0..bound`, for jitter.
    fn jitter(&self, bound: u64) -> u64;
}
