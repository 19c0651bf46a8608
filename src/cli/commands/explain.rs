//! `cap explain CODE`: the page of a code, the list of all of them, or all pages as one document.

use crate::cli::args::ExplainArgs;
use crate::cli::shell::{OK, Outcome, Shell};
use crate::diagnostic::codes::page;
use crate::diagnostic::{Code, Diagnostic, codes, did_you_mean};

/// Prints it.
pub fn run(shell: &mut Shell, args: &ExplainArgs) -> Outcome {
    let text = match &args.code {
        None if args.markdown => page::markdown(codes::areas()),
        None => codes::all().map(|code| format!("{code}  {}\n", code.summary)).collect(),
        Some(wanted) => page::text(find(wanted)?),
    };
    shell.print(&text);
    Ok(OK)
}

/// `CAP0101`, `cap0101` and `101` all name the same code.
fn find(wanted: &str) -> Result<&'static Code, Diagnostic> {
    let digits = wanted.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number = digits.parse::<u16>().ok();
    codes::all().find(|code| Some(code.number) == number).ok_or_else(|| unknown(wanted))
}

fn unknown(wanted: &str) -> Diagnostic {
    let known: Vec<String> = codes::all().map(ToString::to_string).collect();
    let fault = Diagnostic::error(&codes::shell::USAGE, format!("No code is named {wanted}."));
    match did_you_mean(&wanted.to_uppercase(), known.iter().map(String::as_str)) {
        Some(close) => fault.hint(format!("Did you mean {close}? `cap explain` lists all codes.")),
        None => fault.hint("`cap explain` lists all codes."),
    }
}
