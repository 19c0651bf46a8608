//! How deep and how large a value is, held to a limit where a value gets a name. Values share their parts, so a few lines
//! can make one that is nested without end or that would fill any disk once it is written out.

use std::collections::HashMap;
use std::sync::Arc;

use super::fault::{Evaluated, fault};
use super::value::Value;
use crate::diagnostic::codes::language as codes;
use crate::limits;
use crate::source::Span;

/// The value, if it may be kept.
pub(super) fn bounded(value: Value, span: Span) -> Evaluated {
    let extent = Measure::default().extent(&value);
    if extent.depth > limits::VALUE_DEPTH {
        let detail = format!("This value is nested deeper than {} levels.", limits::VALUE_DEPTH);
        return fault(&codes::LIMIT, span, detail);
    }
    if extent.elements > limits::COLLECTION {
        let detail = format!("This value has more than {} elements, counted with those within.", limits::COLLECTION);
        return fault(&codes::LIMIT, span, detail);
    }
    Ok(value)
}

/// Levels of a value, and its elements with those within.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Extent {
    depth: usize,
    elements: usize,
}

/// What is shared is measured once, by where it lies.
#[derive(Default)]
struct Measure(HashMap<*const (), Extent>);

impl Measure {
    fn extent(&mut self, value: &Value) -> Extent {
        match value {
            Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => {
                self.once(Arc::as_ptr(items).cast(), items.iter())
            }
            Value::Map(_, entries) | Value::Object(entries) => self.once(Arc::as_ptr(entries).cast(), entries.values()),
            _ => Extent::default(),
        }
    }

    fn once<'v>(&mut self, place: *const (), inner: impl Iterator<Item = &'v Value>) -> Extent {
        if let Some(known) = self.0.get(&place) {
            return *known;
        }
        let mut all = Extent::default();
        for value in inner {
            let one = self.extent(value);
            all.depth = all.depth.max(one.depth);
            all.elements = all.elements.saturating_add(one.elements).saturating_add(1);
        }
        all.depth += 1;
        self.0.insert(place, all);
        all
    }
}
