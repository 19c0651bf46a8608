//! What hcl-edit found wrong, in words that name the cause and the remedy.

use std::ops::Range;

use hcl_edit::parser::Error;

use super::format::{Opening, quote_left_open, unclosed, value_after};
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::source::Span;

/// The fault as a report. `place` says where a range of the text stands.
pub(super) fn explain(place: &dyn Fn(Range<usize>) -> Span, text: &str, error: &Error) -> Diagnostic {
    let offset = floor(text, error.location().offset());
    let rest = &text[offset..];
    if let Some(opening) = unclosed(text).filter(|_| rest.trim().is_empty()) {
        let Opening { range, what } = opening;
        return Diagnostic::error(&codes::SYNTAX, format!("The text ends before this {what} is closed."))
            .at(place(range))
            .hint("Add what closes it, or look for one that is missing further in.");
    }
    if let Some(quote) = quote_left_open(text, offset) {
        return Diagnostic::error(&codes::SYNTAX, "This text is not closed on the line it begins on.")
            .at(place(quote))
            .hint("Close it with \", or write a text of several lines as a heredoc: <<EOT.");
    }
    if error.message().contains("heredoc end delimiter") {
        return open_heredoc(text, offset, place);
    }
    if let Some(inner) = inside(place, text, offset, error) {
        return inner;
    }
    if let Some(word) = rest.strip_prefix("%{") {
        return directive(word).at(place(offset..offset + 2));
    }
    let report = Diagnostic::error(&codes::SYNTAX, detail(error.message(), rest)).at(place(token(text, offset)));
    match hint(rest, error.message()) {
        Some(hint) => report.hint(hint),
        None => report,
    }
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
    let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
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
    if message.contains("nesting depth") {
        return "Blocks, brackets and templates are nested more than 64 levels deep.".to_owned();
    }
    let found = match word {
        "" => "the end of the text".to_owned(),
        "\n" | "\r" => "the end of the line".to_owned(),
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
        '\n' | '\r' if message.contains('{') => Some("An argument is written name = value, a block name { … }."),
        '"' if message.contains("identifier") => Some("The name of an argument stands without quotes: name = value."),
        _ if message.contains("block body") => {
            Some("A block on one line holds one argument at most; put each argument on a line of its own.")
        }
        _ => None,
    }
}
