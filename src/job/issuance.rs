//! Issuing a certificate: key, order, challenges, validation, CSR, download, and the withdrawal of every challenge record
//! however it ends (RFC 8555 section 7.1.6). First issue and renewal alike.
//!
//! Once the certificate is recorded, nobody has to wait for the rest: see [`Issuance::has_delivered`]. An order is read
//! again before it is finalized again, so an answer that was lost costs no second certificate.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Fact, OrderState, Publication};
use super::machine::{Context, Next, attempt_failed, misfit, recorded};
use super::pace::Pace;
use super::retry::{self, Verdict};
use super::withdrawal::Withdrawal;
use super::{ErrorClass, Failure, removal, wanted};
use crate::address::Address;
use crate::digest::Digest;
use crate::plan::Reason;
use crate::state::EventBody;
use crate::state::facts::{CertificateFacts, CertificateVersion, Facts, KeyId};
use crate::state::fold::VERSIONS_KEPT;
use crate::time::{Duration, Timestamp};

/// How long servers may take to agree on a record.
const PROPAGATION: Duration = Duration::from_secs(15 * 60);
/// How long a CA may take over an order: some have people approve them.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// What is waited for once all challenges are answered.
const VALIDATES: &str = "the CA validates the names";
/// Orders that may vanish at the CA before the job is given up.
const ORDERS: u32 = 5;

/// Where issuing stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Issuance {
    phase: Phase,
    /// Attempts and waits.
    pub pace: Pace,
    /// The key made for it; absent for a CSR that was brought along.
    key: Option<KeyId>,
    spki: Option<Digest>,
    order: Option<String>,
    /// Whether the order names the version it replaces.
    replaces: bool,
    /// Orders that vanished.
    lost: u32,
    /// Whether the CSR has been sent: the CA may know the key.
    finalized: bool,
    /// Whether the CA has said that it took our CSR for this order.
    #[serde(default)]
    accepted: bool,
    /// Challenges of the order that are to be met.
    todo: Vec<Publication>,
    /// Withdrawing the records of challenges.
    withdrawal: Withdrawal,
    /// Keys to remove in the end.
    surplus: Vec<KeyId>,
    /// Removing them.
    patience: Pace,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Key,
    Order,
    Challenges,
    Present(usize),
    Look(usize),
    Respond(usize),
    Status,
    Finalize,
    Download,
    Cleanup,
}

/// What follows once every record is withdrawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Succeed,
    Again { at: Timestamp, why: String },
    Fail(Failure),
}

impl Issuance {
    /// Before the first effect.
    pub fn begin(context: &Context<'_>) -> Self {
        let spec = context.step.after.as_ref().map(|draft| &draft.spec);
        let brought = spec.is_some_and(|spec| wanted::text(spec, "csr").is_some());
        let left = facts_of(context).map(|facts| facts.left.clone()).unwrap_or_default();
        Self {
            phase: if brought { Phase::Order } else { Phase::Key },
            pace: Pace::default(),
            key: (!brought).then(|| KeyId(format!("certificate/{}", context.job))),
            spki: None,
            order: None,
            replaces: true,
            lost: 0,
            finalized: false,
            accepted: false,
            todo: Vec::new(),
            withdrawal: Withdrawal::of(left),
            surplus: Vec::new(),
            patience: Pace::default(),
            end: None,
        }
    }

    /// See [`super::Machine::resume`].
    pub fn resume(&mut self) {
        self.phase = match self.phase {
            Phase::Present(_) | Phase::Look(_) | Phase::Respond(_) => Phase::Challenges,
            Phase::Finalize | Phase::Download => Phase::Status,
            phase => phase,
        };
    }

    /// See [`super::Machine::absorb`].
    pub fn absorb(&mut self, event: &EventBody) {
        match event {
            EventBody::KeyMade { spki, .. } => {
                self.spki = Some(*spki);
                self.phase = self.phase_with_key();
            }
            EventBody::OrderPlaced { url } => {
                self.forget_order();
                self.order = Some(url.clone());
                self.phase = Phase::Challenges;
            }
            EventBody::Finalized => (self.finalized, self.accepted) = (true, true),
            EventBody::Issued { .. } => self.clean_up(End::Succeed),
            _ => {}
        }
    }

