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
    if args.json {
        shell.line(&format!("{:#}", diagnostic::validation(&read.diagnostics, &read.sources)));
        return Ok(if invalid { ERROR } else { OK });
    }
    if invalid {
        return Err(Failure { diagnostics: read.diagnostics, sources: read.sources });
    }
    shell.report(&read.diagnostics, &read.sources);
    let success = shell.style.green("Success!");
    let warned =
        if read.diagnostics.is_empty() { "." } else { ", but there were some validation warnings as shown above." };
    shell.line(&format!("{success} The configuration is valid{warned}"));
    Ok(OK)
}
