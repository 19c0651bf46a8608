//! `cap get`: packages that the configuration calls are fetched, checked against the lock file, and put in their place
//! whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::lock::{LOCK, Locked, Lockfile};
use super::{called, hash, locked};
use crate::diagnostic::{Diagnostic, Diagnostics, codes, codes::language};
use crate::engine::{load, modules};
use crate::eval::package::{PACKAGES, Package};
use crate::eval::schema::Catalog;
use crate::ports::packages::Packages;
use crate::source::{Sources, Span};

/// What was done about one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// Its source.
    pub source: String,
    /// Where it lies.
    pub directory: String,
    /// Whether it was fetched now.
    pub fetched: bool,
}

/// How packages are got.
pub struct Getting<'g> {
    /// The kinds of blocks, for the JSON form.
    pub catalog: &'g Catalog,
    /// The directory of the configuration as the user named it.
    pub shown: &'g str,
    /// Whether what is locked is got anew.
    pub update: bool,
    /// Gets them.
    pub packages: &'g dyn Packages,
}

impl Getting<'_> {
    /// Gets every package that the configuration of the current directory calls, directly or not, and writes the lock file.
    /// `tell` hears of each package.
    pub async fn all(&self, tell: &mut dyn FnMut(&Got)) -> (Sources, Diagnostics) {
        let mut sources = Sources::default();
        let mut diagnostics = Diagnostics::default();
        let old = locked(self.shown, &mut sources, &mut diagnostics);
        if diagnostics.has_errors() {
            return (sources, diagnostics);
        }
        let mut new = Lockfile::default();
        // Packages call packages: what was got is read again, until nothing is missing.
        loop {
            let (mut texts, mut faults) = (Sources::default(), Diagnostics::default());
            let wanted = self.wanted(&mut texts, &mut faults);
            if faults.has_errors() {
                return (texts, faults);
            }
            let missing = wanted.into_iter().find(|(source, _)| !new.entries.contains_key(source));
            let Some((source, (package, span))) = missing else { break };
            match self.one(&package, old.entries.get(&source), tell).await {
                Ok(entry) => _ = new.entries.insert(source, entry),
                Err(fault) => return (texts, fault.at(span).into()),
            }
        }
        if (!new.entries.is_empty() || Path::new(LOCK).exists())
            && new != old
            && let Err(fault) = write(Path::new(LOCK), &new.text())
        {
            diagnostics.push(unwritable(Path::new(LOCK), &fault));
        }
        (sources, diagnostics)
    }

    /// The packages that are called by what is there, with the place of a call of each.
    fn wanted(&self, sources: &mut Sources, faults: &mut Diagnostics) -> BTreeMap<String, (Package, Span)> {
        let (module, found) = load::module(Path::new("."), self.shown, sources);
        faults.extend(found);
        let files = modules::parse(&module, self.catalog, sources, faults);
        let (library, found) = modules::gather_unverified(&files, self.shown, self.catalog, sources);
        faults.extend(found);
        called(&files, &library)
    }

    /// Makes sure that a package is there and is the one that was locked; with `update`, whatever it is now.
    async fn one(
        &self,
        package: &Package,
        known: Option<&Locked>,
        tell: &mut dyn FnMut(&Got),
    ) -> Result<Locked, Diagnostic> {
        let known = known.filter(|_| !self.update);
        let directory = PathBuf::from(package.directory());
        let mut got =
            Got { source: package.source.clone(), directory: directory.display().to_string(), fetched: false };
        if let Some(known) = known.filter(|known| hash(&directory).is_ok_and(|hash| hash == known.hash)) {
            tell(&got);
            return Ok(known.clone());
        }
        got.fetched = true;
        tell(&got);
        let beside = PathBuf::from(format!("{PACKAGES}/.{}.tmp", std::process::id()));
        let result = self.fetched(package, known, &beside, &directory).await;
        // It is ours and of no use any more; that it cannot be removed changes nothing about the result.
        let _ = fs::remove_dir_all(&beside);
        result
    }

    async fn fetched(
        &self,
        package: &Package,
        known: Option<&Locked>,
        beside: &Path,
        directory: &Path,
    ) -> Result<Locked, Diagnostic> {
        fs::create_dir_all(beside).map_err(|fault| unwritable(beside, &fault))?;
        let pinned = known.and_then(|known| known.commit.as_deref());
        let commit = self.packages.fetch(package, pinned, beside).await.map_err(|fault| {
            let report =
                Diagnostic::error(&codes::shell::NOT_FETCHED, format!("\"{}\": {}", package.source, fault.message));
            match fault.remedy {
                Some(remedy) => report.hint(remedy),
                None => report,
            }
        })?;
        let hash = hash(beside).map_err(|why| {
            let detail = format!("\"{}\" cannot be used: {why}.", package.source);
            Diagnostic::error(&language::LOCK, detail).hint("A package holds files and directories only.")
        })?;
        if let Some(known) = known.filter(|known| known.hash != hash) {
            let detail = format!(
                "\"{}\" is not what {LOCK} names: its hash is {hash}, and {} is expected.",
                package.source, known.hash
            );
            return Err(Diagnostic::error(&language::LOCK, detail)
                .hint("Find out why it changed. `cap get -update` takes what is there now."));
        }
        put(beside, directory).map_err(|fault| unwritable(directory, &fault))?;
        Ok(Locked { commit, hash })
    }
}

/// Puts a directory in the place of another one.
fn put(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::rename(from, to)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // It is ours and of no use; that it cannot be removed either changes nothing about the report.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn unwritable(path: &Path, fault: &std::io::Error) -> Diagnostic {
    Diagnostic::error(&codes::shell::UNWRITABLE, format!("{} cannot be written: {fault}.", path.display()))
        .hint("Check the path, its permissions and the space on the disk.")
}
