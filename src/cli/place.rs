//! Going to the directory of a configuration: everything relative in it starts there, wherever the command was typed.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, codes};

/// Where the command was typed, and where it works.
#[derive(Debug, Clone)]
pub struct Place {
    before: PathBuf,
    /// The directory as the user named it; empty when it was not named.
    pub named: String,
}

impl Place {
    /// Stays where the command was typed.
    pub fn here() -> Self {
        Self { before: PathBuf::new(), named: String::new() }
    }

    /// Goes to a directory.
    pub fn enter(directory: Option<&Path>) -> Result<Self, Diagnostic> {
        let Some(directory) = directory else { return Ok(Self::here()) };
        let fault = |error: std::io::Error| {
            let detail = format!("The directory {} cannot be entered: {error}.", directory.display());
            Diagnostic::error(&codes::shell::UNREADABLE, detail).hint("Name a directory that exists.")
        };
        let before = std::env::current_dir().map_err(fault)?;
        std::env::set_current_dir(directory).map_err(fault)?;
        Ok(Self { before, named: directory.display().to_string() })
    }

    /// A path as it was typed before going there.
    pub fn typed(&self, path: &Path) -> PathBuf {
        self.before.join(path)
    }

    /// The place of a directory below, with what was typed still found from where it was typed.
    ///
    /// # Errors
    /// When the current directory is gone.
    pub fn within(&self, directory: &str) -> std::io::Result<Self> {
        let before = std::env::current_dir()?.join(&self.before);
        Ok(Self { before, named: self.shown(directory) })
    }

    /// A file of this place as reports name it.
    pub fn shown(&self, name: &str) -> String {
        match self.named.as_str() {
            "" | "." => name.to_owned(),
            named => format!("{}/{name}", named.trim_end_matches('/')),
        }
    }

    /// The URL of a store as it was typed before going there.
    pub fn store(&self, url: &str) -> String {
        match url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", self.typed(Path::new(path)).display()),
            None => url.to_owned(),
        }
    }
}
