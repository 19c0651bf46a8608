//! One file as it is written: its text, and the trees of its top-level pieces. An edit parses only the pieces that it
//! touches, and a piece that does not parse keeps the last tree it had.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use lsp_types::{Position, Range as Places, TextDocumentContentChangeEvent as Change};

use super::lines::Lines;
use crate::analysis::pieces;
use crate::diagnostic::Diagnostics;
use crate::eval::schema::Catalog;
use crate::source::{SourceId, Span};
use crate::syntax::{
    self,
    ast::{Block, Body, File, Name},
};

/// Parses texts, and gives each an id of its own.
#[derive(Debug, Default)]
pub(super) struct Reader {
    last: u32,
    /// The kinds of resources: the JSON form is read by them.
    catalog: Catalog,
}

impl Reader {
    pub(super) fn new(catalog: Catalog) -> Self {
        Self { last: 0, catalog }
    }

    fn next(&mut self) -> SourceId {
        self.last += 1;
        SourceId(self.last)
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The native form, in pieces.
    Native,
    /// The JSON form: one piece.
    Json,
}

/// A top-level piece of a file.
#[derive(Debug)]
pub(super) struct Piece {
    /// The id of its text.
    pub(super) source: SourceId,
    /// Its tree: of an earlier text where it does not parse.
    pub(super) file: File,
    /// Why it does not parse.
    pub(super) faults: Diagnostics,
    /// Whether there is no more of its tree than a head, because it never parsed.
    pub(super) bare: bool,
    /// Bytes of its text.
    length: usize,
}

impl Piece {
    /// Whether its tree is that of its text.
    pub(super) fn fresh(&self) -> bool {
        !self.faults.has_errors()
    }
}

/// One file.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) lines: Lines,
    pub(super) pieces: Vec<Arc<Piece>>,
    /// The editor's number for the text, while it is open there.
    pub(super) version: Option<i32>,
    pub(super) form: Form,
    overrides: bool,
}

/// An edit, and where the pieces began before it.
struct Edit<'e> {
    old: &'e [usize],
    /// The first piece that is cut anew.
    first: usize,
    /// The bytes that were replaced.
    range: Range<usize>,
    /// How many bytes came for them.
    with: usize,
}

impl Edit<'_> {
    /// Where a byte behind the edit was before it.
    fn behind(&self, at: usize) -> Option<usize> {
        (at >= self.range.start + self.with).then(|| at + self.range.len() - self.with)
    }
}

/// Type and labels: what tells which earlier tree belongs to a piece.
type Head = Vec<String>;

impl Document {
    pub(super) fn new(text: String, form: Form, overrides: bool, reader: &mut Reader) -> Self {
        let mut new =
            Self { lines: Lines::new(&text), text: String::new(), pieces: Vec::new(), version: None, form, overrides };
        new.replace(0..0, &text, reader);
        new
    }

    /// Carries out what the editor says has changed.
    pub(super) fn change(&mut self, changes: Vec<Change>, reader: &mut Reader) {
        for Change { range, text, .. } in changes {
            let range = match range {
                Some(places) => self.range(places),
                None => 0..self.text.len(),
            };
            self.replace(range, &text, reader);
        }
    }

    /// The bytes between two places.
    pub(super) fn range(&self, places: Places) -> Range<usize> {
        let (a, b) = (self.offset(places.start), self.offset(places.end));
        a.min(b)..a.max(b)
    }

    pub(super) fn offset(&self, place: Position) -> usize {
        self.lines.offset(&self.text, place)
    }

    /// The places around some bytes.
    pub(super) fn places(&self, range: Range<usize>) -> Places {
        let position = |offset| self.lines.position(&self.text, offset);
        Places::new(position(range.start), position(range.end))
    }

    /// The piece that a byte is in, and where it begins: the last one at the end of the text.
    pub(super) fn piece_at(&self, offset: usize) -> Option<(usize, &Piece)> {
        let last = self.pieces.len().checked_sub(1)?;
        let mut begin = 0;
        for piece in &self.pieces[..last] {
            if offset < begin + piece.length {
                return Some((begin, piece));
            }
            begin += piece.length;
        }
        Some((begin, &self.pieces[last]))
    }

