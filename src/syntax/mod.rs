//! Syntax: texts to trees, and the layout of texts. Knows HCL's native form and its JSON form, and nothing of what blocks
//! and arguments mean.

pub mod ast;
pub mod format;
pub mod json;
pub mod lexer;
mod parser;
pub mod print;
pub mod references;

use std::sync::Arc;

pub(crate) use parser::nfc;

use self::parser::Parser;
use crate::diagnostic::Diagnostics;
use crate::source::SourceId;

/// Parses a file of the configuration. A faulty file is empty.
pub fn parse(source: SourceId, text: &str) -> (ast::File, Diagnostics) {
    let mut file = ast::File { source, text: Arc::from(text), ..ast::File::default() };
    let mut parser = Parser::new(source, 0, text);
    let body = parser.file();
    if !parser.diagnostics.has_errors() {
        file.body = body;
    }
    (file, parser.diagnostics)
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

/// Parses one expression that begins at `base` of the source. It may stand among comments, and on several lines.
///
/// # Errors
/// The text is no expression.
pub fn parse_expression(source: SourceId, base: usize, text: &str) -> Result<ast::Expr, Diagnostics> {
    let mut parser = Parser::new(source, base, text);
    let expr = parser.whole_expression();
    expr.filter(|_| !parser.diagnostics.has_errors()).ok_or(parser.diagnostics)
}

/// Parses a text that is a template as a whole: the content of a template file.
///
/// # Errors
/// The text is no template.
pub fn parse_template(source: SourceId, text: &str) -> Result<ast::Expr, Diagnostics> {
    let mut parser = Parser::new(source, 0, text);
    let span = parser.place(0..text.len());
    let kind = parser.whole_template();
    let kind = kind.filter(|_| !parser.diagnostics.has_errors()).ok_or(parser.diagnostics)?;
    Ok(ast::Expr { span, kind })
}

#[cfg(test)]
mod tests;
