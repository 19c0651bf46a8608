//! Functions of patterns, in the syntax of RE2 as in Terraform: what the `regex` crate reads differently is rewritten
//! first, so that `\d`, `\w`, `\s` and `\b` mean ASCII and brackets hold no set operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Captures, Regex, RegexBuilder};

use super::support::{Outcome, function, string, string_param, text};
use super::{CallContext, Fault, Function};
use crate::eval::types::Type;
use crate::eval::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "regex",
        &[string_param("pattern"), string_param("string")],
        "The first match of a pattern: a string, or a tuple of the groups, or an object of the named groups. \
         `regex(\"[a-z]+\", \"53453453.345345aaabbbccc23454\")` is `\"aaabbbccc\"`.",
        first,
    ),
    function(
        "regexall",
        &[string_param("pattern"), string_param("string")],
        "All matches of a pattern, each as `regex` gives it: `regexall(\"[a-z]+\", \"1234abcd5678efgh9\")` is \
         `[\"abcd\", \"efgh\"]`.",
        all,
    ),
    function(
        "replace",
        &[string_param("str"), string_param("substr"), string_param("replace")],
        "Replaces every occurrence; between slashes the second argument is a pattern and `$1` a group: \
         `replace(\"1 + 2 + 3\", \"+\", \"-\")` is `\"1 - 2 - 3\"`.",
        replace,
    ),
];

fn first(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let pattern = compile(text(args, 0)?, 0)?;
    check_groups(&pattern)?;
    match pattern.captures(text(args, 1)?) {
        Some(found) => shape(&pattern, &found),
        None => Err(Fault::call("pattern did not match any part of the given string")),
    }
}

fn all(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let pattern = compile(text(args, 0)?, 0)?;
    check_groups(&pattern)?;
    let found: Vec<Value> =
        pattern.captures_iter(text(args, 1)?).map(|found| shape(&pattern, &found)).collect::<Result<_, _>>()?;
    Ok(Value::list(shape_type(&pattern), found))
}

fn replace(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (text, what, with) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    match what.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(pattern) => string(compile(pattern, 1)?.replace_all(text, with)),
        None => string(text.replace(what, with)),
    }
}

fn compile(pattern: &str, argument: usize) -> Result<Regex, Fault> {
    let refuse = |why: String| Fault::at(argument, format!("invalid regexp pattern: {why}"));
    let translated = translate(pattern).map_err(refuse)?;
    RegexBuilder::new(&translated).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => refuse("it is too large".to_owned()),
        other => refuse(format!("{} in {pattern}", last_line(&other.to_string()))),
    })
}

/// The reason at the end of a report of the regex crate, whose other lines show the pattern.
fn last_line(report: &str) -> &str {
    report.lines().last().unwrap_or(report).trim_start_matches("error: ")
}

fn check_groups(pattern: &Regex) -> Result<(), Fault> {
    let named = pattern.capture_names().flatten().count();
    if named > 0 && named + 1 != pattern.captures_len() {
        return Err(Fault::at(0, "invalid regexp pattern: cannot mix both named and unnamed capture groups"));
    }
    Ok(())
}

/// A match as a value: a string without groups, else a tuple or an object.
fn shape(pattern: &Regex, found: &Captures<'_>) -> Outcome {
    let group = |at: usize| found.get(at).map_or(Ok(Value::Null(Type::String)), |group| string(group.as_str()));
    if pattern.captures_len() == 1 {
        return group(0);
    }
    if pattern.capture_names().flatten().next().is_none() {
        let groups: Result<Vec<Value>, Fault> = (1..pattern.captures_len()).map(group).collect();
        return groups.map(Value::tuple);
    }
    let names = pattern.capture_names().enumerate().filter_map(|(at, name)| Some((at, name?)));
    let groups: BTreeMap<Arc<str>, Value> =
        names.map(|(at, name)| Ok((Arc::from(name), group(at)?))).collect::<Result<_, Fault>>()?;
    Ok(Value::Object(Arc::new(groups)))
}

fn shape_type(pattern: &Regex) -> Type {
    if pattern.captures_len() == 1 {
        return Type::String;
    }
    if pattern.capture_names().flatten().next().is_none() {
        return Type::Tuple((1..pattern.captures_len()).map(|_| Type::String).collect());
    }
    Type::object(pattern.capture_names().flatten().map(|name| (Arc::from(name), Type::String)))
}

/// Rewrites a pattern from RE2's syntax into that of the regex crate, or says why RE2 refuses it.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    // The repetition that what comes now would repeat.
    let mut repeated = "";
    while let Some(c) = rest.chars().next() {
        let repetition = repetition(rest);
        if !repeated.is_empty() && repetition > 0 {
            return Err(format!("invalid nested repetition operator: {repeated}{}", &rest[..repetition]));
        }
        let taken = match c {
            _ if repetition > 0 => {
                out.push_str(&rest[..repetition]);
                repetition
            }
            '{' => {
                out.push_str("\\{");
                1
            }
            '\\' => escape(rest, false, &mut out)?,
            '[' => class(rest, &mut out)?,
            _ => {
                check_flags(rest)?;
                out.push(c);
                c.len_utf8()
            }
        };
        repeated = if repetition > 0 { &rest[..repetition] } else { "" };
        rest = &rest[taken..];
    }
    Ok(out)
}

