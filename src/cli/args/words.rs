//! The words of a command line as Terraform's users type them, brought into the form that the parser takes: one dash or two,
//! flags of every command anywhere, booleans with a value, and more words from the environment. Parses nothing.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::time::Duration;

/// `-flag` becomes `--flag`; single letters, numbers, `-` and what follows `--` stay.
pub(super) fn two_dashes(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut literal = false;
    let mut double = |arg: OsString| {
        literal |= arg == "--";
        let one_dash = arg.to_str().is_some_and(|text| {
            let mut chars = text.chars();
            chars.next() == Some('-') && chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next().is_some()
        });
        if one_dash && !literal { OsString::from_iter([OsString::from("-"), arg]) } else { arg }
    };
    args.into_iter().map(&mut double).collect()
}

/// Flags of every command that take a value.
const VALUED: [&str; 3] = ["--chdir", "--store", "--exit-codes"];

/// Flags of every command come to stand before it, wherever they were typed: `timeline -chdir=DIR verify` is as good as
/// `-chdir=DIR timeline verify`.
pub(super) fn globals_first(args: Vec<OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut front: Vec<OsString> = args.next().into_iter().collect();
    let mut rest = Vec::new();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        let valued = VALUED.contains(&&*text);
        let global = valued || text == "--no-color" || VALUED.iter().any(|flag| text.starts_with(&format!("{flag}=")));
        let literal = text == "--";
        (if global { &mut front } else { &mut rest }).push(arg);
        if valued {
            front.extend(args.next());
        }
        if literal {
            rest.extend(args.by_ref());
        }
    }
    front.append(&mut rest);
    front
}

/// `CAP_CLI_ARGS` goes in after the command, `CAP_CLI_ARGS_plan` likewise for that command alone. They are split as a POSIX
/// shell splits words.
pub(super) fn with_environment(
    mut args: Vec<OsString>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<OsString>, clap::Error> {
    let Some(at) = command_at(&args) else { return Ok(args) };
    let command = args[at].to_string_lossy().into_owned();
    let mut extra = Vec::new();
    for name in ["CAP_CLI_ARGS".to_owned(), format!("CAP_CLI_ARGS_{}", command.replace('-', "_"))] {
        let Some(text) = environment(&name) else { continue };
        let Some(words) = shlex::split(&text) else {
            let message = format!("A quote is not closed in {name}.");
            return Err(clap::Error::raw(clap::error::ErrorKind::InvalidValue, message));
        };
        extra.extend(words.into_iter().map(OsString::from));
    }
    let tail = args.split_off(at + 1);
    args.extend(two_dashes(extra));
    args.extend(tail);
    Ok(args)
}

/// Booleans with a value, as Go's flags take them: `-json=true` is `-json`, and `-json=false` is nothing; where the value
/// belongs to the flag it is `true` or `false`.
pub(super) fn booleans(args: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let (mut plain, mut valued) = (Vec::new(), Vec::new());
    flags(command, &mut plain, &mut valued);
    let mut found: Vec<OsString> = Vec::new();
    let mut args = args.into_iter();
    for arg in args.by_ref() {
        let literal = arg == "--";
        let given = arg.to_str().and_then(|text| text.strip_prefix("--")?.split_once('='));
        let given = given.and_then(|(flag, value)| Some((flag.to_owned(), truth(value)?)));
        match given {
            Some((flag, value)) if plain.contains(&flag) => {
                // The later word wins, as for every flag.
                found.retain(|word| word.to_str().and_then(|word| word.strip_prefix("--")) != Some(&flag));
                found.extend(value.then(|| format!("--{flag}").into()));
            }
            Some((flag, value)) if valued.contains(&flag) => found.push(format!("--{flag}={value}").into()),
            _ => found.push(arg),
        }
        if literal {
            break;
        }
    }
    found.extend(args);
    found
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Flags that are booleans, of all commands: those without a value, and those with one.
fn flags(command: &Command, plain: &mut Vec<String>, valued: &mut Vec<String>) {
    for arg in command.get_arguments() {
        let Some(long) = arg.get_long() else { continue };
        let boolean = arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.as_str() == "BOOL"));
        match arg.get_action() {
            ArgAction::SetTrue => plain.push(long.to_owned()),
            _ if boolean => valued.push(long.to_owned()),
            _ => {}
        }
    }
    command.get_subcommands().for_each(|command| flags(command, plain, valued));
}

/// The later of two values wins, so that the command line goes before the environment.
pub(super) fn later_wins(command: Command) -> Command {
    let once = |arg: Arg| match arg.get_action() {
        ArgAction::Set | ArgAction::SetTrue if !arg.is_positional() => {
            let id = arg.get_id().clone();
            arg.overrides_with(id)
        }
        _ => arg,
    };
    command.mut_args(once).mut_subcommands(later_wins)
}

/// Where the command stands: the first word that is neither a flag nor the value of one.
pub(super) fn command_at(args: &[OsString]) -> Option<usize> {
    let is_value = |at: usize| VALUED.iter().any(|flag| args[at - 1] == *flag);
    (1..args.len()).find(|at| !args[*at].to_string_lossy().starts_with('-') && !is_value(*at))
}

/// A length of time; zero needs no unit.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::from_secs(0)) } else { text.parse().map_err(|fault| format!("{fault}")) }
}
