//! What every command prints to and reads from: streams, colours, the environment. And how a command fails.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;

use super::args::WarningArgs;
use super::terminal::{Answer, Question};
use super::view::style::Style;
use super::view::{stream, warnings};
use super::wiring::clock::SystemClock;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, codes};
use crate::ports::PortError;
use crate::ports::clock::Clock as _;
use crate::source::Sources;
use crate::time::Timestamp;

/// The surroundings of one command.
pub struct Shell {
    /// Where answers go.
    pub out: Box<dyn Write + Send>,
    /// Where reports go.
    pub err: Box<dyn Write + Send>,
    /// Colours of answers.
    pub style: Style,
    /// Whether reports have colours: they may go elsewhere.
    pub colours: bool,
    /// Whether a person watches, so that progress may be drawn over itself.
    pub terminal: bool,
    /// Whether programs read what is said: reports are JSON lines among the answers then.
    pub json: bool,
    /// How warnings are shown to people.
    pub warnings: WarningArgs,
    /// Where programs read the same, while people read the answers.
    pub record: Option<Arc<File>>,
}

/// Exit code of success.
pub const OK: u8 = 0;
/// Exit code of any error.
pub const ERROR: u8 = 1;
/// Exit code of `-detailed-exitcode` when there are changes.
pub const CHANGES: u8 = 2;
/// Likewise, of the extended set, when there is drift and nothing else.
pub const DRIFT: u8 = 4;
/// Exit code of `fmt` for a file that cannot be formatted, as in Terraform.
pub const FAULTY: u8 = 2;
/// Exit code of `fmt -check` where a file is not formatted.
pub const UNFORMATTED: u8 = 3;
/// Exit code of `docs -check` where the file is not up to date, as that of `fmt -check`.
pub const OUTDATED: u8 = 3;

impl Shell {
    /// The process's own streams.
    pub fn process(no_color: bool) -> Self {
        let dumb = environment("TERM").as_deref() == Some("dumb");
        let plain = no_color || dumb || environment("NO_COLOR").is_some_and(|value| !value.is_empty());
        let terminal = std::io::stdout().is_terminal();
        Self {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            style: Style::new(terminal && !plain),
            colours: std::io::stderr().is_terminal() && !plain,
            terminal: terminal && !dumb,
            json: false,
            warnings: WarningArgs::default(),
            record: None,
        }
    }

    /// Prints an answer. A reader that went away ends the program quietly, as with any other tool in a pipe; where the answer
    /// is lost for another reason, it is said.
    pub fn print(&mut self, text: &str) {
        let Err(fault) = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) else { return };
        if fault.kind() != ErrorKind::BrokenPipe {
            let report =
                Diagnostic::error(&codes::shell::UNWRITABLE, format!("Standard output cannot be written: {fault}."));
            let report = report.hint("Free some space where it goes, or let it go elsewhere.");
            let text = warnings::reports(&report.into(), &Sources::default(), self.colours, self.warnings);
            let _ = self.err.write_all(text.as_bytes());
        }
        std::process::exit(i32::from(ERROR));
    }

    /// Prints a line of an answer.
    pub fn line(&mut self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Prints a line unless programs read it.
    pub fn line_for_people(&mut self, text: &str) {
        if !self.json {
            self.line(text);
        }
    }

    /// Speaks to programs from now on.
    pub fn stream(&mut self) {
        self.json = true;
        self.begin();
    }

    /// Speaks to programs in a file, beside what it says to people.
    pub fn stream_into(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let file = File::create(path).map_err(|fault| {
            let detail = format!("{} cannot be written: {fault}.", path.display());
            Diagnostic::error(&codes::shell::UNWRITABLE, detail).hint("Name a file that can be written.")
        })?;
        self.record = Some(Arc::new(file));
        self.begin();
        Ok(())
    }

    fn begin(&mut self) {
        self.tell(|now| vec![stream::version(now, env!("CARGO_PKG_VERSION"))]);
    }

    /// Tells programs, where any read what is said.
    pub fn tell(&mut self, lines: impl FnOnce(Timestamp) -> Vec<String>) {
        if !self.json && self.record.is_none() {
            return;
        }
        let text: String = lines(SystemClock.now()).iter().map(|line| format!("{line}\n")).collect();
        match &self.record {
            // What people read goes on without it.
            Some(file) => drop((&**file).write_all(text.as_bytes())),
            None => self.print(&text),
        }
    }

    /// Prints a report. Nothing can be done when that fails.
    pub fn report(&mut self, diagnostics: &Diagnostics, sources: &Sources) {
        self.tell(|now| stream::diagnostics(diagnostics, sources, now));
        if self.json {
            return;
        }
        let text = warnings::reports(diagnostics, sources, self.colours, self.warnings);
        let _ = self.err.write_all(text.as_bytes());
    }

    /// Reports why a command failed, and gives its exit code.
    pub fn fail(&mut self, failure: &Failure) -> u8 {
        self.report(&failure.diagnostics, &failure.sources);
        ERROR
    }

    /// Asks for a line on the terminal; what is typed is not shown when it is `hidden`.
    pub async fn ask(&mut self, question: &str, hidden: bool) -> Answer {
        let Some(asked) = Question::begin(hidden) else { return Answer::Nobody };
        self.print(question);
        let answer = asked.answer().await;
        if hidden || answer == Answer::Interrupted {
            self.line("");
        }
        answer
    }

    /// Asks for `yes`. Any other answer, an interrupt, and nobody to ask, is a refusal.
    pub async fn confirm(&mut self, question: &str) -> Result<(), Diagnostic> {
        let refused = |detail: &str| Diagnostic::error(&codes::shell::NOT_CONFIRMED, detail);
        match self.ask(question, false).await {
            Answer::Line(line) if line == "yes" => Ok(()),
            Answer::Line(_) => Err(refused("The answer was not yes, so nothing was done.")),
            Answer::Interrupted => Err(refused("The question was interrupted, so nothing was done.")),
            Answer::Nobody => Err(refused("There is no terminal to ask on, so nothing was done.")
                .hint("Pass -auto-approve (force-unlock: -force) where nobody can answer.")),
        }
    }
}

/// A variable of the environment, if it is UTF-8.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Why a command failed: reports, and the texts they point into.
#[derive(Debug, Default)]
pub struct Failure {
    /// The reports.
    pub diagnostics: Diagnostics,
    /// The texts.
    pub sources: Sources,
}

impl From<Diagnostic> for Failure {
    fn from(one: Diagnostic) -> Self {
        Self { diagnostics: one.into(), sources: Sources::default() }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, sources: Sources::default() }
    }
}

/// What a command returns: its exit code.
pub type Outcome = Result<u8, Failure>;

/// What a store answered, or its failure as a report.
pub fn stored<T>(answer: Result<T, PortError>) -> Result<T, Diagnostic> {
    answer.map_err(|error| port(&codes::store::STORE_FAILED, &error))
}

/// An adapter's error as a report under a code.
pub fn port(code: &'static Code, error: &PortError) -> Diagnostic {
    let fault = Diagnostic::error(code, &error.message);
    match &error.remedy {
        Some(remedy) => fault.hint(remedy),
        None => fault,
    }
}
