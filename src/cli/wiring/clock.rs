//! The system's clock, and names made from time and randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ports::clock::{Clock, Ids};
use crate::time::Timestamp;

/// The wall clock of this machine.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Names that begin with the time, so that they sort by it, and end in randomness, so that nobody else has them.
pub struct RandomIds;

/// Digits of names: readable aloud, no `l`, `o`, `i` and `u` (Crockford's base 32).
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Ids for RandomIds {
    fn fresh(&self, prefix: &str) -> String {
        let time = digits(SystemClock.now().millis().unsigned_abs(), 9);
        format!("{prefix}{time}{}", digits(random(), 7))
    }

    fn jitter(&self, bound: u64) -> u64 {
        random().checked_rem(bound).unwrap_or(0)
    }
}

/// The lowest `count` digits of a number.
fn digits(number: u64, count: u32) -> String {
    let digit = |at: u32| char::from(DIGITS[(number >> (at * 5)) as usize & 31]);
    (0..count).rev().map(digit).collect()
}

/// Random bits. Names are no secrets: where the system's source fails, the time and the process have to do.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => SystemClock.now().millis().unsigned_abs() ^ (u64::from(std::process::id()) << 40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_differ() {
        assert!(digits(31, 3) < digits(32, 3) && digits(1023, 3) < digits(1024, 3));
        let names: std::collections::BTreeSet<String> = (0..1000).map(|_| RandomIds.fresh("r")).collect();
        assert_eq!(names.len(), 1000);
    }
}
