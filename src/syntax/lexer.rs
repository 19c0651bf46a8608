//! Tokens of HCL native syntax for whatever works on texts that may be broken: layout, editors, lines typed by people.
//! Every byte of a text belongs to one token or to the space before one.
//!
//! Strings and heredocs are single tokens, since nothing in their literal parts may move. The lexer never fails: what it
//! does not know becomes a token of its own, so that formatting a broken file changes no token either.

use std::collections::HashSet;
use std::ops::Range;

use crate::address::is_name_part;
use crate::limits;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Identifier,
    Number,
    /// A whole quoted template, its interpolations included.
    Quoted,
    /// A whole heredoc from `<<` to its closing marker.
    Heredoc,
    /// `#…` or `//…` up to the end of the line.
    LineComment,
    /// `/*…*/`
    BlockComment,
    Newline,
    /// `(`, `[`, `{`
    Open(u8),
    /// `)`, `]`, `}`
    Close(u8),
    Comma,
    Dot,
    Ellipsis,
    Equal,
    Colon,
    /// `::`, in the names of functions.
    Namespace,
    Question,
    Minus,
    Bang,
    Star,
    Operator,
    Unknown,
}

/// One token: its kind and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub range: Range<usize>,
}

/// All tokens of a text.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut all = Vec::with_capacity(text.len() / 5);
    all.extend(Lexer::new(text));
    all
}