    /// All pieces, each with where it begins.
    pub(super) fn placed(&self) -> impl Iterator<Item = (usize, &Arc<Piece>)> {
        self.pieces.iter().scan(0, |next, piece| {
            let begin = *next;
            *next += piece.length;
            Some((begin, piece))
        })
    }

    /// Whether all of it parses.
    pub(super) fn whole(&self) -> bool {
        self.pieces.iter().all(|piece| piece.fresh())
    }

    fn replace(&mut self, range: Range<usize>, with: &str, reader: &mut Reader) {
        if self.form == Form::Json {
            self.text.replace_range(range, with);
            self.lines = Lines::new(&self.text);
            return self.read_json(reader);
        }
        let old: Vec<usize> = self.placed().map(|(begin, _)| begin).collect();
        let first = self.first_touched(&range);
        let begin = old.get(first).copied().unwrap_or(0);
        self.text.replace_range(range.clone(), with);
        self.lines = Lines::new(&self.text);
        let edit = Edit { old: &old, first, range, with: with.len() };
        let (texts, last) = self.cut(begin, &edit);
        let mut earlier: HashMap<Head, File> = HashMap::new();
        for piece in self.pieces[first..last].iter().filter(|piece| !piece.bare) {
            if let Some(head) = head_of(&piece.file) {
                earlier.insert(head, piece.file.clone());
            }
        }
        let made: Vec<Arc<Piece>> = texts
            .into_iter()
            .map(|range| self.kept(&range, &edit).unwrap_or_else(|| Arc::new(self.piece(range, &earlier, reader))))
            .collect();
        self.pieces.splice(first..last, made);
    }

    /// A file in the JSON form parses as a whole.
    fn read_json(&mut self, reader: &mut Reader) {
        let source = reader.next();
        let (mut file, faults) = syntax::json::parse(source, &self.text, &reader.catalog);
        let mut bare = faults.has_errors();
        if let Some(old) = self.pieces.pop().filter(|old| bare && !old.bare) {
            file = old.file.clone();
            bare = false;
        }
        file.overrides = self.overrides;
        self.pieces = vec![Arc::new(Piece { source, file, faults, bare, length: self.text.len() })];
    }

    /// The first piece that an edit may change: the one before it may go on into it, and so may one that does not parse.
    fn first_touched(&self, range: &Range<usize>) -> usize {
        let ends = self.placed().map(|(begin, piece)| begin + piece.length);
        let before = ends.take_while(|end| *end <= range.start).count().saturating_sub(1);
        let broken = self.pieces.iter().position(|piece| !piece.fresh());
        broken.map_or(before, |broken| broken.min(before))
    }

    /// The texts of the pieces from `begin` on, until one ends where one ended before; and the first old piece that stays.
    fn cut(&self, begin: usize, edit: &Edit<'_>) -> (Vec<Range<usize>>, usize) {
        let mut texts = Vec::new();
        let mut at = begin;
        while at < self.text.len() {
            let old = edit.behind(at).filter(|_| at > begin);
            if let Some(last) = old.and_then(|old| edit.old.binary_search(&old).ok()).filter(|last| *last > edit.first)
            {
                return (texts, last);
            }
            let end = at + pieces::length(&self.text[at..]);
            texts.push(at..end);
            at = end;
        }
        (texts, self.pieces.len())
    }

    /// The old piece of the same text, where the edit did not touch it.
    fn kept(&self, range: &Range<usize>, edit: &Edit<'_>) -> Option<Arc<Piece>> {
        let begin = if range.end <= edit.range.start { Some(range.start) } else { edit.behind(range.start) };
        let at = edit.old.binary_search(&begin?).ok()?;
        self.pieces.get(at).filter(|piece| piece.length == range.len()).cloned()
    }

