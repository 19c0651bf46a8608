//! How deep and how large a value is, held to a limit where a value gets a name. Values share their parts, so a few lines
//! can make one that is nested without end or that would fill any disk once it is written out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::fault::{Evaluated, fault};
use super::types::Type;
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

impl Extent {
    /// The deeper and the larger of both.
    fn or(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), elements: self.elements.max(other.elements) }
    }
}

/// What is shared is measured once, by where it lies.
#[derive(Default)]
struct Measure(HashMap<*const (), Extent>);

impl Measure {
    fn extent(&mut self, value: &Value) -> Extent {
        match value {
            Value::Tuple(items) => self.elements(items),
            Value::List(ty, items) | Value::Set(ty, items) => self.elements(items).or(self.of_type(ty)),
            Value::Object(entries) => self.entries(entries),
            Value::Map(ty, entries) => self.entries(entries).or(self.of_type(ty)),
            Value::Null(ty) => self.of_type(ty),
            _ => Extent::default(),
        }
    }

    fn elements(&mut self, items: &Arc<[Value]>) -> Extent {
        self.once(Arc::as_ptr(items).cast(), items.iter(), Self::extent)
    }

    fn entries(&mut self, entries: &Arc<BTreeMap<Arc<str>, Value>>) -> Extent {
        self.once(Arc::as_ptr(entries).cast(), entries.values(), Self::extent)
    }

    /// Types of elements are nested where there are no elements to be: in an empty list, or in null.
    fn of_type(&mut self, ty: &Type) -> Extent {
        match ty {
            Type::List(inner) | Type::Set(inner) | Type::Map(inner) => {
                self.once(Arc::as_ptr(inner).cast(), [&**inner].into_iter(), Self::of_type)
            }
            Type::Tuple(items) => self.once(Arc::as_ptr(items).cast(), items.iter(), Self::of_type),
            Type::Object(fields) => {
                let fields_of = fields.values().map(|field| &field.ty);
                self.once(Arc::as_ptr(fields).cast(), fields_of, Self::of_type)
            }
            _ => Extent::default(),
        }
    }

    fn once<'v, T: 'v>(
        &mut self,
        place: *const (),
        inner: impl Iterator<Item = &'v T>,
        measure: fn(&mut Self, &T) -> Extent,
    ) -> Extent {
        if let Some(known) = self.0.get(&place) {
            return *known;
        }
        let mut all = Extent::default();
        for part in inner {
            let one = measure(self, part);
            all.depth = all.depth.max(one.depth);
            all.elements = all.elements.saturating_add(one.elements).saturating_add(1);
        }
        all.depth += 1;
        self.0.insert(place, all);
        all
    }
}
