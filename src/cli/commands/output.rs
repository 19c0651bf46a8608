//! `cap output`: outputs of the last apply, with computed facts as they are in the store now.

use crate::cli::args::OutputArgs;
use crate::cli::shell::{OK, Outcome, Shell, stored};
use crate::cli::view::output::{self, Resolved};
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::ports::store::Store;

/// Prints one output, or all of them.
pub async fn run(shell: &mut Shell, store: &dyn Store, args: &OutputArgs) -> Outcome {
    let all = output::resolve(&stored(store.snapshot().await)?);
    let text = match &args.name {
        Some(name) => one(&all, name, args)?,
        None if args.json => format!("{:#}\n", output::document(&all)),
        None if all.is_empty() => return nothing(shell),
        None => output::lines(&all),
    };
    shell.print(&text);
    Ok(OK)
}

fn nothing(shell: &mut Shell) -> Outcome {
    shell.line("No outputs: the configuration that was applied last declares none.");
    Ok(OK)
}

fn one(all: &[Resolved], name: &str, args: &OutputArgs) -> Result<String, Diagnostic> {
    let found = all.iter().find(|output| output.name == name).ok_or_else(|| unknown(all, name))?;
    let value = found.value.as_ref().map_err(|why| unresolved(name, why))?;
    match (args.json, args.raw) {
        (true, _) => Ok(format!("{value}\n")),
        (_, true) => output::raw(value).ok_or_else(|| not_raw(name)),
        _ => Ok(format!("{}\n", output::text(value))),
    }
}

fn unknown(all: &[Resolved], name: &str) -> Diagnostic {
    let fault = Diagnostic::error(&codes::store::NO_SUCH_RECORD, format!("The store holds no output named {name}."));
    match did_you_mean(name, all.iter().map(|output| output.name.as_str())) {
        Some(close) => fault.hint(format!("Did you mean {close}?")),
        None => fault.hint("`cap output` shows all of them; a new one is stored by the next apply."),
    }
}

fn unresolved(name: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&codes::store::NO_SUCH_RECORD, format!("The output {name} has no value yet: {why}"))
        .hint("It reads facts that the next apply makes known.")
}

fn not_raw(name: &str) -> Diagnostic {
    Diagnostic::error(&codes::shell::USAGE, format!("The output {name} is not a string, a number or a bool."))
        .hint("Print it with -json.")
}
