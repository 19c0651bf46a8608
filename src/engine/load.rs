//! Gathers texts: the files of a directory, variable files, and what functions read. Parses and decides nothing.
//!
//! One directory is one module; subdirectories are not read. Every fault of every file is reported at once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::limits;
use crate::source::{SourceId, Sources, Span, printable};

/// What kind of file it is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `*.cap.hcl`
    Hcl,
    /// `*.cap.json`
    Json,
}

/// One configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its text.
    pub source: SourceId,
    /// Its syntax.
    pub kind: FileKind,
    /// `override.cap.hcl` and `*_override.cap.hcl`: merged last.
    pub overrides: bool,
}

/// The files of one module, in the order of their names, overrides last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleFiles {
    /// The files.
    pub files: Vec<ConfigFile>,
    /// The directory, as the user named it.
    pub directory: PathBuf,
}

/// Reads the files of one module.
pub fn module(directory: &Path, shown: &str, sources: &mut Sources) -> (ModuleFiles, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let mut found = match names(directory) {
        Ok(names) => names,
        Err(fault) => return (ModuleFiles::default(), unreadable(of(directory, shown), &fault.to_string()).into()),
    };
    found.retain(|name| config_kind(name).is_some());
    found.sort_by_key(|name| (is_override(name), name.clone()));
    if found.is_empty() {
        diagnostics.push(empty(of(directory, shown)));
    }
    let mut files = Vec::new();
    for name in &found {
        let Some(kind) = config_kind(name) else { continue };
        let named = join_shown(shown, name);
        let Some(text) = diagnostics.take(regular(&directory.join(name), Path::new(&named), sources)) else { continue };
        let source = sources.add(named, text);
        files.push(ConfigFile { source, kind, overrides: is_override(name) });
    }
    (ModuleFiles { files, directory: directory.to_owned() }, diagnostics)
}

/// Reads the variable files that are taken without being asked for, in their order of precedence: the later wins.
pub fn automatic_variables(directory: &Path, shown: &str, sources: &mut Sources) -> (Vec<SourceId>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let all = names(directory).unwrap_or_default();
    let mut found = Vec::new();
    for fixed in ["terraform.tfvars", "cap.capvars", "terraform.tfvars.json", "cap.capvars.json"] {
        found.extend(all.iter().filter(|name| *name == fixed).cloned());
    }
    let automatic = |name: &&String| AUTOMATIC.iter().any(|ending| name.ends_with(ending));
    found.extend(all.iter().filter(automatic).cloned());
    let mut read_all = Vec::new();
    for name in found {
        let named = join_shown(shown, &name);
        if let Some(text) = diagnostics.take(regular(&directory.join(&name), Path::new(&named), sources)) {
            read_all.push(sources.add_values(named, text));
        }
    }
    (read_all, diagnostics)
}

const AUTOMATIC: [&str; 4] = [".auto.capvars", ".auto.capvars.json", ".auto.tfvars", ".auto.tfvars.json"];

/// Reads a variable file named on the command line; reports name it as it was typed there.
pub fn named(path: &Path, typed: &Path, sources: &mut Sources) -> Result<SourceId, Diagnostic> {
    let text = placed(path, typed, sources)?;
    Ok(sources.add_values(typed.display().to_string(), text))
}

/// Reads a list that was named on the command line, likewise. What stands in it is no secret.
pub fn listed(path: &Path, typed: &Path, sources: &mut Sources) -> Result<SourceId, Diagnostic> {
    let text = placed(path, typed, sources)?;
    Ok(sources.add(typed.display().to_string(), text))
}

/// Variables of the environment that set variables: `CAP_VAR_name`.
pub fn environment(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    all.filter_map(|(key, value)| key.strip_prefix("CAP_VAR_").map(|name| (name.to_owned(), value))).collect()
}

fn names(directory: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        // Editors leave hidden files and back-ups behind: they are not configuration.
        if let Ok(name) = entry?.file_name().into_string()
            && !name.starts_with(['.', '#'])
            && !name.ends_with('~')
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn config_kind(name: &str) -> Option<FileKind> {
    if name.ends_with(".cap.hcl") {
        Some(FileKind::Hcl)
    } else if name.ends_with(".cap.json") {
        Some(FileKind::Json)
    } else {
        None
    }
}

fn is_override(name: &str) -> bool {
    let stem = name.trim_end_matches(".cap.hcl").trim_end_matches(".cap.json");
    stem == "override" || stem.ends_with("_override")
}

fn join_shown(shown: &str, name: &str) -> String {
    match shown {
        "" | "." => name.to_owned(),
        _ => format!("{}/{name}", shown.trim_end_matches('/')),
    }
}

/// A directory as the user named it.
fn of<'a>(directory: &'a Path, shown: &'a str) -> &'a Path {
    if shown.is_empty() { directory } else { Path::new(shown) }
}

/// The text of a file that was found and not asked for. Opening a pipe would wait for whoever writes into it.
fn regular(path: &Path, shown: &Path, sources: &mut Sources) -> Result<String, Diagnostic> {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(unreadable(shown, "it is not a regular file")),
        _ => placed(path, shown, sources),
    }
}

/// The text of a file. What cannot be part of a text is reported where it stands: of the rest nothing is shown.
fn placed(path: &Path, shown: &Path, sources: &mut Sources) -> Result<String, Diagnostic> {
    text(path, shown).map_err(|unread| match unread {
        Unread::Fault(fault) => fault,
        Unread::Bytes { report, bytes, at } => {
            let source = sources.add_values(shown.display().to_string(), String::from_utf8_lossy(&bytes));
            report.at(Span::new(source, at..at + char::REPLACEMENT_CHARACTER.len_utf8()))
        }
    })
}

