//! The machines of all kinds of work behind one door: what comes next, and what follows from an outcome. Pure: no IO, no
//! clock. A machine is kept in its job as JSON, so that any worker can go on with it.

use serde::{Deserialize, Serialize};

use super::deployment::{Deployment, Undeployment};
use super::effect::{Effect, Fact};
use super::establishment::Establishment;
use super::issuance::Issuance;
use super::pace::Pace;
use super::removal::{Bookkeeping, Removal, leaves_something};
use super::rewrapping::Rewrapping;
use super::{Failure, JobId};
use crate::address::Address;
use crate::plan::{Action, Step, Work};
use crate::state::facts::{CertificateVersion, Facts, KeyId};
use crate::state::{EventBody, Record};
use crate::time::Timestamp;

/// What a transition may know.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The job.
    pub job: &'a JobId,
    /// What it carries out.
    pub step: &'a Step,
    /// The record of its address as it is now.
    pub record: Option<&'a Record>,
    /// Now, by the worker's clock.
    pub now: Timestamp,
    /// Thousandths by which a wait is stretched, `0..1000`.
    pub jitter: u64,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// This is done.
    Do(Box<Effect>),
    /// Nothing before this time.
    Wait {
        /// Until when.
        until: Timestamp,
        /// For what, for people.
        why: String,
        /// Whether for a limit of the whole account: what has not begun need not try.
        of_account: bool,
    },
    /// The work is done.
    Done,
    /// It is given up.
    Failed(Failure),
}

impl Next {
    pub(super) fn effect(effect: Effect) -> Self {
        Self::Do(Box::new(effect))
    }

    pub(super) fn waiting(pace: &Pace, now: Timestamp) -> Option<Self> {
        pace.waiting(now).map(|wait| Self::Wait {
            until: wait.until,
            why: wait.why.clone(),
            of_account: wait.of_account,
        })
    }
}

/// Where a job's work stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Machine {
    /// A certificate is issued.
    Issue(Issuance),
    /// A certificate is put on a target.
    Deploy(Deployment),
    /// A deployment is taken off its target.
    Undeploy(Undeployment),
    /// An account is registered, or a private CA is made.
    Establish(Establishment),
    /// Everything is sealed anew.
    Rewrap(Rewrapping),
    /// A record goes, and the keys that only it knew.
    Remove(Removal),
    /// A record is written, once what it needs is done.
    Record(Bookkeeping),
}

impl Machine {
    /// The machine for a step that has not begun.
    pub fn begin(context: &Context<'_>) -> Self {
        match (context.step.action, context.step.work) {
            (Action::Delete, Work::Undeploy | Work::Deploy) => Self::Undeploy(Undeployment::default()),
            (_, Work::Undeploy) => Self::Undeploy(Undeployment::default()),
            (Action::Delete, _) => Self::Remove(Removal::begin(context)),
            (Action::Forget, _) if context.record.is_some_and(|one| leaves_something(Action::Forget, &one.facts)) => {
                Self::Remove(Removal::begin(context))
            }
            (Action::Forget | Action::Move, _) | (_, Work::Record) => Self::Record(Bookkeeping::default()),
            (_, Work::Register | Work::Establish) => Self::Establish(Establishment::default()),
            (_, Work::Rewrap) => Self::Rewrap(Rewrapping::begin(context)),
            (_, Work::Issue) => Self::Issue(Issuance::begin(context)),
            (_, Work::Deploy) => Self::Deploy(Deployment::begin(context)),
        }
    }

    /// Called when a worker takes the job up again, whether or not the one before came to its end: what the world may
    /// have done meanwhile is read again, before anything is asked of it.
    pub fn resume(&mut self) {
        if let Self::Issue(issuance) = self {
            issuance.resume();
        }
    }

    /// What comes next.
    pub fn next(&self, context: &Context<'_>) -> Next {
        match self {
            Self::Issue(machine) => machine.next(context),
            Self::Deploy(machine) => machine.next(context),
            Self::Undeploy(machine) => machine.next(context),
            Self::Establish(machine) => machine.next(context),
            Self::Rewrap(machine) => machine.next(context),
            Self::Remove(machine) => machine.next(context),
            Self::Record(machine) => machine.next(),
        }
    }

