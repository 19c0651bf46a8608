//! `project`: an isolated namespace, with the roles that members have in it.
//!
//! ```hcl
//! project "production" {
//!   description = "What customers see."
//!   grant {
//!     role    = "operator"
//!     members = [member.bob]
//!   }
//! }
//! ```

use super::member::ROLES;
use super::{Kind, Role};
use crate::eval::schema::{BlockSchema, BodySchema, KindSchema, Occurs, optional, required};
use crate::eval::types::Type;

/// The kind.
pub fn kind() -> Kind {
    let grant = BlockSchema {
        name: "grant",
        body: BodySchema {
            attributes: vec![
                required("role", Type::String, "What the members may do.").one_of(ROLES),
                required("members", Type::list(Type::reference(["member"])), "Who."),
            ],
            blocks: Vec::new(),
        },
        occurs: Occurs::Many,
        doc: "Gives a role to members.",
    };
    let schema = KindSchema {
        name: "project",
        doc: "An isolated namespace: almost every other object belongs to exactly one, and none refers into another.",
        body: BodySchema {
            attributes: vec![optional("description", Type::String, "What it is for.")],
            blocks: vec![grant],
        },
        facts: Vec::new(),
        in_project: false,
    };
    Kind::new(schema, Role::Record)
}
