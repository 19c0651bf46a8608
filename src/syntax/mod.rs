//! Syntax: texts to trees, and the layout of texts. The only code that knows the parser, hcl-edit.
//!
//! hcl-edit stops at the first fault of a text, and refuses nesting beyond 64 levels before it could overflow a stack.

pub mod ast;
mod fault;
pub mod format;
pub mod json;
pub mod lexer;
mod lower;
pub mod print;
pub mod references;
mod template;

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::parser;

pub(crate) use lower::nfc;

use self::lexer::{Kind, Token};
use crate::diagnostic::Diagnostics;
use crate::source::SourceId;

/// Parses a file of the configuration. A faulty file is empty.
pub fn parse(source: SourceId, text: &str) -> (ast::File, Diagnostics) {
    let mut file = ast::File { source, text: Arc::from(text), ..ast::File::default() };
    let mut lowering = lower::Lowering::new(source, 0, text);
    match parser::parse_body(text) {
        Ok(body) => file.body = lowering.body(body),
        Err(error) => lowering.explain(&error),
    }
    (file, lowering.diagnostics)
}

/// Parses a variable file. Its faults say where they lie, and do not repeat what stands there: it may be part of a secret.
pub fn parse_values(source: SourceId, text: &str) -> (ast::File, Diagnostics) {
    let (file, mut faults) = parse(source, text);
    for fault in &mut faults.0 {
        VALUES.clone_into(&mut fault.detail);
    }
    (file, faults)
}

const VALUES: &str =
    "A variable file holds name = value, each name once and texts in double quotes. What stands here does not fit.";

/// Parses one expression that begins at `base` of the source.
///
/// # Errors
/// The text is no expression.
pub fn parse_expression(source: SourceId, base: usize, text: &str) -> Result<ast::Expr, Diagnostics> {
    let bare = without_comments_around(text);
    let mut lowering = lower::Lowering::new(source, base + bare.start, &text[bare]);
    let expr = lowering.parse_expression();
    expr.filter(|_| !lowering.diagnostics.has_errors()).ok_or(lowering.diagnostics)
}

/// Where the expression of a text stands: between the lines and comments around it, which the parser does not take.
fn without_comments_around(text: &str) -> Range<usize> {
    let around = |token: &&Token| !matches!(token.kind, Kind::LineComment | Kind::BlockComment | Kind::Newline);
    let tokens = lexer::tokens(text);
    let first = tokens.iter().find(around).map_or(0, |token| token.range.start);
    let end = tokens.iter().rfind(around).map_or(0, |token| token.range.end);
    first..first + text[first..end.max(first)].trim_end().len()
}

/// Parses a text that is a template as a whole: the content of a template file.
///
/// # Errors
/// The text is no template.
pub fn parse_template(source: SourceId, text: &str) -> Result<ast::Expr, Diagnostics> {
    let mut lowering = lower::Lowering::new(source, 0, text);
    let span = lowering.place(0..text.len());
    let kind = lowering.parse_template();
    let kind = kind.filter(|_| !lowering.diagnostics.has_errors()).ok_or(lowering.diagnostics)?;
    Ok(ast::Expr { span, kind })
}

#[cfg(test)]
mod tests;
