//! JSON texts as values and back: exact numbers, which a reader over binary floating point would round, and the
//! escapes of Terraform. Not for records: those are in `encode`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::Fault;
use crate::eval::number::Number;
use crate::eval::quoted::write_quoted;
use crate::eval::value::Value;
use crate::limits;

/// The JSON of a value: keys in order, no spaces, and what HTML would take for markup escaped.
pub(super) fn to_json(value: &Value) -> Result<String, Fault> {
    let mut out = String::new();
    write_value(&mut out, value)?;
    Ok(out)
}

fn write_value(out: &mut String, value: &Value) -> Result<(), Fault> {
    match value {
        Value::Null(_) => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(out, text),
        Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => write_items(out, items)?,
        Value::Map(_, entries) | Value::Object(entries) => write_entries(out, entries)?,
        Value::Ref(address) => return Err(Fault::at(0, format!("{address} is a resource, which has no JSON form"))),
        Value::Secret(_) => return Err(Fault::at(0, "a secret has no JSON form")),
    }
    Ok(())
}

fn write_items(out: &mut String, items: &[Value]) -> Result<(), Fault> {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_value(out, item)?;
    }
    out.push(']');
    Ok(())
}

fn write_entries(out: &mut String, entries: &BTreeMap<Arc<str>, Value>) -> Result<(), Fault> {
    out.push('{');
    for (at, (name, value)) in entries.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write_value(out, value)?;
    }
    out.push('}');
    Ok(())
}

/// A text in quotes.
pub(super) fn write_string(out: &mut String, text: &str) {
    write_quoted(out, text, |out, c| {
        let is_escaped = matches!(c, '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        if is_escaped {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        is_escaped
    });
}

/// The value of a JSON text: arrays become tuples, objects objects.
pub(super) fn from_json(text: &str) -> Result<Value, Fault> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() {
        return Err(Fault::call("extraneous data after JSON object"));
    }
    Ok(value)
}

/// Reads a text from its start to its end.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault(&self, wanted: &str) -> Fault {
        match self.text[self.at..].chars().next() {
            None => Fault::call("EOF"),
            Some(c) => Fault::call(format!("invalid character '{c}' {wanted}")),
        }
    }

    fn value(&mut self) -> Result<Value, Fault> {
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::string),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::NULL),
            _ => Err(self.fault("looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Fault>) -> Result<Value, Fault> {
        self.depth += 1;
        if self.depth > limits::NESTING {
            return Err(Fault::call(format!("it is nested deeper than {} levels", limits::NESTING)));
        }
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Whether the bracket closes here; then it is read.
    fn closes(&mut self, bracket: u8) -> bool {
        self.space();
        let closes = self.peek() == Some(bracket);
        self.at += usize::from(closes);
        closes
    }

    fn array(&mut self) -> Result<Value, Fault> {
        let mut items = Vec::new();
        if self.closes(b']') {
            return Ok(Value::tuple(items));
        }
        loop {
            items.push(self.value()?);
            if self.closes(b']') {
                return Ok(Value::tuple(items));
            }
            self.expect(b',', "after array element")?;
        }
    }

    fn object(&mut self) -> Result<Value, Fault> {
        let mut entries = BTreeMap::new();
        if self.closes(b'}') {
            return Ok(Value::Object(Arc::new(entries)));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.fault("looking for beginning of object key string"));
            }
            let name: Arc<str> = self.string()?.into();
            self.space();
            self.expect(b':', "after object key")?;
            entries.insert(name, self.value()?);
            if self.closes(b'}') {
                return Ok(Value::Object(Arc::new(entries)));
            }
            self.expect(b',', "after object key:value pair")?;
        }
    }

    fn expect(&mut self, byte: u8, place: &str) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(self.fault(place));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        if !self.text[self.at..].starts_with(word) {
            return Err(Fault::call(format!("invalid literal, where \"{word}\" is expected")));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        let sign = usize::from(rest.first() == Some(&b'-'));
        // A zero stands alone before the fraction: what follows it is no longer the number.
        let length = if rest.get(sign) == Some(&b'0') && rest.get(sign + 1).is_some_and(u8::is_ascii_digit) {
            sign + 1
        } else {
            let part = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
            rest.iter().take_while(part).count()
        };
        let text = &self.text[self.at..self.at + length];
        self.at += length;
        let number = Number::parse(text).ok_or_else(|| Fault::call(format!("invalid number \"{text}\"")))?;
        Ok(Value::Number(number))
    }

    /// A quoted text; a half of a surrogate pair alone becomes U+FFFD.
    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.text[self.at..].chars().next() else {
                return Err(Fault::call("unexpected end in a string"));
            };
            match c {
                '"' => {
                    self.at += 1;
                    return super::support::normalized(out);
                }
                '\\' => self.escape(&mut out)?,
                '\0'..' ' => return Err(self.fault("in string literal")),
                _ => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Fault> {
        self.at += 1;
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                out.push(self.code_point()?);
                return Ok(());
            }
            _ => return Err(self.fault("in string escape code")),
        };
        self.at += 1;
        out.push(c);
        Ok(())
    }

    fn code_point(&mut self) -> Result<char, Fault> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) || !self.text[self.at..].starts_with("\\u") {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        self.at += 2;
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            self.at = before;
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let joined = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or_else(|| self.fault("in \\u hexadecimal character escape"))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.fault("in \\u hexadecimal character escape"))
    }
}
