//! Syntax: texts to trees, and the layout of texts. The only code that knows the parser, hcl-edit.
//!
//! hcl-edit stops at the first fault of a text; `recovery` takes what is at fault away, so that the next one is found.
//! It refuses nesting beyond 64 levels before it could overflow a stack.

pub mod ast;
mod fault;
pub mod format;
pub mod json;
pub mod lexer;
mod lower;
pub mod print;
mod recovery;
pub mod references;
mod rows;
mod stand_in;
mod template;
mod unquote;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use lower::nfc;

use self::lexer::{Kind, Token};
use self::lower::Lowering;
use self::recovery::Remains;
use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, Span};

/// Times a file is read again behind a fault. More faults than that are told of when these are mended.
const ROUNDS: usize = 20;

/// Parses a file of the configuration. A faulty file is empty.
pub fn parse(source: SourceId, text: &str) -> (ast::File, Diagnostics) {
    let mut file = ast::File { source, text: Arc::from(text), ..ast::File::default() };
    let mut lowering = Lowering::new(source, 0, text);
    let body = lowering.parse_body().map(|body| lowering.body(body));
    match body {
        Ok(mut body) if !lowering.diagnostics.has_errors() => {
            unquote::references(&mut body, text, &mut lowering.diagnostics);
            file.body = body;
            (file, lowering.diagnostics)
        }
        _ => (file, faults(source, text)),
    }
}

/// The faults of a text that the parser refuses, in the order they stand.
fn faults(source: SourceId, text: &str) -> Diagnostics {
    let mut found = Diagnostics::default();
    let mut remains = Remains::new(text);
    for _ in 0..ROUNDS {
        let (next, goes_on) = round(source, text.len(), &mut remains);
        found.extend(next);
        if !goes_on {
            break;
        }
    }
    found.0.sort_by_key(|fault| fault.span.map(|span| span.start));
    found
}

/// The next fault, which is taken away, or those of a text that the parser takes; and whether there may be more.
fn round(source: SourceId, length: usize, remains: &mut Remains) -> (Diagnostics, bool) {
    let text = remains.text.clone();
    let mut lowering = Lowering::new(source, 0, &text);
    let Some((offset, last)) = next_fault(&mut lowering, remains) else { return (lowering.diagnostics, false) };
    let mut found = lowering.diagnostics;
    let mut place = offset;
    for span in found.0.iter_mut().filter_map(|fault| fault.span.as_mut()) {
        // The line's end that was added to the text is none of its places.
        *span = Span::new(source, span.range().start.min(length)..span.range().end.min(length));
        place = span.range().start;
    }
    (found, !last && remains.take_away(offset, place))
}

/// Notes what is at fault first: where the parser stopped, and whether nothing behind it can be judged. `None` when the
/// parser takes the text.
fn next_fault(lowering: &mut Lowering<'_>, remains: &Remains) -> Option<(usize, bool)> {
    let text = lowering.text;
    let parsed = lowering.parse_body();
    let offset = parsed.as_ref().err().map_or(text.len(), |error| error.location().offset());
    // The parser reads on over lines to the next quote, and takes what stands there for the fault.
    if let Some(quote) = recovery::open_quote(text, 0..offset) {
        let report = fault::open_quote(lowering.place(quote.clone()));
        lowering.diagnostics.push(report);
        return Some((quote.start, false));
    }
    match parsed {
        Ok(body) => {
            lowering.body(body);
            None
        }
        Err(error) => {
            if !remains.follows(offset) {
                lowering.explain(&error);
            }
            Some((offset, fault::reaches_the_end(text, &error)))
        }
    }
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
    let mut lowering = Lowering::new(source, base + bare.start, &text[bare]);
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
    let mut lowering = Lowering::new(source, 0, text);
    let span = lowering.place(0..text.len());
    let kind = lowering.parse_template();
    let kind = kind.filter(|_| !lowering.diagnostics.has_errors()).ok_or(lowering.diagnostics)?;
    Ok(ast::Expr { span, kind })
}

#[cfg(test)]
mod tests;
