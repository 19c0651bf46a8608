//! Packages below `.cap/modules`: whether they are what the lock file says, and getting those that are not there.

pub mod get;
pub mod lock;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;

pub use lock::{LOCK, Locked, Lockfile};
pub use tree::{hash, stamp};

use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::eval::library::{Library, called_by};
use crate::eval::package::Package;
use crate::source::{Sources, Span};
use crate::syntax::ast;

/// The packages that a configuration calls, directly or not, by their source, each with the place of a call.
pub fn called(root: &[ast::File], library: &Library) -> BTreeMap<String, (Package, Span)> {
    let below = library.iter().flat_map(|(directory, files)| called_by(directory, files));
    let mut found = BTreeMap::new();
    for one in called_by("", root).into_iter().chain(below) {
        if let Some(package) = one.located.package {
            found.entry(package.source.clone()).or_insert((package, one.span));
        }
    }
    found
}

/// Whether a package that is there is the one that the lock file names: `hash` reads what lies in its directory. One that is
/// not there is left to evaluation.
///
/// # Errors
/// It is not, or the lock file does not name it.
pub fn verify(
    package: &Package,
    lock: &Lockfile,
    span: Span,
    hash: impl FnOnce(&Path) -> Option<Result<String, String>>,
) -> Result<(), Diagnostic> {
    let directory = package.directory();
    let Some(hash) = hash(Path::new(&directory)) else { return Ok(()) };
    let source = &package.source;
    let fault = |detail: String, hint: &str| Err(Diagnostic::error(&codes::LOCK, detail).at(span).hint(hint));
    let Some(locked) = lock.entries.get(source) else {
        return fault(
            format!("{LOCK} does not name \"{source}\"."),
            "Run `cap get`, and keep the file with the others.",
        );
    };
    match hash {
        Ok(hash) if hash == locked.hash => Ok(()),
        Ok(hash) => fault(
            format!(
                "What lies in {directory} is not what {LOCK} names: its hash is {hash}, and {} is expected.",
                locked.hash
            ),
            "Nothing in it is meant to be edited. Remove the directory, and run `cap get`.",
        ),
        Err(why) => fault(format!("{directory} cannot be read: {why}."), "Remove the directory, and run `cap get`."),
    }
}

/// The hash of a package's directory, where it is there.
pub fn hash_of(directory: &Path) -> Option<Result<String, String>> {
    directory.is_dir().then(|| hash(directory))
}

/// The lock file of the current directory.
pub fn locked(shown: &str, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Lockfile {
    let (lock, faults) = lock::read(Path::new(""), shown, sources);
    diagnostics.extend(faults);
    lock
}
