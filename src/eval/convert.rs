//! Conversion of values to types, as in cty.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::nulls;
use super::number::Number;
use super::types::{Field, Type};
use super::unify::unify;
use super::value::Value;

/// Why a value cannot be converted, and where within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    /// From the value inwards.
    pub path: Vec<Step>,
    /// `string required`, `attribute "x" is required`.
    pub message: String,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An attribute of an object.
    Attribute(Arc<str>),
    /// An element of a list, set or tuple.
    Index(usize),
    /// An element of a map.
    Key(Arc<str>),
}

impl fmt::Display for ConvertError {
    /// `element "web": attribute "port": number required`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.path {
            match step {
                Step::Attribute(name) => write!(f, "attribute \"{name}\": ")?,
                Step::Index(at) => write!(f, "element {at}: ")?,
                Step::Key(name) => write!(f, "element \"{name}\": ")?,
            }
        }
        f.write_str(&self.message)
    }
}

fn fault<T>(message: impl Into<String>) -> Result<T, ConvertError> {
    Err(ConvertError { path: Vec::new(), message: message.into() })
}

fn within<T>(step: impl FnOnce() -> Step, result: Result<T, ConvertError>) -> Result<T, ConvertError> {
    result.map_err(|mut error| {
        error.path.insert(0, step());
        error
    })
}

/// Converts a value to a type. Where the type holds `any`, the value fills it in. A null without a type is of every type.
pub fn convert(value: &Value, to: &Type) -> Result<Value, ConvertError> {
    match (value, to) {
        (Value::Null(have), to) => match nulls::converted(have, to) {
            Some(ty) => Ok(Value::Null(ty)),
            None => fault(required(to)),
        },
        (_, Type::Any) => Ok(value.clone()),
        (Value::Secret(_), Type::Secret) => Ok(value.clone()),
        (Value::Secret(_), _) => fault(format!("{to} required, and a secret can only be given to what takes a secret")),
        (Value::Ref(address), Type::Ref(kinds)) => {
            if kinds.is_empty() || kinds.contains(&address.kind) {
                Ok(value.clone())
            } else {
                fault(required(to))
            }
        }
        (_, Type::Bool) => to_bool(value),
        (_, Type::Number) => to_number(value),
        (_, Type::String) => to_string(value),
        (_, Type::List(element)) => to_list(value, element, to),
        (_, Type::Set(element)) => to_set(value, element, to),
        (_, Type::Map(element)) => to_map(value, element, to),
        (_, Type::Tuple(types)) => to_tuple(value, types),
        (_, Type::Object(fields)) => to_object(value, fields),
        (_, Type::Ref(_) | Type::Secret) => fault(required(to)),
    }
}

fn required(to: &Type) -> String {
    format!("{to} required")
}

fn to_bool(value: &Value) -> Result<Value, ConvertError> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) => match &**text {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            other => fault(match other.to_lowercase().as_str() {
                "true" => "a bool is required; to convert from string, use lowercase \"true\"",
                "false" => "a bool is required; to convert from string, use lowercase \"false\"",
                _ => "a bool is required",
            }),
        },
        _ => fault("bool required"),
    }
}

fn to_number(value: &Value) -> Result<Value, ConvertError> {
    match value {
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => match Number::from_text(text) {
            Some(number) => Ok(Value::Number(number)),
            None => fault("a number is required"),
        },
        _ => fault("number required"),
    }
}

fn to_string(value: &Value) -> Result<Value, ConvertError> {
    match value {
        Value::String(_) => Ok(value.clone()),
        Value::Number(number) => Ok(Value::string(number.to_string())),
        Value::Bool(truth) => Ok(Value::string(if *truth { "true" } else { "false" })),
        _ => fault("string required"),
    }
}

/// Converts each element; where the element type holds `any`, all elements become of one type.
fn elements(items: &[Value], element: &Type, what: &str) -> Result<(Type, Vec<Value>), ConvertError> {
    let target = if element.has_any() { filled(items.iter(), element, what)? } else { element.clone() };
    let convert_one = |(at, item)| within(|| Step::Index(at), convert(item, &target));
    let converted: Result<Vec<Value>, ConvertError> = items.iter().enumerate().map(convert_one).collect();
    let converted = converted?;
    of_one_type(converted.iter(), &target, what)?;
    Ok((target, converted))
}

