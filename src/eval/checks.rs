//! Conditions that users set: `precondition`, `postcondition`, and the `assert`s of `check` blocks. What reads no facts is
//! decided at once; what reads facts is kept as a residual, for whoever knows them.

use super::capture::capture;
use super::desired::{Condition, Guard};
use super::evaluator::Evaluator;
use super::fault::{Evaluated, Faults, an};
use super::module::{Module, check_body};
use super::resource::{Copy, Resource};
use super::roots::BlockRoots;
use super::scope::Scope;
use super::types::Type;
use super::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, codes::language as codes};
use crate::syntax::ast::{Attribute, Block, Expr};
use crate::syntax::references::each_reference;

/// What a condition is about.
struct Subject<'s> {
    guard: Guard,
    /// The instance, check or output.
    name: &'s str,
}

impl<'a> Evaluator<'a> {
    /// The conditions of an instance's `lifecycle`.
    pub(super) fn conditions_of(
        &self,
        module: &Module<'a>,
        resource: &Resource<'a>,
        copy: &Copy,
        found: &mut Vec<Condition>,
    ) {
        for lifecycle in resource.block.body.blocks_of("lifecycle") {
            for block in &lifecycle.body.blocks {
                let guard = match &*block.kind.text {
                    "precondition" => Guard::Precondition,
                    "postcondition" => Guard::Postcondition,
                    _ => continue,
                };
                let facts = guard == Guard::Postcondition;
                let roots = BlockRoots { copy: Some(copy), facts, ..BlockRoots::of_module(self, module) };
                let name = copy.address.to_string();
                self.guards((*copy.address).clone());
                found.extend(self.condition(&roots, block, &Subject { guard, name: &name }));
            }
        }
    }

    /// The `precondition`s of all outputs.
    pub(super) fn conditions_of_outputs(&self, module: &Module<'a>) -> Vec<Condition> {
        module.outputs.iter().flat_map(|(name, output)| self.conditions_of_output(module, name, output.block)).collect()
    }

    fn conditions_of_output(&self, module: &Module<'a>, name: &str, block: &'a Block) -> Vec<Condition> {
        let roots = BlockRoots { facts: true, ..BlockRoots::of_module(self, module) };
        let output = module.part("output", name);
        let name = output.to_string();
        let subject = Subject { guard: Guard::Output, name: &name };
        let conditions: Vec<&'a Block> = block.body.blocks_of("precondition").collect();
        if !conditions.is_empty() {
            self.guards(output);
        }
        conditions.into_iter().filter_map(|block| self.condition(&roots, block, &subject)).collect()
    }

    /// The `assert`s of all `check` blocks.
    pub(super) fn checks(&self, module: &Module<'a>) -> Vec<Condition> {
        let mut found = Vec::new();
        for (name, check) in &module.checks {
            let mut faults = Diagnostics::default();
            check_body(&check.body, "check block", &[], &["assert"], &mut faults);
            let asserts: Vec<&'a Block> = check.body.blocks_of("assert").collect();
            if asserts.is_empty() {
                let detail = "A check block needs at least one block \"assert { … }\".";
                faults.push(Diagnostic::error(&codes::BLOCK_COUNT, detail).at(check.head));
            }
            self.report_all(Faults { diagnostics: faults.0, ..Faults::default() });
            let roots = BlockRoots { facts: true, ..BlockRoots::of_module(self, module) };
            let check = module.part("check", name);
            let name = check.to_string();
            self.guards(check);
            let subject = Subject { guard: Guard::Check, name: &name };
            found.extend(asserts.into_iter().filter_map(|block| self.condition(&roots, block, &subject)));
        }
        found
    }

    /// Decides one condition. One that reads facts is returned.
    fn condition(&self, roots: &BlockRoots<'_, 'a>, block: &'a Block, subject: &Subject<'_>) -> Option<Condition> {
        let (condition, message) = self.condition_parts(block)?;
        self.check_subject(&condition.value, None);
        let scope = Scope::new(roots, &self.session);
        match scope.condition(&condition.value) {
            Ok(true) => None,
            Ok(false) => {
                self.failed(&scope, condition, message, subject);
                None
            }
            Err(faults) if faults.needs_facts && faults.diagnostics.is_empty() => {
                self.keep(self.later(&scope, condition, message, subject))
            }
            Err(faults) => {
                self.report_all(*faults);
                None
            }
        }
    }

