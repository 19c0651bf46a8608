//! `cap docs MODULE`: what a module takes, gives and makes, as Markdown: printed, or kept in a file of the module between
//! two marks. Everything else in that file stays as it is.

use std::path::Path;

use crate::analysis::declared::text_of;
use crate::analysis::{Module, interface};
use crate::cli::args::DocsArgs;
use crate::cli::files;
use crate::cli::shell::{Failure, OK, OUTDATED, Outcome, Shell};
use crate::cli::view::docs::{Documented, markdown};
use crate::cli::wiring::kinds::kinds;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::{load, modules};
use crate::eval;
use crate::source::Sources;
use crate::syntax::ast::Expr;
use crate::syntax::print::native;

/// The line before what is kept in a file.
const BEGIN: &str = "<!-- BEGIN_CAP_DOCS -->";
/// The line after it.
const END: &str = "<!-- END_CAP_DOCS -->";

/// Prints the document, or brings a file up to date.
pub fn run(shell: &mut Shell, args: &DocsArgs) -> Outcome {
    let directory = args.dir.as_deref().unwrap_or(Path::new("."));
    let document = document(directory)?;
    let Some(output) = &args.output else {
        shell.print(&document);
        return Ok(OK);
    };
    let path = directory.join(output);
    let old = if path.exists() { load::read(&path)? } else { String::new() };
    let new = injected(&old, &document).map_err(|why| {
        Diagnostic::error(&codes::shell::USAGE, format!("{} cannot be brought up to date: {why}.", path.display()))
            .hint(format!("Write {BEGIN} and below it {END} once, each on a line of its own."))
    })?;
    if old == new {
        return Ok(OK);
    }
    if args.check {
        shell.line(&format!("{} is not up to date.", path.display()));
        return Ok(OUTDATED);
    }
    files::replace(&path, &new)?;
    shell.line(&format!("{} updated.", path.display()));
    Ok(OK)
}

/// The document of the module in a directory.
fn document(directory: &Path) -> Result<String, Failure> {
    let mut sources = Sources::default();
    let shown = directory.display().to_string();
    let (module, mut diagnostics): (_, Diagnostics) = load::module(directory, &shown, &mut sources);
    let files = modules::parse(&module, &kinds().catalog(), &sources, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(Failure { diagnostics, sources });
    }
    let files = eval::merged(&files);
    let declared = Module::of(&*files);
    // Who reads the documentation writes the native form, whatever the module is written in.
    let is_json = |expr: &Expr| sources.get(expr.span.source).name.ends_with(".json");
    let text = |expr: &Expr| if is_json(expr) { native(expr) } else { sources.snippet(expr.span).to_owned() };
    let called = declared.calls.iter();
    let pair = |(kind, name): &(&str, &str)| ((*kind).to_owned(), (*name).to_owned());
    Ok(markdown(&Documented {
        modules: called
            .map(|(name, block)| ((*name).to_owned(), text_of(block, "source").unwrap_or_default()))
            .collect(),
        resources: declared.resources.keys().map(pair).collect(),
        inputs: interface::inputs(&declared, &text),
        outputs: interface::outputs(&declared),
    }))
}

/// The text of the file with the document between its marks; at its end where it has none.
fn injected(old: &str, document: &str) -> Result<String, &'static str> {
    let lines = |mark: &str| -> Vec<usize> {
        let places = old.match_indices(mark).map(|(at, _)| at);
        places.filter(|at| *at == 0 || old[..*at].ends_with('\n')).collect()
    };
    let (begins, ends) = (lines(BEGIN), lines(END));
    let (before, after) = match (&begins[..], &ends[..]) {
        ([], []) => {
            let gap = if old.is_empty() { "" } else { "\n" };
            let end = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
            (format!("{old}{end}{gap}"), "\n")
        }
        ([begin], [end]) if begin < end => (old[..*begin].to_owned(), &old[end + END.len()..]),
        ([_], [_]) => return Err("its marks stand in the wrong order"),
        ([], _) | (_, []) => return Err("one of its two marks is missing"),
        _ => return Err("its marks stand more than once"),
    };
    Ok(format!("{before}{BEGIN}\n{document}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let check = |old: &str, new: Result<&str, &str>| {
            let made = injected(old, "D\n");
            assert_eq!(made.as_deref().map_err(|why| *why), new);
            made.into_iter().for_each(|made| assert_eq!(injected(&made, "D\n").as_deref(), Ok(&*made)));
        };
        let document = "<!-- BEGIN_CAP_DOCS -->\nD\n<!-- END_CAP_DOCS -->";
        check("", Ok(&format!("{document}\n")));
        check("# A", Ok(&format!("# A\n\n{document}\n")));
        check(&format!("# A\n{BEGIN}\nold\n{END}\nmore\n"), Ok(&format!("# A\n{document}\nmore\n")));
        check(&format!("{BEGIN}\n"), Err("one of its two marks is missing"));
        check(&format!("{END}\n{BEGIN}\n"), Err("its marks stand in the wrong order"));
        check(&format!("{BEGIN}\n{END}\n{END}\n"), Err("its marks stand more than once"));
    }
}
