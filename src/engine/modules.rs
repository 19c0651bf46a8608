//! Gathers the files of all modules that a configuration calls, before anything is evaluated. Each directory is read once.

use std::path::Path;

use super::load::{self, FileKind, ModuleFiles};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::eval::library::{Library, called_by};
use crate::limits;
use crate::source::{SourceId, Sources};
use crate::syntax::{self, ast};

/// The modules that the files of the root call, and those that these call, and so on. `shown` is the root as the user named
/// it.
pub fn gather(root: &[ast::File], shown: &str, sources: &mut Sources) -> (Library, Diagnostics) {
    let mut library = Library::new();
    let mut diagnostics = Diagnostics::default();
    let mut waiting = called_by("", root);
    while let Some(directory) = waiting.pop() {
        // The root is no library: a module that calls it is a circle, which evaluation reports.
        if directory.is_empty() || library.contains_key(&directory) || library.len() >= limits::MODULES {
            continue;
        }
        let named = if shown.is_empty() || shown == "." { directory.clone() } else { format!("{shown}/{directory}") };
        let (module, faults) = load::module(Path::new(&directory), &named, sources);
        diagnostics.extend(faults);
        let files = parse(&module, sources, &mut diagnostics);
        waiting.extend(called_by(&directory, &files));
        library.insert(directory, files);
    }
    (library, diagnostics)
}

/// Parses the files of one module.
pub fn parse(module: &ModuleFiles, sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<ast::File> {
    let mut files = Vec::new();
    for file in &module.files {
        if file.kind == FileKind::Json {
            diagnostics.push(json(&sources.get(file.source).name));
            continue;
        }
        files.push(ast::File { overrides: file.overrides, ..native(file.source, sources, diagnostics) });
    }
    files
}

/// Parses one file in the native syntax.
pub fn native(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics) -> ast::File {
    let (file, faults) = syntax::parse(source, &sources.get(source).text);
    diagnostics.extend(faults);
    file
}

/// A file in the JSON form is refused rather than passed over.
pub fn json(name: &str) -> Diagnostic {
    Diagnostic::error(
        &codes::shell::JSON_SYNTAX,
        format!("{name} is in the JSON form, which this version does not read."),
    )
    .hint("Write it in the native form, or move it out of the directory.")
}