/// Whether all are of one type, where theirs holds an `any` that nothing filled in; nulls may have none.
fn of_one_type<'a>(items: impl Iterator<Item = &'a Value>, element: &Type, what: &str) -> Result<(), ConvertError> {
    if !element.has_any() {
        return Ok(());
    }
    let mut types = items.map(Value::type_of).filter(|ty| *ty != Type::Any);
    let first = types.next();
    if types.all(|ty| Some(&ty) == first.as_ref()) {
        Ok(())
    } else {
        fault(format!("all {what} elements must have the same type"))
    }
}

/// The element type with its `any` filled in from the elements.
fn filled<'a>(items: impl Iterator<Item = &'a Value>, element: &Type, what: &str) -> Result<Type, ConvertError> {
    let mut types = Vec::new();
    for (at, item) in items.enumerate() {
        let ty = within(|| Step::Index(at), convert(item, element))?.type_of();
        if types.last() != Some(&ty) {
            types.push(ty);
        }
    }
    match unify(&types) {
        Some(Type::Any) if types.iter().all(|ty| *ty == Type::Any) => Ok(element.clone()),
        // A map keeps elements of one type beside nulls that have none.
        Some(Type::Any)
            if what == "map"
                && let Some(one) = nulls::beside(&types) =>
        {
            Ok(one)
        }
        Some(ty) if ty != Type::Any => Ok(ty),
        _ => fault(format!("all {what} elements must have the same type")),
    }
}

fn to_list(value: &Value, element: &Type, to: &Type) -> Result<Value, ConvertError> {
    match value {
        Value::List(have, _) if have == element || *element == Type::Any => Ok(value.clone()),
        Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => {
            let (element, items) = elements(items, element, "list")?;
            Ok(Value::List(element, items.into()))
        }
        _ => fault(required(to)),
    }
}

fn to_set(value: &Value, element: &Type, to: &Type) -> Result<Value, ConvertError> {
    match value {
        Value::Set(have, _) if have == element || *element == Type::Any => Ok(value.clone()),
        Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => {
            let (element, items) = elements(items, element, "set")?;
            Ok(Value::set(element, items))
        }
        _ => fault(required(to)),
    }
}

fn to_map(value: &Value, element: &Type, to: &Type) -> Result<Value, ConvertError> {
    let entries = match value {
        Value::Map(have, _) if have == element || *element == Type::Any => return Ok(value.clone()),
        Value::Map(_, entries) | Value::Object(entries) => entries,
        _ => return fault(required(to)),
    };
    let target = if element.has_any() { filled_map(entries, element)? } else { element.clone() };
    let convert_one = |(name, item): (&Arc<str>, &Value)| {
        Ok((name.clone(), within(|| Step::Key(name.clone()), convert(item, &target))?))
    };
    let converted: Result<BTreeMap<Arc<str>, Value>, ConvertError> = entries.iter().map(convert_one).collect();
    let converted = converted?;
    of_one_type(converted.values(), &target, "map")?;
    Ok(Value::Map(target.clone(), Arc::new(converted)))
}

fn filled_map(entries: &BTreeMap<Arc<str>, Value>, element: &Type) -> Result<Type, ConvertError> {
    for (name, item) in entries {
        within(|| Step::Key(name.clone()), convert(item, element))?;
    }
    filled(entries.values(), element, "map")
}

fn to_tuple(value: &Value, types: &[Type]) -> Result<Value, ConvertError> {
    match value {
        Value::Tuple(items) if items.len() == types.len() => {
            let pairs = items.iter().zip(types).enumerate();
            let converted: Result<Vec<Value>, ConvertError> =
                pairs.map(|(at, (item, ty))| within(|| Step::Index(at), convert(item, ty))).collect();
            Ok(Value::Tuple(converted?.into()))
        }
        _ => fault("tuple required"),
    }
}

