//! What the parts of an expression hold, for the report of its fault: `var.hosts is map of object with 2 elements`.

use std::slice::from_ref;

use super::fault::Evaluated;
use super::quoted::write_quoted;
use super::scope::Scope;
use super::value::Value;
use crate::diagnostic::{Explained, Holding};
use crate::syntax::ast::{Expr, ExprKind, Step};
use crate::syntax::references::{Reference, each_reference};

/// Parts that a report tells of: more of them say less.
const MOST: usize = 8;
/// Letters of a text that a report tells.
const LETTERS: usize = 80;

impl Scope<'_> {
    /// The result, with what the parts of the expression hold noted in its faults, unless a part has done so already.
    pub(super) fn explained<T>(&self, expr: &Expr, result: Evaluated<T>) -> Evaluated<T> {
        let mut faults = match result {
            Err(faults) if !faults.undeclared && !self.session.is_quiet() => faults,
            other => return other,
        };
        if faults.diagnostics.iter().any(|one| one.explained.is_none()) {
            let explained = Explained { holdings: self.holdings(expr), called: called(expr) };
            let open = faults.diagnostics.iter_mut().filter(|one| one.explained.is_none());
            open.for_each(|one| one.explained = Some(Box::new(explained.clone())));
        }
        Err(faults)
    }

    /// What its references and the variables of `for`s hold, as far as they lead to values.
    pub(super) fn holdings(&self, expr: &Expr) -> Vec<Holding> {
        let mut found: Vec<Holding> = Vec::new();
        each_reference(expr, &mut |reference| {
            if found.len() < MOST
                && let Some(held) = self.held(&reference)
                && !found.iter().any(|one| one.traversal == held.traversal)
            {
                found.push(held);
            }
        });
        found
    }

    fn held(&self, reference: &Reference<'_>) -> Option<Holding> {
        let (root, steps) = (reference.root, reference.steps);
        let (mut value, rest) = match self.bound(root) {
            Some(value) => (value.clone(), steps),
            None => self.root(root, reference.span, steps).ok()?,
        };
        let mut taken = steps.len() - rest.len();
        for step in rest {
            let constant = step.written().is_some();
            match self.steps(value.clone(), from_ref(step)) {
                Ok(next) if constant => value = next,
                _ => break,
            }
            taken += 1;
        }
        let path: String = steps[..taken].iter().filter_map(Step::written).collect();
        Some(Holding { traversal: format!("{root}{path}"), statement: statement(&value)? })
    }
}

/// The function that is called, if it is a call.
fn called(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Call(call) => Some(call.name.text.to_string()),
        _ => None,
    }
}

/// What a value is, in words: a simple one as it is, of others the type and the size. An address says nothing new.
fn statement(value: &Value) -> Option<String> {
    let counted = |count: usize, what: &str| match count {
        0 => format!("is empty {what}"),
        1 => format!("is {what} with 1 element"),
        count => format!("is {what} with {count} elements"),
    };
    Some(match value {
        Value::Null(_) => "is null".to_owned(),
        Value::Bool(truth) => format!("is {truth}"),
        Value::Number(number) => format!("is {number}"),
        // It was read from a file and is not marked as the secret that it is.
        Value::String(text) if text.contains("PRIVATE KEY-----") => "is a private key".to_owned(),
        Value::String(text) => format!("is {}", shortened(text)),
        Value::List(_, items) | Value::Set(_, items) => counted(items.len(), &value.type_of().to_string()),
        Value::Map(_, entries) => counted(entries.len(), &value.type_of().to_string()),
        Value::Tuple(items) => counted(items.len(), "tuple"),
        Value::Object(entries) => match entries.len() {
            0 => "is object with no attributes".to_owned(),
            1 => "is object with 1 attribute".to_owned(),
            count => format!("is object with {count} attributes"),
        },
        Value::Ref(_) => return None,
        Value::Secret(_) => "is a secret".to_owned(),
    })
}

fn shortened(text: &str) -> String {
    let mut out = String::new();
    let cut = text.char_indices().nth(LETTERS).map(|(at, _)| at);
    write_quoted(&mut out, &text[..cut.unwrap_or(text.len())], |_, _| false);
    if cut.is_some() { out + "…" } else { out }
}
