//! Which peers ran: one line each on stderr, and in the file that CAP_PEER_REPORT names.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Mutex;

/// What became of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran.
    Ran {
        /// Its version, and where it stands in for something else, that.
        version: String,
    },
    /// It did not.
    NotRun {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// `ran: NAME (VERSION)` or `not run: NAME (WHY)`.
    fn line(&self, name: &str) -> String {
        match self {
            Self::Ran { version } => format!("ran: {name} ({version})"),
            Self::NotRun { why } => format!("not run: {name} ({why})"),
        }
    }
}

/// Each line once, however many tests use the peer.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Says what became of a peer.
pub fn report(name: &str, outcome: &Outcome) {
    let line = outcome.line(name);
    let mut said = SAID.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if said.insert(line.clone()) {
        // Straight to the stream: the harness would keep what is printed by a test that passes.
        let _ = writeln!(std::io::stderr(), "{line}");
        append(&line);
    }
}

fn append(line: &str) {
    let Some(path) = std::env::var_os("CAP_PEER_REPORT") else { return };
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    assert!(written.is_ok(), "CAP_PEER_REPORT cannot be written: {}", path.display());
}

#[test]
fn a_line_says_which_peer_and_what_became_of_it() {
    let ran = Outcome::Ran { version: "BIND 9.18".to_owned() };
    let missing = Outcome::NotRun { why: "named is not installed".to_owned() };
    assert_eq!(ran.line("named"), "ran: named (BIND 9.18)");
    assert_eq!(missing.line("named"), "not run: named (named is not installed)");
}
