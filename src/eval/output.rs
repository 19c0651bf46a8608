//! Outputs of a module: values, or residuals where they read facts.

use std::sync::Arc;

use super::bounds::bounded;
use super::capture::capture;
use super::desired::{Output, OutputValue};
use super::evaluator::{Evaluator, Label};
use super::expression::refuse_secret;
use super::fault::{Evaluated, Faults, fault_with};
use super::module::{Declared, Module, check_body};
use super::residual;
use super::roots::BlockRoots;
use super::scope::Scope;
use super::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, Expr};

impl<'a> Evaluator<'a> {
    /// All outputs of a module.
    pub(super) fn outputs(&self, module: &Module<'a>) -> Vec<(Arc<str>, Output)> {
        let mut outputs = Vec::new();
        for (name, declared) in &module.outputs {
            let block = declared.block;
            let mut faults = Diagnostics::default();
            let attributes = ["value", "description", "sensitive", "ephemeral", "deprecated", "depends_on"];
            check_body(&block.body, "output block", &attributes, &["precondition"], &mut faults);
            self.report_all(Faults { diagnostics: faults.0, ..Faults::default() });
            ["sensitive", "ephemeral"].iter().for_each(|flag| self.check_flag(block, flag));
            self.check_description(block);
            self.keep(self.depends_on(module, &block.body));
            self.keep(self.deprecation(block));
            if module.caller.is_none() && self.flag(block, "ephemeral") {
                let detail =
                    format!("The output \"{name}\" of the root module is stored, so that it cannot be ephemeral.");
                let span = block.body.attribute("ephemeral").map_or(block.head, |attribute| attribute.name.span);
                self.report(Diagnostic::error(&codes::OUTPUT, detail).at(span));
            }
            let value = self.keep(self.output_value(module, name, declared, block.head));
            outputs.extend(value.map(|value| {
                let sensitive = self.flag(block, "sensitive");
                (Arc::from(*name), Output { value, sensitive, span: block.labels[0].span })
            }));
        }
        outputs
    }

    /// The value of an output. `at` is the reference that asks.
    pub(super) fn output_value(
        &self,
        module: &Module<'a>,
        name: &'a str,
        declared: &Declared<'a>,
        at: Span,
    ) -> Evaluated<OutputValue> {
        let label = || Label::Output(module.within(&format!("output.{name}")));
        self.memo(&declared.value, label, at, || self.output(module, name, declared.block))
    }

    fn output(&self, module: &Module<'a>, name: &str, block: &'a Block) -> Evaluated<OutputValue> {
        let Some(Attribute { value: expr, .. }) = block.body.attribute("value") else {
            let detail = format!("The output \"{name}\" needs a value.");
            return Err(Diagnostic::error(&codes::MISSING_ARGUMENT, detail).at(block.head).into());
        };
        let roots = BlockRoots { facts: true, ..BlockRoots::of_module(self, module) };
        let scope = Scope::new(&roots, &self.session);
        if module.caller.is_none()
            && !self.flag(block, "sensitive")
            && let Some(source) = self.sensitive_in(expr)
        {
            let detail = format!("The output \"{name}\" refers to {source}, which is sensitive, and would show it.");
            let hint = "If it is meant to be exported, say so in the output: sensitive = true.".to_owned();
            return fault_with(&codes::OUTPUT, expr.span, detail, Some(hint));
        }
        let value = scope.eval(expr).and_then(|value| bounded(value, expr.span));
        // Who calls the module reads one output of what this refers to, or all; the root's are shown.
        let opened = |value| bounded(scope.opened_deep(value, expr.span)?, expr.span);
        let value = if module.caller.is_none() { value.and_then(opened) } else { value };
        match value {
            Ok(value) => {
                // Outputs of the root are shown and stored; those of other modules are only handed on.
                if value.has_secret() && module.caller.is_none() {
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

    /// A residual, with the outputs of the modules that it refers to.
    pub(super) fn stored(&self, expr: &Expr, captured: &Value) -> serde_json::Value {
        let outputs = self.outputs_behind(captured);
        residual::stored(&self.text_of(expr), captured, outputs, self.session.call.plan_time)
    }

    fn residual(&self, scope: &Scope<'_>, expr: &Expr) -> Evaluated<OutputValue> {
        let captured = capture(scope, expr, "")?;
        refuse_secret(&captured, expr.span)?;
        Ok(OutputValue::Residual(self.stored(expr, &captured)))
    }
}
