//! Evaluation of expressions as HCL defines it. All parts of a value are evaluated even when one fails, so that every
//! fault is reported at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::convert::convert;
use super::fault::{Evaluated, Gather, fault, fault_with};
use super::scope::Scope;
use super::types::Type;
use super::unify::unify;
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, Conditional, Expr, ExprKind, Item, UnaryOp};

impl Scope<'_> {
    /// The value of an expression.
    pub(super) fn eval(&self, expr: &Expr) -> Evaluated {
        if let ExprKind::Literal(value) = &expr.kind {
            return Ok(value.clone());
        }
        let result = self.nested(expr.span, || self.eval_kind(expr));
        match &expr.kind {
            // What is at fault in them is one of their parts.
            ExprKind::Tuple(_) | ExprKind::Object(_) => result,
            _ => self.explained(expr, result),
        }
    }

    fn eval_kind(&self, expr: &Expr) -> Evaluated {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(value.clone()),
            ExprKind::Template(parts) => self.template(parts, expr.span),
            ExprKind::Wrapped(inner) | ExprKind::Parenthesis(inner) => self.eval(inner),
            ExprKind::Tuple(items) => self.tuple(items),
            ExprKind::Object(items) => self.object(items),
            ExprKind::Variable(name) => self.variable(name, expr.span),
            ExprKind::Traversal(traversal) => self.traversal(traversal),
            ExprKind::Call(call) => self.call(call, expr.span),
            ExprKind::Unary(operator, inner) => self.unary(*operator, inner),
            ExprKind::Binary(row) => self.binary(row),
            ExprKind::Conditional(conditional) => self.conditional(conditional, expr.span),
            ExprKind::For(one) => self.for_expr(expr, one),
        }
    }

    fn variable(&self, name: &str, span: Span) -> Evaluated {
        match self.bound(name) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.roots.resolve(name, None, span)?.value),
        }
    }

    fn tuple(&self, items: &[Expr]) -> Evaluated {
        Ok(Value::Tuple(self.all(items)?.into()))
    }

    /// The values of all, or the faults of all.
    pub(super) fn all(&self, items: &[Expr]) -> Evaluated<Vec<Value>> {
        let mut gather = Gather::default();
        let values: Vec<Value> = items.iter().filter_map(|item| gather.take(self.eval(item))).collect();
        gather.done()?;
        Ok(values)
    }

    fn object(&self, items: &[Item]) -> Evaluated {
        let mut gather = Gather::default();
        let mut entries = BTreeMap::new();
        for item in items {
            let key = gather.take(self.key(&item.key));
            let value = gather.take(self.eval(&item.value));
            if let (Some(key), Some(value)) = (key, value) {
                entries.insert(key, value);
            }
        }
        gather.done()?;
        Ok(Value::Object(Arc::new(entries)))
    }

    /// A key of an object: a text that is not null.
    pub(super) fn key(&self, expr: &Expr) -> Evaluated<Arc<str>> {
        let value = self.eval(expr)?;
        if value.is_null() {
            return fault(&codes::KEY, expr.span, "A null value cannot be a key.");
        }
        match as_text(&value, expr.span)? {
            Some(text) => Ok(text),
            None => {
                fault(&codes::KEY, expr.span, format!("A key must be a string, and this is {}.", described(&value)))
            }
        }
    }

    fn conditional(&self, one: &Conditional, span: Span) -> Evaluated {
        let holds = self.condition(&one.condition);
        // An arm that is known not to be chosen may fail without anybody reading why.
        let arm = |expr: &Expr, chosen: bool| {
            let known = holds.as_ref().is_ok_and(|holds| *holds != chosen);
            if known { self.session.quietly(|| self.eval(expr)) } else { self.eval(expr) }
        };
        let (yes, no) = (arm(&one.yes, true), arm(&one.no, false));
        // Both results take part in the type; only the chosen one may fail, but for references
        // to what is not declared.
        let chose_yes = holds?;
        let (chosen, other) = if chose_yes { (yes?, no) } else { (no?, yes) };
        let unchosen = match &other {
            Ok(other) => other.type_of(),
            Err(faults) if faults.undeclared => return Err(faults.clone()),
            Err(_) => shape(if chose_yes { &one.no } else { &one.yes }),
        };
        let types = [chosen.type_of(), unchosen];
        if types[0] == types[1] {
            return Ok(chosen);
        }
        // A null without a type becomes one of the other's.
        let ty = match &types {
            [one, Type::Any] | [Type::Any, one] => Some(one.clone()),
            both => unify(both),
        };
        let converted = ty.and_then(|ty| convert(&chosen, &ty).ok());
        match converted {
            Some(value) => Ok(value),
            // A null beside a secret or a reference: it is none of a type that stands in its way.
            None if stands_apart(&types) && (chosen.is_null() || other.is_ok_and(|other| other.is_null())) => {
                Ok(chosen)
            }
            None => {
                let other = described_type(&types[1]);
                let detail = format!("One result is {}, the other is {other}.", described_type(&types[0]));
                let hint = "Make both of one type, for example with tostring, tolist or tomap.".to_owned();
                fault_with(&codes::CONDITIONAL, span, detail, Some(hint))
            }
        }
    }

    /// A condition: a bool that is not null.
    pub(super) fn condition(&self, expr: &Expr) -> Evaluated<bool> {
        let value = self.eval(expr)?;
        self.explained(expr, truth(&value, expr.span))
    }
}

