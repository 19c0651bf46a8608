//! Runs the calls in `fixtures/functions/`: after `>` a call, and below it what Terraform's console answers, or after
//! `!` the fault. Where `cap` means to differ, the call stands in `differs.txt` with the reason.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{CallContext, FileFault, FileKind, Files};
use crate::address::ResourceAddress;
use crate::diagnostic::codes::language as codes;
use crate::eval::fault::{Evaluated, Faults, fault};
use crate::eval::notation::notation;
use crate::eval::scope::{Resolved, Roots, Scope, Session};
use crate::source::{Sources, Span};
use crate::syntax::parse_expression;

/// Names the files of a folder, with their content.
macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../../fixtures/functions/", $folder, $name)).as_slice())),*]
    };
}

/// The tables.
const TABLES: &[(&str, &[u8])] = files!(
    "": "certificates.txt" "collections.txt" "dates.txt" "differs.txt" "encoding.txt" "files.txt" "format.txt"
    "network.txt" "numbers.txt" "strings.txt"
);

/// The files that the calls see around their module.
const MODULE: &[(&str, &[u8])] = files!(
    "module/": "binary.dat" "hello.txt" "hosts/a.csv" "hosts/b.csv" "hosts/deep/c.csv" "leaf.pem" "nfd.txt" "request.pem"
);

/// The directory of the module, in memory.
struct Directory;

impl Directory {
    /// What lies below a directory, relative to it.
    fn below(directory: &str) -> impl Iterator<Item = &'static str> {
        let inside = directory.trim_start_matches("./").trim_start_matches('.').to_owned();
        MODULE.iter().filter_map(move |(path, _)| match inside.as_str() {
            "" => Some(*path),
            inside => path.strip_prefix(inside)?.strip_prefix('/'),
        })
    }
}

impl Files for Directory {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileFault> {
        match MODULE.iter().find(|(name, _)| *name == path) {
            Some((_, content)) => Ok((*content).into()),
            None => Err(self.kind(path).map_or_else(|fault| fault, |_| FileFault::Directory)),
        }
    }

    fn kind(&self, path: &str) -> Result<FileKind, FileFault> {
        match (MODULE.iter().any(|(name, _)| *name == path), Self::below(path).next()) {
            (true, _) => Ok(FileKind::File),
            (false, Some(_)) => Ok(FileKind::Directory),
            (false, None) => Err(FileFault::NotFound),
        }
    }

    fn absolute(&self, path: &str) -> Option<String> {
        Some(format!("/estate/{path}"))
    }

    fn home(&self) -> Option<String> {
        Some("/ann".to_owned())
    }

    fn list(&self, directory: &str) -> Result<Vec<(String, FileKind)>, FileFault> {
        let names: std::collections::BTreeMap<String, FileKind> = Self::below(directory)
            .map(|path| match path.split_once('/') {
                Some((name, _)) => (name.to_owned(), FileKind::Directory),
                None => (path.to_owned(), FileKind::File),
            })
            .collect();
        if names.is_empty() { Err(FileFault::NotFound) } else { Ok(names.into_iter().collect()) }
    }
}

/// There is nothing to refer to.
struct NoRoots;

impl Roots for NoRoots {
    fn resolve(&self, root: &str, _: Option<&str>, span: Span) -> Evaluated<Resolved> {
        fault(&codes::REFERENCE, span, format!("{root}: nothing can be referred to")).map_err(Faults::of_references)
    }

    fn dereference(&self, address: &Arc<ResourceAddress>, _: &str, _: Span) -> Evaluated {
        panic!("{address}: nothing can be referred to")
    }
}

/// What a call answers: its value in Terraform's notation, or the words of its fault.
fn answer(call: &str) -> String {
    let plan_time = "2026-11-24T12:00:00Z".parse().expect("a time");
    let session = Session::new(CallContext { files: &Directory, plan_time });
    let source = Sources::default().add("call", call);
    let faults = match parse_expression(source, 0, call) {
        Ok(expr) => match Scope::new(&NoRoots, &session).eval(&expr) {
            Ok(value) => return notation(&value),
            Err(faults) => faults.diagnostics,
        },
        Err(faults) => faults.iter().cloned().collect(),
    };
    let words: Vec<&str> = faults.iter().map(|fault| fault.detail.as_str()).collect();
    format!("! {}", without_place(&words.join("\n")))
}

/// The fault without the function and the parameter it names first.
fn without_place(detail: &str) -> &str {
    let rest = detail.split_once(": ").map_or(detail, |(_, rest)| rest);
    let rest =
        rest.strip_prefix("invalid value for ").and_then(|rest| rest.split_once(": ")).map_or(rest, |(_, rest)| rest);
    rest.strip_suffix('.').unwrap_or(rest)
}

/// The calls of a table with what is expected of them.
fn rows(text: &str) -> Vec<(String, String)> {
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("#")) {
        match (line.strip_prefix("> "), rows.last_mut()) {
            (Some(call), _) => rows.push((call.to_owned(), Vec::new())),
            (None, Some((_, expected))) => expected.push(line),
            (None, None) => {}
        }
    }
    rows.into_iter().map(|(call, expected)| (call, expected.join("\n").trim_end().to_owned())).collect()
}

/// The names before opening parentheses.
fn names_in(call: &str) -> Vec<String> {
    let name = |before: &str| before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned();
    call.match_indices('(').map(|(at, _)| name(&call[..at])).collect()
}

#[test]
fn calls_answer_as_in_terraform() {
    let (mut faults, mut called, mut count) = (String::new(), BTreeSet::new(), 0);
    for (table, text) in TABLES {
        let text = std::str::from_utf8(text).expect("a table");
        for (call, expected) in rows(text) {
            let outcome = answer(&call);
            called.extend(names_in(&call));
            count += 1;
            if outcome != expected {
                let _ = writeln!(faults, "{table}\n> {call}\n{outcome}\n  instead of\n{expected}\n");
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    let uncalled: Vec<&str> =
        super::all().map(|function| function.name).filter(|name| !called.contains(*name)).collect();
    assert!(uncalled.is_empty() && count > 0, "no table calls {}", uncalled.join(", "));
}

/// Expressions, each with what Terraform 1.11.4 answered, its lines joined; `!` where it reported a fault.
const COMPARED: &str = include_str!("../../../fixtures/functions/compared.txt");

#[test]
fn expressions_answer_as_they_did_in_terraform() {
    let mut faults = String::new();
    let rows = rows(COMPARED);
    for (expression, expected) in &rows {
        let outcome = answer(expression);
        let lines: Vec<&str> = outcome.lines().map(str::trim).collect();
        let joined = if outcome.starts_with("! ") { "!".to_owned() } else { lines.join(" ") };
        if joined.trim_end() != expected {
            let _ = writeln!(faults, "> {expression}\n{outcome}\n  instead of\n{expected}\n");
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(rows.len() > 1000, "{} expressions", rows.len());
}

#[test]
fn every_function_is_documented_once() {
    let mut names = BTreeSet::new();
    for function in super::all() {
        assert!(names.insert(function.name), "{} is there twice", function.name);
        assert!(function.doc.ends_with('.') && function.doc.len() > 20, "{}", function.name);
    }
}
