//! What has to be done before what: makings after what they refer to, removals after what referred to them. Places that
//! are handed over are in [`super::places`].

use std::collections::{BTreeMap, HashMap};

use super::Work;
use super::places::places;
use crate::address::Address;
use crate::diagnostic::codes::plan;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::diff::Changes;
use crate::graph::Needs;
use crate::job::wanted;
use crate::model::Resource;
use crate::source::Span;
use crate::state::Record;
use crate::state::facts::Facts;

/// An order of changes.
pub struct Order {
    /// Indices of changes, each after what it needs.
    pub steps: Vec<usize>,
    /// For each change, what it needs: indices of changes, each once.
    pub needs: Vec<Vec<usize>>,
    /// Changes that take a place before another change has left it, each with those others.
    pub displaces: BTreeMap<usize, Vec<usize>>,
}

/// Orders the changes.
///
/// # Errors
/// A circle of dependencies, with the place of each.
pub fn order(changes: &Changes<'_>) -> Result<Order, Diagnostics> {
    let mut needs = makings(changes)?;
    removals(changes, &mut needs);
    let displaces = places(changes, &mut needs);
    let mut graph = Needs::new(needs.len());
    for (one, needed) in needs.iter_mut().enumerate() {
        needed.sort_unstable();
        needed.dedup();
        needed.iter().for_each(|other| graph.add(one, *other));
    }
    match graph.order() {
        Ok(steps) => Ok(Order { steps, needs, displaces }),
        Err(circle) => Err(unordered(changes, &circle).into()),
    }
}

/// What each making needs of other makings, directly or through what does not change.
fn makings(changes: &Changes<'_>) -> Result<Vec<Vec<usize>>, Diagnostics> {
    let mut needs = vec![Vec::new(); changes.list.len()];
    if changes.list.iter().all(|change| change.after.is_none()) {
        return Ok(needs);
    }
    let resources: Vec<&Resource> = changes.estate.resources.values().collect();
    let index: HashMap<&Address, usize> =
        resources.iter().enumerate().map(|(at, resource)| (&resource.draft.address, at)).collect();
    let mut graph = Needs::new(resources.len());
    for (at, resource) in resources.iter().enumerate() {
        let needed = resource.draft.depends_on.iter().chain(resource.zones.values());
        needed.filter_map(|address| index.get(address)).for_each(|other| graph.add(at, *other));
    }
    for change in changes.list.iter().filter(|change| change.work == Work::Issue) {
        // With `ignore_changes` it may be another issuer than its block depends on.
        let issuer = change.after.as_ref().and_then(|after| wanted::reference(&after.spec, "issuer"));
        let ends = issuer.and_then(|issuer| Some((index.get(change.address)?, *index.get(&issuer)?)));
        ends.into_iter().for_each(|(one, issuer)| graph.add(*one, issuer));
    }
    let order = graph.order().map_err(|circle| cycle(&resources, &circle))?;
    let mut changed = vec![None; resources.len()];
    let making = changes.list.iter().enumerate().filter(|(_, change)| change.after.is_some());
    making
        .filter_map(|(at, change)| Some((at, index.get(change.address)?)))
        .for_each(|(at, node)| changed[*node] = Some(at));
    let mut reached: Vec<Vec<usize>> = vec![Vec::new(); resources.len()];
    for node in order {
        let mut through: Vec<usize> = graph.of(node).flat_map(|other| reached[other].iter().copied()).collect();
        through.sort_unstable();
        through.dedup();
        reached[node] = match changed[node] {
            Some(change) => {
                needs[change] = through;
                vec![change]
            }
            None => through,
        };
    }
    Ok(needs)
}

/// A removal comes after the change of everything that was recorded to refer to it.
fn removals(changes: &Changes<'_>, needs: &mut [Vec<usize>]) {
    let removed: HashMap<&Address, usize> = changes
        .list
        .iter()
        .enumerate()
        .filter(|(_, change)| change.after.is_none())
        .map(|(at, change)| (change.address, at))
        .collect();
    if removed.is_empty() {
        return;
    }
    for (at, change) in changes.list.iter().enumerate() {
        let record = changes.state.records.get(change.address);
        let referred = record.into_iter().flat_map(|record| record.depends_on.iter().chain(left_with(record)));
        referred
            .filter_map(|address| removed.get(address))
            .filter(|gone| **gone != at)
            .for_each(|gone| needs[*gone].push(at));
    }
}

/// Whose credentials are still needed: those that withdraw challenge records which a certificate has left behind.
fn left_with(record: &Record) -> impl Iterator<Item = &Address> {
    let left = match &record.facts {
        Facts::Certificate(facts) => &facts.left[..],
        _ => &[],
    };
    left.iter().map(|publication| &publication.credential)
}

/// Names every edge of a circle with its place.
fn cycle(resources: &[&Resource], circle: &[usize]) -> Diagnostics {
    let next = |at: usize| resources[circle[(at + 1) % circle.len()]];
    let edges: Vec<(String, Span)> = circle
        .iter()
        .enumerate()
        .map(|(at, one)| (resources[*one], next(at)))
        .map(|(one, other)| {
            let named = one.draft.depends_on.iter().position(|address| *address == other.draft.address);
            let place = named.and_then(|at| one.places.get(at)).copied().unwrap_or(one.span);
            (format!("{} needs {}", one.draft.address, other.draft.address), place)
        })
        .collect();
    let all: Vec<&str> = edges.iter().map(|(text, _)| text.as_str()).collect();
    let fault = Diagnostic::error(&plan::CYCLE, format!("These need each other in a circle: {}.", all.join(", ")));
    let mut edges = edges.into_iter();
    let fault = match edges.next() {
        Some((_, place)) => fault.at(place),
        None => fault,
    };
    let fault = edges.fold(fault, |fault, (text, place)| fault.related(place, text));
    fault.hint("take one of these references away").into()
}

/// Removals and makings that wait for each other: no estate makes them, and an order must not be invented.
fn unordered(changes: &Changes<'_>, circle: &[usize]) -> Diagnostic {
    let names: Vec<String> = circle.iter().map(|at| changes.list[*at].address.to_string()).collect();
    Diagnostic::error(&plan::CYCLE, format!("The changes of these wait for each other: {}.", names.join(", ")))
}
