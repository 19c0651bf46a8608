//! Functions of lists and tuples: order, parts, searching and joining. They move elements and rarely look into them.

use super::support::{Outcome, any, any_param, check_size, converted, element_type, equal, function, items};
use super::support::{number, number_param, string_list, strings_param, text, variadic, whole};
use super::{CallContext, Fault, Function, Param, ParamType};
use crate::eval::nulls::beside;
use crate::eval::number::Number;
use crate::eval::types::Type;
use crate::eval::unify::unify;
use crate::eval::value::Value;

const LIST: ParamType = ParamType::List(&ParamType::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "chunklist",
        &[Param::new("list", LIST).secrets(), number_param("size")],
        "Cuts a list into lists of at most a size: `chunklist([\"a\", \"b\", \"c\"], 2)` is \
         `[[\"a\", \"b\"], [\"c\"]]`. A size of zero makes one list of all.",
        chunklist,
    ),
    variadic(
        "coalescelist",
        &[],
        Param::moved("vals").nullable(),
        "The first of the lists that is not empty: `coalescelist([], [\"c\", \"d\"])` is `[\"c\", \"d\"]`.",
        coalescelist,
    ),
    function(
        "compact",
        &[strings_param("list")],
        "The strings that are neither empty nor null: `compact([\"a\", \"\", \"b\", null])` is `[\"a\", \"b\"]`.",
        compact,
    ),
    variadic(
        "concat",
        &[],
        Param::moved("seqs"),
        "The elements of several lists, one after the other: `concat([\"a\"], [\"b\", \"c\"])` is \
         `[\"a\", \"b\", \"c\"]`.",
        concat,
    ),
    function(
        "contains",
        &[any_param("list"), any_param("value")],
        "Whether a list, set or tuple holds a value of that type: `contains([\"a\", \"b\"], \"a\")` is `true`.",
        contains,
    ),
    function(
        "distinct",
        &[Param::new("list", LIST)],
        "The elements without repetitions, in the order of their first: `distinct([\"a\", \"b\", \"a\"])` is \
         `[\"a\", \"b\"]`.",
        distinct,
    ),
    function(
        "element",
        &[Param::moved("list"), number_param("index")],
        "The element at an index, counted round from the end to the start and back: `element([\"a\", \"b\", \"c\"], 3)` \
         is `\"a\"`, and at `-1` is `\"c\"`.",
        element,
    ),
    function(
        "flatten",
        &[Param::moved("list")],
        "The elements with every list, set and tuple among them replaced by its elements: \
         `flatten([[\"a\", \"b\"], [], [\"c\"]])` is `[\"a\", \"b\", \"c\"]`.",
        flatten,
    ),
    function(
        "index",
        &[any_param("list"), any_param("value")],
        "The index of the first element that equals a value: `index([\"a\", \"b\", \"c\"], \"b\")` is `1`.",
        index,
    ),
    function(
        "one",
        &[Param::moved("list")],
        "The only element, or null where there is none: `one([\"a\"])` is `\"a\"`, `one([])` is `null`.",
        one,
    ),
    variadic(
        "range",
        &[],
        number_param("params"),
        "Numbers from a start up to, and without, a limit, by a step: `range(3)` is `[0, 1, 2]`, `range(1, 8, 2)` is \
         `[1, 3, 5, 7]`. At most 1024.",
        range,
    ),
    function(
        "reverse",
        &[Param::moved("list")],
        "The elements in reverse: `reverse([1, 2, 3])` is `[3, 2, 1]`.",
        reverse,
    ),
    function(
        "slice",
        &[Param::moved("list"), number_param("start_index"), number_param("end_index")],
        "The elements from a start up to, and without, an end: `slice([\"a\", \"b\", \"c\", \"d\"], 1, 3)` is \
         `[\"b\", \"c\"]`.",
        slice,
    ),
    function(
        "sort",
        &[strings_param("list")],
        "The strings in the order of their characters: `sort([\"e\", \"d\", \"a\"])` is `[\"a\", \"d\", \"e\"]`.",
        sort,
    ),
];