/// Why there is no text of a file.
enum Unread {
    Fault(Diagnostic),
    /// It has other bytes than those of characters.
    Bytes {
        report: Diagnostic,
        bytes: Vec<u8>,
        at: usize,
    },
}

/// The text of a file that was asked for, which may be a pipe: bounded, UTF-8, without a byte order mark.
pub fn read(path: &Path) -> Result<String, Diagnostic> {
    text(path, path).map_err(|unread| match unread {
        Unread::Fault(report) | Unread::Bytes { report, .. } => report,
    })
}

fn text(path: &Path, shown: &Path) -> Result<String, Unread> {
    let bytes = read_at_most(path, limits::SOURCE_BYTES).map_err(|unread| match unread {
        NoContent::Fault(fault) => Unread::Fault(unreadable(shown, &fault.to_string())),
        NoContent::TooLong => Unread::Fault(too_long(shown)),
    })?;
    let text = String::from_utf8(bytes).map_err(|fault| {
        let at = fault.utf8_error().valid_up_to();
        Unread::Bytes { report: not_utf8(shown, at), bytes: fault.into_bytes(), at }
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The content of a file of at most `most` bytes, whatever its size is said to be.
///
/// # Errors
/// Why it cannot be read, to follow "it cannot be read: ".
pub fn bounded(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    read_at_most(path, most).map_err(|unread| match unread {
        NoContent::Fault(fault) => fault.to_string(),
        NoContent::TooLong => more_than(most),
    })
}

/// Why there is no content of a file.
enum NoContent {
    Fault(std::io::Error),
    TooLong,
}

fn read_at_most(path: &Path, most: usize) -> Result<Vec<u8>, NoContent> {
    let file = File::open(path).map_err(NoContent::Fault)?;
    let size = file.metadata().map_err(NoContent::Fault)?.len();
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(most).min(most));
    file.take(most as u64 + 1).read_to_end(&mut content).map_err(NoContent::Fault)?;
    if content.len() > most { Err(NoContent::TooLong) } else { Ok(content) }
}

fn more_than(most: usize) -> String {
    format!("it has more than {most} bytes")
}

fn too_long(path: &Path) -> Diagnostic {
    let name = path.to_string_lossy();
    let detail = format!("{} cannot be read: {}.", printable(&name), more_than(limits::SOURCE_BYTES));
    Diagnostic::error(&codes::shell::UNREADABLE, detail)
        .hint("A file is held in memory as a whole: divide it into several, or name another.")
}

fn unreadable(path: &Path, why: &str) -> Diagnostic {
    let name = path.to_string_lossy();
    Diagnostic::error(&codes::shell::UNREADABLE, format!("{} cannot be read: {why}.", printable(&name)))
        .hint("Check the path and its permissions.")
}

fn not_utf8(path: &Path, at: usize) -> Diagnostic {
    let detail =
        format!("{} is not UTF-8: byte {at} cannot be part of a character.", printable(&path.to_string_lossy()));
    Diagnostic::error(&codes::shell::UNREADABLE, detail).hint("Save the file as UTF-8.")
}

fn empty(directory: &Path) -> Diagnostic {
    let detail = format!("{} holds no file named *.cap.hcl or *.cap.json.", directory.display());
    Diagnostic::error(&codes::shell::NO_CONFIGURATION, detail)
        .hint("Name the directory of the configuration, or go there with -chdir=DIR.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str, files: &[(&str, &[u8])]) -> std::io::Result<PathBuf> {
        let path = std::env::temp_dir().join(format!("cap-load-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        for (file, content) in files {
            std::fs::write(path.join(file), content)?;
        }
        Ok(path)
    }

    #[test]
    fn files_come_in_order_and_overrides_last() -> std::io::Result<()> {
        let files: &[(&str, &[u8])] = &[
            ("b.cap.hcl", b""),
            ("a_override.cap.hcl", b""),
            ("c.cap.json", b"{}"),
            (".hidden.cap.hcl", b""),
            ("x.tf", b""),
        ];
        let path = directory("order", files)?;
        let mut sources = Sources::default();
        let (module, diagnostics) = super::module(&path, "dir", &mut sources);
        let names: Vec<&str> = module.files.iter().map(|file| sources.get(file.source).name.as_str()).collect();
        assert_eq!(names, ["dir/b.cap.hcl", "dir/c.cap.json", "dir/a_override.cap.hcl"]);
        assert!(diagnostics.is_empty());
        std::fs::remove_dir_all(path)
    }

    #[test]
    fn what_cannot_be_read_is_reported_and_the_rest_is_read() -> std::io::Result<()> {
        let path = directory("latin1", &[("a.cap.hcl", b"x = \"\xe4\""), ("b.cap.hcl", b"")])?;
        let mut sources = Sources::default();
        let (module, diagnostics) = super::module(&path, "", &mut sources);
        assert_eq!(module.files.len(), 1);
        let report = diagnostics.iter().find(|one| one.detail.contains("is not UTF-8: byte 5")).expect("a report");
        assert_eq!(sources.position(report.span.expect("a place")).to_string(), "a.cap.hcl:1:6");
        std::fs::remove_dir_all(path)
    }
}
