//! Whether the names on the way to a directory mean what they seem to. Root can write everywhere: whoever can change one of
//! these names could put a link in its place, and have root write elsewhere. The same rules hold on other hosts.
//!
//! Whoever can change the directory that root was started in can change what root reads there and carries out: what such
//! people own or write to, on the way there and below, is as good as the configuration.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};

/// Links that are followed on one way, as the kernel has it.
const LINKS: usize = 40;

/// Fails, as root, unless root alone can change what the names on the way to this directory stand for.
pub(super) fn check(directory: &str) -> PortResult<()> {
    // SAFETY: it takes nothing and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return Ok(());
    }
    match Ground::here().and_then(|ground| obstacle(Path::new(directory), &ground)) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => {
            Err(PortError::new(ErrorClass::Rejected, format!("cannot work in {directory} as root: {why}")).remedy(
                "let the directories on the way there belong to root and be writable for nobody else, or run cap as their owner",
            ))
        }
        Err(error) => Err(super::refused("look at", directory, &error)),
    }
}

/// The directory that root was started in.
struct Ground {
    path: PathBuf,
    owner: u32,
    /// Who may write there besides its owner, as bits of its mode.
    writers: u32,
}

impl Ground {
    fn here() -> io::Result<Self> {
        let path = std::env::current_dir()?;
        let meta = fs::metadata(&path)?;
        Ok(Self { path, owner: meta.uid(), writers: meta.mode() & WRITERS })
    }

    fn is_below(&self, path: &Path) -> bool {
        path.starts_with(&self.path)
    }

    /// Whether nobody but root and those who own or write to the ground can change the names in a directory.
    fn trusts(&self, path: &Path, meta: &fs::Metadata) -> bool {
        let others = meta.mode() & WRITERS;
        let as_good =
            self.is_below(path) && (meta.uid() == 0 || meta.uid() == self.owner) && others & !self.writers == 0;
        self.path.starts_with(path) || as_good || (meta.uid() == 0 && others == 0)
    }
}

/// Bits of a mode: the group and others may write.
const WRITERS: u32 = 0o022;

/// What keeps root from working there, if anything. A directory like /tmp, where nobody takes away what is another's, is
/// good enough above one that is there already; links are root's, and where root alone can write.
fn obstacle(directory: &Path, ground: &Ground) -> io::Result<Option<String>> {
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    let mut rest = names(&std::path::absolute(directory)?);
    loop {
        let meta = fs::symlink_metadata(&at)?;
        if !meta.is_dir() {
            return Ok(None);
        }
        let trusted = ground.trusts(&at, &meta);
        let shared = !trusted && meta.uid() == 0 && meta.mode() & 0o1000 != 0;
        let open = || Some(format!("others than root can write to {}", at.display()));
        if !trusted && !shared {
            return Ok(open());
        }
        let Some(name) = rest.pop() else { return Ok(open().filter(|_| shared)) };
        let next = if name == ".." { at.parent().unwrap_or(&at).to_owned() } else { at.join(&name) };
        let found = match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(open().filter(|_| shared)),
            found => found?,
        };
        if !found.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        let is_ours = found.uid() == 0 || (ground.is_below(&next) && found.uid() == ground.owner);
        if !is_ours || shared || links > LINKS {
            return Ok(Some(format!("{} is a symbolic link; name the place that it points to", next.display())));
        }
        let to = fs::read_link(&next)?;
        if to.is_absolute() {
            at = PathBuf::from("/");
        }
        rest.extend(names(&to));
    }
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let named = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().filter(named).map(|part| part.as_os_str().to_owned()).rev().collect()
}
