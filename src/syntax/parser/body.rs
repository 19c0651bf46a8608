//! Bodies: arguments and blocks, each on a line of its own. After a fault the parser goes on at the next line that begins
//! one.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Failed, Parsed, Parser};
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, Body, Name};

/// Faults of one text that are told: more of them would be noise.
const FAULTS: usize = 100;

/// What stands after the first name of an item.
const HEADER: &str = "`{`, `=`, `\"` or a name";

impl Parser<'_> {
    /// What stands up to the closing brace of `block`, or up to the end of the text.
    pub(super) fn body(&mut self, block: Option<usize>) -> Body {
        let mut body = Body::default();
        let mut names = HashSet::new();
        loop {
            self.lines();
            if self.is_end() || (block.is_some() && self.peek(0) == b'}') {
                return body;
            }
            let begin = self.at;
            if self.item(&mut body, &mut names).is_err() {
                self.recover(begin, block.is_some());
            }
        }
    }

    /// One argument or block, and the end of its line.
    fn item(&mut self, body: &mut Body, names: &mut HashSet<Arc<str>>) -> Parsed<()> {
        if self.word().is_empty() {
            return Err(self.unexpected("an argument or a block"));
        }
        let name = self.name()?;
        if self.is_assigned() {
            self.attribute(name, body, names)?;
        } else {
            let block = self.block(name)?;
            body.blocks.push(block);
        }
        self.space();
        if self.is_line_end() { Ok(()) } else { Err(self.unexpected("the end of the line")) }
    }

    /// Takes the equals sign of an argument.
    fn is_assigned(&mut self) -> bool {
        self.space();
        let assigned = self.peek(0) == b'=' && self.peek(1) != b'=';
        self.at += usize::from(assigned);
        assigned
    }

    fn attribute(&mut self, name: Name, body: &mut Body, names: &mut HashSet<Arc<str>>) -> Parsed<()> {
        let value = Arc::new(self.expr()?);
        if names.insert(name.text.clone()) {
            body.attributes.push(Attribute { name, value });
        } else {
            let detail =
                format!("The argument \"{}\" is already set in this block, and each argument is set once.", name.text);
            self.fault_at(name.span, detail);
        }
        Ok(())
    }

    fn block(&mut self, kind: Name) -> Parsed<Block> {
        let mut labels = Vec::new();
        loop {
            self.space();
            match self.peek(0) {
                b'{' => break,
                b'"' => labels.push(self.label()?),
                _ if self.word().is_empty() => return Err(self.unexpected(HEADER)),
                _ => labels.push(self.name()?),
            }
        }
        let head = labels.last().map_or(kind.span, |last: &Name| kind.span.to(last.span));
        let body = self.deeper(|parser| parser.bracketed(1, "block or object", false, Self::block_body))?;
        Ok(Block { kind, labels, body, head })
    }

    fn block_body(&mut self) -> Parsed<Body> {
        self.space();
        if !self.is_line_end() && self.peek(0) != b'}' {
            return self.one_line();
        }
        let open = self.open.last().map(|opening| opening.at);
        let body = self.body(open);
        self.expect("}", "`}`")?;
        Ok(body)
    }

    /// `{ name = value }`: one argument, and the brace on its line.
    fn one_line(&mut self) -> Parsed<Body> {
        let mut body = Body::default();
        let name = self.name()?;
        if !self.is_assigned() {
            return Err(self.unexpected("`=`"));
        }
        self.attribute(name, &mut body, &mut HashSet::new())?;
        self.space();
        if !self.is_end() && self.peek(0) != b'}' {
            return Err(self.unexpected("the `}` of a block on one line, which holds one argument at most"));
        }
        self.expect("}", "`}`")?;
        Ok(body)
    }

    /// A label in quotes: a text without sequences.
    fn label(&mut self) -> Parsed<Name> {
        let begin = self.at;
        let text = self.plain_text()?;
        Ok(Name { text, span: self.since(begin) })
    }

    /// Goes on after a fault in the item that began at `begin`: at the next line that begins an item or closes a block
    /// and is not indented further than it.
    fn recover(&mut self, begin: usize, in_block: bool) {
        if self.diagnostics.0.len() >= FAULTS {
            self.at = self.text.len();
            return;
        }
        // A fault that was found on the item's own first byte would be found there again.
        if self.at == begin {
            self.at += self.rest().chars().next().map_or(0, char::len_utf8);
        }
        let indentation = line_around(self.text, begin).0;
        // What was found may be the next item, where the one at fault was left open.
        let before = self.text[begin..self.at].rsplit_once('\n');
        let mut next = before.is_some_and(|(_, line)| line.trim().is_empty());
        while !(next && self.resumes(indentation, in_block)) {
            let Some(end) = self.rest().find('\n') else {
                self.at = self.text.len();
                return;
            };
            self.at += end + 1;
            next = true;
        }
    }

    /// Whether the line that begins here holds an item that is not indented further, or closes the block around it.
    fn resumes(&self, indentation: usize, in_block: bool) -> bool {
        let (own, line) = line_around(self.text, self.at);
        let closes = in_block && line.trim_end() == "}" && (own < indentation || indentation == 0);
        closes || (begins_item(line) && own <= indentation)
    }

    /// Notes a fault that lies at a place that is known.
    pub(super) fn fault_at(&mut self, span: Span, detail: String) -> Failed {
        self.note(crate::diagnostic::Diagnostic::error(&crate::diagnostic::codes::language::SYNTAX, detail).at(span))
    }
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
    let length = line.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(line.len());
    let rest = line[length..].trim_start();
    length > 0 && (rest.starts_with('=') || rest.starts_with('{') || (rest.starts_with('"') && rest.contains('{')))
}
