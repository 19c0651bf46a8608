//! `cap test`: plays the test files of a directory on a stage of fakes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::args::TestArgs;
use crate::cli::files;
use crate::cli::place::Place;
use crate::cli::shell::{ERROR, OK, Outcome, Shell};
use crate::cli::suite::play::Player;
use crate::cli::suite::{Played, PlayedFile, TestFile, Verdict, read};
use crate::cli::view::test::{self, Counts};
use crate::cli::wiring::clock::SystemClock;
use crate::cli::wiring::kinds::kinds;
use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::engine::load;
use crate::eval::schema::Catalog;
use crate::ports::clock::Clock as _;
use crate::source::Sources;

/// Carries it out.
pub async fn run(shell: &mut Shell, args: &TestArgs) -> Outcome {
    let place = Place::enter(args.dir.dir.as_deref())?;
    let catalog = kinds().catalog();
    let mut played = Vec::new();
    for file in chosen(args, &place)? {
        played.push(play(shell, args, (&place, &catalog), &file).await?);
    }
    let counts = Counts::of(&played);
    if args.json {
        test::lines(&played, SystemClock.now()).iter().for_each(|line| shell.line(line));
    } else {
        shell.line(&format!("\n{}", counts.line(shell.style)));
    }
    if let Some(path) = &args.junit_xml {
        files::write_private(&place.typed(path), test::junit(&played).as_bytes())?;
    }
    Ok(if counts.success() { OK } else { ERROR })
}

/// The test files beside the configuration and in the directory for tests, in the order of their names.
fn chosen(args: &TestArgs, place: &Place) -> Result<Vec<String>, Diagnostic> {
    let mut found: Vec<String> = names(Path::new(".")).collect();
    let below = |name: String| Some(args.test_directory.join(name).to_str()?.to_owned());
    found.extend(names(&args.test_directory).filter_map(below));
    for wanted in &args.filter {
        let wanted = wanted.to_string_lossy();
        if !found.iter().any(|name| *name == wanted || place.shown(name) == wanted) {
            let report = Diagnostic::error(&codes::shell::UNREADABLE, format!("There is no test file {wanted}."));
            let close = did_you_mean(&wanted, found.iter().map(String::as_str));
            return Err(match close {
                Some(close) => report.hint(format!("Did you mean {close}?")),
                None => report.hint("Name a file as the output of cap test does."),
            });
        }
    }
    let is_wanted =
        |wanted: &PathBuf, name: &str| wanted == Path::new(name) || *wanted == Path::new(&place.shown(name));
    found.retain(|name| args.filter.is_empty() || args.filter.iter().any(|wanted| is_wanted(wanted, name)));
    Ok(found)
}

fn names(directory: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| read::ENDINGS.iter().any(|ending| name.ends_with(ending)) && !name.starts_with('.'));
    names.sort();
    names.into_iter()
}

/// Plays one file, and says how it goes.
async fn play(
    shell: &mut Shell,
    args: &TestArgs,
    (place, catalog): (&Place, &Catalog),
    name: &str,
) -> Result<PlayedFile, Diagnostic> {
    let text = load::read(&PathBuf::from(name))?;
    let shown = place.shown(name);
    let say = |shell: &mut Shell, line: &str| {
        if !args.json {
            shell.line(line);
        }
    };
    say(shell, &test::begun(&shown));
    let (test, faults, sources) = parsed(&shown, &text);
    let mut file = PlayedFile { name: shown.clone(), unread: None, runs: Vec::new() };
    if faults.has_errors() {
        report(shell, args, &faults, &sources);
        file.unread = Some((faults, sources));
    } else {
        let mut player = Player::new(place, &args.vars, Arc::new(kinds()), catalog, (&shown, &text), test.clock);
        for at in 0..test.runs.len() {
            let broken = file.runs.iter().any(|run| matches!(run.verdict, Verdict::Error | Verdict::Skip));
            let run = if broken { skipped(&test, at) } else { player.play(at, &test, shell.style).await };
            say(shell, &test::run(&run, shell.style));
            if args.verbose && !run.shown.is_empty() {
                say(shell, &format!("\n{}", run.shown));
            }
            report(shell, args, &run.diagnostics, &run.sources);
            file.runs.push(run);
        }
    }
    say(shell, &test::ended(&file, shell.style));
    Ok(file)
}

/// Reports, unless programs read them in the end.
fn report(shell: &mut Shell, args: &TestArgs, diagnostics: &Diagnostics, sources: &Sources) {
    if !args.json && !diagnostics.is_empty() {
        shell.report(diagnostics, sources);
    }
}

fn parsed(name: &str, text: &str) -> (TestFile, Diagnostics, Sources) {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let (file, mut faults) = read::parse(source, (name, text));
    let (test, more) = read::file(&file, &sources);
    faults.extend(more);
    (test, faults, sources)
}

fn skipped(test: &TestFile, at: usize) -> Played {
    Played {
        name: test.runs[at].name.clone(),
        verdict: Verdict::Skip,
        diagnostics: Diagnostics::default(),
        sources: Sources::default(),
        shown: String::new(),
        took: std::time::Duration::ZERO,
    }
}
