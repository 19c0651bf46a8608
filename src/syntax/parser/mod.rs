//! The parser of HCL native syntax: a text to the tree, by recursive descent over the text itself.
//!
//! A fault is noted where it lies. In a body the parser then goes on at the next argument or block, so that every fault of
//! a file is reported at once. Nesting is bounded, for whoever walks the tree recurses; rows of operators are not.

mod body;
mod brackets;
mod expression;
mod fault;
mod layout;
mod template;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::ast::{Body, Expr, ExprKind, Name};
use crate::diagnostic::Diagnostics;
use crate::limits;
use crate::source::{SourceId, Span};

/// Longest text that is kept once for all its uses: names, and values that repeat.
const INTERNED: usize = 40;

/// A part of the tree, or word that its fault is noted.
type Parsed<T> = Result<T, Failed>;

/// The fault is noted.
#[derive(Debug, Clone, Copy)]
struct Failed;

/// What the parser knows of the text and where it stands in it.
pub(super) struct Parser<'t> {
    pub(super) source: SourceId,
    pub(super) diagnostics: Diagnostics,
    /// Where the text begins within the source.
    base: usize,
    /// Where the text's bytes stand when some of them are written as escapes.
    escapes: &'t [Escape],
    text: &'t str,
    at: usize,
    /// Within brackets a line's end is a space.
    joined: bool,
    depth: usize,
    /// Brackets and quotes that are open, the innermost last.
    open: Vec<Opening>,
    /// It is told that the text ends too soon.
    ended: bool,
    names: HashSet<Arc<str>>,
}

/// From this byte of a text on, its bytes stand so much further on than they would without escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Escape {
    pub(super) from: usize,
    pub(super) further: usize,
}

/// A bracket that is open.
#[derive(Debug, Clone, Copy)]
struct Opening {
    at: usize,
    what: &'static str,
}

impl<'t> Parser<'t> {
    pub(super) fn new(source: SourceId, base: usize, text: &'t str) -> Self {
        Self {
            source,
            diagnostics: Diagnostics::default(),
            base,
            escapes: &[],
            text,
            at: 0,
            joined: false,
            depth: 0,
            open: Vec::new(),
            ended: false,
            names: HashSet::new(),
        }
    }

    /// Turns to another text of the same source, which begins at `base`.
    pub(super) fn turn_to(&mut self, base: usize, text: &'t str, escapes: &'t [Escape]) {
        (self.base, self.text, self.escapes, self.at) = (base, text, escapes, 0);
        self.ended = false;
    }

    /// The text as a file: what can be read of it.
    pub(super) fn file(&mut self) -> Body {
        self.body(None)
    }

    /// The text as one expression, on one line or on several.
    pub(super) fn whole_expression(&mut self) -> Option<Expr> {
        let whole = |parser: &mut Self| {
            let expr = parser.expr()?;
            parser.end()?;
            Ok(expr)
        };
        self.joined(whole).ok()
    }

    /// The text as a template as a whole.
    pub(super) fn whole_template(&mut self) -> Option<ExprKind> {
        self.bare_template().ok()
    }

    /// Nothing follows but space and comments.
    fn end(&mut self) -> Parsed<()> {
        self.space();
        if self.is_end() { Ok(()) } else { Err(self.unexpected("the end of the expression")) }
    }

    pub(super) fn place(&self, range: Range<usize>) -> Span {
        Span::new(self.source, self.offset(range.start)..self.offset(range.end))
    }

    fn offset(&self, at: usize) -> usize {
        let passed = self.escapes.partition_point(|escape| escape.from <= at);
        let further = passed.checked_sub(1).map_or(0, |last| self.escapes[last].further);
        at + self.base + further
    }

    /// From `begin` to what was read last.
    fn since(&self, begin: usize) -> Span {
        self.place(begin..self.at)
    }

