//! Templates: strip markers, heredoc indentation and escapes as HCL's own parser has them.
//!
//! Those rules are about tokens, and a line of a heredoc is a token, so a template is first laid out as a flat row of
//! tokens and then built into parts. Texts come from the source: what hcl-edit made of them follows other rules.

use std::ops::Range;

use hcl_edit::expr::Expression;
use hcl_edit::template::{Directive, Element, HeredocTemplate, StringTemplate, Strip, Template};
use hcl_edit::{Span as _, parser};
use unicode_segmentation::UnicodeSegmentation as _;

use super::ast::{Expr, ExprKind, ForPart, IfPart, Loop, Part};
use super::lower::{Lowering, nfc};
use crate::eval::value::Value;

/// One token of a template.
enum Token {
    /// Text, its escapes resolved.
    Literal(String),
    Interpolation(Expr),
    If(Expr),
    Else,
    EndIf,
    For(Loop),
    EndFor,
}

/// How literal text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    /// In quotes: backslash escapes, resolved by hcl-edit.
    Quoted,
    /// In a heredoc or a file: a token a line, no backslash escapes.
    Bare,
}

/// The row of tokens as it grows.
struct Row {
    text: Text,
    tokens: Vec<Token>,
    /// The last sequence ended with `~}`: the next text loses its leading space.
    trim_next: bool,
    /// The last token is text that a `${~` may trim.
    after_literal: bool,
    /// How many directives are open.
    depth: usize,
}

/// A quoted template with at least one sequence.
pub(super) fn quoted(lowering: &mut Lowering<'_>, template: &StringTemplate) -> ExprKind {
    let mut row = Row::new(Text::Quoted);
    template.iter().for_each(|element| row.element(lowering, element));
    finish(row.tokens)
}

/// A heredoc; `<<-` takes the common indentation away.
pub(super) fn heredoc(lowering: &mut Lowering<'_>, heredoc: &HeredocTemplate) -> ExprKind {
    let mut row = Row::new(Text::Bare);
    heredoc.template.iter().for_each(|element| row.element(lowering, element));
    if let Some(rest) = heredoc.span().and_then(|span| lowering.text.get(span.end..)) {
        let follows = rest.lines().next().unwrap_or("").trim_end();
        if !follows.is_empty() {
            let end = lowering.text.len() - rest.len();
            let span = lowering.place(end..end + follows.len());
            lowering.fault(span, "The mark that ends a heredoc stands alone on its line.");
        }
    }
    let flush = heredoc.span().and_then(|span| lowering.text.get(span)).is_some_and(|text| text.starts_with("<<-"));
    if flush {
        flush_indentation(&mut row.tokens);
    }
    finish(row.tokens)
}

/// A template that is a file or a string of its own.
pub(super) fn bare(lowering: &mut Lowering<'_>, template: &Template) -> ExprKind {
    let mut row = Row::new(Text::Bare);
    template.iter().for_each(|element| row.element(lowering, element));
    finish(row.tokens)
}

impl Row {
    fn new(text: Text) -> Self {
        Self { text, tokens: Vec::new(), trim_next: false, after_literal: false, depth: 0 }
    }

    fn element(&mut self, lowering: &mut Lowering<'_>, element: &Element) {
        match element {
            Element::Literal(literal) => self.literal(lowering, literal.value(), literal.span()),
            Element::Interpolation(one) => {
                let inner = lowering.expr(&one.expr);
                self.sequence(one.strip, Token::Interpolation(inner));
            }
            Element::Directive(directive) => self.directive(lowering, directive),
        }
    }

    fn literal(&mut self, lowering: &mut Lowering<'_>, value: &str, span: Option<Range<usize>>) {
        let range = span.unwrap_or_default();
        if self.text == Text::Quoted {
            let text = if self.depth > 0 { directed(lowering, range.clone()) } else { Some(value.to_owned()) };
            if let Some(text) = text {
                lowering.check_one_line(range);
                self.push_text(text);
            }
            return;
        }
        let raw = lowering.text.get(range).unwrap_or(value);
        for line in raw.split_inclusive('\n') {
            self.push_text(line.replace("$${", "${").replace("%%{", "%{"));
        }
    }

    fn push_text(&mut self, mut text: String) {
        if std::mem::take(&mut self.trim_next) {
            text = text.trim_start().to_owned();
        }
        self.tokens.push(Token::Literal(text));
        self.after_literal = true;
    }

