//! The versioned layout: a directory a version, and a link to the one in force (see [`super::files`]). Pure: what was seen
//! goes in, changes come out.

use super::files::{Files, IN_DIRECTORY};
use super::machine::{Action, Ask, Kind, Question, Seen};
use super::pair::{self, Set, Wanted};
use crate::job::ErrorClass;
use crate::ports::target::Bundle;
use crate::ports::{PortError, PortResult};

const MANIFEST: &str = ".cap-manifest";
/// Where a version is made ready. Nothing points to it, so a crash leaves nothing in force; the next one clears it away.
const NEW: &str = ".cap-new";

fn versions(directory: &str) -> String {
    format!("{directory}/versions")
}

fn version(directory: &str, name: &str) -> String {
    format!("{directory}/versions/{name}")
}

fn current_link(directory: &str) -> String {
    format!("{directory}/current")
}

fn previous_link(directory: &str) -> String {
    format!("{directory}/previous")
}

fn set_within(place: &str) -> Set {
    let files = IN_DIRECTORY.map(|part| (part, format!("{place}/{}", part.file_name()))).to_vec();
    Set { files, manifest: format!("{place}/{MANIFEST}") }
}

/// The set in force.
pub fn current(directory: &str) -> Set {
    set_within(&current_link(directory))
}

/// What has to be looked at before anything is changed.
pub fn questions(directory: &str) -> Vec<Question> {
    let mut all = current(directory).questions();
    all.extend(
        [directory.to_owned(), current_link(directory), previous_link(directory)]
            .map(|path| Question::new(path, Ask::Kind)),
    );
    all.push(Question::new(versions(directory), Ask::Names));
    all
}

/// The version a link points to, if it is a link of ours.
fn pointed<'a>(seen: &'a Seen, link: &str) -> Option<&'a str> {
    let Kind::Link(to) = seen.kind(link) else { return None };
    to.strip_prefix("versions/").filter(|name| is_version(name))
}

/// Whether a name is that of a version: sixteen hexadecimal digits, perhaps with a number.
fn is_version(name: &str) -> bool {
    let (digits, number) = name.split_once('-').unwrap_or((name, "2"));
    digits.len() == 16 && digits.bytes().all(|c| c.is_ascii_hexdigit()) && number.parse::<u32>().is_ok()
}

/// The handle on what is in force: the name of its version; empty when there is none.
pub fn handle(directory: &str, seen: &Seen) -> String {
    pointed(seen, &current_link(directory)).unwrap_or_default().to_owned()
}

/// Refuses to touch what is not of this layout.
///
/// # Errors
/// `Rejected` when something stands in the way that is not ours.
pub fn guard(directory: &str, seen: &Seen) -> PortResult<()> {
    for path in [directory.to_owned(), versions(directory)] {
        if !matches!(seen.kind(&path), Kind::Absent | Kind::Directory) {
            return Err(foreign(&path, "is not a directory; symbolic links are not followed there"));
        }
    }
    for link in [current_link(directory), previous_link(directory)] {
        if seen.present(&link).is_some() && pointed(seen, &link).is_none() {
            return Err(foreign(&link, "was not made by cap"));
        }
    }
    Ok(())
}

fn foreign(path: &str, what: &str) -> PortError {
    let error = PortError::new(ErrorClass::Rejected, format!("{path} {what}"));
    error.remedy("move it away, or give the target another directory")
}

/// Makes a bundle the version in force.
///
/// # Errors
/// `Rejected` when something stands in the way that is not ours.
pub fn install(directory: &str, files: &Files, seen: &Seen, bundle: &Bundle) -> PortResult<Vec<Action>> {
    guard(directory, seen)?;
    let wanted = pair::wanted(files, &current(directory), bundle)?;
    if pair::in_force(&current(directory), &bundle.holder, &wanted, seen) {
        return Ok(Vec::new());
    }
    let name = free_name(&bundle.fingerprint.to_string()[..16], seen.names(&versions(directory)));
    let mut actions = make_ready(directory, files, &bundle.holder, wanted);
    actions.push(Action::Rename { from: version(directory, NEW), to: version(directory, &name) });
    let before = pointed(seen, &current_link(directory));
    if let Some(before) = before {
        actions.push(link(previous_link(directory), before));
    }
    actions.push(link(current_link(directory), &name));
    let keep = [Some(name.as_str()), before.or_else(|| pointed(seen, &previous_link(directory)))];
    actions.extend(prune(directory, seen, &keep));
    Ok(actions)
}

