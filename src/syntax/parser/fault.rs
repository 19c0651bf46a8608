//! What is wrong with a text, in words that name the cause and the remedy.

use std::ops::Range;

use super::{Failed, Parser};
use crate::diagnostic::{Diagnostic, codes::language as codes};

impl Parser<'_> {
    /// Notes a report.
    pub(super) fn note(&mut self, report: Diagnostic) -> Failed {
        self.diagnostics.push(report);
        Failed
    }

    /// Notes a fault in a range of the text.
    pub(super) fn fault(&mut self, range: Range<usize>, detail: String) -> Failed {
        let range = self.whole_characters(range);
        self.note(Diagnostic::error(&codes::SYNTAX, detail).at(self.place(range)))
    }

    pub(super) fn fault_with(&mut self, range: Range<usize>, detail: String, hint: &str) -> Failed {
        let range = self.whole_characters(range);
        self.note(Diagnostic::error(&codes::SYNTAX, detail).at(self.place(range)).hint(hint))
    }

    /// What stands here does not fit; `expected` says what does.
    pub(super) fn unexpected(&mut self, expected: &str) -> Failed {
        self.space();
        if self.is_line_end() && self.is_end() {
            if let Some(failed) = self.unclosed() {
                return failed;
            }
        } else if let Some(failed) = self.known_mistake() {
            return failed;
        }
        let range = self.token();
        let found = match &self.text[range.clone()] {
            "" => "The end of the text".to_owned(),
            "\n" => "The end of the line".to_owned(),
            word => format!("\"{word}\""),
        };
        let detail = format!("{found} cannot stand here; what may stand here is {expected}.");
        match hint(self.rest(), expected) {
            Some(hint) => self.fault_with(range, detail, hint),
            None => self.fault(range, detail),
        }
    }

    /// The text ends within a bracket.
    fn unclosed(&mut self) -> Option<Failed> {
        if std::mem::replace(&mut self.ended, true) {
            // Whoever holds the bracket around that one would only say it again.
            return Some(Failed);
        }
        let opening = *self.open.last()?;
        let length = if opening.what.starts_with("sequence") { 2 } else { 1 };
        let detail = format!("The text ends before this {} is closed.", opening.what);
        let hint = "Add what closes it, or look for one that is missing further in.";
        let range = opening.at..opening.at + length;
        Some(self.fault_with(range, detail, hint))
    }

    /// Mistakes that have a name.
    fn known_mistake(&mut self) -> Option<Failed> {
        let rest = self.rest();
        if rest.starts_with("/*") {
            let hint = "A comment that begins with /* ends with */.";
            return Some(self.fault_with(self.at..self.at + 2, "This comment is not closed.".to_owned(), hint));
        }
        let single = rest.starts_with(['&', '|']) && !rest.starts_with("&&") && !rest.starts_with("||");
        if single {
            let sign = &rest[..1];
            let detail = format!("There is no operator {sign}.");
            return Some(self.fault_with(self.at..self.at + 1, detail, &format!("Write {sign}{sign}.")));
        }
        None
    }

    /// The word or the single character that stands here: what a report underlines.
    fn token(&self) -> Range<usize> {
        let rest = self.rest();
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        self.at..self.at + length
    }

    fn whole_characters(&self, range: Range<usize>) -> Range<usize> {
        let mut end = range.end.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        range.start.min(end)..end
    }

    pub(super) fn bad_escape(&mut self) -> Failed {
        let detail = "There is no such escape in a text.".to_owned();
        let hint = "Known are \\n \\r \\t \\\" \\\\ \\uXXXX and \\UXXXXXXXX; write a backslash as \\\\.";
        self.fault_with(self.at..self.at + 2, detail, hint)
    }

    pub(super) fn unknown_directive(&mut self, begin: usize, word: &str) -> Failed {
        let detail = format!("There is no directive named \"{word}\".");
        let hint = "There are if, else, endif, for and endfor; %%{ stands for %{.";
        self.fault_with(begin..begin + 2, detail, hint)
    }

    pub(super) fn stray_directive(&mut self, at: usize, word: &str) -> Failed {
        self.fault(at..at + 2, format!("No directive is open here that %{{ {word} }} could belong to."))
    }

    /// A directive that nothing closes, or something that closes another.
    pub(super) fn unclosed_directive(&mut self, at: usize, word: &str, end: Option<(&str, usize)>) -> Failed {
        match end {
            Some((found, at)) => {
                let detail =
                    format!("%{{ {found} }} cannot stand here; what closes the directive is %{{ end{word} }}.");
                self.fault(at..at + 2, detail)
            }
            None => {
                let detail = format!("No %{{ end{word} }} closes this directive.");
                let hint = "Write %{ if condition }…%{ else }…%{ endif } or %{ for item in list }…%{ endfor }; %%{ stands for %{.";
                self.fault_with(at..at + 2, detail, hint)
            }
        }
    }

    pub(super) fn open_heredoc(&mut self, begin: usize, mark: &str) -> Failed {
        self.ended = true;
        let opening = self.text[begin..].lines().next().unwrap_or("").trim_end().len();
        let detail = format!("No line \"{mark}\" ends this heredoc.");
        let hint = "The word that begins a heredoc stands alone on the line that ends it.";
        self.fault_with(begin..begin + opening, detail, hint)
    }
}

fn hint(rest: &str, expected: &str) -> Option<&'static str> {
    match rest.chars().next()? {
        '\'' => Some("Texts are written in double quotes."),
        '“' | '”' | '‘' | '’' => Some("Use straight double quotes: \"…\"."),
        ';' => Some("Arguments are separated by line breaks."),
        ':' if expected.contains("`{`") => Some("An argument is written name = value."),
        ',' if expected.contains("line") => Some("Arguments are separated by line breaks."),
        '\n' if expected.contains("`{`") => Some("An argument is written name = value, a block name { … }."),
        '\n' if expected.starts_with("a value") => {
            Some("A value begins and goes on on one line, or stands in parentheses.")
        }
        '"' if expected.contains("argument") => Some("The name of an argument stands without quotes: name = value."),
        _ if expected.contains("one line") => {
            Some("A block on one line holds one argument at most; put each argument on a line of its own.")
        }
        _ => None,
    }
}
