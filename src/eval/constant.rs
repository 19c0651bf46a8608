//! Expressions that must be constants: defaults, values in variable files, settings. References and functions are faults.

use std::sync::Arc;

use super::fault::{Evaluated, fault};
use super::scope::{Mode, Resolved, Roots, Scope, Session};
use crate::address::ResourceAddress;
use crate::diagnostic::codes::language as codes;
use crate::source::Span;
use crate::syntax::ast::Expr;

/// Nothing can be referred to.
struct NoRoots;

impl Roots for NoRoots {
    fn resolve(&self, _: &str, _: Option<&str>, span: Span) -> Evaluated<Resolved> {
        fault(&codes::ASSIGNMENT, span, "Nothing can be referred to here: the value must be a constant.")
    }

    fn dereference(&self, _: &Arc<ResourceAddress>, _: &str, span: Span) -> Evaluated {
        fault(&codes::ASSIGNMENT, span, "Nothing can be referred to here: the value must be a constant.")
    }
}

/// The value of a constant.
pub(super) fn constant(session: &Session<'_>, expr: &Expr) -> Evaluated {
    Scope { mode: Mode::Constant, ..Scope::new(&NoRoots, session) }.eval(expr)
}