    /// What follows from an outcome: the machine moves, and these things have happened.
    pub fn outcome(&mut self, effect: &Effect, result: Result<Fact, Failure>, context: &Context<'_>) -> Vec<EventBody> {
        match self {
            Self::Issue(machine) => machine.outcome(effect, result, context),
            Self::Deploy(machine) => machine.outcome(effect, result, context),
            Self::Undeploy(machine) => machine.outcome(result, context),
            Self::Establish(machine) => machine.outcome(result, context),
            Self::Rewrap(machine) => machine.outcome(effect, result, context),
            Self::Remove(machine) => machine.outcome(effect, result, context),
            Self::Record(machine) => machine.outcome(context),
        }
    }

    /// An event of this job was found recorded, though the job itself had not been moved: a worker died in between.
    pub fn absorb(&mut self, event: &EventBody) {
        if let Self::Issue(issuance) = self {
            issuance.absorb(event);
        }
    }

    /// The credentials of challenge records that it has published and will withdraw.
    pub fn credentials(&self) -> Vec<&Address> {
        match self {
            Self::Issue(machine) => machine.credentials().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether something outside may be there because of it, which only its own end clears away or records: an order, a
    /// challenge record, an installation, a removal that was begun. A key that waits in the vault is none.
    pub fn has_left_traces(&self) -> bool {
        match self {
            Self::Issue(machine) => machine.has_left_traces(),
            Self::Deploy(machine) => machine.has_left_traces(),
            Self::Establish(machine) => machine.is_established(),
            Self::Record(_) | Self::Rewrap(_) => false,
            Self::Undeploy(_) | Self::Remove(_) => true,
        }
    }

    /// Chain of the timeline of a record that it removes, which goes on when the record is gone.
    pub fn chain(&self) -> Option<&str> {
        match self {
            Self::Remove(machine) => machine.chain(),
            _ => None,
        }
    }

    /// URL of the order at a CA that it holds.
    pub fn order(&self) -> Option<&str> {
        match self {
            Self::Issue(machine) => machine.order(),
            _ => None,
        }
    }

    /// Whether all that others need of it is recorded, and what is left is to tidy up: nobody has to wait for that.
    pub fn has_delivered(&self) -> bool {
        matches!(self, Self::Issue(machine) if machine.has_delivered())
    }

    /// Attempts that failed so far.
    pub fn failed_attempts(&self) -> u32 {
        match self {
            Self::Issue(machine) => machine.pace.failed,
            Self::Deploy(machine) => machine.pace.failed,
            Self::Undeploy(machine) => machine.pace.failed,
            Self::Establish(machine) => machine.pace.failed,
            Self::Rewrap(machine) => machine.pace.failed,
            Self::Remove(machine) => machine.pace.failed,
            Self::Record(_) => 0,
        }
    }
}

/// What an error of the machine itself is: an outcome that does not fit the effect.
pub(super) fn misfit(effect: &Effect) -> Failure {
    Failure {
        class: super::ErrorClass::Bug,
        message: format!("{} came back with something else than it was asked for", effect.name()),
        remedy: Some("this is a fault of cap: please report it".to_owned()),
    }
}

/// The event of a failed attempt.
pub(super) fn attempt_failed(failure: &Failure, retry_at: Option<Timestamp>) -> EventBody {
    EventBody::AttemptFailed { class: failure.class, message: failure.message.clone(), retry_at }
}

/// The event of the record that the step wants, if it wants one.
pub(super) fn recorded(step: &Step) -> Option<EventBody> {
    step.after.as_ref().map(|draft| EventBody::Recorded { draft: Box::new(draft.clone()) })
}

/// Names of what the vault keeps for the one whose facts these are: private keys, and what goes with them.
pub fn keys_of(facts: &Facts) -> Vec<KeyId> {
    match facts {
        Facts::Account(account) => vec![account.key.clone()],
        Facts::Authority(authority) => authority.keys.iter().chain(&authority.notes).cloned().collect(),
        Facts::Certificate(certificate) => certificate.versions.iter().flat_map(CertificateVersion::kept).collect(),
        Facts::None | Facts::Deployment(_) => Vec::new(),
    }
}
