//! Folding events into records: the only code that changes one (law 4). Folding an event again changes nothing.

use super::event::{Event, EventBody};
use super::facts::{CertificateFacts, Facts};
use super::record::{Draft, Record};
use crate::address::Address;
use crate::job::JobId;

/// Versions of a certificate that a record keeps: the current one and the one before, for rollback.
pub const VERSIONS_KEPT: usize = 2;

/// The record after the event; `None` when it is removed. For a move the record comes from the old address. Revision and
/// claim belong to whoever writes the record, and are left alone.
#[must_use]
pub fn fold(record: Option<Record>, event: &Event) -> Option<Record> {
    if record.as_ref().is_some_and(|record| has_seen(record, event)) {
        return record;
    }
    // A key goes after the record that it belonged to.
    if matches!(event.body, EventBody::Removed { .. })
        || record.is_none() && matches!(event.body, EventBody::KeyRemoved { .. })
    {
        return None;
    }
    let mut record = record.unwrap_or_else(|| Record::new(event.address.clone()));
    if record.chain.is_none() && matches!(record.address.kind(), "certificate" | "deployment") {
        record.chain = Some(first_chain(&record.address, &event.job));
    }
    apply(&mut record, event);
    record.last = Some((event.job.clone(), event.number));
    Some(record)
}

/// Name of the chain that a record without one gets with an event of this job.
pub fn first_chain(address: &Address, job: &JobId) -> String {
    // The job's name makes it differ from the chain of whatever had this address before.
    format!("{address}#{job}")
}

fn has_seen(record: &Record, event: &Event) -> bool {
    record.last.as_ref().is_some_and(|(job, number)| *job == event.job && *number >= event.number)
}

fn apply(record: &mut Record, event: &Event) {
    match &event.body {
        EventBody::Recorded { draft } => record_draft(record, draft, event),
        EventBody::Moved { .. } => record.address = event.address.clone(),
        EventBody::Registered { account } => record.facts = Facts::Account(account.clone()),
        EventBody::Established { authority } => record.facts = Facts::Authority(authority.clone()),
        EventBody::Issued { version, .. } => {
            with_certificate(record, |facts| {
                facts.versions.push((**version).clone());
                let surplus = facts.versions.len().saturating_sub(VERSIONS_KEPT);
                facts.versions.drain(..surplus);
                // The window was the CA's word on the version before.
                facts.window = None;
            });
        }
        EventBody::WindowHeard { window } => with_certificate(record, |facts| facts.window = Some(*window)),
        EventBody::Installed { deployment } => record.facts = Facts::Deployment(deployment.clone()),
        EventBody::Verified { .. } => {
            if let Facts::Deployment(facts) = &mut record.facts {
                facts.verified_at = Some(event.at);
            }
        }
        EventBody::RolledBack { because, .. } => record.trouble = Some(because.clone()),
        EventBody::Undeployed => record.facts = Facts::None,
        EventBody::AttemptFailed { message, .. } => record.trouble = Some(message.clone()),
        EventBody::ChallengeLeft { publication, .. } => with_certificate(record, |facts| {
            if !facts.left.iter().any(|one| one.is_record_of(&publication.name, &publication.value)) {
                facts.left.push((**publication).clone());
            }
        }),
        EventBody::ChallengeRetracted { name, value } => {
            if let Facts::Certificate(facts) = &mut record.facts {
                facts.left.retain(|one| !one.is_record_of(name, value));
            }
        }
        EventBody::KeyMade { .. }
        | EventBody::KeyRemoved { .. }
        | EventBody::Rewrapped { .. }
        | EventBody::OrderPlaced { .. }
        | EventBody::ChallengePresented { .. }
        | EventBody::ChallengeAnswered { .. }
        | EventBody::Finalized
        | EventBody::Removed { .. } => {}
    }
}

fn record_draft(record: &mut Record, draft: &Draft, _event: &Event) {
    record.spec = Some(draft.spec.clone().into());
    record.secrets = draft.secrets.clone();
    record.protected = draft.protected;
    record.forget = draft.forget;
    record.depends_on = draft.depends_on.clone();
    record.origin = draft.origin.clone();
    record.trouble = None;
}

/// Changes the certificate's facts, made when there are none yet.
fn with_certificate(record: &mut Record, change: impl FnOnce(&mut CertificateFacts)) {
    let mut facts = match std::mem::take(&mut record.facts) {
        Facts::Certificate(facts) => facts,
        _ => CertificateFacts::default(),
    };
    change(&mut facts);
    record.facts = Facts::Certificate(facts);
}
