//! Variables: their types, the values given for them in order of precedence, and their validation.

use std::sync::Arc;

use super::bounds::bounded;
use super::constant::constant;
use super::constraint::of_variable;
use super::convert::convert;
use super::evaluator::{Evaluator, Label};
use super::expression::described;
use super::fault::{Evaluated, Faults, did_you_mean, fault};
use super::inputs::Argument;
use super::module::{Module, Variable, check_body, is_reserved};
use super::roots::BlockRoots;
use super::scope::Scope;
use super::types::Type;
use super::value::{SecretRef, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::{SourceId, Span};
use crate::syntax::ast::{Attribute, Block, Expr, File};
use crate::syntax::parse_expression;

/// A value given from outside.
enum Given<'a> {
    /// `name = value` of a variable file.
    Expression(&'a Expr),
    /// A text of the environment or the command line, and where it comes from.
    Text(&'a str, String, Option<Span>),
}

impl Given<'_> {
    /// Where it stands, if that is anywhere.
    fn place(&self) -> Option<Span> {
        match self {
            Self::Expression(expr) => Some(expr.span),
            Self::Text(_, _, place) => *place,
        }
    }
}

impl<'a> Evaluator<'a> {
    /// The value of a variable. `at` is the reference that asks.
    pub(super) fn variable(&self, module: &Module<'a>, name: &'a str, variable: &Variable<'a>, at: Span) -> Evaluated {
        self.memo(
            &variable.value,
            || Label::Variable(name),
            at,
            || {
                let given = if module.caller.is_none() { self.given(name) } else { None };
                let place = given.and_then(|given| given.place()).unwrap_or(variable.block.labels[0].span);
                let value = bounded(self.raw_variable(module, name, variable)?, place)?;
                // What the configuration itself hands to a module is in its files, or is a secret already.
                if !self.is_secret(variable.block) || value.is_null() || module.caller.is_some() {
                    return Ok(value);
                }
                self.keep_sensitive(name, value);
                Ok(Value::Secret(Arc::new(SecretRef::Variable(name.to_owned()))))
            },
        )
    }

    fn raw_variable(&self, module: &Module<'a>, name: &'a str, variable: &Variable<'a>) -> Evaluated {
        let ty = self.variable_type(name, variable)?;
        let declared = variable.block.labels[0].span;
        let given = match &module.caller {
            Some(caller) => match self.passed(caller, name)? {
                Some((value, place)) => Some((handed(&value, name, variable, &ty, place)?, place)),
                // It is reported at the call.
                None if variable.block.body.attribute("default").is_none() => return Err(Faults::reported()),
                None => None,
            },
            None => match self.given(name) {
                Some(given) => {
                    let place = given.place().unwrap_or(declared);
                    Some((self.given_value(name, variable, &ty, given)?, place))
                }
                None => None,
            },
        };
        let nullable = variable.block.body.attribute("nullable").is_none() || self.flag(variable.block, "nullable");
        match given {
            Some((Value::Null(_), place)) if !nullable => self.default(name, variable, &ty, Some(place)),
            Some((value, _)) => Ok(value),
            None => self.default(name, variable, &ty, None),
        }
    }

    /// The type of a variable: `any` when it says none.
    pub(super) fn variable_type(&self, name: &'a str, variable: &Variable<'a>) -> Evaluated<Type> {
        let Some(attribute) = variable.block.body.attribute("type") else { return Ok(Type::Any) };
        let default = |expr: &Expr| constant(&self.session, expr);
        self.memo(
            &variable.ty,
            || Label::Variable(name),
            attribute.value.span,
            || of_variable(&attribute.value, &default),
        )
    }

    /// The default of a variable. `was_null` is where it was given a null that it does not take.
    fn default(&self, name: &str, variable: &Variable<'a>, ty: &Type, was_null: Option<Span>) -> Evaluated {
        let span = variable.block.labels[0].span;
        let Some(default) = variable.block.body.attribute("default") else {
            if let Some(place) = was_null {
                let detail =
                    format!("The variable \"{name}\" is given null, which it does not take, and it has no default.");
                let report = Diagnostic::error(&codes::VARIABLE, detail).at(place);
                return Err(if place == span { report } else { report.related(span, "declared here") }.into());
            }
            if is_reserved(name) {
                return Err(Faults::reported());
            }
            let report =
                Diagnostic::error(&codes::NO_VALUE, format!("The variable \"{name}\" is not set, and has no default."))
                    .at(span)
                    .hint(format!(
                        "Set it with -var '{name}=…', in a *.capvars file, or as CAP_VAR_{name} in the environment."
                    ));
            return Err(report.into());
        };
        let value = constant(&self.session, &default.value)?;
        let refuses_null =
            variable.block.body.attribute("nullable").is_some() && !self.flag(variable.block, "nullable");
        if value.is_null() && refuses_null {
            let detail = format!("The default of \"{name}\" is null, which nullable = false excludes.");
            return fault(&codes::VARIABLE, default.value.span, detail);
        }
        convert(&value, ty).or_else(|error| {
            let detail = format!("The default of \"{name}\" is not of its type: {error}.");
            fault(&codes::VARIABLE, default.value.span, detail)
        })
    }

    /// What is given for a variable by the source that wins.
    fn given(&self, name: &str) -> Option<Given<'a>> {
        let inputs = self.inputs;
        for argument in inputs.arguments.iter().rev() {
            match argument {
                Argument::Variable { name: set, text, place } if set == name => {
                    return Some(Given::Text(text, format!("-var '{name}=…'"), *place));
                }
                Argument::Variable { .. } => {}
                Argument::File(file) => {
                    if let Some(given) = in_file(file, name) {
                        return Some(given);
                    }
                }
            }
        }
        if let Some(given) = inputs.files.iter().rev().find_map(|file| in_file(file, name)) {
            return Some(given);
        }
        let text = inputs.environment.get(name)?;
        Some(Given::Text(text, format!("the environment's CAP_VAR_{name}"), None))
    }

    fn given_value(&self, name: &str, variable: &Variable<'a>, ty: &Type, given: Given<'a>) -> Evaluated {
        let (value, place, origin) = match given {
            Given::Expression(expr) => (constant(&self.session, expr)?, expr.span, None),
            Given::Text(text, origin, place) => {
                let place = place.unwrap_or(variable.block.labels[0].span);
                let literal = matches!(ty, Type::String | Type::Number | Type::Bool);
                let value = if literal || variable.block.body.attribute("type").is_none() {
                    Value::String(crate::syntax::nfc(text))
                } else {
                    self.parse_given(text, &origin, place)?
                };
                (value, place, Some(origin))
            }
        };
        convert(&value, ty).map_err(|error| {
            let from = origin.map_or_else(String::new, |origin| format!(" by {origin}"));
            let mut detail = format!("The value given{from} for \"{name}\" is not of its type: {error}");
            if error.path.is_empty() {
                detail.push_str(&format!(", and it is {}", described(&value)));
            }
            let declared = variable.block.labels[0].span;
            let report = Diagnostic::error(&codes::VARIABLE, detail + ".").at(place);
            if declared == place { report } else { report.related(declared, "declared here") }.into()
        })
    }

    /// Texts for lists, maps and objects are written as expressions. What they hold is not shown: it may be a secret.
    fn parse_given(&self, text: &str, origin: &str, place: Span) -> Evaluated {
        let result = parse_expression(SourceId(u32::MAX), 0, text)
            .map_err(Box::<Faults>::from)
            .and_then(|expr| constant(&self.session, &expr));
        result.map_err(|faults| {
            let at = faults.diagnostics.first().and_then(|one| one.span).map_or(0, |span| span.start as usize);
            let column = text.get(..at).unwrap_or("").chars().count() + 1;
            let detail = format!("The value given by {origin} is not written as a value: see its character {column}.");
            let report = Diagnostic::error(&codes::ASSIGNMENT, detail).at(place);
            report.hint("Lists and maps are written as in files: '[\"a\", \"b\"]', '{ name = \"value\" }'.").into()
        })
    }

    /// Whether a block sets an argument to `true`.
    pub(super) fn flag(&self, block: &Block, name: &str) -> bool {
        let Some(attribute) = block.body.attribute(name) else { return false };
        constant(&self.session, &attribute.value).is_ok_and(|value| truth_of(&value) == Some(true))
    }

    /// Checks all variables of a module: what their blocks hold, values and validation.
    pub(super) fn check_variables(&self, module: &Module<'a>) {
        for (name, variable) in &module.variables {
            let mut faults = Diagnostics::default();
            let attributes = ["type", "default", "description", "nullable", "sensitive", "ephemeral", "deprecated"];
            check_body(&variable.block.body, "variable block", &attributes, &["validation"], &mut faults);
            for flag in ["nullable", "sensitive", "ephemeral"] {
                self.check_flag(variable.block, flag);
            }
            self.check_description(variable.block);
            self.report_all(Faults { diagnostics: faults.0, ..Faults::default() });
            self.check_deprecated(module, name, variable);
            if let Ok(value) = self.variable(module, name, variable, variable.block.labels[0].span) {
                let outside = self.sensitive_value(name).filter(|_| module.caller.is_none());
                let value = outside.unwrap_or(value);
                for validation in variable.block.body.blocks_of("validation") {
                    self.guards(module.part("var", name));
                    self.validate(module, name, &value, validation);
                }
            }
        }
    }

    /// Whether what a variable holds is a secret: it is said to be, or to be kept nowhere, which is the same here.
    pub(super) fn is_secret(&self, block: &Block) -> bool {
        self.flag(block, "sensitive") || self.flag(block, "ephemeral")
    }

    /// Warns of a value for a variable that its author wants to be rid of.
    fn check_deprecated(&self, module: &Module<'a>, name: &'a str, variable: &Variable<'a>) {
        let Some(message) = self.keep(self.deprecation(variable.block)).flatten() else { return };
        let given = match &module.caller {
            Some(caller) => caller.block.body.attribute(name).map(|attribute| attribute.name.span),
            None => self.given(name).map(|given| given.place().unwrap_or(variable.block.labels[0].span)),
        };
        if let Some(span) = given {
            let report =
                Diagnostic::warning(&codes::DEPRECATED, format!("The variable \"{name}\": {message}")).at(span);
            self.report(report.related(variable.block.labels[0].span, "declared here"));
        }
    }

    /// What a block says with `deprecated`.
    pub(super) fn deprecation(&self, block: &Block) -> Evaluated<Option<Arc<str>>> {
        let Some(attribute) = block.body.attribute("deprecated") else { return Ok(None) };
        match constant(&self.session, &attribute.value)? {
            Value::String(text) if !text.is_empty() => Ok(Some(text)),
            _ => {
                let detail = "\"deprecated\" is a text: what to use instead.";
                fault(&codes::TYPE, attribute.value.span, detail)
            }
        }
    }

    pub(super) fn check_flag(&self, block: &Block, name: &str) {
        if let Some(attribute) = block.body.attribute(name) {
            let value = self.keep(constant(&self.session, &attribute.value));
            if value.is_some_and(|value| truth_of(&value).is_none()) {
                let detail = format!("\"{name}\" is true or false.");
                self.report(Diagnostic::error(&codes::TYPE, detail).at(attribute.value.span));
            }
        }
    }

    /// Reports a description that is no text.
    pub(super) fn check_description(&self, block: &Block) {
        let Some(attribute) = block.body.attribute("description") else { return };
        let Some(value) = self.keep(constant(&self.session, &attribute.value)) else { return };
        if !convert(&value, &Type::String).is_ok_and(|text| text.as_str().is_some()) {
            self.report(Diagnostic::error(&codes::TYPE, "\"description\" is a text.").at(attribute.value.span));
        }
    }

    fn validate(&self, module: &Module<'a>, name: &'a str, value: &Value, validation: &'a Block) {
        let Some((condition, message)) = self.condition_parts(validation) else { return };
        self.check_subject(&condition.value, Some(name));
        let roots = BlockRoots { own: Some((name, value)), ..BlockRoots::of_module(self, module) };
        let sensitive = module.caller.is_none() && self.sensitive_value(name).is_some();
        let hold = || Scope::new(&roots, &self.session).condition(&condition.value);
        let held = if sensitive { self.session.quietly(hold) } else { hold() };
        let holds = self.keep(if sensitive { held.map_err(|faults| withheld(&faults, condition)) } else { held });
        if holds == Some(false) {
            self.refuse(module, name, condition, message);
        }
    }

    fn refuse(&self, module: &Module<'a>, name: &str, condition: &Attribute, message: &Attribute) {
        let roots = BlockRoots::of_module(self, module);
        let scope = Scope::new(&roots, &self.session);
        let Some(text) = self.keep(scope.eval_as(&message.value, &Type::String, "\"error_message\"")) else { return };
        let text = text.as_str().unwrap_or("The value is not valid.").to_owned();
        let declared = module.variables.get(name).map(|variable| variable.block.labels[0].span);
        let mut report = Diagnostic::error(&codes::VALIDATION, text).at(condition.value.span);
        report = report.about(module.within(&format!("var.{name}"))).explained(scope.holdings(&condition.value));
        if let Some(declared) = declared {
            report = report.related(declared, "the variable");
        }
        self.report(report);
    }

    /// Reports values for variables that are not declared: a file's with a warning, an option's as an error.
    pub(super) fn check_undeclared(&self, module: &Module<'a>) {
        let names: Vec<&str> = module.variables.keys().copied().collect();
        for file in &self.inputs.files {
            self.check_file(file, &names);
        }
        for argument in &self.inputs.arguments {
            match argument {
                Argument::File(file) => self.check_file(file, &names),
                Argument::Variable { name, place, .. } if !names.contains(&name.as_str()) => {
                    let detail =
                        format!("The option -var sets \"{name}\", and the configuration declares no such variable.");
                    let mut report = Diagnostic::error(&codes::UNDECLARED_VARIABLE, detail);
                    report.span = *place;
                    report.hint = did_you_mean(name, names.iter().copied())
                        .or_else(|| Some(format!("Declare it, variable \"{name}\" {{ … }}, or leave the option out.")));
                    self.report(report);
                }
                Argument::Variable { .. } => {}
            }
        }
    }

    fn check_file(&self, file: &File, names: &[&str]) {
        for attribute in &file.body.attributes {
            let name = &*attribute.name.text;
            if !names.contains(&name) {
                let detail = format!("The file sets \"{name}\", and the configuration declares no such variable.");
                let mut report = Diagnostic::warning(&codes::UNDECLARED_VARIABLE, detail).at(attribute.name.span);
                report.hint = did_you_mean(name, names.iter().copied());
                self.report(report);
            }
        }
        for block in &file.body.blocks {
            let detail = "A file of variables holds name = value, and no blocks.";
            self.report(Diagnostic::error(&codes::UNKNOWN_BLOCK, detail).at(block.head));
        }
    }
}

