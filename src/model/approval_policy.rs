//! `approval_policy`: which operations of a project wait for an approval. It is recorded; where it would have to be
//! enforced, and cannot be yet, apply refuses.
//!
//! ```hcl
//! approval_policy "production" {
//!   required_for = ["issue", "revoke"]
//! }
//! ```

use super::{Kind, Role, rules};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{BodySchema, KindSchema, required};
use crate::eval::types::Type;

/// Operations that can be made to wait.
pub const OPERATIONS: &[&str] = &["issue", "renew", "deploy", "revoke"];

/// The kind.
pub fn kind() -> Kind {
    let operations = required("required_for", Type::list(Type::String), "Operations that wait.").one_of(OPERATIONS);
    let schema = KindSchema {
        name: "approval_policy",
        doc: "Which operations of its project wait for an approval.",
        body: BodySchema { attributes: vec![operations], blocks: Vec::new() },
        facts: Vec::new(),
        in_project: true,
    };
    Kind::new(schema, Role::Record).checked(check)
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    let what = "approvals cannot be given yet, so apply refuses the operations it names";
    rules::not_enforced(instance, "required_for", what, faults);
}
