//! What `-target`, `-exclude` and `-replace` name, with what stands in the files of `-target-file` and `-exclude-file`.

use std::path::PathBuf;

use super::args::PlanningArgs;
use super::place::Place;
use crate::diagnostic::Diagnostics;
use crate::diff::scope::{Pattern, Patterns};
use crate::engine::load;
use crate::source::{SourceId, Sources, Span};

/// Gathers them. The files become sources, so that reports can say which line they are about.
///
/// # Errors
/// Every file that cannot be read.
pub fn gather(place: &Place, args: &PlanningArgs, sources: &mut Sources) -> Result<Patterns, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut with = |given: &[String], files: &[PathBuf]| {
        let mut all: Vec<Pattern> = given.iter().map(|text| text.as_str().into()).collect();
        for file in files {
            let read = load::listed(&place.typed(file), file, sources);
            all.extend(faults.take(read).into_iter().flat_map(|source| lines(source, sources)));
        }
        all
    };
    let patterns = Patterns {
        target: with(&args.target, &args.target_file),
        exclude: with(&args.exclude, &args.exclude_file),
        replace: with(&args.replace, &[]),
    };
    if faults.is_empty() { Ok(patterns) } else { Err(faults) }
}

/// One a line: blank lines and comments are none.
fn lines(source: SourceId, sources: &Sources) -> Vec<Pattern> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in sources.get(source).text.split_inclusive('\n') {
        let text = line.trim();
        if !text.is_empty() && !text.starts_with('#') {
            let start = at + (line.len() - line.trim_start().len());
            found.push(Pattern { text: text.to_owned(), place: Some(Span::new(source, start..start + text.len())) });
        }
        at += line.len();
    }
    found
}
