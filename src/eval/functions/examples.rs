//! Runs the calls in `fixtures/functions/`: after `>` a call, and below it what Terraform's console answers, or after
//! `!` the fault. Where `cap` means to differ, the call stands in `differs.txt` with the reason.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use hcl_edit::expr::{Expression, ObjectKey};

use super::{CallContext, Fault, FileFault, FileKind, Files};
use crate::eval::notation::notation;
use crate::eval::number::Number;
use crate::eval::value::Value;

/// The directory that the calls see as their module.
struct Directory;

impl Directory {
    fn path(path: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/functions/module").join(path)
    }

    fn fault(error: &std::io::Error) -> FileFault {
        match error.kind() {
            std::io::ErrorKind::NotFound => FileFault::NotFound,
            std::io::ErrorKind::IsADirectory => FileFault::Directory,
            _ => FileFault::Other(error.to_string()),
        }
    }
}

impl Files for Directory {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileFault> {
        std::fs::read(Self::path(path)).map(Arc::from).map_err(|error| Self::fault(&error))
    }

    fn kind(&self, path: &str) -> Result<FileKind, FileFault> {
        let found = std::fs::metadata(Self::path(path)).map_err(|error| Self::fault(&error))?;
        Ok(if found.is_dir() { FileKind::Directory } else { FileKind::File })
    }

    fn list(&self, directory: &str) -> Result<Vec<(String, FileKind)>, FileFault> {
        let entries = std::fs::read_dir(Self::path(directory)).map_err(|error| Self::fault(&error))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.map(|name| Ok((name.clone(), self.kind(&format!("{directory}/{name}"))?))).collect()
    }
}

/// The value of an expression made of literals and calls.
fn value(expression: &Expression, called: &mut BTreeSet<String>) -> Result<Value, Fault> {
    match expression {
        Expression::Null(_) => Ok(Value::Null),
        Expression::Bool(truth) => Ok(Value::Bool(**truth)),
        Expression::Number(number) => Ok(Number::parse(&number.to_string()).map_or(Value::Null, Value::Number)),
        Expression::String(text) => super::support::string(text.as_str()),
        Expression::Parenthesis(inner) => value(inner.inner(), called),
        Expression::UnaryOp(negative) => match value(&negative.expr, called)? {
            Value::Number(number) => Ok(Value::Number(number.neg())),
            other => Err(Fault::call(format!("no sign before {other:?}"))),
        },
        Expression::Array(items) => {
            items.iter().map(|item| value(item, called)).collect::<Result<Vec<_>, _>>().map(Value::tuple)
        }
        Expression::Object(entries) => {
            let mut attributes = Vec::new();
            for (key, entry) in entries {
                attributes.push((name(key), value(entry.expr(), called)?));
            }
            Ok(Value::object(attributes))
        }
        Expression::FuncCall(call) => {
            let function = super::find(call.name.name.as_str());
            let function = function.unwrap_or_else(|| panic!("no function {}", call.name.name.as_str()));
            called.insert(function.name.to_owned());
            let arguments: Result<Vec<Value>, Fault> = call.args.iter().map(|arg| value(arg, called)).collect();
            let plan_time = "2026-11-24T12:00:00Z".parse().expect("a time");
            function.invoke(&CallContext { files: &Directory, plan_time }, &arguments?)
        }
        other => panic!("not for tables: {other:?}"),
    }
}

fn name(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Ident(name) => name.as_str().to_owned(),
        ObjectKey::Expression(Expression::String(name)) => name.as_str().to_owned(),
        ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
        ObjectKey::Expression(Expression::Number(number)) => number.to_string().trim().to_owned(),
        ObjectKey::Expression(other) => panic!("not for tables: {other:?}"),
    }
}

/// The calls of a table with what is expected of them.
fn rows(text: &str) -> Vec<(String, String)> {
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("#")) {
        match (line.strip_prefix("> "), rows.last_mut()) {
            (Some(call), _) => rows.push((call.to_owned(), Vec::new())),
            (None, Some((_, expected))) => expected.push(line),
            (None, None) => {}
        }
    }
    rows.into_iter().map(|(call, expected)| (call, expected.join("\n").trim_end().to_owned())).collect()
}

#[test]
fn calls_answer_as_in_terraform() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/functions");
    let (mut faults, mut called, mut count) = (String::new(), BTreeSet::new(), 0);
    for table in std::fs::read_dir(folder).expect("the tables").flatten().filter(|entry| entry.path().is_file()) {
        let text = std::fs::read_to_string(table.path()).expect("a table");
        for (call, expected) in rows(&text) {
            let expression: Expression = call.parse().unwrap_or_else(|error| panic!("{call}: {error}"));
            let outcome = match value(&expression, &mut called) {
                Ok(value) => notation(&value),
                Err(fault) => format!("! {}", fault.message),
            };
            count += 1;
            if outcome != expected {
                let table = table.file_name().to_string_lossy().into_owned();
                let _ = writeln!(faults, "{table}\n> {call}\n{outcome}\n  instead of\n{expected}\n");
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    let uncalled: Vec<&str> =
        super::all().map(|function| function.name).filter(|name| !called.contains(*name)).collect();
    assert!(uncalled.is_empty() && count > 0, "no table calls {}", uncalled.join(", "));
}

#[test]
fn every_function_is_documented_once() {
    let mut names = BTreeSet::new();
    for function in super::all() {
        assert!(names.insert(function.name), "{} is there twice", function.name);
        assert!(function.doc.ends_with('.') && function.doc.len() > 20, "{}", function.name);
    }
}
