//! Zip archives (PKWARE APPNOTE 6.3, without encryption, several disks and 64-bit sizes): stored and deflated files, each
//! within the directory that is unpacked into. The directory at the archive's end is what counts, as for every reader.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::CrcReader;
use flate2::read::DeflateDecoder;

use super::archive::{Budget, cut, refused, unwritable, within};
use crate::ports::PortResult;

/// What a zip archive begins with.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
/// Bytes of the record at the end without its comment, of an entry of the directory, and of the header before a file.
const END_BYTES: usize = 22;
const ENTRY_BYTES: usize = 46;
const HEADER_BYTES: usize = 30;
/// Flags of what is encrypted.
const ENCRYPTED: u16 = 1 | 1 << 6;
/// The kind of a file among Unix modes, and the two that are taken.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
/// Systems on which an archive was made whose modes are those of Unix.
const UNIX: [u8; 2] = [3, 19];

/// Unpacks into a directory that is there and empty.
pub(super) fn unpack(bytes: &[u8], into: &Path) -> PortResult<()> {
    let mut budget = Budget::default();
    let (count, mut at) = directory(bytes)?;
    for _ in 0..count {
        let entry = Entry::read(bytes, at)?;
        at += entry.length;
        budget.take(u64::from(entry.size))?;
        let path = within(into, &entry.name)?;
        if entry.is_directory()? {
            fs::create_dir_all(path).map_err(unwritable)?;
        } else {
            entry.write(bytes, &path)?;
        }
    }
    Ok(())
}

/// How many entries the directory has, and where it begins.
fn directory(bytes: &[u8]) -> PortResult<(u16, usize)> {
    let is_end = |at: &usize| {
        let comment = number(bytes, at + 20, 2).unwrap_or(0) as usize;
        bytes[*at..].starts_with(END) && at + END_BYTES + comment == bytes.len()
    };
    let first = bytes.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let end = (first..=bytes.len().saturating_sub(END_BYTES)).rev().find(is_end);
    let end = end.ok_or_else(|| refused("it is no zip archive, or was cut.".to_owned()))?;
    let (Some(count), Some(at)) = (number(bytes, end + 10, 2), number(bytes, end + 16, 4)) else {
        return Err(damaged());
    };
    Ok((count as u16, at as usize))
}

/// One file, as the directory has it.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    /// Its mode, where the archive was made on a system that has one.
    mode: Option<u32>,
    /// Where its header is.
    header: usize,
    /// Bytes of its entry.
    length: usize,
}

impl Entry {
    fn read(bytes: &[u8], at: usize) -> PortResult<Self> {
        let field = |offset: usize, width: usize| number(bytes, at + offset, width).ok_or_else(damaged);
        if !bytes.get(at..).is_some_and(|rest| rest.starts_with(ENTRY)) {
            return Err(damaged());
        }
        let (name, extra, comment) = (field(28, 2)? as usize, field(30, 2)? as usize, field(32, 2)? as usize);
        let text = bytes.get(at + ENTRY_BYTES..at + ENTRY_BYTES + name).ok_or_else(damaged)?;
        let unnamed = || refused("a name in it is not UTF-8, or has a backslash.".to_owned());
        let text = std::str::from_utf8(text).ok().filter(|text| !text.contains(['\\', '\0'])).ok_or_else(unnamed)?;
        let unix = UNIX.contains(&(field(5, 1)? as u8));
        Ok(Self {
            name: text.to_owned(),
            flags: field(8, 2)? as u16,
            method: field(10, 2)? as u16,
            crc: field(16, 4)?,
            packed: field(20, 4)?,
            size: field(24, 4)?,
            mode: if unix { Some(field(38, 4)? >> 16) } else { None },
            header: field(42, 4)? as usize,
            length: ENTRY_BYTES + name + extra + comment,
        })
    }

    fn is_directory(&self) -> PortResult<bool> {
        let named = self.name.ends_with('/');
        match self.mode.map_or(0, |mode| mode & KIND) {
            0 => Ok(named),
            DIRECTORY => Ok(true),
            FILE if !named => Ok(false),
            _ => Err(refused(format!("{:?} in it is neither a file nor a directory.", self.name))),
        }
    }

    fn write(&self, bytes: &[u8], path: &Path) -> PortResult<()> {
        if self.flags & ENCRYPTED != 0 {
            return Err(refused(format!("{:?} in it is encrypted.", self.name)));
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(unwritable)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(unwritable)?;
        let packed = self.packed(bytes)?;
        // One byte more than it is said to have shows that it has more.
        let most = u64::from(self.size) + 1;
        let (copied, crc) = match self.method {
            0 => copy(packed, &mut file),
            8 => copy(DeflateDecoder::new(packed).take(most), &mut file),
            other => return Err(refused(format!("{:?} in it is packed by method {other}.", self.name))),
        }
        .map_err(cut)?;
        if copied == u64::from(self.size) && crc == self.crc { Ok(()) } else { Err(damaged()) }
    }

    /// What is between the file's header and the next one.
    fn packed<'b>(&self, bytes: &'b [u8]) -> PortResult<&'b [u8]> {
        let header = bytes.get(self.header..).filter(|rest| rest.starts_with(MAGIC)).ok_or_else(damaged)?;
        let (name, extra) = (number(header, 26, 2).ok_or_else(damaged)?, number(header, 28, 2).ok_or_else(damaged)?);
        let begin = HEADER_BYTES + name as usize + extra as usize;
        header.get(begin..begin + self.packed as usize).ok_or_else(damaged)
    }
}

