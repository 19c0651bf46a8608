//! From changes to a plan: steps in an order in which each comes after what it needs. Deterministic and linear.

use std::collections::BTreeMap;

use super::{Action, Location, OutputChange, Plan, Step, StoredOutput, Work, deferral, order};
use crate::address::Address;
use crate::diagnostic::Diagnostics;
use crate::diff::{Change, Changes};
use crate::model::Estate;
use crate::state::State;
use crate::time::Timestamp;

/// What a plan says of its making.
#[derive(Debug, Clone)]
pub struct Meta {
    /// Version of the program.
    pub cap_version: String,
    /// Identity of the store.
    pub store: String,
    /// Where it is made.
    pub location: Location,
    /// The `now` of the diff.
    pub created_at: Timestamp,
    /// Outputs of the last apply.
    pub outputs: BTreeMap<String, StoredOutput>,
}

/// Puts changes in order, and sets apart what jobs that have not come to their end are in the way of.
///
/// # Errors
/// A circle of dependencies, with the place of each.
pub fn make(changes: Changes<'_>, meta: Meta) -> Result<Plan, Diagnostics> {
    let mut order = order::order(&changes)?;
    let causes = deferral::causes(&changes, &order);
    order.steps.retain(|one| !causes.contains_key(one));
    let new_outputs = new_outputs(&changes, &meta);
    let Changes { list, drift, destroy, refresh_only, estate, state, moved, imports, .. } = changes;
    let mut place = vec![0; list.len()];
    order.steps.iter().enumerate().for_each(|(at, one)| place[*one] = at);
    let mut needs = order.needs;
    let addresses: Vec<&Address> = list.iter().map(|change| change.address).collect();
    let mut list: Vec<Option<Change<'_>>> = list.into_iter().map(Some).collect();
    let keeps_old = |change: &Change<'_>| {
        change.work == Work::Deploy && change.before.is_some() && stays(estate, state, change.address)
    };
    let deferred = deferral::deferred(causes, &mut list, moved, keeps_old);
    let steps = order.steps.iter().filter_map(|one| {
        let mut needed: Vec<usize> = std::mem::take(&mut needs[*one]).into_iter().map(|other| place[other]).collect();
        needed.sort_unstable();
        let change = list[*one].take()?;
        let keeps_old = keeps_old(&change);
        let resource = estate.resources.get(change.address).filter(|_| change.work == Work::Issue);
        let zones = resource.map(|resource| resource.zones.clone()).unwrap_or_default();
        let record = state.records.get(change.address);
        let after = change.after.map(std::borrow::Cow::into_owned);
        let origin = after.as_ref().and_then(|after| after.origin.clone());
        Some(Step {
            address: change.address.clone(),
            action: change.action,
            reasons: change.reasons,
            base: change.base,
            before: change.before.cloned(),
            origin: origin.or_else(|| record?.origin.clone()),
            after,
            work: change.work,
            needs: needed,
            zones,
            displaces: order.displaces.get(one).into_iter().flatten().map(|other| addresses[*other].clone()).collect(),
            keeps_old,
            moved_from: moved.get(change.address).cloned(),
            importing: imports.get(change.address).filter(|_| change.action == Action::Import).cloned(),
        })
    });
    Ok(Plan {
        cap_version: meta.cap_version,
        location: meta.location,
        destroy,
        refresh_only,
        drift,
        deferred,
        outputs: output_changes(&meta.outputs, &new_outputs),
        new_outputs,
        ..Plan::of(steps.collect(), meta.created_at, meta.store)
    })
}

/// Whether what a deployment leaves stays where it is: its certificate's or its target's `lifecycle` says so, as it is now or
/// as it was last applied.
fn stays(estate: &Estate, state: &State, deployment: &Address) -> bool {
    let Address::Deployment { certificate, target } = deployment else { return false };
    [certificate, target].into_iter().map(|one| Address::from(one.clone())).any(|one| {
        estate.resources.get(&one).is_some_and(|wanted| wanted.draft.forget)
            || state.records.get(&one).is_some_and(|record| record.forget)
    })
}

fn new_outputs(changes: &Changes<'_>, meta: &Meta) -> BTreeMap<String, StoredOutput> {
    match (changes.destroy, changes.refresh_only) {
        (true, _) => BTreeMap::new(),
        (_, true) => meta.outputs.clone(),
        _ => changes.estate.outputs.clone(),
    }
}

fn output_changes(
    before: &BTreeMap<String, StoredOutput>,
    after: &BTreeMap<String, StoredOutput>,
) -> Vec<OutputChange> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let mut names: Vec<&String> =
        after.keys().chain(gone).filter(|name| before.get(*name) != after.get(*name)).collect();
    names.sort();
    let change = |name: &String| OutputChange {
        name: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
        was: None,
        becomes: None,
    };
    names.into_iter().map(change).collect()
}
