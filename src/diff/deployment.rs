//! Deployments: one certificate on one target slot.

use super::object::{change, note};
use super::{Change, Pass};
use crate::address::Address;
use crate::model::Resource;
use crate::plan::{Action, Reason, Work};
use crate::state::facts::{DeploymentFacts, Facts};
use crate::state::{Record, Recorded, Spec};

impl<'a> Pass<'a> {
    pub(super) fn deployment(
        &mut self,
        resource: &'a Resource,
        record: &'a Record,
        before: &'a Recorded,
    ) -> Option<Change<'a>> {
        let address = &resource.draft.address;
        let comparison = self.compare(resource, record, before);
        let facts = match &record.facts {
            Facts::Deployment(facts) => Some(facts),
            _ => None,
        };
        let moved = !comparison.paths.is_empty() && has_moved(resource, before);
        let mut reasons = Vec::new();
        note(&mut reasons, self.options.replace.contains(address), || Reason::Requested);
        let paths = comparison.paths;
        note(&mut reasons, !paths.is_empty(), || {
            if moved { Reason::CannotUpdate { paths } } else { Reason::Changed { paths } }
        });
        note(&mut reasons, facts.is_none() || record.trouble.is_some(), || Reason::Incomplete);
        note(&mut reasons, facts.is_some_and(|facts| self.is_behind(address, facts)), || Reason::NewVersion);
        reasons.extend(self.drifted.get(address).map(|found| Reason::Drifted { found: found.clone() }));
        if reasons.is_empty() {
            return None;
        }
        let action = if moved { Action::Replace } else { Action::Update };
        Some(change(record, before, action, reasons, comparison.after, Work::Deploy))
    }

    /// Whether the certificate gets, or has got, another version than the one that is installed.
    fn is_behind(&self, address: &Address, facts: &DeploymentFacts) -> bool {
        let Some(certificate) = self.certificate_of(address) else { return false };
        let current = match &certificate.facts {
            Facts::Certificate(versions) => versions.current(),
            _ => None,
        };
        self.issuing.contains(&certificate.address)
            || current
                .is_some_and(|current| current.number != facts.version || current.fingerprint != facts.fingerprint)
    }
}

/// Whether the configuration writes to other places than before.
fn has_moved(resource: &Resource, before: &Spec) -> bool {
    let Some(slots) = resource.slots else { return false };
    let places = |spec: &Spec| spec.get("config").and_then(|config| config.as_object().map(slots));
    places(before) != places(&resource.draft.spec)
}
