//! Functions of maps and objects: keys, values, lookups and making them of lists. They move values and do not look
//! into them.

use std::collections::BTreeMap;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation as _;

use super::support::{Outcome, any, check_size, converted, entries, equal, function, items, string_list};
use super::support::{string_param, strings_param, text, variadic};
use super::{CallContext, Fault, Function, Param, ParamType};
use crate::eval::types::Type;
use crate::eval::unify::unify;
use crate::eval::value::Value;

const LIST: ParamType = ParamType::List(&ParamType::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "keys",
        &[Param::moved("inputMap")],
        "The keys in order: `keys({a = 1, c = 2})` is `[\"a\", \"c\"]`.",
        keys,
    ),
    function(
        "length",
        &[Param::moved("value")],
        "How many elements a collection has, or characters a string: `length([\"a\", \"b\"])` is `2`.",
        length,
    ),
    variadic(
        "lookup",
        &[Param::moved("inputMap"), string_param("key")],
        Param::moved("default").nullable(),
        "The element of a key, or a default where there is none: `lookup({a = \"ay\"}, \"c\", \"what?\")` is \
         `\"what?\"`.",
        lookup,
    ),
    function(
        "matchkeys",
        &[Param::new("values", LIST).secrets(), Param::new("keys", LIST), Param::new("searchset", LIST)],
        "The values at whose index the key is one of a set: `matchkeys([\"i-1\", \"i-2\"], [\"a\", \"b\"], [\"b\"])` \
         is `[\"i-2\"]`.",
        matchkeys,
    ),
    variadic(
        "merge",
        &[],
        Param::moved("maps").nullable(),
        "The entries of several maps or objects, of one key the last: `merge({a = 1}, {a = 2, b = 3})` is \
         `{a = 2, b = 3}`.",
        merge,
    ),
    function(
        "transpose",
        &[Param::new("values", ParamType::Map(&ParamType::List(&ParamType::String)))],
        "Swaps keys and values of a map of lists: `transpose({a = [\"1\", \"2\"], b = [\"2\"]})` is \
         `{\"1\" = [\"a\"], \"2\" = [\"a\", \"b\"]}`.",
        transpose,
    ),
    function(
        "values",
        &[Param::moved("mapping")],
        "The values in the order of their keys: `values({a = 3, c = 2})` is `[3, 2]`.",
        values,
    ),
    function(
        "zipmap",
        &[strings_param("keys"), Param::moved("values")],
        "A map of keys and values at the same indices: `zipmap([\"a\", \"b\"], [1, 2])` is `{a = 1, b = 2}`.",
        zipmap,
    ),
];

fn keys(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    match any(args, 0)? {
        Value::Map(_, entries) => string_list(entries.keys().map(|key| &**key)),
        Value::Object(entries) => Ok(Value::tuple(entries.keys().map(|key| Value::string(key.clone())))),
        _ => Err(Fault::at(0, "must have map or object type")),
    }
}

fn values(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    match any(args, 0)? {
        Value::Map(element, entries) => Ok(Value::list(element.clone(), entries.values().cloned())),
        Value::Object(entries) => Ok(Value::tuple(entries.values().cloned())),
        _ => Err(Fault::at(0, "values() requires a map as the first argument")),
    }
}

fn length(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let value = any(args, 0)?;
    let count = value
        .elements()
        .map(<[Value]>::len)
        .or_else(|| value.entries().map(BTreeMap::len))
        .or_else(|| value.as_str().map(|text| text.graphemes(true).count()));
    let fault = || Fault::call("argument must be a string, a collection type, or a structural type");
    count.map(Value::number).ok_or_else(fault)
}

fn lookup(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    if args.len() > 3 {
        return Err(Fault::call(format!("lookup() takes two or three arguments, got {}", args.len())));
    }
    let (given, key) = (any(args, 0)?, text(args, 1)?);
    let default = args.get(2);
    match given {
        Value::Object(entries) => {
            let missing = || Fault::at(0, format!("the given object has no attribute \"{key}\""));
            entries.get(key).or(default).cloned().ok_or_else(missing)
        }
        Value::Map(element, entries) => {
            let unfit = |_| Fault::at(2, "the default value must have the same type as the map elements");
            let default = default.map(|default| converted(2, default, element).map_err(unfit)).transpose()?;
            let missing = || Fault::call(format!("lookup failed to find key \"{key}\""));
            entries.get(key).cloned().or(default).ok_or_else(missing)
        }
        _ => Err(Fault::at(0, "lookup() requires a map as the first argument")),
    }
}

fn matchkeys(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (values, keys) = (items(args, 0)?, items(args, 1)?);
    if values.len() != keys.len() {
        return Err(Fault::call("length of keys and values should be equal"));
    }
    let common = unify(&[args[1].type_of(), args[2].type_of()]);
    let common = common.ok_or_else(|| Fault::call("keys and searchset must be of the same type"))?;
    let (keys, wanted) = (converted(1, &args[1], &common)?, converted(2, &args[2], &common)?);
    let wanted = wanted.elements().unwrap_or_default();
    let pairs = values.iter().zip(keys.elements().unwrap_or_default());
    let kept = pairs.filter(|(_, key)| wanted.iter().any(|one| equal(one, key))).map(|(value, _)| value.clone());
    let element = super::support::element_type(&args[0]).unwrap_or(Type::Any);
    Ok(Value::list(element, kept.collect::<Vec<_>>()))
}

fn merge(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let mut merged: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for arg in args {
        if !matches!(arg.type_of(), Type::Map(_) | Type::Object(_) | Type::Any) {
            return Err(Fault::call(format!("arguments must be maps or objects, got \"{}\"", arg.type_of())));
        }
        let entries = arg.entries().into_iter().flatten();
        merged.extend(entries.map(|(name, value)| (name.clone(), value.clone())));
    }
    let mut types = args.iter().map(Value::type_of);
    match types.next() {
        Some(Type::Map(element)) if types.all(|ty| ty == Type::Map(element.clone())) => {
            Ok(Value::map((*element).clone(), merged))
        }
        _ => Ok(Value::Object(Arc::new(merged))),
    }
}

fn transpose(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let mut swapped: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
    for (key, list) in entries(args, 0)? {
        for item in list.elements().ok_or_else(|| Fault::at(0, "the map must not hold null"))? {
            let Value::String(item) = item else {
                return Err(Fault::at(0, "a list must not hold null: it would become a key"));
            };
            swapped.entry(item.clone()).or_default().push(key.clone());
        }
    }
    let lists = swapped.into_iter().map(|(key, list)| (key, Value::strings(list)));
    Ok(Value::map(Type::list(Type::String), lists))
}

fn zipmap(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let keys = items(args, 0)?;
    let (element, values) = match any(args, 1)? {
        Value::List(element, values) => (Some(element), values),
        Value::Tuple(values) => (None, values),
        _ => return Err(Fault::at(1, "zipmap requires values to be a list or tuple")),
    };
    check_size(Some(keys.len()))?;
    if keys.len() != values.len() {
        let (keys, values) = (keys.len(), values.len());
        return Err(Fault::call(format!("number of keys ({keys}) does not match number of values ({values})")));
    }
    let mut zipped = BTreeMap::new();
    for (at, (key, value)) in keys.iter().zip(values.iter()).enumerate() {
        let Value::String(key) = key else { return Err(Fault::at(0, format!("key {at} is null"))) };
        zipped.insert(key.clone(), value.clone());
    }
    Ok(match element {
        Some(element) => Value::map(element.clone(), zipped),
        None => Value::Object(Arc::new(zipped)),
    })
}
