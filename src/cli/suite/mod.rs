//! `cap test`: what `*.captest.hcl` and `*.captest.json` files say, and playing it on a stage of fakes. Touches nothing outside and keeps nothing.

pub mod judge;
pub mod play;
pub mod read;

use crate::cli::args::PlanningArgs;
use crate::diagnostic::Diagnostics;
use crate::source::{Sources, Span};
use crate::syntax::ast::{Attribute, Expr};
use crate::time::{Duration, Timestamp};

/// A test file.
pub struct TestFile {
    /// Variables of all runs.
    pub variables: Vec<Attribute>,
    /// When its first run takes place.
    pub clock: Timestamp,
    /// Its runs, in order.
    pub runs: Vec<Run>,
}

/// A `run` block.
pub struct Run {
    /// Its label.
    pub name: String,
    /// Its head.
    pub span: Span,
    /// Whether it applies, or only plans.
    pub applies: bool,
    /// Variables of this run: they win over those of the file.
    pub variables: Vec<Attribute>,
    /// Directory of the module it tests instead of the one beside the file.
    pub module: Option<String>,
    /// When it takes place; when the run before it did, if it does not say.
    pub time: Option<Moment>,
    /// How it plans.
    pub planning: PlanningArgs,
    /// What must hold.
    pub asserts: Vec<Assert>,
    /// What must fail.
    pub expected: Vec<Expected>,
}

/// When a run takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// At this time.
    At(Timestamp),
    /// This long after the run before it.
    After(Duration),
}

/// An `assert` block.
pub struct Assert {
    /// What must hold.
    pub condition: Expr,
    /// What is said when it does not.
    pub message: Expr,
}

/// An element of `expect_failures`.
pub struct Expected {
    /// `var.days`, `certificate.www`, `output.x`, `check.c`.
    pub object: String,
    /// Where it stands.
    pub span: Span,
}

/// What came of a run or of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All that was to hold does.
    Pass,
    /// An assertion does not hold, or what was to fail did not.
    Fail,
    /// It could not be carried out.
    Error,
    /// It was not begun, since one before it could not be carried out.
    Skip,
}

impl Verdict {
    /// Terraform's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skip => "skip",
        }
    }
}

/// A run that is over.
pub struct Played {
    /// Its name.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What was reported, but for what was expected.
    pub diagnostics: Diagnostics,
    /// The texts that the reports point into.
    pub sources: Sources,
    /// The plan, and the outputs after an apply, for people.
    pub shown: String,
    /// How long it took.
    pub took: std::time::Duration,
}

/// A file that is over.
pub struct PlayedFile {
    /// Its path.
    pub name: String,
    /// What could not be read of it: then it has no runs.
    pub unread: Option<(Diagnostics, Sources)>,
    /// Its runs.
    pub runs: Vec<Played>,
}

impl PlayedFile {
    /// The worst that came of it.
    pub fn verdict(&self) -> Verdict {
        let has = |wanted| self.runs.iter().any(|run| run.verdict == wanted);
        match () {
            () if self.unread.is_some() || has(Verdict::Error) => Verdict::Error,
            () if has(Verdict::Fail) => Verdict::Fail,
            () => Verdict::Pass,
        }
    }
}