    /// See [`super::Machine::credentials`].
    pub fn credentials(&self) -> impl Iterator<Item = &Address> {
        self.withdrawal.credentials().chain(self.todo.iter().map(|publication| &publication.credential))
    }

    /// See [`super::Machine::has_left_traces`].
    pub fn has_left_traces(&self) -> bool {
        self.order.is_some() || !matches!(self.phase, Phase::Key | Phase::Order)
    }

    /// See [`super::Machine::order`].
    pub fn order(&self) -> Option<&str> {
        self.order.as_deref()
    }

    /// See [`super::Machine::has_delivered`].
    pub fn has_delivered(&self) -> bool {
        matches!(self.end, Some(End::Succeed))
    }

    /// See [`super::Machine::next`].
    pub fn next(&self, context: &Context<'_>) -> Next {
        if self.phase == Phase::Cleanup {
            return self.next_of_cleanup(context.now);
        }
        if let Some(wait) = Next::waiting(&self.pace, context.now) {
            return wait;
        }
        self.effect().map_or_else(|| Next::Failed(self.astray()), Next::effect)
    }

    fn effect(&self) -> Option<Effect> {
        let order = || self.order.clone();
        let todo = |at: usize| self.todo.get(at).cloned();
        Some(match self.phase {
            Phase::Key => Effect::EnsureKey(self.key.clone()?),
            Phase::Order => Effect::Order { replaces: self.replaces },
            Phase::Challenges => Effect::Challenges(order()?),
            Phase::Present(at) => Effect::Present(todo(at)?),
            Phase::Look(at) => Effect::Look(todo(at)?),
            Phase::Respond(at) => Effect::Respond(order()?, todo(at)?),
            Phase::Status => Effect::Status(order()?),
            Phase::Finalize => Effect::Finalize(order()?, self.key.clone()),
            Phase::Download => Effect::Download(order()?, self.spki),
            Phase::Cleanup => return None,
        })
    }

    fn astray(&self) -> Failure {
        Failure {
            class: ErrorClass::Bug,
            message: format!("issuing stands at {:?} without what that needs", self.phase),
            remedy: Some("this is a fault of cap: please report it".to_owned()),
        }
    }

    fn next_of_cleanup(&self, now: Timestamp) -> Next {
        if let Some(next) = self.withdrawal.next(now) {
            return next;
        }
        if let Some(wait) = Next::waiting(&self.patience, now) {
            return wait;
        }
        if let Some(key) = self.surplus.first() {
            return Next::effect(Effect::RemoveKey(key.clone()));
        }
        match &self.end {
            Some(End::Fail(failure)) => Next::Failed(self.withdrawal.explain(failure.clone())),
            Some(End::Succeed) => Next::Done,
            Some(End::Again { at, why }) => Next::Wait { until: *at, why: why.clone(), of_account: false },
            None => Next::Failed(self.astray()),
        }
    }

    /// See [`super::Machine::outcome`].
    pub fn outcome(&mut self, effect: &Effect, result: Result<Fact, Failure>, context: &Context<'_>) -> Vec<EventBody> {
        match (effect, result) {
            (Effect::Retract(publication), result) => {
                let events = self.withdrawal.attempted(publication, result.err(), context);
                self.finish_cleanup();
                events
            }
            (Effect::RemoveKey(_), result) => {
                removal::drop_first(&mut self.surplus, &mut self.patience, result.err(), context)
            }
            (effect, Ok(fact)) => self.succeeded(effect, fact, context),
            (effect, Err(failure)) => self.failed(effect, failure, context),
        }
    }

