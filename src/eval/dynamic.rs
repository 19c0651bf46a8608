//! `dynamic` blocks: nested blocks made from the elements of a collection.

use super::decode::{Found, Prepared, prepare};
use super::fault::{Evaluated, Gather};
use super::index::BodyIndex;
use super::iteration::go_through;
use super::module::check_body;
use super::schema::BlockSchema;
use super::scope::{Binding, Scope};
use super::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, ExprKind};

/// A `dynamic` block.
pub(super) struct Dynamic<'a> {
    for_each: &'a Attribute,
    /// The name under which the body sees `key` and `value`.
    iterator: &'a str,
    content: Prepared<'a>,
    pub(super) span: Span,
}

impl<'a> Dynamic<'a> {
    /// Finds its parts; what is missing or does not belong is noted.
    pub(super) fn prepare(
        block: &'a Block,
        schema: &BlockSchema,
        index: &BodyIndex,
        path: &str,
        found: &mut Found<'a>,
    ) -> Option<Self> {
        let mut faults = Diagnostics::default();
        check_body(&block.body, "dynamic block", &["for_each", "iterator"], &["content"], &mut faults);
        let for_each = block.body.attribute("for_each");
        let content = block.body.blocks_of("content").next();
        if for_each.is_none() {
            let detail = "A dynamic block needs \"for_each\": what its blocks are made from.";
            faults.push(Diagnostic::error(&codes::MISSING_ARGUMENT, detail).at(block.head));
        }
        if content.is_none() {
            let detail = "A dynamic block needs a block \"content { … }\": what each of its blocks holds.";
            faults.push(Diagnostic::error(&codes::BLOCK_COUNT, detail).at(block.head));
        }
        let iterator = iterator(block, &mut faults);
        found.diagnostics.append(&mut faults.0);
        let content = content?;
        let templates = found.templates.len();
        let prepared = prepare(&content.body, block.head, &schema.body, index, path, found);
        for slot in found.templates.drain(templates..) {
            let detail = "An argument over the certificate cannot stand in a dynamic block: what it is made from is not known then.";
            let report = Diagnostic::error(&codes::CERTIFICATE, detail).at(slot.attribute.value.span);
            found.diagnostics.push(report.hint("Write the block as it is."));
        }
        Some(Self { for_each: for_each?, iterator, content: prepared, span: block.head })
    }

    /// Calls `add` for each element, with the iterator bound to its key and value.
    pub(super) fn each(
        &self,
        scope: &Scope<'_>,
        mut add: impl FnMut(&Scope<'_>, &Prepared<'a>) -> Evaluated<()>,
    ) -> Evaluated<()> {
        let span = self.for_each.value.span;
        let collection = scope.opened(scope.eval(&self.for_each.value)?, span)?;
        let mut gather = Gather::default();
        go_through(&collection, self.for_each.value.span, |key, value| {
            let element = Value::object([("key", key.clone()), ("value", value.clone())]);
            let binding = Binding { name: self.iterator, value: &element, outer: scope.bindings };
            gather.take(add(&Scope { bindings: Some(&binding), ..*scope }, &self.content));
        })?;
        gather.done()
    }
}

/// The name given as `iterator`, or that of the blocks. It is written as it is, and not evaluated.
fn iterator<'a>(block: &'a Block, faults: &mut Diagnostics) -> &'a str {
    let default = block.labels.first().map_or("", |label| &*label.text);
    let Some(attribute) = block.body.attribute("iterator") else { return default };
    match &attribute.value.kind {
        ExprKind::Variable(name) => name,
        _ => {
            let detail = "\"iterator\" is a name, written without quotes.";
            faults.push(Diagnostic::error(&codes::NAME, detail).at(attribute.value.span));
            default
        }
    }
}
