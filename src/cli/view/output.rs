//! Outputs for people and for programs, with computed facts filled in from the store.

use serde_json::{Map, Value as Json, json};

use crate::address::{Address, ResourceAddress};
use crate::eval::encode;
use crate::eval::notation::notation;
use crate::eval::residual::{self, FactSource};
use crate::eval::value::Value;
use crate::model;
use crate::plan::StoredOutput;
use crate::ports::store::Snapshot;
use crate::state::{Record, State};

/// An output with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Its name.
    pub name: String,
    /// Its value, or why it has none yet.
    pub value: Result<Json, String>,
    /// Whether it is shown only on request.
    pub sensitive: bool,
}

/// All outputs of a store, by name.
pub fn resolve(snapshot: &Snapshot) -> Vec<Resolved> {
    let each = snapshot.outputs.iter().map(|(name, output)| Resolved {
        name: name.clone(),
        value: value(output, &Known(&snapshot.state)),
        sensitive: output.sensitive,
    });
    each.collect()
}

/// The value of an output with these facts.
///
/// # Errors
/// Why it has none: facts that it reads are not known.
pub fn value(output: &StoredOutput, facts: &dyn FactSource) -> Result<Json, String> {
    if output.value.get("$residual").is_none() {
        return Ok(plain(&output.value));
    }
    match residual::resolve(&output.value, facts) {
        Ok(value) => Ok(plain(&encode::to_json(&value))),
        Err(faults) => Err(faults.iter().map(|fault| fault.detail.clone()).collect::<Vec<_>>().join(" ")),
    }
}

/// What the store knows of resources.
pub struct Known<'a>(pub &'a State);

impl Known<'_> {
    fn record(&self, address: &ResourceAddress) -> Option<&Record> {
        self.0.records.get(&Address::Resource(address.clone()))
    }
}

impl FactSource for Known<'_> {
    fn fact(&self, address: &ResourceAddress, name: &str) -> Option<Value> {
        model::facts(self.record(address)?, name)
    }

    fn attribute(&self, address: &ResourceAddress, name: &str) -> Option<Value> {
        self.record(address)?.spec.as_ref()?.get(name).map(encode::from_json)
    }
}

/// A value without tags: references are their addresses.
fn plain(value: &Json) -> Json {
    match value {
        Json::Object(entries) => match (entries.len(), entries.get("$ref")) {
            (1, Some(address)) => address.clone(),
            _ => Json::Object(entries.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        },
        Json::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// `name = value`, one after another.
pub fn lines(outputs: &[Resolved]) -> String {
    let line = |output: &Resolved| {
        let value = match (&output.value, output.sensitive) {
            (_, true) => "<sensitive>".to_owned(),
            (Ok(value), _) => text(value),
            (Err(why), _) => format!("(unknown: {why})"),
        };
        format!("{} = {value}\n", output.name)
    };
    outputs.iter().map(line).collect()
}

/// A value in Terraform's notation: collections over several lines, and texts of several lines as they stand.
pub fn text(value: &Json) -> String {
    notation(&encode::from_json(value))
}

/// A string, a number or a bool as it is.
pub fn raw(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The shape of `terraform output -json`: sensitive values are in it, because it is asked for by name. An output that has
/// no value yet is `null`.
pub fn document(outputs: &[Resolved]) -> Json {
    let each = outputs.iter().map(|output| {
        let value = output.value.clone().unwrap_or(Json::Null);
        (output.name.clone(), json!({ "sensitive": output.sensitive, "type": kind(&value), "value": value }))
    });
    Json::Object(each.collect::<Map<_, _>>())
}

/// The type of a value as Terraform writes types in JSON.
pub fn kind(value: &Json) -> Json {
    match value {
        Json::Null => json!("dynamic"),
        Json::Bool(_) => json!("bool"),
        Json::Number(_) => json!("number"),
        Json::String(_) => json!("string"),
        Json::Array(items) => json!(["tuple", items.iter().map(kind).collect::<Vec<_>>()]),
        Json::Object(entries) => {
            let types: Map<String, Json> = entries.iter().map(|(name, value)| (name.clone(), kind(value))).collect();
            json!(["object", types])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, value: Json, sensitive: bool) -> Resolved {
        Resolved { name: name.to_owned(), value: Ok(value), sensitive }
    }

    #[test]
    fn people_see_no_sensitive_value_and_programs_see_types() {
        let all = [output("a", json!(["x", 1]), false), output("token", json!("hush"), true)];
        assert_eq!(lines(&all), "a = [\n  \"x\",\n  1,\n]\ntoken = <sensitive>\n");
        assert_eq!(lines(&[output("pem", json!("one\ntwo"), false)]), "pem = <<EOT\none\ntwo\nEOT\n");
        assert_eq!(text(&json!({"k": {"$number": "1.50"}, "n": null})), "{\n  \"k\" = 1.5\n  \"n\" = null\n}");
        assert_eq!(document(&all)["a"]["type"], json!(["tuple", ["string", "number"]]));
        assert_eq!(raw(&json!("x")).as_deref(), Some("x"));
        assert_eq!(raw(&json!(["x"])), None);
    }

    #[test]
    fn references_are_their_addresses() {
        assert_eq!(plain(&json!([{"$ref": "zone.z"}, {"a": 1}])), json!(["zone.z", {"a": 1}]));
    }
}
