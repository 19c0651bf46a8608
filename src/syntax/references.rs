//! The references of an expression that its own `for`s do not bind: what it needs from its surroundings.

use super::ast::{Expr, ExprKind, Loop, Part, Step, StepKind};
use crate::source::Span;

/// The beginning of a reference: `var.hosts`, `each.key`, or a lone name.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    /// The first name.
    pub root: &'a str,
    /// The name after it.
    pub first: Option<&'a str>,
    /// The next name after that, whatever keys and splats stand between: `o` of `module.m["k"].o`.
    pub name: Option<&'a str>,
    /// All steps behind the first name.
    pub steps: &'a [Step],
    /// The reference as far as it is named here.
    pub span: Span,
}

/// Calls `visit` with each free reference, in the order they stand.
pub fn each_reference<'a>(expr: &'a Expr, visit: &mut dyn FnMut(Reference<'a>)) {
    Walk { bound: Vec::new(), skipped: "", visit }.expr(expr);
}

/// As [`each_reference`], of the parts of a template.
pub fn each_reference_of_parts<'a>(parts: &'a [Part], visit: &mut dyn FnMut(Reference<'a>)) {
    Walk { bound: Vec::new(), skipped: "", visit }.parts(parts);
}

/// As [`each_reference`], but for what stands in calls of one function.
pub fn each_reference_but_in<'a>(function: &'a str, expr: &'a Expr, visit: &mut dyn FnMut(Reference<'a>)) {
    Walk { bound: Vec::new(), skipped: function, visit }.expr(expr);
}

/// The parts of an expression that lead from a name to a value within it, the outermost of each: `output.names[0]`.
pub fn traversals<'a>(expr: &'a Expr, found: &mut Vec<&'a Expr>) {
    let mut all = |parts: &mut dyn Iterator<Item = &'a Expr>| parts.for_each(|part| traversals(part, found));
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Variable(_) => {}
        ExprKind::Traversal(traversal) => match &traversal.source.kind {
            ExprKind::Variable(_) => found.push(expr),
            _ => traversals(&traversal.source, found),
        },
        ExprKind::Template(parts) => all(&mut parts.iter().filter_map(|part| match part {
            Part::Interpolation(inner) => Some(inner),
            _ => None,
        })),
        ExprKind::Wrapped(inner) | ExprKind::Parenthesis(inner) | ExprKind::Unary(_, inner) => traversals(inner, found),
        ExprKind::Tuple(items) => all(&mut items.iter()),
        ExprKind::Object(items) => all(&mut items.iter().map(|item| &item.value)),
        ExprKind::Call(call) => all(&mut call.arguments.iter()),
        ExprKind::Binary(row) => all(&mut std::iter::once(&row.first).chain(row.rest.iter().map(|one| &one.right))),
        ExprKind::Conditional(one) => all(&mut [&one.condition, &one.yes, &one.no].into_iter()),
        ExprKind::For(one) => traversals(&one.over.collection, found),
    }
}

/// Whether the expression refers to this root.
pub fn refers_to(expr: &Expr, root: &str) -> bool {
    let mut found = false;
    each_reference(expr, &mut |reference| found |= reference.root == root);
    found
}

struct Walk<'a, 'v> {
    bound: Vec<&'a str>,
    /// The function whose arguments are passed over; none has an empty name.
    skipped: &'a str,
    visit: &'v mut dyn FnMut(Reference<'a>),
}

impl<'a> Walk<'a, '_> {
    fn expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Literal(_) => {}
            ExprKind::Variable(name) => self.reference(name, &[], expr.span),
            ExprKind::Template(parts) => self.parts(parts),
            ExprKind::Wrapped(inner) | ExprKind::Parenthesis(inner) | ExprKind::Unary(_, inner) => self.expr(inner),
            ExprKind::Tuple(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Object(items) => items.iter().for_each(|item| {
                self.expr(&item.key);
                self.expr(&item.value);
            }),
            ExprKind::Traversal(traversal) => {
                self.source(&traversal.source, &traversal.steps);
                self.steps(&traversal.steps);
            }
            ExprKind::Call(call) if *call.name.text == *self.skipped => {}
            ExprKind::Call(call) => call.arguments.iter().for_each(|argument| self.expr(argument)),
            ExprKind::Binary(row) => {
                self.expr(&row.first);
                row.rest.iter().for_each(|one| self.expr(&one.right));
            }
            ExprKind::Conditional(one) => [&one.condition, &one.yes, &one.no].into_iter().for_each(|e| self.expr(e)),
            ExprKind::For(one) => {
                let depth = self.enter(&one.over);
                let parts = [one.key.as_ref(), Some(&one.result), one.condition.as_ref()];
                parts.into_iter().flatten().for_each(|part| self.expr(part));
                self.bound.truncate(depth);
            }
        }
    }

    fn reference(&mut self, root: &'a str, steps: &'a [Step], source: Span) {
        if self.bound.contains(&root) {
            return;
        }
        let (first, name, span) = match steps.first() {
            Some(Step { kind: StepKind::Attribute(first), span }) => {
                (Some(&**first), next_name(&steps[1..]), source.to(*span))
            }
            _ => (None, None, source),
        };
        (self.visit)(Reference { root, first, name, steps, span });
    }

    fn source(&mut self, source: &'a Expr, steps: &'a [Step]) {
        match &source.kind {
            ExprKind::Variable(root) => self.reference(root, steps, source.span),
            _ => self.expr(source),
        }
    }

    fn steps(&mut self, steps: &'a [Step]) {
        for step in steps {
            match &step.kind {
                StepKind::Attribute(_) => {}
                StepKind::Index(index) => self.expr(index),
                StepKind::Splat(steps) => self.steps(steps),
            }
        }
    }

    /// Goes into a loop: its collection lies outside of it. Returns how many names were bound before.
    fn enter(&mut self, over: &'a Loop) -> usize {
        self.expr(&over.collection);
        let depth = self.bound.len();
        self.bound.extend(over.key.iter().chain([&over.value]).map(|name| &*name.text));
        depth
    }

    fn parts(&mut self, parts: &'a [Part]) {
        for part in parts {
            match part {
                Part::Literal(_) => {}
                Part::Interpolation(inner) => self.expr(inner),
                Part::If(one) => {
                    self.expr(&one.condition);
                    self.parts(&one.yes);
                    self.parts(&one.no);
                }
                Part::For(one) => {
                    let depth = self.enter(&one.over);
                    self.parts(&one.body);
                    self.bound.truncate(depth);
                }
            }
        }
    }
}

/// The first name among steps.
fn next_name(steps: &[Step]) -> Option<&str> {
    steps.iter().find_map(|step| match &step.kind {
        StepKind::Attribute(name) => Some(&**name),
        StepKind::Splat(steps) => next_name(steps),
        StepKind::Index(_) => None,
    })
}
