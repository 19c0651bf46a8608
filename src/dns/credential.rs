//! `dns_credential`: one block for all providers. Its arguments are those of every provider; which of them belong to the
//! one that is named is a rule of the block.

use super::{NAMES, PROVIDERS};
use crate::diagnostic::codes::model::INVALID_ARGUMENT;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BodySchema, KindSchema, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::model::{Kind, Role};

/// One provider, as its file registers it.
pub struct Provider {
    /// The word in `provider`.
    pub name: &'static str,
    /// Arguments that must be given.
    pub needs: &'static [&'static str],
    /// Its arguments, all optional in the schema: another provider has no use for them.
    pub arguments: fn() -> Vec<AttributeSchema>,
    /// Rules on their values.
    pub check: fn(&Instance, &mut Diagnostics),
}

/// The block's type.
pub const NAME: &str = "dns_credential";

/// The kind.
pub fn kind() -> Kind {
    let schema = KindSchema {
        name: NAME,
        doc: "A DNS provider and the secrets it takes to publish challenges there. Zones refer to it.",
        body: BodySchema { attributes: attributes(), blocks: Vec::new() },
        facts: Vec::new(),
        in_project: true,
    };
    Kind::new(schema, Role::Record).checked(check)
}

/// Arguments that belong to every provider.
fn common() -> [AttributeSchema; 2] {
    [
        required("provider", Type::String, "The provider.").one_of(NAMES),
        optional(
            "name_servers",
            Type::list(Type::String),
            "Servers, as host:port, that are asked whether a challenge is visible, instead of those that the zone's NS records name: for split horizons, and for servers that only answer inside the house.",
        ),
    ]
}

fn attributes() -> Vec<AttributeSchema> {
    let mut all: Vec<AttributeSchema> = common().into();
    for provider in PROVIDERS {
        let fresh = (provider.arguments)().into_iter().filter(|one| !all.iter().any(|known| known.name == one.name));
        let fresh: Vec<AttributeSchema> = fresh.collect();
        all.extend(fresh);
    }
    all
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    let named = instance.get("provider").and_then(Value::as_str);
    let Some(provider) = PROVIDERS.iter().find(|provider| Some(provider.name) == named) else { return };
    for name in provider.needs.iter().filter(|name| instance.get(name).is_none()) {
        fault(instance, name, format!("the provider {} needs it", provider.name), faults);
    }
    let own = (provider.arguments)();
    let known = |name: &str| own.iter().chain(&common()).any(|one| one.name == name);
    for name in attributes().iter().map(|one| one.name).filter(|name| !known(name) && instance.get(name).is_some()) {
        fault(instance, name, format!("the provider {} has no use for it", provider.name), faults);
    }
    let servers = instance.get("name_servers").and_then(Value::elements).unwrap_or_default();
    for server in servers.iter().filter_map(Value::as_str) {
        if let Err(why) = super::server(server) {
            fault(instance, "name_servers", why, faults);
        }
    }
    (provider.check)(instance, faults);
}

/// Notes a fault of one argument, at its place.
pub fn fault(instance: &Instance, argument: &str, why: impl std::fmt::Display, faults: &mut Diagnostics) {
    let detail = format!("The argument {argument} cannot be used: {why}.");
    faults.push(Diagnostic::error(&INVALID_ARGUMENT, detail).at(instance.place(argument)).about(&instance.address));
}
