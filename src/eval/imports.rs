//! `import` blocks: what exists already and is to be managed from now on. `to` is an address whose keys may be expressions,
//! `id` says where the thing is; both may be repeated with `for_each`.

use std::sync::Arc;

use super::call::convert_at;
use super::desired::{Endpoint, Import};
use super::evaluator::Evaluator;
use super::fault::{Evaluated, fault, fault_with};
use super::module::Module;
use super::resource::repeat;
use super::roots::BlockRoots;
use super::scope::Scope;
use super::types::Type;
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::syntax::ast::{Block, Expr, ExprKind, Step, StepKind, Traversal};

/// The type in addresses that stand for an import block while it is repeated.
const IMPORT: &str = "import";

impl<'a> Evaluator<'a> {
    /// The `import` blocks of a module: they stand in the root only.
    pub(super) fn imports(&self, module: &Module<'a>) -> Vec<Import> {
        let mut found = Vec::new();
        for block in &module.imports {
            if module.caller.is_some() {
                let detail = "An import block stands in the root module only: what exists is known there.";
                self.report(Diagnostic::error(&codes::IMPORT, detail).at(block.head));
                continue;
            }
            self.only(block, &["to", "id", "for_each"], &[]);
            found.extend(self.keep(self.import(module, block)).into_iter().flatten());
        }
        found
    }

    fn import(&self, module: &Module<'a>, block: &'a Block) -> Evaluated<Vec<Import>> {
        let address = Arc::new(ResourceAddress::root(IMPORT, IMPORT, None));
        let roots = BlockRoots::of_module(self, module);
        let expansion = repeat(&Scope::new(&roots, &self.session), &block.body, &address, IMPORT)?;
        let one = |copy| {
            let copy = block.body.attribute("for_each").map(|_| copy);
            let roots = BlockRoots { copy, ..BlockRoots::of_module(self, module) };
            self.one_import(module, block, &Scope::new(&roots, &self.session))
        };
        expansion.instances.iter().map(one).collect()
    }

    fn one_import(&self, module: &Module<'a>, block: &'a Block, scope: &Scope<'_>) -> Evaluated<Import> {
        let Some(to) = block.body.attribute("to") else {
            return fault(&codes::MISSING_ARGUMENT, block.head, "An import block needs \"to\".");
        };
        let Some(id) = block.body.attribute("id") else {
            return fault(&codes::MISSING_ARGUMENT, block.head, "An import block needs \"id\".");
        };
        let address = match self.endpoint_of(module, "to", &known(&to.value, scope)?)? {
            Endpoint::Resource(address) => address,
            Endpoint::Module(_) => {
                let hint = "Name a resource: to = certificate.www.".to_owned();
                return fault_with(&codes::IMPORT, to.value.span, "A module cannot be imported.", Some(hint));
            }
        };
        let value = scope.eval(&id.value)?;
        super::expression::refuse_secret(&value, id.value.span)?;
        let text = convert_at(&value, &Type::String, id.value.span, "\"id\"")?;
        match text.as_str().filter(|text| !text.is_empty()) {
            Some(text) => Ok(Import { to: address, id: text.to_owned(), span: id.value.span }),
            None => fault(&codes::IMPORT, id.value.span, "The id of what is imported must not be empty."),
        }
    }
}

/// An address with the values of its keys.
fn known(expr: &Expr, scope: &Scope<'_>) -> Evaluated<Expr> {
    let ExprKind::Traversal(traversal) = &expr.kind else { return Ok(expr.clone()) };
    let step = |step: &Step| {
        let kind = match &step.kind {
            StepKind::Index(index) => {
                let value: Value = scope.eval(index)?;
                StepKind::Index(Expr::literal(value, index.span))
            }
            other => other.clone(),
        };
        Ok(Step { span: step.span, kind })
    };
    let steps: Evaluated<Box<[Step]>> = traversal.steps.iter().map(step).collect();
    let traversal = Traversal { source: traversal.source.clone(), steps: steps? };
    Ok(Expr { span: expr.span, kind: ExprKind::Traversal(Box::new(traversal)) })
}
