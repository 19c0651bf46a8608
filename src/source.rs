//! Source texts and positions in them. Nothing here reads files: the shell gathers texts, everyone else points into them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names one text of a [`Sources`]. Ids are dense and start at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A half-open range of bytes in one text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span over `range` of `source`. Texts are bounded by [`crate::limits::SOURCE_BYTES`], so `u32` always holds.
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        let bound = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { source, start: bound(range.start), end: bound(range.end) }
    }

    /// The smallest span that covers both; `self` if they lie in different texts.
    pub fn to(self, other: Self) -> Self {
        if self.source != other.source {
            return self;
        }
        Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The range in bytes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.source.0, self.start, self.end)
    }
}

/// One text with its name and the start of each line.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name shown to people: a path relative to where they stand, or `-var 'x=…'`.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
    /// Whether reports may show lines of it. Those of variable files are never shown: they may hold secrets.
    pub quotable: bool,
    line_starts: Vec<u32>,
}

/// All texts of one run.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    all: Vec<Source>,
}

/// A name with its control characters escaped: names of files may have some, and reports are read line by line.
pub fn printable(name: &str) -> Cow<'_, str> {
    if !name.contains(char::is_control) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

impl Sources {
    /// Adds a text and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(name.into(), text.into(), true)
    }

    /// Adds the text of a variable file: reports say where in it something stands, and never what.
    pub fn add_values(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(name.into(), text.into(), false)
    }

    fn push(&mut self, name: String, text: Arc<str>, quotable: bool) -> SourceId {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1);
        let line_starts = std::iter::once(0).chain(starts).collect();
        let name = printable(&name).into_owned();
        self.all.push(Source { name, text, quotable, line_starts });
        SourceId(self.all.len() as u32 - 1)
    }

    /// The text behind `id`. Ids come only from [`Sources::add`] of the same value.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.all[id.0 as usize]
    }

    /// All texts in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.all.iter().enumerate().map(|(at, source)| (SourceId(at as u32), source))
    }

    /// Where a span begins, as people count.
    pub fn position(&self, span: Span) -> Position {
        let source = self.get(span.source);
        let (line, column) = source.line_column(span.start as usize);
        Position { file: source.name.clone(), line, column }
    }

    /// The text under a span; empty when the span does not lie on character borders.
    pub fn snippet(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.range()).unwrap_or("")
    }
}

impl Source {
    /// Line and column of a byte, both from one; columns count characters.
    pub fn line_column(&self, byte: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start as usize <= byte).max(1);
        let start = self.line_starts[line - 1] as usize;
        let before = self.text.get(start..byte.min(self.text.len())).unwrap_or("");
        (line as u32, before.chars().count() as u32 + 1)
    }
}

/// A place as people count, kept where the text itself is not: in plans, records and jobs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// File name as given by the user.
    pub file: String,
    /// From one.
    pub line: u32,
    /// In characters, from one.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let mut sources = Sources::default();
        let id = sources.add("a.cap.hcl", "ä = 1\nb = 2\n");
        let at = |start| sources.position(Span::new(id, start..start)).to_string();
        assert_eq!(at(0), "a.cap.hcl:1:1");
        assert_eq!(at(5), "a.cap.hcl:1:5");
        assert_eq!(at(7), "a.cap.hcl:2:1");
    }
}