/// What a value says of a flag: `"true"` is as good as `true`, and null is neither.
pub(super) fn truth_of(value: &Value) -> Option<bool> {
    convert(value, &Type::Bool).ok()?.as_bool()
}

/// The value that a call hands to a variable. A secret stays one, whatever the variable's type.
fn handed(value: &Value, name: &str, variable: &Variable<'_>, ty: &Type, place: Span) -> Evaluated {
    if matches!(value, Value::Secret(_)) {
        return Ok(value.clone());
    }
    convert(value, ty).map_err(|error| {
        let mut detail = format!("The value given for \"{name}\" is not of its type: {error}");
        if error.path.is_empty() {
            detail.push_str(&format!(", and it is {}", described(value)));
        }
        let report = Diagnostic::error(&codes::VARIABLE, detail + ".").at(place);
        report.related(variable.block.labels[0].span, "declared here").into()
    })
}

/// The faults of a condition that sees a sensitive value: their texts may quote it, and so may functions and names.
fn withheld(faults: &Faults, condition: &Attribute) -> Box<Faults> {
    if faults.diagnostics.is_empty() {
        return Box::new(faults.clone());
    }
    let detail =
        "The condition has no value for what this variable is given. Why is not shown: the variable is sensitive.";
    let report = Diagnostic::error(&codes::VALIDATION, detail).at(condition.value.span);
    report.hint("Guard what may fail: can(…) is false where its expression has no value.").into()
}

fn in_file<'a>(file: &'a File, name: &str) -> Option<Given<'a>> {
    file.body.attribute(name).map(|attribute| Given::Expression(&attribute.value))
}
