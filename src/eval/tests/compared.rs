//! Whole files of both forms, and what Terraform 1.11.4 made of them: `fixtures/language/compared.txt` holds a file, then
//! after `-----` the value of `local.x` in Terraform's notation, its lines joined, or `!` where it reported a fault.

use super::*;
use crate::eval::notation::notation;
use crate::syntax::json;

const COMPARED: &str = include_str!("../../../fixtures/language/compared.txt");
const ASKED: &str = "output \"compared\" {\n  value = local.x\n}\n";

/// The value of `local.x`, its lines joined; `!` where a fault is reported.
fn outcome(text: &str) -> String {
    let mut sources = Sources::default();
    let source = sources.add("a", text);
    let (file, mut faults) = match text.starts_with(['{', '[']) {
        true => json::parse(source, text, &CATALOG),
        false => syntax::parse(source, text),
    };
    let asked = syntax::parse(sources.add("b", ASKED), ASKED).0;
    let (evaluation, more) =
        evaluate(&[file, asked], &Inputs::default(), &CATALOG, &TestFiles, Timestamp::from_millis(0));
    faults.extend(more);
    match evaluation.desired.outputs.get("compared").map(|output| &output.value) {
        Some(OutputValue::Known(value)) if !faults.has_errors() => {
            let lines = notation(value);
            lines.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim_end().to_owned()
        }
        _ => "!".to_owned(),
    }
}

#[test]
fn files_mean_what_they_meant_to_terraform() {
    let cases: Vec<(&str, &str)> = COMPARED.split("=====\n").filter_map(|case| case.split_once("-----\n")).collect();
    let differing: Vec<String> = cases
        .iter()
        .map(|(text, expected)| (text, expected.trim_end(), outcome(text)))
        .filter(|(_, expected, outcome)| expected != outcome)
        .map(|(text, expected, outcome)| format!("{text}{outcome}\n  instead of\n{expected}\n"))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(cases.len() > 300, "{} files", cases.len());
}
