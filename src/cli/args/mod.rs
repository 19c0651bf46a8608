//! The command line: every command, flag and help text. Nothing here does anything.
//!
//! Users come from Terraform: long flags take one dash or two, booleans take `=false`, and `-var` and `-var-file` keep
//! the order they were given in.

mod words;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use words::{booleans, command_at, globals_first, later_wins, two_dashes, with_environment};

/// Infrastructure as code for TLS certificates: plan, apply, renew, deploy, verify.
#[derive(Debug, Parser)]
#[command(name = "cap", disable_version_flag = true, propagate_version = false, max_term_width = 100)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Go to this directory first.
    #[arg(long, value_name = "DIR", global = true)]
    pub chdir: Option<PathBuf>,
    /// The store: sqlite:PATH or mongodb://… (default: the cap block, else sqlite:.cap/state.db beside the files).
    #[arg(long, value_name = "URL", env = "CAP_STORE", hide_env_values = true, global = true)]
    pub store: Option<String>,
    /// Print without colours.
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Which exit codes: terraform (0, 1, 2 of -detailed-exitcode and 3 of fmt), or extended, where errors have more: 5 a
    /// policy is violated, 6 the lock is held, 7 the plan is stale, 8 not everything was applied, 130 interrupted; and
    /// -detailed-exitcode has 4 for only drift.
    #[arg(long, value_enum, value_name = "SET", default_value = "terraform", global = true)]
    pub exit_codes: ExitCodes,
}

/// A set of exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum ExitCodes {
    /// As Terraform's: scripts that know these go on working.
    Terraform,
    /// Finer ones.
    Extended,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the files, without store or network.
    Validate(ValidateArgs),
    /// Show what apply would do.
    Plan(PlanArgs),
    /// Make the estate what the files say.
    Apply(ApplyArgs),
    /// Remove everything that the store holds; no files are needed.
    Destroy(DestroyArgs),
    /// Show the estate, or a saved plan.
    Show(ShowArgs),
    /// Show outputs.
    Output(OutputArgs),
    /// Look into the records.
    State {
        /// Which look.
        #[command(subcommand)]
        command: StateCommand,
    },
    /// Look at jobs, or go on with them.
    Jobs {
        /// Which.
        #[command(subcommand)]
        command: JobsCommand,
    },
    /// Show what ever happened to a certificate, or verify all chains.
    Timeline(TimelineArgs),
    /// Break a lock whose holder is gone.
    ForceUnlock(ForceUnlockArgs),
    /// Play the tests of *.captest.hcl and *.captest.json files against fakes.
    Test(TestArgs),
    /// Bring files into the canonical layout.
    Fmt(FmtArgs),
    /// Get the modules that the files call from elsewhere.
    Get(GetArgs),
    /// Evaluate expressions.
    Console(ConsoleArgs),
    /// Draw what refers to what, as DOT or Mermaid.
    Graph(GraphArgs),
    /// Document a module as Markdown.
    Docs(DocsArgs),
    /// Serve an editor over standard input and output.
    Lsp(LspArgs),
    /// Explain a code, such as CAP0101.
    Explain(ExplainArgs),
    /// Print the JSON Schema of the configuration's JSON form, or of what -json prints.
    Schema(SchemaArgs),
    /// Print the version.
    Version(VersionArgs),
    /// Print completions for a shell.
    Completion(CompletionArgs),
}

impl Command {
    /// How to plan, where it plans.
    pub fn planning(&self) -> Option<&PlanningArgs> {
        match self {
            Self::Plan(args) => Some(&args.planning),
            Self::Apply(args) => Some(&args.planning),
            Self::Destroy(args) => Some(&args.planning),
            _ => None,
        }
    }

    /// How warnings are shown.
    pub fn warnings(&self) -> WarningArgs {
        match self {
            Self::Validate(args) => args.warnings,
            other => other.planning().map_or(WarningArgs::default(), |args| args.warnings),
        }
    }
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct DirArg {
    /// Directory of the configuration.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Values from outside.
#[derive(Debug, Clone, Default, Args)]
pub struct VarArgs {
    /// Set a variable: NAME=VALUE.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Read variables from a file.
    #[arg(long = "var-file", value_name = "FILE")]
    pub var_files: Vec<PathBuf>,
    /// Both, in the order of the command line.
    #[arg(skip)]
    pub ordered: Vec<VarArg>,
}

/// One value from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VarArg {
    /// `-var NAME=VALUE`.
    Value(String),
    /// `-var-file FILE`.
    File(PathBuf),
}

/// `cap validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Where the files are.
    #[command(flatten)]
    pub dir: DirArg,
    /// Values from outside.
    #[command(flatten)]
    pub vars: VarArgs,
    /// Print JSON, as `terraform validate -json` does.
    #[arg(long)]
    pub json: bool,
    /// How warnings are shown.
    #[command(flatten)]
    pub warnings: WarningArgs,
}

