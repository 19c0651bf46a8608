//! Results of tests: for people in Terraform's words, for programs as JSON lines in Terraform's shape, and for build servers
//! as JUnit XML.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::diagnostic;
use super::style::Style;
use crate::cli::suite::{Played, PlayedFile, Verdict};
use crate::diagnostic::Severity;

/// How many runs came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Could not be carried out; unread files count as one.
    pub errored: usize,
    /// Not begun.
    pub skipped: usize,
}

impl Counts {
    /// Those of all files.
    pub fn of(files: &[PlayedFile]) -> Self {
        let mut counts = Self { errored: files.iter().filter(|file| file.unread.is_some()).count(), ..Self::default() };
        for run in files.iter().flat_map(|file| &file.runs) {
            match run.verdict {
                Verdict::Pass => counts.passed += 1,
                Verdict::Fail => counts.failed += 1,
                Verdict::Error => counts.errored += 1,
                Verdict::Skip => counts.skipped += 1,
            }
        }
        counts
    }

    /// Whether all is well.
    pub fn success(self) -> bool {
        self.failed == 0 && self.errored == 0
    }

    /// `Success! 3 passed, 0 failed.`
    pub fn line(self, style: Style) -> String {
        let word = if self.success() { style.green("Success!") } else { style.red("Failure!") };
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        format!("{word} {} passed, {} failed{skipped}.", self.passed, self.failed + self.errored)
    }
}

/// `pass` in green.
fn word(verdict: Verdict, style: Style) -> String {
    match verdict {
        Verdict::Pass => style.green(verdict.word()),
        Verdict::Fail | Verdict::Error => style.red(verdict.word()),
        Verdict::Skip => verdict.word().to_owned(),
    }
}

/// `file... in progress`
pub fn begun(file: &str) -> String {
    format!("{file}... in progress")
}

/// `  run "x"... pass`
pub fn run(run: &Played, style: Style) -> String {
    format!("  run \"{}\"... {}", run.name, word(run.verdict, style))
}

/// The end of a file.
pub fn ended(file: &PlayedFile, style: Style) -> String {
    format!("{}... tearing down\n{}... {}", file.name, file.name, word(file.verdict(), style))
}

/// Lines for programs: what there is to run, each file, each run with its reports, and the sum.
pub fn lines(files: &[PlayedFile], now: crate::time::Timestamp) -> Vec<String> {
    let line = |kind: &str, message: String, body: Json| {
        let mut out =
            json!({ "@level": "info", "@message": message, "@module": "cap.ui", "@timestamp": now, "type": kind });
        out[kind] = body;
        out.to_string()
    };
    let names = |file: &PlayedFile| file.runs.iter().map(|run| run.name.clone()).collect::<Vec<_>>();
    let all: serde_json::Map<String, Json> = files.iter().map(|file| (file.name.clone(), json!(names(file)))).collect();
    let count: usize = files.iter().map(|file| file.runs.len()).sum();
    let mut out =
        vec![line("test_abstract", format!("Found {} files and {count} run blocks", files.len()), json!(all))];
    for file in files {
        let verdict = file.verdict().word();
        let body = json!({ "path": file.name, "progress": "complete", "status": verdict });
        out.push(line("test_file", format!("{}... {verdict}", file.name), body));
        let unread = file.unread.iter().flat_map(|(all, sources)| all.iter().map(move |one| (one, sources)));
        out.extend(
            unread.map(|(one, sources)| line("diagnostic", one.summary().to_owned(), diagnostic::json(one, sources))),
        );
        for run in &file.runs {
            let verdict = run.verdict.word();
            let body = json!({ "path": file.name, "run": run.name, "progress": "complete", "status": verdict,
                               "elapsed": u64::try_from(run.took.as_millis()).unwrap_or(u64::MAX) });
            out.push(line("test_run", format!("  \"{}\"... {verdict}", run.name), body));
            for one in run.diagnostics.iter() {
                out.push(line("diagnostic", one.summary().to_owned(), diagnostic::json(one, &run.sources)));
            }
        }
    }
    let counts = Counts::of(files);
    let body = json!({ "status": if counts.success() { "pass" } else { "fail" }, "passed": counts.passed,
                       "failed": counts.failed, "errored": counts.errored, "skipped": counts.skipped });
    out.push(line("test_summary", counts.line(Style::new(false)), body));
    out
}

/// JUnit XML, in the shape of Terraform's.
pub fn junit(files: &[PlayedFile]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><testsuites>\n");
    for file in files {
        let runs = |verdict| file.runs.iter().filter(|run| run.verdict == verdict).count();
        let errors = runs(Verdict::Error) + usize::from(file.unread.is_some());
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" skipped=\"{}\" failures=\"{}\" errors=\"{errors}\">",
            escaped(&file.name),
            file.runs.len(),
            runs(Verdict::Skip),
            runs(Verdict::Fail),
        );
        file.runs.iter().for_each(|run| out.push_str(&case(&file.name, run)));
        if let Some((all, sources)) = &file.unread {
            let text = escaped(&diagnostic::human(all, sources, false));
            let _ = writeln!(out, "    <system-err>{text}</system-err>");
        }
        out.push_str("  </testsuite>\n");
    }
    out + "</testsuites>\n"
}

fn case(file: &str, run: &Played) -> String {
    let (name, file, time) = (escaped(&run.name), escaped(file), run.took.as_secs_f64());
    let text = escaped(&diagnostic::human(&run.diagnostics, &run.sources, false));
    let first = run.diagnostics.iter().find(|one| one.severity == Severity::Error);
    let message = escaped(first.map_or("", |one| &one.detail));
    let inside = match run.verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail => format!("\n      <failure message=\"{message}\">{text}</failure>\n    "),
        Verdict::Error => format!("\n      <error message=\"{message}\">{text}</error>\n    "),
        Verdict::Skip => "\n      <skipped/>\n    ".to_owned(),
    };
    format!("    <testcase name=\"{name}\" classname=\"{file}\" time=\"{time:.3}\">{inside}</testcase>\n")
}

/// A text within XML. Characters that XML cannot hold at all are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(name: &str, verdict: Verdict) -> Played {
        Played {
            name: name.to_owned(),
            verdict,
            diagnostics: Default::default(),
            sources: Default::default(),
            shown: String::new(),
            took: std::time::Duration::from_millis(12),
        }
    }

    #[test]
    fn results_are_counted_worded_and_escaped() {
        let runs = vec![played("a<b>", Verdict::Pass), played("c", Verdict::Error), played("d", Verdict::Skip)];
        let files = [PlayedFile { name: "x.captest.hcl".to_owned(), unread: None, runs }];
        let counts = Counts::of(&files);
        assert_eq!(counts.line(Style::new(false)), "Failure! 1 passed, 1 failed, 1 skipped.");
        let xml = junit(&files);
        for part in ["name=\"a&lt;b&gt;\"", "time=\"0.012\"", "<skipped/>", "errors=\"1\"", "<error message=\"\">"] {
            assert!(xml.contains(part), "{part} is missing in {xml}");
        }
        let json = lines(&files, crate::time::Timestamp::from_millis(0));
        assert!(json.last().is_some_and(|line| line.contains("\"errored\":1")), "{json:?}");
    }
}
