//! Writes files whole or not at all: new ones readable by their owner only, others under the permissions they have.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, codes};

/// Writes the file under another name, makes it durable, and renames it: whoever looks sees the old content or the new.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    let temporary = beside(path);
    let written = fill(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|fault| {
        // It is ours and of no use; that it cannot be removed either changes nothing about the report.
        let _ = fs::remove_file(&temporary);
        unwritable(path, &fault)
    })
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

fn fill(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a directory, and what is missing above it, for its owner only. One that exists is left as it is.
pub fn private_directory(path: &Path) -> Result<(), Diagnostic> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|fault| unwritable(path, &fault))
}

fn unwritable(path: &Path, fault: &io::Error) -> Diagnostic {
    Diagnostic::error(&codes::shell::UNWRITABLE, format!("{} cannot be written: {fault}.", path.display()))
        .hint("Check the path, its permissions and the space on the disk.")
}

/// Puts a new content in the place of the old one, under the same permissions; behind a symbolic link, where it points. A
/// file that is not there is made as the process makes files.
pub fn replace(path: &Path, content: &str) -> Result<(), Diagnostic> {
    let write = || {
        if !path.exists() {
            return fs::write(path, content);
        }
        let path = fs::canonicalize(path)?;
        let beside = beside(&path);
        let written = fs::write(&beside, content)
            .and_then(|()| fs::set_permissions(&beside, fs::metadata(&path)?.permissions()))
            .and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            // It is ours and of no use; that it cannot be removed either changes nothing about the report.
            let _ = fs::remove_file(&beside);
        }
        written
    };
    write().map_err(|fault: io::Error| unwritable(path, &fault))
}
