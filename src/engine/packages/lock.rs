//! The lock file, `.cap.lock.hcl`: which commit and which content every package was when it was got. Written by `cap get`
//! only, and meant to be kept with the configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Diagnostics, codes::language as codes};
use crate::engine::load;
use crate::eval::value::Value;
use crate::source::Sources;
use crate::syntax;
use crate::syntax::ast::{Block, Expr, ExprKind};
use crate::syntax::print::native;

/// Its name.
pub const LOCK: &str = ".cap.lock.hcl";

/// What it says of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The commit of a repository.
    pub commit: Option<String>,
    /// The hash of its content.
    pub hash: String,
}

/// What it says, by the package's source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    /// Each package.
    pub entries: BTreeMap<String, Locked>,
}

/// Reads that of a directory, which is empty where there is none. `shown` is the directory as the user named it.
pub fn read(directory: &Path, shown: &str, sources: &mut Sources) -> (Lockfile, Diagnostics) {
    let path = directory.join(LOCK);
    if !path.exists() {
        return Default::default();
    }
    match load::read(&path) {
        Ok(text) => {
            let name = if shown.is_empty() || shown == "." { LOCK.to_owned() } else { format!("{shown}/{LOCK}") };
            parse(&name, &text, sources)
        }
        Err(fault) => (Lockfile::default(), fault.into()),
    }
}

fn parse(name: &str, text: &str, sources: &mut Sources) -> (Lockfile, Diagnostics) {
    let (file, mut faults) = syntax::parse(sources.add(name, text), text);
    let mut lock = Lockfile::default();
    for block in &file.body.blocks {
        match entry(block) {
            Some((source, locked)) => _ = lock.entries.insert(source, locked),
            None => {
                let detail = "A lock file holds blocks module \"source\" { … } with a hash.";
                let report = Diagnostic::error(&codes::LOCK, detail).at(block.head);
                faults.push(report.hint("Remove the file, and run `cap get`."));
            }
        }
    }
    (lock, faults)
}

fn entry(block: &Block) -> Option<(String, Locked)> {
    let text = |name: &str| match &block.body.attribute(name)?.value.kind {
        ExprKind::Literal(Value::String(text)) => Some(text.to_string()),
        _ => None,
    };
    let [source] = &block.labels[..] else { return None };
    (&*block.kind.text == "module").then_some(())?;
    Some((source.text.to_string(), Locked { commit: text("commit"), hash: text("hash")? }))
}

impl Lockfile {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut out = "# This file is maintained by `cap get`. Keep it with the configuration.\n".to_owned();
        for (source, Locked { commit, hash }) in &self.entries {
            let _ = write!(out, "\nmodule {} {{\n", quoted(source));
            if let Some(commit) = commit {
                let _ = writeln!(out, "  commit = {}", quoted(commit));
            }
            let equals = if commit.is_some() { "hash  " } else { "hash" };
            let _ = writeln!(out, "  {equals} = {}\n}}", quoted(hash));
        }
        out
    }
}

fn quoted(text: &str) -> String {
    let nowhere = crate::source::Span::new(crate::source::SourceId(u32::MAX), 0..0);
    native(&Expr::literal(Value::string(text), nowhere))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_read_as_it_was_written() {
        let mut lock = Lockfile::default();
        let locked = |commit: Option<&str>| Locked { commit: commit.map(str::to_owned), hash: "h1:x=".to_owned() };
        lock.entries.insert("git::https://x.example/a.git?ref=v1".to_owned(), locked(Some("0123")));
        lock.entries.insert("https://x.example/\"${a}.tgz".to_owned(), locked(None));
        let text = lock.text();
        let (read, faults) = parse(LOCK, &text, &mut Sources::default());
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(read, lock);
        assert_eq!(crate::syntax::format::format(&text), text);
    }

    #[test]
    fn what_is_no_lock_file_is_reported() {
        for text in ["module \"a\" {}\n", "module {\n  hash = \"x\"\n}\n", "x \"a\" {\n  hash = \"x\"\n}\n", "module {"]
        {
            assert!(parse(LOCK, text, &mut Sources::default()).1.has_errors(), "{text}");
        }
    }
}
