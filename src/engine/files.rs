//! Files as functions of the language see them: read from the directory of the module, bounded, never written.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::eval::functions::{FileFault, FileKind, Files};
use crate::limits;

/// The files around one module.
pub struct ModuleDirectory {
    directory: PathBuf,
    home: Option<PathBuf>,
}

impl ModuleDirectory {
    /// Files that are found from `directory`, and from `home` where a path begins with `~/`.
    pub fn new(directory: impl Into<PathBuf>, home: Option<PathBuf>) -> Self {
        Self { directory: directory.into(), home }
    }

    fn path(&self, written: &str) -> Result<PathBuf, FileFault> {
        match (written.strip_prefix("~/"), &self.home) {
            (Some(below), Some(home)) => Ok(home.join(below)),
            (Some(_), None) => Err(FileFault::Other("HOME is not set".to_owned())),
            // An empty directory is the current one.
            (None, _) => Ok(Path::new(".").join(&self.directory).join(written)),
        }
    }
}

impl Files for ModuleDirectory {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileFault> {
        let path = self.path(path)?;
        match kind_of(&path)? {
            FileKind::File => {}
            FileKind::Directory => return Err(FileFault::Directory),
            // Opening a pipe would wait for whoever writes into it.
            FileKind::Other => return Err(FileFault::Other("it is not a regular file".to_owned())),
        }
        let most = limits::SOURCE_BYTES as u64;
        let mut content = Vec::new();
        File::open(&path).and_then(|file| file.take(most + 1).read_to_end(&mut content)).map_err(fault)?;
        if content.len() as u64 > most {
            return Err(FileFault::Other(format!("it has more than {most} bytes")));
        }
        Ok(content.into())
    }

    fn kind(&self, path: &str) -> Result<FileKind, FileFault> {
        kind_of(&self.path(path)?)
    }

    fn absolute(&self, path: &str) -> Option<String> {
        let path = self.path(path).ok()?;
        std::path::absolute(path).ok()?.into_os_string().into_string().ok()
    }

    fn home(&self) -> Option<String> {
        self.home.clone()?.into_os_string().into_string().ok()
    }

    fn list(&self, directory: &str) -> Result<Vec<(String, FileKind)>, FileFault> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path(directory)?).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            // What cannot be named in the language, or went away meanwhile, is not there.
            if let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), kind_of(&entry.path())) {
                found.push((name, kind));
            }
        }
        Ok(found)
    }
}

fn kind_of(path: &Path) -> Result<FileKind, FileFault> {
    let kind = fs::metadata(path).map_err(fault)?.file_type();
    Ok(match (kind.is_file(), kind.is_dir()) {
        (true, _) => FileKind::File,
        (_, true) => FileKind::Directory,
        _ => FileKind::Other,
    })
}

fn fault(error: io::Error) -> FileFault {
    match error.kind() {
        ErrorKind::NotFound => FileFault::NotFound,
        ErrorKind::IsADirectory => FileFault::Directory,
        _ => FileFault::Other(error.to_string()),
    }
}
