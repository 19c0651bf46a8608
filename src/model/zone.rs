//! `zone`: a DNS apex bound to the credential that publishes challenges in it. The longest match wins.
//!
//! ```hcl
//! zone "example_com" {
//!   apex       = "example.com"
//!   credential = dns_credential.cloudflare
//!   aliases    = ["example.net"]
//! }
//! ```

use super::{Kind, Role, names, rules};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{BodySchema, KindSchema, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;

/// The kind.
pub fn kind() -> Kind {
    let attributes = vec![
        required("apex", Type::String, "The domain, without a final dot: `example.com`."),
        required("credential", Type::reference(["dns_credential"]), "Who may write in it."),
        optional("aliases", Type::list(Type::String), "Further apexes whose challenges are answered in this zone."),
    ];
    let schema = KindSchema {
        name: "zone",
        doc: "A DNS apex bound to the credential that publishes challenges in it.",
        body: BodySchema { attributes, blocks: Vec::new() },
        facts: Vec::new(),
        in_project: true,
    };
    Kind::new(schema, Role::Record).checked(check)
}

/// Apex and aliases of a zone, each with the path it stands at.
pub fn apexes(instance: &Instance) -> impl Iterator<Item = (String, &str)> {
    let apex = instance.get("apex").and_then(Value::as_str).map(|apex| ("apex".to_owned(), apex));
    let aliases = instance.get("aliases").and_then(Value::elements).unwrap_or_default();
    let aliases = aliases.iter().enumerate().filter_map(|(at, alias)| Some((format!("aliases.{at}"), alias.as_str()?)));
    apex.into_iter().chain(aliases)
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    for (path, apex) in apexes(instance) {
        match names::domain(apex) {
            Err(why) => rules::invalid(instance, &path, &format!("\"{apex}\" is no domain: {why}"), faults),
            Ok(()) => rules::below_public_suffix(instance, &path, apex, faults),
        }
    }
}