    /// The text, kept once if it is short, in NFC.
    pub(super) fn intern(&mut self, text: &str) -> Arc<str> {
        if text.len() > INTERNED {
            return nfc(text);
        }
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let new = nfc(text);
        self.names.insert(new.clone());
        new
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The byte at `ahead` of here; zero beyond the end.
    fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Passes over spaces and comments, and within brackets over lines' ends too.
    fn space(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (b' ' | b'\t', _) => self.at += 1,
                (b'\r', b'\n') if self.joined => self.at += 2,
                (b'\n', _) if self.joined => self.at += 1,
                (b'#', _) | (b'/', b'/') => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                (b'/', b'*') => match self.rest()[2..].find("*/") {
                    Some(length) => self.at += length + 4,
                    None => return,
                },
                _ => return,
            }
        }
    }

    /// Passes over spaces, comments and lines' ends.
    fn lines(&mut self) {
        let joined = std::mem::replace(&mut self.joined, true);
        self.space();
        self.joined = joined;
    }

    /// Whether a line ends here; a carriage return before the newline is passed over.
    fn is_line_end(&mut self) -> bool {
        if self.rest().starts_with("\r\n") {
            self.at += 1;
        }
        self.is_end() || self.peek(0) == b'\n'
    }

    /// Takes this text, after spaces, if it stands here.
    fn eat(&mut self, expected: &str) -> bool {
        let before = self.at;
        self.space();
        let found = self.rest().starts_with(expected);
        self.at = if found { self.at + expected.len() } else { before };
        found
    }

    fn expect(&mut self, expected: &str, words: &str) -> Parsed<()> {
        if self.eat(expected) { Ok(()) } else { Err(self.unexpected(words)) }
    }

    /// How long the name is that stands here; zero if none does.
    fn name_length(&self) -> usize {
        let rest = self.rest();
        let start = |c: char| c == '_' || unicode_ident::is_xid_start(c);
        if !rest.starts_with(start) {
            return 0;
        }
        rest.find(|c: char| !(c == '-' || unicode_ident::is_xid_continue(c))).unwrap_or(rest.len())
    }

    /// The name that stands here, after spaces; it is not taken.
    fn word(&mut self) -> &'t str {
        self.space();
        &self.rest()[..self.name_length()]
    }

    /// Takes this word if it stands here.
    fn eat_word(&mut self, expected: &str) -> bool {
        let before = self.at;
        let found = self.word() == expected;
        self.at = if found { self.at + expected.len() } else { before };
        found
    }

    fn name(&mut self) -> Parsed<Name> {
        let word = self.word();
        if word.is_empty() {
            return Err(self.unexpected("a name"));
        }
        let begin = self.at;
        self.at += word.len();
        Ok(Name { text: self.intern(word), span: self.since(begin) })
    }

    /// Reads within brackets: lines' ends are spaces there.
    fn joined<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.with_lines(true, read)
    }

    fn with_lines<T>(&mut self, joined: bool, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let before = std::mem::replace(&mut self.joined, joined);
        let result = read(self);
        self.joined = before;
        result
    }

    /// Reads from an opening bracket, which stands here and is `length` bytes long, to what closes it.
    fn bracketed<T>(
        &mut self,
        length: usize,
        what: &'static str,
        joined: bool,
        read: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        self.open.push(Opening { at: self.at, what });
        self.at += length;
        let result = self.with_lines(joined, read);
        self.open.pop();
        result
    }

    /// Reads one level of nesting further in.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= limits::NESTING {
            let detail =
                format!("Blocks, brackets and templates are nested more than {} levels deep.", limits::NESTING);
            let failed = self.fault(self.at..self.at + 1, detail);
            // Every further level would be a fault of its own, and every one around it unclosed.
            (self.at, self.ended) = (self.text.len(), true);
            return Err(failed);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}

/// The text in NFC, as all texts of the language are.
pub(crate) fn nfc(text: &str) -> Arc<str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Arc::from(text);
    }
    text.nfc().collect::<String>().into()
}