fn chunklist(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (items, size) = (items(args, 0)?, whole(args, 1)?);
    let size = usize::try_from(size).map_err(|_| Fault::call("the size argument must be positive"))?;
    let element = element_type(&args[0]).unwrap_or(Type::Any);
    let chunk = |items: &[Value]| Value::list(element.clone(), items.iter().cloned());
    let chunks: Vec<Value> = match size {
        _ if items.is_empty() => Vec::new(),
        0 => vec![chunk(items)],
        _ => items.chunks(size).map(chunk).collect(),
    };
    Ok(Value::list(Type::list(element.clone()), chunks))
}

fn coalescelist(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    if args.is_empty() {
        return Err(Fault::call("at least one argument is required"));
    }
    if !args.iter().all(|arg| matches!(arg.type_of(), Type::List(_) | Type::Tuple(_))) {
        return Err(Fault::call("coalescelist arguments must be lists or tuples"));
    }
    let first = args.iter().find(|arg| arg.elements().is_some_and(|items| !items.is_empty()));
    first.cloned().ok_or_else(|| Fault::call("no non-null arguments"))
}

fn compact(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    string_list(items(args, 0)?.iter().filter_map(Value::as_str).filter(|text| !text.is_empty()))
}

fn concat(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    if args.is_empty() {
        return Err(Fault::call("at least one argument is required"));
    }
    let mut all = Vec::new();
    let mut element_types = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        match arg {
            Value::List(element, items) => {
                element_types.push(element.clone());
                all.extend_from_slice(items);
            }
            Value::Tuple(items) => all.extend_from_slice(items),
            other => {
                let message = format!("all arguments must be lists or tuples; got {}", other.type_of());
                return Err(Fault::at(at, message));
            }
        }
    }
    check_size(Some(all.len()))?;
    // Lists alone make a list, of the type that all of theirs convert to; with a tuple among them it is a tuple.
    match unify(&element_types).filter(|_| element_types.len() == args.len()) {
        Some(Type::Any) => {
            let element = beside(&element_types).unwrap_or(Type::Any);
            converted(0, &Value::list(Type::Any, all), &Type::list(element))
        }
        Some(element) => converted(0, &Value::list(Type::Any, all), &Type::list(element)),
        None => Ok(Value::tuple(all)),
    }
}

fn contains(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let items = any(args, 0)?.elements().ok_or_else(|| Fault::call("argument must be list, tuple, or set"))?;
    let value = any(args, 1)?;
    Ok(Value::Bool(items.iter().any(|item| equal(item, value))))
}

fn distinct(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let mut seen = std::collections::BTreeSet::new();
    let kept = items(args, 0)?.iter().filter(|item| seen.insert(InSet((*item).clone()))).cloned();
    Ok(Value::list(element_type(&args[0]).unwrap_or(Type::Any), kept.collect::<Vec<_>>()))
}

/// A value under the order of sets, which agrees with equality between values of one type.
struct InSet(Value);

