//! Function calls, and those forms that look like calls but need the evaluator: `try`, `can`, `templatefile` and
//! `templatestring`.

use std::sync::Arc;

use super::convert::convert;
use super::expression::{as_text, described, refuse_secret};
use super::fault::{Evaluated, Faults, did_you_mean, fault, fault_with};
use super::functions::{self, FileFault, Function};
use super::scope::{Mode, Resolved, Roots, Scope};
use super::types::Type;
use super::value::Value;
use crate::address::ResourceAddress;
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::source::{SourceId, Span};
use crate::syntax::ast::{Call, Expr, ExprKind};
use crate::syntax::parse_template;
use crate::syntax::references::each_reference;

/// Forms that are no functions of the library.
pub const FORMS: [&str; 4] = ["can", "templatefile", "templatestring", "try"];

/// Texts of templates belong to no source: their faults are moved to the call.
const TEMPLATE: SourceId = SourceId(u32::MAX);

impl Scope<'_> {
    pub(super) fn call(&self, call: &Call, span: Span) -> Evaluated {
        if self.mode == Mode::Constant {
            return fault(&codes::ASSIGNMENT, span, "Functions cannot be called here: the value must be a constant.");
        }
        match &*call.name.text {
            "try" => self.try_each(call, span),
            "can" => self.can(call, span),
            "templatefile" => self.template_call(call, span, Self::template_file),
            "templatestring" => self.template_call(call, span, Self::template_string),
            name => match functions::find(name.strip_prefix("core::").unwrap_or(name)) {
                Some(function) => self.library(function, call, span),
                None => unknown(call),
            },
        }
    }

    fn library(&self, function: &'static Function, call: &Call, span: Span) -> Evaluated {
        let arguments = self.arguments(call)?;
        let encodes = matches!(function.name, "jsonencode" | "yamlencode");
        let opened = arguments.into_iter().enumerate().map(|(at, value)| {
            let place = self.argument_span(call, at).unwrap_or(span);
            if encodes { self.opened_deep(value, place) } else { self.opened(value, place) }
        });
        let arguments: Vec<Value> = opened.collect::<Evaluated<_>>()?;
        function.invoke(&self.session.call, &arguments).map_err(|failed| {
            let at = failed.argument.map(|at| (at, self.argument_span(call, at)));
            let Some((at, Some(place))) = at else {
                let detail = format!("{}: {}.", function.name, sentence(&failed.message));
                return Diagnostic::error(&codes::CALL, detail).at(span).into();
            };
            let Some(name) = function.param(at).map(|param| param.name) else {
                let detail = format!("{}: {}.", function.name, sentence(&failed.message));
                return Diagnostic::error(&codes::CALL, detail).at(place).into();
            };
            let secret = arguments.get(at).is_some_and(Value::has_secret) && failed.message.contains("secret");
            let code = if secret { &codes::SECRET } else { &codes::ARGUMENT };
            let detail = format!("{}: invalid value for \"{name}\": {}.", function.name, sentence(&failed.message));
            Diagnostic::error(code, detail).at(place).into()
        })
    }

    /// Where an argument stands: those that `...` expanded all stand where the last one does.
    fn argument_span(&self, call: &Call, at: usize) -> Option<Span> {
        call.arguments.get(at).or_else(|| call.arguments.last().filter(|_| call.expand)).map(|argument| argument.span)
    }

    fn arguments(&self, call: &Call) -> Evaluated<Vec<Value>> {
        let mut values = self.all(&call.arguments)?;
        let Some(last) = call.arguments.last().filter(|_| call.expand) else { return Ok(values) };
        if let Some(value) = values.pop() {
            values.extend(expand(value, last.span)?);
        }
        Ok(values)
    }

    /// The first argument that has a value. What `...` expands has values, or there is none to try.
    fn try_each(&self, call: &Call, span: Span) -> Evaluated {
        let (single, expanded) = self.unexpanded(call)?;
        let mut all = Faults::default();
        for (at, argument) in single.iter().enumerate() {
            match self.session.quietly(|| self.eval(argument)) {
                Ok(value) => {
                    single[at + 1..].iter().try_for_each(|rest| self.declared(|visit| each_reference(rest, visit)))?;
                    return Ok(value);
                }
                Err(faults) if faults.needs_facts || faults.undeclared => return Err(faults),
                Err(faults) => all.join(*faults),
            }
        }
        if let Some(value) = expanded.into_iter().next() {
            return Ok(value);
        }
        if single.is_empty() {
            return fault(&codes::CALL, span, "try: at least one expression is needed.");
        }
        let reasons: Vec<&str> = all.diagnostics.iter().map(|one| one.detail.as_str()).collect();
        if reasons.is_empty() {
            return Err(Faults::reported());
        }
        fault(&codes::CALL, span, format!("try: none of the expressions has a value: {}", reasons.join(" ")))
    }

    fn can(&self, call: &Call, span: Span) -> Evaluated {
        let (single, expanded) = self.unexpanded(call)?;
        match (single, expanded.len()) {
            ([argument], 0) => match self.session.quietly(|| self.eval(argument)) {
                Err(faults) if faults.needs_facts || faults.undeclared => Err(faults),
                result => Ok(Value::Bool(result.is_ok())),
            },
            ([], 1) => Ok(Value::Bool(true)),
            _ => fault(&codes::CALL, span, "can: exactly one expression is needed."),
        }
    }

    /// The arguments that are written one by one, and the values of the one that `...` expands.
    fn unexpanded<'c>(&self, call: &'c Call) -> Evaluated<(&'c [Expr], Vec<Value>)> {
        match call.arguments.split_last().filter(|_| call.expand) {
            Some((last, single)) => Ok((single, expand(self.eval(last)?, last.span)?)),
            None => Ok((&call.arguments, Vec::new())),
        }
    }

    /// `templatefile(path, variables)` and `templatestring(text, variables)`.
    fn template_call(
        &self,
        call: &Call,
        span: Span,
        text: impl FnOnce(&Self, &str, Span) -> Evaluated<(String, Arc<str>)>,
    ) -> Evaluated {
        let arguments = self.arguments(call)?;
        let [source, variables] = &arguments[..] else {
            let detail = format!("{}: it expects 2 arguments, and {} are given.", call.name.text, arguments.len());
            return fault(&codes::CALL, span, detail);
        };
        let place = |at| self.argument_span(call, at).unwrap_or(span);
        if &*call.name.text == "templatestring" && !call.arguments.first().is_some_and(is_reference) {
            let detail = "templatestring: the template must be a reference to a text from elsewhere.";
            let hint = "A template that stands here is written as it is: \"${…}\".".to_owned();
            return fault_with(&codes::ARGUMENT, place(0), detail, Some(hint));
        }
        if self.mode == Mode::Template {
            return fault(&codes::CALL, span, format!("{}: a template cannot include another one.", call.name.text));
        }
        let Some(given) = as_text(source, place(0))? else {
            return fault(&codes::ARGUMENT, place(0), format!("{}: a string is required.", call.name.text));
        };
        let vars = variables_of(variables, place(1))?;
        let (name, text) = text(self, &given, place(0))?;
        let result = self.render_text(&name, &text, &vars, place(0))?;
        if &*call.name.text == "templatefile" {
            return Ok(result);
        }
        // A template that is a value alone is that value in a file, and a text here.
        match as_text(&result, place(0))? {
            Some(text) => Ok(Value::String(text)),
            None => {
                let detail = format!("templatestring: the result must be a string, and it is {}.", described(&result));
                fault(&codes::ARGUMENT, place(0), detail)
            }
        }
    }

    fn template_file(&self, path: &str, span: Span) -> Evaluated<(String, Arc<str>)> {
        let bytes = self.session.call.files.read(path).map_err(|failed| {
            let why = match failed {
                FileFault::NotFound => "no file stands there".to_owned(),
                FileFault::Directory => "a directory stands there".to_owned(),
                FileFault::Other(why) => why,
            };
            Diagnostic::error(&codes::ARGUMENT, format!("templatefile: {path:?} cannot be read: {why}.")).at(span)
        })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok((path.to_owned(), Arc::from(text))),
            Err(_) => fault(&codes::ARGUMENT, span, format!("templatefile: {path:?} is not UTF-8.")),
        }
    }

    fn template_string(&self, text: &str, _: Span) -> Evaluated<(String, Arc<str>)> {
        Ok(("the template".to_owned(), Arc::from(text)))
    }

    fn render_text(&self, name: &str, text: &str, variables: &Value, span: Span) -> Evaluated {
        let moved = |faults: Box<Faults>| move_to_call(faults, name, text, span);
        let expr = parse_template(TEMPLATE, text).map_err(|all| moved(all.into()))?;
        let roots = Variables { values: variables, outer: self.roots, span };
        let scope = Scope { roots: &roots, session: self.session, bindings: None, mode: Mode::Template };
        scope.declared(|visit| each_reference(&expr, visit)).map_err(moved)?;
        match scope.eval(&expr).map_err(moved)? {
            Value::Null(_) => fault(&codes::TEMPLATE, span, "The result of a template must not be null."),
            value => Ok(value),
        }
    }
}

