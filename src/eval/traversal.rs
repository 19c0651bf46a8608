//! Steps into values: attributes, indices and splats.

use std::sync::Arc;

use super::convert::convert;
use super::expression::{as_text, described};
use super::fault::{Evaluated, Gather, did_you_mean, fault, fault_with};
use super::number::Number;
use super::scope::Scope;
use super::types::Type;
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::source::Span;
use crate::syntax::ast::{ExprKind, Step, StepKind, Traversal};

impl Scope<'_> {
    pub(super) fn traversal(&self, traversal: &Traversal) -> Evaluated {
        let source = &traversal.source;
        let (value, steps) = match &source.kind {
            ExprKind::Variable(root) => match self.bound(root) {
                Some(value) => (value.clone(), &traversal.steps[..]),
                None => self.root(root, source.span, &traversal.steps)?,
            },
            _ => (self.eval(source)?, &traversal.steps[..]),
        };
        self.steps(value, steps)
    }

    /// The root of a reference with the name that belongs to it, and the steps that remain.
    pub(super) fn root<'s>(&self, root: &str, span: Span, steps: &'s [Step]) -> Evaluated<(Value, &'s [Step])> {
        let first = match steps.first() {
            Some(Step { kind: StepKind::Attribute(name), span: step }) => Some((&**name, span.to(*step))),
            _ => None,
        };
        let resolved = self.roots.resolve(root, first.map(|(name, _)| name), first.map_or(span, |(_, whole)| whole))?;
        let rest = if resolved.took_first { &steps[1..] } else { steps };
        Ok((resolved.value, rest))
    }

    pub(super) fn steps(&self, mut value: Value, steps: &[Step]) -> Evaluated {
        for step in steps {
            value = match &step.kind {
                StepKind::Attribute(name) => self.attribute(&value, name, step.span)?,
                StepKind::Index(index) => {
                    let key = self.eval(index)?;
                    let value = self.opened(value, step.span)?;
                    element(&value, &key, step.span)?
                }
                StepKind::Splat(each) => self.splat(&value, each, step.span)?,
            };
        }
        Ok(value)
    }

    /// `value.name`
    pub(super) fn attribute(&self, value: &Value, name: &str, span: Span) -> Evaluated {
        if let Value::Ref(address) = value {
            return self.roots.dereference(address, name, span);
        }
        if let Some(found) = value.get(name) {
            return Ok(found.clone());
        }
        let hint = value.entries().and_then(|entries| did_you_mean(name, entries.keys().map(|key| &**key)));
        let (detail, hint) = match value {
            Value::Null(_) => (format!("This value is null, so it has no attribute \"{name}\"."), None),
            Value::Object(_) => (format!("This object has no attribute named \"{name}\"."), hint),
            Value::Map(..) => (format!("This map has no element with the key \"{name}\"."), hint),
            Value::List(..) | Value::Tuple(_) | Value::Set(..) => {
                let detail = format!("This is {}, and its elements are not named \"{name}\".", described(value));
                (detail, Some(format!("Take it of one element, [0].{name}, or of each, [*].{name}.")))
            }
            Value::Secret(_) => ("This is a secret, and a secret has no attributes.".to_owned(), None),
            other => (format!("This is {}, which has no attributes.", described(other)), None),
        };
        fault_with(&codes::ATTRIBUTE, span, detail, hint)
    }

    /// The steps on each element. `null` has no elements; what is no list, set or tuple is one by itself.
    fn splat(&self, value: &Value, steps: &[Step], span: Span) -> Evaluated {
        let single = [value.clone()];
        let items = match value {
            // A null list, set or tuple has no elements to take anything of.
            Value::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                return fault(&codes::ATTRIBUTE, span, "A splat cannot be applied to a null list, set or tuple.");
            }
            Value::Null(_) => return Ok(Value::tuple([])),
            Value::Secret(_) => &single[..],
            other => other.elements().unwrap_or(&single),
        };
        let mut gather = Gather::default();
        let results: Vec<Value> =
            items.iter().filter_map(|item| gather.take(self.steps(item.clone(), steps))).collect();
        gather.done()?;
        // What a reference leads to is no list of one type: each instance has its own.
        match value {
            Value::List(element, _) | Value::Set(element, _) if !matches!(element, Type::Ref(_)) => {
                Ok(same_type(results))
            }
            _ => Ok(Value::Tuple(results.into())),
        }
    }
}

/// A list where all are of one type, else a tuple.
fn same_type(results: Vec<Value>) -> Value {
    let mut element = Type::Any;
    for value in results.iter().filter(|value| !value.is_null()) {
        let ty = value.type_of();
        if element == Type::Any {
            element = ty;
        } else if element != ty {
            return Value::Tuple(results.into());
        }
    }
    Value::List(element, results.into())
}

/// `value[key]`
pub(super) fn element(value: &Value, key: &Value, span: Span) -> Evaluated {
    if value.is_null() {
        return fault(&codes::INDEX, span, "This value is null, so it has no elements.");
    }
    if key.is_null() {
        return fault(&codes::INDEX, span, "A null value cannot be a key.");
    }
    match value {
        Value::List(_, items) | Value::Tuple(items) => positional(items, key, span),
        Value::Map(..) | Value::Object(_) => named(value, key, span),
        Value::Set(..) => {
            let hint = "Convert it with tolist or sort, or go through it with for.".to_owned();
            fault_with(&codes::INDEX, span, "Elements of a set have no key or position.", Some(hint))
        }
        other => fault(&codes::INDEX, span, format!("This is {}, which has no elements.", described(other))),
    }
}

fn positional(items: &Arc<[Value]>, key: &Value, span: Span) -> Evaluated {
    super::expression::refuse_secret(key, span)?;
    let Ok(Value::Number(number)) = convert(key, &Type::Number) else {
        let detail = format!("Elements are chosen by a number, and this key is {}.", described(key));
        return fault(&codes::INDEX, span, detail);
    };
    let found = usize::try_from(number.to_i64().unwrap_or(-1)).ok().and_then(|at| items.get(at));
    if let Some(found) = found {
        return Ok(found.clone());
    }
    let why = if !number.is_integer() {
        "a whole number is required".to_owned()
    } else if number < Number::Int(0) {
        "a negative number is no position; the last element is at length(…) - 1".to_owned()
    } else if items.is_empty() {
        "the collection has no elements".to_owned()
    } else {
        format!("the collection has {} elements, and the first is at 0", items.len())
    };
    fault(&codes::INDEX, span, format!("{number} names no element: {why}."))
}

fn named(value: &Value, key: &Value, span: Span) -> Evaluated {
    let Some(name) = as_text(key, span)? else {
        return fault(
            &codes::INDEX,
            span,
            format!("Elements are chosen by a string, and this key is {}.", described(key)),
        );
    };
    if let Some(found) = value.get(&name) {
        return Ok(found.clone());
    }
    let hint = value.entries().and_then(|entries| did_you_mean(&name, entries.keys().map(|key| &**key)));
    let what = if matches!(value, Value::Map(..)) {
        "map has no element with the key"
    } else {
        "object has no attribute named"
    };
    fault_with(&codes::INDEX, span, format!("This {what} {name:?}."), hint)
}
