//! What files mean together: evaluation and the rules of the estate, on a thread of its own, always for the newest texts.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{SystemTime, UNIX_EPOCH};

use super::workspace::{Pieces, Tree};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, codes::language as codes};
use crate::digest::Digest;
use crate::engine::files::ModuleDirectory;
use crate::engine::{load, packages};
use crate::eval::library::Library;
use crate::eval::{Inputs, evaluate_with};
use crate::model::{self, Kinds};
use crate::source::{SourceId, Sources};
use crate::syntax::{self, ast};
use crate::time::Timestamp;

/// Reports that say nothing of a file: a variable without a default gets its value when somebody plans, and terraform-ls
/// does not miss it either. What a call of a module leaves out is reported.
const UNKNOWABLE: [&Code; 1] = [&codes::NO_VALUE];
/// Reports that may be wrong while a piece of the module never parsed.
const UNCERTAIN: [&Code; 3] = [&codes::UNDECLARED, &codes::ATTRIBUTE, &codes::MISSING_ARGUMENT];
/// Ids of variable files, away from those of pieces: nothing that lies in them is shown.
const VALUES: u32 = 1 << 31;

/// What to analyse: root modules as they are now.
pub(super) type Job = Vec<Tree>;

/// What was found, by root module.
pub(super) type Findings = Vec<(PathBuf, Vec<Diagnostic>)>;

/// What tells that something in a package changed, and the hash of what lies in it.
type Hashed = (Digest, Result<String, String>);

/// Analyses one job after the other.
pub(super) struct Analyst {
    kinds: Kinds,
    home: Option<PathBuf>,
    hashes: RefCell<HashMap<PathBuf, Hashed>>,
}

impl Analyst {
    pub(super) fn new(kinds: Kinds, home: Option<PathBuf>) -> Self {
        Self { kinds, home, hashes: RefCell::default() }
    }

    /// Works until no more jobs can come, or nobody wants to know. A job that is not the newest is passed over.
    pub(super) fn work(&self, jobs: &Receiver<Job>, mut tell: impl FnMut(Findings) -> bool) {
        while let Ok(mut job) = jobs.recv() {
            while let Ok(newer) = jobs.try_recv() {
                job = newer;
            }
            let found = job.iter().map(|tree| (tree.directory.clone(), self.all_of(tree))).collect();
            if !tell(found) {
                return;
            }
        }
    }

    /// A fault of the program in one analysis is no reason to leave the editor.
    fn all_of(&self, tree: &Tree) -> Vec<Diagnostic> {
        catch_unwind(AssertUnwindSafe(|| self.analyse(tree))).unwrap_or_default()
    }

    fn analyse(&self, tree: &Tree) -> Vec<Diagnostic> {
        let files = files(&tree.pieces);
        let library: Library = tree.library.iter().map(|(name, pieces)| (name.clone(), self::files(pieces))).collect();
        let inputs = Inputs {
            environment: load::environment(std::env::vars_os().filter_map(utf8)),
            files: values(&tree.directory),
            ..Inputs::default()
        };
        let around = ModuleDirectory::new(tree.directory.clone(), self.home.clone());
        let (evaluation, mut faults) = evaluate_with(&files, &library, &inputs, &self.kinds.catalog(), &around, now());
        faults.extend(self.unlocked(tree, &files, &library));
        let all = || tree.pieces.iter().chain(tree.library.iter().flat_map(|(_, pieces)| pieces));
        let bare = all().any(|piece| piece.bare);
        if !bare {
            faults.extend(model::estate(&evaluation.desired, &evaluation, &self.kinds).1);
        }
        let known: HashSet<SourceId> = all().filter(|piece| piece.fresh()).map(|piece| piece.source).collect();
        told(faults, bare, &known)
    }
}

impl Analyst {
    /// Packages that are not what the lock file names, as `cap validate` would report them.
    fn unlocked(&self, tree: &Tree, files: &[ast::File], library: &Library) -> Diagnostics {
        let called = packages::called(files, library);
        if called.is_empty() {
            return Diagnostics::default();
        }
        // Faults of the lock file have no place in what is open.
        let (lock, _) = packages::lock::read(&tree.directory, "", &mut Sources::default());
        let hash = |below: &Path| self.hash(&tree.directory.join(below));
        let verify = |(package, span): &(_, _)| packages::verify(package, &lock, *span, hash).err();
        Diagnostics(called.values().filter_map(verify).collect())
    }

    /// The hash of a package, which is read again only after something in it changed.
    fn hash(&self, directory: &Path) -> Option<Result<String, String>> {
        let Some(stamp) = packages::stamp(directory) else { return packages::hash_of(directory) };
        let mut hashes = self.hashes.borrow_mut();
        match hashes.get(directory) {
            Some((known, hash)) if *known == stamp => Some(hash.clone()),
            _ => {
                let hash = packages::hash_of(directory)?;
                hashes.insert(directory.to_owned(), (stamp, hash.clone()));
                Some(hash)
            }
        }
    }
}

/// Reports that lie in texts as they are now.
fn told(faults: Diagnostics, bare: bool, known: &HashSet<SourceId>) -> Vec<Diagnostic> {
    let silent = |one: &Diagnostic| UNKNOWABLE.contains(&one.code) || (bare && UNCERTAIN.contains(&one.code));
    let faults = faults.0.into_iter().filter(|one| !silent(one));
    faults.filter(|one| one.span.is_none_or(|span| known.contains(&span.source))).collect()
}

fn files(pieces: &Pieces) -> Vec<ast::File> {
    pieces.iter().map(|piece| piece.file.clone()).collect()
}

/// The variable files that are taken without being asked for, as they are on disk.
fn values(directory: &std::path::Path) -> Vec<ast::File> {
    let mut sources = Sources::default();
    let (found, _) = load::automatic_variables(directory, "", &mut sources);
    let parse = |found: SourceId| {
        let (file, source) = (sources.get(found), SourceId(VALUES + found.0));
        if file.name.ends_with(".json") {
            syntax::json::parse_values(source, &file.text).0
        } else {
            syntax::parse_values(source, &file.text).0
        }
    };
    found.into_iter().map(parse).collect()
}

fn utf8((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// What `plantimestamp` returns.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
