//! References in quotes, as files from the time of Terraform 0.11 have them: `depends_on = ["zone.example"]` and
//! `ignore_changes = ["sans"]`. They are read as they were meant, with a warning.

use std::sync::Arc;

use super::ast::{Attribute, Body, Expr, ExprKind};
use super::parse_expression;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::eval::value::Value;

/// Takes the quotes away wherever references are expected, in the blocks of a file.
pub(super) fn references(file: &mut Body, text: &str, found: &mut Diagnostics) {
    for block in &mut file.blocks {
        named(&mut block.body, "depends_on").for_each(|one| elements(one, text, found));
        let inner = block.body.blocks.iter_mut().filter(|inner| &*inner.kind.text == "lifecycle");
        for lifecycle in inner {
            named(&mut lifecycle.body, "ignore_changes").for_each(|one| elements(one, text, found));
        }
    }
}

fn named<'b>(body: &'b mut Body, name: &'static str) -> impl Iterator<Item = &'b mut Attribute> {
    body.attributes.iter_mut().filter(move |attribute| &*attribute.name.text == name)
}

fn elements(attribute: &mut Attribute, text: &str, found: &mut Diagnostics) {
    let quoted = |item: &Expr| matches!(item.kind, ExprKind::Literal(Value::String(_)));
    let ExprKind::Tuple(items) = &attribute.value.kind else { return };
    if !items.iter().any(quoted) {
        return;
    }
    let items = items.iter().map(|item| if quoted(item) { element(item, text, found) } else { item.clone() });
    let items: Box<[Expr]> = items.collect();
    attribute.value = Arc::new(Expr { span: attribute.value.span, kind: ExprKind::Tuple(items) });
}

/// One element without its quotes. What has escapes or is no expression stays a text, which whoever expects a reference
/// refuses.
fn element(item: &Expr, text: &str, found: &mut Diagnostics) -> Expr {
    let quoted = text.get(item.span.range()).and_then(|quoted| quoted.strip_prefix('"')?.strip_suffix('"'));
    let Some(bare) = quoted.filter(|bare| !bare.contains(['\\', '"'])) else { return item.clone() };
    let Ok(reference) = parse_expression(item.span.source, item.span.range().start + 1, bare) else {
        return item.clone();
    };
    let detail = "References are written as they are, and no longer in quotes.";
    let report = Diagnostic::warning(&codes::QUOTED_REFERENCE, detail).at(item.span);
    found.push(report.hint(format!("Write {bare} instead of \"{bare}\".")));
    Expr { span: item.span, kind: reference.kind }
}
