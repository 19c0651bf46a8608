//! The files around what is open: texts of the editor where it has them, else those on disk. One directory is one module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::document::{Document, Form, Piece, Reader};
use crate::engine::load;
use crate::eval::library::{Called, Located, called_by};
use crate::eval::schema::Catalog;
use crate::limits;

/// Ending of files in the native form.
const NATIVE: &str = ".cap.hcl";
/// Ending of files in the JSON form.
const JSON: &str = ".cap.json";

/// All files that are known.
pub(super) struct Workspace {
    pub(super) documents: BTreeMap<PathBuf, Document>,
    /// Of files on disk, when they had changed last and how long they were when they were read.
    read: BTreeMap<PathBuf, (SystemTime, u64)>,
    /// Directories that were looked into.
    directories: BTreeSet<PathBuf>,
    pub(super) reader: Reader,
}

/// The pieces of one module's files.
pub(super) type Pieces = Vec<Arc<Piece>>;

/// A root module and the modules that it calls.
pub(super) struct Tree {
    /// The directory of the root.
    pub(super) directory: PathBuf,
    /// The files of the root.
    pub(super) pieces: Pieces,
    /// The files of modules, by their directory as seen from the root.
    pub(super) library: Vec<(String, Pieces)>,
}

impl Workspace {
    /// One that reads the JSON form by this catalog.
    pub(super) fn new(catalog: Catalog) -> Self {
        let (documents, read, directories) = Default::default();
        Self { documents, read, directories, reader: Reader::new(catalog) }
    }

    pub(super) fn open(&mut self, path: PathBuf, text: String, version: i32) {
        let mut document = Document::new(without_mark(text), form_of(&path), is_override(&path), &mut self.reader);
        document.version = Some(version);
        self.documents.insert(path.clone(), document);
        self.refresh(directory_of(&path));
    }

    /// The file is as it is on disk again.
    pub(super) fn close(&mut self, path: &Path) {
        self.documents.remove(path);
        self.read.remove(path);
        self.refresh(directory_of(path));
    }

    /// Directories that hold something that is open.
    pub(super) fn open_directories(&self) -> BTreeSet<PathBuf> {
        let open =
            self.documents.iter().filter(|(path, document)| document.version.is_some() && is_configuration(path));
        open.map(|(path, _)| directory_of(path).to_owned()).collect()
    }

    /// Looks at a directory on disk again.
    pub(super) fn refresh(&mut self, directory: &Path) {
        self.directories.insert(directory.to_owned());
        let listed = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        let found: BTreeSet<PathBuf> = listed.filter(|path| is_configuration(path) && path.is_file()).collect();
        let known: Vec<PathBuf> = self.closed_in(directory).collect();
        for gone in known.iter().filter(|path| !found.contains(*path)) {
            self.documents.remove(gone);
            self.read.remove(gone);
        }
        for path in found {
            if self.documents.get(&path).is_none_or(|document| document.version.is_none()) {
                self.load(path);
            }
        }
    }

    /// Looks at all directories again.
    pub(super) fn refresh_all(&mut self) {
        let directories: Vec<PathBuf> = self.directories.iter().cloned().collect();
        directories.iter().for_each(|directory| self.refresh(directory));
    }

    fn closed_in(&self, directory: &Path) -> impl Iterator<Item = PathBuf> {
        let closed = self.documents.iter().filter(|(_, document)| document.version.is_none());
        closed.map(|(path, _)| path).filter(move |path| directory_of(path) == directory).cloned()
    }

    /// Reads a file, unless it is what it was. One that cannot be read is not there: `cap validate` says why.
    fn load(&mut self, path: PathBuf) {
        let state = std::fs::metadata(&path).and_then(|file| Ok((file.modified()?, file.len())));
        if let Ok(state) = state
            && self.read.insert(path.clone(), state) == Some(state)
        {
            return;
        }
        match load::read(&path) {
            Ok(text) => {
                let document = Document::new(text, form_of(&path), is_override(&path), &mut self.reader);
                self.documents.insert(path, document);
            }
            Err(_) => _ = self.documents.remove(&path),
        }
    }

    /// The configuration files of a directory, overrides last, as evaluation reads them.
    pub(super) fn files(&self, directory: &Path) -> Vec<(&PathBuf, &Document)> {
        let inside = self.documents.range(directory.to_owned()..);
        let inside = inside.take_while(|(path, _)| path.starts_with(directory));
        let mut files: Vec<_> =
            inside.filter(|(path, _)| directory_of(path) == directory && is_configuration(path)).collect();
        files.sort_by_key(|(path, _)| is_override(path));
        files
    }

    fn pieces(&self, directory: &Path) -> Pieces {
        self.files(directory).into_iter().flat_map(|(_, document)| &document.pieces).cloned().collect()
    }

    /// A directory as a root module, with everything that it calls.
    pub(super) fn tree(&mut self, directory: &Path) -> Tree {
        let pieces = self.pieces(directory);
        let mut library: BTreeMap<String, Pieces> = BTreeMap::new();
        let mut waiting = called_by("", pieces.iter().map(|piece| &piece.file));
        while let Some(Called { located: Located { directory: name, package }, .. }) = waiting.pop() {
            if name.is_empty() || library.contains_key(&name) || library.len() >= limits::MODULES {
                continue;
            }
            let below = normal(&directory.join(&name));
            // What was not got is not there, and evaluation reports it.
            if package.is_some() && !below.is_dir() {
                continue;
            }
            if !self.directories.contains(&below) {
                self.refresh(&below);
            }
            let pieces = self.pieces(&below);
            waiting.extend(called_by(&name, pieces.iter().map(|piece| &piece.file)));
            library.insert(name, pieces);
        }
        Tree { directory: directory.to_owned(), pieces, library: library.into_iter().collect() }
    }
}

/// A path without `.` and `..`.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = out.pop(),
            part => out.push(part),
        }
    }
    out
}

pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

pub(super) fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (name.ends_with(NATIVE) || name.ends_with(JSON)) && !name.starts_with(['.', '#'])
}

/// Whether a file gives values of variables.
pub(super) fn is_values(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "capvars" || ending == "tfvars")
}

fn form_of(path: &Path) -> Form {
    let json = path.extension().is_some_and(|ending| ending == "json");
    if json { Form::Json } else { Form::Native }
}

fn is_override(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.trim_end_matches(NATIVE).trim_end_matches(JSON);
    stem == "override" || stem.ends_with("_override")
}

fn without_mark(text: String) -> String {
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}
