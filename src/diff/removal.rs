//! What has a record and should not exist.

use std::collections::{HashMap, HashSet};

use super::object::protected;
use super::{Change, Pass};
use crate::address::{Address, Key, ModuleStep, ResourceAddress};
use crate::eval::desired::{Removed, Repetition};
use crate::plan::{Absence, Action, Reason, Work};
use crate::state::Record;

impl<'a> Pass<'a> {
    /// Plans the removal of records that are not wanted. What is protected stays, and so does all that it stands on.
    pub(super) fn unwanted(&mut self) {
        let state = self.state;
        let unwanted = |record: &&'a Record| {
            let gone = self.options.destroy || !self.estate.resources.contains_key(&record.address);
            gone && self.in_scope(&record.address)
        };
        let doomed: Vec<&'a Record> = state.records.values().filter(unwanted).collect();
        let kept = self.kept(&doomed);
        let modules: HashSet<&[ModuleStep]> = self.estate.blocks.keys().map(|block| &*block.module).collect();
        for record in doomed {
            if let Some(refusal) = self.refusal(record) {
                self.faults.push(refusal);
            } else if !kept.contains(&record.address) {
                let change = self.removal(record, &modules);
                self.list.push(change);
            }
        }
    }

    /// Protected records, their deployments, and whatever those depend on. Each protected one is reported.
    fn kept(&mut self, doomed: &[&'a Record]) -> HashSet<&'a Address> {
        let mut left: Vec<&'a Address> = Vec::new();
        for record in doomed {
            let wanted = self.estate.resources.get(&record.address);
            if self.is_forgotten(&record.address)
                || !record.protected && !wanted.is_some_and(|wanted| wanted.draft.protected)
            {
                continue;
            }
            let fault = protected(record, "be destroyed");
            self.faults.push(match wanted {
                Some(wanted) => fault.at(wanted.span),
                None => fault,
            });
            left.push(&record.address);
        }
        if left.is_empty() {
            return HashSet::new();
        }
        let deployments = by_certificate(doomed);
        let mut kept = HashSet::new();
        while let Some(address) = left.pop() {
            if kept.insert(address) {
                left.extend(self.state.records.get(address).into_iter().flat_map(|record| &record.depends_on));
                let certificate = address.resource().and_then(|certificate| deployments.get(certificate));
                left.extend(certificate.into_iter().flatten());
            }
        }
        kept
    }

    fn removal(&self, record: &'a Record, modules: &HashSet<&[ModuleStep]>) -> Change<'a> {
        let said = self.removed(&record.address);
        let why = || said.map_or_else(|| self.absence(&record.address, modules), |_| Absence::RemovedBlock);
        let reason = if self.options.destroy { Reason::Destroy } else { Reason::NotInConfiguration { why: why() } };
        // Without a spec nothing was ever finished, and nothing is known that could be taken back.
        let (action, work) = match (&record.spec, &record.address) {
            (None, _) => (Action::Forget, Work::Record),
            _ if self.is_forgotten(&record.address) => (Action::Forget, Work::Record),
            (_, Address::Deployment { .. }) => (Action::Delete, Work::Undeploy),
            (_, Address::Resource(_)) => (Action::Delete, Work::Record),
        };
        Change {
            address: &record.address,
            action,
            reasons: vec![reason],
            base: record.revision,
            before: record.spec.as_deref(),
            after: None,
            work,
        }
    }

    /// The `removed` block that is about a record: for a deployment, about its certificate or its target.
    fn removed(&self, address: &Address) -> Option<&'a Removed> {
        let about = |one: &&'a Removed| match address {
            Address::Resource(resource) => one.from.covers(resource),
            Address::Deployment { certificate, target } => one.from.covers(certificate) || one.from.covers(target),
        };
        let all = if self.options.destroy { &[][..] } else { &self.estate.removed[..] };
        all.iter().find(about)
    }

    /// Whether only the record goes, and what it stands for stays: a `removed` block says so, or the `lifecycle` it was last
    /// applied with, its own or for a deployment its certificate's or its target's.
    fn is_forgotten(&self, address: &Address) -> bool {
        let said = |one: &Address| self.state.records.get(one).is_some_and(|record| record.forget);
        let kept = match address {
            Address::Resource(_) => said(address),
            Address::Deployment { certificate, target } => {
                said(&certificate.clone().into()) || said(&target.clone().into())
            }
        };
        self.removed(address).map_or(kept, |removed| !removed.destroy)
    }

    /// Why something is not in the configuration any more.
    fn absence(&self, address: &Address, modules: &HashSet<&[ModuleStep]>) -> Absence {
        let Some(resource) = address.resource() else { return Absence::NotATarget };
        let Some(block) = self.estate.blocks.get(&resource.block()) else {
            let called = resource.module.is_empty() || modules.contains(&*resource.module);
            return if called { Absence::NoBlock } else { Absence::NoModule };
        };
        match (block.repetition, &resource.key) {
            (Repetition::Count, Some(Key::Index(_))) => Absence::CountIndex,
            (Repetition::ForEach, Some(Key::Name(_))) => Absence::EachKey,
            (Repetition::Single, None) => Absence::Disabled,
            _ => Absence::WrongRepetition,
        }
    }
}

/// Deployments among the records, by their certificate.
fn by_certificate<'a>(doomed: &[&'a Record]) -> HashMap<&'a ResourceAddress, Vec<&'a Address>> {
    let mut found = HashMap::<_, Vec<_>>::new();
    for record in doomed {
        if let Address::Deployment { certificate, .. } = &record.address {
            found.entry(certificate).or_default().push(&record.address);
        }
    }
    found
}
