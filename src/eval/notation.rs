//! Values in Terraform's notation, as its console shows them: `tolist([…])`, `{ "a" = 1 }`, heredocs for texts of
//! several lines. For people and tests; nothing reads it back. Secrets are named, never shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::quoted;
use super::types::Type;
use super::value::{SecretRef, Value};

/// The value as Terraform's console shows it.
pub fn notation(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, 0);
    out
}

/// A value of which some parts are known only after apply.
#[derive(Debug, Clone, PartialEq)]
pub enum Partial {
    /// All of it is known.
    Known(Value),
    /// Nothing of it is known.
    AfterApply,
    /// A tuple.
    Tuple(Vec<Partial>),
    /// An object.
    Object(BTreeMap<Arc<str>, Partial>),
}

/// The value as Terraform's console shows it, with `(known after apply)` for what is not known yet.
pub fn partial_notation(value: &Partial) -> String {
    let mut out = String::new();
    write_partial(&mut out, value, 0);
    out
}

fn write_partial(out: &mut String, value: &Partial, indent: usize) {
    match value {
        Partial::Known(value) => write_value(out, value, indent),
        Partial::AfterApply => out.push_str("(known after apply)"),
        Partial::Tuple(items) => write_items(out, ("[", "]"), items, indent, write_partial),
        Partial::Object(entries) => write_entries(out, ("{", "}"), entries, indent, write_partial),
    }
}

/// The type as Terraform's console shows it: `list(string)`, objects and tuples with a line for each part.
pub fn type_notation(ty: &Type) -> String {
    let mut out = String::new();
    write_type(&mut out, ty, 0);
    out
}

/// Columns of one level in the notation of types.
const TYPE_INDENT: usize = 4;

fn write_type(out: &mut String, ty: &Type, indent: usize) {
    let mut collection = |name: &str, element: &Type| {
        out.push_str(name);
        out.push('(');
        // What takes lines of its own begins on one.
        if matches!(element, Type::Tuple(_) | Type::Object(_)) {
            new_line(out, indent + TYPE_INDENT);
            write_type(out, element, indent + TYPE_INDENT);
            out.push(',');
            new_line(out, indent);
        } else {
            write_type(out, element, indent);
        }
        out.push(')');
    };
    match ty {
        Type::List(element) => collection("list", element),
        Type::Set(element) => collection("set", element),
        Type::Map(element) => collection("map", element),
        Type::Tuple(items) => {
            write_parts(out, ("tuple([", "])"), items.iter().map(|item| (String::new(), item)), indent);
        }
        Type::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| (format!("{name}: "), &field.ty));
            write_parts(out, ("object({", "})"), fields, indent);
        }
        Type::Any => out.push_str("dynamic"),
        other => out.push_str(&other.to_string()),
    }
}

fn write_parts<'t>(
    out: &mut String,
    brackets: (&str, &str),
    parts: impl Iterator<Item = (String, &'t Type)>,
    indent: usize,
) {
    out.push_str(brackets.0);
    let mut empty = true;
    for (name, ty) in parts {
        empty = false;
        new_line(out, indent + TYPE_INDENT);
        out.push_str(&name);
        write_type(out, ty, indent + TYPE_INDENT);
        out.push(',');
    }
    if !empty {
        new_line(out, indent);
    }
    out.push_str(brackets.1);
}

/// Nulls name their type, as far as it can be said in a call.
fn write_null(out: &mut String, ty: &Type) {
    // Writing to a string cannot fail.
    let _ = match ty {
        Type::Any => write!(out, "null"),
        Type::Bool | Type::Number | Type::String => write!(out, "to{ty}(null)"),
        Type::List(element) => write!(out, "tolist(null) /* of {} */", friendly(element)),
        Type::Set(element) => write!(out, "toset(null) /* of {} */", friendly(element)),
        Type::Map(element) => write!(out, "tomap(null) /* of {} */", friendly(element)),
        other => write!(out, "null /* {other} */"),
    };
}

