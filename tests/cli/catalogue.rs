//! The catalogue of diagnostics: every code that the sources name is in it, every page says how it comes about, and every
//! example is played on the real binary.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cap::diagnostic::Code;
use cap::diagnostic::codes::page::{self, Step};
use cap::diagnostic::codes::{self, Example};

use super::{Place, Ran};

/// Codes that no script shows, and the test that makes each come about: its file and its function.
const ELSEWHERE: [(&str, &str, &str); 15] = [
    ("RESIDUAL", "src/eval/tests/resources.rs", "a_fact_of_what_was_never_applied_is_not_known"),
    ("NO_PROJECT", "src/model/assemble.rs", "of_two_projects_one_has_to_be_named"),
    ("NO_SUCH_RESOURCE", "src/model/assemble.rs", "a_computed_reference_to_nothing_is_a_fault"),
    ("BUSY", "tests/cli/deferred.rs", "only_what_is_deferred_is_no_proof_that_nothing_changes"),
    ("UNREADABLE_SLOT", "src/diff/tests.rs", "slots_that_hold_something_else_are_put_right"),
    ("PLAN_VERSION", "src/plan/file.rs", "what_is_no_plan_is_refused_with_a_reason"),
    ("APPROVAL_NEEDED", "src/cli/permission.rs", "what_a_policy_covers_waits_in_its_project_only"),
    ("STORE_FAILED", "tests/cli/faults.rs", "a_store_that_fails_is_said_to"),
    ("LOCKED", "tests/cli/interrupted.rs", "a_lock_that_is_held_and_an_interrupt_have_exit_codes_of_their_own"),
    ("LOCK_LOST", "tests/cli/terminal.rs", "an_apply_whose_lock_is_broken_while_it_asks_writes_nothing"),
    ("JOB_WAITS", "src/cli/execute.rs", "a_job_that_only_tidies_up_is_no_failure_of_the_apply"),
    ("JOB_TIDIES", "src/cli/execute.rs", "a_job_that_only_tidies_up_is_no_failure_of_the_apply"),
    ("INTERRUPTED", "tests/cli/interrupted.rs", "one_interrupt_lets_what_runs_come_to_its_end"),
    ("NOT_CANCELLED", "tests/cli/interrupted.rs", "what_has_left_traces_is_not_withdrawn"),
    ("TIMELINE_BROKEN", "tests/cli/timelines.rs", "an_entry_that_was_edited_is_found"),
];

/// The system refuses threads or signals, which no test can make it do.
const UNTESTED: &str = "NO_RUNTIME";

fn name_of(code: &Code) -> String {
    let sources = sources();
    let wanted = format!("{} ", code.number);
    let definition = sources.iter().filter(|(path, _)| path.contains("diagnostic/codes"));
    let mut lines = definition.flat_map(|(_, text)| text.lines()).map(str::trim_start);
    let line = lines.find(|line| line.starts_with(&wanted) && line.contains(code.summary));
    line.and_then(|line| line.split(' ').nth(1)).expect("a definition of that number").to_owned()
}

