//! Making an issuer: registering an account with its CA, or making a private CA's keys and certificates.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Fact};
use super::machine::{Context, Next, keys_of, misfit, recorded};
use super::pace::Pace;
use super::{Failure, removal};
use crate::state::EventBody;
use crate::state::facts::{Facts, KeyId};

/// Where it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Establishment {
    /// Attempts and waits.
    pub pace: Pace,
    done: bool,
    /// Keys of what it replaced, to remove in the end.
    surplus: Vec<KeyId>,
    failure: Option<Failure>,
}

impl Establishment {
    /// Whether the facts are known, and so recorded.
    pub fn is_established(&self) -> bool {
        self.done
    }

    /// See [`super::Machine::next`].
    pub fn next(&self, context: &Context<'_>) -> Next {
        if let Some(failure) = &self.failure {
            return Next::Failed(failure.clone());
        }
        if let Some(wait) = Next::waiting(&self.pace, context.now) {
            return wait;
        }
        if !self.done {
            return Next::effect(Effect::Establish);
        }
        self.surplus.first().map_or(Next::Done, |key| Next::effect(Effect::RemoveKey(key.clone())))
    }

    /// See [`super::Machine::outcome`].
    pub fn outcome(&mut self, result: Result<Fact, Failure>, context: &Context<'_>) -> Vec<EventBody> {
        if self.done {
            return removal::drop_first(&mut self.surplus, &mut self.pace, result.err(), context);
        }
        match result {
            Ok(Fact::Established(facts)) => self.established(facts, context),
            Ok(_) => self.failed(misfit(&Effect::Establish), context),
            Err(failure) => self.failed(failure, context),
        }
    }

    fn established(&mut self, facts: Facts, context: &Context<'_>) -> Vec<EventBody> {
        let kept = keys_of(&facts);
        let event = match facts {
            Facts::Account(account) => EventBody::Registered { account },
            Facts::Authority(authority) => EventBody::Established { authority },
            _ => return self.failed(misfit(&Effect::Establish), context),
        };
        let before = context.record.map(|record| keys_of(&record.facts)).unwrap_or_default();
        self.surplus = before.into_iter().filter(|key| !kept.contains(key)).collect();
        self.done = true;
        self.pace.moved();
        recorded(context.step).into_iter().chain([event]).collect()
    }

    fn failed(&mut self, failure: Failure, context: &Context<'_>) -> Vec<EventBody> {
        self.pace.judge(failure, context, &mut self.failure)
    }
}
