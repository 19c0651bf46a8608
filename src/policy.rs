//! Certificate policies: what certificates of a project may be. Pure: a policy and a certificate in, violations out.

use crate::eval::value::Value;
use crate::glob;

/// One policy.
#[derive(Debug, Default)]
pub struct Policy {
    key_types: Option<Vec<String>>,
    issuers: Option<Vec<Value>>,
    deny: Vec<String>,
    allow: Option<Vec<String>>,
    max_count: Option<usize>,
    naming: Option<regex::Regex>,
    require_auto_renew: bool,
}

/// One rule that is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the rule in the policy.
    pub rule: &'static str,
    /// Path of the argument of the certificate that does not keep it.
    pub argument: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl Policy {
    /// Reads a decoded `certificate_policy`. What is left out allows everything.
    pub fn of(value: &Value) -> Self {
        let get = |name: &str| value.get(name).filter(|value| !value.is_null());
        let sans = |name: &str| get("sans").and_then(|sans| sans.get(name)).filter(|value| !value.is_null());
        Self {
            key_types: get("allowed_key_types").map(texts),
            issuers: get("allowed_issuers").and_then(Value::elements).map(<[Value]>::to_vec),
            deny: sans("deny").map(texts).unwrap_or_default(),
            allow: sans("allow").map(texts),
            max_count: sans("max_count").and_then(Value::as_number).and_then(|n| usize::try_from(n.to_i64()?).ok()),
            // A pattern that is none has been reported where it stands.
            naming: get("naming_pattern").and_then(Value::as_str).and_then(|pattern| regex::Regex::new(pattern).ok()),
            require_auto_renew: get("require_auto_renew").and_then(Value::as_bool).unwrap_or(false),
        }
    }

    /// What a certificate violates: key type, issuer, names, label, renewal, in this order. `label` is that of its block,
    /// `names` its names with the path of each.
    pub fn violations(&self, label: &str, certificate: &Value, names: &[(String, &str)]) -> Vec<Violation> {
        let mut found = Vec::new();
        let text = |name: &str| certificate.get(name).and_then(Value::as_str).unwrap_or_default();
        self.key_type(text("key_type"), &mut found);
        self.issuer(certificate.get("issuer"), &mut found);
        self.count(names.len(), &mut found);
        names.iter().for_each(|(path, name)| self.name(path, name, &mut found));
        self.label(label, &mut found);
        let renews = certificate.get("auto_renew").and_then(Value::as_bool).unwrap_or(true);
        if self.require_auto_renew && !renews {
            let detail = "it must be renewed in time, and auto_renew is false".to_owned();
            found.push(Violation { rule: "require_auto_renew", argument: "auto_renew".to_owned(), detail });
        }
        found
    }

    fn key_type(&self, key_type: &str, found: &mut Vec<Violation>) {
        if let Some(allowed) = self.key_types.as_ref().filter(|allowed| !allowed.iter().any(|one| one == key_type)) {
            let detail = format!("key type \"{key_type}\" is not among {}", allowed.join(", "));
            found.push(Violation { rule: "allowed_key_types", argument: "key_type".to_owned(), detail });
        }
    }

    fn issuer(&self, issuer: Option<&Value>, found: &mut Vec<Violation>) {
        let (Some(allowed), Some(Value::Ref(issuer))) = (&self.issuers, issuer) else { return };
        if !allowed.iter().any(|one| one.as_ref_address() == Some(issuer)) {
            let detail = format!("issuer {issuer} is not among those allowed");
            found.push(Violation { rule: "allowed_issuers", argument: "issuer".to_owned(), detail });
        }
    }

    fn count(&self, count: usize, found: &mut Vec<Violation>) {
        if let Some(most) = self.max_count.filter(|most| count > *most) {
            let detail = format!("it has {count} names, and at most {most} may be in one certificate");
            found.push(Violation { rule: "sans.max_count", argument: "sans".to_owned(), detail });
        }
    }

    fn name(&self, path: &str, name: &str, found: &mut Vec<Violation>) {
        let mut refuse = |rule, detail| found.push(Violation { rule, argument: path.to_owned(), detail });
        if let Some(glob) = self.deny.iter().find(|glob| glob::matches(glob, name)) {
            return refuse("sans.deny", format!("name \"{name}\" matches \"{glob}\", which is denied"));
        }
        let allowed = self.allow.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob::matches(glob, name)));
        if !allowed {
            refuse("sans.allow", format!("name \"{name}\" matches nothing that is allowed"));
        }
    }

    fn label(&self, label: &str, found: &mut Vec<Violation>) {
        if let Some(pattern) = self.naming.as_ref().filter(|pattern| !pattern.is_match(label)) {
            let detail = format!("label \"{label}\" does not match \"{pattern}\"");
            found.push(Violation { rule: "naming_pattern", argument: String::new(), detail });
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.elements().unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::eval::encode::from_json;

    fn check(policy: Json, certificate: Json, expected: &[&str]) {
        let certificate = from_json(&certificate);
        let names: Vec<(String, &str)> =
            [("common_name".to_owned(), "www.example.com"), ("sans.0".to_owned(), "db.internal.example.com")].into();
        let found = Policy::of(&from_json(&policy)).violations("www", &certificate, &names);
        assert_eq!(found.iter().map(|one| one.rule).collect::<Vec<_>>(), expected, "{policy}");
    }

    #[test]
    fn each_rule_is_held() {
        let issuer = |name: &str| json!({ "$ref": format!("private_ca.{name}") });
        let good = json!({"key_type": "ecdsa-p256", "issuer": issuer("a"), "auto_renew": true});
        check(json!({}), good.clone(), &[]);
        check(json!({"allowed_key_types": ["ecdsa-p256"]}), good.clone(), &[]);
        check(json!({"allowed_key_types": ["rsa-4096"]}), good.clone(), &["allowed_key_types"]);
        check(json!({"allowed_issuers": [issuer("a")]}), good.clone(), &[]);
        check(json!({"allowed_issuers": [issuer("b")]}), good.clone(), &["allowed_issuers"]);
        check(json!({"sans": {"deny": ["*.internal.*"]}}), good.clone(), &["sans.deny"]);
        check(json!({"sans": {"allow": ["*.example.com"]}}), good.clone(), &[]);
        check(json!({"sans": {"allow": ["www.*"]}}), good.clone(), &["sans.allow"]);
        check(json!({"sans": {"max_count": 1}}), good.clone(), &["sans.max_count"]);
        check(json!({"naming_pattern": "^[0-9]+$"}), good.clone(), &["naming_pattern"]);
        check(json!({"require_auto_renew": true}), good, &[]);
        let bad = json!({"key_type": "rsa-2048", "issuer": issuer("b"), "auto_renew": false});
        let policy = json!({"allowed_key_types": [], "allowed_issuers": [], "require_auto_renew": true});
        check(policy, bad, &["allowed_key_types", "allowed_issuers", "require_auto_renew"]);
    }
}
