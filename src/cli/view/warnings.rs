//! Reports for people, with warnings told as shortly as was asked for: one of each kind, or only what they are and where.

use std::collections::HashMap;

use super::diagnostic;
use crate::cli::args::WarningArgs;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Sources;

/// All reports, one after another.
pub fn reports(diagnostics: &Diagnostics, sources: &Sources, colours: bool, how: WarningArgs) -> String {
    if how.compact_warnings && !diagnostics.is_empty() && !diagnostics.has_errors() {
        return compact(diagnostics, sources);
    }
    if !how.consolidate_warnings {
        return diagnostic::human(diagnostics, sources, colours);
    }
    let mut kept: Vec<Diagnostic> = Vec::new();
    for (one, more) in kinds(diagnostics) {
        let mut one = one.clone();
        match more {
            0 => {}
            1 => one.detail.push_str("\n(and one more similar warning elsewhere)"),
            more => one.detail.push_str(&format!("\n(and {more} more similar warnings elsewhere)")),
        }
        kept.push(one);
    }
    diagnostic::human(&Diagnostics(kept), sources, colours)
}

/// The first report of each kind, and how many more there are. Errors are all of a kind of their own, and so are warnings in
/// words of the user, or without a place: of these each says something else.
fn kinds(diagnostics: &Diagnostics) -> Vec<(&Diagnostic, usize)> {
    let mut found: Vec<(&Diagnostic, usize)> = Vec::new();
    let mut first: HashMap<u16, usize> = HashMap::new();
    for one in diagnostics.iter() {
        let own = one.is_error() || one.span.is_none() || *one.code == codes::language::CHECK;
        match first.get(&one.code.number).filter(|_| !own) {
            Some(at) => found[*at].1 += 1,
            None => {
                if !own {
                    first.insert(one.code.number, found.len());
                }
                found.push((one, 0));
            }
        }
    }
    found
}

fn compact(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let mut out = "Warnings:\n\n".to_owned();
    for (one, more) in kinds(diagnostics) {
        out.push_str(&format!("- {}\n", one.summary()));
        if let Some(span) = one.span {
            let place = sources.position(span);
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            out.push_str(&format!("  on {} line {}{more}\n", place.file, place.line));
        }
    }
    out + "\nTo see the full warning notes, run cap without -compact-warnings.\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn shown(compact_warnings: bool, consolidate_warnings: bool) -> String {
        let mut sources = Sources::default();
        let id = sources.add("a.cap.hcl", "one\ntwo\nthree\n");
        let old =
            |range| Diagnostic::warning(&codes::language::QUOTED_REFERENCE, "It is old.").at(Span::new(id, range));
        let check = |text: &str| Diagnostic::warning(&codes::language::CHECK, text).at(Span::new(id, 0..3));
        let all = vec![old(0..3), old(4..7), check("first"), old(8..13), check("second")];
        reports(&Diagnostics(all), &sources, false, WarningArgs { compact_warnings, consolidate_warnings })
    }

    #[test]
    fn of_warnings_of_a_kind_one_is_shown() {
        let text = shown(false, true);
        assert_eq!(text.matches("It is old.").count(), 1, "{text}");
        for part in ["(and 2 more similar warnings elsewhere)", "a.cap.hcl:1:1", "first", "second"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert_eq!(shown(false, false).matches("It is old.").count(), 3);
    }

    #[test]
    fn compact_warnings_are_a_list() {
        let expected = "Warnings:\n\n- Quoted references are deprecated\n  on a.cap.hcl line 1 (and 2 more)\n\
             - Check block assertion failed\n  on a.cap.hcl line 1\n- Check block assertion failed\n  on a.cap.hcl line 1\n\n\
             To see the full warning notes, run cap without -compact-warnings.\n";
        assert_eq!(shown(true, true), expected);
    }
}
