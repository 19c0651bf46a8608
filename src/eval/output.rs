//! Outputs of a module: values, or residuals where they read facts.

use std::sync::Arc;

use super::capture::capture;
use super::desired::{Output, OutputValue};
use super::evaluator::Evaluator;
use super::expression::refuse_secret;
use super::fault::{Evaluated, Faults, fault_with};
use super::module::{Module, check_body};
use super::residual;
use super::roots::BlockRoots;
use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::syntax::ast::{Attribute, Block, Expr};

impl<'a> Evaluator<'a> {
    /// All outputs of a module.
    pub(super) fn outputs(&self, module: &Module<'a>) -> Vec<(Arc<str>, Output)> {
        let mut outputs = Vec::new();
        for (name, block) in &module.outputs {
            let mut faults = Diagnostics::default();
            let attributes = ["value", "description", "sensitive", "depends_on"];
            check_body(&block.body, "output block", &attributes, &["precondition"], &mut faults);
            self.report_all(Faults { diagnostics: faults.0, needs_facts: false });
            self.check_flag(block, "sensitive");
            let value = self.keep(self.output(module, name, block));
            outputs.extend(value.map(|value| {
                let sensitive = self.flag(block, "sensitive");
                (Arc::from(*name), Output { value, sensitive, span: block.labels[0].span })
            }));
        }
        outputs
    }

    fn output(&self, module: &Module<'a>, name: &str, block: &'a Block) -> Evaluated<OutputValue> {
        let Some(Attribute { value: expr, .. }) = block.body.attribute("value") else {
            let detail = format!("The output \"{name}\" needs a value.");
            return Err(Diagnostic::error(&codes::MISSING_ARGUMENT, detail).at(block.head).into());
        };
        let roots = BlockRoots { facts: true, ..BlockRoots::of_module(self, module) };
        let scope = Scope::new(&roots, &self.session);
        match scope.eval(expr) {
            Ok(value) => {
                if value.has_secret() {
                    let detail = format!("The output \"{name}\" holds a secret, and outputs are shown and stored.");
                    let hint =
                        "Leave the secret out of it. sensitive = true hides an output, and it is stored all the same.";
                    return fault_with(&codes::OUTPUT, expr.span, detail, Some(hint.to_owned()));
                }
                Ok(OutputValue::Known(value))
            }
            Err(faults) if faults.needs_facts && faults.diagnostics.is_empty() => self.residual(&scope, expr),
            Err(faults) => Err(faults),
        }
    }

    fn residual(&self, scope: &Scope<'_>, expr: &Expr) -> Evaluated<OutputValue> {
        let captured = capture(scope, expr, "")?;
        refuse_secret(&captured, expr.span)?;
        Ok(OutputValue::Residual(residual::stored(self.snippet(expr.span), &captured, self.session.call.plan_time)))
    }
}
