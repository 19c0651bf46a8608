//! Where the store is, and where the key files lie that belong to it. Opens nothing.

use std::path::{Path, PathBuf};

/// The scheme of the embedded store.
const SQLITE: &str = "sqlite:";

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its URL; a path in it is as seen from the current directory.
    pub url: String,
    /// Directory of its key files: beside the database, or `.cap` beside the configuration.
    pub keys: PathBuf,
    /// Whether a saved plan may name it: what the command line or the environment say may hold credentials.
    pub recordable: bool,
}

impl Location {
    /// The first that says where: the command line or `CAP_STORE`, then the `cap` block or the saved plan, then
    /// `.cap/state.db` beside the files in `directory`.
    pub fn find(flag: Option<&str>, block: Option<&str>, directory: &Path) -> Self {
        let (url, recordable) = match (flag, block) {
            (Some(flag), _) => (flag.to_owned(), false),
            (None, Some(block)) => (beside(block, directory), true),
            (None, None) => (default(directory), true),
        };
        let file = database(&url).and_then(|path| path.parent().map(Path::to_owned));
        Self { keys: file.unwrap_or_else(|| directory.join(".cap")), url, recordable }
    }

    /// The file of the embedded store.
    pub fn database(&self) -> Option<PathBuf> {
        database(&self.url)
    }
}

fn default(directory: &Path) -> String {
    format!("{SQLITE}{}", directory.join(".cap/state.db").display())
}

/// A relative path in the `cap` block starts where the files are, wherever the command was typed.
fn beside(url: &str, directory: &Path) -> String {
    match url.strip_prefix(SQLITE) {
        Some(path) => format!("{SQLITE}{}", directory.join(path.trim_start_matches("//")).display()),
        None => url.to_owned(),
    }
}

fn database(url: &str) -> Option<PathBuf> {
    url.strip_prefix(SQLITE).map(|path| PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flag: Option<&str>, block: Option<&str>, url: &str, keys: &str) {
        let found = Location::find(flag, block, Path::new("estate"));
        assert_eq!((found.url.as_str(), found.keys.as_path()), (url, Path::new(keys)));
        assert_eq!(found.recordable, flag.is_none());
    }

    #[test]
    fn the_command_line_wins_and_paths_start_beside_the_files() {
        check(None, None, "sqlite:estate/.cap/state.db", "estate/.cap");
        check(None, Some("sqlite:x/s.db"), "sqlite:estate/x/s.db", "estate/x");
        check(None, Some("sqlite:/var/s.db"), "sqlite:/var/s.db", "/var");
        check(Some("sqlite:s.db"), Some("sqlite:x/s.db"), "sqlite:s.db", "");
        check(None, Some("mongodb://db/cap"), "mongodb://db/cap", "estate/.cap");
    }
}
