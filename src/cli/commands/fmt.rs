//! `cap fmt`: files in the canonical layout, or what differs from it. Writes a file only where the layout changes, whole
//! or not at all, and never one that does not parse.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::cli::args::FmtArgs;
use crate::cli::files;
use crate::cli::shell::{FAULTY, OK, Outcome, Shell, UNFORMATTED};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::load;
use crate::limits;
use crate::source::Sources;
use crate::syntax;

/// Endings of the files that a directory is searched for.
const ENDINGS: [&str; 4] = [".cap.hcl", ".captest.hcl", ".capvars", ".tfvars"];

/// Formats.
pub fn run(shell: &mut Shell, args: &FmtArgs) -> Outcome {
    let mut run = Run { args, shell, sources: Sources::default(), faults: Diagnostics::default(), unformatted: false };
    if args.paths.iter().any(|path| path == Path::new("-")) {
        run.stdin();
    } else {
        run.files();
    }
    let Run { faults, sources, unformatted, .. } = run;
    shell.report(&faults, &sources);
    Ok(if faults.has_errors() {
        FAULTY
    } else if args.check && unformatted {
        UNFORMATTED
    } else {
        OK
    })
}

struct Run<'a> {
    args: &'a FmtArgs,
    shell: &'a mut Shell,
    sources: Sources,
    faults: Diagnostics,
    unformatted: bool,
}

impl Run<'_> {
    /// Standard input goes to standard output.
    fn stdin(&mut self) {
        let mut text = String::new();
        let most = limits::SOURCE_BYTES as u64;
        let fault = match std::io::stdin().take(most + 1).read_to_string(&mut text) {
            Ok(length) if length as u64 > most => format!("it has more than {most} bytes"),
            Ok(_) => String::new(),
            Err(fault) => fault.to_string(),
        };
        if !fault.is_empty() {
            let detail = format!("Standard input cannot be read: {fault}.");
            return self.faults.push(Diagnostic::error(&codes::shell::UNREADABLE, detail));
        }
        let Some(formatted) = self.formatted("<stdin>", &text) else { return };
        self.unformatted = formatted != text;
        if self.args.diff {
            self.difference("<stdin>", &text, &formatted);
        } else if !self.args.check {
            self.shell.print(&formatted);
        }
    }

    fn files(&mut self) {
        let here = [PathBuf::from(".")];
        let paths = if self.args.paths.is_empty() { &here[..] } else { &self.args.paths };
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                self.search(path, 0, &mut files);
            } else {
                files.push(path.clone());
            }
        }
        for path in files {
            if let Err(fault) = self.file(path.strip_prefix(".").unwrap_or(&path)) {
                self.faults.push(fault);
            }
        }
    }

    /// The files of a directory in the order of their names; hidden ones are not looked at.
    fn search(&mut self, directory: &Path, depth: usize, files: &mut Vec<PathBuf>) {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(fault) => return self.faults.push(unreadable(directory, &fault)),
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let hidden = name.starts_with('.') || name.ends_with('~');
            if hidden {
                continue;
            }
            // Symbolic links to directories may lead round in circles, and what they lead to is elsewhere.
            if path.is_dir() {
                if self.args.recursive && !path.is_symlink() && depth < limits::NESTING {
                    self.search(&path, depth + 1, files);
                }
            } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                files.push(path);
            }
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let shown = path.display().to_string();
        if shown.ends_with(".json") {
            return Err(json(&shown));
        }
        let text = load::read(path)?;
        let Some(formatted) = self.formatted(&shown, &text) else { return Ok(()) };
        if formatted == text {
            return Ok(());
        }
        self.unformatted = true;
        if self.args.list {
            self.shell.line(&shown);
        }
        if self.args.diff {
            self.difference(&shown, &text, &formatted);
        }
        if self.args.write && !self.args.check {
            files::replace(path, &formatted)?;
        }
        Ok(())
    }

    /// The text in the canonical layout; its faults are kept when it does not parse.
    fn formatted(&mut self, name: &str, text: &str) -> Option<String> {
        let values = [".capvars", ".tfvars"].iter().any(|ending| name.ends_with(ending));
        let (_, faults) = if values {
            syntax::parse_values(self.sources.add_values(name, text), text)
        } else {
            syntax::parse(self.sources.add(name, text), text)
        };
        let faulty = faults.has_errors();
        self.faults.extend(faults);
        (!faulty).then(|| syntax::format::format(text))
    }

    fn difference(&mut self, name: &str, old: &str, new: &str) {
        let difference = TextDiff::from_lines(old, new);
        let text = difference.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")).to_string();
        self.shell.print(&text);
    }
}

/// The canonical layout is one of the native form.
fn json(shown: &str) -> Diagnostic {
    Diagnostic::error(&codes::shell::USAGE, format!("{shown} is in the JSON form, which has no canonical layout."))
        .hint("Leave it out; directories are searched for files in the native form only.")
}

fn unreadable(path: &Path, fault: &std::io::Error) -> Diagnostic {
    Diagnostic::error(&codes::shell::UNREADABLE, format!("{} cannot be read: {fault}.", path.display()))
        .hint("Name a file or a directory that exists and can be read.")
}
