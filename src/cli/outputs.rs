//! What a plan does to outputs: their values before and after, as far as they are known before apply. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;

use super::view::output::{self, Known};
use crate::address::{Address, ResourceAddress};
use crate::diff::moves::{self, Relocation};
use crate::eval::encode;
use crate::eval::residual::FactSource;
use crate::eval::value::Value;
use crate::plan::{Action, OutputChange, Plan, Step, StoredOutput, Work};
use crate::state::State;

/// Outputs by name.
pub type Outputs = BTreeMap<String, StoredOutput>;

/// Says for every output whether and how the plan changes it. A plan that leaves something out, because it was not asked for
/// or is deferred, leaves all outputs as they are: each may read that, and a value does not say all that was read for it.
/// Their references follow what the plan moves, and those that read what it removes go with it.
///
/// The state has the addresses that the relocation gives, whether the plan moves that or not.
pub fn settle(plan: &mut Plan, before: &Outputs, state: &State, relocation: &Relocation, narrowed: bool) {
    if narrowed {
        let gone = |step: &&Step| matches!(step.action, Action::Delete | Action::Forget);
        let gone: BTreeSet<String> = plan.steps.iter().filter(gone).map(|step| step.address.to_string()).collect();
        let moved = plan.steps.iter().filter_map(|step| Some((&step.address, step.moved_from.as_ref()?)));
        plan.new_outputs = turned(before, moved);
        plan.new_outputs.retain(|_, output| !refers(&output.value, &gone));
    }
    let names: BTreeSet<&String> = before.keys().chain(plan.new_outputs.keys()).collect();
    if names.is_empty() {
        return;
    }
    let steps = plan.steps.iter().map(|step| (&step.address, step)).collect();
    let (known, foreseen) = (Known(state), Foreseen { known: Known(state), steps });
    let relocated = turned(before, &relocation.moved);
    let of = |name: &String| {
        let (was, becomes) = (relocated.get(name), plan.new_outputs.get(name));
        let seen = if narrowed { becomes.and(was) } else { becomes };
        let values = (value(was, &known), value(seen, &foreseen));
        change(name, before.get(name), becomes, values)
    };
    plan.outputs = names.into_iter().filter_map(of).collect();
    plan.new_outputs.retain(|name, output| before.get(name) != Some(output));
}

/// Outputs with their references turned to where things have moved: new addresses, each with the old one.
fn turned<'a>(outputs: &Outputs, moved: impl IntoIterator<Item = (&'a Address, &'a Address)>) -> Outputs {
    let of = |(new, old): (&Address, &Address)| Some((old.resource()?.clone(), new.resource()?.clone()));
    let map: moves::Map = moved.into_iter().filter_map(of).collect();
    let mut outputs = outputs.clone();
    if !map.is_empty() {
        outputs.values_mut().for_each(|output| moves::turn(&mut output.value, &map));
    }
    outputs
}

/// Values of the outputs that stay as they are, without sensitive ones.
pub fn unchanged(plan: &Plan, before: &Outputs, state: &State) -> BTreeMap<String, Json> {
    let changed: BTreeSet<&str> = plan.outputs.iter().map(|change| change.name.as_str()).collect();
    let after = before.iter().map(|(name, output)| (name, plan.new_outputs.get(name).unwrap_or(output)));
    let same = after.filter(|(name, output)| !output.sensitive && !changed.contains(name.as_str()));
    same.filter_map(|(name, output)| Some((name.clone(), output::value(output, &Known(state)).ok()?))).collect()
}

/// The value of an output, as far as it can be told.
fn value(output: Option<&StoredOutput>, facts: &dyn FactSource) -> Option<Json> {
    output.and_then(|output| output::value(output, facts).ok())
}

/// The change of one output, if it is one, by its values. An output that cannot be told, neither before nor after, stays what it is.
fn change(
    name: &str,
    before: Option<&StoredOutput>,
    after: Option<&StoredOutput>,
    (was, becomes): (Option<Json>, Option<Json>),
) -> Option<OutputChange> {
    let same = match (before, after) {
        (Some(one), Some(other)) if one.sensitive == other.sensitive => match (&was, &becomes) {
            (None, None) => one == other,
            (was, becomes) => was == becomes,
        },
        _ => false,
    };
    if same {
        return None;
    }
    let shown =
        |output: Option<&StoredOutput>, value: Option<Json>| value.filter(|_| output.is_some_and(|one| !one.sensitive));
    Some(OutputChange {
        name: name.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
        was: shown(before, was),
        becomes: shown(after, becomes),
    })
}

/// Whether a stored output refers to any of these addresses.
fn refers(value: &Json, addresses: &BTreeSet<String>) -> bool {
    match value {
        Json::Object(entries) => match entries.get("$ref").and_then(Json::as_str) {
            Some(address) => addresses.contains(address),
            None => entries.values().any(|inner| refers(inner, addresses)),
        },
        Json::Array(items) => items.iter().any(|item| refers(item, addresses)),
        _ => false,
    }
}

/// What will be known once the plan is carried out, as far as it is known now.
struct Foreseen<'a> {
    known: Known<'a>,
    steps: HashMap<&'a Address, &'a Step>,
}

impl FactSource for Foreseen<'_> {
    fn fact(&self, address: &ResourceAddress, name: &str) -> Option<Value> {
        match self.steps.get(&Address::from(address.clone())) {
            // A record alone changes no fact; whatever else is done is known after apply.
            Some(step) if step.work != Work::Record || step.action == Action::Delete => None,
            _ => self.known.fact(address, name),
        }
    }

    fn attribute(&self, address: &ResourceAddress, name: &str) -> Option<Value> {
        match self.steps.get(&Address::from(address.clone())) {
            Some(step) => step.after.as_ref()?.spec.get(name).map(encode::from_json),
            None => self.known.attribute(address, name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored(value: Json) -> StoredOutput {
        StoredOutput { value, sensitive: false }
    }

    fn check(before: Option<Json>, after: Option<Json>, expected: Option<(Option<Json>, Option<Json>)>) {
        let state = State::default();
        let foreseen = Foreseen { known: Known(&state), steps: HashMap::new() };
        let (before, after) = (before.map(stored), after.map(stored));
        let values = (value(before.as_ref(), &Known(&state)), value(after.as_ref(), &foreseen));
        let found = change("o", before.as_ref(), after.as_ref(), values);
        assert_eq!(found.map(|change| (change.was, change.becomes)), expected);
    }

    #[test]
    fn an_output_changes_when_its_value_does() {
        check(Some(json!("a")), Some(json!("a")), None);
        check(Some(json!("a")), Some(json!("b")), Some((Some(json!("a")), Some(json!("b")))));
        check(None, Some(json!("b")), Some((None, Some(json!("b")))));
        check(Some(json!("a")), None, Some((Some(json!("a")), None)));
        let unknown = || json!({"$residual": {"expression": "c.not_after", "scope": {"c": {"$ref": "certificate.c"}}}});
        check(Some(json!("a")), Some(unknown()), Some((Some(json!("a")), None)));
        check(Some(unknown()), Some(unknown()), None);
    }

    #[test]
    fn what_an_output_reads_is_found_in_its_scope() {
        let value = json!({"$residual": {"scope": {"a": [{"$ref": "certificate.www"}]}}});
        assert!(refers(&value, &["certificate.www".to_owned()].into()));
        assert!(!refers(&value, &["certificate.w".to_owned()].into()));
    }
}
