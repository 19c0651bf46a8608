//! Judges a run: whether its assertions hold, and whether what was to fail did. Shows what the parts of a condition are, and
//! never what is sensitive.

use std::collections::BTreeSet;

use super::{Assert, Expected};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::eval::checks::truth;
use crate::eval::console::{Answer, Surroundings, ask_with};
use crate::eval::notation::notation;
use crate::eval::value::Value;
use crate::source::Sources;
use crate::syntax::ast::Expr;
use crate::syntax::references::traversals;

/// Characters of a value that a report shows.
const SHOWN: usize = 200;

/// What assertions are held against.
pub struct Bench<'b> {
    /// The module and the facts.
    pub around: Surroundings<'b>,
    /// `run`, `output` and `plan`.
    pub more: Vec<(&'static str, Value)>,
    /// Beginnings of references to what is shown only on request: `output.token`.
    pub sensitive: BTreeSet<String>,
    /// Texts of the run.
    pub sources: &'b Sources,
}

impl Bench<'_> {
    /// Reports of the assertions that do not hold.
    pub fn judge(&self, asserts: &[Assert]) -> Vec<Diagnostic> {
        asserts.iter().flat_map(|one| self.assert(one)).collect()
    }

    fn ask(&self, expr: &Expr) -> Result<Answer, Diagnostics> {
        ask_with(&self.around, &self.more, expr)
    }

    fn assert(&self, one: &Assert) -> Vec<Diagnostic> {
        let span = one.condition.span;
        let wrong = |detail: &str| vec![Diagnostic::error(&codes::language::CONDITION, detail).at(span)];
        match self.ask(&one.condition) {
            Ok(Answer::Known(value)) => match truth(&value) {
                Some(true) => Vec::new(),
                Some(false) => vec![self.failure(one)],
                None => wrong("A condition must be true or false."),
            },
            Ok(Answer::AfterApply) => wrong(
                "The condition reads what is known only after apply: let the run apply, or assert something else.",
            ),
            Err(faults) => faults.0,
        }
    }

    fn failure(&self, one: &Assert) -> Diagnostic {
        let message = match self.ask(&one.message) {
            Ok(Answer::Known(value)) => value.as_str().map(str::to_owned),
            _ => None,
        };
        let detail = message.unwrap_or_else(|| "The condition does not hold.".to_owned());
        let mut parts = Vec::new();
        traversals(&one.condition, &mut parts);
        let mut values: Vec<String> = parts.into_iter().filter_map(|part| self.shown(part)).collect();
        values.dedup();
        let detail = std::iter::once(detail).chain(values).collect::<Vec<_>>().join("\n");
        Diagnostic::error(&codes::shell::TEST_FAILED, detail).at(one.condition.span)
    }

    /// `output.x is "a"`.
    fn shown(&self, part: &Expr) -> Option<String> {
        let written = self.sources.snippet(part.span);
        let hidden = self.sensitive.iter().any(|name| {
            written.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        let value = match self.ask(part) {
            Ok(Answer::Known(value)) if hidden || value.has_secret() => "(sensitive value)".to_owned(),
            Ok(Answer::Known(value)) => shortened(&notation(&value)),
            _ => return None,
        };
        Some(format!("{written} is {value}"))
    }
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Takes the faults that were expected out of `found`, and adds one for each that did not come.
pub fn expected(wanted: &[Expected], found: Diagnostics) -> Diagnostics {
    let mut came = vec![false; wanted.len()];
    let mut left = Diagnostics::default();
    for one in found.0 {
        match wanted.iter().position(|expected| is_of(&one, &expected.object)) {
            Some(at) => came[at] = true,
            None => left.push(one),
        }
    }
    for (expected, _) in wanted.iter().zip(&came).filter(|(_, came)| !**came) {
        let detail = format!("{} was expected to report a failed condition, and did not.", expected.object);
        left.push(Diagnostic::error(&codes::shell::NOT_FAILED, detail).at(expected.span));
    }
    left
}

/// Whether it is a failed condition of this object, or of an instance of it.
fn is_of(one: &Diagnostic, object: &str) -> bool {
    let conditions = [
        &codes::language::VALIDATION,
        &codes::language::PRECONDITION,
        &codes::language::POSTCONDITION,
        &codes::language::OUTPUT_PRECONDITION,
        &codes::language::CHECK,
    ];
    let address = one.address.as_deref().unwrap_or_default();
    let of_object = address.strip_prefix(object).is_some_and(|rest| rest.is_empty() || rest.starts_with('['));
    of_object && conditions.iter().any(|code| code.number == one.code.number)
}
