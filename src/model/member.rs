//! `member`: a person or a robot with an identity.
//!
//! ```hcl
//! member "alice" {
//!   email = "alice@example.com"
//!   role  = "admin"
//!   token = secret_env("ALICE_TOKEN")
//! }
//! ```

use super::rules;
use super::{Kind, Role};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{BodySchema, KindSchema, optional, required};
use crate::eval::types::Type;

/// Roles that can be granted, the most powerful first. `owner` is not granted: the organization names its owner.
pub const ROLES: &[&str] = &["admin", "operator", "viewer"];

/// The kind.
pub fn kind() -> Kind {
    let schema = KindSchema {
        name: "member",
        doc: "A person or a robot with an identity.",
        body: BodySchema {
            attributes: vec![
                required("email", Type::String, "Address for notices; names the member in the timeline."),
                optional("role", Type::String, "Role over every project; grants of a project add to it.").one_of(ROLES),
                optional("token", Type::Secret, "Token by which this member is known as the actor."),
            ],
            blocks: Vec::new(),
        },
        facts: Vec::new(),
        in_project: false,
    };
    Kind::new(schema, Role::Record).checked(check)
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    rules::email(instance, "email", faults);
}
