//! `cap lsp`: serves one editor on standard input and output.

use std::io::{BufReader, stdin, stdout};

use crate::cli::shell::{Outcome, environment};
use crate::cli::wiring::kinds::kinds;
use crate::diagnostic::{Diagnostic, codes};
use crate::lsp;

/// Serves until the editor leaves.
pub fn run() -> Outcome {
    let home = environment("HOME").map(Into::into);
    lsp::serve(BufReader::new(stdin()), stdout().lock(), kinds(), home).map_err(|fault| {
        let detail = format!("The operating system gives no threads: {fault}.");
        Diagnostic::error(&codes::shell::NO_RUNTIME, detail)
            .hint("Look at the limits on processes and memory (ulimit -a).")
            .into()
    })
}