    fn succeeded(&mut self, effect: &Effect, fact: Fact, context: &Context<'_>) -> Vec<EventBody> {
        match (effect, fact) {
            (Effect::EnsureKey(key), Fact::Key(spki)) => {
                self.spki = Some(spki);
                self.go(self.phase_with_key());
                vec![EventBody::KeyMade { key: key.clone(), spki }]
            }
            (Effect::Order { .. }, Fact::Order(url)) => {
                self.forget_order();
                self.order = Some(url.clone());
                self.go(Phase::Challenges);
                vec![EventBody::OrderPlaced { url }]
            }
            (Effect::Challenges(_), Fact::Challenges(list)) => {
                self.heard_challenges(list);
                Vec::new()
            }
            (Effect::Present(publication), Fact::Done) => {
                self.step_on(Phase::Present, Phase::Look);
                vec![EventBody::ChallengePresented { name: publication.name.clone() }]
            }
            (Effect::Look(_), Fact::MissingAt(servers)) if servers.is_empty() => {
                self.step_on(Phase::Look, Phase::Respond);
                Vec::new()
            }
            (Effect::Look(publication), fact @ Fact::MissingAt(_)) => self.not_seen(publication, &fact, context),
            (Effect::Respond(_, publication), Fact::Done) => {
                self.step_on(Phase::Respond, |_| Phase::Status);
                if self.phase == Phase::Status {
                    // It has only just been asked to: a poll without a wait would find it at work.
                    self.pace.poll(context.now, None, PATIENCE, VALIDATES);
                }
                vec![EventBody::ChallengeAnswered { identifier: publication.identifier.clone() }]
            }
            (Effect::Status(_), Fact::Status(state)) => self.heard_status(state, context),
            (Effect::Finalize(..), Fact::Done) => {
                self.finalized = true;
                self.accepted = true;
                self.go(Phase::Status);
                vec![EventBody::Finalized]
            }
            (Effect::Download(..), Fact::Certificate(version)) => self.issued(*version, context),
            (Effect::Download(..), Fact::OtherKey) => self.taken(context.now),
            (effect, _) => self.failed(effect, misfit(effect), context),
        }
    }

    /// What was sent for an order, and what the CA said of it, ends with the order.
    fn forget_order(&mut self) {
        self.order = None;
        self.finalized = false;
        self.accepted = false;
    }

    /// What follows once there is a key: the order that it was lost in goes on.
    fn phase_with_key(&self) -> Phase {
        if self.order.is_some() { Phase::Status } else { Phase::Order }
    }

    fn go(&mut self, phase: Phase) {
        self.pace.moved();
        self.phase = phase;
    }

    /// The next challenge that has not been answered, in this phase; in the `next` phase when there is none.
    fn step_on(&mut self, same: fn(usize) -> Phase, next: impl Fn(usize) -> Phase) {
        let at = match self.phase {
            Phase::Present(at) | Phase::Look(at) | Phase::Respond(at) => at + 1,
            _ => 0,
        };
        let open = |from: usize| (from..self.todo.len()).find(|at| !self.todo[*at].answered);
        let phase = match (open(at), open(0)) {
            (Some(at), _) => same(at),
            (None, Some(first)) => next(first),
            (None, None) => Phase::Status,
        };
        self.go(phase);
    }

    fn heard_challenges(&mut self, list: Vec<Publication>) {
        self.withdrawal.note(&list);
        self.todo = list;
        self.step_on(Phase::Present, |_| Phase::Status);
    }

    fn not_seen(&mut self, publication: &Publication, fact: &Fact, context: &Context<'_>) -> Vec<EventBody> {
        let why = format!("{} is {}", publication.name, fact.words());
        if self.pace.poll(context.now, None, PROPAGATION, why.clone()) {
            return Vec::new();
        }
        let failure = Failure {
            class: ErrorClass::Transient,
            message: format!("{why}, {PROPAGATION} after it was published"),
            remedy: Some(
                "check that these servers get the zone's changes, or drop them from its NS records".to_owned(),
            ),
        };
        self.give_up(failure)
    }

    fn heard_status(&mut self, state: OrderState, context: &Context<'_>) -> Vec<EventBody> {
        match state {
            OrderState::Ready if self.accepted => return self.not_taken(context),
            OrderState::Ready => self.go(Phase::Finalize),
            OrderState::Valid => self.go(Phase::Download),
            OrderState::Pending { after } => return self.poll(after, VALIDATES, context),
            OrderState::Processing { after } => {
                self.finalized = true;
                return self.poll(after, "the CA issues the certificate", context);
            }
            OrderState::Invalid(words) => return self.refused(words, context),
        }
        Vec::new()
    }

