//! What the families share: rows of their tables, reading of arguments, and results within the limits.
//! Knows no function by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::{CallContext, Fault, Function, Param, ParamType};
use crate::eval::convert::convert;
use crate::eval::number::Number;
use crate::eval::types::Type;
use crate::eval::unify::unify;
use crate::eval::value::Value;
use crate::limits;

/// What a call returns.
pub(super) type Outcome = Result<Value, Fault>;
/// The body of a function.
pub(super) type Call = fn(&CallContext<'_>, &[Value]) -> Outcome;

/// A parameter that takes a string.
pub(super) const fn string_param(name: &'static str) -> Param {
    Param::new(name, ParamType::String)
}

/// A parameter that takes a number.
pub(super) const fn number_param(name: &'static str) -> Param {
    Param::new(name, ParamType::Number)
}

/// A parameter that takes whatever is given.
pub(super) const fn any_param(name: &'static str) -> Param {
    Param::new(name, ParamType::Any)
}

/// A parameter that takes a list of strings.
pub(super) const fn strings_param(name: &'static str) -> Param {
    Param::new(name, ParamType::List(&ParamType::String))
}

/// A row of a table: a function with a fixed count of arguments.
pub(super) const fn function(name: &'static str, params: &'static [Param], doc: &'static str, call: Call) -> Function {
    Function { name, params, variadic: None, doc, call }
}

/// A row of a table: a function that takes any number of further arguments.
pub(super) const fn variadic(
    name: &'static str,
    params: &'static [Param],
    more: Param,
    doc: &'static str,
    call: Call,
) -> Function {
    Function { name, params, variadic: Some(more), doc, call }
}

fn missing(args: &[Value], at: usize, what: &str) -> Fault {
    match args.get(at) {
        Some(Value::Null(_)) => Fault::at(at, "argument must not be null"),
        _ => Fault::at(at, format!("{what} required")),
    }
}

/// The string at `at`.
pub(super) fn text(args: &[Value], at: usize) -> Result<&str, Fault> {
    args.get(at).and_then(Value::as_str).ok_or_else(|| missing(args, at, "string"))
}

/// The number at `at`.
pub(super) fn number(args: &[Value], at: usize) -> Result<&Number, Fault> {
    args.get(at).and_then(Value::as_number).ok_or_else(|| missing(args, at, "number"))
}

/// The whole number at `at`.
pub(super) fn whole(args: &[Value], at: usize) -> Result<i64, Fault> {
    let fault = || {
        let (low, high) = (i64::MIN, i64::MAX);
        Fault::at(at, format!("value must be a whole number, between {low} and {high}"))
    };
    number(args, at)?.to_i64().ok_or_else(fault)
}

/// The elements of the list, set or tuple at `at`.
pub(super) fn items(args: &[Value], at: usize) -> Result<&[Value], Fault> {
    args.get(at).and_then(Value::elements).ok_or_else(|| missing(args, at, "list"))
}

/// The entries of the map or object at `at`.
pub(super) fn entries(args: &[Value], at: usize) -> Result<&BTreeMap<Arc<str>, Value>, Fault> {
    args.get(at).and_then(Value::entries).ok_or_else(|| missing(args, at, "map"))
}

/// The argument at `at`, whatever it is.
pub(super) fn any(args: &[Value], at: usize) -> Result<&Value, Fault> {
    args.get(at).ok_or_else(|| missing(args, at, "value"))
}

/// A string as a result: in NFC, and within the limit.
pub(super) fn string(text: impl Into<String>) -> Outcome {
    normalized(text.into()).map(Value::string)
}

/// A text in NFC, if it is within the limit.
pub(super) fn normalized(text: String) -> Result<String, Fault> {
    if text.len() > limits::STRING_BYTES {
        return Err(Fault::call(format!("the result is longer than {} bytes", limits::STRING_BYTES)));
    }
    Ok(match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => text.nfc().collect(),
    })
}

/// A number as a result; `None` is one beyond what numbers may reach.
pub(super) fn numeric(number: Option<Number>) -> Outcome {
    number.map(Value::Number).ok_or_else(|| Fault::call("the result is beyond what a number can be"))
}

/// A list of strings as a result.
pub(super) fn string_list<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Outcome {
    let texts: Vec<Value> = texts.into_iter().map(string).collect::<Result<_, _>>()?;
    Ok(Value::list(Type::String, texts))
}

/// The element type of the list, set or tuple, unified for a tuple; `None` if its elements have no type in common.
pub(super) fn element_type(value: &Value) -> Option<Type> {
    match value {
        Value::List(element, _) | Value::Set(element, _) | Value::Map(element, _) => Some(element.clone()),
        Value::Tuple(items) => unify(&items.iter().map(Value::type_of).collect::<Vec<_>>()),
        _ => None,
    }
}

/// Converts `value`, argument `at`, to a type.
pub(super) fn converted(at: usize, value: &Value, to: &Type) -> Outcome {
    convert(value, to).map_err(|error| Fault::at(at, error.to_string()))
}

/// Whether two values are equal as the language's `==` has it: of one type, and the same.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    a == b
}

/// Refuses a count of elements beyond the limit.
pub(super) fn check_size(count: Option<usize>) -> Result<usize, Fault> {
    count
        .filter(|count| *count <= limits::COLLECTION)
        .ok_or_else(|| Fault::call(format!("the result would have more than {} elements", limits::COLLECTION)))
}

/// The text of bytes that must be UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
