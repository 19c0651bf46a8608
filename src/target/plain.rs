//! The plain layout: each file in a place of its own, replaced by renames (see [`super::files`]). Pure: what was seen goes
//! in, changes come out.
//!
//! Before the first rename every file that is there gets a second name, `.NAME.cap-HANDLE`, and when all have it, a note of
//! which they were, `.NAME.cap-HANDLE.set`. Until that note exists nothing has been replaced. Once it does, second names
//! are given anew only when the files agree with their manifest: a crash in the middle cannot make a half-replaced pair
//! pass for what was there before.

use std::collections::BTreeSet;

use super::files::{Files, Part};
use super::machine::{Action, Ask, Entry, Kind, Question, Seen};
use super::pair::{self, Set};
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::target::{Bundle, Previous};
use crate::ports::{PortError, PortResult};

type Places = [(Part, String)];

/// The handle of a slot that held no certificate.
const NOTHING: &str = "none";

fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((directory, name)) => (directory, name),
        None => (".", path),
    }
}

/// The path of something of ours beside a file.
fn beside(path: &str, word: &str) -> String {
    let (directory, name) = split(path);
    format!("{}/.{name}.cap-{word}", directory.trim_end_matches('/'))
}

/// The file that holds the leaf.
fn identity(files: &Places) -> &str {
    files.last().map_or("", |(_, path)| path)
}

/// Where the manifest lies.
pub fn manifest(files: &Places) -> String {
    beside(identity(files), "manifest")
}

/// Where it is noted which files there were.
fn note(files: &Places, handle: &str) -> String {
    beside(identity(files), &format!("{handle}.set"))
}

fn set(files: &Places) -> Set {
    Set { files: files.to_vec(), manifest: manifest(files) }
}

fn directories(files: &Places) -> BTreeSet<&str> {
    files.iter().map(|(_, path)| split(path).0).collect()
}

/// Everything that is replaced, and so kept, in the order in which it is: the manifest before the file that holds the
/// leaf, so that the moment in which the leaf changes is the moment in which all agree.
pub fn kept(files: &Places) -> Vec<String> {
    let mut paths: Vec<String> = files.iter().map(|(_, path)| path.clone()).collect();
    paths.insert(paths.len().saturating_sub(1), manifest(files));
    paths
}

/// What has to be looked at before anything is changed.
pub fn questions(files: &Places) -> Vec<Question> {
    let names = directories(files).into_iter().map(|directory| Question::new(directory, Ask::Names));
    set(files).questions().into_iter().chain(names).collect()
}

/// What has to be looked at before something is put back.
pub fn questions_to_restore(files: &Places, handle: &str) -> Vec<Question> {
    let mut all = questions(files);
    all.push(Question::new(note(files, handle), Ask::Content));
    all
}

/// The handle on what is in force.
pub fn handle(fingerprint: Option<Digest>) -> String {
    fingerprint.map_or_else(|| NOTHING.to_owned(), |digest| digest.to_string()[..16].to_owned())
}

/// Refuses to replace what is no regular file.
///
/// # Errors
/// `Rejected` when something stands in the way that is none.
pub fn guard(files: &Places, seen: &Seen) -> PortResult<()> {
    let wrong = files.iter().find(|(_, path)| !matches!(seen.kind(path), Kind::Absent | Kind::File));
    let Some((_, path)) = wrong else { return Ok(()) };
    let what = if matches!(seen.kind(path), Kind::Link(_)) { "is a symbolic link" } else { "is not a regular file" };
    let error = PortError::new(ErrorClass::Rejected, format!("{path} {what}, and is not written through"));
    Err(error.remedy("name the file itself in the target's files block, or move away what stands there"))
}

/// Puts a bundle's files in place.
///
/// # Errors
/// `Rejected` when something stands in the way that is no file.
pub fn install(places: &Places, files: &Files, seen: &Seen, bundle: &Bundle) -> PortResult<Vec<Action>> {
    guard(places, seen)?;
    let wanted = pair::wanted(files, &set(places), bundle)?;
    if pair::in_force(&set(places), &bundle.holder, &wanted, seen) {
        return Ok(Vec::new());
    }
    let mode = files.directory_mode();
    let mut actions: Vec<Action> =
        directories(places).into_iter().map(|path| Action::Directory { path: path.to_owned(), mode }).collect();
    actions.extend(clear(places));
    actions.extend(keep(places, files, seen));
    let text = pair::manifest(&bundle.holder, &wanted);
    let new = |path: &str| beside(path, "new");
    let replaced = |path: &String| wanted.iter().any(|file| file.path == *path) || *path == manifest(places);
    let switch: Vec<Action> =
        kept(places).into_iter().filter(replaced).map(|path| Action::Rename { from: new(&path), to: path }).collect();
    let write = |file: pair::Wanted| Action::Write { path: new(&file.path), mode: file.mode, content: file.content };
    actions.extend(wanted.into_iter().map(write));
    actions.push(Action::Write { path: new(&manifest(places)), mode: files.key_mode, content: text.into() });
    actions.extend(switch);
    Ok(actions)
}

/// Gives what is there its second names, unless that was finished before, and drops those of earlier installations.
fn keep(places: &Places, files: &Files, seen: &Seen) -> Vec<Action> {
    let handle = handle(pair::fingerprint(files, seen));
    let note = note(places, &handle);
    let (directory, name) = split(&note);
    let noted = seen.names(directory).iter().any(|found| found == name);
    if noted && !pair::is_consistent(&set(places), seen) {
        return drop_kept(&kept(places), seen, Some(&handle));
    }
    let mut actions = drop_kept(&kept(places), seen, None);
    let there: Vec<String> = kept(places).into_iter().filter(|path| seen.present(path).is_some()).collect();
    let content = there.iter().map(|path| format!("{path}\n")).collect::<String>();
    actions.extend(there.into_iter().map(|path| Action::Keep { name: beside(&path, &handle), path }));
    actions.push(Action::Write { path: note, mode: files.cert_mode, content: content.into() });
    actions
}

