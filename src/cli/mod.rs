//! The interface for people and scripts: arguments, wiring, thin commands, and views. The only layer that prints.

pub mod actor;
pub mod args;
pub mod commands;
pub mod conditions;
pub mod configuration;
pub mod desk;
pub mod execute;
pub mod files;
pub mod given;
pub mod leftovers;
pub mod logging;
pub mod outputs;
pub mod patterns;
pub mod permission;
pub mod place;
pub mod planning;
pub mod process;
pub mod progress;
pub mod prompt;
pub mod shell;
pub mod suite;
pub mod terminal;
pub mod usage;
pub mod view;
pub mod wiring;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use args::{Cli, Command, ExitCodes, JobsCommand, ShowArgs};
use shell::{Failure, OK, Outcome, Shell};
use wiring::location::Location;
use wiring::session;

use crate::diagnostic::{Diagnostic, codes};

/// The whole program: reads the command line, carries the command out, reports what went wrong.
pub fn main() -> ExitCode {
    process::leave_no_core();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if asks_for_version(&arguments) {
        let mut shell = Shell::process(true);
        return ExitCode::from(commands::version::run(&mut shell, false));
    }
    match args::parse(arguments.clone(), &shell::environment) {
        Ok(cli) => ExitCode::from(run(cli)),
        Err(fault) => {
            let command = args::asks_for_json(arguments, &shell::environment);
            ExitCode::from(usage::report(&fault, command.as_deref()))
        }
    }
}

/// `cap -version`, as Terraform's users type it.
fn asks_for_version(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|first| ["-version", "--version", "-v", "-V"].iter().any(|word| first == word))
}

fn run(cli: Cli) -> u8 {
    let mut shell = Shell { warnings: cli.command.warnings(), ..Shell::process(cli.global.no_color) };
    if cli.command.planning().is_some_and(|args| args.json) {
        shell.stream();
    }
    let begun = logging::start(&shell::environment).map_err(Failure::from);
    match begun.and_then(|()| enter(&cli)).and_then(|()| dispatch(&mut shell, &cli)) {
        Ok(code) => code,
        Err(failure) => {
            let code = match &cli.command {
                Command::Validate(args) if args.json => commands::validate::fail(&mut shell, &failure),
                _ => shell.fail(&failure),
            };
            if cli.global.exit_codes == ExitCodes::Extended { finer(&failure).unwrap_or(code) } else { code }
        }
    }
}

/// The finer exit code of the first error that has one.
fn finer(failure: &Failure) -> Option<u8> {
    let errors = failure.diagnostics.iter().filter(|one| one.is_error());
    errors.flat_map(|one| FINER.iter().filter(|(code, _)| *code == one.code)).map(|(_, exit)| *exit).next()
}

/// Exit codes of -exit-codes=extended.
const FINER: [(&codes::Code, u8); 7] = [
    (&codes::model::POLICY_VIOLATED, 5),
    (&codes::store::LOCKED, 6),
    (&codes::store::LOCK_LOST, 6),
    (&codes::plan::STALE, 7),
    (&codes::apply::JOB_FAILED, 8),
    (&codes::apply::JOB_WAITS, 8),
    (&codes::shell::INTERRUPTED, 130),
];

/// `-chdir`: goes there before anything else is looked at.
fn enter(cli: &Cli) -> Result<(), Failure> {
    let Some(directory) = &cli.global.chdir else { return Ok(()) };
    std::env::set_current_dir(directory).map_err(|fault| {
        let detail = format!("-chdir={} cannot be entered: {fault}.", directory.display());
        Diagnostic::error(&codes::shell::UNREADABLE, detail).hint("Name a directory that exists.").into()
    })
}

fn dispatch(shell: &mut Shell, cli: &Cli) -> Outcome {
    match &cli.command {
        Command::Version(args) => Ok(commands::version::run(shell, args.json)),
        Command::Explain(args) => commands::explain::run(shell, args),
        Command::Fmt(args) => commands::fmt::run(shell, args),
        Command::Docs(args) => commands::docs::run(shell, args),
        Command::Get(args) => waiting_for(commands::get::run(shell, args)),
        Command::Graph(args) => commands::graph::run(shell, args),
        Command::Lsp(_) => commands::lsp::run(),
        Command::Schema(args) => Ok(commands::schema::run(shell, args.of)),
        Command::Completion(args) => Ok(commands::completion::run(shell, args.shell)),
        Command::Validate(args) => commands::validate::run(shell, args),
        Command::Show(ShowArgs { plan: Some(file), json }) => commands::apply::show_saved(shell, file, *json),
        _ => waiting_for(with_store(shell, cli)),
    }
}

/// How long a command that is done waits for threads that are not: one may hang in the file system for ever.
const AFTER_END: std::time::Duration = std::time::Duration::from_secs(1);

/// Carries out a command that waits, with threads for whatever it waits for.
fn waiting_for(command: impl Future<Output = Outcome>) -> Outcome {
    // One thread for all that waits: a second one would only be woken to hand things back. Heavy work has threads of its own.
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(1).enable_all().build().map_err(|fault| {
        Diagnostic::error(&codes::shell::NO_RUNTIME, format!("The operating system gives no threads: {fault}."))
            .hint("Look at the limits on processes and memory (ulimit -a).")
    })?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(AFTER_END);
    outcome
}

/// Commands that look into a store that is there already.
async fn with_store(shell: &mut Shell, cli: &Cli) -> Outcome {
    let flag = cli.global.store.as_deref();
    if let Some(path) = cli.command.planning().and_then(|args| args.json_into.as_ref()) {
        shell.stream_into(path)?;
    }
    match &cli.command {
        Command::Plan(args) => return commands::plan::run(shell, flag, args, cli.global.exit_codes).await,
        Command::Apply(args) => return commands::apply::run(shell, flag, args).await,
        Command::Test(args) => return commands::test::run(shell, args).await,
        Command::Console(args) => return commands::console::run(shell, flag, args).await,
        Command::Destroy(args) => return commands::apply::destroy(shell, flag, args).await,
        _ => {}
    }
    let named = if flag.is_none() { configuration::named_store() } else { None };
    let location = Location::find(flag, named.as_deref(), Path::new(""));
    let store = session::existing_store(&location).await?;
    let opened = &store;
    let store = &**opened;
    match &cli.command {
        Command::Show(args) => commands::show::estate(shell, store, args.json).await,
        Command::Output(args) => commands::output::run(shell, store, args).await,
        Command::State { command } => commands::state::run(shell, store, command).await,
        Command::Jobs { command: JobsCommand::List { all, json } } => {
            commands::jobs::list(shell, store, *all, *json).await
        }
        Command::Jobs { command: JobsCommand::Show { job, json } } => {
            commands::jobs::show(shell, store, job, *json).await
        }
        Command::Jobs { command: JobsCommand::Resume { parallelism, lock_timeout } } => {
            let session = session::Session::existing(&location, Default::default()).await?;
            commands::apply::resume_all(shell, &session, *parallelism, *lock_timeout).await
        }
        Command::Jobs { command: JobsCommand::Cancel { job } } => {
            let vault = session::vault(&location, opened).await?;
            actor::acting(store, &*vault).await?;
            commands::jobs::cancel(shell, store, &*vault, job.as_deref()).await
        }
        Command::Timeline(args) => {
            let vault = session::vault(&location, opened).await?;
            commands::timeline::run(shell, store, &vault, args).await
        }
        Command::ForceUnlock(args) => {
            actor::acting(store, &*session::vault(&location, opened).await?).await?;
            commands::force_unlock::run(shell, store, args).await
        }
        _ => Ok(OK),
    }
}
