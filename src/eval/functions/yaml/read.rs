//! YAML texts as values: one document; what plain scalars mean follows Terraform, which takes `yes` and `on` for true.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::super::Fault;
use super::super::support::{check_size, normalized};
use crate::eval::number::Number;
use crate::eval::value::Value;
use crate::limits;

/// The value of a YAML text: sequences become tuples, mappings objects.
pub(in super::super) fn from_yaml(text: &str) -> Result<Value, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), depth: 0, nodes: 0 };
    reader.document()
}

type Tagged<'a> = Option<Cow<'a, Tag>>;

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// What anchors stand for; nothing while the node is being read.
    anchors: HashMap<usize, Option<Value>>,
    depth: usize,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let at = error.marker();
                Err(Fault::call(format!("on line {}, column {}: {}", at.line(), at.col() + 1, error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Value, Fault> {
        let mut value = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ if value.is_some() => return Err(fault(span, "unexpected extra content after value")),
                event => value = Some(self.node(event, span)?),
            }
        }
        value.ok_or_else(|| Fault::call("on line 1, column 1: missing start of document"))
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Value, Fault> {
        self.nodes += 1;
        check_size(Some(self.nodes))?;
        match event {
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref(), span)?;
                Ok(self.anchored(anchor, value))
            }
            Event::SequenceStart(anchor, tag) => self.nested(anchor, &tag, span, "seq", Self::sequence),
            Event::MappingStart(anchor, tag) => self.nested(anchor, &tag, span, "map", Self::mapping),
            _ => Err(fault(span, "a value is expected")),
        }
    }

    fn nested(
        &mut self,
        anchor: usize,
        tag: &Tagged<'a>,
        span: Span,
        kind: &str,
        read: fn(&mut Self) -> Result<Value, Fault>,
    ) -> Result<Value, Fault> {
        if let Some(tag) = tag.as_deref().filter(|tag| core(tag) != Some(kind)) {
            return Err(unsupported(tag, span));
        }
        self.depth += 1;
        if self.depth > limits::NESTING {
            return Err(fault(span, "it is nested too deeply"));
        }
        self.anchors.insert(anchor, None);
        let value = read(self)?;
        self.depth -= 1;
        Ok(self.anchored(anchor, value))
    }

    /// Remembers what an anchor stands for. The parser numbers anchors from one; zero is none.
    fn anchored(&mut self, anchor: usize, value: Value) -> Value {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(value.clone()));
        }
        value
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Value, Fault> {
        match self.anchors.get(&anchor) {
            Some(Some(value)) => {
                // An alias of aliases grows without bound; what they stand for counts each time.
                let value = value.clone();
                self.nodes += size(&value);
                check_size(Some(self.nodes))?;
                Ok(value)
            }
            Some(None) => Err(fault(span, "cannot refer to an anchor from inside its own definition")),
            None => Err(fault(span, "reference to undefined anchor")),
        }
    }

    fn sequence(&mut self) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::tuple(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, Fault> {
        let (mut own, mut merged) = (BTreeMap::new(), BTreeMap::new());
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                merged.extend(own);
                return Ok(Value::Object(Arc::new(merged)));
            }
            let merges = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span)?;
            let (event, at) = self.next()?;
            let value = self.node(event, at)?;
            if merges {
                merge(&mut merged, &value, at)?;
            } else {
                own.insert(key_text(&key, span)?, value);
            }
        }
    }
}

fn fault(span: Span, what: &str) -> Fault {
    Fault::call(format!("on line {}, column {}: {what}", span.start.line(), span.start.col() + 1))
}

fn unsupported(tag: &Tag, span: Span) -> Fault {
    fault(span, &format!("unsupported tag \"{}{}\"", tag.handle, tag.suffix))
}

