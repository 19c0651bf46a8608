//! Diagnostics for people (miette's graphical report) and for programs (Terraform's JSON).

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::wrap::fill;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::eval::functions;
use crate::source::{Sources, Span, printable};

/// Bytes of a text that a report shows, with the lines around.
const QUOTED: usize = 8192;
/// Columns of its sentences.
const COLUMNS: usize = 102;

/// All reports, one after another.
pub fn human(diagnostics: &Diagnostics, sources: &Sources, colours: bool) -> String {
    let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_links(false).with_wrap_lines(false).with_context_lines(1);
    diagnostics.iter().map(|one| report(&handler, one, sources) + "\n").collect()
}

fn report(handler: &GraphicalReportHandler, one: &Diagnostic, sources: &Sources) -> String {
    let quoted = one.span.filter(|span| is_quotable(*span, sources));
    let mut shown = MietteDiagnostic::new(heading(one)).with_code(one.code.to_string()).with_severity(severity(one));
    if let Some(hint) = &one.hint {
        shown = shown.with_help(fill(&lines_printable(hint), COLUMNS));
    }
    if let Some(span) = quoted {
        let inside =
            one.related.iter().filter(|(other, _)| other.source == span.source && is_quotable(*other, sources));
        shown = shown.and_label(LabeledSpan::new_primary_with_span(Some("here".to_owned()), span.range()));
        shown = shown
            .and_labels(inside.map(|(other, label)| LabeledSpan::new_with_span(Some(label.clone()), other.range())));
    }
    let mut report = Report::new(shown);
    if let Some(source) = quoted.map(|span| sources.get(span.source)) {
        report = report.with_source_code(NamedSource::new(&source.name, source.text.to_string()).with_language("HCL"));
    }
    let mut out = String::new();
    if handler.render_report(&mut out, report.as_ref()).is_err() {
        out = format!("{}: {}\n", one.summary(), one.detail);
    }
    out + &elsewhere(one, quoted, sources)
}

/// Whether the lines of a place may be shown, and are few and short enough to be: a file of one line is read by programs.
fn is_quotable(span: Span, sources: &Sources) -> bool {
    let source = sources.get(span.source);
    let (range, text) = (span.range(), &source.text);
    let before = text.get(..range.start).map_or(0, |head| head.rsplit('\n').take(2).map(str::len).sum());
    let after = text.get(range.end..).map_or(0, |tail| tail.split('\n').take(2).map(str::len).sum());
    source.quotable && before + range.len() + after <= QUOTED
}

/// Places outside the picture, which shows at most one file: those in other files, and all that is not quoted.
fn elsewhere(one: &Diagnostic, quoted: Option<Span>, sources: &Sources) -> String {
    let line = |label: &str, span: Span| format!("  {label}: {}\n", sources.position(span));
    let subject = one.span.filter(|_| quoted.is_none()).map(|span| line("here", span));
    let inside = |span: Span| quoted.is_some_and(|subject| subject.source == span.source) && is_quotable(span, sources);
    let related = one.related.iter().filter(|(span, _)| !inside(*span)).map(|(span, label)| line(label, *span));
    subject.into_iter().chain(related).collect()
}

/// `Error: summary`, as tools that read Terraform's reports look for it.
fn heading(one: &Diagnostic) -> String {
    let word = match one.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
    };
    let mut out = match &one.address {
        Some(address) => format!("{word}: {}: {address}\n{}", one.summary(), one.detail),
        None => format!("{word}: {}\n{}", one.summary(), one.detail),
    };
    held(one).for_each(|(traversal, statement)| out.push_str(&format!("\n  {traversal} {statement}")));
    // Texts of the user may hold what a terminal takes for a command.
    fill(&lines_printable(&out), COLUMNS)
}

fn lines_printable(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

fn severity(one: &Diagnostic) -> miette::Severity {
    match one.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    }
}

