//! Putting a certificate on a target, and taking it off again. What was there before is noted before anything is touched;
//! when the new version is not served in the end, that is put back, looked at again, and said so.

use serde::{Deserialize, Serialize};

use super::effect::{Before, Effect, Fact};
use super::machine::{Context, Next, attempt_failed, misfit, recorded};
use super::pace::Pace;
use super::retry::{self, Verdict};
use super::{ErrorClass, Failure, wanted};
use crate::digest::Digest;
use crate::plan::Step;
use crate::state::EventBody;
use crate::state::facts::{DeploymentFacts, Facts};
use crate::state::record::Spec;
use crate::time::{Duration, Timestamp};

/// How long a service may take to serve what it was told to take up.
const TAKE_UP: Duration = Duration::from_secs(10);

/// Where a deployment stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    phase: Phase,
    /// Attempts and waits.
    pub pace: Pace,
    /// What the slot held before; kept over a crash, for a second look would see our own work.
    before: Option<Before>,
    installed: Option<Installed>,
    /// The configuration it had before, when that may be another place, and one that is to be cleared.
    old: Option<Box<Spec>>,
    /// SHA-256 of the leaf it had installed before: nothing else is removed from that place.
    #[serde(default)]
    old_leaf: Option<Digest>,
    /// What failed, while it is undone.
    trouble: Option<Failure>,
    /// The command that failed once more when the previous version was in place again.
    #[serde(default)]
    refused: Option<Failure>,
    /// Putting back has its own patience.
    undoing: Pace,
    failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Installed {
    version: u32,
    fingerprint: Digest,
    slot: String,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    #[default]
    Previous,
    Install,
    Verify,
    Restore,
    VerifyRestored,
    ClearOld,
    Done,
}

impl Deployment {
    /// Before the first effect.
    pub fn begin(context: &Context<'_>) -> Self {
        let step = context.step;
        let new = step.after.as_ref().and_then(|draft| wanted::config(&draft.spec));
        let old = previous_config(step).filter(|old| Some(&**old) != new && !step.keeps_old);
        let old_leaf = context.record.and_then(|record| match &record.facts {
            Facts::Deployment(facts) => Some(facts.fingerprint),
            _ => None,
        });
        Self { old, old_leaf, ..Self::default() }
    }

    /// See [`super::Machine::has_left_traces`]. What was rolled back has left none.
    pub fn has_left_traces(&self) -> bool {
        self.phase != Phase::Previous
    }

    /// See [`super::Machine::next`].
    pub fn next(&self, context: &Context<'_>) -> Next {
        if let Some(failure) = &self.failure {
            return Next::Failed(failure.clone());
        }
        let pace = if self.is_undoing() { &self.undoing } else { &self.pace };
        if let Some(wait) = Next::waiting(pace, context.now) {
            return wait;
        }
        match (self.phase, &self.before, &self.old) {
            (Phase::Previous, ..) => Next::effect(Effect::Previous),
            (Phase::Install, ..) => Next::effect(Effect::Install),
            (Phase::Verify, ..) => Next::effect(Effect::Verify),
            (Phase::VerifyRestored, ..) => {
                Next::effect(previous_config(context.step).map_or(Effect::Verify, Effect::VerifyPrevious))
            }
            (Phase::Restore, Some(before), _) => Next::effect(Effect::Restore(before.clone())),
            (Phase::ClearOld, _, Some(old)) => Next::effect(Effect::ClearOld(old.clone(), self.old_leaf)),
            (Phase::Restore, None, _) => Next::Failed(misfit(&Effect::Previous)),
            (Phase::ClearOld, _, None) | (Phase::Done, ..) => Next::Done,
        }
    }

    fn is_undoing(&self) -> bool {
        matches!(self.phase, Phase::Restore | Phase::VerifyRestored)
    }

    /// See [`super::Machine::outcome`].
    pub fn outcome(&mut self, effect: &Effect, result: Result<Fact, Failure>, context: &Context<'_>) -> Vec<EventBody> {
        match (self.phase, result) {
            (Phase::Previous, Ok(Fact::Before(before))) => {
                self.before = Some(before);
                self.go(Phase::Install)
            }
            (Phase::Install, Ok(Fact::Installed { version, fingerprint, slot })) => {
                self.installed = Some(Installed { version, fingerprint, slot, at: context.now });
                self.go(Phase::Verify);
                self.pace.poll_since(context.now);
                Vec::new()
            }
            (Phase::Verify, Ok(Fact::Served(leaves))) => self.served(leaves, context),
            (Phase::Restore, Ok(Fact::Restored(refused))) => self.restored(refused, context),
            (Phase::VerifyRestored, Ok(Fact::Served(leaves))) => self.served_again(leaves, context),
            (Phase::ClearOld, Ok(Fact::Done | Fact::LeftAlone)) => {
                self.go(Phase::Done);
                recorded(context.step).into_iter().collect()
            }
            (phase, Err(failure)) => self.failed(phase, failure, context),
            (phase, Ok(_)) => self.failed(phase, misfit(effect), context),
        }
    }