/// The arguments that `...` makes of a value.
fn expand(value: Value, span: Span) -> Evaluated<Vec<Value>> {
    match value {
        Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => Ok(items.to_vec()),
        Value::Null(_) => fault(&codes::ARGUMENT, span, "What ... expands must not be null."),
        other => {
            let given = described(&other);
            let detail = format!("What ... expands must be a list, a set or a tuple, and this is {given}.");
            fault(&codes::ARGUMENT, span, detail)
        }
    }
}

/// Whether an expression leads from a name to a value, and does nothing else.
fn is_reference(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Variable(_) => true,
        ExprKind::Traversal(traversal) => matches!(traversal.source.kind, ExprKind::Variable(_)),
        _ => false,
    }
}

/// Faults within a template's text are shown at the call, and say where in the text they lie.
/// Those of its references are faults of the call: what is tried instead may have a value.
fn move_to_call(mut faults: Box<Faults>, name: &str, text: &str, span: Span) -> Box<Faults> {
    faults.undeclared = false;
    for one in &mut faults.diagnostics {
        if let Some(inner) = one.span.filter(|inner| inner.source == TEMPLATE) {
            let before = text.get(..inner.start as usize).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            one.detail = format!("In {name}, line {line}, column {column}: {}", one.detail);
            one.span = Some(span);
        }
    }
    faults
}

