//! Moves: records get the addresses that `moved` blocks give them before anything is compared, and whatever refers to them
//! follows. What only moved is never made anew.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::compare::differing;
use crate::address::{Address, Key, ResourceAddress};
use crate::diagnostic::codes::plan;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::{Block, Endpoint, Moved, Repetition};
use crate::state::{Record, Spec, State};

/// What moving did to a state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Relocation {
    /// Old addresses of records, by the new one.
    pub moved: BTreeMap<Address, Address>,
    /// Records that refer to what moved, with the paths of their references.
    pub followed: BTreeMap<Address, Vec<String>>,
}

/// The moves that nobody has to write: a block that gets `count` is its own first instance, and one that loses it was.
pub fn implied(state: &State, blocks: &BTreeMap<ResourceAddress, Block>, written: &[Moved]) -> Vec<Moved> {
    let is_there = |address: &ResourceAddress| state.records.contains_key(&Address::from(address.clone()));
    let one = |(address, block): (&ResourceAddress, &Block)| {
        let first = ResourceAddress { key: Some(Key::Index(0)), ..address.clone() };
        let (from, to) = match block.repetition {
            Repetition::Count => (address.clone(), first),
            Repetition::Single => (first, address.clone()),
            Repetition::ForEach => return None,
        };
        // Who writes a move of the block has decided otherwise.
        let decided = || written.iter().any(|one| one.from.covers(&from) || one.from.covers(address));
        if !is_there(&from) || is_there(&to) || decided() {
            return None;
        }
        Some(Moved { from: Endpoint::Resource(from), to: Endpoint::Resource(to), span: block.span })
    };
    blocks.iter().filter_map(one).collect()
}

/// New addresses, by the old one.
pub type Map = HashMap<ResourceAddress, ResourceAddress>;

/// Gives records their new addresses. What cannot move because its new address is taken stays, with a warning.
pub fn relocate(state: &mut State, moves: &[Moved]) -> (Relocation, Diagnostics) {
    let mut relocation = Relocation::default();
    let mut faults = Diagnostics::default();
    let map = if moves.is_empty() { Map::new() } else { mapping(state, moves, &mut faults) };
    if map.is_empty() {
        return (relocation, faults);
    }
    for (old, mut record) in std::mem::take(&mut state.records) {
        let new = moved_address(&old, &map);
        let paths = follow(&mut record, &map);
        if new != old {
            record.address = new.clone();
            relocation.moved.insert(new.clone(), old);
        } else if !paths.is_empty() {
            relocation.followed.insert(new.clone(), paths);
        }
        state.records.insert(new, record);
    }
    (relocation, faults)
}

/// Moves by where they begin, so that many moves of many records stay cheap.
struct Routes<'m> {
    resources: HashMap<&'m ResourceAddress, &'m Moved>,
    modules: Vec<&'m Moved>,
}

impl<'m> Routes<'m> {
    fn new(moves: &'m [Moved]) -> Self {
        let mut routes = Self { resources: HashMap::new(), modules: Vec::new() };
        for one in moves {
            match &one.from {
                Endpoint::Resource(from) => _ = routes.resources.entry(from).or_insert(one),
                Endpoint::Module(_) => routes.modules.push(one),
            }
        }
        routes
    }

    /// Where an address goes by one move.
    fn next(&self, at: &ResourceAddress) -> Option<ResourceAddress> {
        let own = self.resources.get(at).and_then(|one| one.follow(at));
        let of_block = || self.resources.get(&at.block()).and_then(|one| one.follow(at));
        own.or_else(of_block).or_else(|| self.modules.iter().find_map(|one| one.follow(at)))
    }
}

/// Where every recorded resource that moves goes.
fn mapping(state: &State, moves: &[Moved], faults: &mut Diagnostics) -> Map {
    let mut map = Map::new();
    let routes = Routes::new(moves);
    for address in state.records.keys().filter_map(Address::resource) {
        let mut at = address.clone();
        // Moves are chained at most once each: circles were refused.
        for _ in moves {
            let Some(next) = routes.next(&at) else { break };
            at = next;
        }
        if at != *address {
            map.insert(address.clone(), at);
        }
    }
    loop {
        let mut taken: HashMap<ResourceAddress, usize> = HashMap::new();
        map.values().for_each(|to| *taken.entry(to.clone()).or_default() += 1);
        let blocked = |from: &ResourceAddress, to: &ResourceAddress| {
            let stays = state.records.contains_key(&to.clone().into()) && !map.contains_key(to);
            (stays || taken[to] > 1).then(|| (from.clone(), to.clone()))
        };
        let mut unmoved: Vec<_> = map.iter().filter_map(|(from, to)| blocked(from, to)).collect();
        if unmoved.is_empty() {
            return map;
        }
        unmoved.sort();
        for (from, to) in unmoved {
            map.remove(&from);
            let detail = format!("{from} cannot move to {to}, because there is another object already.");
            let report = Diagnostic::warning(&plan::UNMOVED, detail).about(&from);
            faults.push(report.hint("Destroy or forget one of the two first, or move it elsewhere."));
        }
    }
}

fn moved_address(address: &Address, map: &Map) -> Address {
    let new = |one: &ResourceAddress| map.get(one).unwrap_or(one).clone();
    match address {
        Address::Resource(resource) => new(resource).into(),
        Address::Deployment { certificate, target } => {
            Address::Deployment { certificate: new(certificate), target: new(target) }
        }
    }
}

/// Turns a record's references to what moved; returns their paths.
fn follow(record: &mut Record, map: &Map) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(spec) = &mut record.spec {
        let mut turned = Json::Object(Spec::clone(spec));
        turn(&mut turned, map);
        if let Json::Object(turned) = turned {
            paths = differing(spec, &turned);
            if !paths.is_empty() {
                *spec = turned.into();
            }
        }
    }
    let before: Vec<Address> = record.depends_on.clone();
    record.depends_on.iter_mut().for_each(|address| *address = moved_address(address, map));
    record.depends_on.sort();
    if paths.is_empty() && record.depends_on != before {
        paths.push("depends_on".to_owned());
    }
    paths
}

/// Turns references to what moved.
pub fn turn(json: &mut Json, map: &Map) {
    match json {
        Json::Object(entries) => {
            let target = entries.get("$ref").and_then(Json::as_str).and_then(|text| text.parse().ok());
            match target.and_then(|address: ResourceAddress| map.get(&address)) {
                Some(to) => *entries = Spec::from_iter([("$ref".to_owned(), Json::String(to.to_string()))]),
                None => entries.values_mut().for_each(|inner| turn(inner, map)),
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| turn(item, map)),
        _ => {}
    }
}