    /// A sequence: its opening marker trims the text before it, its closing marker the text after it.
    fn sequence(&mut self, strip: Strip, token: Token) {
        if strip.strip_start()
            && self.after_literal
            && let Some(Token::Literal(text)) = self.tokens.last_mut()
        {
            text.truncate(text.trim_end().len());
        }
        self.tokens.push(token);
        self.trim_next = strip.strip_end();
        self.after_literal = false;
    }

    fn directive(&mut self, lowering: &mut Lowering<'_>, directive: &Directive) {
        self.depth += 1;
        match directive {
            Directive::If(one) => {
                let condition = lowering.expr(&one.if_expr.cond_expr);
                self.sequence(one.if_expr.strip, Token::If(condition));
                one.if_expr.template.iter().for_each(|element| self.element(lowering, element));
                if let Some(other) = &one.else_expr {
                    self.sequence(other.strip, Token::Else);
                    other.template.iter().for_each(|element| self.element(lowering, element));
                }
                self.sequence(one.endif_expr.strip, Token::EndIf);
            }
            Directive::For(one) => {
                let intro = &one.for_expr;
                let over = lowering.over(intro.key_var.as_ref(), &intro.value_var, &intro.collection_expr);
                self.sequence(intro.strip, Token::For(over));
                intro.template.iter().for_each(|element| self.element(lowering, element));
                self.sequence(one.endfor_expr.strip, Token::EndFor);
            }
        }
        self.depth -= 1;
    }
}

/// Text within a directive of a quoted text. hcl-edit reads it as that of a file: past quotes, and with escapes as they are.
fn directed(lowering: &mut Lowering<'_>, range: Range<usize>) -> Option<String> {
    let raw = lowering.text.get(range.clone()).unwrap_or("");
    if let Ok(Expression::String(text)) = parser::parse_expr(&format!("\"{raw}\"")) {
        return Some(text.as_str().to_owned());
    }
    let line = raw.lines().next().map_or(0, str::len);
    let span = lowering.place(range.start..range.start + line);
    lowering
        .fault(span, "The quoted text ends here before its directive does, or has an escape that there is none of.");
    None
}

/// Takes the smallest indentation of all lines away from each. Blank lines do not count; a line that begins with a
/// sequence has none.
fn flush_indentation(tokens: &mut [Token]) {
    let mut least = usize::MAX;
    let mut adjusted = Vec::new();
    let mut line_begins = true;
    for (at, token) in tokens.iter().enumerate() {
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
        if let Token::Literal(text) = &mut tokens[at] {
            *text = text.graphemes(true).skip(least).collect();
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

/// The expression that a row of tokens is.
fn finish(tokens: Vec<Token>) -> ExprKind {
    let mut tokens = tokens;
    if tokens.len() == 1 && matches!(tokens[0], Token::Interpolation(_)) {
        return match tokens.pop() {
            Some(Token::Interpolation(inner)) => ExprKind::Wrapped(Box::new(inner)),
            _ => ExprKind::Literal(Value::string("")),
        };
    }
    let mut row = tokens.into_iter();
    let (mut parts, _) = build(&mut row);
    match parts.as_mut_slice() {
        [] => ExprKind::Literal(Value::string("")),
        [Part::Literal(text)] => ExprKind::Literal(Value::String(text.clone())),
        _ => ExprKind::Template(parts.into()),
    }
}

/// Parts up to the token that ends them, which is returned: `else`, `endif`, `endfor`, or none.
fn build(row: &mut std::vec::IntoIter<Token>) -> (Vec<Part>, Option<Token>) {
    let mut parts = Vec::new();
    let mut text = String::new();
    while let Some(token) = row.next() {
        let part = match token {
            Token::Literal(more) => {
                text.push_str(&more);
                continue;
            }
            Token::Interpolation(inner) => Part::Interpolation(inner),
            Token::If(condition) => if_part(condition, row),
            Token::For(over) => Part::For(Box::new(ForPart { over, body: build(row).0.into() })),
            end => {
                flush_text(&mut text, &mut parts);
                return (parts, Some(end));
            }
        };
        flush_text(&mut text, &mut parts);
        parts.push(part);
    }
    flush_text(&mut text, &mut parts);
    (parts, None)
}

fn if_part(condition: Expr, row: &mut std::vec::IntoIter<Token>) -> Part {
    let (yes, end) = build(row);
    let no = match end {
        Some(Token::Else) => build(row).0,
        _ => Vec::new(),
    };
    Part::If(Box::new(IfPart { condition, yes: yes.into(), no: no.into() }))
}

fn flush_text(text: &mut String, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Literal(nfc(&std::mem::take(text))));
    }
}
