//! Expressions that outlive evaluation: what they refer to is captured as an object of their roots, and they are
//! evaluated again with it when a certificate or the facts are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bounds::bounded;
use super::fault::{Evaluated, Gather, fault};
use super::scope::{Resolved, Roots, Scope};
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::codes::language as codes;
use crate::source::Span;
use crate::syntax::ast::Expr;
use crate::syntax::references::{Reference, each_reference};

/// The values of all that `expr` refers to, but for the root `except`: `{ var = { hosts = … } }`.
pub(super) fn capture(scope: &Scope<'_>, expr: &Expr, except: &str) -> Evaluated {
    let mut references: Vec<Reference<'_>> = Vec::new();
    each_reference(expr, &mut |reference| {
        let known = |one: &Reference<'_>| one.root == reference.root && one.first == reference.first;
        if reference.root != except && !references.iter().any(known) {
            references.push(reference);
        }
    });
    let mut gather = Gather::default();
    let mut roots: BTreeMap<Arc<str>, Captured> = BTreeMap::new();
    for Reference { root, first, span, .. } in references {
        let Some(resolved) = gather.take(scope.roots.resolve(root, first, span)) else { continue };
        let captured = roots.entry(Arc::from(root)).or_default();
        match first.filter(|_| resolved.took_first) {
            Some(first) => {
                captured.names.insert(Arc::from(first), resolved.value);
            }
            None => captured.whole = Some(resolved.value),
        }
    }
    gather.done()?;
    bounded(Value::object(roots.into_iter().map(|(root, captured)| (root, captured.into_value()))), expr.span)
}

#[derive(Default)]
struct Captured {
    whole: Option<Value>,
    names: BTreeMap<Arc<str>, Value>,
}

impl Captured {
    fn into_value(self) -> Value {
        self.whole.unwrap_or(Value::Object(Arc::new(self.names)))
    }
}

/// Looks behind references once evaluation is over.
pub(super) trait Behind {
    /// The attribute of the resource at an address.
    fn attribute(&self, address: &ResourceAddress, name: &str, span: Span) -> Evaluated;

    /// The names of the outputs of a module call.
    fn outputs(&self, address: &ResourceAddress) -> Option<Vec<Arc<str>>>;
}

/// The names of the outputs that were kept of a module call.
pub(super) fn kept_names(outputs: Option<&serde_json::Value>) -> Option<Vec<Arc<str>>> {
    Some(outputs?.as_object()?.keys().map(|name| Arc::from(name.as_str())).collect())
}

/// The roots of a captured expression.
pub(super) struct CapturedRoots<'e> {
    pub(super) captured: &'e Value,
    /// One more root, known only now.
    pub(super) extra: Option<(&'static str, &'e Value)>,
    pub(super) behind: &'e dyn Behind,
}

impl Roots for CapturedRoots<'_> {
    fn resolve(&self, root: &str, _: Option<&str>, span: Span) -> Evaluated<Resolved> {
        if let Some((name, value)) = self.extra
            && name == root
        {
            return Ok(Resolved::root(value.clone()));
        }
        match self.captured.get(root) {
            Some(value) => Ok(Resolved::root(value.clone())),
            None => fault(&codes::REFERENCE, span, format!("\"{root}\" is not known here.")),
        }
    }

    fn outputs(&self, address: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        self.behind.outputs(address)
    }

    fn dereference(&self, address: &Arc<ResourceAddress>, name: &str, span: Span) -> Evaluated {
        self.behind.attribute(address, name, span)
    }
}
