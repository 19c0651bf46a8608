//! What refresh found in slots, held against what was put there.

use super::Pass;
use super::object::idle;
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::codes::plan;
use crate::observed::SlotContent;
use crate::plan::Drift;
use crate::state::facts::{DeploymentFacts, Facts};

impl<'a> Pass<'a> {
    /// Notes every deployment whose slot holds something else. A slot that could not be read is reported as such. Of one
    /// that a job works on nothing can be said: the job puts there what is found.
    pub(super) fn look_for_drift(&mut self) -> Vec<Drift> {
        let mut drift = Vec::new();
        let observed = self.observed;
        for (address, content) in &observed.slots {
            if !self.in_scope(address) {
                continue;
            }
            let Some(record) = self.state.records.get(address) else { continue };
            let Facts::Deployment(facts) = &record.facts else { continue };
            if record.claim.is_some() {
                self.list.extend(self.options.refresh_only.then(|| idle(record, None)));
                continue;
            }
            if let SlotContent::Unreadable { why } = content {
                self.faults.push(unreadable(address, why));
            }
            if let Some(found) = difference(facts, content) {
                drift.push(Drift { address: address.clone(), expected: expected(facts), found: found.clone() });
                self.drifted.insert(address, found);
            }
        }
        drift
    }
}

/// What is wrong with a slot, for people.
fn difference(facts: &DeploymentFacts, content: &SlotContent) -> Option<String> {
    match content {
        SlotContent::Unreadable { .. } => None,
        SlotContent::Absent => Some("nothing".to_owned()),
        SlotContent::Present { fingerprint, .. } if *fingerprint != facts.fingerprint => {
            Some(format!("another certificate (sha256 {}…)", fingerprint.short()))
        }
        SlotContent::Present { fault, .. } => fault.clone(),
    }
}

fn expected(facts: &DeploymentFacts) -> String {
    format!("version {} (sha256 {}…)", facts.version, facts.fingerprint.short())
}

fn unreadable(address: &Address, why: &str) -> Diagnostic {
    let detail = format!("What {address} holds could not be read: {why}. It is taken for unchanged.");
    Diagnostic::warning(&plan::UNREADABLE_SLOT, detail).about(address)
}
