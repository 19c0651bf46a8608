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
use crate::syntax::ast::{Binary, BinaryOp, Expr, UnaryOp};

impl Scope<'_> {
    pub(super) fn unary(&self, operator: UnaryOp, inner: &Expr) -> Evaluated {
        let value = self.eval(inner)?;
        match operator {
            UnaryOp::Negate => Ok(Value::Number(number(&value, inner.span)?.neg())),
            UnaryOp::Not => Ok(Value::Bool(!truth(&value, inner.span)?)),
        }
    }

    pub(super) fn binary(&self, binary: &Binary, span: Span) -> Evaluated {
        match binary.operator {
            BinaryOp::And | BinaryOp::Or => self.logic(binary),
            BinaryOp::Equal => Ok(Value::Bool(self.equal(binary)?)),
            BinaryOp::NotEqual => Ok(Value::Bool(!self.equal(binary)?)),
            operator => {
                let (left, right) = self.numbers(binary)?;
                match operator {
                    BinaryOp::Less => Ok(Value::Bool(left < right)),
                    BinaryOp::LessOrEqual => Ok(Value::Bool(left <= right)),
                    BinaryOp::Greater => Ok(Value::Bool(left > right)),
                    BinaryOp::GreaterOrEqual => Ok(Value::Bool(left >= right)),
                    _ => arithmetic(operator, &left, &right, binary.right.span, span),
                }
            }
        }
    }

    /// The right operand is evaluated only where the left one leaves the result open.
    fn logic(&self, binary: &Binary) -> Evaluated {
        let settled = binary.operator == BinaryOp::Or;
        let left = truth(&self.eval(&binary.left)?, binary.left.span)?;
        if left == settled {
            return Ok(Value::Bool(settled));
        }
        Ok(Value::Bool(truth(&self.eval(&binary.right)?, binary.right.span)?))
    }

    fn sides(&self, binary: &Binary) -> Evaluated<(Value, Value)> {
        let mut gather = Gather::default();
        let (left, right) = (gather.take(self.eval(&binary.left)), gather.take(self.eval(&binary.right)));
        gather.done()?;
        Ok((left.unwrap_or(Value::Null), right.unwrap_or(Value::Null)))
    }

    fn equal(&self, binary: &Binary) -> Evaluated<bool> {
        let (left, right) = self.sides(binary)?;
        // Whether a secret is given at all may be asked: nothing of it shows.
        if left.is_null() || right.is_null() {
            return Ok(left.is_null() && right.is_null());
        }
        refuse_secret(&left, binary.left.span)?;
        refuse_secret(&right, binary.right.span)?;
        Ok(left == right)
    }

    fn numbers(&self, binary: &Binary) -> Evaluated<(Number, Number)> {
        let (left, right) = self.sides(binary)?;
        let mut gather = Gather::default();
        let pair = (gather.take(number(&left, binary.left.span)), gather.take(number(&right, binary.right.span)));
        gather.done()?;
        match pair {
            (Some(left), Some(right)) => Ok((left, right)),
            _ => Err(super::fault::Faults::reported()),
        }
    }
}

fn arithmetic(operator: BinaryOp, left: &Number, right: &Number, divisor: Span, span: Span) -> Evaluated {
    let divides = matches!(operator, BinaryOp::Divide | BinaryOp::Remainder);
    if divides && *right == Number::Int(0) {
        return fault(&codes::OPERAND, divisor, "A number cannot be divided by zero.");
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
            span,
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