    fn go(&mut self, phase: Phase) -> Vec<EventBody> {
        self.pace.moved();
        self.phase = phase;
        Vec::new()
    }

    fn served(&mut self, leaves: Option<Vec<(String, Digest)>>, context: &Context<'_>) -> Vec<EventBody> {
        let Some(installed) = self.installed.clone() else {
            return self.failed(Phase::Verify, misfit(&Effect::Verify), context);
        };
        let Some(leaves) = leaves else { return self.deployed(&installed, false, context) };
        let others = not_serving(&leaves, installed.fingerprint);
        if others.is_empty() {
            return self.deployed(&installed, true, context);
        }
        let why = format!("the new certificate is not served: {}", others.join(", "));
        if self.pace.poll(context.now, None, TAKE_UP, why.clone()) {
            return Vec::new();
        }
        let remedy = "check that the reload command makes the service read the files that were written";
        self.undo(Failure { class: ErrorClass::Rejected, message: why, remedy: Some(remedy.to_owned()) }, context)
    }

    fn deployed(&mut self, installed: &Installed, seen: bool, context: &Context<'_>) -> Vec<EventBody> {
        let deployment = DeploymentFacts {
            version: installed.version,
            fingerprint: installed.fingerprint,
            slot: installed.slot.clone(),
            installed_at: installed.at,
            verified_at: None,
        };
        let verified = EventBody::Verified { fingerprint: installed.fingerprint };
        self.go(if self.old.is_some() { Phase::ClearOld } else { Phase::Done });
        // Until the old place is cleared the record goes on naming it, so that a later plan comes back to it.
        let recorded = recorded(context.step).filter(|_| self.old.is_none());
        let events = recorded.into_iter().chain([EventBody::Installed { deployment }]);
        events.chain(seen.then_some(verified)).collect()
    }

    /// The new version is not in service: back to what was there.
    fn undo(&mut self, failure: Failure, _context: &Context<'_>) -> Vec<EventBody> {
        self.trouble = Some(failure);
        self.undoing = Pace::default();
        self.go(Phase::Restore)
    }

    fn restored(&mut self, refused: Option<Failure>, context: &Context<'_>) -> Vec<EventBody> {
        if let Some(failure) = refused.as_ref().filter(|failure| failure.class == ErrorClass::Transient)
            && self.undoing.fail(failure, context.now, context.jitter) != Verdict::GiveUp
        {
            return Vec::new();
        }
        self.undoing.moved();
        self.undoing.poll_since(context.now);
        self.refused = refused;
        // Where nothing was before, or nothing of ours, nobody has ever said what is to be served.
        if self.had_nothing() || previous_config(context.step).is_none() {
            return self.rolled_back(context);
        }
        self.go(Phase::VerifyRestored)
    }

