//! JSON texts (RFC 8259) to nodes that know where they stand. Keeps repeated keys, the order of keys and numbers as they
//! are written; what they mean is decided elsewhere. Stops at the first fault.

use std::borrow::Cow;
use std::ops::Range;

use crate::address::is_name_part;
use crate::limits;
use crate::syntax::lower::Escape;

/// Levels of nesting: whoever goes through the nodes recurses, and stacks are finite.
const DEPTH: usize = limits::NESTING;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind<'t>,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind<'t> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'t str),
    Text(Text<'t>),
    Array(Vec<Node<'t>>),
    Object(Vec<Member<'t>>),
}

/// One `"key": value`.
#[derive(Debug)]
pub(super) struct Member<'t> {
    pub(super) key: Text<'t>,
    pub(super) value: Node<'t>,
}

/// A text, its escapes resolved.
#[derive(Debug)]
pub(super) struct Text<'t> {
    /// With the quotes.
    pub(super) range: Range<usize>,
    pub(super) content: Cow<'t, str>,
    /// Where the content's bytes stand, counted from behind the opening quote.
    pub(super) escapes: Vec<Escape>,
}

/// What is wrong, where, and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) range: Range<usize>,
    pub(super) detail: String,
    pub(super) hint: Option<&'static str>,
}

type Read<T> = Result<T, Fault>;

/// Reads a whole text as one value.
pub(super) fn read(text: &str) -> Read<Node<'_>> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let node = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.unexpected("the end of the text", Some("A JSON text holds one value."))),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Read<Node<'t>> {
        self.space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Kind::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { range: start..self.at, kind })
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Read<Kind<'t>>) -> Read<Kind<'t>> {
        if self.depth == DEPTH {
            let detail = format!("Objects and arrays are nested more than {DEPTH} levels deep.");
            return Err(Fault { range: self.at..self.at + 1, detail, hint: None });
        }
        self.depth += 1;
        let kind = inner(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn object(&mut self) -> Read<Kind<'t>> {
        let open = self.at;
        self.at += 1;
        let mut members = Vec::new();
        if self.eat(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            self.space();
            let key = match self.peek() {
                Some(b'"') => self.text()?,
                None => return Err(self.unclosed(open, "brace")),
                Some(b'}') => return Err(self.unexpected("a key", Some("No comma follows the last member."))),
                Some(_) => return Err(self.unexpected("a key in double quotes", None)),
            };
            if !self.eat(b':') {
                return Err(self.unexpected("\":\" and a value", Some("A member is written \"key\": value.")));
            }
            members.push(Member { key, value: self.value()? });
            if self.eat(b'}') {
                return Ok(Kind::Object(members));
            }
            self.comma(open, "brace", "\",\" or \"}\"")?;
        }
    }

    fn array(&mut self) -> Read<Kind<'t>> {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Kind::Array(items));
        }
        loop {
            self.space();
            match self.peek() {
                None => return Err(self.unclosed(open, "bracket")),
                Some(b']') => return Err(self.unexpected("a value", Some("No comma follows the last element."))),
                Some(_) => items.push(self.value()?),
            }
            if self.eat(b']') {
                return Ok(Kind::Array(items));
            }
            self.comma(open, "bracket", "\",\" or \"]\"")?;
        }
    }

    fn comma(&mut self, open: usize, what: &str, expected: &str) -> Read<()> {
        match (self.eat(b','), self.peek()) {
            (true, _) => Ok(()),
            (false, None) => Err(self.unclosed(open, what)),
            (false, Some(b'=')) => Err(self.unexpected(expected, Some("A member is written \"key\": value."))),
            (false, Some(_)) => Err(self.unexpected(expected, None)),
        }
    }

    fn word(&mut self) -> Read<Kind<'t>> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let kind = match &rest[..length] {
            "null" => Kind::Null,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            _ => return Err(self.unexpected("a value", hint(rest))),
        };
        self.at += length;
        Ok(kind)
    }

    fn number(&mut self) -> Read<Kind<'t>> {
        let rest = &self.text[self.at..];
        let length =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).unwrap_or(rest.len());
        let number = &rest[..length];
        if !is_number(number) {
            let detail = format!("{number} is no number as JSON has them.");
            let hint = Some("Numbers are decimal, without leading zeros: 0.5, 10, 1e6.");
            return Err(Fault { range: self.at..self.at + length, detail, hint });
        }
        self.at += length;
        Ok(Kind::Number(number))
    }

    fn text(&mut self) -> Read<Text<'t>> {
        let open = self.at;
        self.at += 1;
        let start = self.at;
        let mut content = String::new();
        let mut escapes: Vec<Escape> = Vec::new();
        let mut copied = start;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    content.push_str(&self.text[copied..self.at]);
                    content.push(self.escape()?);
                    copied = self.at;
                    escapes
                        .push(Escape { from: content.len(), further: (self.at - start).saturating_sub(content.len()) });
                }
                Some(0..0x20) | None => return Err(self.unended(open)),
                Some(_) => self.at += 1,
            }
        }
        let rest = &self.text[copied..self.at];
        self.at += 1;
        let content = if escapes.is_empty() { Cow::Borrowed(rest) } else { Cow::Owned(content + rest) };
        Ok(Text { range: open..self.at, content, escapes })
    }

    fn escape(&mut self) -> Read<char> {
        let start = self.at;
        self.at += 2;
        Ok(match self.text.as_bytes().get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode(start)?,
            _ => {
                let length = self.text[start + 1..].chars().next().map_or(0, char::len_utf8);
                let detail = "There is no such escape in a JSON text.".to_owned();
                let hint = Some("Write a backslash as \\\\; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX.");
                return Err(Fault { range: start..start + 1 + length, detail, hint });
            }
        })
    }

    /// What `\uXXXX` stands for, two of them for characters beyond 16 bits. A half of such a pair stands for nothing.
    fn unicode(&mut self, start: usize) -> Read<char> {
        let first = self.digits(start)?;
        let low = self.text[self.at..].strip_prefix("\\u").and_then(hex);
        if (0xD800..0xDC00).contains(&first)
            && let Some(low) = low.filter(|low| (0xDC00..0xE000).contains(low))
        {
            self.at += 6;
            let scalar = 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn digits(&mut self, start: usize) -> Read<u32> {
        let Some(value) = self.text.get(self.at..).and_then(hex) else {
            let detail = "Four hexadecimal digits follow \\u.".to_owned();
            return Err(Fault { range: start..start + 2, detail, hint: None });
        };
        self.at += 4;
        Ok(value)
    }

    fn unended(&self, open: usize) -> Fault {
        let detail = match self.peek() {
            None | Some(b'\n' | b'\r') => "A text must end on the line it begins on.",
            Some(_) => "A control character cannot stand in a text as it is.",
        };
        let hint = Some("Close it with a double quote; write line breaks as \\n and tabs as \\t.");
        Fault { range: open..self.at, detail: detail.to_owned(), hint }
    }

    fn unclosed(&self, open: usize, what: &str) -> Fault {
        let detail = format!("The text ends before this {what} is closed.");
        let hint = Some("Add what closes it, or look for one that is missing further in.");
        Fault { range: open..open + 1, detail, hint }
    }

    fn unexpected(&self, expected: &str, hint: Option<&'static str>) -> Fault {
        let rest = &self.text[self.at..];
        let word = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
        let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        let found = if length == 0 { "the end of the text".to_owned() } else { format!("\"{}\"", &rest[..length]) };
        let detail = format!("{found} cannot stand here; what may stand here is {expected}.");
        Fault { range: self.at..self.at + length, detail, hint: hint.or_else(|| self::hint(rest)) }
    }
}

/// The value of the four digits that a text begins with.
fn hex(text: &str) -> Option<u32> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let leading = whole.len() > 1 && whole.starts_with('0');
    digits(whole) && !leading && fraction.is_none_or(digits) && exponent.is_none_or(digits)
}

