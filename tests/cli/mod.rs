//! The real binary in a cleared environment: what people and scripts see of it.

mod answers;
mod captest;
mod carets;
mod catalogue;
mod conditions;
mod console;
mod deferred;
mod docs;
mod examples;
mod faults;
mod flags;
mod fmt;
mod graph;
mod imports;
mod interrupted;
mod journey;
mod json;
mod lsp;
mod modules;
mod moves;
mod packages;
mod places;
mod previews;
mod reports;
mod schemas;
mod terminal;
mod timelines;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory of its own in which `cap` runs; removed in the end.
pub struct Place {
    path: PathBuf,
}

/// What one run said.
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cap-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self { path }
    }

    /// One that holds the quickstart.
    pub fn quickstart() -> Self {
        let place = Self::new();
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/main.cap.hcl"));
        place.write("main.cap.hcl", text.expect("the quickstart"));
        place
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in it, and the directories above.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the place")).expect("a directory");
        std::fs::write(path, content).expect("a file");
    }

    /// Reads a file in it.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path.join(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    }

    /// The command, ready to be run here with nothing of this process's environment.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cap"));
        command.args(line.split_whitespace()).current_dir(&self.path);
        command.env_clear().env("HOME", &self.path).env("PATH", "/usr/bin:/bin");
        command
    }

    /// Runs it to its end with this on its standard input.
    pub fn piped(&self, line: &str, input: &str) -> Ran {
        let mut command = self.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("cap runs");
        // What it does not read is its own decision.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        Ran::of(child.wait_with_output().expect("an end"))
    }

    /// Runs it to its end.
    pub fn cap(&self, line: &str) -> Ran {
        Ran::of(self.command(line).output().expect("cap runs"))
    }

    /// Runs it, and insists on its exit code.
    pub fn expect(&self, line: &str, code: i32) -> Ran {
        let ran = self.cap(line);
        assert_eq!(ran.code, code, "cap {line}\n{}{}", ran.out, ran.err);
        ran
    }
}

impl Ran {
    /// What a finished process said.
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Insists that standard output holds this.
    pub fn says(&self, part: &str) -> &Self {
        assert!(self.out.contains(part), "{part:?} is missing in\n{}{}", self.out, self.err);
        self
    }

    /// Insists that standard error holds this, wherever its lines are broken.
    pub fn reports(&self, part: &str) -> &Self {
        let words = self.err.split_whitespace().filter(|word| *word != "│");
        let text = words.collect::<Vec<_>>().join(" ");
        assert!(text.contains(part), "{part:?} is missing in\n{}{}", self.out, self.err);
        self
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("{fault} in\n{}{}", self.out, self.err))
    }

    /// Standard output as one JSON document a line.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault} in\n{line}"));
        self.out.lines().map(line).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
