//! The outcome of evaluating an expression: a value, or every fault that kept it from being one.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;

/// Why there is no value. Empty when the cause was already reported where it lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Facts are needed that only the store knows. Not a fault by itself: an output becomes a residual.
    pub needs_facts: bool,
    /// A reference leads to nothing that is declared: neither `try` nor a condition stands before that.
    pub undeclared: bool,
}

/// A value, or why there is none.
pub type Evaluated<T = super::value::Value> = Result<T, Box<Faults>>;

impl Faults {
    /// The cause was reported before.
    pub fn reported() -> Box<Self> {
        Box::default()
    }

    /// Facts are needed.
    pub fn needs_facts() -> Box<Self> {
        Box::new(Self { needs_facts: true, ..Self::default() })
    }

    /// Joins what went wrong in two parts.
    pub fn join(&mut self, other: Self) {
        self.diagnostics.extend(other.diagnostics);
        self.needs_facts |= other.needs_facts;
        self.undeclared |= other.undeclared;
    }

    /// The same as faults of references that lead to nothing declared, where they are not reported yet.
    pub(super) fn of_references(mut self: Box<Self>) -> Box<Self> {
        self.undeclared |= !self.diagnostics.is_empty();
        self
    }
}

impl From<Diagnostic> for Box<Faults> {
    fn from(one: Diagnostic) -> Self {
        Self::new(Faults { diagnostics: vec![one], ..Faults::default() })
    }
}

impl From<Diagnostics> for Box<Faults> {
    fn from(all: Diagnostics) -> Self {
        Self::new(Faults { diagnostics: all.0, ..Faults::default() })
    }
}

/// One fault.
pub(super) fn fault<T>(code: &'static Code, span: Span, detail: impl Into<String>) -> Evaluated<T> {
    Err(Diagnostic::error(code, detail).at(span).into())
}

/// One fault with a remedy.
pub(super) fn fault_with<T>(
    code: &'static Code,
    span: Span,
    detail: impl Into<String>,
    hint: Option<String>,
) -> Evaluated<T> {
    let mut one = Diagnostic::error(code, detail).at(span);
    one.hint = hint;
    Err(one.into())
}

/// `Did you mean "name"?`, if one is close.
pub(super) fn did_you_mean<'a>(wrote: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    crate::diagnostic::did_you_mean(wrote, known).map(|name| format!("Did you mean \"{name}\"?"))
}

/// A noun with its article.
pub(super) fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// The same at the beginning of a sentence.
pub(super) fn an(noun: &str) -> String {
    let text = a(noun);
    format!("A{}", &text[1..])
}

/// Collects the values of parts of which each may fail, and all faults.
#[derive(Default)]
pub(super) struct Gather {
    faults: Option<Box<Faults>>,
}

impl Gather {
    /// The value, or its faults are kept.
    pub(super) fn take<T>(&mut self, result: Evaluated<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(faults) => {
                match &mut self.faults {
                    Some(all) => all.join(*faults),
                    none => *none = Some(faults),
                }
                None
            }
        }
    }

    /// All faults, if there was one.
    pub(super) fn done(self) -> Evaluated<()> {
        self.faults.map_or(Ok(()), Err)
    }
}
