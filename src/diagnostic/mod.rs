//! What is wrong, where, why and what to do. Pure functions return a value and diagnostics; nobody prints here.

pub mod codes;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use codes::Code;

use crate::source::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The operation cannot go on.
    Error,
    /// The operation goes on; the user should know.
    Warning,
}

/// One fault: a code with a fixed summary, and a detail that says what, why and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code with its fixed summary; see [`codes`].
    pub code: &'static Code,
    /// Error or warning.
    pub severity: Severity,
    /// What, why and how to fix it, with the user's names.
    pub detail: String,
    /// The subject.
    pub span: Option<Span>,
    /// Other places that take part, each with a short label.
    pub related: Vec<(Span, String)>,
    /// A remedy in one line: did-you-mean, a command, an attribute to set.
    pub hint: Option<String>,
    /// The resource it is about, when the place alone does not say (an instance of `for_each`).
    pub address: Option<String>,
    /// What stands behind the expression at fault.
    pub explained: Option<Box<Explained>>,
}

/// What stands behind an expression at fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explained {
    /// What its parts hold. Nothing secret is among them.
    pub holdings: Vec<Holding>,
    /// The function that it calls.
    pub called: Option<String>,
}

/// What a part of an expression holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The part, as it is written: `var.hosts`.
    pub traversal: String,
    /// What it is: `is map of string with 2 elements`.
    pub statement: String,
}

impl Diagnostic {
    /// An error: its code, and what, why and how to fix it with the user's names.
    pub fn error(code: &'static Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            detail: detail.into(),
            span: None,
            related: Vec::new(),
            hint: None,
            address: None,
            explained: None,
        }
    }

    /// A warning, likewise.
    pub fn warning(code: &'static Code, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, detail) }
    }

    /// The fixed phrase, so that people and tools can search for it.
    pub fn summary(&self) -> &'static str {
        self.code.summary
    }

    /// Sets the subject.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Adds another place that takes part.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// Sets the remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the resource it is about.
    #[must_use]
    pub fn about(mut self, address: impl std::fmt::Display) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// Says what parts of the expression at fault hold.
    #[must_use]
    pub fn explained(mut self, holdings: Vec<Holding>) -> Self {
        self.explained = Some(Box::new(Explained { holdings, called: None }));
        self
    }

    /// Whether the operation cannot go on.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// All faults found by one pass, in the order they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds those of another pass.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// Keeps the value of a fallible step, or notes its fault.
    pub fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.push(fault);
                None
            }
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

/// The closest of `known` to what the user wrote, if any is close enough to be meant.
pub fn did_you_mean<'a>(wrote: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wrote.chars().count();
    // Of one letter anything could be meant.
    let allowed = if length < 2 { 0 } else { (length / 3).max(1) };
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrote, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_could_be_meant() {
        assert_eq!(did_you_mean("isuer", ["issuer", "sans"]), Some("issuer"));
        assert_eq!(did_you_mean("zebra", ["issuer", "sans"]), None);
    }
}
