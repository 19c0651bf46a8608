//! Certificates: a change of what they are issued from, or a renewal, makes a new version; nothing is ever replaced.

use serde_json::Value as Json;

use super::object::{change, note};
use super::{Change, Pass};
use crate::address::Address;
use crate::job::wanted;
use crate::model::Resource;
use crate::model::certificate::ISSUED_FROM;
use crate::plan::{Action, Reason, Work};
use crate::renewal::{self, Settings};
use crate::state::facts::{CertificateFacts, Facts};
use crate::state::{Record, Recorded, Spec};

impl<'a> Pass<'a> {
    pub(super) fn certificate(
        &mut self,
        resource: &'a Resource,
        record: &'a Record,
        before: &'a Recorded,
    ) -> Option<Change<'a>> {
        let comparison = self.compare(resource, record, before);
        let reissued = comparison.paths.iter().any(|path| issues_again(path, before, &comparison.after.spec));
        let facts = match &record.facts {
            Facts::Certificate(facts) if facts.current().is_some() => Some(facts),
            _ => None,
        };
        let mut why = Vec::new();
        note(&mut why, self.options.replace.contains(&resource.draft.address), || Reason::Requested);
        // An issuer that is left alone by `ignore_changes` is another one than the block depends on.
        let issuer = wanted::reference(&comparison.after.spec, "issuer");
        let replaced = resource.draft.depends_on.iter().chain(&issuer).find(|needed| self.replaced.contains(needed));
        why.extend(replaced.map(|address| Reason::DependencyReplaced { address: address.clone() }));
        if replaced.is_none() {
            why.extend(facts.zip(issuer.as_ref()).and_then(|(facts, issuer)| self.other_issuer(issuer, facts)));
        }
        note(&mut why, facts.is_none() || record.trouble.is_some(), || Reason::Incomplete);
        why.extend(facts.and_then(|facts| self.renewal(resource, &comparison.after.spec, facts)));
        let issues = reissued || !why.is_empty();
        if !issues && comparison.is_empty() {
            return None;
        }
        let same = comparison.is_empty() && facts.is_some();
        let mut reasons = Vec::new();
        note(&mut reasons, !comparison.paths.is_empty(), || Reason::Changed { paths: comparison.paths });
        note(&mut reasons, !comparison.secrets.is_empty(), || Reason::SecretChanged { paths: comparison.secrets });
        reasons.extend(why);
        let action = if same { Action::Renew } else { Action::Update };
        let work = if issues { Work::Issue } else { Work::Record };
        Some(change(record, before, action, reasons, comparison.after, work))
    }

    /// The issuer, if it is another one by now than issued the version in force: it was made anew while the certificate was
    /// out of a plan's reach, or in a plan that failed halfway. What is not known of either is taken for the same.
    fn other_issuer(&self, issuer: &Address, facts: &CertificateFacts) -> Option<Reason> {
        let issued_by = facts.current()?.issuer_id.as_ref()?;
        let is_other = self.issuers.get(issuer).is_some_and(|now| now != issued_by);
        is_other.then(|| Reason::IssuerReplaced { address: issuer.clone() })
    }

    /// The renewal, if it is due.
    fn renewal(&self, resource: &Resource, spec: &Spec, facts: &CertificateFacts) -> Option<Reason> {
        let opening = renewal::due(&resource.draft.address, facts, Settings::of(spec), self.now)?;
        let not_after = facts.current()?.not_after;
        Some(Reason::RenewalDue { since: opening.at, not_after, suggested: opening.suggested })
    }
}

/// Whether a certificate with the spec after is another one than with the spec before. The order of names is not.
fn issues_again(path: &str, before: &Spec, after: &Spec) -> bool {
    let sorted = |spec: &Spec| {
        let mut names: Vec<String> =
            spec.get(path).and_then(Json::as_array).into_iter().flatten().map(Json::to_string).collect();
        names.sort();
        names
    };
    ISSUED_FROM.contains(&path) && (path != "sans" || sorted(before) != sorted(after))
}