    fn had_nothing(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.fingerprint.is_none())
    }

    /// How things stand once more, for people.
    fn state_again(&self) -> String {
        match &self.refused {
            _ if self.had_nothing() => {
                "what was written has been removed, for nothing had been there before".to_owned()
            }
            None => "the previous version is in place again".to_owned(),
            Some(again) => format!("the previous version is in place again, but {}, again", again.message),
        }
    }

    fn served_again(&mut self, leaves: Option<Vec<(String, Digest)>>, context: &Context<'_>) -> Vec<EventBody> {
        let before = self.before.as_ref().and_then(|before| before.fingerprint);
        let (Some(leaves), Some(fingerprint)) = (leaves, before) else { return self.rolled_back(context) };
        let others = not_serving(&leaves, fingerprint);
        if others.is_empty() {
            return self.rolled_back(context);
        }
        let why = format!("the previous certificate is not served again: {}", others.join(", "));
        if self.undoing.poll(context.now, None, TAKE_UP, why.clone()) {
            return Vec::new();
        }
        self.broken(&Failure { class: ErrorClass::Rejected, message: why, remedy: None })
    }

    fn rolled_back(&mut self, context: &Context<'_>) -> Vec<EventBody> {
        let Some(trouble) = self.trouble.take() else {
            return self.broken(&misfit(&Effect::Verify));
        };
        let fingerprint = self.before.as_ref().and_then(|before| before.fingerprint);
        let verdict = match trouble.class {
            ErrorClass::Transient => self.pace.fail_on(&retry::INSTALL, &trouble, context.now, context.jitter),
            _ => self.pace.fail(&trouble, context.now, context.jitter),
        };
        let wait = self.pace.clone();
        self.go(Phase::Previous);
        self.pace = wait;
        let (Verdict::Again(at) | Verdict::Parked(at)) = verdict else {
            let message = format!("{}; {}", trouble.message, self.state_again());
            let failure = Failure { message, ..trouble.clone() };
            let failed = attempt_failed(&failure, None);
            self.failure = Some(failure);
            return vec![EventBody::RolledBack { fingerprint, because: trouble.message }, failed];
        };
        let failed = attempt_failed(&trouble, Some(at));
        vec![EventBody::RolledBack { fingerprint, because: trouble.message }, failed]
    }

    /// Neither the new version nor the previous one: people have to look, and nothing is tried again by itself.
    fn broken(&mut self, second: &Failure) -> Vec<EventBody> {
        let first = self.trouble.take().map(|trouble| trouble.message).unwrap_or_default();
        let failure = Failure {
            class: second.class,
            message: format!("BROKEN: {first}; and the previous version could not be put back: {}", second.message),
            remedy: Some("look at the target now: what it serves is not known; then apply again".to_owned()),
        };
        let event = attempt_failed(&failure, None);
        self.failure = Some(failure);
        vec![event]
    }

    fn failed(&mut self, phase: Phase, failure: Failure, context: &Context<'_>) -> Vec<EventBody> {
        match phase {
            // Nothing was touched yet, or the new version is in service already.
            Phase::Previous | Phase::ClearOld | Phase::Done => self.failed_harmlessly(failure, context),
            Phase::Install => self.undo(failure, context),
            Phase::Verify => self.unseen(failure, context),
            Phase::Restore => self.not_undone(&failure, context),
            Phase::VerifyRestored => self.unseen_again(&failure, context),
        }
    }

    /// The endpoint did not answer: it may be starting.
    fn unseen(&mut self, failure: Failure, context: &Context<'_>) -> Vec<EventBody> {
        let passes = matches!(failure.class, ErrorClass::Transient);
        if passes && self.pace.poll(context.now, None, TAKE_UP, failure.message.clone()) {
            return Vec::new();
        }
        self.undo(failure, context)
    }

    fn unseen_again(&mut self, failure: &Failure, context: &Context<'_>) -> Vec<EventBody> {
        let passes = matches!(failure.class, ErrorClass::Transient);
        if passes && self.undoing.poll(context.now, None, TAKE_UP, failure.message.clone()) {
            return Vec::new();
        }
        self.broken(failure)
    }

    fn not_undone(&mut self, failure: &Failure, context: &Context<'_>) -> Vec<EventBody> {
        match self.undoing.fail_on(&retry::TRANSIENT, failure, context.now, context.jitter) {
            Verdict::GiveUp => self.broken(failure),
            _ if failure.class == ErrorClass::Bug || failure.class == ErrorClass::Rejected => self.broken(failure),
            _ => Vec::new(),
        }
    }

    fn failed_harmlessly(&mut self, failure: Failure, context: &Context<'_>) -> Vec<EventBody> {
        match self.pace.fail(&failure, context.now, context.jitter) {
            Verdict::Parked(_) => Vec::new(),
            // The new version is in service already: clearing the old place again is not its trouble.
            Verdict::Again(_) if self.phase == Phase::ClearOld => Vec::new(),
            Verdict::Again(at) => vec![attempt_failed(&failure, Some(at))],
            Verdict::GiveUp => {
                let event = attempt_failed(&failure, None);
                self.failure = Some(failure);
                vec![event]
            }
        }
    }
}

/// The configuration that the deployment had before.
fn previous_config(step: &Step) -> Option<Box<Spec>> {
    step.before.as_ref().and_then(wanted::config).cloned().map(Box::new)
}

/// The addresses at which another leaf is served, each with that leaf.
fn not_serving(leaves: &[(String, Digest)], fingerprint: Digest) -> Vec<String> {
    let others = leaves.iter().filter(|(_, leaf)| *leaf != fingerprint);
    others.map(|(address, leaf)| format!("{address} serves {}", leaf.short())).collect()
}

/// Where taking a deployment off stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Undeployment {
    /// Attempts and waits.
    pub pace: Pace,
    done: bool,
    failure: Option<Failure>,
}

impl Undeployment {
    /// See [`super::Machine::next`].
    pub fn next(&self, context: &Context<'_>) -> Next {
        if self.done {
            return Next::Done;
        }
        if let Some(failure) = &self.failure {
            return Next::Failed(failure.clone());
        }
        Next::waiting(&self.pace, context.now).unwrap_or_else(|| Next::effect(Effect::Remove))
    }

    /// See [`super::Machine::outcome`].
    pub fn outcome(&mut self, result: Result<Fact, Failure>, context: &Context<'_>) -> Vec<EventBody> {
        let Err(failure) = result else {
            self.done = true;
            return vec![EventBody::Undeployed, EventBody::Removed { forgotten: false }];
        };
        self.pace.judge(failure, context, &mut self.failure)
    }
}