fn hint(rest: &str) -> Option<&'static str> {
    match rest.chars().next()? {
        '\'' => Some("Texts are written in double quotes."),
        '“' | '”' | '‘' | '’' => Some("Use straight double quotes: \"…\"."),
        '#' | '/' => Some("JSON has no comments; a member named \"//\" is passed over."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_know_where_their_bytes_stand() {
        let node = read(r#" "a\"bé\u00e9\ud83d\ude00\ud800c" "#).expect("a text");
        let Kind::Text(text) = node.kind else { panic!("a text") };
        assert_eq!(text.content, "a\"béé😀\u{FFFD}c");
        assert_eq!(node.range, 1..34);
        let from: Vec<(usize, usize)> = text.escapes.iter().map(|escape| (escape.from, escape.further)).collect();
        assert_eq!(from, [(2, 1), (7, 5), (11, 13), (14, 16)]);
    }

    #[test]
    fn what_is_no_json_is_reported_where_it_lies() {
        for (text, range, detail) in [
            ("{\"a\": 1,}", 8..9, "what may stand here is a key"),
            ("{\"a\": 1", 0..1, "ends before this brace"),
            ("[1, 2", 0..1, "ends before this bracket"),
            ("{a: 1}", 1..2, "a key in double quotes"),
            ("{\"a\" = 1}", 5..6, "\":\" and a value"),
            ("[1 2]", 3..4, "\",\" or \"]\""),
            ("[1,]", 3..4, "what may stand here is a value"),
            ("01", 0..2, "no number"),
            ("[1.]", 1..3, "no number"),
            ("nul", 0..3, "what may stand here is a value"),
            ("\"a\nb\"", 0..2, "must end on the line"),
            ("\"\t\"", 0..1, "control character"),
            (r#""\x""#, 1..3, "no such escape"),
            (r#""\u12g4""#, 1..3, "Four hexadecimal digits"),
            ("{} {}", 3..4, "the end of the text"),
            ("", 0..0, "the end of the text cannot stand here"),
            ("// x", 0..1, "cannot stand here"),
        ] {
            let fault = read(text).expect_err(text);
            assert_eq!(fault.range, range, "{text}");
            assert!(fault.detail.contains(detail), "{text}: {}", fault.detail);
        }
        assert!(read(&"[".repeat(5000)).is_err());
    }

    #[test]
    fn numbers_are_those_of_json() {
        for text in ["0", "-0", "10", "1.50", "1e6", "1E-2", "-1.5e+3"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "0x10", "1.2.3", "1e1.5", "+1"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
