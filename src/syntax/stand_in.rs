//! What stands in for the parts of a text that the parser does not take, byte for byte: numbers that no binary floating
//! point holds, heredocs of no lines, and lines of a heredoc that begin with its mark and go on. The tree has the shape of
//! the text all the same, and what is in these parts is read from the text.

use std::borrow::Cow;
use std::ops::Range;

use super::lexer::{Kind, Lexer, sequences};
use crate::address::is_name_part;
use crate::limits;

/// Digits of a number that may be too large.
const DIGITS: usize = 300;

/// A part of the text and what stands in for it, of the same length.
type Change = (Range<usize>, String);

/// The text as the parser takes it.
pub(super) fn stand_in(text: &str) -> Cow<'_, str> {
    if !text.contains("<<") && !has_large_number(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut changes = Vec::new();
    collect(text, 0, 0, &mut changes);
    if changes.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = text.to_owned();
    changes.into_iter().for_each(|(range, instead)| out.replace_range(range, &instead));
    Cow::Owned(out)
}

/// Whether there may be a number with an exponent, or a long one.
fn has_large_number(bytes: &[u8]) -> bool {
    let mut run = 0;
    bytes.iter().any(|byte| {
        if byte.is_ascii_digit() {
            run += 1;
            return run > DIGITS;
        }
        std::mem::take(&mut run) > 0 && matches!(byte, b'e' | b'E')
    })
}

/// The changes of a text that begins at `base`.
fn collect(text: &str, base: usize, depth: usize, changes: &mut Vec<Change>) {
    if depth > limits::NESTING {
        return;
    }
    for token in Lexer::new(text) {
        let part = &text[token.range.clone()];
        let at = base + token.range.start;
        match token.kind {
            Kind::Number if part.parse().is_ok_and(f64::is_infinite) => {
                changes.push((at..at + part.len(), "0".repeat(part.len())));
            }
            Kind::Quoted | Kind::Heredoc => {
                let inner = if part.contains("${") || part.contains("%{") { sequences(part) } else { Vec::new() };
                if token.kind == Kind::Heredoc && heredoc(part, at, &inner, changes) {
                    continue;
                }
                inner.into_iter().for_each(|inner| collect(&part[inner.clone()], at + inner.start, depth + 1, changes));
            }
            _ => {}
        }
    }
}

/// The changes of a heredoc that begins at `at`, beside those in its sequences. Says whether it is gone as a whole.
fn heredoc(text: &str, at: usize, sequences: &[Range<usize>], changes: &mut Vec<Change>) -> bool {
    let opening = text.find('\n').map_or(text.len(), |end| end + 1);
    let closing = text.rfind('\n').map_or(text.len(), |end| end + 1);
    if opening == closing {
        changes.push((at..at + text.len(), format!("{:width$}", "\"\"", width = text.len())));
        return true;
    }
    let mark = text[closing..].trim();
    let filler = if mark.starts_with('x') { "y" } else { "x" }.repeat(mark.len());
    let mut begin = opening;
    for line in text[opening..closing].split_inclusive('\n') {
        let rest = line.trim_start();
        let word = begin + line.len() - rest.len();
        let goes_on = rest.strip_prefix(mark).is_some_and(|rest| !rest.starts_with(is_name_part));
        if goes_on && !sequences.iter().any(|inner| inner.contains(&word)) {
            changes.push((at + word..at + word + mark.len(), filler.clone()));
        }
        begin += line.len();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_but_those_at_fault_stays_where_it_is() {
        for (text, expected) in [
            ("a = 1e300 + 1e400", "a = 1e300 + 00000"),
            ("a = \"1e400 ${1e+400} $${1e400}\"", "a = \"1e400 ${000000} $${1e400}\""),
            ("a = <<E\nE\nb = 1", "a = \"\"   \nb = 1"),
            ("a = <<-E\n\t E\n", "a = \"\"      \n"),
            ("a = <<E\nE x\n EE\n  E.\n${1e400}\nE\n", "a = <<E\nx x\n EE\n  x.\n${00000}\nE\n"),
            ("a = <<é\né x\né\n", "a = <<é\nxx x\né\n"),
            ("a = <<E\n${[\nE ]}\nE\n", "a = <<E\n${[\nE ]}\nE\n"),
        ] {
            assert_eq!(stand_in(text), expected);
        }
        let long = format!("a = {}", "9".repeat(400));
        assert_eq!(stand_in(&long), format!("a = {}", "0".repeat(400)));
    }
}
