//! What a certificate's spec asks for, read from the record's JSON. The attributes are those of the kind `certificate`.

use std::str::FromStr;

use serde_json::Value;

use crate::address::Address;
use crate::state::record::Spec;
use crate::time::Duration;

/// The resource that an attribute refers to.
pub fn reference(spec: &Spec, attribute: &str) -> Option<Address> {
    spec.get(attribute)?.get("$ref")?.as_str()?.parse().ok()
}

/// A text attribute.
pub fn text<'a>(spec: &'a Spec, attribute: &str) -> Option<&'a str> {
    spec.get(attribute)?.as_str()
}

/// A length of time.
pub fn duration(spec: &Spec, attribute: &str) -> Option<Duration> {
    Duration::from_str(text(spec, attribute)?).ok()
}

/// The names of a certificate, in lower case, sorted, each once: the common name is one of them.
pub fn names(spec: &Spec) -> Vec<String> {
    let sans = spec.get("sans").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    crate::x509::normal_names(text(spec, "common_name").into_iter().chain(sans).map(|name| name.trim_end_matches('.')))
}

/// The rendered configuration of a deployment.
pub fn config(spec: &Spec) -> Option<&Spec> {
    spec.get("config")?.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_each_is_there_once() {
        let json = serde_json::json!({"common_name": "WWW.example.com", "sans": ["b.example.com", "www.example.com."]});
        assert_eq!(json.as_object().map(names), Some(vec!["b.example.com".to_owned(), "www.example.com".to_owned()]));
    }
}