/// One diagnostic in the shape that `terraform validate -json` gives it, with `code` and `hint` beside.
#[derive(Serialize, JsonSchema)]
pub struct Shown<'d> {
    /// How bad it is.
    severity: Severity,
    /// What is wrong: the same words for each report of a code.
    summary: &'d str,
    /// What, why, and where.
    detail: &'d str,
    /// Its number in the catalogue: `cap explain CODE` shows its page.
    code: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'d str>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'d str>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range<'d>>,
    /// The text there; absent where it may be part of a secret, or is too long to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Snippet<'d>>,
}

/// A part of a file.
#[derive(Serialize, JsonSchema)]
struct Range<'d> {
    filename: &'d str,
    start: Point,
    end: Point,
}

/// A place in a file: line and column from one, bytes from zero.
#[derive(Serialize, JsonSchema)]
struct Point {
    line: u32,
    column: u32,
    byte: u32,
}

/// The lines that a report is about.
#[derive(Serialize, JsonSchema)]
struct Snippet<'d> {
    /// The block that they are in: `resource "name"`.
    context: Option<&'d str>,
    /// The lines.
    code: &'d str,
    /// Number of the first, from one.
    start_line: u32,
    /// Where in them the fault begins, in bytes.
    highlight_start_offset: usize,
    /// Where it ends.
    highlight_end_offset: usize,
    /// What references in the expression at fault hold. A secret is said to be one, and not shown.
    values: Vec<Held<'d>>,
    /// The function whose call is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionCall<'d>>,
}

/// What a reference holds.
#[derive(Serialize, JsonSchema)]
struct Held<'d> {
    /// The reference.
    traversal: &'d str,
    /// What it holds: a simple value, or the type and the size of another.
    statement: &'d str,
}

/// The call of a function.
#[derive(Serialize, JsonSchema)]
struct FunctionCall<'d> {
    /// Its name, as it is written.
    called_as: &'d str,
    /// What it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
}

/// What a function takes.
#[derive(Serialize, JsonSchema)]
struct Signature {
    /// Its name.
    name: &'static str,
    /// Its parameters.
    params: Vec<Parameter>,
}

/// A parameter of a function.
#[derive(Serialize, JsonSchema)]
struct Parameter {
    /// Its name.
    name: &'static str,
}

/// The answer of `validate -json`.
#[derive(Serialize, JsonSchema)]
pub struct Validation<'d> {
    /// Version of this format.
    format_version: &'d str,
    /// Whether there is no error.
    valid: bool,
    /// How many errors there are.
    error_count: usize,
    /// How many warnings there are.
    warning_count: usize,
    /// All of them.
    diagnostics: Vec<Shown<'d>>,
}

/// One diagnostic for programs.
pub fn json(one: &Diagnostic, sources: &Sources) -> Json {
    json!(shown(one, sources))
}

fn shown<'d>(one: &'d Diagnostic, sources: &'d Sources) -> Shown<'d> {
    let quotable = one.span.filter(|span| is_quotable(*span, sources));
    Shown {
        severity: one.severity,
        summary: one.summary(),
        detail: &one.detail,
        code: one.code.to_string(),
        address: one.address.as_deref(),
        hint: one.hint.as_deref(),
        range: one.span.map(|span| range(span, sources)),
        snippet: quotable.map(|span| snippet(one, span, sources)),
    }
}

fn range(span: Span, sources: &Sources) -> Range<'_> {
    let source = sources.get(span.source);
    let point = |byte: u32| {
        let (line, column) = source.line_column(byte as usize);
        Point { line, column, byte }
    };
    Range { filename: &source.name, start: point(span.start), end: point(span.end) }
}