/// The files of `src/` as text.
fn sources() -> Vec<(String, String)> {
    fn below(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder of the checkout").flatten() {
            let path = entry.path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    let mut found = Vec::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

/// Plays a script in a place of its own, and returns what its last command said. Those before it must do well.
fn play(steps: &[Step]) -> Ran {
    let place = Place::new();
    let mut last = None;
    for step in steps {
        match step {
            Step::File(name, text) => place.write(name, text),
            Step::Command(settings, line) => {
                let before = last.replace(run(&place, settings, line));
                assert!(before.is_none_or(|ran: Ran| ran.code == 0), "before cap {line}");
            }
        }
    }
    last.expect("a script ends in a command")
}

fn run(place: &Place, settings: &[String], line: &str) -> Ran {
    let mut command = place.command(line);
    command.envs(settings.iter().filter_map(|setting| setting.split_once('=')));
    Ran::of(command.output().expect("cap runs"))
}

/// Codes of the reports, in order.
fn codes_in(ran: &Ran) -> Vec<String> {
    let heads = ran.err.lines().map(str::trim).filter(|line| line.len() == 7 && line.starts_with("CAP"));
    heads.filter(|line| line[3..].bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned).collect()
}

/// Whether a report names file, line and column.
fn has_place(ran: &Ran) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    ran.err.split(|c: char| c.is_whitespace() || "[]".contains(c)).any(|word| {
        let mut parts = word.rsplit(':');
        parts.next().is_some_and(digits) && parts.next().is_some_and(digits) && parts.next().is_some()
    })
}

/// The mended script, with the files of the faulty one where it has no `main.cap.hcl` of its own.
fn mended_steps(fails: &[Step], mended: &str) -> Vec<Step> {
    let mended = page::script(mended);
    let alone = mended.iter().any(|step| matches!(step, Step::File(name, _) if name == "main.cap.hcl"));
    let files = fails.iter().filter(|step| matches!(step, Step::File(..)) && !alone).cloned();
    files.chain(mended.iter().cloned()).collect()
}

#[test]
fn every_example_shows_its_code_where_it_stands_and_its_mended_form_does_not() {
    let mut wrong = Vec::new();
    for code in codes::all() {
        let Example::Script { fails, mended } = &code.example else { continue };
        let fails = page::script(fails);
        let ran = play(&fails);
        if codes_in(&ran).iter().collect::<BTreeSet<_>>() != BTreeSet::from([&code.to_string()]) {
            wrong.push(format!("{code}: reports {:?}\n{}{}", codes_in(&ran), ran.out, ran.err));
        }
        if code.number < 400 && !has_place(&ran) {
            wrong.push(format!("{code}: without a place\n{}", ran.err));
        }
        let ran = play(&mended_steps(&fails, mended));
        if ran.code != 0 || !codes_in(&ran).is_empty() {
            wrong.push(format!("{code}, mended:\n{}{}", ran.out, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_no_script_shows_is_tested_elsewhere() {
    let told = codes::all().filter(|code| matches!(code.example, Example::Story(_))).map(name_of);
    let listed = ELSEWHERE.iter().map(|(name, ..)| *name).chain([UNTESTED]).map(str::to_owned);
    assert_eq!(told.collect::<BTreeSet<_>>(), listed.collect());
    for (name, file, test) in ELSEWHERE {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
        assert!(
            text.contains(&format!("#[test]\nfn {test}(")) || text.contains(&format!("#[test]\n    fn {test}(")),
            "{name}: {file} has no test {test}"
        );
    }
}

#[test]
fn the_catalogue_holds_the_codes_that_the_sources_name_and_no_other() {
    let sources = sources();
    let code = |text: &str| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let used: String =
        sources.iter().filter(|(path, _)| !path.contains("diagnostic/codes")).map(|(_, text)| code(text)).collect();
    let words: BTreeMap<&str, ()> =
        used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(|word| (word, ())).collect();
    let unused: Vec<String> = codes::all().map(name_of).filter(|name| !words.contains_key(name.as_str())).collect();
    assert!(unused.is_empty(), "nothing reports {unused:?}");
}

#[test]
fn explain_shows_every_page() {
    let place = Place::new();
    let list = place.expect("explain", 0).out;
    let document = place.expect("explain -markdown", 0).out;
    for code in codes::all() {
        assert!(list.contains(&format!("{code}  {}", code.summary)), "{code}");
        let page = place.expect(&format!("explain {code}"), 0).out;
        for part in [code.summary, code.explain, code.remedy] {
            assert!(page.contains(part) && document.contains(part), "{code}: {part}");
        }
    }
    assert!(place.expect("explain CAP0103", 0).out.contains("\n      rolle = \"admin\"\n"));
}