/// How to plan: what `plan`, `apply` and `destroy` have in common.
#[derive(Debug, Clone, Args)]
pub struct PlanningArgs {
    /// Values from outside.
    #[command(flatten)]
    pub vars: VarArgs,
    /// Plan to remove everything.
    #[arg(long)]
    pub destroy: bool,
    /// Only compare what was done with what is there.
    #[arg(long)]
    pub refresh_only: bool,
    /// Look at what is there first.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub refresh: bool,
    /// Make these anew; a certificate is issued again.
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<String>,
    /// Only these and what they need; globs are allowed.
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// The same from a file: an address a line, and comments that begin with #.
    #[arg(long, value_name = "FILE")]
    pub target_file: Vec<PathBuf>,
    /// All but these and what needs them; globs are allowed.
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<String>,
    /// The same from a file: an address a line, and comments that begin with #.
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<PathBuf>,
    /// Ask on the terminal for variables and for approval; with =false nobody is asked, and what is missing is an error.
    #[arg(long, value_name = "BOOL", env = "CAP_INPUT", hide_env = true, value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub input: bool,
    /// Take the lock before writing.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub lock: bool,
    /// Wait this long for the lock.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = words::timeout)]
    pub lock_timeout: crate::time::Duration,
    /// Jobs and look-ups at once.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub parallelism: usize,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Write what -json would print to this file, beside what people read.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub json_into: Option<PathBuf>,
    /// Show a count and no differences.
    #[arg(long)]
    pub concise: bool,
    /// How warnings are shown.
    #[command(flatten)]
    pub warnings: WarningArgs,
}

/// How warnings are shown to people.
#[derive(Debug, Clone, Copy, Args)]
pub struct WarningArgs {
    /// Show of warnings only what they are and where, unless there are errors too.
    #[arg(long)]
    pub compact_warnings: bool,
    /// Show one of several warnings of a kind, and how many there are.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub consolidate_warnings: bool,
}

impl Default for WarningArgs {
    fn default() -> Self {
        Self { compact_warnings: false, consolidate_warnings: true }
    }
}

/// `cap plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Where the files are.
    #[command(flatten)]
    pub dir: DirArg,
    /// How to plan.
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Save the plan here.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with 2 when there are changes, or may be once jobs have ended that hold a part of the plan up.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// `cap apply`.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// A saved plan, or the directory of the configuration.
    #[arg(value_name = "PLAN|DIR")]
    pub path: Option<PathBuf>,
    /// How to plan.
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
}

/// `cap destroy`. It plans itself, so that it takes no saved plan; and it says already what `-destroy` says.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("destroy", |destroy| destroy.hide(true)))]
pub struct DestroyArgs {
    /// Where the files are.
    #[command(flatten)]
    pub dir: DirArg,
    /// How to plan.
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
}

impl DestroyArgs {
    /// An apply of the same, with the whole estate to be destroyed.
    pub fn as_apply(&self) -> ApplyArgs {
        let planning = PlanningArgs { destroy: true, ..self.planning.clone() };
        ApplyArgs { path: self.dir.dir.clone(), planning, auto_approve: self.auto_approve }
    }
}

/// `cap show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A saved plan; the estate when left out.
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `cap output`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// One output.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Print a string as it is.
    #[arg(long, conflicts_with = "json", requires = "name")]
    pub raw: bool,
}

