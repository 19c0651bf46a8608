//! What is said of a command line that cannot be understood, with a hint for what is known from Terraform and is not needed or
//! has another name here.

use super::args;
use super::commands::validate;
use super::shell::{ERROR, OK, Shell};
use crate::diagnostic::{Diagnostic, codes};

/// Help is an answer; anything else that clap says is a fault of the command line. It is told as the command that asks for JSON,
/// if one does, tells its other faults.
pub fn report(fault: &clap::Error, asks_for_json: Option<&str>) -> u8 {
    let mut shell = Shell::process(false);
    let text = fault.render().to_string();
    if !fault.use_stderr() {
        shell.print(&text);
        return OK;
    }
    let missing_command = fault.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if missing_command {
        let _ = shell.err.write_all(text.as_bytes());
        return ERROR;
    }
    let text = text.trim_start_matches("error: ");
    let (what, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let usage = rest
        .lines()
        .find_map(|line| line.strip_prefix("Usage: "))
        .unwrap_or("cap COMMAND -help shows what each command takes");
    let tip = rest.lines().find_map(|line| line.trim_start().strip_prefix("tip: "));
    let tip = tip.filter(|tip| tip.contains("similar")).map(|tip| format!("{}.\n", capitalized(tip)));
    let tip = habit(fault).map(|habit| format!("{habit}\n")).or(tip);
    let hint = format!("{}Usage: {usage}", tip.unwrap_or_default());
    let report = Diagnostic::error(&codes::shell::USAGE, what.trim()).hint(hint);
    match asks_for_json {
        Some("validate") => return validate::fail(&mut shell, &report.into()),
        Some(command) if args::plans(command) => shell.stream(),
        _ => {}
    }
    shell.fail(&report.into())
}

/// What does here what another command does in Terraform.
const HABITS: [(&str, &str); 12] = [
    ("init", "There is nothing to initialize: cap plan works at once, and cap get gets modules from elsewhere."),
    ("refresh", "cap plan -refresh-only looks at what is there; every plan does so first."),
    ("taint", "cap apply -replace=ADDRESS makes an object anew."),
    ("untaint", "Nothing is ever tainted: a job that failed is planned again."),
    ("import", "What exists is taken over by an import block: import { to = ADDRESS, id = … }."),
    ("workspace", "Each store is an estate of its own: name another one with -store=URL."),
    ("mv", "A moved block gives an object its new address: moved { … } with from = OLD and to = NEW."),
    ("rm", "A removed block forgets an object: removed { … } with from = ADDRESS and lifecycle { destroy = false }."),
    ("pull", "cap show -json prints what the store holds."),
    ("push", "A store is never written whole. A backup of it is put back as a file, or by the database's own tools."),
    ("replace-provider", "There are no providers: credentials, issuers and targets are resources."),
    ("providers", "There are no providers: credentials, issuers and targets are resources."),
];

/// Likewise for flags.
const FLAG_HABITS: [(&str, &str); 9] = [
    ("--state", STORE_HABIT),
    ("--state-out", STORE_HABIT),
    ("--backup", "The store keeps its history itself: cap timeline and cap jobs show it."),
    ("--show-sensitive", "A plan holds references to secrets and no secret, so there is nothing more to show."),
    (
        "--generate-config-out",
        "Write the resource block beside the import block; what does not fit is shown by the plan.",
    ),
    ("--upgrade", "cap get -update gets newer modules."),
    ("--consolidate-errors", "Every error is shown."),
    ("--deprecation", "-compact-warnings shows all warnings shortly."),
    ("--id", "Name addresses: globs such as 'certificate.*' are allowed."),
];

const STORE_HABIT: &str = "Name the store with -store=sqlite:PATH or -store=mongodb://….";

/// The hint for a command or a flag that is only known elsewhere.
fn habit(fault: &clap::Error) -> Option<&'static str> {
    use clap::error::{ContextKind, ContextValue};
    let known = |kind, habits: &[(&str, &'static str)]| {
        let Some(ContextValue::String(typed)) = fault.get(kind) else { return None };
        let name = typed.split('=').next().unwrap_or(typed);
        habits.iter().find(|(known, _)| *known == name).map(|(_, hint)| *hint)
    };
    known(ContextKind::InvalidSubcommand, &HABITS).or_else(|| known(ContextKind::InvalidArg, &FLAG_HABITS))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