/// The bytes between the braces of each sequence of a template, `${…}` and `%{…}`: a whole quoted template or heredoc.
pub fn sequences(template: &str) -> Vec<Range<usize>> {
    let is_heredoc = template.starts_with("<<");
    let bytes = template.as_bytes();
    let mut found = Vec::new();
    let mut at = if is_heredoc { template.find('\n').unwrap_or(template.len()) } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1), bytes.get(at + 2)) {
            (b'\\', ..) if !is_heredoc => at += 2,
            (b'$', Some(b'$'), Some(b'{')) | (b'%', Some(b'%'), Some(b'{')) => at += 3,
            (b'$' | b'%', Some(b'{'), _) => {
                let end = at + 2 + sequence_length(&template[at + 2..]);
                found.push(at + 2..end);
                at = end + 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// How many bytes come before the brace that closes a sequence.
fn sequence_length(text: &str) -> usize {
    let mut depth = 0;
    for token in Lexer::new(text) {
        match token.kind {
            Kind::Open(b'{') => depth += 1,
            Kind::Close(b'}') if depth == 0 => return token.range.start,
            Kind::Close(b'}') => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The tokens of a text, one by one.
pub struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// How many quoted templates are open within each other.
    depth: usize,
    /// Quotes found to begin no template. What follows such a quote is read again: without this, twice for each level
    /// of nesting.
    unclosed: HashSet<usize>,
}

impl<'a> Lexer<'a> {
    /// From the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, depth: 0, unclosed: HashSet::new() }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.token()
    }
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn token(&mut self) -> Option<Token> {
        while matches!(self.peek(0), b' ' | b'\t' | b'\r') && self.at < self.bytes.len() {
            self.at += 1;
        }
        if self.at >= self.bytes.len() {
            return None;
        }
        let begin = self.at;
        let kind = self.kind();
        Some(Token { kind, range: begin..self.at })
    }

    fn take(&mut self, count: usize, kind: Kind) -> Kind {
        self.at += count;
        kind
    }

    fn kind(&mut self) -> Kind {
        let (one, two, three) = (self.peek(0), self.peek(1), self.peek(2));
        match one {
            b'\n' => self.take(1, Kind::Newline),
            b'#' => self.line_comment(),
            b'/' if two == b'/' => self.line_comment(),
            b'/' if two == b'*' => self.block_comment(),
            b'"' => self.quoted(),
            b'<' if two == b'<' => self.heredoc(),
            b'(' | b'[' | b'{' => self.take(1, Kind::Open(one)),
            b')' | b']' | b'}' => self.take(1, Kind::Close(one)),
            b'.' if two == b'.' && three == b'.' => self.take(3, Kind::Ellipsis),
            b'.' => self.take(1, Kind::Dot),
            b',' => self.take(1, Kind::Comma),
            b'=' if two == b'=' || two == b'>' => self.take(2, Kind::Operator),
            b'=' => self.take(1, Kind::Equal),
            b':' if two == b':' => self.take(2, Kind::Namespace),
            b':' => self.take(1, Kind::Colon),
            b'?' => self.take(1, Kind::Question),
            b'!' if two == b'=' => self.take(2, Kind::Operator),
            b'!' => self.take(1, Kind::Bang),
            b'-' => self.take(1, Kind::Minus),
            b'*' => self.take(1, Kind::Star),
            b'<' | b'>' if two == b'=' => self.take(2, Kind::Operator),
            b'&' if two == b'&' => self.take(2, Kind::Operator),
            b'|' if two == b'|' => self.take(2, Kind::Operator),
            b'+' | b'/' | b'%' | b'<' | b'>' => self.take(1, Kind::Operator),
            b'0'..=b'9' => self.number(),
            _ => self.identifier(),
        }
    }

    fn line_comment(&mut self) -> Kind {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        // A carriage return before the newline belongs to the line's end, not to the comment.
        let end = if end > 0 && rest[end - 1] == b'\r' { end - 1 } else { end };
        self.take(end, Kind::LineComment)
    }

    fn block_comment(&mut self) -> Kind {
        match self.text[self.at + 2..].find("*/") {
            Some(end) => self.take(end + 4, Kind::BlockComment),
            None => self.take(2, Kind::Unknown),
        }
    }

    fn number(&mut self) -> Kind {
        while self.peek(0).is_ascii_alphanumeric() || (self.peek(0) == b'.' && self.peek(1).is_ascii_digit()) {
            let exponent = matches!(self.peek(0), b'e' | b'E') && matches!(self.peek(1), b'+' | b'-');
            self.at += if exponent { 2 } else { 1 };
        }
        Kind::Number
    }

    fn identifier(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
        if end == 0 {
            let width = rest.chars().next().map_or(1, char::len_utf8);
            return self.take(width, Kind::Unknown);
        }
        self.take(end, Kind::Identifier)
    }

    /// A quoted template: up to its closing quote, over nested templates. Of an unclosed one the quote alone is taken.
    fn quoted(&mut self) -> Kind {
        let begin = self.at;
        self.at += 1;
        if self.unclosed.contains(&begin) {
            return Kind::Unknown;
        }
        loop {
            match (self.peek(0), self.peek(1)) {
                _ if self.at >= self.bytes.len() || self.peek(0) == b'\n' => {
                    self.at = begin + 1;
                    self.unclosed.insert(begin);
                    return Kind::Unknown;
                }
                (b'"', _) => return self.take(1, Kind::Quoted),
                (b'\\', _) => self.at = (self.at + 2).min(self.bytes.len()),
                (b'$', b'$') | (b'%', b'%') if self.peek(2) == b'{' => self.at += 3,
                (b'$' | b'%', b'{') => self.interpolation(),
                _ => self.at += 1,
            }
        }
    }

    /// From `${` or `%{` to the brace that closes it.
    fn interpolation(&mut self) {
        self.at += 2;
        let mut depth = 1;
        while depth > 0 && self.at < self.bytes.len() {
            match self.peek(0) {
                // Deeper than the parser would follow: what comes is no template of a valid file.
                b'"' if self.depth < limits::NESTING => {
                    self.depth += 1;
                    self.quoted();
                    self.depth -= 1;
                }
                b'{' => self.take_and(&mut depth, 1),
                b'}' => self.take_and(&mut depth, -1),
                _ => self.at += 1,
            }
        }
    }

    fn take_and(&mut self, depth: &mut i32, change: i32) {
        self.at += 1;
        *depth += change;
    }

    fn heredoc(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let marker_at = if rest.starts_with("<<-") { 3 } else { 2 };
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let marker = rest[marker_at..line_end].trim_end_matches('\r');
        if marker.is_empty() || !marker.chars().all(is_name_part) {
            return self.take(marker_at, Kind::Operator);
        }
        let mut at = line_end + 1;
        while at < rest.len() {
            let end = rest[at..].find('\n').map_or(rest.len(), |end| at + end);
            if rest[at..end].trim() == marker {
                // The newline after the marker is a token of its own.
                let end = at + rest[at..end].trim_end().len();
                return self.take(end, Kind::Heredoc);
            }
            at = end + 1;
        }
        // Its marker never comes: what looked like its text is not.
        self.take(marker_at, Kind::Operator)
    }
}