/// `cap state …`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List addresses.
    List {
        /// Only these; globs are allowed.
        #[arg(value_name = "ADDRESS")]
        addresses: Vec<String>,
    },
    /// Show one record.
    Show {
        /// Which.
        #[arg(value_name = "ADDRESS")]
        address: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `cap jobs …`.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List jobs, the newest run last.
    List {
        /// All runs, not only the last and what is unfinished.
        #[arg(long)]
        all: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one job with its log and timings.
    Show {
        /// Which.
        #[arg(value_name = "JOB")]
        job: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Go on with unfinished jobs where they stood.
    Resume {
        /// Jobs at once.
        #[arg(long, value_name = "N", default_value_t = 10)]
        parallelism: usize,
        /// Wait this long for the lock.
        #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = words::timeout)]
        lock_timeout: crate::time::Duration,
    },
    /// Withdraw unfinished jobs that have left no traces outside; the others end by `cap jobs resume`.
    Cancel {
        /// Which; all unfinished ones when left out.
        #[arg(value_name = "JOB")]
        job: Option<String>,
    },
}

/// `cap timeline`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TimelineArgs {
    /// The certificate.
    #[arg(value_name = "ADDRESS", required = true)]
    pub address: Option<String>,
    /// Print JSON, one entry a line.
    #[arg(long)]
    pub json: bool,
    /// Another look.
    #[command(subcommand)]
    pub command: Option<TimelineCommand>,
}

/// `cap timeline …`.
#[derive(Debug, Subcommand)]
pub enum TimelineCommand {
    /// Verify every chain: edits, gaps, swaps and a cut tail are found.
    Verify {
        /// Write a signed checkpoint, to keep where nobody who can write the store can change it.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Hold the chains against an earlier checkpoint.
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
}

/// `cap force-unlock`.
#[derive(Debug, Args)]
pub struct ForceUnlockArgs {
    /// The lock's ID, as the error shows it.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Do not ask.
    #[arg(long)]
    pub force: bool,
}

/// `cap test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Where the files are.
    #[command(flatten)]
    pub dir: DirArg,
    /// Values from outside.
    #[command(flatten)]
    pub vars: VarArgs,
    /// Only this test file, as the output names it.
    #[arg(long, value_name = "FILE")]
    pub filter: Vec<PathBuf>,
    /// Directory of further test files.
    #[arg(long, value_name = "DIR", default_value = "tests")]
    pub test_directory: PathBuf,
    /// Show the plan of each run, and the outputs after an apply.
    #[arg(long)]
    pub verbose: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub junit_xml: Option<PathBuf>,
}

/// `cap fmt`.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Files and directories; `-` for standard input. The current directory when left out.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing, and exit with 3 where a file is not formatted.
    #[arg(long)]
    pub check: bool,
    /// Show what changes.
    #[arg(long)]
    pub diff: bool,
    /// Look into directories below, too.
    #[arg(long)]
    pub recursive: bool,
    /// Write the files.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub write: bool,
    /// Name the files that change.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub list: bool,
}

/// `cap get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Where the files are.
    #[command(flatten)]
    pub dir: DirArg,
    /// Take what is there now, whatever the lock file names.
    #[arg(long)]
    pub update: bool,
}

/// `cap console`.
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Where the files are.
    #[command(flatten)]
    pub dir: DirArg,
    /// Values from outside.
    #[command(flatten)]
    pub vars: VarArgs,
}

/// `cap graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// Where the files are.
    #[command(flatten)]
    pub dir: DirArg,
    /// Draw the steps of a saved plan instead, each with what has to be done before it.
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub plan: Option<PathBuf>,
    /// The language of the drawing.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "dot")]
    pub format: GraphFormat,
}

/// The language of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum GraphFormat {
    /// For Graphviz.
    Dot,
    /// For Markdown: a Mermaid flowchart.
    Mermaid,
}

/// `cap lsp`.
#[derive(Debug, Args)]
pub struct LspArgs {
    /// For editors that insist on saying so: there is no other way.
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// `cap schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// What it describes: the configuration, what show -json prints of a plan, a line of timeline -json, a line of
    /// jobs list -json, or what validate -json prints.
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value = "configuration")]
    pub of: SchemaOf,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[expect(missing_docs, reason = "the words say it, and would be repeated in the help")]
pub enum SchemaOf {
    Configuration,
    Plan,
    Event,
    Job,
    Report,
}

/// `cap docs`.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// Directory of the module.
    #[arg(value_name = "MODULE")]
    pub dir: Option<PathBuf>,
    /// Put it into this file of the module, between the lines <!-- BEGIN_CAP_DOCS --> and <!-- END_CAP_DOCS -->.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write nothing, and exit with 3 where the file is not up to date.
    #[arg(long, requires = "output")]
    pub check: bool,
}

/// `cap explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code; all of them when left out.
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
    /// Print the pages of all codes as one Markdown document.
    #[arg(long, conflicts_with = "code")]
    pub markdown: bool,
}

/// `cap version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `cap completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Which shell.
    pub shell: clap_complete::Shell,
}

/// Parses a command line as users of Terraform type it.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Cli, clap::Error> {
    let command = later_wins(Cli::command());
    let args = with_environment(two_dashes(args), environment)?;
    let matches = command.clone().try_get_matches_from(globals_first(booleans(args, &command)))?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Some((_, sub)) = matches.subcommand() {
        let ordered = ordered_vars(sub);
        match &mut cli.command {
            Command::Validate(args) => args.vars.ordered = ordered,
            Command::Console(args) => args.vars.ordered = ordered,
            Command::Test(args) => args.vars.ordered = ordered,
            Command::Plan(args) => args.planning.vars.ordered = ordered,
            Command::Apply(args) => args.planning.vars.ordered = ordered,
            Command::Destroy(args) => args.planning.vars.ordered = ordered,
            _ => {}
        }
    }
    Ok(cli)
}