fn snippet<'d>(one: &'d Diagnostic, span: Span, sources: &'d Sources) -> Snippet<'d> {
    let source = sources.get(span.source);
    let text = &source.text;
    let range = span.range();
    let begin = text.get(..range.start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(range.end..).and_then(|tail| tail.find('\n')).map_or(text.len(), |at| range.end + at);
    let (line, _) = source.line_column(range.start);
    Snippet {
        context: context(text, begin),
        code: text.get(begin..end).unwrap_or(""),
        start_line: line,
        highlight_start_offset: range.start - begin,
        highlight_end_offset: range.end - begin,
        values: held(one).map(|(traversal, statement)| Held { traversal, statement }).collect(),
        function_call: one.explained.as_ref().and_then(|behind| behind.called.as_deref()).map(function_call),
    }
}

/// What references hold.
fn held(one: &Diagnostic) -> impl Iterator<Item = (&str, &str)> {
    let all = one.explained.iter().flat_map(|behind| &behind.holdings);
    all.map(|one| (one.traversal.as_str(), one.statement.as_str()))
}

fn function_call(called_as: &str) -> FunctionCall<'_> {
    let function = functions::find(called_as.strip_prefix("core::").unwrap_or(called_as));
    let signature = function.map(|function| Signature {
        name: function.name,
        params: function.params.iter().chain(&function.variadic).map(|param| Parameter { name: param.name }).collect(),
    });
    FunctionCall { called_as, signature }
}

/// The head of the block that a line is in, where blocks stand at the beginning of lines, as `cap fmt` has them.
fn context(text: &str, line: usize) -> Option<&str> {
    let rest = text.get(line..)?.split('\n').next().unwrap_or("");
    let above = text.get(..line)?.lines().rev();
    let mut lines = std::iter::once(rest).chain(above);
    let outermost = lines.find(|line| line.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '}'))?;
    let (head, _) = outermost.split_once('{')?;
    let head = head.trim_end();
    (!head.contains('=') && !head.starts_with('}')).then_some(head)
}

/// The answer of `validate -json`.
pub fn validation(diagnostics: &Diagnostics, sources: &Sources) -> Json {
    let errors = diagnostics.iter().filter(|one| one.is_error()).count();
    json!(Validation {
        format_version: "1.0",
        valid: errors == 0,
        error_count: errors,
        warning_count: diagnostics.iter().count() - errors,
        diagnostics: diagnostics.iter().map(|one| shown(one, sources)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::codes;

    fn sample() -> (Diagnostics, Sources) {
        let mut sources = Sources::default();
        let id = sources.add("main.cap.hcl", "zone \"a\" {\n  apx = \"example.com\"\n}\n");
        let fault = Diagnostic::error(&codes::language::SYNTAX, "No argument is named \"apx\" here.")
            .at(Span::new(id, 13..16))
            .hint("Did you mean \"apex\"?");
        (fault.into(), sources)
    }

    #[test]
    fn people_see_code_place_and_remedy() {
        let (diagnostics, sources) = sample();
        let text = human(&diagnostics, &sources, false);
        for part in ["CAP0101", "main.cap.hcl:2:3", "No argument is named", "Did you mean \"apex\"?"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn lines_of_variable_files_are_not_shown() {
        let (mut diagnostics, mut sources) = sample();
        let values = sources.add_values("prod.capvars", "first = \"hidden\"\ntoken = \"marked\"\n");
        let token = Span::new(values, 25..33);
        diagnostics.0[0].related.push((token, "set".to_owned()));
        let other = Diagnostic::error(&codes::language::TYPE, "It is no number.").at(token);
        diagnostics.push(other.related(Span::new(values, 8..16), "the other"));
        let text = human(&diagnostics, &sources, false);
        for part in
            ["main.cap.hcl:2:3", "  set: prod.capvars:2:9", "  here: prod.capvars:2:9", "  the other: prod.capvars:1:9"]
        {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let json = validation(&diagnostics, &sources);
        assert_eq!(json["diagnostics"][1]["range"]["start"]["line"], 2);
        for shown in [text, json.to_string()] {
            assert!(!shown.contains("marked") && !shown.contains("hidden"), "{shown}");
        }
    }

    #[test]
    fn programs_see_terraforms_shape() {
        let (diagnostics, sources) = sample();
        let json = validation(&diagnostics, &sources);
        assert_eq!(json["diagnostics"][0]["range"]["start"], json!({"line": 2, "column": 3, "byte": 13}));
        assert_eq!(json["diagnostics"][0]["snippet"]["code"], "  apx = \"example.com\"");
        assert_eq!(json["error_count"], 1);
    }
}
