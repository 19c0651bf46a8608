//! `-target`, `-exclude` and `-replace`: patterns of addresses, resolved against what is wanted and what is recorded.
//!
//! A pattern is an address or a glob. A block without a key stands for all its instances, a module for everything in it,
//! and a certificate for its deployments too.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Options;
use crate::address::Address;
use crate::diagnostic::codes::plan;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::glob;
use crate::model::Estate;
use crate::source::Span;
use crate::state::State;

/// Patterns from the command line.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    /// Only these and what they need.
    pub target: Vec<Pattern>,
    /// All but these and what needs them.
    pub exclude: Vec<Pattern>,
    /// Made anew.
    pub replace: Vec<Pattern>,
}

impl Patterns {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.target.is_empty() && self.exclude.is_empty() && self.replace.is_empty()
    }
}

/// A pattern of addresses.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The pattern.
    pub text: String,
    /// Where it stands, unless it was typed.
    pub place: Option<Span>,
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), place: None }
    }
}

/// Options with the patterns resolved; what `-replace` matches, and what `-target` names by its own address, was asked for by
/// name. Removal turns needs around: a target goes with what needs it, and what is excluded
/// stays with what it needs.
///
/// # Errors
/// Every pattern that matches nothing.
pub fn resolve(estate: &Estate, state: &State, patterns: &Patterns, destroy: bool) -> Result<Options, Diagnostics> {
    let known = Known::of(estate, state);
    let mut faults = Diagnostics::default();
    let replace = known.matching(&patterns.replace, &mut faults);
    let (toward, away) = if destroy { (Way::Dependents, Way::Needs) } else { (Way::Needs, Way::Dependents) };
    let target = known.matching(&patterns.target, &mut faults);
    let typed: HashSet<&str> = patterns.target.iter().map(|pattern| pattern.text.as_str()).collect();
    let is_typed = |address: &&&Address| typed.contains(address.to_string().as_str());
    let named = target.iter().filter(is_typed).chain(&replace).map(|address| (*address).clone()).collect();
    let exclude = known.closure(known.matching(&patterns.exclude, &mut faults), away);
    let narrowed = !patterns.target.is_empty() || !patterns.exclude.is_empty();
    let only = narrowed.then(|| {
        let wanted = if patterns.target.is_empty() { known.all() } else { known.closure(target, toward) };
        wanted.difference(&exclude).map(|address| (*address).clone()).collect()
    });
    if faults.has_errors() {
        return Err(faults);
    }
    let replace = replace.into_iter().cloned().collect();
    Ok(Options { destroy, refresh_only: false, replace, only, named, ..Options::default() })
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Needs,
    Dependents,
}

/// Everything that has an address, with what it needs and with the texts that patterns are held against.
struct Known<'a> {
    needs: BTreeMap<&'a Address, Vec<&'a Address>>,
    texts: Vec<(&'a Address, Vec<String>)>,
}

impl<'a> Known<'a> {
    fn of(estate: &'a Estate, state: &'a State) -> Self {
        let mut needs: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
        for (address, record) in &state.records {
            needs.entry(address).or_default().extend(&record.depends_on);
        }
        for (address, resource) in &estate.resources {
            let needed = needs.entry(address).or_default();
            needed.extend(&resource.draft.depends_on);
            needed.extend(resource.zones.values());
        }
        let texts = needs.keys().map(|address| (*address, texts_of(address))).collect();
        Self { needs, texts }
    }

    fn all(&self) -> BTreeSet<&'a Address> {
        self.needs.keys().copied().collect()
    }

    fn matching(&self, patterns: &[Pattern], faults: &mut Diagnostics) -> BTreeSet<&'a Address> {
        let mut found = BTreeSet::new();
        for pattern in patterns {
            let matches = |texts: &[String]| texts.iter().any(|text| glob::matches(&pattern.text, text));
            let hits: Vec<&Address> =
                self.texts.iter().filter(|(_, texts)| matches(texts)).map(|(one, _)| *one).collect();
            if hits.is_empty() {
                faults.push(self.nothing(pattern));
            }
            found.extend(hits);
        }
        found
    }

    fn nothing(&self, Pattern { text: pattern, place }: &Pattern) -> Diagnostic {
        let detail = format!("Nothing in the configuration or the store matches \"{pattern}\".");
        let fault = Diagnostic { span: *place, ..Diagnostic::error(&plan::NO_MATCH, detail) };
        match did_you_mean(pattern, self.texts.iter().map(|(_, texts)| texts[0].as_str())) {
            Some(meant) => fault.hint(format!("did you mean {meant}?")),
            None => fault.hint("`cap state list` lists what is recorded"),
        }
    }

    fn closure(&self, from: BTreeSet<&'a Address>, way: Way) -> BTreeSet<&'a Address> {
        let turned = (way == Way::Dependents).then(|| self.dependents());
        let edges = turned.as_ref().unwrap_or(&self.needs);
        let mut left: Vec<&Address> = from.into_iter().collect();
        let mut found = BTreeSet::new();
        while let Some(address) = left.pop() {
            if found.insert(address) {
                left.extend(edges.get(address).into_iter().flatten());
            }
        }
        found
    }

    fn dependents(&self) -> BTreeMap<&'a Address, Vec<&'a Address>> {
        let mut turned: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
        for (address, needs) in &self.needs {
            needs.iter().for_each(|needed| turned.entry(needed).or_default().push(address));
        }
        turned
    }
}

/// Every text that names an address: its own first.
fn texts_of(address: &Address) -> Vec<String> {
    let mut texts = vec![address.to_string()];
    let resource = match address {
        Address::Resource(resource) => resource,
        Address::Deployment { certificate, .. } => {
            texts.push(certificate.to_string());
            certificate
        }
    };
    if resource.key.is_some() {
        texts.push(resource.block().to_string());
    }
    let mut module = String::new();
    for step in resource.module.iter() {
        module.push_str(&format!("{}{step}", if module.is_empty() { "" } else { "." }));
        texts.push(module.clone());
    }
    texts
}
