//! Records that go, or are written when what they need is done. Deleting a certificate or an issuer removes its keys from
//! the vault once its record is gone, and never revokes anything.

use serde::{Deserialize, Serialize};

use super::Failure;
use super::effect::{Effect, Fact};
use super::machine::{Context, Next, keys_of, recorded};
use super::pace::Pace;
use super::retry::{self, Verdict};
use crate::plan::Action;
use crate::state::facts::KeyId;
use crate::state::{EventBody, Record};

/// Where a removal stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// Attempts and waits.
    pub pace: Pace,
    recorded: bool,
    keys: Vec<KeyId>,
}

impl Removal {
    /// Before the first effect: the record's keys are noted, for it will be gone when they are removed.
    pub fn begin(record: Option<&Record>) -> Self {
        Self { keys: record.map(|record| keys_of(&record.facts)).unwrap_or_default(), ..Self::default() }
    }

    /// See [`super::Machine::next`].
    pub fn next(&self, context: &Context<'_>) -> Next {
        if !self.recorded {
            return Next::effect(Effect::RemoveRecord);
        }
        if let Some(wait) = Next::waiting(&self.pace, context.now) {
            return wait;
        }
        self.keys.first().map_or(Next::Done, |key| Next::effect(Effect::RemoveKey(key.clone())))
    }

    /// See [`super::Machine::outcome`].
    pub fn outcome(&mut self, effect: &Effect, result: Result<Fact, Failure>, context: &Context<'_>) -> Vec<EventBody> {
        if matches!(effect, Effect::RemoveRecord) {
            self.recorded = true;
            return vec![EventBody::Removed { forgotten: false }];
        }
        drop_first(&mut self.keys, &mut self.pace, result.err(), context);
        Vec::new()
    }
}

/// Takes the first key off the list when it was removed, or when removing it has failed too often: it is sealed, and
/// nothing refers to it any more.
pub(super) fn drop_first(keys: &mut Vec<KeyId>, pace: &mut Pace, failure: Option<Failure>, context: &Context<'_>) {
    let done = failure
        .is_none_or(|failure| pace.fail_on(&retry::CONFLICT, &failure, context.now, context.jitter) == Verdict::GiveUp);
    if done && !keys.is_empty() {
        keys.remove(0);
        pace.moved();
    }
}

/// Writing a record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bookkeeping {
    done: bool,
}

impl Bookkeeping {
    /// See [`super::Machine::next`].
    pub fn next(&self) -> Next {
        if self.done { Next::Done } else { Next::effect(Effect::Record) }
    }

    /// See [`super::Machine::outcome`].
    pub fn outcome(&mut self, context: &Context<'_>) -> Vec<EventBody> {
        self.done = true;
        match context.step.action {
            Action::Delete => vec![EventBody::Removed { forgotten: false }],
            Action::Forget => vec![EventBody::Removed { forgotten: true }],
            _ => recorded(context.step).into_iter().collect(),
        }
    }
}