    /// `condition` and `error_message` of a block that holds nothing else.
    pub(super) fn condition_parts(&self, block: &'a Block) -> Option<(&'a Attribute, &'a Attribute)> {
        let what = format!("{} block", block.kind.text);
        let mut faults = Diagnostics::default();
        check_body(&block.body, &what, &["condition", "error_message"], &[], &mut faults);
        for needed in ["condition", "error_message"] {
            if block.body.attribute(needed).is_none() {
                let detail = format!("{} needs \"{needed}\".", an(&what));
                faults.push(Diagnostic::error(&codes::MISSING_ARGUMENT, detail).at(block.head));
            }
        }
        self.report_all(Faults { diagnostics: faults.0, ..Faults::default() });
        Some((block.body.attribute("condition")?, block.body.attribute("error_message")?))
    }

    /// Reports a condition that says the same whatever is there; that of a validation has to be about its `variable`.
    pub(super) fn check_subject(&self, condition: &Expr, variable: Option<&str>) {
        let mut fits = false;
        each_reference(condition, &mut |reference| {
            fits |= variable.is_none_or(|name| reference.root == "var" && reference.first == Some(name));
        });
        if fits {
            return;
        }
        let detail = match variable {
            Some(name) => format!("The condition does not refer to var.{name}, whose values it is to check."),
            None => "The condition refers to nothing, so that it checks nothing.".to_owned(),
        };
        self.report(Diagnostic::error(&codes::CONSTANT_CONDITION, detail).at(condition.span));
    }

    fn failed(&self, scope: &Scope<'_>, condition: &Attribute, message: &Attribute, subject: &Subject<'_>) {
        let text = match scope.eval_as(&message.value, &Type::String, "\"error_message\"") {
            Ok(text) => text.as_str().unwrap_or("The condition does not hold.").to_owned(),
            // Only the message reads facts: what is wrong is known without it.
            Err(faults) if faults.needs_facts && faults.diagnostics.is_empty() => {
                "The condition does not hold.".to_owned()
            }
            Err(faults) => return self.report_all(*faults),
        };
        let report = subject.guard.failure(text).at(condition.value.span).about(subject.name);
        self.report(report.explained(scope.holdings(&condition.value)));
    }

    /// What is kept of a condition that reads facts.
    fn later(
        &self,
        scope: &Scope<'_>,
        condition: &Attribute,
        message: &Attribute,
        subject: &Subject<'_>,
    ) -> Evaluated<Condition> {
        Ok(Condition {
            guard: subject.guard,
            subject: subject.name.to_owned(),
            condition: self.kept(scope, &condition.value)?,
            message: self.kept(scope, &message.value)?,
            span: condition.value.span,
        })
    }

    fn kept(&self, scope: &Scope<'_>, expr: &Expr) -> Evaluated<serde_json::Value> {
        let captured = capture(scope, expr, "")?;
        super::expression::refuse_secret(&captured, expr.span)?;
        Ok(self.stored(expr, &captured))
    }
}

impl Guard {
    /// The report of a condition that does not hold. A check's is a warning: it never stops anything.
    pub fn failure(self, message: impl Into<String>) -> Diagnostic {
        let (code, severity) = match self {
            Self::Precondition => (&codes::PRECONDITION, Severity::Error),
            Self::Postcondition => (&codes::POSTCONDITION, Severity::Error),
            Self::Output => (&codes::OUTPUT_PRECONDITION, Severity::Error),
            Self::Check => (&codes::CHECK, Severity::Warning),
        };
        Diagnostic { severity, ..Diagnostic::error(code, message) }
    }
}

/// Whether a resolved condition holds; `None` when it is no condition.
pub fn truth(value: &Value) -> Option<bool> {
    super::convert::convert(value, &Type::Bool).ok().and_then(|value| value.as_bool())
}
