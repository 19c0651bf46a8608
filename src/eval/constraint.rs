//! Type constraints: `list(string)`, `object({ port = optional(number, 443) })`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::convert::convert;
use super::fault::{Evaluated, fault, fault_with};
use super::types::{DefaultValue, Field, Type};
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::source::Span;
use crate::syntax::ast::{Call, Expr, ExprKind};

/// Evaluates a default: an expression without references.
type Constant<'c> = &'c dyn Fn(&Expr) -> Evaluated;

/// The type of a variable: `list` and `map` may stand alone, as they did of old.
pub(super) fn of_variable(expr: &Expr, constant: Constant<'_>) -> Evaluated<Type> {
    match &expr.kind {
        ExprKind::Variable(name) if &**name == "list" => Ok(Type::list(Type::Any)),
        ExprKind::Variable(name) if &**name == "map" => Ok(Type::map(Type::Any)),
        _ => constraint(expr, constant),
    }
}

/// The type that an expression names.
fn constraint(expr: &Expr, constant: Constant<'_>) -> Evaluated<Type> {
    match &expr.kind {
        ExprKind::Variable(name) => keyword(name, expr.span),
        ExprKind::Call(call) => compound(call, expr.span, constant),
        ExprKind::Literal(Value::String(name)) => {
            let hint = format!("Write the type without quotes: {name}.");
            fault_with(&codes::CONSTRAINT, expr.span, "A type is not written in quotes.", Some(hint))
        }
        _ => fault(&codes::CONSTRAINT, expr.span, "This is no type."),
    }
}

fn keyword(name: &str, span: Span) -> Evaluated<Type> {
    match name {
        "string" => Ok(Type::String),
        "number" => Ok(Type::Number),
        "bool" => Ok(Type::Bool),
        "any" => Ok(Type::Any),
        "list" | "set" | "map" => fault(
            &codes::CONSTRAINT,
            span,
            format!("{name} needs the type of its elements: {name}(string), {name}(any)."),
        ),
        "object" | "tuple" => {
            let example = if name == "object" { "object({ name = string })" } else { "tuple([string, number])" };
            fault(&codes::CONSTRAINT, span, format!("{name} needs the types of what it holds: {example}."))
        }
        "optional" => {
            fault(&codes::CONSTRAINT, span, "optional(T) is written around the type of an attribute of an object.")
        }
        name => {
            let known = ["string", "number", "bool", "any", "list", "set", "map", "object", "tuple", "optional"];
            let hint = super::fault::did_you_mean(name, known);
            fault_with(&codes::CONSTRAINT, span, format!("\"{name}\" is no type."), hint)
        }
    }
}

fn compound(call: &Call, span: Span, constant: Constant<'_>) -> Evaluated<Type> {
    let name = &*call.name.text;
    let [argument] = &call.arguments[..] else {
        return match name {
            "optional" => keyword("optional", span),
            "string" | "number" | "bool" | "any" => {
                fault(&codes::CONSTRAINT, span, format!("{name} takes no argument."))
            }
            "list" | "set" | "map" | "object" | "tuple" => {
                fault(&codes::CONSTRAINT, span, format!("{name} takes exactly one argument."))
            }
            other => keyword(other, call.name.span),
        };
    };
    match name {
        "list" => Ok(Type::list(constraint(argument, constant)?)),
        "set" => Ok(Type::set(constraint(argument, constant)?)),
        "map" => Ok(Type::map(constraint(argument, constant)?)),
        "object" => object(argument, constant),
        "tuple" => tuple(argument, constant),
        "string" | "number" | "bool" | "any" => fault(&codes::CONSTRAINT, span, format!("{name} takes no argument.")),
        other => keyword(other, call.name.span),
    }
}

fn tuple(argument: &Expr, constant: Constant<'_>) -> Evaluated<Type> {
    let ExprKind::Tuple(items) = &argument.kind else {
        return fault(&codes::CONSTRAINT, argument.span, "tuple takes a list of types: tuple([string, number]).");
    };
    let types: Evaluated<Vec<Type>> = items.iter().map(|item| constraint(item, constant)).collect();
    Ok(Type::Tuple(types?.into()))
}

fn object(argument: &Expr, constant: Constant<'_>) -> Evaluated<Type> {
    let ExprKind::Object(items) = &argument.kind else {
        return fault(
            &codes::CONSTRAINT,
            argument.span,
            "object takes attributes with their types: object({ name = string }).",
        );
    };
    let mut fields = BTreeMap::new();
    for item in items {
        let ExprKind::Literal(Value::String(name)) = &item.key.kind else {
            return fault(&codes::CONSTRAINT, item.key.span, "An attribute's name is written as it is.");
        };
        fields.insert(name.clone(), field(&item.value, constant)?);
    }
    Ok(Type::Object(Arc::new(fields)))
}

fn field(expr: &Expr, constant: Constant<'_>) -> Evaluated<Field> {
    let ExprKind::Call(call) = &expr.kind else {
        return Ok(Field { ty: constraint(expr, constant)?, optional: false, default: None });
    };
    if &*call.name.text != "optional" {
        return Ok(Field { ty: constraint(expr, constant)?, optional: false, default: None });
    }
    match &call.arguments[..] {
        [ty] => Ok(Field { ty: constraint(ty, constant)?, optional: true, default: None }),
        [ty, default] => {
            let ty = constraint(ty, constant)?;
            let value = constant(default)?;
            match convert(&value, &ty) {
                Ok(value) => Ok(Field { ty, optional: true, default: Some(DefaultValue(Box::new(value))) }),
                Err(error) => {
                    fault(&codes::CONSTRAINT, default.span, format!("The default is not of its type: {error}."))
                }
            }
        }
        _ => fault(
            &codes::CONSTRAINT,
            expr.span,
            "optional takes a type and may take a default: optional(string, \"web\").",
        ),
    }
}
