//! Values as YAML: block style, texts and keys in double quotes, texts of several lines as literal blocks. The layout
//! is that of libyaml, so that a file made by Terraform does not change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Fault;
use crate::eval::value::Value;

/// Columns after which a quoted text goes on in the next line.
const WIDTH: usize = 80;
/// Characters of the longest key that stands on one line with its colon.
const SIMPLE_KEY: usize = 128;

/// The YAML of a value, with its last line break.
pub(in super::super) fn to_yaml(value: &Value) -> Result<String, Fault> {
    let mut out = Writer::default();
    out.node(value, 0, 2)?;
    if !out.text.ends_with('\n') {
        out.put('\n');
    }
    // A plain scalar alone could go on, so its end is marked.
    if matches!(value, Value::Null(_) | Value::Bool(_) | Value::Number(_)) {
        out.text.push_str("...\n");
    }
    Ok(out.text)
}

#[derive(Default)]
struct Writer {
    text: String,
    column: usize,
}

impl Writer {
    fn put(&mut self, c: char) {
        self.text.push(c);
        self.column = if c == '\n' { 0 } else { self.column + 1 };
    }

    fn puts(&mut self, text: &str) {
        text.chars().for_each(|c| self.put(c));
    }

    /// Begins a line at a column, unless the writer stands there already.
    fn line(&mut self, indent: usize) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.put('\n');
        }
        (0..indent).for_each(|_| self.put(' '));
    }

    /// A node whose entries stand at the column `indent`, and whose text goes on at the column `within`.
    fn node(&mut self, value: &Value, indent: usize, within: usize) -> Result<(), Fault> {
        match value {
            Value::Null(_) => self.puts("null"),
            Value::Bool(truth) => self.puts(if *truth { "true" } else { "false" }),
            Value::Number(number) => self.puts(&number.to_string()),
            Value::String(text) => self.scalar(text, within),
            Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => self.sequence(items, indent)?,
            Value::Map(_, entries) | Value::Object(entries) => self.mapping(entries, indent)?,
            Value::Ref(address) => {
                return Err(Fault::at(0, format!("{address} is a resource, which has no YAML form")));
            }
            Value::Secret(_) => return Err(Fault::at(0, "a secret has no YAML form")),
        }
        Ok(())
    }

    fn sequence(&mut self, items: &[Value], indent: usize) -> Result<(), Fault> {
        if items.is_empty() {
            self.puts("[]");
        }
        for (at, item) in items.iter().enumerate() {
            // The first entry of a nested sequence stands on the line of its dash.
            if at > 0 || self.column != indent {
                self.line(indent);
            }
            self.puts("- ");
            self.node(item, indent + 2, indent + 2)?;
        }
        Ok(())
    }

    fn mapping(&mut self, entries: &BTreeMap<Arc<str>, Value>, indent: usize) -> Result<(), Fault> {
        if entries.is_empty() {
            self.puts("{}");
        }
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 || self.column != indent {
                self.line(indent);
            }
            if key.contains('\n') || key.chars().count() > SIMPLE_KEY {
                self.puts("? ");
                self.scalar(key, indent + 2);
                self.line(indent);
                self.puts(": ");
                self.node(value, indent + 2, indent + 2)?;
            } else {
                self.quoted(key, None);
                self.entry(value, indent)?;
            }
        }
        Ok(())
    }

    /// The colon and what belongs to the key: entries of a mapping deeper, those of a sequence at the same column.
    fn entry(&mut self, value: &Value, indent: usize) -> Result<(), Fault> {
        self.put(':');
        let filled = |count: Option<usize>| count.is_some_and(|count| count > 0);
        if filled(value.entries().map(BTreeMap::len)) {
            self.line(indent + 2);
            return self.node(value, indent + 2, indent + 4);
        }
        if filled(value.elements().map(<[Value]>::len)) {
            self.line(indent);
            return self.node(value, indent, indent + 2);
        }
        self.put(' ');
        self.node(value, indent, indent + 2)
    }

    fn scalar(&mut self, text: &str, within: usize) {
        if text.contains('\n') && is_block(text) { self.literal(text, within) } else { self.quoted(text, Some(within)) }
    }

    fn literal(&mut self, text: &str, within: usize) {
        self.put('|');
        if text.starts_with([' ', '\n']) {
            self.put('2');
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.put('-'),
            Some(body) if body.is_empty() || body.ends_with('\n') => self.put('+'),
            Some(_) => {}
        }
        for line in body.unwrap_or(text).split('\n') {
            self.put('\n');
            if !line.is_empty() {
                (0..within).for_each(|_| self.put(' '));
            }
            self.puts(line);
        }
        self.put('\n');
    }

    /// A text in quotes; where `within` names a column, a long one goes on there.
    fn quoted(&mut self, text: &str, within: Option<usize>) {
        self.put('"');
        let characters: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (at, c) in characters.iter().enumerate() {
            let inner = at > 0 && at + 1 < characters.len();
            match within.filter(|_| *c == ' ' && inner && !after_space && self.column > WIDTH) {
                Some(column) => {
                    self.line(column);
                    if characters[at + 1] == ' ' {
                        self.put('\\');
                    }
                }
                None => self.escaped(*c),
            }
            after_space = *c == ' ';
        }
        self.put('"');
    }

    fn escaped(&mut self, c: char) {
        let short = match c {
            '"' | '\\' => c,
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ if is_printable(c) => return self.put(c),
            _ => return self.puts(&code(c)),
        };
        self.put('\\');
        self.put(short);
    }
}

fn code(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xff => format!("\\x{code:02X}"),
        code @ 0x100..=0xffff => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    }
}

/// Whether it stands for itself: as libyaml has it, so a tab does not.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

/// Whether a literal block can hold it: nothing to escape, and no space at the end of a line.
fn is_block(text: &str) -> bool {
    let breaks = |c: char| matches!(c, '\u{2028}' | '\u{2029}');
    !text.contains(" \n") && !text.ends_with(' ') && text.chars().all(|c| is_printable(c) && !breaks(c))
}