    /// The CA has said that it took the request, and says now that it waits for one: it is sent again, and not for ever.
    fn not_taken(&mut self, context: &Context<'_>) -> Vec<EventBody> {
        let failure = Failure {
            class: ErrorClass::Conflict,
            message: "the CA took the request for the certificate, and the order waits for it still".to_owned(),
            remedy: Some("report it to the CA; or apply again later".to_owned()),
        };
        match self.pace.fail_on(&retry::CONFLICT, &failure, context.now, context.jitter) {
            Verdict::GiveUp => self.give_up_counted(failure),
            Verdict::Again(at) | Verdict::Parked(at) => {
                self.phase = Phase::Finalize;
                vec![attempt_failed(&failure, Some(at))]
            }
        }
    }

    fn poll(&mut self, least: Option<Duration>, why: &str, context: &Context<'_>) -> Vec<EventBody> {
        if self.pace.poll(context.now, least, PATIENCE, why) {
            return Vec::new();
        }
        let message = format!("the order has not come to an end within {PATIENCE}");
        self.give_up(Failure { class: ErrorClass::Transient, message, remedy: None })
    }

    /// The CA has called the order invalid: its challenges are void, and another order takes its own.
    fn refused(&mut self, words: String, context: &Context<'_>) -> Vec<EventBody> {
        let failure = Failure {
            class: ErrorClass::Rejected,
            message: format!("the CA refused the order: {words}"),
            remedy: Some("check the zone's delegation and its CAA records, then apply again".to_owned()),
        };
        self.forget_order();
        let verdict = self.pace.fail_on(&retry::VALIDATION, &failure, context.now, context.jitter);
        self.after_verdict(verdict, failure)
    }

    fn after_verdict(&mut self, verdict: Verdict, failure: Failure) -> Vec<EventBody> {
        match verdict {
            Verdict::GiveUp => self.give_up_counted(failure),
            Verdict::Again(at) | Verdict::Parked(at) => {
                let event = attempt_failed(&failure, Some(at));
                self.clean_up(End::Again { at, why: failure.message });
                vec![event]
            }
        }
    }

    fn issued(&mut self, version: CertificateVersion, context: &Context<'_>) -> Vec<EventBody> {
        let versions = facts_of(context).map(|facts| facts.versions.as_slice()).unwrap_or_default();
        let number = versions.last().map_or(0, |last| last.number) + 1;
        let dropped = versions.len().saturating_sub(VERSIONS_KEPT - 1);
        self.surplus.extend(versions[..dropped].iter().flat_map(CertificateVersion::kept));
        let version = CertificateVersion { number, key: self.key.clone(), ..version };
        let issued = EventBody::Issued { version: Box::new(version), reason: reason(context) };
        self.clean_up(End::Succeed);
        recorded(context.step).into_iter().chain([issued]).collect()
    }

    fn failed(&mut self, effect: &Effect, failure: Failure, context: &Context<'_>) -> Vec<EventBody> {
        let of_order = matches!(
            effect,
            Effect::Challenges(_)
                | Effect::Respond(..)
                | Effect::Status(_)
                | Effect::Finalize(..)
                | Effect::Download(..)
        );
        // What we miss ourselves is `Absent`: this is the CA's own word.
        if of_order && failure.class == ErrorClass::NotFound {
            return self.lost_order(failure, context.now);
        }
        if matches!(effect, Effect::Order { replaces: true }) && failure.class == ErrorClass::Conflict {
            // Somebody was faster in replacing that version (RFC 9773 section 5): order without naming it.
            self.replaces = false;
            return Vec::new();
        }
        if matches!(effect, Effect::Finalize(_, Some(_))) && failure.class == ErrorClass::Absent {
            return self.lost_key(failure, context);
        }
        if matches!(effect, Effect::Respond(..)) {
            // Whether the CA has heard it is not known, and a CA may take no second answer: the challenges are read again.
            self.phase = Phase::Challenges;
        }
        if matches!(effect, Effect::Finalize(..)) {
            // Whether the CA took it is not known: it may know the key now, and the order is read before it is sent again.
            self.finalized = true;
            self.phase = Phase::Status;
        }
        match self.pace.fail(&failure, context.now, context.jitter) {
            Verdict::GiveUp => self.give_up_counted(failure),
            Verdict::Parked(_) => Vec::new(),
            Verdict::Again(at) => vec![attempt_failed(&failure, Some(at))],
        }
    }

