//! Archives: zip, which is read beside this, and gzipped tar (POSIX.1-1988 ustar, pax paths, GNU long names). Files and directories only, each within the
//! directory that is unpacked into; anything else in it refuses the whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::zip;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::limits;
use crate::ports::{PortError, PortResult};

/// Bytes of one block of a tar archive.
const BLOCK: usize = 512;
/// Bytes of a long name: what no file system has.
const NAME: u64 = 64 << 10;

/// Insists on the checksum.
pub(super) fn check(bytes: &[u8], expected: &Digest) -> PortResult<()> {
    let found = Digest::of(bytes);
    if found == *expected {
        return Ok(());
    }
    Err(refused(format!("its checksum is sha256:{found}, and sha256:{expected} is expected."))
        .remedy("Find out why it is another archive than the one the source was written for."))
}

/// Unpacks into a directory that is there and empty. What kind of archive it is, its first bytes say.
pub(super) fn unpack(bytes: &[u8], into: &Path) -> PortResult<()> {
    if bytes.starts_with(zip::MAGIC) { zip::unpack(bytes, into) } else { untar(bytes, into) }
}

/// What one archive may hold.
#[derive(Default)]
pub(super) struct Budget {
    files: usize,
    bytes: u64,
}

impl Budget {
    /// Counts one more file of so many bytes.
    pub(super) fn take(&mut self, size: u64) -> PortResult<()> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(size);
        if self.files > limits::PACKAGE_FILES || self.bytes > limits::PACKAGE_BYTES as u64 {
            let most = format!("{} files and {} bytes", limits::PACKAGE_FILES, limits::PACKAGE_BYTES);
            return Err(refused(format!("it holds more than {most}.")));
        }
        Ok(())
    }
}

fn untar(bytes: &[u8], into: &Path) -> PortResult<()> {
    // Headers and padding are bounded by the number of files.
    let most = (limits::PACKAGE_BYTES + limits::PACKAGE_FILES * 4 * BLOCK) as u64;
    let mut reader = Reader { stream: MultiGzDecoder::new(bytes).take(most), budget: Budget::default() };
    let mut long: Option<String> = None;
    while let Some(header) = reader.header()? {
        match header.kind {
            b'L' => long = Some(reader.text(header.size)?.trim_end_matches('\0').to_owned()),
            b'x' => long = pax_path(&reader.text(header.size)?)?.or(long),
            b'g' => _ = reader.text(header.size)?,
            b'0' | 0 | b'7' => {
                let path = within(into, &long.take().unwrap_or(header.name))?;
                reader.file(&path, header.size)?;
            }
            b'5' => {
                let path = within(into, &long.take().unwrap_or(header.name))?;
                fs::create_dir_all(path).map_err(unwritable)?;
            }
            _ => {
                let name = long.take().unwrap_or(header.name);
                return Err(refused(format!("{name:?} in it is neither a file nor a directory.")));
            }
        }
    }
    Ok(())
}

struct Header {
    name: String,
    size: u64,
    kind: u8,
}

struct Reader<R> {
    stream: R,
    budget: Budget,
}

impl<R: Read> Reader<R> {
    /// The next header; `None` at the end.
    fn header(&mut self) -> PortResult<Option<Header>> {
        let mut block = [0; BLOCK];
        self.stream.read_exact(&mut block).map_err(cut)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
            .sum();
        if octal(&block[148..156]) != Some(sum) {
            return Err(refused("it is no tar archive.".to_owned()));
        }
        let text = |bytes: &[u8]| {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            String::from_utf8(bytes[..end].to_vec()).ok()
        };
        let name = text(&block[..100]);
        let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500]) } else { Some(String::new()) };
        let (Some(name), Some(prefix), Some(size)) = (name, prefix, octal(&block[124..136])) else {
            return Err(refused("a header in it is damaged.".to_owned()));
        };
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        Ok(Some(Header { name, size, kind: block[156] }))
    }

    /// The content that follows a header, as a text.
    fn text(&mut self, size: u64) -> PortResult<String> {
        if size > NAME {
            return Err(refused("a name in it is too long.".to_owned()));
        }
        let mut bytes = Vec::new();
        (&mut self.stream).take(size).read_to_end(&mut bytes).map_err(cut)?;
        self.skip(size)?;
        String::from_utf8(bytes).map_err(|_| refused("a name in it is not UTF-8.".to_owned()))
    }

    fn file(&mut self, path: &Path, size: u64) -> PortResult<()> {
        self.budget.take(size)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(unwritable)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(unwritable)?;
        let copied = io::copy(&mut (&mut self.stream).take(size), &mut file).map_err(cut)?;
        file.flush().map_err(unwritable)?;
        if copied != size {
            return Err(cut(io::ErrorKind::UnexpectedEof.into()));
        }
        self.skip(size)
    }

    /// Goes on to the next block.
    fn skip(&mut self, size: u64) -> PortResult<()> {
        let rest = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        io::copy(&mut (&mut self.stream).take(rest), &mut io::sink()).map(|_| ()).map_err(cut)
    }
}

