//! Withdrawing challenge records, whatever became of their order. The list of those that stand, or may stand, is kept from
//! before the first is published until the last is gone. One that cannot be withdrawn is said to be left behind: that is
//! no failure of what was issued.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Publication};
use super::machine::{Context, Next};
use super::pace::Pace;
use super::retry::{self, Verdict};
use super::{ErrorClass, Failure};
use crate::address::Address;
use crate::state::EventBody;
use crate::time::Timestamp;

/// Where it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Records that stand, or may stand.
    standing: Vec<Publication>,
    pace: Pace,
    /// Records that could not be withdrawn, with the reason.
    left: Vec<String>,
}

impl Withdrawal {
    /// Of records that were left behind earlier.
    pub fn of(standing: Vec<Publication>) -> Self {
        Self { standing, ..Self::default() }
    }

    /// These are about to be published.
    pub fn note(&mut self, list: &[Publication]) {
        for one in list {
            if !self.standing.iter().any(|other| other.is_record_of(&one.name, &one.value)) {
                self.standing.push(one.clone());
            }
        }
    }

    /// Those that publish what stands.
    pub fn credentials(&self) -> impl Iterator<Item = &Address> {
        self.standing.iter().map(|publication| &publication.credential)
    }

    /// It begins, with fresh patience.
    pub fn begin(&mut self) {
        self.pace = Pace::default();
    }

    /// Whether nothing is left to be withdrawn.
    pub fn is_done(&self) -> bool {
        self.standing.is_empty()
    }

    /// Whether an attempt failed and is made again later.
    pub fn is_put_off(&self) -> bool {
        self.pace.failed > 0
    }

    /// What comes next, until it is done.
    pub fn next(&self, now: Timestamp) -> Option<Next> {
        let publication = self.standing.first()?;
        Some(Next::waiting(&self.pace, now).unwrap_or_else(|| Next::effect(Effect::Retract(publication.clone()))))
    }

    /// What follows from an attempt.
    pub fn attempted(
        &mut self,
        publication: &Publication,
        failure: Option<Failure>,
        context: &Context<'_>,
    ) -> Vec<EventBody> {
        let Some(failure) = failure else { return self.withdrawn(publication) };
        // The zone is gone at its provider, and the record with it.
        if failure.class == ErrorClass::NotFound {
            return self.withdrawn(publication);
        }
        let passes =
            matches!(failure.class, ErrorClass::Transient | ErrorClass::RateLimited { .. } | ErrorClass::Conflict);
        let verdict = self.pace.fail_on(&retry::CLEANUP, &failure, context.now, context.jitter);
        if passes && verdict != Verdict::GiveUp {
            return Vec::new();
        }
        self.forget(publication);
        self.left.push(format!("{} in zone {} ({})", publication.name, publication.zone, failure.message));
        vec![EventBody::ChallengeLeft { publication: Box::new(publication.clone()), why: failure.message }]
    }

    fn withdrawn(&mut self, publication: &Publication) -> Vec<EventBody> {
        self.forget(publication);
        vec![EventBody::ChallengeRetracted { name: publication.name.clone(), value: publication.value.clone() }]
    }

    fn forget(&mut self, publication: &Publication) {
        self.standing.retain(|one| one != publication);
        self.pace = Pace::default();
    }

    /// A failure that also says what is left behind.
    pub fn explain(&self, mut failure: Failure) -> Failure {
        if !self.left.is_empty() {
            failure.message = format!("{}; left behind: {}", failure.message, self.left.join(", "));
            failure.remedy.get_or_insert_with(|| "remove these TXT records by hand".to_owned());
        }
        failure
    }
}
