//! Every code that a diagnostic can bear, one list an area: the catalogue of diagnostics. Each definition holds the whole
//! page of its code, and a test plays each example. A code is never reused and its summary holds no user data.

pub mod apply;
pub mod language;
pub mod model;
pub mod page;
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
    /// What it means, and why it is a fault.
    pub explain: &'static str,
    /// How it comes about.
    pub example: Example,
    /// What to do.
    pub remedy: &'static str,
}

/// How a fault comes about.
#[derive(Debug, PartialEq, Eq)]
pub enum Example {
    /// A script that ends in the fault, and what is to be played instead of it.
    Script {
        /// Files and commands; see [`page::script`]. The last command reports the code.
        fails: &'static str,
        /// The same without the fault. Where it has no `main.cap.hcl` of its own, it begins with the files of `fails`.
        mended: &'static str,
    },
    /// In words: it takes a store, a network or another program that a script does not have.
    Story(&'static str),
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CAP{:04}", self.number)
    }
}

/// The codes of one area.
#[derive(Debug)]
pub struct Area {
    /// What they are about.
    pub title: &'static str,
    /// The codes, as they are defined.
    pub codes: &'static [&'static Code],
}

impl Area {
    /// The codes by their numbers.
    pub fn in_order(&self) -> Vec<&'static Code> {
        let mut codes = self.codes.to_vec();
        codes.sort_by_key(|code| code.number);
        codes
    }
}

/// Declares the codes of one area and collects them in a list of that name. A code is written
///
/// ```text
/// 101 SYNTAX "Invalid syntax": "what it means, and why it is a fault";
///     fails "a script" remedy "what to do" mended "the script without the fault";
/// 601 JOB_FAILED "Job failed": "what it means";
///     happens "how it comes about, where no script can show it" remedy "what to do";
/// ```
macro_rules! codes {
    ($area:ident $title:literal; $($number:literal $name:ident $summary:literal: $explain:literal;
        $kind:ident $example:literal remedy $remedy:literal $(mended $mended:literal)?;)*) => {
        $(#[doc = $summary] pub static $name: $crate::diagnostic::Code = $crate::diagnostic::Code {
            number: $number,
            summary: $summary,
            explain: $explain,
            example: $crate::diagnostic::codes::codes!(@$kind $example $(, $mended)?),
            remedy: $remedy,
        };)*
        #[doc = $title]
        pub static $area: $crate::diagnostic::codes::Area =
            $crate::diagnostic::codes::Area { title: $title, codes: &[$(&$name),*] };
    };
    (@fails $fails:literal, $mended:literal) => {
        $crate::diagnostic::codes::Example::Script { fails: $fails, mended: $mended }
    };
    (@happens $story:literal) => { $crate::diagnostic::codes::Example::Story($story) };
}
pub(crate) use codes;

/// All areas.
pub fn areas() -> impl Iterator<Item = &'static Area> {
    let areas: [&'static Area; 9] = [
        &language::BLOCKS,
        &language::EXPRESSIONS,
        &language::VALUES,
        &language::META,
        &model::AREA,
        &plan::AREA,
        &store::AREA,
        &apply::AREA,
        &shell::AREA,
    ];
    areas.into_iter()
}

/// All codes of all areas, by their numbers.
pub fn all() -> impl Iterator<Item = &'static Code> {
    areas().flat_map(Area::in_order)
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_listed_by_number_and_no_number_is_given_twice() {
        let numbers: Vec<u16> = super::all().map(|code| code.number).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    }
}
