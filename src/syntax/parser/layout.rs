//! Rows of tokens to templates: strip markers and the indentation of heredocs as HCL's own parser has them.
//!
//! Those rules are about tokens, and a line of a heredoc is a token; so a template is first a flat row of tokens, and parts
//! are built from it.

use unicode_segmentation::UnicodeSegmentation as _;

use super::{Parsed, Parser, nfc};
use crate::eval::value::Value;
use crate::syntax::ast::{Expr, ExprKind, ForPart, IfPart, Loop, Part};

/// One token of a template. Directives know where they stand.
pub(super) enum Token {
    /// Text, its escapes resolved.
    Literal(String),
    Interpolation(Expr),
    If(Expr, usize),
    Else(usize),
    EndIf(usize),
    For(Loop, usize),
    EndFor(usize),
}

/// The row of tokens as it grows.
#[derive(Default)]
pub(super) struct Row {
    tokens: Vec<Token>,
    /// The last sequence ended with `~}`: the next text loses its leading space.
    trim_next: bool,
    /// The last token is text that a `${~` may trim.
    after_literal: bool,
}

impl Row {
    pub(super) fn literal(&mut self, mut text: String) {
        if std::mem::take(&mut self.trim_next) {
            text = text.trim_start().to_owned();
        }
        self.tokens.push(Token::Literal(text));
        self.after_literal = true;
    }

    /// A sequence: its opening marker trims the text before it, its closing marker the text after it.
    pub(super) fn sequence(&mut self, strip_before: bool, token: Token, strip_after: bool) {
        if strip_before
            && self.after_literal
            && let Some(Token::Literal(text)) = self.tokens.last_mut()
        {
            text.truncate(text.trim_end().len());
        }
        self.tokens.push(token);
        self.trim_next = strip_after;
        self.after_literal = false;
    }

    /// Takes the smallest indentation of all lines away from each. Blank lines do not count; a line that begins with a
    /// sequence has none.
    pub(super) fn flush_indentation(&mut self) {
        let mut least = usize::MAX;
        let mut adjusted = Vec::new();
        let mut line_begins = true;
        for (at, token) in self.tokens.iter().enumerate() {
            if std::mem::take(&mut line_begins) {
                least = least.min(match token {
                    Token::Literal(text) => match indentation(text) {
                        Some(spaces) => {
                            adjusted.push(at);
                            spaces
                        }
                        None => usize::MAX,
                    },
                    _ => 0,
                });
            }
            line_begins = matches!(token, Token::Literal(text) if text.ends_with('\n'));
        }
        for at in adjusted {
            if let Token::Literal(text) = &mut self.tokens[at] {
                *text = text.graphemes(true).skip(least).collect();
            }
        }
    }
}

/// How many characters of space a line begins with; `None` for a blank line.
fn indentation(text: &str) -> Option<usize> {
    let rest = text.trim_start();
    if rest.is_empty() && text.ends_with('\n') {
        return None;
    }
    Some(text[..text.len() - rest.len()].graphemes(true).count())
}

/// The directive that ends a part of a template, and where it stands; none at the end of the text.
type End = Option<(&'static str, usize)>;

type Tokens = std::vec::IntoIter<Token>;

impl Parser<'_> {
    /// The expression that a row of tokens is.
    pub(super) fn finish(&mut self, mut row: Row) -> Parsed<ExprKind> {
        if row.tokens.len() == 1 && matches!(row.tokens[0], Token::Interpolation(_)) {
            return Ok(match row.tokens.pop() {
                Some(Token::Interpolation(inner)) => ExprKind::Wrapped(Box::new(inner)),
                _ => ExprKind::Literal(Value::string("")),
            });
        }
        let (mut parts, end) = self.parts(&mut row.tokens.into_iter())?;
        if let Some((word, at)) = end {
            return Err(self.stray_directive(at, word));
        }
        Ok(match parts.as_mut_slice() {
            [] => ExprKind::Literal(Value::string("")),
            [Part::Literal(text)] => ExprKind::Literal(Value::String(text.clone())),
            _ => ExprKind::Template(parts.into()),
        })
    }

    /// Parts up to the directive that ends them.
    fn parts(&mut self, row: &mut Tokens) -> Parsed<(Vec<Part>, End)> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let end = loop {
            let part = match row.next() {
                Some(Token::Literal(more)) => {
                    text.push_str(&more);
                    continue;
                }
                Some(Token::Interpolation(inner)) => Part::Interpolation(inner),
                Some(Token::If(condition, at)) => self.deeper(|parser| parser.if_part(condition, at, row))?,
                Some(Token::For(over, at)) => self.deeper(|parser| parser.for_part(over, at, row))?,
                Some(Token::Else(at)) => break Some(("else", at)),
                Some(Token::EndIf(at)) => break Some(("endif", at)),
                Some(Token::EndFor(at)) => break Some(("endfor", at)),
                None => break None,
            };
            flush_text(&mut text, &mut parts);
            parts.push(part);
        };
        flush_text(&mut text, &mut parts);
        Ok((parts, end))
    }

    fn if_part(&mut self, condition: Expr, at: usize, row: &mut Tokens) -> Parsed<Part> {
        let (yes, mut end) = self.parts(row)?;
        let mut no = Vec::new();
        if matches!(end, Some(("else", _))) {
            (no, end) = self.parts(row)?;
        }
        match end {
            Some(("endif", _)) => Ok(Part::If(Box::new(IfPart { condition, yes: yes.into(), no: no.into() }))),
            other => Err(self.unclosed_directive(at, "if", other)),
        }
    }

    fn for_part(&mut self, over: Loop, at: usize, row: &mut Tokens) -> Parsed<Part> {
        match self.parts(row)? {
            (body, Some(("endfor", _))) => Ok(Part::For(Box::new(ForPart { over, body: body.into() }))),
            (_, other) => Err(self.unclosed_directive(at, "for", other)),
        }
    }
}

fn flush_text(text: &mut String, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Literal(nfc(&std::mem::take(text))));
    }
}
