//! Faulty texts: what is left open in them, and where the item at fault begins and ends, so that the parser, which stops at
//! its first fault, can be asked for the next one.
//!
//! Looks at tokens and lines only: what can be parsed, the parser says.

use std::ops::Range;

use super::lexer::{Kind, Lexer, Token, tokens};
use crate::address::is_name_part;

/// The text without the items at fault: spaces stand in their place, so that all else stays where it is.
pub(super) struct Remains {
    /// What is left.
    pub(super) text: String,
    /// Braces that were opened in what was taken away, less those that were closed in it.
    braces: isize,
}

impl Remains {
    pub(super) fn new(text: &str) -> Self {
        // The parser cannot say whether a fault lies at the last character or behind it.
        let end = if text.ends_with('\n') { "" } else { "\n" };
        Self { text: format!("{text}{end}"), braces: 0 }
    }

    /// Whether a fault at `offset` comes of what was taken away: a brace that it left without the other.
    pub(super) fn follows(&self, offset: usize) -> bool {
        let rest = self.text.get(offset..).unwrap_or("").trim_start();
        (rest.is_empty() && self.braces < 0) || (rest.starts_with('}') && self.braces > 0)
    }

    /// Takes the argument away in which the fault lies that the parser found at `offset` and that was told of at
    /// `place`, or the block with this faulty head. Says whether there was anything.
    pub(super) fn take_away(&mut self, offset: usize, place: usize) -> bool {
        let range = item_around(&self.text, offset.min(place), place);
        let item = self.text.get(range.clone()).unwrap_or("");
        if item.trim().is_empty() {
            return false;
        }
        let count = |kind: Kind| tokens(item).iter().filter(|token| token.kind == kind).count().cast_signed();
        self.braces += count(Kind::Open(b'{')) - count(Kind::Close(b'}'));
        let blank: String =
            item.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { byte.into() } else { ' ' }).collect();
        self.text.replace_range(range, &blank);
        true
    }
}

/// A body that is open, or a bracket.
enum Open {
    /// Where its block stands, and the item in it that is being read.
    Body { block: usize, item: Option<Item> },
    /// A bracket of an expression.
    Bracket,
}

/// An argument or a block.
#[derive(Clone, Copy)]
struct Item {
    begin: usize,
    /// Its equals sign has been seen: braces are those of objects.
    assigned: bool,
}

/// The item in which `offset` lies, up to the line where the next one may begin that is behind `found`.
fn item_around(text: &str, offset: usize, found: usize) -> Range<usize> {
    let (begin, in_block) = item_at(text, offset);
    let indentation = line_around(text, begin).0;
    let mut at = found.max(begin);
    // What was found may be the next item, where the one at fault was left open.
    let before = text.get(begin..at).and_then(|before| before.rsplit_once('\n'));
    let mut next = before.is_some_and(|(_, line)| line.trim().is_empty());
    while !(next && resumes(text, at, indentation, in_block)) {
        match text.get(at..).and_then(|rest| rest.find('\n')) {
            Some(end) => at += end + 1,
            None => return begin..text.len(),
        }
        next = true;
    }
    begin..at
}

/// Where the item begins in which `offset` lies, and whether it is in a block. Up to there the text is well-formed.
fn item_at(text: &str, offset: usize) -> (usize, bool) {
    let mut open = vec![Open::Body { block: 0, item: None }];
    for token in tokens(text).iter().take_while(|token| token.range.start < offset) {
        pass(&mut open, token);
    }
    // A block on one line is at fault as a whole: its end stands on that line too.
    let mut bodies = open.iter().rev().filter_map(|one| match one {
        Open::Body { block, item } => Some((*block, *item)),
        Open::Bracket => None,
    });
    let mut depth = open.iter().filter(|one| matches!(one, Open::Body { .. })).count();
    let (mut block, item) = bodies.next().unwrap_or_default();
    let mut begin = item.map_or(offset, |item| item.begin);
    while depth > 1 && !text.get(block..begin).unwrap_or("").contains('\n') {
        begin = block;
        depth -= 1;
        block = bodies.next().unwrap_or_default().0;
    }
    (begin, depth > 1)
}

