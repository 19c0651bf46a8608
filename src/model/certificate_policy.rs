//! `certificate_policy`: what certificates of a project may be. [`crate::policy`] holds certificates against it.
//!
//! ```hcl
//! certificate_policy "production" {
//!   allowed_key_types  = ["ecdsa-p256", "ecdsa-p384"]
//!   allowed_issuers    = [acme_account.letsencrypt]
//!   require_auto_renew = true
//!   naming_pattern     = "^[a-z0-9-]+$"
//!   sans {
//!     allow     = ["*.example.com"]
//!     deny      = ["*.internal.example.com"]
//!     max_count = 50
//!   }
//! }
//! ```

use super::certificate::KEY_TYPES;
use super::{ISSUERS, Kind, Role, rules};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{BlockSchema, BodySchema, KindSchema, Occurs, optional};
use crate::eval::types::Type;
use crate::eval::value::Value;

/// The kind.
pub fn kind() -> Kind {
    let strings = || Type::list(Type::String);
    let sans = BlockSchema {
        name: "sans",
        body: BodySchema {
            attributes: vec![
                optional("allow", strings(), "Globs; every name must match one. Any name when left out."),
                optional("deny", strings(), "Globs; no name may match one. Checked first."),
                optional("max_count", Type::Number, "Most names of one certificate; whole, from 1."),
            ],
            blocks: Vec::new(),
        },
        occurs: Occurs::Optional,
        doc: "What names may be.",
    };
    let attributes = vec![
        optional("allowed_key_types", strings(), "Key types that may be used; any when left out.").one_of(KEY_TYPES),
        optional(
            "allowed_issuers",
            Type::list(Type::reference(ISSUERS)),
            "Issuers that may be used; any when left out.",
        ),
        optional("require_auto_renew", Type::Bool, "Whether `auto_renew = false` is refused.").or(Value::Bool(false)),
        optional("naming_pattern", Type::String, "Regular expression that the label of every certificate must match."),
    ];
    let schema = KindSchema {
        name: "certificate_policy",
        doc: "What certificates of its project may be, unless a certificate names another policy.",
        body: BodySchema { attributes, blocks: vec![sans] },
        facts: Vec::new(),
        in_project: true,
    };
    Kind::new(schema, Role::Record).checked(check)
}

/// Holds a policy's own arguments to their shapes.
pub(super) fn check(instance: &Instance, faults: &mut Diagnostics) {
    rules::whole_number(instance, "sans.max_count", 1, faults);
    let Some(pattern) = instance.get("naming_pattern").and_then(Value::as_str) else { return };
    if let Err(fault) = regex::Regex::new(pattern) {
        let text = fault.to_string();
        let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        rules::invalid(instance, "naming_pattern", &format!("it is no regular expression: {why}"), faults);
    }
}
