//! Deployments: one for each certificate and each of its targets, with the target's configuration rendered for it.

use std::collections::{BTreeSet, HashMap};

use super::{Kinds, Role, rules};
use crate::address::{Address, Key, ResourceAddress};
use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::{Instance, Render};
use crate::eval::encode::to_json;
use crate::eval::value::Value;
use crate::source::Span;
use crate::state::Spec;

/// One deployment.
pub struct Deployment {
    /// Its address.
    pub address: Address,
    /// Its spec.
    pub spec: Spec,
    /// The reference in `targets`.
    pub span: Span,
    /// Places that a configuration writes to.
    pub slots: fn(&Spec) -> Vec<String>,
}

/// Makes deployments, and finds those that would write to one place.
pub struct Deployments<'a> {
    render: &'a dyn Render,
    kinds: &'a Kinds,
    taken: HashMap<String, (Address, Span)>,
}

impl<'a> Deployments<'a> {
    /// None yet.
    pub fn new(render: &'a dyn Render, kinds: &'a Kinds) -> Self {
        Self { render, kinds, taken: HashMap::new() }
    }

    /// Those of one certificate.
    pub fn of(&mut self, certificate: &Instance, faults: &mut Diagnostics) -> Vec<Deployment> {
        let targets = certificate.get("targets").and_then(Value::elements).unwrap_or_default();
        if targets.is_empty() {
            return Vec::new();
        }
        let object = object(certificate);
        let mut seen = BTreeSet::new();
        let mut made = Vec::new();
        for (at, target) in targets.iter().enumerate().filter_map(|(at, one)| Some((at, one.as_ref_address()?))) {
            let span = rules::place(certificate, &format!("targets.{at}"));
            if !seen.insert(target) {
                faults.push(twice(certificate, target, span));
                continue;
            }
            made.extend(self.one(certificate, target, &object, span, faults));
        }
        made
    }

    fn one(
        &mut self,
        certificate: &Instance,
        target: &ResourceAddress,
        object: &Value,
        span: Span,
        faults: &mut Diagnostics,
    ) -> Option<Deployment> {
        let Role::Target(slots) = self.kinds.get(&target.kind)?.role else { return None };
        let address = Address::Deployment { certificate: certificate.address.clone(), target: target.clone() };
        let config = match self.render.render(target, object) {
            Ok(config) => config_of(&config),
            Err(found) => {
                faults.extend(found);
                return None;
            }
        };
        for slot in slots(&config) {
            self.take(slot, &address, span, faults);
        }
        Some(Deployment { spec: spec(certificate, target, config), address, span, slots })
    }

    fn take(&mut self, slot: String, address: &Address, span: Span, faults: &mut Diagnostics) {
        if let Some((before, there)) = self.taken.get(&slot) {
            let detail = format!("{address} and {before} would both write to {slot}, and each would undo the other.");
            let fault = Diagnostic::error(&model::SLOT_TAKEN, detail).at(span).about(address);
            let fault = fault.related(*there, format!("{before} writes there"));
            faults.push(fault.hint("put ${certificate.name} into the target's paths"));
            return;
        }
        self.taken.insert(slot, (address.clone(), span));
    }
}

fn twice(certificate: &Instance, target: &ResourceAddress, span: Span) -> Diagnostic {
    let detail = format!("{} names {target} more than once.", certificate.address);
    Diagnostic::error(&model::DUPLICATE_TARGET, detail).at(span).about(&certificate.address)
}

/// A target's configuration without its project, which says nothing about the place.
fn config_of(rendered: &Value) -> Spec {
    let mut config = match to_json(rendered) {
        serde_json::Value::Object(config) => config,
        _ => Spec::new(),
    };
    config.remove("project");
    config
}

fn spec(certificate: &Instance, target: &ResourceAddress, config: Spec) -> Spec {
    let reference = |address: &ResourceAddress| serde_json::json!({ "$ref": address });
    Spec::from_iter([
        ("certificate".to_owned(), reference(&certificate.address)),
        ("target".to_owned(), reference(target)),
        ("config".to_owned(), config.into()),
    ])
}

/// What `certificate` stands for in a target's templates: its arguments, and `name`, `key` and `address`.
fn object(certificate: &Instance) -> Value {
    let mut entries = certificate.value.entries().cloned().unwrap_or_default();
    let key = match &certificate.address.key {
        None => Value::NULL,
        Some(Key::Index(at)) => Value::string(at.to_string()),
        Some(Key::Name(name)) => Value::String(name.clone()),
    };
    entries.insert("name".into(), Value::string(file_name(&certificate.address)));
    entries.insert("key".into(), key);
    entries.insert("address".into(), Value::string(certificate.address.to_string()));
    Value::Object(std::sync::Arc::new(entries))
}

/// Label, or label and key, fit for a file's name. Keys that differ only in other characters meet in one name: where that
/// matters they would write to one place, which is reported.
pub fn file_name(address: &ResourceAddress) -> String {
    let name = match &address.key {
        None => address.name.to_string(),
        Some(Key::Index(at)) => format!("{}-{at}", address.name),
        Some(Key::Name(key)) => format!("{}-{key}", address.name),
    };
    name.replace(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)), "_")
}
