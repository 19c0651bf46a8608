//! `for` expressions, and what `for` goes through.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expression::described;
use super::fault::{Evaluated, Gather, fault, fault_with};
use super::scope::{Binding, Scope};
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::limits;
use crate::source::Span;
use crate::syntax::ast::{Expr, For, Loop};
use crate::syntax::references::{each_reference, refers_to};

impl Scope<'_> {
    /// The value of `expr`, which is the `for`.
    pub(super) fn for_expr(&self, expr: &Expr, one: &For) -> Evaluated {
        let value = match &one.key {
            None => self.for_tuple(one),
            Some(key) if one.grouping => self.for_groups(one, key),
            Some(key) => self.for_object(one, key),
        }?;
        if value.elements().is_some_and(<[Value]>::is_empty) || value.entries().is_some_and(BTreeMap::is_empty) {
            self.unseen(expr, one)?;
        }
        Ok(value)
    }

    /// What a `for` without results has not looked at: references lead somewhere all the same, and a condition that needs
    /// none of the variables has a value.
    fn unseen(&self, expr: &Expr, one: &For) -> Evaluated<()> {
        self.declared(|visit| each_reference(expr, visit))?;
        let Some(condition) = &one.condition else { return Ok(()) };
        let mut variables = one.over.key.iter().chain([&one.over.value]);
        if variables.any(|name| refers_to(condition, &name.text)) {
            Ok(())
        } else {
            self.condition(condition).map(drop)
        }
    }

    fn for_tuple(&self, one: &For) -> Evaluated {
        let mut results = Vec::new();
        self.each(&one.over, |inner| {
            if inner.wanted(one)? {
                results.push(inner.eval(&one.result)?);
            }
            Ok(())
        })?;
        Ok(Value::Tuple(results.into()))
    }

    fn for_object(&self, one: &For, key: &Expr) -> Evaluated {
        let mut results = BTreeMap::new();
        self.each(&one.over, |inner| {
            if !inner.wanted(one)? {
                return Ok(());
            }
            let (name, value) = (inner.key(key)?, inner.eval(&one.result)?);
            if results.insert(name.clone(), value).is_some() {
                let detail = format!("Two elements have the key {name:?}.");
                let hint = "To collect the results of one key in a list, write ... after the result.".to_owned();
                return fault_with(&codes::KEY, key.span, detail, Some(hint));
            }
            Ok(())
        })?;
        Ok(Value::Object(Arc::new(results)))
    }

    fn for_groups(&self, one: &For, key: &Expr) -> Evaluated {
        let mut groups: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
        self.each(&one.over, |inner| {
            if inner.wanted(one)? {
                groups.entry(inner.key(key)?).or_default().push(inner.eval(&one.result)?);
            }
            Ok(())
        })?;
        Ok(Value::object(groups.into_iter().map(|(key, results)| (key, Value::Tuple(results.into())))))
    }

    fn wanted(&self, one: &For) -> Evaluated<bool> {
        one.condition.as_ref().map_or(Ok(true), |condition| self.condition(condition))
    }

    /// Runs `body` for each element, with the loop's variables bound. Faults of all elements are gathered, each once.
    pub(super) fn each(&self, over: &Loop, mut body: impl FnMut(&Scope<'_>) -> Evaluated<()>) -> Evaluated<()> {
        let collection = self.opened(self.eval(&over.collection)?, over.collection.span)?;
        let mut gather = Gather::default();
        let mut failed = 0;
        go_through(&collection, over.collection.span, |key, value| {
            // The same expression fails for most elements in the same way: a few reports say it all.
            if failed < 3 && gather.take(self.with(over, key, value, &mut body)).is_none() {
                failed += 1;
            }
        })?;
        gather.done()
    }

    fn with(
        &self,
        over: &Loop,
        key: &Value,
        value: &Value,
        body: &mut impl FnMut(&Scope<'_>) -> Evaluated<()>,
    ) -> Evaluated<()> {
        let outer = Binding { name: over.key.as_ref().map_or("", |key| &key.text), value: key, outer: self.bindings };
        let binding = Binding { name: &over.value.text, value, outer: Some(&outer) };
        body(&Scope { bindings: Some(&binding), ..*self })
    }
}

/// Calls `visit` with the key and the value of each element: a position, a name, or in a set the element itself.
pub(super) fn go_through(collection: &Value, span: Span, mut visit: impl FnMut(&Value, &Value)) -> Evaluated<()> {
    let count = collection.elements().map_or(0, <[Value]>::len).max(collection.entries().map_or(0, BTreeMap::len));
    if count > limits::COLLECTION {
        return fault(
            &codes::LIMIT,
            span,
            format!("This has {count} elements, and at most {} are gone through.", limits::COLLECTION),
        );
    }
    match collection {
        Value::List(_, items) | Value::Tuple(items) => {
            items.iter().enumerate().for_each(|(at, item)| visit(&Value::number(at), item));
        }
        Value::Set(_, items) => items.iter().for_each(|item| visit(item, item)),
        Value::Map(_, entries) | Value::Object(entries) => {
            entries.iter().for_each(|(name, item)| visit(&Value::String(name.clone()), item));
        }
        Value::Null(_) => return fault(&codes::ITERATION, span, "A null value has no elements to go through."),
        other => {
            return fault(
                &codes::ITERATION,
                span,
                format!("This is {}, which has no elements to go through.", described(other)),
            );
        }
    }
    Ok(())
}
