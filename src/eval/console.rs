//! Expressions that somebody types, evaluated in the root module of a configuration as its outputs are: with facts where
//! they are known. Only what the expression needs is evaluated, so that a fault elsewhere does not stand in the way.
//! No secret is looked behind.

use std::sync::Arc;

use super::assemble::with_evaluator;
use super::capture::{Behind, CapturedRoots};
use super::desired::OutputValue;
use super::evaluator::Evaluator;
use super::fault::{Evaluated, Faults, fault};
use super::functions::{CallContext, Files};
use super::inputs::Inputs;
use super::library::Library;
use super::residual::{FactSource, resolve};
use super::roots::BlockRoots;
use super::schema::Catalog;
use super::scope::{Resolved, Roots, Scope, Session};
use super::submodule::{MODULE, path_of};
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::{Diagnostics, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::{Expr, File};
use crate::time::Timestamp;

/// What an expression is evaluated among.
pub struct Surroundings<'e> {
    /// The files of the root module.
    pub files: &'e [File],
    /// The modules that they call.
    pub library: &'e Library,
    /// Values from outside.
    pub inputs: &'e Inputs,
    /// The kinds of resources.
    pub catalog: &'e Catalog,
    /// The files that functions read.
    pub port: &'e dyn Files,
    /// What `plantimestamp` returns.
    pub now: Timestamp,
    /// Facts of the store.
    pub facts: &'e dyn FactSource,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Its value.
    Known(Value),
    /// It reads facts that only the next apply makes known.
    AfterApply,
}

/// Evaluates an expression.
///
/// # Errors
/// Every fault that keeps it from having a value, and no others.
pub fn ask(around: &Surroundings<'_>, expr: &Expr) -> Result<Answer, Diagnostics> {
    ask_with(around, &[], expr)
}

/// The same with more roots, by name: what only whoever asks knows.
///
/// # Errors
/// As [`ask`].
pub fn ask_with(around: &Surroundings<'_>, more: &[(&str, Value)], expr: &Expr) -> Result<Answer, Diagnostics> {
    let call = CallContext { files: around.port, plan_time: around.now };
    let evaluate = |evaluator: &Evaluator<'_>| {
        let root = evaluator.root.clone();
        let block = BlockRoots { facts: true, ..BlockRoots::of_module(evaluator, &root) };
        let value = Scope::new(&Asked { block, facts: around.facts, more }, &evaluator.session).eval(expr);
        let reported = evaluator.take_diagnostics();
        match value {
            Ok(value) => Ok(Answer::Known(value)),
            Err(faults) if faults.needs_facts && faults.diagnostics.is_empty() => Ok(Answer::AfterApply),
            Err(faults) => Err(Diagnostics(faults.diagnostics.into_iter().chain(reported.0).collect())),
        }
    };
    with_evaluator(around.files, around.library, around.inputs, around.catalog, call, evaluate).0
}

/// Evaluates an expression that stands in no module: `roots` is the object of all it may refer to.
///
/// # Errors
/// Every fault that keeps it from having a value.
pub fn alone(roots: &Value, port: &dyn Files, now: Timestamp, expr: &Expr) -> Result<Value, Diagnostics> {
    let session = Session::new(CallContext { files: port, plan_time: now });
    let captured = CapturedRoots { captured: roots, extra: None, behind: &Nothing };
    Scope::new(&captured, &session).eval(expr).map_err(|faults| Diagnostics(faults.diagnostics))
}

/// Nothing is behind references of an expression that stands alone.
struct Nothing;

impl Behind for Nothing {
    fn attribute(&self, address: &ResourceAddress, name: &str, span: Span) -> Evaluated {
        fault(&codes::REFERENCE, span, format!("\"{name}\" of {address} is not known here."))
    }

    fn outputs(&self, _: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        None
    }
}

/// The roots of the module, and the store behind them.
struct Asked<'e, 'a> {
    block: BlockRoots<'e, 'a>,
    facts: &'e dyn FactSource,
    more: &'e [(&'e str, Value)],
}

impl Asked<'_, '_> {
    fn known(&self, address: &ResourceAddress, name: &str, span: Span) -> Evaluated {
        if &*address.kind != MODULE {
            return self.facts.fact(address, name).ok_or_else(Faults::needs_facts);
        }
        let module = self.block.evaluator.module(&path_of(address)).ok_or_else(Faults::reported)?;
        let (name, output) = module.outputs.get_key_value(name).ok_or_else(Faults::reported)?;
        match self.block.evaluator.output_value(&module, name, output, span)? {
            OutputValue::Known(value) => Ok(value),
            OutputValue::Residual(stored) => resolve(&stored, self.facts).map_err(|_| Faults::needs_facts()),
        }
    }
}

impl Roots for Asked<'_, '_> {
    fn outputs(&self, address: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        self.block.outputs(address)
    }

    fn resolve(&self, root: &str, first: Option<&str>, span: Span) -> Evaluated<Resolved> {
        match self.more.iter().find(|(name, _)| *name == root) {
            Some((_, value)) => Ok(Resolved::root(value.clone())),
            None => self.block.resolve(root, first, span),
        }
    }

    fn dereference(&self, address: &Arc<ResourceAddress>, name: &str, span: Span) -> Evaluated {
        match self.block.dereference(address, name, span) {
            Err(faults) if faults.needs_facts && faults.diagnostics.is_empty() => self.known(address, name, span),
            other => other,
        }
    }
}