/// `<<`: the entries of a mapping, or of several of which the first wins.
fn merge(into: &mut BTreeMap<Arc<str>, Value>, value: &Value, span: Span) -> Result<(), Fault> {
    let sources = value.elements().unwrap_or(std::slice::from_ref(value));
    for source in sources {
        let entries = source.entries().ok_or_else(|| fault(span, "only mappings can be merged"))?;
        for (name, value) in entries {
            into.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    Ok(())
}

fn size(value: &Value) -> usize {
    let items = value.elements().map_or(0, |items| items.iter().map(size).sum());
    let entries = value.entries().map_or(0, |entries| entries.values().map(size).sum::<usize>());
    1 + items + entries
}

fn key_text(key: &Value, span: Span) -> Result<Arc<str>, Fault> {
    match key {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Bool(truth) => Ok(truth.to_string().into()),
        _ => Err(fault(span, "only strings are allowed as mapping keys")),
    }
}

/// The name of a tag of YAML's own: `str`, `int`, `map`.
fn core(tag: &Tag) -> Option<&str> {
    match tag.handle.as_str() {
        "tag:yaml.org,2002:" | "!!" => Some(&tag.suffix),
        "" => tag.suffix.strip_prefix("tag:yaml.org,2002:"),
        _ => None,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Value, Fault> {
    let string = || normalized(text.to_owned()).map(Value::string);
    let Some(tag) = tag else {
        let infinite =
            matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
        return match style {
            ScalarStyle::Plain if infinite => Err(fault(span, "no number is infinite or undefined here")),
            ScalarStyle::Plain => plain(text).map_or_else(string, Ok),
            _ => string(),
        };
    };
    // What is quoted is a text, whatever its tag says.
    if style != ScalarStyle::Plain && matches!(core(tag), Some("null" | "bool" | "int" | "float")) {
        return string();
    }
    let resolved = plain(text);
    let value = match core(tag) {
        Some("str" | "binary") => Some(string()?),
        Some("null") => Some(Value::NULL),
        Some("bool") => resolved.filter(|value| value.as_bool().is_some()),
        Some("int") => resolved.filter(|value| value.as_number().is_some_and(Number::is_integer)),
        Some("float") => resolved.filter(|value| value.as_number().is_some()),
        Some("timestamp") => timestamp(text),
        _ => return Err(unsupported(tag, span)),
    };
    value.ok_or_else(|| fault(span, &format!("cannot parse \"{text}\" as tag !!{}", core(tag).unwrap_or_default())))
}

/// What a text without quotes stands for, if not for itself.
fn plain(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::NULL),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Some(Value::Bool(false))
        }
        _ => number(text).or_else(|| timestamp(text)),
    }
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| digits.chars().all(|c| c.is_digit(radix))) {
            return i64::from_str_radix(digits, radix).ok().map(Value::number);
        }
    }
    if !unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // The language wants a digit before the point and none missing after it.
    let padded = if unsigned.starts_with('.') { format!("0{unsigned}") } else { unsigned.to_owned() };
    let padded = padded.strip_suffix('.').map_or(padded.clone(), str::to_owned);
    let number = Number::parse(&padded)?;
    Some(Value::Number(if negative { number.neg() } else { number }))
}

/// A day or an instant, in RFC 3339: `2026-1-2`, `2026-01-02T3:4:5Z`, or without a zone `2026-01-02 03:04:05`. Parts of
/// seconds are dropped.
fn timestamp(text: &str) -> Option<Value> {
    let (day, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((text.as_bytes()[at], &text[at + 1..]))),
        None => (text, None),
    };
    let day = padded(day, '-', &[4, 2, 2])?;
    let (time, zone) = match time {
        None => ("00:00:00".to_owned(), "Z"),
        Some((b' ', time)) => (clock(time)?, "Z"),
        Some((_, time)) => {
            let at = time.find(['Z', '+', '-'])?;
            (clock(&time[..at])?, &time[at..])
        }
    };
    let instant = format!("{day}T{time}{zone}");
    super::super::dates::parse(&instant).ok().map(|_| Value::string(instant))
}

/// Hours, minutes and seconds, without their fraction.
fn clock(time: &str) -> Option<String> {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    padded(whole, ':', &[2, 2, 2]).filter(|_| digits)
}

/// Numbers between separators, each with zeros before it up to its width; the first of a day has all its digits.
fn padded(text: &str, separator: char, widths: &[usize]) -> Option<String> {
    let parts: Vec<&str> = text.split(separator).collect();
    let fits = |(part, width): (&&str, &usize)| {
        let least = if *width == 4 { 4 } else { 1 };
        (least..=*width).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.len() != widths.len() || !parts.iter().zip(widths).all(fits) {
        return None;
    }
    let padded: Vec<String> = parts.iter().map(|part| format!("{part:0>2}")).collect();
    Some(padded.join(&separator.to_string()))
}