    /// The order is gone: the CA does not know it any more, or somebody else has it. Another one takes its place, and that is
    /// nobody's failure.
    fn lost_order(&mut self, failure: Failure, now: Timestamp) -> Vec<EventBody> {
        self.forget_order();
        self.lost += 1;
        if self.lost > ORDERS {
            return self.give_up(failure);
        }
        self.clean_up(End::Again { at: now, why: "the order is gone".to_owned() });
        Vec::new()
    }

    /// The CA had handed the order out to somebody else as well, who was faster: it is theirs. A CA that took our request
    /// and answers it with another key's certificate is not asked for another one.
    fn taken(&mut self, now: Timestamp) -> Vec<EventBody> {
        let failure = Failure {
            class: ErrorClass::Rejected,
            message: "the CA returned a certificate for another key than the one it was asked for with".to_owned(),
            remedy: Some("report it to the CA; nothing was stored or deployed".to_owned()),
        };
        if self.accepted { self.give_up(failure) } else { self.lost_order(failure, now) }
    }

    /// Nothing was sent: the key to sign the request with may be what is missing, and is made anew. Where something else
    /// is, that is missed again soon.
    fn lost_key(&mut self, failure: Failure, context: &Context<'_>) -> Vec<EventBody> {
        self.phase = Phase::Key;
        match self.pace.fail_on(&retry::CONFLICT, &failure, context.now, context.jitter) {
            Verdict::Again(at) | Verdict::Parked(at) => vec![attempt_failed(&failure, Some(at))],
            Verdict::GiveUp => self.give_up_counted(failure),
        }
    }

    fn give_up(&mut self, failure: Failure) -> Vec<EventBody> {
        self.pace.failed += 1;
        self.give_up_counted(failure)
    }

    fn give_up_counted(&mut self, failure: Failure) -> Vec<EventBody> {
        if !self.finalized {
            self.surplus.extend(self.key.take());
        }
        let event = attempt_failed(&failure, None);
        self.clean_up(End::Fail(failure));
        vec![event]
    }

    fn clean_up(&mut self, end: End) {
        self.end = Some(end);
        self.phase = Phase::Cleanup;
        self.todo.clear();
        self.patience = Pace::default();
        self.withdrawal.begin();
        self.finish_cleanup();
    }

    fn finish_cleanup(&mut self) {
        // What cannot be withdrawn now stays on the list, and does not hold up the next order.
        let may_go_on = self.withdrawal.is_done() || self.withdrawal.is_put_off();
        if !may_go_on || !matches!(self.end, Some(End::Again { .. })) {
            return;
        }
        if let Some(End::Again { at, why }) = self.end.take() {
            self.go(Phase::Order);
            self.pace.wait(at, why);
        }
    }
}

/// What is known of the certificate.
fn facts_of<'a>(context: &Context<'a>) -> Option<&'a CertificateFacts> {
    match &context.record?.facts {
        Facts::Certificate(facts) => Some(facts),
        _ => None,
    }
}

/// Why it is issued, for the timeline.
fn reason(context: &Context<'_>) -> String {
    match context.step.reasons.first() {
        Some(Reason::NotInState) => "first issue".to_owned(),
        Some(Reason::RenewalDue { suggested: true, .. }) => "renewal suggested by the CA".to_owned(),
        Some(Reason::RenewalDue { .. }) => "renewal due".to_owned(),
        Some(Reason::Changed { paths } | Reason::CannotUpdate { paths }) => format!("changed: {}", paths.join(", ")),
        Some(Reason::SecretChanged { paths }) => format!("secret changed: {}", paths.join(", ")),
        Some(Reason::Incomplete) => "an earlier attempt did not come to its end".to_owned(),
        Some(Reason::Requested) => "requested".to_owned(),
        Some(Reason::IssuerReplaced { address }) => format!("{address} was replaced"),
        Some(Reason::DependencyReplaced { address }) => format!("{address} is replaced"),
        Some(Reason::Drifted { found }) => format!("drift: {found}"),
        Some(
            Reason::NewVersion
            | Reason::KeyRaised { .. }
            | Reason::Moved { .. }
            | Reason::NotInConfiguration { .. }
            | Reason::Destroy,
        )
        | None => "planned".to_owned(),
    }
}

#[cfg(test)]
mod tests;