/// How long the repetition at the start of `rest` is, with the sign that makes it lazy: `*`, `+?`, `{1,2}`; zero if none is.
fn repetition(rest: &str) -> usize {
    let length = match rest.as_bytes().first() {
        Some(b'*' | b'+' | b'?') => 1,
        Some(b'{') => counted(rest),
        _ => 0,
    };
    length + usize::from(length > 0 && rest[length..].starts_with('?'))
}

/// How long `{n}`, `{n,}` or `{n,m}` is; zero if the brace is a plain character.
fn counted(rest: &str) -> usize {
    let Some(end) = rest.find('}') else { return 0 };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let inner = &rest[1..end];
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    if !least.is_empty() && number(least) && number(most) { end + 1 } else { 0 }
}

/// Refuses flags that RE2 does not have: `(?x)`.
fn check_flags(rest: &str) -> Result<(), String> {
    let Some(inner) = rest.strip_prefix("(?") else { return Ok(()) };
    let end = inner.find(|c: char| !(c.is_ascii_alphabetic() || c == '-')).unwrap_or(inner.len());
    let closed = inner[end..].starts_with([':', ')']);
    match inner[..end].find(|c| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
        Some(at) if closed => Err(format!("invalid or unsupported Perl syntax: (?{}", &inner[..=at])),
        _ => Ok(()),
    }
}

/// Rewrites the escape at the start of `rest`; returns how much of it was read.
fn escape(rest: &str, in_class: bool, out: &mut String) -> Result<usize, String> {
    let Some(c) = rest[1..].chars().next() else {
        out.push('\\');
        return Ok(1);
    };
    let ascii = match c {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\f\\r ",
        'D' => "^0-9",
        'W' => "^0-9A-Za-z_",
        'S' => "^\\t\\n\\f\\r ",
        _ => "",
    };
    match c {
        'Q' if !in_class => return Ok(quoted(rest, out)),
        'u' | 'U' => return Err(format!("invalid escape sequence: \\{c}")),
        'p' | 'P' if rest[2..].starts_with("{^") => {
            out.extend(['\\', if c == 'p' { 'P' } else { 'p' }]);
            out.push_str(&rest[2..].replacen('^', "", 1)[..braces(&rest[2..]).saturating_sub(1)]);
            return Ok(2 + braces(&rest[2..]));
        }
        // Braces that belong to the escape are no repetition.
        'p' | 'P' | 'x' if rest[2..].starts_with('{') => {
            let length = 2 + braces(&rest[2..]);
            out.push_str(&rest[..length]);
            return Ok(length);
        }
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        '<' | '>' => out.push(c),
        _ if ascii.is_empty() => out.extend(['\\', c]),
        // A class of its own may stand inside another.
        _ => out.extend(["[", ascii, "]"]),
    }
    Ok(1 + c.len_utf8())
}

/// How long a text in braces is, or all there is of it.
fn braces(rest: &str) -> usize {
    rest.find('}').map_or(rest.len(), |end| end + 1)
}

/// `\Q…\E`: everything between is taken literally.
fn quoted(rest: &str, out: &mut String) -> usize {
    let inner = &rest[2..];
    let (literal, taken) = match inner.find("\\E") {
        Some(end) => (&inner[..end], 2 + end + 2),
        None => (inner, rest.len()),
    };
    out.push_str(&regex::escape(literal));
    taken
}

/// Rewrites the bracket at the start of `rest`; returns how much of it was read.
fn class(rest: &str, out: &mut String) -> Result<usize, String> {
    let mut at = 1;
    out.push('[');
    if rest[at..].starts_with('^') {
        out.push('^');
        at += 1;
    }
    let first = at;
    while let Some(c) = rest[at..].chars().next() {
        let after = &rest[at..];
        match c {
            '\\' => {
                at += escape(after, true, out)?;
                continue;
            }
            ']' if at > first => {
                out.push(']');
                return Ok(at + 1);
            }
            '[' if after.starts_with("[:") && after.contains(":]") => {
                let end = after.find(":]").unwrap_or(0) + 2;
                out.push_str(&after[..end]);
                at += end;
                continue;
            }
            // These begin a set operation or a nested class here, and are plain characters in RE2.
            '[' | ']' | '&' | '~' => out.extend(['\\', c]),
            '-' if at == first || rest[..at].ends_with('-') => out.push_str("\\-"),
            _ => out.push(c),
        }
        at += c.len_utf8();
    }
    Ok(at)
}
