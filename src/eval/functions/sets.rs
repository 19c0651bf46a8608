//! Functions of sets, and those over all elements of a collection of bools.

use super::support::{Outcome, any, check_size, converted, element_type, function, items, variadic};
use super::{CallContext, Fault, Function, Param, ParamType};
use crate::eval::types::Type;
use crate::eval::unify::unify;
use crate::eval::value::Value;

const SET: ParamType = ParamType::Set(&ParamType::Any);
const BOOLS: ParamType = ParamType::List(&ParamType::Bool);

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "alltrue",
        &[Param::new("list", BOOLS)],
        "Whether all elements are true: `alltrue([true, false])` is `false`, `alltrue([])` is `true`.",
        |_, args| Ok(Value::Bool(items(args, 0)?.iter().all(|item| *item == Value::Bool(true)))),
    ),
    function(
        "anytrue",
        &[Param::new("list", BOOLS)],
        "Whether an element is true: `anytrue([true, false])` is `true`, `anytrue([])` is `false`.",
        |_, args| Ok(Value::Bool(items(args, 0)?.contains(&Value::Bool(true)))),
    ),
    variadic(
        "setintersection",
        &[Param::new("first_set", SET)],
        Param::new("other_sets", SET),
        "The elements that are in all sets: `setintersection([\"a\", \"b\"], [\"b\", \"c\"])` is `[\"b\"]`.",
        |_, args| combine(args, |set, other| set.retain(|item| other.contains(item))),
    ),
    variadic(
        "setproduct",
        &[],
        Param::moved("sets"),
        "Every combination of one element of each: `setproduct([\"a\", \"b\"], [1, 2])` is \
         `[[\"a\", 1], [\"a\", 2], [\"b\", 1], [\"b\", 2]]`.",
        setproduct,
    ),
    function(
        "setsubtract",
        &[Param::new("a", SET), Param::new("b", SET)],
        "The elements of the first set that are not in the second: `setsubtract([\"a\", \"b\"], [\"b\"])` is \
         `[\"a\"]`.",
        |_, args| combine(args, |set, other| set.retain(|item| !other.contains(item))),
    ),
    variadic(
        "setunion",
        &[Param::new("first_set", SET)],
        Param::new("other_sets", SET),
        "The elements that are in any set: `setunion([\"a\"], [\"b\", \"a\"])` is `[\"a\", \"b\"]`.",
        |_, args| combine(args, |set, other| set.extend_from_slice(other)),
    ),
];

/// Applies an operation set by set, all of them converted to the type that they have in common.
fn combine(args: &[Value], operation: fn(&mut Vec<Value>, &[Value])) -> Outcome {
    let types: Vec<Type> = args.iter().filter_map(element_type).collect();
    let element = unify(&types).ok_or_else(|| Fault::call("given sets must all have compatible element types"))?;
    let ty = Type::set(element.clone());
    let mut result = items(&[converted(0, any(args, 0)?, &ty)?], 0)?.to_vec();
    for (at, arg) in args.iter().enumerate().skip(1) {
        operation(&mut result, items(&[converted(at, arg, &ty)?], 0)?);
    }
    check_size(Some(result.len()))?;
    Ok(Value::set(element, result))
}

fn setproduct(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    if args.len() < 2 {
        return Err(Fault::call("at least two arguments are required"));
    }
    let mut elements = Vec::new();
    let mut size = Some(1_usize);
    for (at, arg) in args.iter().enumerate() {
        let element = match element_type(arg) {
            Some(element) if arg.elements().is_some() => element,
            _ => return Err(Fault::at(at, "a set or a list is required")),
        };
        size = size.and_then(|size| size.checked_mul(items(args, at).ok()?.len()));
        elements.push(element);
    }
    check_size(size)?;
    let rows = combinations(args, &elements)?;
    let element = Type::Tuple(elements.into());
    // With a set among them the result has no order either.
    let unordered = args.iter().any(|arg| matches!(arg, Value::Set(..)));
    Ok(if unordered { Value::set(element, rows) } else { Value::list(element, rows) })
}

fn combinations(args: &[Value], elements: &[Type]) -> Result<Vec<Value>, Fault> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for (at, element) in elements.iter().enumerate() {
        let items: Vec<Value> =
            items(args, at)?.iter().map(|item| converted(at, item, element)).collect::<Result<_, _>>()?;
        let extend = |row: &Vec<Value>| {
            let row = row.clone();
            items.iter().map(move |item| row.iter().chain([item]).cloned().collect()).collect::<Vec<Vec<Value>>>()
        };
        rows = rows.iter().flat_map(extend).collect();
    }
    Ok(rows.into_iter().map(Value::tuple).collect())
}