    fn piece(&self, range: Range<usize>, earlier: &HashMap<Head, File>, reader: &mut Reader) -> Piece {
        let text = &self.text[range];
        let source = reader.next();
        let (mut file, faults) = syntax::parse(source, text);
        file.overrides = self.overrides;
        let length = text.len();
        if !faults.has_errors() {
            return Piece { source, file, faults, bare: false, length };
        }
        let names = pieces::head(text);
        let head: Head = names.iter().map(|range| text[range.clone()].to_owned()).collect();
        if let Some(known) = earlier.get(&head) {
            return Piece { source, file: known.clone(), faults, bare: false, length };
        }
        let name = |range: &Range<usize>| Name {
            text: Arc::from(&text[range.clone()]),
            span: Span::new(source, range.clone()),
        };
        let names: Vec<Name> = names.iter().map(name).collect();
        file.body = Body { attributes: Vec::new(), blocks: bare(names) };
        Piece { source, file, faults, bare: true, length }
    }
}

/// A block of which only the head is known.
fn bare(names: Vec<Name>) -> Vec<Block> {
    let mut names = names.into_iter();
    let Some(kind) = names.next() else { return Vec::new() };
    let labels: Vec<Name> = names.collect();
    let head = labels.last().map_or(kind.span, |last| kind.span.to(last.span));
    if labels.is_empty() { Vec::new() } else { vec![Block { kind, labels, body: Body::default(), head }] }
}

fn head_of(file: &File) -> Option<Head> {
    let block = file.body.blocks.first()?;
    Some([&block.kind].into_iter().chain(&block.labels).map(|name| name.text.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(document: &Document) -> Vec<&str> {
        document.placed().map(|(begin, piece)| &document.text[begin..begin + piece.length]).collect()
    }

    #[test]
    fn an_edit_parses_only_what_it_touches() {
        let mut reader = Reader::default();
        let block = |name: usize| format!("zone \"z{name}\" {{\n  apex = \"a\"\n}}\n");
        let mut document = Document::new((0..9).map(block).collect(), Form::Native, false, &mut reader);
        let before: Vec<SourceId> = document.pieces.iter().map(|piece| piece.source).collect();
        let at = document.text.find("z4").expect("it is there");
        document.replace(at..at + 2, "renamed", &mut reader);
        let same = document.pieces.iter().zip(&before).filter(|(piece, old)| piece.source == **old).count();
        assert_eq!((document.pieces.len(), same), (9, 8));
    }

    #[test]
    fn a_broken_piece_keeps_its_tree_and_its_neighbours() {
        let mut reader = Reader::default();
        let text = "locals {\n  a = 1\n}\nzone \"z\" {\n  apex = \"a\"\n}\n";
        let mut document = Document::new(text.to_owned(), Form::Native, false, &mut reader);
        let at = text.find("apex = ").expect("it is there") + 7;
        document.replace(at..at + 3, "var.", &mut reader);
        assert!(document.pieces[0].fresh() && !document.pieces[1].fresh());
        assert!(document.pieces[1].file.body.blocks[0].body.attribute("apex").is_some());
        document.replace(0..0, "member \"m\" {\n", &mut reader);
        assert_eq!(document.pieces.len(), 3);
        assert_eq!(&*document.pieces[0].file.body.blocks[0].labels[0].text, "m", "its head is known");
        assert!(document.pieces[0].bare && document.pieces[1].fresh());
    }

    proptest! {
        /// However a text came to be, it is cut as if it had been opened now.
        #[test]
        fn pieces_cover_the_text(edits in proptest::collection::vec((0_usize..60, 0_usize..9, "(zone \"a\" \\{\n|\\}\n|a = 1\n|\\{|\"|<<E\n|E\n|#|é| |\n){0,3}"), 0..12)) {
            let mut reader = Reader::default();
            let mut document = Document::new(String::new(), Form::Native, false, &mut reader);
            for (at, length, text) in edits {
                let clamp = |mut at: usize| {
                    at = at.min(document.text.len());
                    while !document.text.is_char_boundary(at) {
                        at -= 1;
                    }
                    at
                };
                let (begin, end) = (clamp(at), clamp(at + length));
                document.replace(begin..end, &text, &mut reader);
                prop_assert_eq!(texts(&document).concat(), document.text.clone());
                let anew = Document::new(document.text.clone(), Form::Native, false, &mut reader);
                prop_assert_eq!(texts(&document), texts(&anew));
            }
        }
    }
}
