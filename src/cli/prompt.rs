//! Reads expressions from a person at a terminal: with history, completion, and lines that go on while a bracket is open.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper};

use super::files;
use super::shell::environment;
use crate::diagnostic::{Diagnostic, codes};
use crate::syntax::format;

/// Expressions that are kept.
const HISTORY: usize = 1000;

/// A prompt at the terminal.
pub struct Prompt {
    editor: Editor<Words, DefaultHistory>,
    history: Option<PathBuf>,
}

impl Prompt {
    /// One that completes these words, in order.
    pub fn new(words: Vec<String>) -> Result<Self, Diagnostic> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .map(|config| config.history_ignore_space(true).auto_add_history(true).build())
            .map_err(|fault| no_terminal(&fault))?;
        let mut editor = Editor::with_config(config).map_err(|fault| no_terminal(&fault))?;
        editor.set_helper(Some(Words(words)));
        let history = history_file();
        if let Some(file) = &history {
            // There is none at first.
            let _ = editor.load_history(file);
        }
        Ok(Self { editor, history })
    }

    /// The next expression; `None` at the end. Ctrl-C gives up what was typed.
    pub fn read(&mut self) -> Result<Option<String>, Diagnostic> {
        loop {
            match self.editor.readline("> ") {
                Ok(line) => return Ok(Some(line)),
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(fault) => return Err(no_terminal(&fault)),
            }
        }
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        let Some(file) = &self.history else { return };
        // Expressions may hold what only their author should see, and a history that cannot be kept stops nothing.
        if file.parent().is_some_and(|directory| files::private_directory(directory).is_ok()) {
            let _ = self.editor.save_history(file);
        }
    }
}

/// `$XDG_STATE_HOME/cap/console_history`, below `~/.local/state` where that is not set.
fn history_file() -> Option<PathBuf> {
    let state = environment("XDG_STATE_HOME").filter(|path| path.starts_with('/')).map(PathBuf::from);
    let state = state.or_else(|| environment("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    state.map(|state| state.join("cap/console_history"))
}

fn no_terminal(fault: &ReadlineError) -> Diagnostic {
    Diagnostic::error(&codes::shell::UNREADABLE, format!("The terminal cannot be read: {fault}."))
        .hint("Pipe one expression in: echo 'length([1, 2])' | cap console")
}

/// What can be completed, in order.
struct Words(Vec<String>);

impl Words {
    /// Where the name that ends at `at` begins, and what it can become: names up to the next dot.
    fn complete(&self, line: &str, at: usize) -> (usize, Vec<String>) {
        let before = line.get(..at).unwrap_or("");
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let begin =
            before.rfind(|c| !part(c)).map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8));
        let word = &before[begin..];
        let first = self.0.partition_point(|one| one.as_str() < word);
        let mut found: Vec<String> = Vec::new();
        for one in self.0[first..].iter().take_while(|one| one.starts_with(word)) {
            let end = one[word.len()..].find('.').map_or(one.len(), |dot| word.len() + dot + 1);
            if found.last().is_none_or(|last| *last != one[..end]) {
                found.push(one[..end].to_owned());
            }
        }
        (begin, found)
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(Self::complete(self, line, at))
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = format::goes_on(context.input());
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_up_to_the_next_dot() {
        let words = ["local.a", "var.hosts", "var.host_key", "zone.a", "zone.a.apex", "zone.b"];
        let mut words = Words(words.map(str::to_owned).to_vec());
        words.0.sort_unstable();
        let check = |line: &str, begin: usize, expected: &[&str]| {
            let (at, found) = words.complete(line, line.len());
            assert_eq!(
                (at, found.iter().map(String::as_str).collect::<Vec<_>>()),
                (begin, expected.to_vec()),
                "{line}"
            );
        };
        check("v", 0, &["var."]);
        check("f(ä, var.ho", 6, &["var.host_key", "var.hosts"]);
        check("zone.", 0, &["zone.a", "zone.a.", "zone.b"]);
        check("nothing", 0, &[]);
    }
}
