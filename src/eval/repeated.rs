//! Blocks that stand for addresses, `import` and `moved`, repeated with `for_each`: their copies, and the keys in their
//! addresses, which may then be expressions.

use std::sync::Arc;

use super::evaluator::Evaluator;
use super::fault::{Evaluated, fault};
use super::module::Module;
use super::resource::{Copy, check_limit, pairs_of};
use super::roots::BlockRoots;
use super::scope::Scope;
use super::value::Value;
use crate::address::{Key, ResourceAddress};
use crate::diagnostic::codes::language as codes;
use crate::syntax::ast::{Block, Expr, ExprKind, Step, StepKind, Traversal};

/// Their types, which stand in the addresses of copies.
pub(super) const IMPORT: &str = "import";
pub(super) const MOVED: &str = "moved";

impl Copy {
    /// `each.key`, where the block is repeated by `for_each`.
    pub(super) fn each_key(&self) -> Option<Value> {
        match self.address.key.as_ref()? {
            Key::Name(name) => Some(Value::String(name.clone())),
            Key::Index(at) if [IMPORT, MOVED].contains(&&*self.address.kind) => {
                Some(Value::number(usize::try_from(*at).unwrap_or(usize::MAX)))
            }
            Key::Index(_) => None,
        }
    }
}

impl<'a> Evaluator<'a> {
    /// The copies of a block: one that is none where there is no `for_each`. Other than in resources a list may be gone
    /// through: nothing gets a key of it.
    pub(super) fn copies(&self, module: &Module<'a>, block: &Block, kind: &str) -> Evaluated<Vec<Option<Copy>>> {
        let Some(each) = block.body.attribute("for_each") else { return Ok(vec![None]) };
        let span = each.value.span;
        let roots = BlockRoots::of_module(self, module);
        let scope = Scope::new(&roots, &self.session);
        let value = scope.opened(scope.eval(&each.value)?, span)?;
        super::expression::refuse_secret(&value, span)?;
        let pairs: Vec<(Key, Value)> = match &value {
            Value::List(_, items) | Value::Tuple(items) => {
                items.iter().enumerate().map(|(at, item)| (Key::Index(at as u64), item.clone())).collect()
            }
            other => pairs_of(other, span)?.into_iter().map(|(key, value)| (Key::Name(key), value)).collect(),
        };
        check_limit(pairs.len(), span)?;
        let copy = |(key, value)| {
            let address = Arc::new(ResourceAddress::root(kind, kind, Some(key)));
            Some(Copy { address, value })
        };
        Ok(pairs.into_iter().map(copy).collect())
    }
}

/// An address with the values of its keys.
pub(super) fn with_known_keys(expr: &Expr, scope: &Scope<'_>) -> Evaluated<Expr> {
    let ExprKind::Traversal(traversal) = &expr.kind else { return Ok(expr.clone()) };
    let step = |step: &Step| {
        let kind = match &step.kind {
            StepKind::Index(index) => {
                let value: Value = scope.eval(index)?;
                if value.is_null() {
                    return fault(&codes::REFERENCE, index.span, "The key of an address must not be null.");
                }
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
