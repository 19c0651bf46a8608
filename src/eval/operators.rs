//! Operators of one and of two operands, with cty's conversions: arithmetic and comparison take numbers, logic takes
//! bools, equality compares types too.

use super::convert::convert;
use super::expression::{described, refuse_secret};
use super::fault::{Evaluated, Gather, fault};
use super::number::Number;
use super::scope::Scope;
use super::types::Type;
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::source::Span;
use crate::syntax::ast::{Binary, BinaryOp, Expr, Operation, UnaryOp};

impl Scope<'_> {
    pub(super) fn unary(&self, operator: UnaryOp, inner: &Expr) -> Evaluated {
        let value = self.eval(inner)?;
        match operator {
            UnaryOp::Negate => Ok(Value::Number(number(&value, inner.span)?.neg())),
            UnaryOp::Not => Ok(Value::Bool(!truth(&value, inner.span)?)),
        }
    }

    /// A row of operations, from left to right.
    pub(super) fn binary(&self, row: &Binary) -> Evaluated {
        let mut left = self.eval(&row.first);
        let mut span = row.first.span;
        for one in &row.rest {
            left = self.operation(left, span, one);
            span = span.to(one.right.span);
        }
        left
    }

    fn operation(&self, left: Evaluated, at: Span, one: &Operation) -> Evaluated {
        if matches!(one.operator, BinaryOp::And | BinaryOp::Or) {
            return self.logic(&left?, at, one);
        }
        let sides = Sides::both(left, self.eval(&one.right), at, one.right.span)?;
        match one.operator {
            BinaryOp::Equal => Ok(Value::Bool(sides.equal()?)),
            BinaryOp::NotEqual => Ok(Value::Bool(!sides.equal()?)),
            operator => {
                let (left, right) = sides.numbers()?;
                match operator {
                    BinaryOp::Less => Ok(Value::Bool(left < right)),
                    BinaryOp::LessOrEqual => Ok(Value::Bool(left <= right)),
                    BinaryOp::Greater => Ok(Value::Bool(left > right)),
                    BinaryOp::GreaterOrEqual => Ok(Value::Bool(left >= right)),
                    _ => arithmetic(operator, &left, &right, &sides),
                }
            }
        }
    }

    /// The right operand counts only where the left one leaves the result open; what it refers to must be declared.
    fn logic(&self, left: &Value, at: Span, one: &Operation) -> Evaluated {
        let settled = one.operator == BinaryOp::Or;
        let decided = truth(left, at)? == settled;
        match self.eval(&one.right) {
            Err(faults) if faults.undeclared || !decided => Err(faults),
            Err(_) => Ok(Value::Bool(settled)),
            Ok(right) if decided && right.is_null() => Ok(Value::Bool(settled)),
            // What has a value must be a bool all the same.
            Ok(right) => {
                let right = truth(&right, one.right.span)?;
                Ok(Value::Bool(if decided { settled } else { right }))
            }
        }
    }
}

/// Both operands and where they stand.
struct Sides {
    left: (Value, Span),
    right: (Value, Span),
}

impl Sides {
    /// The values of both, or the faults of both.
    fn both(left: Evaluated, right: Evaluated, left_at: Span, right_at: Span) -> Evaluated<Self> {
        let mut gather = Gather::default();
        let (left, right) = (gather.take(left), gather.take(right));
        gather.done()?;
        let or_null = |value: Option<Value>| value.unwrap_or(Value::NULL);
        Ok(Self { left: (or_null(left), left_at), right: (or_null(right), right_at) })
    }

    fn equal(&self) -> Evaluated<bool> {
        let (left, right) = (&self.left.0, &self.right.0);
        // Whether a secret is given at all may be asked: nothing of it shows.
        if left.is_null() || right.is_null() {
            return Ok(left.is_null() && right.is_null());
        }
        refuse_secret(left, self.left.1)?;
        refuse_secret(right, self.right.1)?;
        Ok(left == right)
    }

    fn numbers(&self) -> Evaluated<(Number, Number)> {
        let mut gather = Gather::default();
        let one = |(value, at): &(Value, Span)| number(value, *at);
        let pair = (gather.take(one(&self.left)), gather.take(one(&self.right)));
        gather.done()?;
        match pair {
            (Some(left), Some(right)) => Ok((left, right)),
            _ => Err(super::fault::Faults::reported()),
        }
    }
}

fn arithmetic(operator: BinaryOp, left: &Number, right: &Number, sides: &Sides) -> Evaluated {
    let divides = matches!(operator, BinaryOp::Divide | BinaryOp::Remainder);
    if divides && *right == Number::Int(0) {
        return fault(&codes::OPERAND, sides.right.1, "A number cannot be divided by zero.");
    }
    let result = match operator {
        BinaryOp::Add => left.add(right),
        BinaryOp::Subtract => left.sub(right),
        BinaryOp::Multiply => left.mul(right),
        BinaryOp::Divide => left.div(right),
        _ => left.rem(right),
    };
    match result {
        Some(number) => Ok(Value::Number(number)),
        None => fault(
            &codes::OPERAND,
            sides.left.1.to(sides.right.1),
            "The result is out of range: numbers have at most 4096 digits on either side of the point.",
        ),
    }
}

/// The operand as a number.
pub(super) fn number(value: &Value, span: Span) -> Evaluated<Number> {
    refuse_secret(value, span)?;
    match convert(value, &Type::Number) {
        Ok(Value::Number(number)) => Ok(number),
        _ => fault(&codes::OPERAND, span, format!("A number is required, and this is {}.", described(value))),
    }
}

fn truth(value: &Value, span: Span) -> Evaluated<bool> {
    refuse_secret(value, span)?;
    match convert(value, &Type::Bool) {
        Ok(Value::Bool(truth)) => Ok(truth),
        _ => fault(&codes::OPERAND, span, format!("A bool is required, and this is {}.", described(value))),
    }
}
