//! `cap validate`: the files alone, without store, secrets or network.

use crate::cli::args::ValidateArgs;
use crate::cli::configuration;
use crate::cli::place::Place;
use crate::cli::shell::{ERROR, Failure, OK, Outcome, Shell};
use crate::cli::view::diagnostic;
use crate::cli::wiring::clock::SystemClock;
use crate::cli::wiring::kinds::kinds;
use crate::ports::clock::Clock as _;

/// Carries it out.
pub fn run(shell: &mut Shell, args: &ValidateArgs) -> Outcome {
    let place = Place::enter(args.dir.dir.as_deref())?;
    let read = configuration::read(&place, &args.vars, &kinds(), SystemClock.now());
    let invalid = read.diagnostics.has_errors();
    let read = Failure { diagnostics: read.diagnostics, sources: read.sources };
    if invalid {
        return Err(read);
    }
    if args.json {
        tell(shell, &read);
        return Ok(OK);
    }
    shell.report(&read.diagnostics, &read.sources);
    let success = shell.style.green("Success!");
    let warned =
        if read.diagnostics.is_empty() { "." } else { ", but there were some validation warnings as shown above." };
    shell.line(&format!("{success} The configuration is valid{warned}"));
    Ok(OK)
}

/// Reports to programs why it failed, and gives its exit code.
pub fn fail(shell: &mut Shell, failure: &Failure) -> u8 {
    tell(shell, failure);
    ERROR
}

fn tell(shell: &mut Shell, found: &Failure) {
    shell.line(&format!("{:#}", diagnostic::validation(&found.diagnostics, &found.sources)));
}