fn to_object(value: &Value, fields: &BTreeMap<Arc<str>, Field>) -> Result<Value, ConvertError> {
    let Some(entries) = value.entries() else { return fault("object required") };
    let missing: Vec<&str> = fields
        .iter()
        .filter(|(name, field)| !field.optional && !entries.contains_key(*name))
        .map(|(name, _)| &**name)
        .collect();
    if !missing.is_empty() {
        return fault(missing_attributes(&missing));
    }
    let convert_one = |(name, field): (&Arc<str>, &Field)| {
        let given = entries.get(name).unwrap_or(&Value::NULL);
        let step = || match value {
            Value::Map(..) => Step::Key(name.clone()),
            _ => Step::Attribute(name.clone()),
        };
        let converted = match (&field.default, given) {
            (Some(default), Value::Null(_)) => (*default.0).clone(),
            _ => within(step, convert(given, &field.ty))?,
        };
        Ok((name.clone(), converted))
    };
    let converted: Result<BTreeMap<Arc<str>, Value>, ConvertError> = fields.iter().map(convert_one).collect();
    Ok(Value::Object(Arc::new(converted?)))
}

fn missing_attributes(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [one] => format!("attribute {one} is required"),
        [first, second] => format!("attributes {first} and {second} are required"),
        [init @ .., last] => format!("attributes {}, and {last} are required", init.join(", ")),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, to: Type, expected: Result<Value, &str>) {
        assert_eq!(convert(&value, &to).map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    #[test]
    fn primitives_convert_as_in_cty() {
        check(text("12"), Type::Number, Ok(Value::number(12)));
        check(text("x"), Type::Number, Err("a number is required"));
        check(Value::Bool(true), Type::Number, Err("number required"));
        check(Value::number(12), Type::String, Ok(text("12")));
        check(Value::Bool(true), Type::String, Ok(text("true")));
        check(text("1"), Type::Bool, Ok(Value::Bool(true)));
        check(text("True"), Type::Bool, Err("a bool is required; to convert from string, use lowercase \"true\""));
        check(Value::NULL, Type::Bool, Ok(Value::NULL));
        check(Value::tuple([]), Type::String, Err("string required"));
    }

    #[test]
    fn collections_convert_element_by_element() {
        let tuple = Value::tuple([Value::number(1), text("a")]);
        check(tuple.clone(), Type::list(Type::Any), Ok(Value::strings(["1", "a"])));
        check(tuple.clone(), Type::list(Type::Number), Err("element 1: a number is required"));
        check(tuple, Type::set(Type::String), Ok(Value::set(Type::String, [text("1"), text("a")])));
        let object = Value::object([("a", Value::number(1)), ("b", text("x"))]);
        let expected = [("a".into(), text("1")), ("b".into(), text("x"))];
        check(object, Type::map(Type::Any), Ok(Value::map(Type::String, expected)));
        check(Value::number(1), Type::list(Type::String), Err("list of string required"));
    }

    #[test]
    fn elements_without_one_type_are_refused() {
        let mixed = Value::tuple([Value::number(1), Value::Bool(true), Value::object::<&str>([])]);
        check(mixed, Type::list(Type::Any), Err("all list elements must have the same type"));
    }

    #[test]
    fn objects_take_defaults_and_name_what_is_missing() {
        let field = |optional, default: Option<Value>| Field {
            ty: Type::String,
            optional,
            default: default.map(|value| super::super::types::DefaultValue(Box::new(value))),
        };
        let ty = Type::Object(Arc::new(BTreeMap::from([
            (Arc::from("a"), field(false, None)),
            (Arc::from("b"), field(true, Some(text("x")))),
            (Arc::from("c"), field(true, None)),
        ])));
        let given = Value::object([("a", Value::number(1)), ("extra", Value::NULL)]);
        check(given, ty.clone(), Ok(Value::object([("a", text("1")), ("b", text("x")), ("c", Value::NULL)])));
        check(Value::object::<&str>([]), Type::map(ty.clone()), Ok(Value::map(ty.clone(), [])));
        let nested = Value::object([("k", Value::object([("b", text("y"))]))]);
        check(nested, Type::map(ty), Err("element \"k\": attribute \"a\" is required"));
    }

    #[test]
    fn secrets_and_references_stay_what_they_are() {
        let secret = Value::Secret(Arc::new(super::super::value::SecretRef::Env("X".to_owned())));
        check(secret.clone(), Type::Secret, Ok(secret.clone()));
        let why = "string required, and a secret can only be given to what takes a secret";
        check(secret, Type::String, Err(why));
        let zone = Value::Ref(Arc::new(crate::address::ResourceAddress::root("zone", "z", None)));
        check(zone.clone(), Type::reference(["zone"]), Ok(zone.clone()));
        check(zone.clone(), Type::reference(["member"]), Err("reference to member required"));
        check(zone, Type::String, Err("string required"));
    }
}
