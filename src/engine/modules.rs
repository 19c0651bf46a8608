//! Gathers the files of all modules that a configuration calls, before anything is evaluated. Each directory is read once.

use std::path::Path;

use super::load::{self, ConfigFile, FileKind, ModuleFiles};
use super::packages;
use crate::diagnostic::Diagnostics;
use crate::eval::library::{Called, Library, Located, called_by};
use crate::eval::package::package_around;
use crate::eval::schema::Catalog;
use crate::limits;
use crate::source::{Source, SourceId, Sources};
use crate::syntax::{self, ast};

/// The modules that the files of the root call, and those that these call, and so on. `shown` is the root as the user named
/// it. Packages are held to the lock file; what was not got is not there, and evaluation reports it.
pub fn gather(root: &[ast::File], shown: &str, catalog: &Catalog, sources: &mut Sources) -> (Library, Diagnostics) {
    let (library, mut diagnostics) = gather_unverified(root, shown, catalog, sources);
    let called = packages::called(root, &library);
    if !called.is_empty() {
        let lock = packages::locked(shown, sources, &mut diagnostics);
        for (package, span) in called.values() {
            diagnostics.take(packages::verify(package, &lock, *span, packages::hash_of));
        }
    }
    (library, diagnostics)
}

/// As [`gather`], without looking at the lock file.
pub(super) fn gather_unverified(
    root: &[ast::File],
    shown: &str,
    catalog: &Catalog,
    sources: &mut Sources,
) -> (Library, Diagnostics) {
    let mut library = Library::new();
    let mut diagnostics = Diagnostics::default();
    let mut waiting = called_by("", root);
    while let Some(Called { located: Located { directory, .. }, span }) = waiting.pop() {
        // The root is no library: a module that calls it is a circle, which evaluation reports.
        if directory.is_empty() || library.contains_key(&directory) || library.len() >= limits::MODULES {
            continue;
        }
        if package_around(&directory).is_some_and(|package| !Path::new(package).is_dir()) {
            continue;
        }
        let named = if shown.is_empty() || shown == "." { directory.clone() } else { format!("{shown}/{directory}") };
        let (module, mut faults) = load::module(Path::new(&directory), &named, sources);
        // A directory that cannot be read has no place of its own: the call has.
        faults.0.iter_mut().filter(|fault| fault.span.is_none()).for_each(|fault| fault.span = Some(span));
        diagnostics.extend(faults);
        let files = parse(&module, catalog, sources, &mut diagnostics);
        waiting.extend(called_by(&directory, &files));
        library.insert(directory, files);
    }
    (library, diagnostics)
}

/// Parses the files of one module.
pub fn parse(
    module: &ModuleFiles,
    catalog: &Catalog,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<ast::File> {
    let one = |file: &ConfigFile| {
        let (parsed, faults) = parse_file(file, catalog, sources);
        diagnostics.extend(faults);
        parsed
    };
    module.files.iter().map(one).collect()
}

/// Parses one file of the configuration in the form that its name says.
pub fn parse_file(file: &ConfigFile, catalog: &Catalog, sources: &Sources) -> (ast::File, Diagnostics) {
    let text = &sources.get(file.source).text;
    let (parsed, faults) = match file.kind {
        FileKind::Hcl => syntax::parse(file.source, text),
        FileKind::Json => syntax::json::parse(file.source, text, catalog),
    };
    (ast::File { overrides: file.overrides, ..parsed }, faults)
}

/// Parses a variable file: in the JSON form where its name ends in `.json`.
pub fn parse_values(source: SourceId, sources: &Sources) -> (ast::File, Diagnostics) {
    let Source { name, text, .. } = sources.get(source);
    if name.ends_with(".json") { syntax::json::parse_values(source, text) } else { syntax::parse_values(source, text) }
}