/// Removes notes and then second names of these files, all but those of one handle.
fn drop_kept(paths: &[String], seen: &Seen, keep: Option<&str>) -> Vec<Action> {
    let mut found = Vec::new();
    for path in paths {
        let (directory, name) = split(path);
        let prefix = format!(".{name}.cap-");
        let ours = seen.names(directory).iter().filter(|name| {
            let word = name.strip_prefix(&prefix).map(|word| word.trim_end_matches(".set"));
            word.is_some_and(|word| is_handle(word) && Some(word) != keep)
        });
        found.extend(ours.map(|name| format!("{}/{name}", directory.trim_end_matches('/'))));
    }
    found.sort_by_key(|path| !path.ends_with(".set"));
    found.into_iter().map(|path| Action::Remove { path }).collect()
}

fn is_handle(word: &str) -> bool {
    word == NOTHING || (word.len() == 16 && word.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// Clears away files that were begun.
pub fn clear(places: &Places) -> Vec<Action> {
    drop_new(&kept(places))
}

fn drop_new(paths: &[String]) -> Vec<Action> {
    paths.iter().map(|path| Action::Remove { path: beside(path, "new") }).collect()
}

/// Puts back what was there before.
///
/// # Errors
/// `NotFound` when it was replaced and not kept.
pub fn restore(places: &Places, files: &Files, seen: &Seen, previous: &Previous) -> PortResult<Vec<Action>> {
    let Some(noted) = seen.present(&note(places, &previous.handle)) else {
        return not_replaced(files, seen, previous);
    };
    let noted = paths(noted);
    let mut actions = clear(places);
    for path in kept(places) {
        match noted.contains(&path) {
            true => actions.extend(put_back(&path, &previous.handle)),
            false => actions.push(Action::Remove { path }),
        }
    }
    Ok(actions)
}

fn paths(note: &Entry) -> BTreeSet<String> {
    String::from_utf8_lossy(&note.content).lines().map(str::to_owned).collect()
}

/// Through a third name, so that the second one stays and putting back can be repeated. Renaming one name of a file over
/// another of the same file does nothing at all, hence the removal at the end.
fn put_back(path: &str, handle: &str) -> [Action; 3] {
    let third = beside(path, "new");
    [
        Action::Keep { path: beside(path, handle), name: third.clone() },
        Action::Rename { from: third.clone(), to: path.to_owned() },
        Action::Remove { path: third },
    ]
}

fn not_replaced(files: &Files, seen: &Seen, previous: &Previous) -> PortResult<Vec<Action>> {
    if pair::fingerprint(files, seen) == previous.fingerprint {
        return Ok(Vec::new());
    }
    let gone = "what was there before was not kept beside its place, so it cannot be put back";
    Err(PortError::new(ErrorClass::NotFound, gone).remedy("apply again to install the certificate anew"))
}

/// The manifests that are kept to go back, to be looked at as well before a removal: when the slot's files have been named
/// anew, the manifest in force no longer names those that an earlier installation made.
pub fn earlier_manifests(places: &Places, seen: &Seen) -> Vec<Question> {
    let path = manifest(places);
    let (directory, name) = split(&path);
    let prefix = format!(".{name}.cap-");
    let kept = seen.names(directory).iter().filter(|name| name.strip_prefix(&prefix).is_some_and(is_handle));
    kept.map(|name| Question::new(format!("{}/{name}", directory.trim_end_matches('/')), Ask::Content)).collect()
}

/// Removes files that still are what was installed, and everything of ours beside them. Paths that another slot has taken
/// over are left as they are, with all that lies beside them. `earlier` is what [`earlier_manifests`] asked for.
pub fn remove(
    places: &Places,
    files: &Files,
    seen: &Seen,
    earlier: &Seen,
    is_kept: impl Fn(&str) -> bool,
) -> Vec<Action> {
    let manifest = manifest(places);
    let manifests = [seen.present(&manifest)].into_iter().chain(earlier.0.values().map(Some));
    let installed: Vec<_> = manifests.map(pair::read_manifest).collect();
    let paths: Vec<String> = kept(places).into_iter().filter(|path| !is_kept(path)).collect();
    let ours = paths.iter().filter(|path| {
        let digest = seen.present(path).and_then(|entry| entry.digest);
        digest.is_some() && installed.iter().any(|manifest| manifest.get(*path).copied() == digest)
    });
    // The leaf goes first: without it the slot is absent, whatever else is still to be removed.
    let mut actions: Vec<Action> = ours.rev().map(|path| Action::Remove { path: path.clone() }).collect();
    actions.extend(drop_new(&paths));
    actions.extend(drop_kept(&paths, seen, None));
    actions.extend(paths.into_iter().filter(|path| *path == manifest).map(|path| Action::Remove { path }));
    if let Some((_, path)) = files_in_directory(files) {
        actions.push(Action::RemoveDirectory { path: split(path).0.to_owned() });
    }
    actions
}

/// The first of files that lie in a directory of the slot's own.
fn files_in_directory(files: &Files) -> Option<&(Part, String)> {
    let super::files::Layout::Plain { files } = &files.layout else { return None };
    let first = files.first()?;
    let own = files.iter().all(|(part, path)| {
        split(path).0 == split(&first.1).0 && split(path).1 == part.file_name() && files.len() == 4
    });
    own.then_some(first)
}