/// Bytes that were copied, and their checksum.
fn copy(from: impl io::Read, file: &mut fs::File) -> io::Result<(u64, u32)> {
    let mut from = CrcReader::new(from);
    let copied = io::copy(&mut from, file)?;
    file.flush()?;
    Ok((copied, from.crc().sum()))
}

/// A number of so many bytes, the lowest first.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u32> {
    let digits = bytes.get(at..at + width)?;
    Some(digits.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn damaged() -> crate::ports::PortError {
    refused("it is damaged: its parts do not fit together.".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use flate2::write::DeflateEncoder;
    use flate2::{Compression, Crc};

    use super::*;

    /// One file on its way into an archive.
    struct File<'f> {
        name: &'f str,
        content: &'f [u8],
        mode: u32,
        method: u16,
        flags: u16,
    }

    fn file<'f>(name: &'f str, content: &'f [u8]) -> File<'f> {
        File { name, content, mode: 0o100_644, method: 8, flags: 0 }
    }

    fn archive(files: &[File<'_>]) -> Vec<u8> {
        let (mut out, mut entries) = (Vec::new(), Vec::new());
        for File { name, content, mode, method, flags } in files {
            let mut crc = Crc::new();
            crc.update(content);
            let packed = if *method == 8 {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(content).expect("packed");
                encoder.finish().expect("packed")
            } else {
                content.to_vec()
            };
            let mut common = [20, *flags, *method, 0, 0].map(u16::to_le_bytes).concat();
            common.extend([crc.sum(), packed.len() as u32, content.len() as u32].map(u32::to_le_bytes).concat());
            common.extend((name.len() as u16).to_le_bytes());
            let header = out.len() as u32;
            out.extend([MAGIC, &common, &[0, 0], name.as_bytes(), &packed].concat());
            let rest = [[0; 8].to_vec(), (mode << 16).to_le_bytes().to_vec(), header.to_le_bytes().to_vec()].concat();
            entries.extend([ENTRY, &[20, 3], &common, &rest, name.as_bytes()].concat());
        }
        let (count, size, at) = (files.len() as u16, entries.len() as u32, out.len() as u32);
        out.extend(entries);
        out.extend([END, &[0; 4], &count.to_le_bytes(), &count.to_le_bytes()].concat());
        out.extend([&size.to_le_bytes()[..], &at.to_le_bytes(), &2_u16.to_le_bytes(), b"hi"].concat());
        out
    }

    fn unpacked(bytes: &[u8]) -> (PortResult<()>, PathBuf) {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let into = std::env::temp_dir().join(format!("cap-zip-{}-{number}/in", std::process::id()));
        fs::create_dir_all(&into).expect("a directory");
        (unpack(bytes, &into), into)
    }

    fn remove(into: &Path) {
        fs::remove_dir_all(into.parent().expect("a parent")).expect("removed");
    }

    #[test]
    fn files_are_unpacked_under_their_names() {
        let directory = File { mode: 0o040_755, method: 0, ..file("a/", b"") };
        let stored = File { method: 0, mode: 0, ..file("b/c/d", b"stored") };
        let (done, into) = unpacked(&archive(&[directory, file("a/x.cap.hcl", &[7; 5000]), stored]));
        assert_eq!(done, Ok(()));
        assert_eq!(fs::read(into.join("a/x.cap.hcl")).expect("a file"), [7; 5000]);
        assert_eq!(fs::read(into.join("b/c/d")).expect("a file"), b"stored");
        remove(&into);
    }

    #[test]
    fn what_is_no_plain_archive_is_refused_and_nothing_leads_out_of_the_directory() {
        let one = archive(&[file("a", b"content")]);
        let changed = |at: usize| {
            let mut bytes = one.clone();
            bytes[at] ^= 1;
            bytes
        };
        let content = HEADER_BYTES + 1;
        let entry = one.windows(4).position(|four| four == ENTRY).expect("an entry");
        for bytes in [
            archive(&[file("../out", b"x")]),
            archive(&[file("/tmp/cap-zip-out", b"x")]),
            archive(&[file("a\\b", b"x")]),
            archive(&[File { mode: 0o120_777, ..file("link", b"/etc/passwd") }]),
            archive(&[File { flags: 1, ..file("secret", b"x") }]),
            archive(&[File { method: 12, ..file("other", b"x") }]),
            archive(&[file("a", b"x"), file("a", b"y")]),
            changed(content + 2),
            changed(entry + 24),
            changed(entry + 42),
            one[..one.len() - 1].to_vec(),
            one[4..].to_vec(),
            b"PK\x03\x04".to_vec(),
            Vec::new(),
        ] {
            let (done, into) = unpacked(&bytes);
            assert!(done.is_err(), "{:?}", String::from_utf8_lossy(&bytes));
            assert!(!into.parent().expect("a parent").join("out").exists());
            assert!(!Path::new("/tmp/cap-zip-out").exists());
            remove(&into);
        }
        for cut in 0..one.len() {
            let (done, into) = unpacked(&one[..cut]);
            assert!(done.is_err(), "cut at {cut}");
            remove(&into);
        }
    }
}
