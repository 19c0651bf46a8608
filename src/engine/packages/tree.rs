//! The hash of a directory's content, as Go's `dirhash` has it (`h1:`): SHA-256 over a line for each file, its SHA-256 and
//! its path, in the order of paths. Permissions and times do not count.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Digest;
use crate::limits;

/// The hash of all files below a directory.
///
/// # Errors
/// Something cannot be read, is no file and no directory, or there is more than is meant; why, in words.
pub fn hash(directory: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    collect(directory, PathBuf::new(), &mut files)?;
    files.sort();
    let (mut lines, mut size) = (String::new(), 0);
    for (shown, path) in files {
        let content = fs::read(&path).map_err(|fault| format!("{shown}: {fault}"))?;
        size += content.len();
        if size > limits::PACKAGE_BYTES {
            return Err(format!("it holds more than {} bytes", limits::PACKAGE_BYTES));
        }
        let _ = writeln!(lines, "{}  {shown}", Digest::of(content));
    }
    Ok(format!("h1:{}", STANDARD.encode(Digest::of(lines).0)))
}

/// What tells, without reading the files below a directory, that one of them changed since: their paths, lengths and times.
/// `None` when something cannot be looked at.
pub fn stamp(directory: &Path) -> Option<Digest> {
    let mut files = Vec::new();
    collect(directory, PathBuf::new(), &mut files).ok()?;
    files.sort();
    let mut lines = String::new();
    for (shown, path) in files {
        let file = fs::metadata(path).ok()?;
        let _ = writeln!(lines, "{} {:?} {shown}", file.len(), file.modified().ok()?);
    }
    Some(Digest::of(lines))
}

fn collect(root: &Path, below: PathBuf, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let fault = |fault: std::io::Error| format!("{}: {fault}", below.display());
    for entry in fs::read_dir(root.join(&below)).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let path = below.join(entry.file_name());
        let Some(shown) = path.to_str().filter(|shown| !shown.contains('\n')).map(str::to_owned) else {
            return Err(format!("{} is no name that a package may hold", path.display()));
        };
        let kind = entry.file_type().map_err(fault)?;
        if kind.is_dir() {
            collect(root, path, files)?;
        } else if kind.is_file() {
            files.push((shown, root.join(&path)));
        } else {
            // A link may lead out of the package, and what it leads to is not hashed.
            return Err(format!("{shown} is neither a file nor a directory"));
        }
        if files.len() > limits::PACKAGE_FILES {
            return Err(format!("it holds more than {} files", limits::PACKAGE_FILES));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_names_count_and_nothing_else() {
        let root = std::env::temp_dir().join(format!("cap-tree-{}", std::process::id()));
        let made = fs::create_dir_all(root.join("a")).and_then(|()| fs::write(root.join("a/b"), "x"));
        made.and_then(|()| fs::write(root.join("c"), "")).expect("files");
        // echo -n; sha256sum of the two lines, base64.
        let first = hash(&root).expect("a hash");
        let expected = Digest::of(format!("{}  a/b\n{}  c\n", Digest::of("x"), Digest::of("")));
        assert_eq!(first, format!("h1:{}", STANDARD.encode(expected.0)));
        fs::write(root.join("a/b"), "y").expect("written");
        assert_ne!(hash(&root), Ok(first));
        std::os::unix::fs::symlink("/etc/passwd", root.join("d")).expect("a link");
        assert!(hash(&root).is_err());
        fs::remove_dir_all(root).expect("removed");
    }
}
