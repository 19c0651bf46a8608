//! What an expression sees: the roots of references, the variables of enclosing `for`s, and what function calls may know.

use std::cell::Cell;
use std::sync::Arc;

use super::fault::{Evaluated, Gather, fault};
use super::functions::CallContext;
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::codes::language as codes;
use crate::source::Span;
use crate::syntax::references::Reference;

/// Expressions within each other, over all values that are being evaluated: the stack is finite.
const DEPTH: usize = 300;

/// Resolves the beginnings of references.
pub(super) trait Roots {
    /// The value of `root`, or of `root.first` where the root is no value by itself. `span` covers both.
    fn resolve(&self, root: &str, first: Option<&str>, span: Span) -> Evaluated<Resolved>;

    /// The attribute of the resource behind a reference.
    fn dereference(&self, address: &Arc<ResourceAddress>, name: &str, span: Span) -> Evaluated;

    /// The names of the outputs of a module call; `None` where nothing is known of calls.
    fn outputs(&self, _: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        None
    }
}

/// The beginning of a reference, resolved.
pub(super) struct Resolved {
    /// Its value.
    pub(super) value: Value,
    /// Whether the first name after the root is part of it.
    pub(super) took_first: bool,
}

impl Resolved {
    /// `root` alone.
    pub(super) fn root(value: Value) -> Self {
        Self { value, took_first: false }
    }

    /// `root.first`.
    pub(super) fn first(value: Value) -> Self {
        Self { value, took_first: true }
    }
}

/// What all expressions of one evaluation share.
pub(super) struct Session<'e> {
    /// What functions may know.
    pub(super) call: CallContext<'e>,
    depth: Cell<usize>,
    /// Within how many forms it is that swallow faults: nobody would read what is noted in them.
    quiet: Cell<usize>,
}

impl<'e> Session<'e> {
    pub(super) fn new(call: CallContext<'e>) -> Self {
        Self { call, depth: Cell::new(0), quiet: Cell::new(0) }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet.get() > 0
    }

    /// Runs what may fail without being reported.
    pub(super) fn quietly<T>(&self, run: impl FnOnce() -> T) -> T {
        self.quiet.set(self.quiet.get() + 1);
        let result = run();
        self.quiet.set(self.quiet.get() - 1);
        result
    }
}

/// A variable of a `for`.
pub(super) struct Binding<'e> {
    pub(super) name: &'e str,
    pub(super) value: &'e Value,
    pub(super) outer: Option<&'e Binding<'e>>,
}

/// What one expression sees. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Scope<'e> {
    pub(super) roots: &'e dyn Roots,
    pub(super) session: &'e Session<'e>,
    pub(super) bindings: Option<&'e Binding<'e>>,
    pub(super) mode: Mode,
}

/// What an expression may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Everything.
    Full,
    /// A template's text: templates do not include templates.
    Template,
    /// A constant: no functions, and its roots refuse references.
    Constant,
}

impl<'e> Scope<'e> {
    pub(super) fn new(roots: &'e dyn Roots, session: &'e Session<'e>) -> Self {
        Self { roots, session, bindings: None, mode: Mode::Full }
    }

    /// The value of a `for`'s variable.
    pub(super) fn bound(&self, name: &str) -> Option<&'e Value> {
        let mut next = self.bindings;
        while let Some(binding) = next {
            if binding.name == name {
                return Some(binding.value);
            }
            next = binding.outer;
        }
        None
    }

    /// Whether what is not evaluated refers to what there is: a reference that leads nowhere is a fault wherever it stands.
    /// `walk` goes through its references.
    pub(super) fn declared(&self, walk: impl FnOnce(&mut dyn FnMut(Reference<'_>))) -> Evaluated<()> {
        let mut gather = Gather::default();
        walk(&mut |reference| {
            let Reference { root, first, span, .. } = reference;
            if self.bound(root).is_none()
                && let Err(faults) = self.roots.resolve(root, first, span)
                && faults.undeclared
            {
                gather.take::<()>(Err(faults));
            }
        });
        gather.done()
    }

    /// Runs one level of evaluation, unless it lies too deep.
    pub(super) fn nested<T>(&self, span: Span, run: impl FnOnce() -> Evaluated<T>) -> Evaluated<T> {
        let depth = self.session.depth.get();
        if depth >= DEPTH {
            return fault(&codes::LIMIT, span, "Expressions and the values they refer to are nested too deep.");
        }
        self.session.depth.set(depth + 1);
        let result = run();
        self.session.depth.set(depth);
        result
    }
}
