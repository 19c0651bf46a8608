//! Functions of files and paths. Files are reached through [`super::Files`] only.

use std::sync::Arc;

use super::support::{Outcome, function, string, string_param, text, utf8};
use super::{CallContext, Fault, FileFault, FileKind, Function};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::limits;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "abspath",
        &[string_param("path")],
        "A path from the root of the file system: `abspath(\"hosts/a.csv\")`. It differs from machine to machine, and so \
         does what is planned of it.",
        abspath,
    ),
    function(
        "basename",
        &[string_param("path")],
        "The last part of a path: `basename(\"foo/bar/baz.txt\")` is `\"baz.txt\"`.",
        |_, args| string(split(text(args, 0)?).1),
    ),
    function(
        "dirname",
        &[string_param("path")],
        "A path without its last part: `dirname(\"foo/bar/baz.txt\")` is `\"foo/bar\"`.",
        |_, args| string(split(text(args, 0)?).0),
    ),
    function(
        "file",
        &[string_param("path")],
        "The content of a file, which must be UTF-8: `file(\"hello.txt\")`.",
        file,
    ),
    function(
        "fileexists",
        &[string_param("path")],
        "Whether a file stands at a path: `fileexists(\"custom.pem\")`.",
        fileexists,
    ),
    function(
        "fileset",
        &[string_param("path"), string_param("pattern")],
        "The files below a directory that match a pattern of `*`, `**`, `?`, `{a,b}` and `[ab]`, relative to it: \
         `fileset(path.module, \"hosts/*.csv\")`.",
        fileset,
    ),
    function(
        "pathexpand",
        &[string_param("path")],
        "A path with the home directory in place of a leading `~`: `pathexpand(\"~/.ssh/id\")`. It differs from user to \
         user, and so does what is planned of it.",
        pathexpand,
    ),
];

fn abspath(context: &CallContext<'_>, args: &[Value]) -> Outcome {
    let absolute = context.files.absolute(text(args, 0)?);
    string(clean(&absolute.ok_or_else(|| Fault::call("the directory of the configuration is not known here"))?))
}

fn pathexpand(context: &CallContext<'_>, args: &[Value]) -> Outcome {
    let path = text(args, 0)?;
    match path.strip_prefix('~') {
        None => string(path),
        Some(below) if below.is_empty() || below.starts_with('/') => {
            let home = context.files.home().ok_or_else(|| Fault::call("HOME is not set"))?;
            string(clean(&format!("{home}/{below}")))
        }
        Some(_) => Err(Fault::call("cannot expand user-specific home dir")),
    }
}

/// The bytes of the file that the first argument names.
pub(super) fn read(context: &CallContext<'_>, args: &[Value]) -> Result<Arc<[u8]>, Fault> {
    let path = text(args, 0)?;
    context.files.read(path).map_err(|fault| Fault::at(0, in_words(path, fault)))
}

fn in_words(path: &str, fault: FileFault) -> String {
    match fault {
        FileFault::NotFound => format!(
            "no file exists at \"{path}\"; this function works only with files that are distributed as part of the \
             configuration source code"
        ),
        FileFault::Directory => format!("\"{path}\" is a directory, not a file"),
        FileFault::Other(why) => format!("cannot read \"{path}\": {why}"),
    }
}

fn file(context: &CallContext<'_>, args: &[Value]) -> Outcome {
    let bytes = read(context, args)?;
    let unfit = || {
        Fault::at(
            0,
            format!(
                "contents of \"{}\" are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents \
             or the other file functions (e.g. filemd5, filesha256) to obtain file hashing results instead",
                text(args, 0).unwrap_or_default(),
            ),
        )
    };
    string(utf8(&bytes).ok_or_else(unfit)?)
}

fn fileexists(context: &CallContext<'_>, args: &[Value]) -> Outcome {
    let path = text(args, 0)?;
    match context.files.kind(path) {
        Ok(FileKind::File) => Ok(Value::Bool(true)),
        Err(FileFault::NotFound) => Ok(Value::Bool(false)),
        Ok(FileKind::Directory) => Err(Fault::call(format!("\"{path}\" is a directory, not a file"))),
        Ok(FileKind::Other) => Err(Fault::call(format!("\"{path}\" is not a regular file"))),
        Err(fault) => Err(Fault::call(in_words(path, fault))),
    }
}

/// Directory and last part of a path, as POSIX has them.
fn split(path: &str) -> (String, String) {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        let only = if path.is_empty() { "." } else { "/" };
        return (only.to_owned(), only.to_owned());
    }
    // A path that ends in a slash names the directory itself.
    let (directory, name) = path.rsplit_once('/').map_or((".", path), |(directory, name)| (directory, name));
    let name = if name.is_empty() { trimmed.rsplit('/').next().unwrap_or(trimmed) } else { name };
    (clean(if directory.is_empty() { "/" } else { directory }), name.to_owned())
}

