//! Reads test files: which blocks and arguments they hold, each of its form. Evaluates constants only.

use std::ffi::OsString;
use std::str::FromStr;

use super::{Assert, Expected, Moment, Run, TestFile};
use crate::cli::args::{self, Command, PlanningArgs};
use crate::cli::configuration;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, codes, did_you_mean};
use crate::eval::console::alone;
use crate::eval::value::Value;
use crate::source::{SourceId, Sources, Span};
use crate::syntax;
use crate::syntax::ast::{Attribute, Block, Body, Expr, ExprKind, File};
use crate::time::{Duration, Timestamp};

/// The time of a file that says none: tests do not depend on when they are run.
const DEFAULT_CLOCK: &str = "2026-01-01T00:00:00Z";

/// The ends of a test file's name.
pub const ENDINGS: [&str; 2] = [".captest.hcl", JSON];
const JSON: &str = ".captest.json";

/// Parses a test file in the form that its name says.
pub fn parse(source: SourceId, (name, text): (&str, &str)) -> (File, Diagnostics) {
    if name.ends_with(JSON) { syntax::json::parse_tests(source, text) } else { syntax::parse(source, text) }
}

/// What a test file says.
pub fn file(file: &File, sources: &Sources) -> (TestFile, Diagnostics) {
    let mut reader = Reader { sources, json: file.json, faults: Diagnostics::default() };
    reader.only(&file.body, "test file", &["clock"], &["variables", "run"]);
    let clock = reader.parsed::<Timestamp>(&file.body, "clock");
    let variables = file.body.blocks_of("variables").flat_map(|block| block.body.attributes.clone()).collect();
    let runs: Vec<Run> = file.body.blocks_of("run").filter_map(|block| reader.run(block)).collect();
    reader.named_once(&runs);
    let clock = clock.or_else(|| DEFAULT_CLOCK.parse().ok()).unwrap_or(Timestamp::from_millis(0));
    (TestFile { variables, clock, runs }, reader.faults)
}

struct Reader<'s> {
    sources: &'s Sources,
    /// Whether what is written stands in JSON texts.
    json: bool,
    faults: Diagnostics,
}

