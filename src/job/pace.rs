//! A job's patience: attempts that failed, polls so far, and what it waits for now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::machine::{Context, attempt_failed};
use super::retry::{self, Ladder, Verdict};
use super::{ErrorClass, Failure};
use crate::state::EventBody;
use crate::time::{Duration, Timestamp};

/// How often and how long. Every machine has one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Attempts that failed so far.
    pub failed: u32,
    /// Likewise, by ladder: patience with one kind of failure is not used up by another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    climbed: BTreeMap<String, u32>,
    /// Polls of what is being waited for.
    polls: u32,
    /// Since when it has been polled.
    since: Option<Timestamp>,
    /// What is waited for now.
    wait: Option<Wait>,
}

/// A wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Until when.
    pub until: Timestamp,
    /// For what, for people.
    pub why: String,
    /// Whether a limit of the whole account is waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_account: bool,
}

impl Pace {
    /// What is still waited for at `now`.
    pub fn waiting(&self, now: Timestamp) -> Option<&Wait> {
        self.wait.as_ref().filter(|wait| wait.until > now)
    }

    /// Waits until then.
    pub fn wait(&mut self, until: Timestamp, why: impl Into<String>) {
        self.wait = Some(Wait { until, why: why.into(), of_account: false });
    }

    /// Something moved: polling begins anew.
    pub fn moved(&mut self) {
        self.polls = 0;
        self.since = None;
        self.wait = None;
    }

    /// Counts a failed attempt and decides what follows; waits when there is another one.
    pub fn fail(&mut self, failure: &Failure, now: Timestamp, jitter: u64) -> Verdict {
        self.polls = 0;
        self.since = None;
        match retry::ladder(failure.class) {
            Some(ladder) => self.fail_on(ladder, failure, now, jitter),
            None => self.settle(retry::after(failure.class, self.failed + 1, now, jitter), failure),
        }
    }

    /// Likewise, on a ladder of its own.
    pub fn fail_on(&mut self, ladder: &Ladder, failure: &Failure, now: Timestamp, jitter: u64) -> Verdict {
        let verdict = match failure.class {
            ErrorClass::RateLimited { .. } => retry::after(failure.class, self.failed + 1, now, jitter),
            _ => {
                let climbed = self.climbed.entry(ladder.name.to_owned()).or_default();
                *climbed += 1;
                ladder.after(*climbed, now, jitter)
            }
        };
        self.settle(verdict, failure)
    }

    /// Likewise, with what is told of it: nothing where the peer asked for patience. The last failure becomes the job's `end`.
    pub fn judge(&mut self, failure: Failure, context: &Context<'_>, end: &mut Option<Failure>) -> Vec<EventBody> {
        match self.fail(&failure, context.now, context.jitter) {
            Verdict::Parked(_) => Vec::new(),
            Verdict::Again(at) => vec![attempt_failed(&failure, Some(at))],
            Verdict::GiveUp => {
                let event = attempt_failed(&failure, None);
                *end = Some(failure);
                vec![event]
            }
        }
    }

    fn settle(&mut self, verdict: Verdict, failure: &Failure) -> Verdict {
        match verdict {
            Verdict::Again(at) => {
                self.failed += 1;
                self.wait(at, failure.message.clone());
            }
            Verdict::Parked(until) => {
                let of_account = matches!(failure.class, ErrorClass::RateLimited { of_account: true, .. });
                self.wait = Some(Wait { until, why: failure.message.clone(), of_account });
            }
            Verdict::GiveUp => {
                self.failed += 1;
                self.wait = None;
            }
        }
        verdict
    }

    /// What is polled next has had its time since then: an effect that waits itself must not be given it twice.
    pub fn poll_since(&mut self, then: Timestamp) {
        self.since = Some(then);
    }

    /// Polls again later; `false` when that has been going on for longer than `patience`.
    pub fn poll(
        &mut self,
        now: Timestamp,
        least: Option<Duration>,
        patience: Duration,
        why: impl Into<String>,
    ) -> bool {
        let since = *self.since.get_or_insert(now);
        if now.since(since) > patience {
            return false;
        }
        self.polls = self.polls.saturating_add(1);
        let wait = retry::POLL.wait(self.polls).max(least.unwrap_or_default());
        self.wait(now + wait, why);
        true
    }
}