fn variables_of(value: &Value, span: Span) -> Evaluated {
    if value.entries().is_none() {
        return fault(
            &codes::ARGUMENT,
            span,
            format!("A map of variables is required, and this is {}.", described(value)),
        );
    }
    refuse_secret(value, span)?;
    Ok(value.clone())
}

fn unknown<T>(call: &Call) -> Evaluated<T> {
    let name = &call.name.text;
    let known = functions::all().map(|function| function.name).chain(FORMS);
    let hint = left_out(name).map(str::to_owned).or_else(|| did_you_mean(name, known));
    fault_with(&codes::FUNCTION, call.name.span, format!("There is no function named \"{name}\"."), hint)
}

/// Why a function is left out, and what serves instead.
fn left_out(name: &str) -> Option<&'static str> {
    match name {
        "timestamp" => Some("A plan must not depend on when it is read: plantimestamp() is the time it is made for."),
        "uuid" => Some("A plan must be the same each time: uuidv5(namespace, name) always makes the same of the same."),
        "bcrypt" => Some("A plan must be the same each time: there is no function that draws random numbers."),
        "rsadecrypt" => Some("No private key stands in a configuration: secrets are references, as secret_file(path)."),
        "base64gzip" => {
            Some("What compression makes of a text is not the same everywhere: filebase64 reads a file of it.")
        }
        "secret_vault" => Some(
            "This source is not supported in this release: use secret_env(name) or secret_file(path), for example filled by a Vault agent.",
        ),
        _ => None,
    }
}

/// A message as the end of a sentence.
fn sentence(message: &str) -> &str {
    message.trim_end_matches('.')
}

/// The variables handed to a template.
struct Variables<'e> {
    values: &'e Value,
    outer: &'e dyn Roots,
    /// Where the template is called. What lies outside it hears of this place only: spans within a template's text belong
    /// to no source.
    span: Span,
}

impl Roots for Variables<'_> {
    fn resolve(&self, root: &str, _: Option<&str>, span: Span) -> Evaluated<Resolved> {
        if let Some(value) = self.values.get(root) {
            return Ok(Resolved::root(value.clone()));
        }
        let known = self.values.entries().into_iter().flatten().map(|(name, _)| &**name);
        let hint = did_you_mean(root, known);
        let detail = format!("The template is given no variable named \"{root}\".");
        fault_with(&codes::UNDECLARED, span, detail, hint).map_err(Faults::of_references)
    }

    fn outputs(&self, address: &ResourceAddress) -> Option<Vec<Arc<str>>> {
        self.outer.outputs(address)
    }

    fn dereference(&self, address: &Arc<ResourceAddress>, name: &str, _: Span) -> Evaluated {
        self.outer.dereference(address, name, self.span)
    }
}

/// Converts a value, or reports it: `what` names it.
pub(super) fn convert_at(value: &Value, ty: &Type, span: Span, what: &str) -> Evaluated {
    convert(value, ty).or_else(|error| {
        if value.has_secret() && *ty != Type::Secret {
            refuse_secret(value, span)?;
        }
        fault(&codes::TYPE, span, format!("Inappropriate value for {what}: {error}."))
    })
}

impl Scope<'_> {
    /// The value of an expression, converted.
    pub(super) fn eval_as(&self, expr: &Expr, ty: &Type, what: &str) -> Evaluated {
        let value = self.eval(expr)?;
        self.explained(expr, convert_at(&value, ty, expr.span, what))
    }
}