fn link(path: String, version: &str) -> Action {
    Action::Link { to: format!("versions/{version}"), path }
}

/// The first name that no version has.
fn free_name(digits: &str, taken: &[String]) -> String {
    let numbered = (2_u32..).map(|number| format!("{digits}-{number}"));
    let mut names = std::iter::once(digits.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

/// Writes a version where nothing points to it. Its manifest names the files as they are read when it is in force.
fn make_ready(directory: &str, files: &Files, holder: &str, wanted: Vec<Wanted>) -> Vec<Action> {
    let (mode, new) = (files.directory_mode(), version(directory, NEW));
    let mut actions = vec![Action::Directory { path: versions(directory), mode }];
    actions.extend(clear(directory));
    actions.push(Action::NewDirectory { path: new.clone(), mode });
    let manifest = pair::manifest(holder, &wanted);
    let write = |file: Wanted| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        Action::Write { path: format!("{new}/{name}"), mode: file.mode, content: file.content }
    };
    actions.extend(wanted.into_iter().map(write));
    actions.push(Action::Write { path: format!("{new}/{MANIFEST}"), mode: files.key_mode, content: manifest.into() });
    actions
}

/// Removes a version's files and then its directory; whatever else lies in it stays, and the directory with it.
fn remove_version(directory: &str, name: &str) -> Vec<Action> {
    let place = version(directory, name);
    let set = set_within(&place);
    let files = set.files.into_iter().map(|(_, path)| path).chain([set.manifest]);
    let files = files.map(|path| Action::Remove { path });
    files.chain([Action::RemoveDirectory { path: place }]).collect()
}

/// Clears away a version that was begun.
pub fn clear(directory: &str) -> Vec<Action> {
    remove_version(directory, NEW)
}

/// Removes versions of ours that are not to be kept.
fn prune(directory: &str, seen: &Seen, keep: &[Option<&str>]) -> Vec<Action> {
    let names = seen.names(&versions(directory)).iter();
    let old = names.filter(|name| is_version(name) && !keep.contains(&Some(name.as_str())));
    old.flat_map(|name| remove_version(directory, name)).collect()
}

/// Puts a version back in force and drops all others: the one that failed keeps no key lying about.
///
/// # Errors
/// `NotFound` when the version is gone.
pub fn restore(directory: &str, seen: &Seen, handle: &str) -> PortResult<Vec<Action>> {
    if handle.is_empty() {
        return Ok(remove(directory, seen));
    }
    guard(directory, seen)?;
    if !is_version(handle) || !seen.names(&versions(directory)).iter().any(|name| name == handle) {
        let gone = format!("{} is gone, so it cannot be put back", version(directory, handle));
        return Err(PortError::new(ErrorClass::NotFound, gone).remedy("apply again to install the certificate anew"));
    }
    let mut actions = clear(directory);
    if pointed(seen, &current_link(directory)) != Some(handle) {
        actions.push(link(current_link(directory), handle));
    }
    actions.push(Action::Remove { path: previous_link(directory) });
    actions.extend(prune(directory, seen, &[Some(handle)]));
    Ok(actions)
}

/// Removes links, versions and, where nothing else lies there, the directories.
pub fn remove(directory: &str, seen: &Seen) -> Vec<Action> {
    let links = [current_link(directory), previous_link(directory)].into_iter();
    let links = links.filter(|link| pointed(seen, link).is_some()).map(|path| Action::Remove { path });
    let mut actions: Vec<Action> = links.collect();
    if *seen.kind(&versions(directory)) == Kind::Directory {
        actions.extend(clear(directory));
        actions.extend(prune(directory, seen, &[]));
        actions.extend([versions(directory), directory.to_owned()].map(|path| Action::RemoveDirectory { path }));
    }
    actions
}
