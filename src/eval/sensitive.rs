//! Values that modules call sensitive: whether an output of the root would show one. Told from the references alone, as far
//! as they lead through local values, calls and outputs; what `nonsensitive` is applied to is not looked into.

use std::collections::HashSet;
use std::rc::Rc;

use super::evaluator::Evaluator;
use super::module::Module;
use super::submodule::path_of;
use crate::syntax::ast::Expr;
use crate::syntax::references::{Reference, each_reference_but_in};

/// An expression that is still to be looked into, with the module it stands in.
type Waiting<'a> = (Rc<Module<'a>>, &'a Expr);

/// What a reference leads to.
enum Behind<'a> {
    /// Something that is declared sensitive, in words.
    Sensitive(String),
    /// An expression.
    Expression(Waiting<'a>),
}

impl<'a> Evaluator<'a> {
    /// What an expression of the root refers to that is declared sensitive, in words; the first that is found. Chains of
    /// references may be long, so that they are not followed by recursion.
    pub(super) fn sensitive_in(&self, expr: &'a Expr) -> Option<String> {
        let mut waiting: Vec<Waiting<'a>> = vec![(self.root.clone(), expr)];
        let mut seen: HashSet<(*const Module<'a>, *const Expr)> = HashSet::new();
        while let Some((module, expr)) = waiting.pop() {
            if !seen.insert((Rc::as_ptr(&module), std::ptr::from_ref(expr))) {
                continue;
            }
            let mut references = Vec::new();
            each_reference_but_in("nonsensitive", expr, &mut |reference| references.push(reference));
            for reference in &references {
                match self.behind(&module, reference) {
                    Some(Behind::Sensitive(what)) => return Some(what),
                    Some(Behind::Expression(next)) => waiting.push(next),
                    None => {}
                }
            }
        }
        None
    }

    fn behind(&self, module: &Rc<Module<'a>>, reference: &Reference<'a>) -> Option<Behind<'a>> {
        let first = reference.first?;
        match reference.root {
            "local" => Some(Behind::Expression((module.clone(), module.locals.get(first)?.expr))),
            "var" => {
                let variable = module.variables.get(first)?;
                // The root's own are secrets, which are refused wherever they would be shown.
                let caller = module.caller.as_ref()?;
                if self.is_secret(variable.block) {
                    return Some(Behind::Sensitive(module.within(&format!("var.{first}"))));
                }
                let passed = &caller.block.body.attribute(first)?.value;
                Some(Behind::Expression((self.module(&caller.parent)?, passed)))
            }
            "module" => {
                // Which outputs a whole call gives away is not told by the reference: a loop may read one of them.
                let (name, call) = (reference.name?, module.calls.get(first)?);
                let expansion = self.call_expansion(module, call, reference.span).ok()?;
                // All instances are made from the same files.
                let callee = self.module(&path_of(&expansion.instances.first()?.address))?;
                let block = callee.outputs.get(name)?.block;
                if self.flag(block, "sensitive") {
                    return Some(Behind::Sensitive(callee.within(&format!("output.{name}"))));
                }
                Some(Behind::Expression((callee, &block.body.attribute("value")?.value)))
            }
            _ => None,
        }
    }
}
