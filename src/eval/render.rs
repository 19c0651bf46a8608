//! The result of evaluation, and a target's arguments over `certificate` evaluated for one certificate.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::capture::{Behind, CapturedRoots, kept_names};
use super::decode::decoded;
use super::desired::{Desired, Instance, Render};
use super::encode::from_json;
use super::fault::{Evaluated, Faults, an, fault};
use super::functions::CallContext;
use super::residual::NoFiles;
use super::schema::AttributeSchema;
use super::scope::{Scope, Session};
use super::submodule::MODULE;
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::Expr;
use crate::time::Timestamp;

/// What the configuration says, and what is needed to say it for one certificate.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// What should exist.
    pub desired: Desired,
    /// Real values of sensitive variables, by name: handed to the port of secrets, never shown or stored.
    pub sensitive: BTreeMap<Arc<str>, Sensitive>,
    /// Values of the root module's variables, by name: those of sensitive ones are references.
    pub variables: BTreeMap<Arc<str>, Value>,
    /// Attributes of their values that may be left out, by name; see [`super::types::Type::optional_attributes`].
    pub optional: BTreeMap<Arc<str>, Vec<Vec<Arc<str>>>>,
    pub(super) templates: BTreeMap<ResourceAddress, Arc<[Template]>>,
    /// Outputs of modules that templates refer to, by the call's address.
    pub(super) outputs: serde_json::Map<String, serde_json::Value>,
    pub(super) plan_time: Timestamp,
}

/// A value that must not be shown: its `Debug` form hides it.
#[derive(Clone, PartialEq)]
pub struct Sensitive(pub Value);

impl std::fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(sensitive value)")
    }
}

/// One argument that is evaluated once a deployment.
#[derive(Debug)]
pub(super) struct Template {
    /// Its path: `files.directory`.
    pub(super) path: Box<str>,
    pub(super) expr: Arc<Expr>,
    /// The values of what it refers to besides the certificate.
    pub(super) captured: Value,
    pub(super) schema: AttributeSchema,
}

impl Evaluation {
    fn instance(&self, address: &ResourceAddress) -> Option<&Instance> {
        let all = &self.desired.instances;
        all.binary_search_by(|one| one.address.cmp(address)).ok().map(|at| &all[at])
    }

    fn evaluate(&self, template: &Template, certificate: &Value) -> Evaluated {
        let session = Session::new(CallContext { files: &NoFiles, plan_time: self.plan_time });
        let roots =
            CapturedRoots { captured: &template.captured, extra: Some(("certificate", certificate)), behind: self };
        let value = Scope::new(&roots, &session).eval(&template.expr)?;
        let value = decoded(&value, &template.schema, &template.expr)?;
        match (&template.schema.presence, value) {
            (super::schema::Presence::Default(default), Value::Null(_)) => Ok(default.clone()),
            (_, value) => Ok(value),
        }
    }
}

impl Behind for Evaluation {
    fn outputs(&self, address: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        kept_names(self.outputs.get(&address.to_string()))
    }

    fn attribute(&self, address: &ResourceAddress, name: &str, span: Span) -> Evaluated {
        if &*address.kind == MODULE {
            let found = self.outputs.get(&address.to_string()).and_then(|module| module.get(name));
            return match found.filter(|value| value.get("$residual").is_none()) {
                Some(value) => Ok(from_json(value)),
                None => fault(&codes::ATTRIBUTE, span, format!("\"{name}\" of {address} is not known here.")),
            };
        }
        let Some(instance) = self.instance(address) else {
            return fault(&codes::UNDECLARED, span, format!("{address} is not declared."));
        };
        if let Some(value) = instance.value.get(name) {
            return Ok(value.clone());
        }
        if instance.kind.facts.iter().any(|(fact, ..)| *fact == name) {
            let detail = format!("\"{name}\" of {address} is a fact: it exists only after apply.");
            return fault(&codes::FACT, span, detail);
        }
        fault(&codes::ATTRIBUTE, span, format!("{} has no attribute named \"{name}\".", an(instance.kind.name)))
    }
}

impl Render for Evaluation {
    fn render(&self, target: &ResourceAddress, certificate: &Value) -> Result<Value, Diagnostics> {
        let Some(instance) = self.instance(target) else {
            if self.desired.has_failed(target) {
                return Err(Diagnostics::default());
            }
            let detail = format!("{target} is not declared.");
            return Err(Diagnostic::error(&codes::UNDECLARED, detail).into());
        };
        let mut value = instance.value.clone();
        let mut faults = Faults::default();
        for template in self.templates.get(target).map_or(&[][..], |all| all) {
            match self.evaluate(template, certificate) {
                Ok(result) => value = replaced(&value, &template.path, result),
                Err(more) => faults.join(*more),
            }
        }
        if faults.diagnostics.is_empty() {
            return Ok(value);
        }
        let about = |one: Diagnostic| if one.address.is_some() { one } else { one.about(target) };
        Err(Diagnostics(faults.diagnostics.into_iter().map(about).collect()))
    }
}

/// The value with the part at `path` replaced: `files.directory`, `grant.0.role`.
fn replaced(value: &Value, path: &str, part: Value) -> Value {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let inner = |old: &Value, part: Value| match rest {
        Some(rest) => replaced(old, rest, part),
        None => part,
    };
    match value {
        Value::Object(entries) => {
            let mut entries = (**entries).clone();
            let old = entries.get(first).cloned().unwrap_or(Value::NULL);
            entries.insert(Arc::from(first), inner(&old, part));
            Value::Object(Arc::new(entries))
        }
        Value::List(ty, items) => {
            let mut items = items.to_vec();
            if let Some(old) = first.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                *old = inner(old, part);
            }
            Value::List(ty.clone(), items.into())
        }
        other => other.clone(),
    }
}
