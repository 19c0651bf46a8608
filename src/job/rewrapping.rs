//! Sealing anew: everything that an earlier version of the key-encryption key has sealed is sealed under a later one, which
//! from then on is the one that opens the store. One effect, which goes on where it stood when it is done again.

use serde::{Deserialize, Serialize};

use super::Failure;
use super::effect::{Effect, Fact};
use super::machine::{Context, Next, attempt_failed, misfit, recorded};
use super::pace::Pace;
use super::retry::Verdict;
use crate::model::organization::sealing_version;
use crate::state::EventBody;

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rewrapping {
    /// Attempts and waits.
    pub pace: Pace,
    version: u32,
    done: bool,
    failure: Option<Failure>,
}

impl Rewrapping {
    /// Before the first effect.
    pub fn begin(context: &Context<'_>) -> Self {
        let version = context.step.after.as_ref().map_or(1, |draft| sealing_version(&draft.spec));
        Self { pace: Pace::default(), version, done: false, failure: None }
    }

    /// See [`super::Machine::next`].
    pub fn next(&self, context: &Context<'_>) -> Next {
        match &self.failure {
            Some(failure) => Next::Failed(failure.clone()),
            None if self.done => Next::Done,
            None => {
                Next::waiting(&self.pace, context.now).unwrap_or_else(|| Next::effect(Effect::Rewrap(self.version)))
            }
        }
    }

    /// See [`super::Machine::outcome`].
    pub fn outcome(&mut self, effect: &Effect, result: Result<Fact, Failure>, context: &Context<'_>) -> Vec<EventBody> {
        match result {
            Ok(Fact::Done) => {
                self.done = true;
                let rewrapped = EventBody::Rewrapped { version: self.version };
                [rewrapped].into_iter().chain(recorded(context.step)).collect()
            }
            Ok(_) => self.failed(misfit(effect), context),
            Err(failure) => self.failed(failure, context),
        }
    }

    fn failed(&mut self, failure: Failure, context: &Context<'_>) -> Vec<EventBody> {
        let retry_at = match self.pace.fail(&failure, context.now, context.jitter) {
            Verdict::Again(at) | Verdict::Parked(at) => Some(at),
            Verdict::GiveUp => None,
        };
        let event = attempt_failed(&failure, retry_at);
        if retry_at.is_none() {
            self.failure = Some(failure);
        }
        vec![event]
    }
}