/// A path without empty parts, `.` and `..` where they can be resolved.
fn clean(path: &str) -> String {
    let root = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match parts.last() {
            Some(last) if part == ".." && *last != ".." => {
                parts.pop();
            }
            None if part == ".." && root => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (root, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn fileset(context: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (root, pattern) = (text(args, 0)?, text(args, 1)?);
    let mut found = Vec::new();
    if !is_well_formed(pattern) {
        return Err(Fault::call(format!("failed to glob pattern \"{pattern}\": syntax error in pattern")));
    }
    for pattern in alternatives(pattern).ok_or_else(|| Fault::at(1, "it has too many alternatives"))? {
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let mut walk = Walk { context, root, found: &mut found };
        walk.descend("", &parts, 0)?;
    }
    let found = found.into_iter().map(string).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::set(Type::String, found))
}

/// A search for files, from the directory `root` downwards.
struct Walk<'a> {
    context: &'a CallContext<'a>,
    root: &'a str,
    found: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn descend(&mut self, below: &str, parts: &[&str], depth: usize) -> Result<(), Fault> {
        let Some((part, rest)) = parts.split_first() else { return Ok(()) };
        // Symbolic links may lead round in circles.
        if depth > limits::NESTING {
            return Ok(());
        }
        if *part == "**" {
            self.descend(below, rest, depth)?;
            if rest.is_empty() {
                self.descend(below, &["*"], depth)?;
            }
        }
        let directory = if below.is_empty() { self.root.to_owned() } else { format!("{}/{below}", self.root) };
        let names = match self.context.files.list(&directory) {
            Ok(names) => names,
            Err(FileFault::NotFound | FileFault::Directory) => return Ok(()),
            Err(fault) => return Err(Fault::call(in_words(&directory, fault))),
        };
        for (name, kind) in names {
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            match kind {
                FileKind::Directory if *part == "**" => self.descend(&path, parts, depth + 1)?,
                FileKind::Directory if matches(part, &name) => self.descend(&path, rest, depth + 1)?,
                FileKind::File if rest.is_empty() && *part != "**" && matches(part, &name) => self.found.push(path),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether every bracket and brace of a pattern is closed, and every bracket holds characters and ranges.
fn is_well_formed(pattern: &str) -> bool {
    let (mut rest, mut braces) = (pattern.chars(), 0_usize);
    while let Some(c) = rest.next() {
        let fits = match c {
            '\\' => rest.next().is_some(),
            '[' => bracket(&mut rest),
            _ => true,
        };
        if !fits {
            return false;
        }
        match c {
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    braces == 0
}

/// Reads to the end of a bracket: whether it is closed, and holds at least one character and no half of a range.
fn bracket(rest: &mut std::str::Chars<'_>) -> bool {
    let Some((set, behind)) = rest.as_str().split_once(']') else { return false };
    *rest = behind.chars();
    let set = set.strip_prefix(['^', '!']).unwrap_or(set);
    !set.is_empty() && !set.starts_with('-') && !set.ends_with('-')
}

/// The most patterns that braces may make of one.
const ALTERNATIVES: usize = 1024;

/// The patterns that the first braces, and then those within, stand for.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        match braces(&pattern) {
            Some((before, choices, after)) => {
                open.extend(choices.iter().map(|choice| format!("{before}{choice}{after}")));
            }
            None => done.push(pattern),
        }
        if open.len() + done.len() > ALTERNATIVES {
            return None;
        }
    }
    Some(done)
}

/// The first braces of a pattern: what is before, the choices, what is after.
fn braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let start = pattern.find('{')?;
    let (mut depth, mut from, mut choices) = (0, start + 1, Vec::new());
    for (at, c) in pattern[start..].char_indices().map(|(at, c)| (start + at, c)) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => {
                choices.push(&pattern[from..at]);
                return Some((&pattern[..start], choices, &pattern[at + 1..]));
            }
            '}' => depth -= 1,
            ',' if depth == 1 => {
                choices.push(&pattern[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// Whether a name matches one part of a pattern.
fn matches(pattern: &str, name: &str) -> bool {
    let mut regex = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let set: String = rest.by_ref().take_while(|c| *c != ']').collect();
                let (negated, set) = set.strip_prefix(['^', '!']).map_or(("", &*set), |set| ("^", set));
                let set = set.replace('\\', "\\\\").replace('[', "\\[").replace('&', "\\&").replace('~', "\\~");
                regex.push_str(&format!("[{negated}{set}]"));
            }
            '\\' => regex.push_str(&regex::escape(&rest.next().map(String::from).unwrap_or_default())),
            _ => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push('$');
    regex::Regex::new(&regex).is_ok_and(|regex| regex.is_match(name))
}