/// The name of a type in a sentence, as Terraform has it.
fn friendly(ty: &Type) -> String {
    match ty {
        Type::Any => "dynamic".to_owned(),
        Type::List(element) => format!("list of {}", friendly(element)),
        Type::Set(element) => format!("set of {}", friendly(element)),
        Type::Map(element) => format!("map of {}", friendly(element)),
        other => other.to_string(),
    }
}

fn write_value(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null(ty) => write_null(out, ty),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) if text.contains('\n') => write_lines(out, text, indent),
        Value::String(text) => write_quoted(out, text),
        Value::List(_, items) => write_items(out, ("tolist([", "])"), items, indent, write_value),
        Value::Set(_, items) => write_items(out, ("toset([", "])"), items, indent, write_value),
        Value::Tuple(items) => write_items(out, ("[", "]"), items, indent, write_value),
        Value::Map(_, entries) => write_entries(out, ("tomap({", "})"), entries, indent, write_value),
        Value::Object(entries) => write_entries(out, ("{", "}"), entries, indent, write_value),
        Value::Ref(address) => out.push_str(&address.to_string()),
        Value::Secret(secret) => write_secret(out, secret),
    }
}

/// Writes one value from a column on.
type Write<T> = fn(&mut String, &T, usize);

fn write_items<T>(out: &mut String, brackets: (&str, &str), items: &[T], indent: usize, write: Write<T>) {
    out.push_str(brackets.0);
    for item in items {
        new_line(out, indent + 2);
        write(out, item, indent + 2);
        out.push(',');
    }
    if !items.is_empty() {
        new_line(out, indent);
    }
    out.push_str(brackets.1);
}

fn write_entries<T>(
    out: &mut String,
    brackets: (&str, &str),
    entries: &BTreeMap<Arc<str>, T>,
    indent: usize,
    write: Write<T>,
) {
    out.push_str(brackets.0);
    for (name, value) in entries {
        new_line(out, indent + 2);
        write_quoted(out, name);
        out.push_str(" = ");
        write(out, value, indent + 2);
    }
    if !entries.is_empty() {
        new_line(out, indent);
    }
    out.push_str(brackets.1);
}

fn new_line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A text of several lines as a heredoc, under a mark that is no line of it.
fn write_lines(out: &mut String, text: &str, indent: usize) {
    let mut mark = String::from("EOT");
    while text.lines().any(|line| line.trim() == mark) {
        mark.push('_');
    }
    out.push_str(if indent > 0 { "<<-" } else { "<<" });
    out.push_str(&mark);
    for line in text.split('\n') {
        new_line(out, indent);
        out.push_str(line);
    }
    new_line(out, indent);
    out.push_str(&mark);
}

fn write_quoted(out: &mut String, text: &str) {
    quoted::write_quoted(out, text, |out, c| {
        // Writing to a string cannot fail.
        let _ = match c {
            '\u{7}' => write!(out, "\\a"),
            '\u{b}' => write!(out, "\\v"),
            _ if c.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(c)),
            _ if is_unseen(c) => {
                write!(out, "\\u{:04x}", u32::from(c))
            }
            _ => return false,
        };
        true
    });
}

/// Whether nothing of the character is seen: controls, spaces other than the common one, marks of direction and joiners.
fn is_unseen(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    c.is_control() || (c.is_whitespace() && c != ' ') || invisible || c == '\u{feff}'
}

fn write_secret(out: &mut String, secret: &SecretRef) {
    let (function, arguments): (&str, Vec<&str>) = match secret {
        SecretRef::Env(name) => ("secret_env", vec![name]),
        SecretRef::File(path) => ("secret_file", vec![path]),
        SecretRef::Vault { path, field } => ("secret_vault", vec![path, field]),
        SecretRef::Variable(_) => return out.push_str("(sensitive value)"),
    };
    out.push_str(function);
    out.push('(');
    for (at, argument) in arguments.into_iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_quoted(out, argument);
    }
    out.push(')');
}
