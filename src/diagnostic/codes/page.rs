//! The page of a code: as `cap explain` shows it, as Markdown, and its script in parts. Plays nothing.

use std::fmt::Write as _;

use super::{Area, Code, Example};

/// One part of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A file with its name and text.
    File(String, String),
    /// Settings of the environment, `NAME=VALUE`, and the arguments of `cap`.
    Command(Vec<String>, String),
}

/// Splits a script: `-- NAME --` begins a file, `$ cap …` or `$ NAME=VALUE cap …` is a command, and text before the first
/// of them is `main.cap.hcl`. A script without a command ends in `cap validate`. Common indentation is no part of it.
pub fn script(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in dedent(text).lines() {
        if let Some((settings, arguments)) = line.strip_prefix("$ ").and_then(|line| line.split_once("cap ")) {
            let settings = settings.split_whitespace().map(str::to_owned).collect();
            steps.push(Step::Command(settings, arguments.to_owned()));
        } else if let Some(name) = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --")) {
            steps.push(Step::File(name.to_owned(), String::new()));
        } else {
            push_line(&mut steps, line);
        }
    }
    if !matches!(steps.last(), Some(Step::Command(..))) {
        steps.push(Step::Command(Vec::new(), "validate".to_owned()));
    }
    steps
}

/// A line of the file that was begun last, or of `main.cap.hcl` where none was.
fn push_line(steps: &mut Vec<Step>, line: &str) {
    match steps.last_mut() {
        Some(Step::File(_, text)) => {
            text.push_str(line);
            text.push('\n');
        }
        _ => steps.push(Step::File("main.cap.hcl".to_owned(), format!("{line}\n"))),
    }
}

/// A raw string as it was meant: without the blank lines around it and the indentation that all of its lines share.
fn dedent(text: &str) -> String {
    let text = text.trim_start_matches('\n').trim_end();
    let indented = |line: &str| line.len() - line.trim_start().len();
    let shared = text.lines().filter(|line| !line.trim().is_empty()).map(indented).min().unwrap_or(0);
    text.lines().map(|line| format!("{}\n", line.get(shared..).unwrap_or(""))).collect()
}

/// The page for a terminal.
pub fn text(code: &Code) -> String {
    let mut page = format!("{code}: {}\n\n{}\n", code.summary, code.explain);
    match &code.example {
        Example::Script { fails, mended } => {
            let _ = write!(page, "\nFor example:\n\n{}", indented(fails));
            let _ = write!(page, "\n{}\n\n{}", code.remedy, indented(mended));
        }
        Example::Story(story) => _ = write!(page, "\n{story}\n\n{}\n", code.remedy),
    }
    page
}

fn indented(text: &str) -> String {
    dedent(text).lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}

/// All pages as one document.
pub fn markdown<'a>(areas: impl Iterator<Item = &'a Area>) -> String {
    let mut document = String::from("# Diagnostics of cap\n");
    for area in areas {
        let _ = write!(document, "\n## {}\n", area.title);
        area.in_order().into_iter().for_each(|code| document.push_str(&section(code)));
    }
    document
}

fn section(code: &Code) -> String {
    let mut page = format!("\n### {code}: {}\n\n{}\n", code.summary, code.explain);
    let fenced = |text: &str| format!("```hcl\n{}```\n", dedent(text));
    match &code.example {
        Example::Script { fails, mended } => {
            let _ = write!(page, "\n{}\n**Remedy.** {}\n\n{}", fenced(fails), code.remedy, fenced(mended));
        }
        Example::Story(story) => _ = write!(page, "\n{story}\n\n**Remedy.** {}\n", code.remedy),
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Step {
        Step::File(name.to_owned(), text.to_owned())
    }

    #[test]
    fn scripts_are_files_and_commands_in_order() {
        let found = script("\n    a = 1\n      b = 2\n\n    -- x/y.cap.hcl --\n    c\n    $ A=b cap plan -out=p\n    ");
        let files = [file("main.cap.hcl", "a = 1\n  b = 2\n\n"), file("x/y.cap.hcl", "c\n")];
        assert_eq!(found[..2], files);
        assert_eq!(found[2..], [Step::Command(vec!["A=b".to_owned()], "plan -out=p".to_owned())]);
        assert_eq!(script("a = 1")[1..], [Step::Command(Vec::new(), "validate".to_owned())]);
    }
}
