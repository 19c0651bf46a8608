//! Places that deployments leave and take over: a place is left before another one takes it. Where places are handed round
//! in a circle somebody has to go first; whom that one displaces is part of its step.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::{Action, Work};
use crate::address::Address;
use crate::diff::{Change, Changes};
use crate::graph::Needs;
use crate::state::Spec;

/// Has every deployment wait for those that leave its place, but for waits that would close a circle. Returns the changes
/// that do not wait, each with those whose place they take.
pub(super) fn places(changes: &Changes<'_>, needs: &mut [Vec<usize>]) -> BTreeMap<usize, Vec<usize>> {
    let leaves = |change: &Change<'_>| matches!(change.action, Action::Delete | Action::Replace);
    let deployments = || changes.list.iter().enumerate().filter(|(_, change)| change.address.resource().is_none());
    if !deployments().any(|(_, change)| leaves(change)) {
        return BTreeMap::new();
    }
    let slots = Slots::of(changes);
    let mut left = HashMap::new();
    for (at, change) in deployments().filter(|(_, change)| leaves(change)) {
        slots.of_spec(change.address, change.before).into_iter().for_each(|slot| _ = left.insert(slot, at));
    }
    let mut waits = Vec::new();
    for (at, change) in deployments().filter(|(_, change)| change.work == Work::Deploy) {
        let after = change.after.as_ref().map(|after| &after.spec);
        let taken = slots.of_spec(change.address, after);
        let leaving = taken.iter().filter_map(|slot| left.get(slot)).filter(|leaving| **leaving != at);
        waits.extend(leaving.map(|leaving| (at, *leaving)));
    }
    let displaces = first_in_circles(changes.list.len(), &waits);
    let is_wait = |(one, other): &&(usize, usize)| !displaces.get(one).is_some_and(|all| all.contains(other));
    waits.iter().filter(is_wait).for_each(|(one, other)| needs[*one].push(*other));
    displaces
}

/// The waits, each of one change for another, without which none is left in a circle.
fn first_in_circles(count: usize, waits: &[(usize, usize)]) -> BTreeMap<usize, Vec<usize>> {
    let mut graph = Needs::new(count);
    waits.iter().for_each(|(one, other)| graph.add(*one, *other));
    let mut first = BTreeMap::<usize, Vec<usize>>::new();
    for (one, other) in graph.closing() {
        first.entry(one).or_default().push(other);
    }
    for others in first.values_mut() {
        others.sort_unstable();
        others.dedup();
    }
    first
}

/// The places that configurations write to, by the kind of their target.
pub(super) struct Slots<'a>(HashMap<&'a str, fn(&Spec) -> Vec<String>>);

impl<'a> Slots<'a> {
    /// By what should be there.
    pub fn of(changes: &Changes<'a>) -> Self {
        let known = changes
            .estate
            .resources
            .values()
            .filter_map(|resource| Some((target_kind(&resource.draft.address)?, resource.slots?)));
        Self(known.collect())
    }

    /// Those of one deployment with this spec.
    pub fn of_spec(&self, address: &Address, spec: Option<&Spec>) -> Vec<String> {
        let slots = target_kind(address).and_then(|kind| self.0.get(kind));
        let config = spec.and_then(|spec| spec.get("config")).and_then(Json::as_object);
        slots.zip(config).map(|(slots, config)| slots(config)).unwrap_or_default()
    }
}

fn target_kind(address: &Address) -> Option<&str> {
    match address {
        Address::Deployment { target, .. } => Some(&target.kind),
        Address::Resource(_) => None,
    }
}