impl PartialEq for InSet {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for InSet {}

impl PartialOrd for InSet {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InSet {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp_in_set(&other.0)
    }
}

fn element(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let items = match any(args, 0)? {
        Value::List(_, items) | Value::Tuple(items) => items,
        other => return Err(Fault::call(format!("cannot read elements from {}", other.type_of()))),
    };
    let index =
        whole(args, 1).map_err(|fault| Fault { message: format!("invalid index: {}", fault.message), ..fault })?;
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let at = index.checked_rem_euclid(count).and_then(|at| items.get(usize::try_from(at).ok()?));
    at.cloned().ok_or_else(|| Fault::call("cannot use element function with an empty list"))
}

fn flatten(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let items = any(args, 0)?.elements().ok_or_else(|| Fault::call("can only flatten lists, sets and tuples"))?;
    let mut flat = Vec::new();
    flatten_into(items, &mut flat);
    check_size(Some(flat.len()))?;
    Ok(Value::tuple(flat))
}

fn flatten_into(items: &[Value], flat: &mut Vec<Value>) {
    for item in items {
        match item.elements() {
            Some(inner) => flatten_into(inner, flat),
            None => flat.push(item.clone()),
        }
    }
}

fn index(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (Value::List(_, items) | Value::Tuple(items)) = any(args, 0)? else {
        return Err(Fault::call("argument must be a list or tuple"));
    };
    if items.is_empty() {
        return Err(Fault::call("cannot search an empty list"));
    }
    let value = any(args, 1)?;
    let at = items.iter().position(|item| equal(item, value));
    at.map(Value::number).ok_or_else(|| Fault::call("item not found"))
}

fn one(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    match any(args, 0)?.elements() {
        Some([]) => Ok(Value::Null(element_type(&args[0]).unwrap_or(Type::Any))),
        Some([only]) => Ok(only.clone()),
        _ => Err(Fault::at(0, "must be a list, set, or tuple value with either zero or one elements")),
    }
}

/// The most numbers that `range` makes.
const RANGE: usize = 1024;

fn range(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let zero = Number::from(0);
    let (start, end) = match args.len() {
        1 => (zero.clone(), number(args, 0)?.clone()),
        2 | 3 => (number(args, 0)?.clone(), number(args, 1)?.clone()),
        _ => return Err(Fault::call("must have one, two, or three arguments")),
    };
    let down = Number::from(if end < start { -1 } else { 1 });
    let step = if args.len() == 3 { number(args, 2)?.clone() } else { down };
    if step > zero && end < start {
        return Err(Fault::at(2, "end must be greater than start when step is positive"));
    }
    if step < zero && end > start {
        return Err(Fault::at(2, "end must be less than start when step is negative"));
    }
    steps(start, &end, &step)
}

fn steps(start: Number, end: &Number, step: &Number) -> Outcome {
    let falling = step.is_negative();
    let mut numbers = Vec::new();
    let mut next = Some(start);
    while let Some(number) = next.filter(|number| if falling { number > end } else { number < end }) {
        if numbers.len() >= RANGE {
            return Err(Fault::call(format!(
                "more than {RANGE} values were generated; either decrease the difference between start and end or \
                 use a smaller step"
            )));
        }
        next = number.add(step);
        numbers.push(Value::Number(number));
    }
    Ok(Value::list(Type::Number, numbers))
}

fn reverse(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let reversed = |items: &[Value]| items.iter().rev().cloned().collect::<Vec<_>>();
    match any(args, 0)? {
        Value::List(element, items) | Value::Set(element, items) => Ok(Value::list(element.clone(), reversed(items))),
        Value::Tuple(items) => Ok(Value::tuple(reversed(items))),
        other => Err(Fault::at(0, format!("can only reverse list or tuple values, not {}", other.type_of()))),
    }
}

fn slice(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (start, end) = (whole(args, 1)?, whole(args, 2)?);
    let cut = |items: &[Value]| -> Result<Vec<Value>, Fault> { Ok(items[bounds(items.len(), start, end)?].to_vec()) };
    match any(args, 0)? {
        Value::List(element, items) => Ok(Value::list(element.clone(), cut(items)?)),
        Value::Tuple(items) => Ok(Value::tuple(cut(items)?)),
        Value::Set(..) => Err(Fault::at(
            0,
            "cannot slice a set, because its elements do not have indices; explicitly convert to a list if the \
             ordering of the result is not important",
        )),
        _ => Err(Fault::at(0, "must be a list or tuple value")),
    }
}

fn bounds(length: usize, start: i64, end: i64) -> Result<std::ops::Range<usize>, Fault> {
    let low = usize::try_from(start).map_err(|_| Fault::at(1, "start index must not be less than zero"))?;
    let high = usize::try_from(end).map_err(|_| Fault::at(2, "end index must not be less than zero"))?;
    if high > length {
        return Err(Fault::at(2, "end index must not be greater than the length of the list"));
    }
    if low > high {
        return Err(Fault::at(1, "start index must not be greater than end index"));
    }
    Ok(low..high)
}

fn sort(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    for at in 0..items(args, 0)?.len() {
        text(items(args, 0)?, at)
            .map_err(|_| Fault::call(format!("given list element {at} is null; a null string cannot be sorted")))?;
    }
    let mut texts: Vec<&str> = items(args, 0)?.iter().filter_map(Value::as_str).collect();
    texts.sort_unstable();
    string_list(texts)
}
