//! Faults under carets: every case of `fixtures/diagnostics` is read by `cap validate`, and what it reports is what the
//! comments under its lines say, no more and no less.
//!
//! A case is a file, or a directory of files. A line `# ^^^ CAP0123: text` expects a report with this text about what stands
//! above the carets; where they follow the `#` at once, it is the first of them. Such lines are no part of what is read. A
//! first line `# $ cap validate …` is the command. `CAP_BLESS=1` writes what is reported into the files, to be looked over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Place;

/// A report, by file: line, column, width, code, text. Lines and columns from one.
type Report = (usize, usize, usize, String, String);

/// One file: the lines that are read, and the reports expected in them.
struct Annotated {
    lines: Vec<String>,
    expected: Vec<Report>,
}

impl Annotated {
    fn parse(text: &str) -> Self {
        let mut found = Self { lines: Vec::new(), expected: Vec::new() };
        for line in text.lines() {
            match expectation(line) {
                Some((column, width, code, text)) => {
                    found.expected.push((found.lines.len(), column, width, code, text));
                }
                None => found.lines.push(line.to_owned()),
            }
        }
        found
    }

    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The same lines with these reports under them.
    fn blessed(&self, reports: &[Report]) -> String {
        let mut out = String::new();
        for (at, line) in self.lines.iter().enumerate() {
            out.push_str(&format!("{line}\n"));
            for (_, column, width, code, text) in reports.iter().filter(|report| report.0 == at + 1) {
                let gap = " ".repeat(column.saturating_sub(2));
                out.push_str(&format!("#{gap}{} {code}: {text}\n", "^".repeat(width - usize::from(*column == 1))));
            }
        }
        out
    }
}

/// Column, width, code and text of a line that expects a report.
fn expectation(line: &str) -> Option<(usize, usize, String, String)> {
    let rest = line.strip_prefix('#')?;
    let marks = rest.trim_start_matches(' ');
    let gap = rest.len() - marks.len();
    let after = marks.trim_start_matches('^');
    let carets = marks.len() - after.len();
    let (code, text) = after.trim_start().split_once(": ")?;
    if code.len() != 7 || !code.starts_with("CAP0") {
        return None;
    }
    let (column, width) = if gap == 0 || carets == 0 { (1, carets + 1) } else { (gap + 2, carets) };
    Some((column, width, code.to_owned(), text.to_owned()))
}

/// One case: files by name.
struct Case {
    path: PathBuf,
    files: BTreeMap<String, Annotated>,
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let mut files = BTreeMap::new();
        if path.is_dir() {
            below(&path, &path, &mut files);
        } else {
            files.insert("main.cap.hcl".to_owned(), annotated(&path));
        }
        Self { path, files }
    }

    fn file(&self, name: &str) -> PathBuf {
        if self.path.is_dir() { self.path.join(name) } else { self.path.clone() }
    }

    fn command(&self) -> String {
        let first = self.files.get("main.cap.hcl").and_then(|file| file.lines.first());
        let named = first.and_then(|line| line.strip_prefix("# $ cap "));
        format!("{} -json", named.unwrap_or("validate"))
    }

    /// What is reported, by file. What has no place comes under the empty name.
    fn reports(&self) -> BTreeMap<String, Vec<Report>> {
        let place = Place::new();
        self.files.iter().for_each(|(name, file)| place.write(name, file.text()));
        let answer = place.cap(&self.command()).json();
        let mut found: BTreeMap<String, Vec<Report>> = BTreeMap::new();
        for diagnostic in answer["diagnostics"].as_array().expect("diagnostics") {
            let name = diagnostic["range"]["filename"].as_str().unwrap_or_default();
            found.entry(name.to_owned()).or_default().push(self.report(name, diagnostic));
        }
        found.values_mut().for_each(|reports| reports.sort());
        found
    }

    fn report(&self, name: &str, diagnostic: &Value) -> Report {
        let text = |key: &str| diagnostic[key].as_str().unwrap_or_default().to_owned();
        let number = |end: &str, key: &str| diagnostic["range"][end][key].as_u64().unwrap_or(0) as usize;
        let hint = text("hint");
        let detail = if hint.is_empty() { text("detail") } else { format!("{} ({hint})", text("detail")) };
        let detail = detail.replace('\n', "\\n");
        let lines: &[String] = self.files.get(name).map_or(&[], |file| &file.lines);
        let length = |line: usize| lines.get(line.wrapping_sub(1)).map_or(0, |text| text.chars().count());
        let (mut line, mut column) = (number("start", "line"), number("start", "column"));
        if line > lines.len() && !lines.is_empty() {
            // The end of the text is shown behind its last line.
            (line, column) = (lines.len(), length(lines.len()) + 1);
        }
        let end = if number("end", "line") > line { length(line) + 1 } else { number("end", "column") };
        (line, column, end.saturating_sub(column).max(1), text("code"), detail)
    }
}

fn annotated(path: &Path) -> Annotated {
    Annotated::parse(&std::fs::read_to_string(path).expect("a fixture"))
}

fn below(root: &Path, folder: &Path, files: &mut BTreeMap<String, Annotated>) {
    for entry in std::fs::read_dir(folder).expect("a folder of fixtures").flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("it lies below").display().to_string();
            files.insert(name, annotated(&path));
        }
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/diagnostics");
    let entries = std::fs::read_dir(folder).expect("the fixtures").flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().map(Case::read).collect()
}

/// Reports that were not expected, and expectations that nothing met.
fn differences(expected: &[Report], reports: &[Report]) -> Vec<String> {
    let meets = |one: &Report, report: &Report| {
        (one.0, one.1, one.2, &one.3) == (report.0, report.1, report.2, &report.3) && report.4.contains(&one.4)
    };
    let mut left: Vec<&Report> = reports.iter().collect();
    let mut wrong = Vec::new();
    for one in expected {
        match left.iter().position(|report| meets(one, report)) {
            Some(at) => _ = left.remove(at),
            None => wrong.push(format!("missing {one:?}")),
        }
    }
    wrong.extend(left.into_iter().map(|report| format!("not expected {report:?}")));
    wrong
}

#[test]
fn what_is_reported_is_what_the_carets_say() {
    let bless = std::env::var_os("CAP_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        let mut reports = case.reports();
        for (name, file) in &case.files {
            let found = reports.remove(name).unwrap_or_default();
            count += file.expected.len();
            if bless {
                std::fs::write(case.file(name), file.blessed(&found)).expect("a fixture is written");
            }
            let place = case.file(name).display().to_string();
            wrong.extend(differences(&file.expected, &found).into_iter().map(|one| format!("{place}: {one}")));
        }
        // Whatever is left is about no file of the case: a user's fault without a place.
        let placeless = reports.iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one)));
        wrong.extend(placeless.map(|(name, one)| format!("{}: at {name:?} {one:?}", case.path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 300, "{count} reports are expected in all");
}
