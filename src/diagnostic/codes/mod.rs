//! Every code that a diagnostic can bear, one list an area. A code is never reused and its summary holds no user data.

pub mod apply;
pub mod language;
pub mod model;
pub mod plan;
pub mod shell;
pub mod store;

/// A stable code with its fixed summary and its page.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The number in `CAP0123`.
    pub number: u16,
    /// The fixed phrase shown as the head of the report.
    pub summary: &'static str,
    /// What it means, why it is a fault, and what to do: the page of `cap explain`.
    pub explain: &'static str,
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CAP{:04}", self.number)
    }
}

/// Declares the codes of one area and collects them in `ALL`.
macro_rules! codes {
    ($($(#[$doc:meta])* $number:literal $name:ident $summary:literal: $explain:literal;)*) => {
        $($(#[$doc])* #[doc = $summary] pub static $name: $crate::diagnostic::Code =
            $crate::diagnostic::Code { number: $number, summary: $summary, explain: $explain };)*
        /// All codes of this area.
        pub static ALL: &[&$crate::diagnostic::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

/// All codes of all areas.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [language::ALL, model::ALL, plan::ALL, store::ALL, apply::ALL, shell::ALL].into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_number_is_given_twice() {
        let mut numbers: Vec<u16> = super::all().map(|code| code.number).collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }
}