/// A number as tar writes it; the binary form of GNU tar is for sizes that are refused anyway.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

/// The path of a pax header, where it has one: lines `length path=value`.
fn pax_path(text: &str) -> PortResult<Option<String>> {
    let damaged = || refused("a header in it is damaged.".to_owned());
    let (mut rest, mut path) = (text, None);
    while !rest.is_empty() {
        let length = rest.split_once(' ').and_then(|(length, _)| length.parse().ok()).ok_or_else(damaged)?;
        let line = rest.get(..length).filter(|line| line.ends_with('\n')).ok_or_else(damaged)?;
        let (_, pair) = line.split_once(' ').ok_or_else(damaged)?;
        if let Some(value) = pair.strip_prefix("path=") {
            path = Some(value.trim_end_matches('\n').to_owned());
        }
        rest = &rest[length..];
    }
    Ok(path)
}

/// A path in the archive within the directory; one that leads out of it is refused.
pub(super) fn within(into: &Path, name: &str) -> PortResult<PathBuf> {
    let mut path = into.to_owned();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => return Err(refused(format!("{name:?} in it leads out of the directory."))),
        }
    }
    Ok(path)
}

pub(super) fn refused(why: String) -> PortError {
    PortError::new(ErrorClass::Rejected, format!("the archive is refused: {why}"))
}

pub(super) fn cut(fault: io::Error) -> PortError {
    refused(format!("it cannot be unpacked: {fault}."))
}

pub(super) fn unwritable(fault: io::Error) -> PortError {
    PortError::new(ErrorClass::Rejected, format!("a file of the archive cannot be written: {fault}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut block = [0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = kind;
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        let mut all = block.to_vec();
        all.extend_from_slice(content);
        all.resize(all.len().next_multiple_of(BLOCK), 0);
        all
    }

    fn unpacked(entries: &[Vec<u8>]) -> (PortResult<()>, PathBuf) {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let into = std::env::temp_dir().join(format!("cap-archive-{}-{number}/in", std::process::id()));
        fs::create_dir_all(&into).expect("a directory");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        entries.iter().for_each(|entry| encoder.write_all(entry).expect("written"));
        encoder.write_all(&[0; 2 * BLOCK]).expect("written");
        (unpack(&encoder.finish().expect("gzip"), &into), into)
    }

    fn remove(into: &Path) {
        fs::remove_dir_all(into.parent().expect("a parent")).expect("removed");
    }

    #[test]
    fn files_are_unpacked_under_their_names() {
        let long = "d/".repeat(80) + "long";
        let pax = format!("{} path={long}\n", long.len() + 10);
        assert_eq!(pax.len(), long.len() + 10);
        let (done, into) = unpacked(&[
            entry("g", b'g', b"19 comment=nothing\n"),
            entry("./a/", b'5', b""),
            entry("./a/b.cap.hcl", b'0', b"x = 1\n"),
            entry("x", b'x', pax.as_bytes()),
            entry("short", b'0', b"pax"),
            entry("././@LongLink", b'L', (long.clone() + "2\0").as_bytes()),
            entry("short", b'0', &[7; 1000]),
        ]);
        assert_eq!(done, Ok(()));
        assert_eq!(fs::read(into.join("a/b.cap.hcl")).expect("a file"), b"x = 1\n");
        assert_eq!(fs::read(into.join(&long)).expect("a file"), b"pax");
        assert_eq!(fs::read(into.join(long + "2")).expect("a file"), [7; 1000]);
        remove(&into);
    }

    #[test]
    fn nothing_leads_out_of_the_directory() {
        for entries in [
            vec![entry("../out", b'0', b"x")],
            vec![entry("/tmp/cap-out", b'0', b"x")],
            vec![entry("a/../../out", b'5', b"")],
            vec![entry("x", b'x', b"15 path=../out\n"), entry("short", b'0', b"x")],
            vec![entry("x", b'x', b"99 path=out\n"), entry("short", b'0', b"x")],
            vec![entry("link", b'2', b"")],
            vec![entry("link", b'1', b"")],
            vec![entry("device", b'3', b"")],
            vec![entry("a", b'0', b"x"), entry("a", b'0', b"y")],
            vec![entry("a", b'0', b"x")[..300].to_vec()],
            vec![vec![1; BLOCK]],
        ] {
            let (done, into) = unpacked(&entries);
            assert!(done.is_err(), "{:?}", String::from_utf8_lossy(&entries[0][..20]));
            let outside = into.parent().expect("a parent").join("out");
            assert!(!outside.exists() && !Path::new("/tmp/cap-out").exists());
            remove(&into);
        }
        assert!(unpack(b"no gzip", Path::new("/nonexistent")).is_err());
    }
}