/// The command of a line that asks for JSON, for a line that is not understood.
pub fn asks_for_json(
    args: impl IntoIterator<Item = OsString>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let typed = two_dashes(args);
    let args = with_environment(typed.clone(), environment).unwrap_or(typed);
    let args = globals_first(booleans(args, &Cli::command()));
    let command = args.get(command_at(&args)?)?.to_str()?.to_owned();
    args.iter().take_while(|word| *word != "--").any(|word| word == "--json").then_some(command)
}

/// Whether a command of that name takes the options of a plan, and so tells JSON as a stream.
pub fn plans(command: &str) -> bool {
    let commands = Cli::command();
    let found = commands.find_subcommand(command);
    found.is_some_and(|command| command.get_arguments().any(|one| one.get_id() == "json_into"))
}

/// `-var` and `-var-file` in the order they were given: the later wins.
fn ordered_vars(matches: &ArgMatches) -> Vec<VarArg> {
    let mut found: Vec<(usize, VarArg)> = Vec::new();
    if let (Ok(Some(values)), Some(at)) = (matches.try_get_many::<String>("vars"), indices(matches, "vars")) {
        found.extend(at.into_iter().zip(values.cloned().map(VarArg::Value)));
    }
    if let (Ok(Some(files)), Some(at)) = (matches.try_get_many::<PathBuf>("var_files"), indices(matches, "var_files")) {
        found.extend(at.into_iter().zip(files.cloned().map(VarArg::File)));
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, var)| var).collect()
}

fn indices(matches: &ArgMatches, id: &str) -> Option<Vec<usize>> {
    matches.try_contains_id(id).ok().filter(|given| *given)?;
    matches.indices_of(id).map(Iterator::collect)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, environment: &[(&str, &str)]) -> Result<Cli, clap::Error> {
        let lookup =
            |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        parse(line.split(' ').map(OsString::from), &lookup)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn one_dash_is_as_good_as_two() -> Result<(), clap::Error> {
        let Command::Plan(one) = parsed("cap plan -refresh=false -detailed-exitcode -out=p dir", &[])?.command else {
            panic!("not a plan")
        };
        assert!(one.detailed_exitcode && !one.planning.refresh);
        assert_eq!(one.out, Some(PathBuf::from("p")));
        Ok(())
    }

    #[test]
    fn the_commands_that_plan_are_those_with_its_options() -> Result<(), clap::Error> {
        for command in Cli::command().get_subcommands().map(clap::Command::get_name) {
            let Ok(cli) = parsed(&format!("cap {command}"), &[]) else { continue };
            assert_eq!(plans(command), cli.command.planning().is_some(), "{command}");
        }
        assert!(plans("destroy") && !plans("validate") && !plans("unknown"));
        Ok(())
    }

    #[test]
    fn variables_keep_their_order() -> Result<(), clap::Error> {
        let Command::Plan(args) = parsed("cap plan -var a=1 -var-file=f -var=b=2", &[])?.command else {
            panic!("not a plan")
        };
        let expected = [VarArg::Value("a=1".into()), VarArg::File("f".into()), VarArg::Value("b=2".into())];
        assert_eq!(args.planning.vars.ordered, expected);
        Ok(())
    }

    #[test]
    fn flags_of_every_command_stand_anywhere() -> Result<(), clap::Error> {
        for line in [
            "cap -chdir=d -store=s timeline verify",
            "cap timeline -chdir=d -store=s verify",
            "cap timeline verify --chdir d --store s",
            "cap --chdir d timeline -store s verify",
        ] {
            let cli = parsed(line, &[("CAP_CLI_ARGS_timeline", "-no-color")])?;
            assert!(matches!(cli.command, Command::Timeline(TimelineArgs { command: Some(_), .. })), "{line}");
            assert_eq!(
                (cli.global.chdir, cli.global.store.as_deref()),
                (Some(PathBuf::from("d")), Some("s")),
                "{line}"
            );
            assert!(cli.global.no_color, "{line}");
        }
        Ok(())
    }

    #[test]
    fn asking_is_turned_off_by_flag_and_environment() -> Result<(), clap::Error> {
        for (line, expected) in [("cap plan", true), ("cap plan -input=false", false), ("cap plan -input", true)] {
            let Command::Plan(args) = parsed(line, &[])?.command else { panic!("not a plan") };
            assert_eq!(args.planning.input, expected, "{line}");
        }
        Ok(())
    }

    #[test]
    fn arguments_come_from_the_environment_too() -> Result<(), clap::Error> {
        let cli = parsed("cap plan", &[("CAP_CLI_ARGS_plan", "-json"), ("CAP_CLI_ARGS", "-no-color")])?;
        let Command::Plan(args) = cli.command else { panic!("not a plan") };
        assert!(args.planning.json && cli.global.no_color);
        Ok(())
    }
}
