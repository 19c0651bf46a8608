//! Reading a recorded spec. It was checked when it was planned: a fault here means that another release wrote it.

use serde_json::Value as Json;

use crate::eval::value::SecretRef;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::state::Spec;
use crate::time::Duration;

/// The JSON at a path of names; `None` when something on the way is absent or null.
pub(super) fn at<'a>(spec: &'a Spec, path: &str) -> Option<&'a Json> {
    let mut names = path.split('.');
    let first = spec.get(names.next()?)?;
    names.try_fold(first, |json, name| json.get(name)).filter(|json| !json.is_null())
}

/// The text at a path.
pub(super) fn text<'a>(spec: &'a Spec, path: &str) -> Option<&'a str> {
    at(spec, path)?.as_str()
}

/// The text at a path that must be there.
pub(super) fn needed<'a>(spec: &'a Spec, path: &str) -> PortResult<&'a str> {
    text(spec, path).ok_or_else(|| unusable(path, "it is missing"))
}

/// The truth at a path; false when it is not there.
pub(super) fn truth(spec: &Spec, path: &str) -> bool {
    at(spec, path).and_then(Json::as_bool).unwrap_or(false)
}

/// The texts at a path; none when it is not there.
pub(super) fn texts(spec: &Spec, path: &str) -> Vec<String> {
    let items = at(spec, path).and_then(Json::as_array);
    items.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The length of time at a path.
pub(super) fn duration(spec: &Spec, path: &str) -> PortResult<Option<Duration>> {
    text(spec, path).map(|text| text.parse().map_err(|why| unusable(path, why))).transpose()
}

/// The reference to a secret at a path.
pub(super) fn secret(spec: &Spec, path: &str) -> PortResult<Option<SecretRef>> {
    let Some(json) = at(spec, path) else { return Ok(None) };
    let reference = json.get("$secret").and_then(|json| serde_json::from_value(json.clone()).ok());
    reference.map(Some).ok_or_else(|| unusable(path, "it is not a reference to a secret"))
}

/// A value of a closed set, by its name in the language.
pub(super) fn word<T: serde::de::DeserializeOwned>(spec: &Spec, path: &str) -> PortResult<T> {
    let word = needed(spec, path)?;
    serde_json::from_value(Json::from(word)).map_err(|_| unusable(path, format!("\"{word}\" is not known here")))
}

/// A spec that cannot be used: says which argument, and why.
pub(super) fn unusable(path: &str, why: impl std::fmt::Display) -> PortError {
    PortError::new(ErrorClass::Rejected, format!("the recorded argument {path} cannot be used: {why}"))
}