fn truth(value: &Value, span: Span) -> Evaluated<bool> {
    if value.is_null() {
        return fault(&codes::CONDITION, span, "A condition must not be null.");
    }
    refuse_secret(value, span)?;
    match convert(value, &Type::Bool) {
        Ok(Value::Bool(truth)) => Ok(truth),
        _ => fault(&codes::CONDITION, span, format!("A bool is required, and this is {}.", described(value))),
    }
}

/// What can be said of the type of an expression that has no value: an operation is a number or a bool all the same.
fn shape(expr: &Expr) -> Type {
    match &expr.kind {
        ExprKind::Literal(value) => value.type_of(),
        ExprKind::Template(_) => Type::String,
        ExprKind::Wrapped(inner) | ExprKind::Parenthesis(inner) => shape(inner),
        ExprKind::Tuple(items) => Type::Tuple(items.iter().map(shape).collect()),
        ExprKind::Unary(UnaryOp::Not, _) => Type::Bool,
        ExprKind::Unary(UnaryOp::Negate, _) => Type::Number,
        ExprKind::Binary(row) => match row.rest.last().map(|last| last.operator) {
            Some(BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder) => {
                Type::Number
            }
            _ => Type::Bool,
        },
        ExprKind::Conditional(one) => match (shape(&one.yes), shape(&one.no)) {
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            (yes, no) => unify(&[yes, no]).unwrap_or(Type::Any),
        },
        _ => Type::Any,
    }
}

/// Whether one of the types is a reference or a secret, which go with no others.
fn stands_apart(types: &[Type]) -> bool {
    types.iter().any(|ty| matches!(ty, Type::Ref(_) | Type::Secret))
}

/// The text of a value that can be converted to one.
pub(super) fn as_text(value: &Value, span: Span) -> Evaluated<Option<Arc<str>>> {
    refuse_secret(value, span)?;
    match convert(value, &Type::String) {
        Ok(Value::String(text)) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// Secrets are not looked into.
pub(super) fn refuse_secret(value: &Value, span: Span) -> Evaluated<()> {
    if !value.has_secret() {
        return Ok(());
    }
    let detail = "This is a secret, and a secret can only be given to an argument that takes one.";
    let hint = "Move it there as it is: it cannot be part of a text, compared, hashed or shown.".to_owned();
    fault_with(&codes::SECRET, span, detail, Some(hint))
}

/// What a value is, in words, without its content: `a string`, `an object`.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Null(_) => "null".to_owned(),
        other => described_type(&other.type_of()),
    }
}

/// What values of a type are, in words.
fn described_type(ty: &Type) -> String {
    match ty {
        Type::Object(_) => "an object".to_owned(),
        other => format!("a {other}"),
    }
}
