//! What hcl-edit found wrong, in words that name the cause and the remedy.

use std::borrow::Cow;
use std::ops::Range;

use hcl_edit::parser::Error;

use super::recovery::{self, Opening, unclosed, value_after};
use crate::address::is_name_part;
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::source::Span;

/// The fault as a report. `place` says where a range of the text stands.
pub(super) fn explain(place: &dyn Fn(Range<usize>) -> Span, text: &str, error: &Error) -> Diagnostic {
    let offset = after_spaces(text, floor(text, error.location().offset()));
    let rest = &text[offset..];
    if let Some(opening) = unclosed(text).filter(|_| rest.trim().is_empty()) {
        let Opening { range, what } = opening;
        return Diagnostic::error(&codes::SYNTAX, format!("The text ends before this {what} is closed."))
            .at(place(range))
            .hint("Add what closes it, or look for one that is missing further in.");
    }
    let line_end = text[offset..].find('\n').map_or(text.len(), |length| offset + length);
    if let Some(quote) = recovery::open_quote(text, offset..line_end) {
        return open_quote(place(quote));
    }
    if is_open_heredoc(error) {
        return open_heredoc(text, offset, place);
    }
    if let Some(end) = recovery::open_dot(text, offset) {
        let detail = detail("expected identifier", &text[end.start..]);
        return Diagnostic::error(&codes::SYNTAX, detail).at(place(end));
    }
    if let Some(inner) = inside(place, text, offset, error) {
        return inner;
    }
    if let Some(mistake) = known_mistake(place, text, offset, error) {
        return mistake;
    }
    let report = Diagnostic::error(&codes::SYNTAX, detail(error.message(), rest)).at(place(token(text, offset)));
    match hint(rest, error.message()) {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

/// The report on a quoted text that goes on beyond its line.
pub(super) fn open_quote(quote: Span) -> Diagnostic {
    Diagnostic::error(&codes::SYNTAX, "This text is not closed on the line it begins on.")
        .at(quote)
        .hint("Close it with \", write the line break as \\n, or use a heredoc: <<EOT.")
}

/// Whether the fault is one of all that follows, so that nothing behind it can be judged.
pub(super) fn reaches_the_end(text: &str, error: &Error) -> bool {
    let rest = &text[floor(text, error.location().offset())..];
    let ends = rest.trim().is_empty() && unclosed(text).is_some();
    ends || is_open_heredoc(error) || error.message().contains("nesting depth")
}

/// Whether the parser refused the number of operators in a row.
pub(super) fn is_long_row(error: &Error) -> bool {
    error.message().contains("chained binary operators")
}

fn is_open_heredoc(error: &Error) -> bool {
    error.message().contains("heredoc end delimiter")
}

/// Mistakes that have a name.
fn known_mistake(place: &dyn Fn(Range<usize>) -> Span, text: &str, offset: usize, error: &Error) -> Option<Diagnostic> {
    let rest = &text[offset..];
    let report = |range: Range<usize>, detail: String| Diagnostic::error(&codes::SYNTAX, detail).at(place(range));
    let escape = ["escape sequence", "hex code"].iter().any(|label| error.message().contains(label));
    if let Some(begin) = text[..offset].rfind('\\').filter(|_| escape) {
        let end = text[begin + 1..].chars().next().map_or(0, char::len_utf8) + begin + 1;
        return Some(
            report(begin..end, "There is no such escape in a text.".to_owned())
                .hint("Known are \\n \\r \\t \\\" \\\\ \\uXXXX and \\UXXXXXXXX; write a backslash as \\\\."),
        );
    }
    if let Some(word) = rest.strip_prefix("%{") {
        return Some(directive(word).at(place(offset..offset + 2)));
    }
    if rest.starts_with("/*") {
        let found = report(offset..offset + 2, "This comment is not closed.".to_owned());
        return Some(found.hint("A comment that begins with /* ends with */."));
    }
    half_operator(text, offset).map(|range| {
        let sign = &text[range.clone()];
        let hint = format!("Write {sign}{sign}.");
        report(range, format!("There is no operator {sign}.")).hint(hint)
    })
}

/// The parser goes back to the name of a block's first argument when that may be the only one on the line. What is wrong lies
/// in its value, which is parsed alone.
fn inside(place: &dyn Fn(Range<usize>) -> Span, text: &str, offset: usize, error: &Error) -> Option<Diagnostic> {
    let value = value_after(text, offset).filter(|_| error.message().contains("block body"))?;
    let inner = &text[value.clone()];
    let error = hcl_edit::parser::parse_expr(inner).err()?;
    let within = |range: Range<usize>| place(range.start + value.start..range.end + value.start);
    Some(explain(&within, inner, &error))
}

/// A single `&` or `|`, which stands here or was passed over just before.
fn half_operator(text: &str, offset: usize) -> Option<Range<usize>> {
    let before = text[..offset].trim_end_matches([' ', '\t']).len();
    let single = |at: usize| {
        let sign = text.get(at..at + 1).filter(|sign| matches!(*sign, "&" | "|"))?;
        (!text[..at].ends_with(sign) && !text[at + 1..].starts_with(sign)).then_some(at..at + 1)
    };
    single(offset).or_else(|| single(before.checked_sub(1)?))
}

/// The digits of a number as a report shows them.
pub(super) fn shortened(digits: &str) -> Cow<'_, str> {
    match digits.get(..20) {
        Some(first) if digits.len() > 40 => format!("{first}…").into(),
        _ => digits.into(),
    }
}

/// A directive of a template that cannot be read; `rest` follows its `%{`.
fn directive(rest: &str) -> Diagnostic {
    let rest = rest.trim_start_matches('~').trim_start();
    let word = &rest[token(rest, 0)];
    let report = |detail: String| Diagnostic::error(&codes::SYNTAX, detail);
    match word {
        "if" | "for" => report(format!("This directive is not complete, or no %{{ end{word} }} closes it.")).hint(
            "Write %{ if condition }…%{ else }…%{ endif } or %{ for item in list }…%{ endfor }; %%{ stands for %{.",
        ),
        "else" | "endif" | "endfor" => report(format!("No directive is open here that %{{ {word} }} could belong to.")),
        _ => report(format!("There is no directive named \"{word}\"."))
            .hint("There are if, else, endif, for and endfor; %%{ stands for %{."),
    }
}

fn open_heredoc(text: &str, offset: usize, place: &dyn Fn(Range<usize>) -> Span) -> Diagnostic {
    let begin = text[..offset].rfind("<<").unwrap_or(offset);
    let opening = text[begin..].lines().next().unwrap_or("").trim_end();
    let word = opening.trim_start_matches(['<', '-']);
    Diagnostic::error(&codes::SYNTAX, format!("No line \"{word}\" ends this heredoc."))
        .at(place(begin..begin + opening.len()))
        .hint("The word that begins a heredoc stands alone on the line that ends it.")
}

/// What does not fit begins behind the spaces before it.
fn after_spaces(text: &str, offset: usize) -> usize {
    text.len() - text[offset..].trim_start_matches([' ', '\t']).len()
}

fn floor(text: &str, mut offset: usize) -> usize {
    offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The word or the single character at a place: what the report underlines.
fn token(text: &str, offset: usize) -> Range<usize> {
    let rest = &text[offset..];
    let word = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
    let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
    offset..offset + length
}

fn detail(message: &str, rest: &str) -> String {
    let word = &rest[token(rest, 0)];
    if message.contains("redefined attribute") {
        return format!("The argument \"{word}\" is already set in this block, and each argument is set once.");
    }
    if message.contains("redefined object key") {
        return "This key is already in the object, and each key stands once.".to_owned();
    }
    if message.contains("chained binary operators") {
        return "An expression holds at most 128 operators: name parts of it as local values.".to_owned();
    }
    if message.contains("nesting depth") {
        return "Blocks, brackets and templates are nested more than 64 levels deep.".to_owned();
    }
    let found = match word {
        "" => "The end of the text".to_owned(),
        "\n" | "\r" => "The end of the line".to_owned(),
        word => format!("\"{word}\""),
    };
    match message.split_once("expected ") {
        Some((_, expected)) => format!("{found} cannot stand here; what may stand here is {}.", expectation(expected)),
        None => format!("{found} cannot stand here."),
    }
}

/// What the parser expects, in the words of the language instead of the parser's.
fn expectation(expected: &str) -> String {
    if expected.contains("letter or digit") {
        return "a value: a text in double quotes, a number, true, false, null, a list, an object, a reference or a call"
            .to_owned();
    }
    let words = [
        ("heredoc end delimiter", "the line that ends the heredoc"),
        ("identifier", "a name"),
        ("newline", "the end of the line"),
        ("token", "an argument or a block"),
        ("eof", "the end of the file"),
        ("expression", "a value"),
    ];
    words.iter().fold(expected.to_owned(), |text, (parsers, ours)| text.replace(parsers, ours))
}

fn hint(rest: &str, message: &str) -> Option<&'static str> {
    match rest.chars().next()? {
        '\'' => Some("Texts are written in double quotes."),
        '“' | '”' | '‘' | '’' => Some("Use straight double quotes: \"…\"."),
        ';' => Some("Arguments are separated by line breaks."),
        ':' if message.contains('=') => Some("An argument is written name = value."),
        ',' if message.contains("structure") || message.contains("newline") => {
            Some("Arguments are separated by line breaks.")
        }
        '\n' | '\r' if message.contains("letter or digit") => {
            Some("A value begins and goes on on one line, or stands in parentheses.")
        }
        '\n' | '\r' if message.contains('{') => Some("An argument is written name = value, a block name { … }."),
        '"' if message.contains("identifier") => Some("The name of an argument stands without quotes: name = value."),
        _ if message.contains("block body") => {
            Some("A block on one line holds one argument at most; put each argument on a line of its own.")
        }
        _ => None,
    }
}
