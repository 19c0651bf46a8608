//! When to try again: the one place that knows. Backoff is exponential with jitter, by class of failure and bounded; a wait
//! is a state of the job, never a sleep.

use super::ErrorClass;
use crate::time::{Duration, Timestamp};

/// How one kind of failure is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Ladder {
    /// Its name: attempts are counted for each ladder by itself.
    pub name: &'static str,
    /// The first wait.
    first: Duration,
    /// What each further wait is multiplied with.
    factor: i64,
    /// No wait is longer.
    longest: Duration,
    /// Attempts in all, the first one counted.
    attempts: u32,
}

/// A peer that does not answer, or answers nonsense: about two minutes in all.
pub const TRANSIENT: Ladder = Ladder {
    name: "transient",
    first: Duration::from_secs(1),
    factor: 2,
    longest: Duration::from_secs(300),
    attempts: 8,
};
/// Somebody else changed it meanwhile: looking again is usually enough.
pub const CONFLICT: Ladder = Ladder {
    name: "conflict",
    first: Duration::from_millis(200),
    factor: 4,
    longest: Duration::from_secs(10),
    attempts: 4,
};
/// The CA did not see the record that every authoritative server answers with. CAs count these by the hour (Let's
/// Encrypt: five per name, refilled every 12 minutes), so the first wait is as long as that.
pub const VALIDATION: Ladder = Ladder {
    name: "validation",
    first: Duration::from_secs(12 * 60),
    factor: 3,
    longest: Duration::from_secs(6 * 3600),
    attempts: 3,
};
/// Installing again after what was installed had to be undone. The endpoint was given its time each time, and whoever
/// waits for a deployment is to learn soon that it does not work.
pub const INSTALL: Ladder =
    Ladder { name: "install", first: Duration::from_secs(2), factor: 2, longest: Duration::from_secs(10), attempts: 3 };
/// Withdrawing a challenge record, which must not be left behind: about an hour in all.
pub const CLEANUP: Ladder = Ladder {
    name: "cleanup",
    first: Duration::from_secs(1),
    factor: 2,
    longest: Duration::from_secs(900),
    attempts: 14,
};
/// Waiting for what takes its time: servers to agree, a CA to validate or to issue, a service to take up a certificate.
/// Quick at first: a CA in the same network has done it within milliseconds, and for one that is far away the way there
/// and back is the longer wait. What lasts longer than a second is waited for without a worker.
pub const POLL: Ladder = Ladder {
    name: "poll",
    first: Duration::from_millis(2),
    factor: 2,
    longest: Duration::from_secs(30),
    attempts: u32::MAX,
};

/// What comes after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another attempt, not before this.
    Again(Timestamp),
    /// The peer asked for patience: not before this, and it does not count as an attempt.
    Parked(Timestamp),
    /// No further attempt.
    GiveUp,
}

/// What comes after the `failed`-th failed attempt (from one). `jitter` is in `0..1000` thousandths.
pub fn after(class: ErrorClass, failed: u32, now: Timestamp, jitter: u64) -> Verdict {
    match class {
        ErrorClass::RateLimited { until, .. } => Verdict::Parked(until.max(now + Duration::from_secs(1))),
        other => ladder(other).map_or(Verdict::GiveUp, |ladder| ladder.after(failed, now, jitter)),
    }
}

/// The ladder of a class, for those that are tried again by counting.
pub fn ladder(class: ErrorClass) -> Option<&'static Ladder> {
    match class {
        ErrorClass::Transient => Some(&TRANSIENT),
        ErrorClass::Conflict => Some(&CONFLICT),
        ErrorClass::RateLimited { .. } => None,
        ErrorClass::Rejected
        | ErrorClass::Unauthorized
        | ErrorClass::NotFound
        | ErrorClass::Absent
        | ErrorClass::Bug => None,
    }
}

impl Ladder {
    /// The wait before attempt `step + 1`, `step` counted from one.
    pub fn wait(&self, step: u32) -> Duration {
        let mut millis = self.first.millis();
        for _ in 1..step {
            millis = millis.saturating_mul(self.factor);
            if millis >= self.longest.millis() {
                return self.longest;
            }
        }
        Duration::from_millis(millis)
    }

    /// What comes after the `failed`-th failed attempt: the wait, stretched by up to a fifth so that a herd disperses.
    pub fn after(&self, failed: u32, now: Timestamp, jitter: u64) -> Verdict {
        if failed >= self.attempts {
            return Verdict::GiveUp;
        }
        let wait = self.wait(failed);
        let stretch = wait.millis().saturating_mul(jitter.min(1000) as i64) / 5000;
        Verdict::Again(now + wait + Duration::from_millis(stretch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<i64> = (1..=11).map(|step| TRANSIENT.wait(step).millis() / 1000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn each_class_has_its_own_way() {
        let until = Timestamp::from_millis(3_600_000);
        let limited = |until| ErrorClass::RateLimited { until, of_account: false };
        let check = |class, failed, expected| assert_eq!(after(class, failed, NOW, 0), expected, "{class:?} {failed}");
        check(ErrorClass::Transient, 1, Verdict::Again(Timestamp::from_millis(1000)));
        check(ErrorClass::Transient, 7, Verdict::Again(Timestamp::from_millis(64_000)));
        check(ErrorClass::Transient, 8, Verdict::GiveUp);
        check(limited(until), 100, Verdict::Parked(until));
        check(limited(NOW), 1, Verdict::Parked(Timestamp::from_millis(1000)));
        let (refused, missing) =
            ([ErrorClass::Rejected, ErrorClass::Unauthorized], [ErrorClass::NotFound, ErrorClass::Absent]);
        for class in refused.into_iter().chain(missing).chain([ErrorClass::Bug]) {
            check(class, 1, Verdict::GiveUp);
        }
    }

    #[test]
    fn jitter_stretches_by_a_fifth_at_most() {
        assert_eq!(TRANSIENT.after(1, NOW, 1000), Verdict::Again(Timestamp::from_millis(1200)));
        assert_eq!(TRANSIENT.after(1, NOW, 500), Verdict::Again(Timestamp::from_millis(1100)));
    }
}