impl Reader<'_> {
    fn fault(&mut self, code: &'static Code, span: Span, detail: impl Into<String>) {
        self.faults.push(Diagnostic::error(code, detail).at(span));
    }

    /// Reports what does not belong into a block.
    fn only(&mut self, body: &Body, what: &str, attributes: &[&str], blocks: &[&str]) {
        let hint = |name: &str| {
            let known = attributes.iter().chain(blocks).copied();
            did_you_mean(name, known).map(|close| format!("Did you mean \"{close}\"?"))
        };
        let mut push = |code, span, detail: String, hint| {
            self.faults.push(Diagnostic { hint, ..Diagnostic::error(code, detail).at(span) });
        };
        for Attribute { name, .. } in body.attributes.iter().filter(|one| !attributes.contains(&&*one.name.text)) {
            let detail = format!("A {what} takes no argument named \"{}\".", name.text);
            push(&codes::language::UNKNOWN_ARGUMENT, name.span, detail, hint(&name.text));
        }
        for Block { kind, .. } in body.blocks.iter().filter(|one| !blocks.contains(&&*one.kind.text)) {
            let detail = format!("A {what} holds no blocks of type \"{}\".", kind.text);
            push(&codes::language::UNKNOWN_BLOCK, kind.span, detail, hint(&kind.text));
        }
    }

    fn named_once(&mut self, runs: &[Run]) {
        for (at, run) in runs.iter().enumerate() {
            if let Some(first) = runs[..at].iter().find(|first| first.name == run.name) {
                let detail = format!("A run named \"{}\" is already declared.", run.name);
                let report = Diagnostic::error(&codes::language::DUPLICATE, detail).at(run.span);
                self.faults.push(report.related(first.span, "first declared here"));
            }
        }
    }

    fn run(&mut self, block: &Block) -> Option<Run> {
        let [label] = block.labels.as_slice() else {
            self.fault(&codes::language::LABELS, block.head, "A run block is written run \"name\" { … }.");
            return None;
        };
        let body = &block.body;
        let attributes = ["command", "expect_failures", "clock", "advance"];
        self.only(body, "run block", &attributes, &["variables", "module", "assert", "plan_options"]);
        let command = self.word(body, "command", &["plan", "apply"]);
        Some(Run {
            name: label.text.to_string(),
            span: block.head,
            applies: command.as_deref() != Some("plan"),
            variables: body.blocks_of("variables").flat_map(|block| block.body.attributes.clone()).collect(),
            module: body.blocks_of("module").find_map(|block| self.module(block)),
            time: self.moment(body),
            planning: self.planning(block)?,
            asserts: body.blocks_of("assert").filter_map(|block| self.assert(block)).collect(),
            expected: self.expected(body),
        })
    }

    fn module(&mut self, block: &Block) -> Option<String> {
        self.only(&block.body, "module block", &["source"], &[]);
        let Some(source) = block.body.attribute("source") else {
            self.fault(&codes::language::MISSING_ARGUMENT, block.head, "A module block needs \"source\".");
            return None;
        };
        self.text(&source.value)
    }

    fn assert(&mut self, block: &Block) -> Option<Assert> {
        self.only(&block.body, "assert block", &["condition", "error_message"], &[]);
        let part = |name: &str| block.body.attribute(name).map(|attribute| Expr::clone(&attribute.value));
        let (Some(condition), Some(message)) = (part("condition"), part("error_message")) else {
            let detail = "An assert block needs \"condition\" and \"error_message\".";
            self.fault(&codes::language::MISSING_ARGUMENT, block.head, detail);
            return None;
        };
        Some(Assert { condition, message })
    }

    /// When the run takes place.
    fn moment(&mut self, body: &Body) -> Option<Moment> {
        if let (Some(_), Some(second)) = (body.attribute("clock"), body.attribute("advance")) {
            let detail = "A run says when it takes place by clock or by advance, and not by both.";
            self.fault(&codes::language::VALUE, second.name.span, detail);
        }
        let at = self.parsed::<Timestamp>(body, "clock").map(Moment::At);
        at.or_else(|| self.parsed::<Duration>(body, "advance").map(Moment::After))
    }

    /// A constant text that means something.
    fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, body: &Body, name: &str) -> Option<T> {
        let value = &body.attribute(name)?.value;
        match self.text(value)?.parse::<T>() {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                self.fault(&codes::language::VALUE, value.span, format!("\"{name}\" cannot be taken: {why}."));
                None
            }
        }
    }

    fn text(&mut self, expr: &Expr) -> Option<String> {
        let nothing = Value::object::<&str>([]);
        match alone(&nothing, &configuration::around(), Timestamp::from_millis(0), expr) {
            Ok(Value::String(text)) => Some(text.to_string()),
            Ok(_) => {
                self.fault(&codes::language::TYPE, expr.span, "A text is required here.");
                None
            }
            Err(faults) => {
                self.faults.extend(faults);
                None
            }
        }
    }

    /// One of a few words, written without quotes.
    fn word(&mut self, body: &Body, name: &str, known: &[&str]) -> Option<String> {
        let value = &body.attribute(name)?.value;
        let word = self.written(value);
        if !known.contains(&word.as_str()) {
            let quotes = if self.json { "" } else { ", without quotes" };
            let detail = format!("\"{name}\" is one of {}{quotes}.", known.join(", "));
            self.fault(&codes::language::VALUE, value.span, detail);
            return None;
        }
        Some(word)
    }

    /// An expression as it is written.
    fn written(&self, expr: &Expr) -> String {
        let text = self.sources.snippet(expr.span);
        let inner = if self.json { serde_json::from_str(text).ok() } else { None };
        inner.unwrap_or_else(|| text.to_owned())
    }

    /// References as they are written.
    fn references(&mut self, body: &Body, name: &str) -> Vec<Expected> {
        let Some(attribute) = body.attribute(name) else { return Vec::new() };
        let ExprKind::Tuple(items) = &attribute.value.kind else {
            self.fault(&codes::language::TYPE, attribute.value.span, format!("\"{name}\" is a list of references."));
            return Vec::new();
        };
        let written = |item: &Expr| Expected { object: self.written(item), span: item.span };
        items.iter().map(written).collect()
    }

    fn expected(&mut self, body: &Body) -> Vec<Expected> {
        self.references(body, "expect_failures")
    }

    /// `plan_options`, as the command line would say it.
    fn planning(&mut self, run: &Block) -> Option<PlanningArgs> {
        let mut line = vec!["cap".to_owned(), "plan".to_owned()];
        for block in run.body.blocks_of("plan_options") {
            self.only(&block.body, "plan_options block", &["mode", "refresh", "replace", "target"], &[]);
            let refresh_only = self.word(&block.body, "mode", &["normal", "refresh-only"]);
            line.extend(refresh_only.filter(|mode| mode == "refresh-only").map(|_| "-refresh-only".to_owned()));
            let refresh = self.word(&block.body, "refresh", &["true", "false"]);
            line.extend(refresh.map(|word| format!("-refresh={word}")));
            for option in ["replace", "target"] {
                let named = self.references(&block.body, option);
                line.extend(named.iter().map(|one| format!("-{option}={}", one.object)));
            }
        }
        match args::parse(line.into_iter().map(OsString::from), &|_| None).map(|cli| cli.command) {
            Ok(Command::Plan(plan)) => Some(plan.planning),
            _ => {
                self.fault(&codes::language::VALUE, run.head, "The plan_options of this run cannot be taken.");
                None
            }
        }
    }
}
