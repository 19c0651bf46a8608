//! Records that go, or are written when what they need is done. Challenge records that a certificate has left behind are
//! withdrawn before its record goes, for nobody would know of them after. Deleting a certificate or an issuer removes its
//! keys from the vault once its record is gone, and never revokes anything.

use serde::{Deserialize, Serialize};

use super::Failure;
use super::effect::{Effect, Fact};
use super::machine::{Context, Next, keys_of, recorded};
use super::pace::Pace;
use super::retry::{self, Verdict};
use super::withdrawal::Withdrawal;
use crate::plan::Action;
use crate::state::EventBody;
use crate::state::facts::{Facts, KeyId};

/// Where a removal stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// Attempts and waits.
    pub pace: Pace,
    recorded: bool,
    /// Whether only the record goes, and its keys stay.
    #[serde(default)]
    forgotten: bool,
    keys: Vec<KeyId>,
    /// Withdrawing the challenge records that were left behind.
    #[serde(default)]
    withdrawal: Withdrawal,
    /// Chain of the record's timeline, which goes on when the record is gone.
    #[serde(default)]
    chain: Option<String>,
}

impl Removal {
    /// Before the first effect: what the record knows is noted, for it will be gone when its keys are removed.
    pub fn begin(context: &Context<'_>) -> Self {
        let forgotten = context.step.action == Action::Forget;
        let Some(record) = context.record else { return Self { forgotten, ..Self::default() } };
        let keys = if forgotten { Vec::new() } else { keys_of(&record.facts) };
        let withdrawal = match &record.facts {
            Facts::Certificate(facts) => Withdrawal::of(facts.left.clone()),
            _ => Withdrawal::default(),
        };
        Self { forgotten, keys, withdrawal, chain: record.chain.clone(), ..Self::default() }
    }

    /// See [`super::Machine::chain`].
    pub fn chain(&self) -> Option<&str> {
        self.chain.as_deref()
    }

    /// See [`super::Machine::next`].
    pub fn next(&self, context: &Context<'_>) -> Next {
        if let Some(next) = self.withdrawal.next(context.now) {
            return next;
        }
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
        match effect {
            Effect::Retract(publication) => self.withdrawal.attempted(publication, result.err(), context),
            Effect::RemoveRecord => {
                self.recorded = true;
                vec![EventBody::Removed { forgotten: self.forgotten }]
            }
            _ => drop_first(&mut self.keys, &mut self.pace, result.err(), context),
        }
    }
}

/// Takes the first key off the list when it was removed, or when removing it has failed too often: it is sealed, and
/// nothing refers to it any more. Returns the event of a key that was removed.
pub(super) fn drop_first(
    keys: &mut Vec<KeyId>,
    pace: &mut Pace,
    failure: Option<Failure>,
    context: &Context<'_>,
) -> Vec<EventBody> {
    let removed = failure.is_none();
    let done = failure
        .is_none_or(|failure| pace.fail_on(&retry::CONFLICT, &failure, context.now, context.jitter) == Verdict::GiveUp);
    if !done || keys.is_empty() {
        return Vec::new();
    }
    pace.moved();
    let key = keys.remove(0);
    if removed { vec![EventBody::KeyRemoved { key }] } else { Vec::new() }
}

/// Whether more than the record has to be seen to when it is removed or forgotten.
pub fn leaves_something(action: Action, facts: &Facts) -> bool {
    let stands = matches!(facts, Facts::Certificate(certificate) if !certificate.left.is_empty());
    match action {
        Action::Delete => stands || !keys_of(facts).is_empty(),
        Action::Forget => stands,
        _ => false,
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
