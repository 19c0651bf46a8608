//! Values as JSON, for records, plans and outputs, and back. References, secrets and numbers that JSON's readers would
//! round are objects with one tagged entry: `{"$ref": …}`, `{"$secret": …}`, `{"$number": "…"}`. A template that is
//! evaluated once a deployment is stored as its source text: `{"$template": "…"}`.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::number::Number;
use super::submodule::MODULE;
use super::value::Value;
use crate::address::ResourceAddress;

/// A value as JSON. Attributes of objects that are `null` are left out, so that an argument added to a schema later
/// changes no record.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(number) => number_to_json(number),
        Value::String(text) => Json::String(text.to_string()),
        Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => items.iter().map(to_json).collect(),
        Value::Map(_, entries) => {
            Json::Object(entries.iter().map(|(name, value)| (name.to_string(), to_json(value))).collect())
        }
        Value::Object(entries) => {
            let present = entries.iter().filter(|(_, value)| !value.is_null());
            Json::Object(present.map(|(name, value)| (name.to_string(), to_json(value))).collect())
        }
        Value::Ref(address) => tagged("$ref", Json::String(address.to_string())),
        // A reference to a secret is a plain enum of strings: serialization cannot fail.
        Value::Secret(secret) => tagged("$secret", serde_json::to_value(&**secret).unwrap_or(Json::Null)),
    }
}

/// The largest integer that every reader of JSON keeps exact.
const EXACT: i64 = 1 << 53;

fn number_to_json(number: &Number) -> Json {
    match number.to_i64() {
        Some(whole) if whole.abs() <= EXACT => Json::from(whole),
        _ => tagged("$number", Json::String(number.to_string())),
    }
}

/// Tags the text at `path` (`files.directory`) as the source of a template, so that nobody takes it for a plain text.
pub fn mark_template(spec: &mut Map<String, Json>, path: &str) {
    let mut names = path.split('.');
    let first = names.next().and_then(|name| spec.get_mut(name));
    let place = names.try_fold(first, |place, name| {
        Some(match place? {
            Json::Object(entries) => entries.get_mut(name),
            Json::Array(items) => name.parse::<usize>().ok().and_then(|at| items.get_mut(at)),
            _ => None,
        })
    });
    if let Some(Some(text @ Json::String(_))) = place {
        let source = text.take();
        *text = tagged("$template", source);
    }
}

fn tagged(tag: &str, inner: Json) -> Json {
    Json::Object(Map::from_iter([(tag.to_owned(), inner)]))
}

/// A value from JSON that [`to_json`] made, or from any other: arrays become tuples and objects become objects.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::NULL,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Number::parse(&number.to_string()).map_or(Value::NULL, Value::Number),
        Json::String(text) => Value::string(text.as_str()),
        Json::Array(items) => Value::tuple(items.iter().map(from_json)),
        Json::Object(entries) => from_tagged(entries)
            .unwrap_or_else(|| Value::object(entries.iter().map(|(name, value)| (name.as_str(), from_json(value))))),
    }
}

fn from_tagged(entries: &Map<String, Json>) -> Option<Value> {
    let (tag, inner) = entries.iter().next().filter(|_| entries.len() == 1)?;
    match tag.as_str() {
        "$ref" => Some(Value::Ref(Arc::new(reference(inner.as_str()?)?))),
        "$secret" => Some(Value::Secret(Arc::new(serde_json::from_value(inner.clone()).ok()?))),
        "$number" => Number::parse(inner.as_str()?).map(Value::Number),
        "$template" => inner.as_str().map(Value::string),
        _ => None,
    }
}

/// The address in a reference: a resource's, or that of a module's instance.
fn reference(text: &str) -> Option<ResourceAddress> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    // The text of a module's instance is what stands before a resource in it.
    let within: ResourceAddress = format!("{text}.x.y").parse().ok()?;
    let (last, module) = within.module.split_last()?;
    let (name, key) = (last.name.clone(), last.key.clone());
    Some(ResourceAddress { module: module.into(), kind: Arc::from(MODULE), name, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::value::SecretRef;

    #[test]
    fn what_is_written_is_read_again() {
        let big = Number::parse("123456789012345678901234567890.5").map_or(Value::NULL, Value::Number);
        let value = Value::object([
            ("ref", Value::Ref(Arc::new(ResourceAddress::root("zone", "z", None)))),
            ("secret", Value::Secret(Arc::new(SecretRef::Env("TOKEN".to_owned())))),
            ("module", Value::Ref(Arc::new(ResourceAddress::root(MODULE, "m", Some(crate::address::Key::Index(1)))))),
            ("big", big),
            ("list", Value::tuple([Value::number(1), Value::Bool(true)])),
        ]);
        assert_eq!(from_json(&to_json(&value)), value);
    }

    #[test]
    fn templates_are_marked_where_they_stand() {
        let mut spec = Map::from_iter([("files".to_owned(), serde_json::json!([{"directory": "\"${x}\"", "n": 1}]))]);
        for path in ["files.0.directory", "files.0.n", "files.1.directory", "none"] {
            mark_template(&mut spec, path);
        }
        let expected = serde_json::json!({"files": [{"directory": {"$template": "\"${x}\""}, "n": 1}]});
        assert_eq!(Json::Object(spec), expected);
    }

    #[test]
    fn null_attributes_are_left_out() {
        let value = Value::object([("a", Value::NULL), ("b", Value::number(1))]);
        assert_eq!(to_json(&value), serde_json::json!({"b": 1}));
    }
}