/// Takes a token into account.
fn pass(open: &mut Vec<Open>, token: &Token) {
    let Some(Open::Body { item, .. }) = open.last_mut() else {
        match token.kind {
            Kind::Open(_) => open.push(Open::Bracket),
            Kind::Close(_) => drop(open.pop()),
            _ => {}
        }
        return;
    };
    match token.kind {
        Kind::Newline => *item = None,
        Kind::LineComment | Kind::BlockComment => {}
        Kind::Close(_) => {
            if open.len() > 1 {
                open.pop();
            }
        }
        Kind::Open(bracket) => {
            let own = *item.get_or_insert(Item { begin: token.range.start, assigned: false });
            let block = bracket == b'{' && !own.assigned;
            open.push(if block { Open::Body { block: own.begin, item: None } } else { Open::Bracket });
        }
        kind => {
            let own = item.get_or_insert(Item { begin: token.range.start, assigned: false });
            own.assigned |= kind == Kind::Equal;
        }
    }
}

/// Whether the line that begins at `at` holds an item that is not indented further, or closes the block around it.
fn resumes(text: &str, at: usize, indentation: usize, in_block: bool) -> bool {
    let (own, line) = line_around(text, at);
    let closes = in_block && line.trim_end() == "}" && (own < indentation || indentation == 0);
    closes || (begins_item(line) && own <= indentation)
}

/// The line that `at` stands on: how many bytes of space it begins with, and what follows them.
fn line_around(text: &str, at: usize) -> (usize, &str) {
    let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next().unwrap_or("");
    let trimmed = line.trim_start_matches([' ', '\t']);
    (line.len() - trimmed.len(), trimmed)
}

/// Whether a line looks like the begin of an argument or a block.
fn begins_item(line: &str) -> bool {
    let length = line.find(|c| !is_name_part(c)).unwrap_or(line.len());
    let rest = line[length..].trim_start();
    length > 0 && (rest.starts_with('=') || rest.starts_with('{') || (rest.starts_with('"') && rest.contains('{')))
}

/// What was opened and never closed.
pub(super) struct Opening {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// `bracket`, `text`: a word for it.
    pub(super) what: &'static str,
}

/// The innermost bracket or quote of a text that is never closed.
pub(super) fn unclosed(text: &str) -> Option<Opening> {
    let all = tokens(text);
    let mut open: Vec<&Token> = Vec::new();
    for token in &all {
        match token.kind {
            Kind::Open(_) => open.push(token),
            Kind::Close(_) => {
                open.pop();
            }
            Kind::Unknown if text[token.range.clone()].starts_with('"') => {
                return Some(Opening { range: token.range.clone(), what: "text" });
            }
            _ => {}
        }
    }
    let last = open.pop()?;
    let what = if last.kind == Kind::Open(b'{') { "block or object" } else { "bracket" };
    Some(Opening { range: last.range.clone(), what })
}

/// The first quote within a range whose text is not closed on its line.
pub(super) fn open_quote(text: &str, within: Range<usize>) -> Option<Range<usize>> {
    let is_open = |token: &Token| token.kind == Kind::Unknown && text[token.range.clone()].starts_with('"');
    Lexer::new(text)
        .take_while(|token| token.range.start < within.end)
        .find(|token| token.range.start >= within.start && is_open(token))
        .map(|token| token.range)
}

/// The line's end behind a dot, where the parser has taken the name for the step that begins the next line.
pub(super) fn open_dot(text: &str, offset: usize) -> Option<Range<usize>> {
    let mut last = [const { None }; 3];
    for token in Lexer::new(text).take_while(|token| token.range.start < offset) {
        last.rotate_left(1);
        last[2] = Some(token);
    }
    match last {
        [Some(dot), Some(end), Some(name)] => {
            let kinds = (dot.kind, end.kind, name.kind) == (Kind::Dot, Kind::Newline, Kind::Identifier);
            kinds.then_some(end.range)
        }
        _ => None,
    }
}

/// Where the value of the argument lies whose name stands at `offset`: up to the end of its last line.
pub(super) fn value_after(text: &str, offset: usize) -> Option<Range<usize>> {
    let mut rest = tokens(text).into_iter().skip_while(|token| token.range.start < offset);
    let argument = rest.next()?.kind == Kind::Identifier && rest.next()?.kind == Kind::Equal;
    let mut depth = 0_usize;
    let mut value: Option<Range<usize>> = None;
    for token in rest.take_while(|_| argument) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) if depth == 0 => break,
            Kind::Close(_) => depth -= 1,
            Kind::Newline if depth == 0 => break,
            _ => {}
        }
        value = Some(value.map_or(token.range.start, |value| value.start)..token.range.end);
    }
    value
}
