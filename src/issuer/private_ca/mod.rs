//! `private_ca`: a CA of one's own. Its keys never leave the vault; it needs no network and no server.
//!
//! ```hcl
//! private_ca "house" {
//!   common_name      = "Example Root"
//!   organization     = "Example"
//!   default_lifetime = "30d"
//!   intermediate { common_name = "Example Issuing CA" }
//!   name_constraints { permitted_dns = ["example.test"] }
//! }
//! ```

mod authority;
mod limits;
mod orders;

pub use authority::establish;
pub use orders::PrivateCa;

use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BlockSchema, BodySchema, KindSchema, Occurs, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::model::certificate::KEY_TYPES;
use crate::model::{Kind, Role, names, rules};
use crate::plan::Work;
use crate::time::Duration;

/// The block's type.
pub const NAME: &str = "private_ca";

/// The kind.
pub fn kind() -> Kind {
    let schema = KindSchema {
        name: NAME,
        doc: "A CA of one's own: its keys are kept encrypted in the store.",
        body: BodySchema { attributes: attributes(), blocks: vec![intermediate(), name_constraints()] },
        facts: vec![
            ("certificate", Type::String, "PEM of the root: what clients are made to trust."),
            ("fingerprint", Type::String, "SHA-256 of the root's DER, hexadecimal."),
            ("not_after", Type::String, "End of the issuing certificate's validity, RFC 3339."),
        ],
        in_project: true,
    };
    Kind::new(schema, Role::Issuer(Work::Establish)).checked(check)
}

fn attributes() -> Vec<AttributeSchema> {
    vec![
        required("common_name", Type::String, "Name of the root.").replaces(),
        optional("organization", Type::String, "Organization in the names of the CA's certificates.").replaces(),
        optional("key_type", Type::String, "Kind of the CA's own keys.")
            .one_of(KEY_TYPES)
            .or(Value::string("ecdsa-p256"))
            .replaces(),
        optional("lifetime", Type::String, "How long the root is valid.").or(Value::string("3650d")).replaces(),
        optional("default_lifetime", Type::String, "How long a certificate is valid that asks for no lifetime.")
            .or(Value::string("90d")),
        optional("max_lifetime", Type::String, "The longest lifetime that a certificate may ask for."),
    ]
}

fn intermediate() -> BlockSchema {
    let attributes = vec![
        required("common_name", Type::String, "Name of the intermediate.").replaces(),
        optional("lifetime", Type::String, "How long it is valid; never longer than the root.")
            .or(Value::string("1825d"))
            .replaces(),
    ];
    BlockSchema {
        name: "intermediate",
        body: BodySchema { attributes, blocks: Vec::new() },
        occurs: Occurs::Optional,
        doc: "An issuing CA below the root, so that the root's key signs once and never again.",
    }
}

fn name_constraints() -> BlockSchema {
    let domains = || Type::list(Type::String);
    let attributes = vec![
        optional("permitted_dns", domains(), "Domains whose names, and those below them, may be issued.").replaces(),
        optional("excluded_dns", domains(), "Domains whose names, and those below them, are never issued.").replaces(),
    ];
    BlockSchema {
        name: "name_constraints",
        body: BodySchema { attributes, blocks: Vec::new() },
        occurs: Occurs::Optional,
        doc: "What the CA may issue (RFC 5280 section 4.2.1.10): written into its certificate and held to here.",
    }
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    for path in ["common_name", "intermediate.common_name"] {
        let name = instance.get(path).and_then(Value::as_str);
        if name.is_some_and(|name| name.trim().is_empty() || name.chars().count() > 64) {
            rules::invalid(instance, path, "a common name has 1 to 64 characters", faults);
        }
    }
    rules::duration(instance, "lifetime", faults);
    rules::duration(instance, "intermediate.lifetime", faults);
    let usual = rules::duration(instance, "default_lifetime", faults);
    let longest = rules::duration(instance, "max_lifetime", faults);
    check_lifetimes(instance, usual, longest, faults);
    check_constraints(instance, faults);
}

fn check_lifetimes(instance: &Instance, usual: Option<Duration>, longest: Option<Duration>, faults: &mut Diagnostics) {
    if let (Some(usual), Some(longest)) = (usual, longest)
        && usual > longest
    {
        rules::invalid(instance, "max_lifetime", &format!("default_lifetime is {usual}, which is longer"), faults);
    }
}

fn check_constraints(instance: &Instance, faults: &mut Diagnostics) {
    for list in ["name_constraints.permitted_dns", "name_constraints.excluded_dns"] {
        let domains = instance.get(list).and_then(Value::elements).unwrap_or_default();
        for (at, domain) in domains.iter().enumerate() {
            if let Some(Err(why)) = domain.as_str().map(names::domain) {
                rules::invalid(instance, &format!("{list}.{at}"), why, faults);
            }
        }
    }
}
