//! Functions of numbers. They are exact wherever the mathematics is: only logarithms and fractional powers pass
//! through binary floating point.

use bigdecimal::num_bigint::{BigInt, Sign};

use super::support::{Outcome, any, any_param, converted, function, number, number_param, numeric, variadic, whole};
use super::{CallContext, Fault, Function};
use crate::eval::number::Number;
use crate::eval::types::Type;
use crate::eval::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    function("abs", &[number_param("num")], "The number without its sign: `abs(-12.4)` is `12.4`.", abs),
    function("ceil", &[number_param("num")], "The next whole number, upwards: `ceil(5.1)` is `6`.", |_, args| {
        Ok(Value::Number(number(args, 0)?.ceil()))
    }),
    function("floor", &[number_param("num")], "The next whole number, downwards: `floor(4.9)` is `4`.", |_, args| {
        Ok(Value::Number(number(args, 0)?.floor()))
    }),
    function("log", &[number_param("num"), number_param("base")], "The logarithm to a base: `log(16, 2)` is `4`.", log),
    variadic(
        "max",
        &[],
        number_param("numbers"),
        "The greatest of the numbers: `max(12, 54, 3)` is `54`.",
        |_, args| extreme(args, |candidate, best| candidate > best),
    ),
    variadic(
        "min",
        &[],
        number_param("numbers"),
        "The smallest of the numbers: `min(12, 54, 3)` is `3`.",
        |_, args| extreme(args, |candidate, best| candidate < best),
    ),
    function(
        "parseint",
        &[any_param("number"), number_param("base")],
        "Reads a whole number written in a base from 2 to 62: `parseint(\"FF\", 16)` is `255`.",
        parseint,
    ),
    function(
        "pow",
        &[number_param("num"), number_param("power")],
        "A power: `pow(3, 2)` is `9`. Exact for whole powers, where Terraform rounds to 53 bits.",
        |_, args| numeric(number(args, 0)?.pow(number(args, 1)?)),
    ),
    function("signum", &[number_param("num")], "The sign of a whole number: `signum(-13)` is `-1`.", |_, args| {
        Ok(Value::number(whole(args, 0)?.signum()))
    }),
    function(
        "sum",
        &[any_param("list")],
        "The sum of the numbers of a list or set: `sum([10, 13, 6, 4.5])` is `33.5`.",
        sum,
    ),
];

fn abs(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let number = number(args, 0)?;
    Ok(Value::Number(if number.is_negative() { number.neg() } else { number.clone() }))
}

fn log(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (number, base) = (number(args, 0)?.to_f64(), number(args, 1)?.to_f64());
    let result = Number::from_f64(number.ln() / base.ln());
    result.map(Value::Number).ok_or_else(|| Fault::call("the result is not a finite number"))
}

fn extreme(args: &[Value], better: fn(&Number, &Number) -> bool) -> Outcome {
    if args.is_empty() {
        return Err(Fault::call("must pass at least one number"));
    }
    let mut best = number(args, 0)?;
    for at in 1..args.len() {
        let candidate = number(args, at)?;
        if better(candidate, best) {
            best = candidate;
        }
    }
    Ok(Value::Number(best.clone()))
}

fn parseint(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let given = any(args, 0)?;
    let Some(text) = given.as_str() else {
        return Err(Fault::at(0, format!("first argument must be a string, not {}", given.type_of())));
    };
    let base = number(args, 1)?.to_i64().and_then(|base| u32::try_from(base).ok()).filter(|b| (2..=62).contains(b));
    let base = base.ok_or_else(|| Fault::at(1, "base must be a whole number between 2 and 62 inclusive"))?;
    let fault = || Fault::at(0, format!("cannot parse \"{text}\" as a base {base} integer"));
    let integer = integer(text, base).ok_or_else(fault)?;
    numeric(Number::from_decimal(integer.into()))
}

/// Digits of a text that is read as a whole number: more than any number may have, in any base.
const DIGITS: usize = 16_384;

fn integer(text: &str, base: u32) -> Option<BigInt> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (Sign::Minus, digits),
        None => (Sign::Plus, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits: Option<Vec<u8>> = digits.chars().map(|c| digit(c, base)).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() <= DIGITS)?;
    let magnitude = BigInt::from_radix_be(Sign::Plus, &digits, base)?;
    Some(if sign == Sign::Minus { -magnitude } else { magnitude })
}

/// The value of a digit: up to base 36 both cases are the same, above it upper case follows lower case.
fn digit(c: char, base: u32) -> Option<u8> {
    let value = match c {
        'A'..='Z' if base > 36 => u32::from(c) - u32::from('A') + 36,
        _ => c.to_digit(36)?,
    };
    u8::try_from(value).ok().filter(|_| value < base)
}

fn sum(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let items = any(args, 0)?.elements().ok_or_else(|| Fault::at(0, "cannot sum noniterable"))?;
    if items.is_empty() {
        return Err(Fault::at(0, "cannot sum an empty list"));
    }
    let mut total = Number::from(0);
    for item in items {
        let item = converted(0, item, &Type::Number).ok();
        let number = item.as_ref().and_then(Value::as_number);
        let number = number.ok_or_else(|| Fault::at(0, "argument must be list, set, or tuple of number values"))?;
        let Some(next) = total.add(number) else { return numeric(None) };
        total = next;
    }
    Ok(Value::Number(total))
}
