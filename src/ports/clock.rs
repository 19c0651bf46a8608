//! The time, and names that nobody else has.

use async_trait::async_trait;

use crate::time::{Duration, Timestamp};

/// Longest sleep before the wall clock is looked at again: a machine that was suspended must not oversleep.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The wall clock of this process. Leases use the store's clock instead.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Returns when it is `until`, or later. A manual clock jumps instead.
    async fn sleep_until(&self, until: Timestamp) {
        while self.now() < until {
            tokio::time::sleep(until.since(self.now()).min(LOOK_AGAIN).to_std()).await;
        }
    }
}

/// Makes names and randomness. Seeded in tests, so that runs repeat.
pub trait Ids: Send + Sync {
    /// A fresh name that begins with `prefix`: unique, sortable by time of making.
    fn fresh(&self, prefix: &str) -> String;
    /// A number in `0..bound`, for jitter.
    fn jitter(&self, bound: u64) -> u64;
}
