//! Looking at files.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

use zeroize::Zeroizing;

use super::owner::Ids;
use super::{refused, way};
use crate::digest::Digest;
use crate::limits::REPLY_BYTES;
use crate::ports::PortResult;
use crate::target::machine::{Ask, Entry, Kind, Question, Seen};

pub(super) fn all(questions: Vec<Question>, ids: Ids) -> PortResult<Seen> {
    let mut seen = Seen::default();
    for question in questions {
        if question.ask == Ask::Names {
            way::check(&question.path)?;
        }
        let entry = one(&question, ids).map_err(|error| refused("look at", &question.path, &error))?;
        seen.0.insert(question.path, entry);
    }
    Ok(seen)
}

fn one(question: &Question, ids: Ids) -> io::Result<Entry> {
    match question.ask {
        Ask::Content | Ask::Digest => file(question, ids),
        Ask::Kind | Ask::Names => by_name(question, ids),
    }
}

fn by_name(question: &Question, ids: Ids) -> io::Result<Entry> {
    let meta = match fs::symlink_metadata(&question.path) {
        Err(error) if is_absence(&error) => return Ok(Entry::default()),
        meta => meta?,
    };
    let mut entry = described(&meta, ids);
    if meta.is_symlink() {
        entry.kind = Kind::Link(fs::read_link(&question.path)?.to_string_lossy().into_owned());
    }
    if meta.is_dir() && question.ask == Ask::Names {
        for found in fs::read_dir(&question.path)? {
            entry.names.push(found?.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(entry)
}

/// Opens first and asks the open file, which saves a system call for each of thousands of slots; what cannot be opened as
/// a file is asked by its name.
fn file(question: &Question, ids: Ids) -> io::Result<Entry> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(&question.path) {
        Err(error) if is_absence(&error) => return Ok(Entry::default()),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return by_name(question, ids),
        file => file?,
    };
    let meta = file.metadata()?;
    let mut entry = described(&meta, ids);
    if meta.is_file() {
        let bytes = read(&mut file, meta.len())?;
        entry.digest = Some(Digest::of(&bytes[..]));
        if question.ask == Ask::Content {
            entry.content = bytes.to_vec();
        }
    }
    Ok(entry)
}

/// Wiped when dropped: it may be a key, whose digest alone is wanted.
fn read(file: &mut File, length: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let limit = REPLY_BYTES as u64;
    if length > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    // To the length that was told and no further: asking for the end of the file is one more system call for each.
    let mut bytes = Zeroizing::new(vec![0; length as usize]);
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn described(meta: &Metadata, ids: Ids) -> Entry {
    let kind = match meta {
        meta if meta.is_file() => Kind::File,
        meta if meta.is_dir() => Kind::Directory,
        _ => Kind::Other,
    };
    Entry { kind, mode: meta.mode() & 0o7777, owned: ids.match_file(meta.uid(), meta.gid()), ..Entry::default() }
}
