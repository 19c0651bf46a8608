//! Instances for tests, made from JSON as evaluation would make them: defaults filled in, every argument with a place.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{Kind, Kinds, Role};
use crate::address::{Key, ResourceAddress};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::{Block, Desired, Instance, Lifecycle, Render, Repetition};
use crate::eval::encode::from_json;
use crate::eval::schema::{BodySchema, KindSchema, Occurs, Presence, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::plan::Work;
use crate::source::{SourceId, Span};

/// The domain's kinds, and small ones in place of those that adapters bring.
pub fn kinds() -> Kinds {
    let schema = |name, attributes| KindSchema {
        name,
        doc: "",
        body: BodySchema { attributes, blocks: Vec::new() },
        facts: Vec::new(),
        in_project: true,
    };
    let text = |name| optional(name, Type::String, "");
    let slots: fn(&crate::state::Spec) -> Vec<String> =
        |spec| spec.get("directory").and_then(Json::as_str).map(|path| format!("file:{path}")).into_iter().collect();
    let directory = required("directory", Type::String, "").per_certificate();
    let adapters = [
        Kind::new(
            schema("acme_account", vec![text("email"), text("directory").replaces()]),
            Role::Issuer(Work::Register),
        ),
        Kind::new(
            schema("private_ca", vec![text("common_name").replaces(), text("note")]),
            Role::Issuer(Work::Establish),
        ),
        Kind::new(schema("dns_credential", vec![optional("token", Type::Secret, "")]), Role::Record),
        Kind::new(schema("file_target", vec![directory.clone()]), Role::Target(slots)),
        Kind::new(schema("ssh_target", vec![directory]), Role::Target(slots)),
    ];
    Kinds::new(super::kinds().into_iter().chain(adapters))
}

/// One instance. `address` is as people write it; `value` is what its block says.
pub fn instance(kinds: &Kinds, address: &str, value: Json) -> Instance {
    let address: crate::address::Address = address.parse().expect("an address");
    let address = address.resource().expect("a resource").clone();
    let kind = kinds.get(&address.kind).expect("a kind").schema.clone();
    let number = crate::digest::Digest::of(address.to_string()).0;
    // Each block gets a text of its own, so that spans of different blocks differ.
    let source = SourceId(u32::from_be_bytes([0, number[0], number[1], number[2]]));
    let mut places = BTreeMap::new();
    places_of(&value, "", source, &mut places);
    Instance {
        value: body(&kind.body, &value),
        kind,
        span: Span::new(source, 0..1),
        places: Arc::new(places),
        templates: Arc::from([]),
        depends_on: Vec::new(),
        lifecycle: Lifecycle::default(),
        address,
    }
}

fn places_of(value: &Json, path: &str, source: SourceId, places: &mut BTreeMap<Box<str>, Span>) {
    let children: Vec<(String, &Json)> = match value {
        Json::Object(entries) if !entries.keys().any(|key| key.starts_with('$')) => {
            entries.iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Json::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    for (name, child) in children {
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        let start = places.len() * 10 + 10;
        places.insert(path.as_str().into(), Span::new(source, start..start + 5));
        places_of(child, &path, source, places);
    }
}

fn body(schema: &BodySchema, given: &Json) -> Value {
    let attributes = schema.attributes.iter().map(|attribute| {
        let value = match (given.get(attribute.name), &attribute.presence) {
            (Some(value), _) => from_json(value),
            (None, Presence::Default(value)) => value.clone(),
            (None, _) => Value::NULL,
        };
        (attribute.name, value)
    });
    let blocks = schema.blocks.iter().map(|block| {
        let value = match (given.get(block.name), block.occurs) {
            (Some(Json::Array(items)), Occurs::Many) => Value::tuple(items.iter().map(|item| body(&block.body, item))),
            (None, Occurs::Many) => Value::tuple([]),
            (Some(one), _) => body(&block.body, one),
            (None, _) => Value::NULL,
        };
        (block.name, value)
    });
    Value::object(attributes.chain(blocks).collect::<Vec<_>>())
}

/// What evaluation would have made of these blocks.
pub fn desired<S: AsRef<str>>(kinds: &Kinds, blocks: impl IntoIterator<Item = (S, Json)>) -> Desired {
    let mut desired = Desired::default();
    for (address, value) in blocks {
        let instance = instance(kinds, address.as_ref(), value);
        let repetition = match instance.address.key {
            None => Repetition::Single,
            Some(Key::Index(_)) => Repetition::Count,
            Some(Key::Name(_)) => Repetition::ForEach,
        };
        desired.blocks.insert(instance.address.block(), Block { repetition, span: instance.span });
        desired.instances.push(instance);
    }
    desired.instances.sort_by(|a, b| a.address.cmp(&b.address));
    desired
}

/// Renders targets by putting the certificate's name where `${certificate.name}` stands.
pub struct Templates(pub BTreeMap<ResourceAddress, Value>);

impl Templates {
    /// Of everything declared.
    pub fn of(desired: &Desired) -> Self {
        Self(desired.instances.iter().map(|one| (one.address.clone(), one.value.clone())).collect())
    }
}

impl Render for Templates {
    fn render(&self, target: &ResourceAddress, certificate: &Value) -> Result<Value, Diagnostics> {
        let name = certificate.get("name").and_then(Value::as_str).unwrap_or_default();
        let entries = self.0[target].entries().expect("an object");
        Ok(Value::object(entries.iter().map(|(key, value)| match value.as_str() {
            Some(text) => (key.clone(), Value::string(text.replace("${certificate.name}", name))),
            None => (key.clone(), value.clone()),
        })))
    }
}

/// A reference as specs hold it.
pub fn reference(address: &str) -> Json {
    serde_json::json!({ "$ref": address })
}
