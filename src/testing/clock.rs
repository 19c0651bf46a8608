//! A clock that moves only when it is told to, or when somebody sleeps; and names that repeat with their seed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;

use crate::ports::clock::{Clock, Ids};
use crate::time::{Duration, Timestamp};

/// A manual clock. Whoever sleeps moves it: ninety days pass in milliseconds.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at this time.
    pub fn new(now: Timestamp) -> Self {
        Self { millis: AtomicI64::new(now.millis()) }
    }

    /// Moves it on.
    pub fn advance(&self, span: Duration) {
        self.millis.fetch_add(span.millis(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, until: Timestamp) {
        // Others may do what they can do now before time goes on.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.millis.fetch_max(until.millis(), Ordering::SeqCst);
    }
}

/// Names counted up, and jitter from a seed.
#[derive(Debug, Default)]
pub struct SeededIds {
    count: AtomicU64,
    seed: AtomicU64,
}

impl SeededIds {
    /// With this seed.
    pub fn new(seed: u64) -> Self {
        Self { count: AtomicU64::new(0), seed: AtomicU64::new(seed) }
    }
}

impl Ids for SeededIds {
    fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}{:04}", self.count.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn jitter(&self, bound: u64) -> u64 {
        // A linear congruential generator (Knuth's MMIX constants): its high bits are good enough to spread waits.
        let next = |seed: u64| seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let seed = self.seed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |seed| Some(next(seed))).unwrap_or(0);
        (next(seed) >> 33).checked_rem(bound).unwrap_or(0)
    }
}
