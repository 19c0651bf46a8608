//! Changing files, each change durable before the next begins.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown, symlink};
use std::path::Path;

use super::owner::Ids;
use super::refused;
use crate::ports::PortResult;
use crate::target::machine::Action;

/// Carries out one change.
pub(super) fn one(action: Action, ids: Ids) -> PortResult<()> {
    let (what, path, done) = match action {
        Action::Directory { path, mode } => ("make the directory", path.clone(), make_all(Path::new(&path), mode, ids)),
        Action::NewDirectory { path, mode } => ("make the directory", path.clone(), make(Path::new(&path), mode, ids)),
        Action::Write { path, mode, content } => {
            let done = write(Path::new(&path), mode, content.as_bytes(), ids);
            ("write", path, done)
        }
        Action::Rename { from, to } => ("rename a file to", to.clone(), rename(Path::new(&from), Path::new(&to))),
        Action::Link { to, path } => ("switch the link", path.clone(), link(&to, Path::new(&path))),
        Action::Keep { path, name } => {
            ("keep a second name of", path.clone(), keep(Path::new(&path), Path::new(&name)))
        }
        Action::Remove { path } => ("remove", path.clone(), remove(Path::new(&path))),
        Action::RemoveDirectory { path } => ("remove the directory", path.clone(), remove_directory(Path::new(&path))),
    };
    done.map_err(|error| refused(what, &path, &error))
}

/// Makes what happened in a directory durable.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn make_all(path: &Path, mode: u32, ids: Ids) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_all(parent, mode, ids)?;
    }
    match make(path, mode, ids) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done,
    }
}

/// A directory stays with whoever makes it: an owner could put links in place of the names that are worked with next. It
/// is opened, and not named again, so that nothing else is changed in its place.
fn make(path: &Path, mode: u32, ids: Ids) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let made = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    fchown(&made, None, ids.group)?;
    made.set_permissions(Permissions::from_mode(mode))?;
    sync_directory_of(path)
}

/// The file is private until owner and mode are set, and both are set before there is anything in it to read.
fn write(path: &Path, mode: u32, content: &[u8], ids: Ids) -> io::Result<()> {
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)?;
    fchown(&file, ids.user, ids.group)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()?;
    sync_directory_of(path)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory_of(to)
}

fn link(to: &str, path: &Path) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".cap-link");
    let fresh = path.with_file_name(name);
    remove(&fresh)?;
    symlink(to, &fresh)?;
    rename(&fresh, path)
}

fn keep(path: &Path, name: &Path) -> io::Result<()> {
    match fs::hard_link(path, name) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        done => done.and_then(|()| sync_directory_of(name)),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        done => done.and_then(|()| sync_directory_of(path)),
    }
}

fn remove_directory(path: &Path) -> io::Result<()> {
    use ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound, PermissionDenied, ResourceBusy};
    match fs::remove_dir(path) {
        // A directory above ours may not be ours to remove; it is empty, and that is enough.
        Err(error)
            if matches!(
                error.kind(),
                DirectoryNotEmpty | NotADirectory | NotFound | PermissionDenied | ResourceBusy
            ) =>
        {
            Ok(())
        }
        done => done.and_then(|()| sync_directory_of(path)),
    }
}
