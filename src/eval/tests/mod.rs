//! What evaluation is tested with: a small catalog, files that are not there, and one door for each kind of question.

mod compared;
mod conditions;
mod expressions;
mod faults;
mod modules;
mod moves;
mod overrides;
mod resources;

use std::sync::{Arc, LazyLock};

use super::desired::OutputValue;
use super::encode::to_json;
use super::functions::{FileFault, FileKind, Files};
use super::schema::{BlockSchema, BodySchema, Catalog, KindSchema, Occurs, optional, required};
use super::types::Type;
use super::value::Value;
use super::{Evaluation, Inputs, evaluate};
use crate::diagnostic::Diagnostics;
use crate::source::Sources;
use crate::syntax;
use crate::time::Timestamp;

struct TestFiles;

impl Files for TestFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileFault> {
        match path {
            "hello.tpl" => Ok(Arc::from(&b"Hello ${name}!\n%{ for n in list ~}\n- ${n}\n%{ endfor ~}\n"[..])),
            "bad.tpl" => Ok(Arc::from(&b"one\ntwo ${missing}"[..])),
            _ => Err(FileFault::NotFound),
        }
    }

    fn kind(&self, _: &str) -> Result<FileKind, FileFault> {
        Err(FileFault::NotFound)
    }

    fn list(&self, _: &str) -> Result<Vec<(String, FileKind)>, FileFault> {
        Err(FileFault::NotFound)
    }
}

fn kind(name: &'static str, in_project: bool, body: BodySchema) -> KindSchema {
    KindSchema { name, doc: "", body, facts: Vec::new(), in_project }
}

fn block(name: &'static str, occurs: Occurs, attributes: Vec<super::schema::AttributeSchema>) -> BlockSchema {
    BlockSchema { name, body: BodySchema { attributes, blocks: Vec::new() }, occurs, doc: "" }
}

fn project() -> super::schema::AttributeSchema {
    optional("project", Type::reference(["project"]), "")
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let mut catalog = Catalog::default();
    let body = |attributes| BodySchema { attributes, blocks: Vec::new() };
    catalog.register(kind("member", false, body(vec![required("email", Type::String, "")])));
    let role = optional("role", Type::String, "").one_of(&["admin", "operator", "viewer"]);
    let grant =
        block("grant", Occurs::Many, vec![role, optional("members", Type::list(Type::reference(["member"])), "")]);
    let grants = BodySchema { attributes: Vec::new(), blocks: vec![grant] };
    catalog.register(kind("project", false, grants));
    let credential = vec![project(), required("provider", Type::String, ""), optional("token", Type::Secret, "")];
    catalog.register(kind("dns_credential", true, body(credential)));
    let apex = required("apex", Type::String, "");
    catalog.register(kind("zone", true, body(vec![project(), apex])));
    let directory = required("directory", Type::String, "").per_certificate();
    let mode = optional("mode", Type::String, "").or(Value::string("0600"));
    let files = block("files", Occurs::Once, vec![directory, mode]);
    let reload = optional("reload", Type::list(Type::String), "").per_certificate();
    let target = BodySchema { attributes: vec![project(), reload], blocks: vec![files] };
    catalog.register(kind("file_target", true, target));
    let mut certificate = kind(
        "certificate",
        true,
        body(vec![
            project(),
            required("common_name", Type::String, ""),
            optional("sans", Type::list(Type::String), "").or(Value::list(Type::String, [])),
            optional("targets", Type::list(Type::reference(["file_target"])), ""),
            optional("zone", Type::reference(["zone"]), ""),
            optional("days", Type::Number, ""),
        ]),
    );
    certificate.facts.push(("not_after", Type::String, ""));
    catalog.register(certificate);
    catalog
});

/// A run over texts, each a file: `a`, `b`, ….
struct Run {
    sources: Sources,
    evaluation: Evaluation,
    diagnostics: Diagnostics,
}

fn run(texts: &[&str], inputs: &Inputs) -> Run {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let mut files = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let name = char::from(b'a' + u8::try_from(at).unwrap_or(0));
        let (file, faults) = syntax::parse(sources.add(name.to_string(), *text), text);
        diagnostics.extend(faults);
        files.push(file);
    }
    let (evaluation, faults) = evaluate(&files, inputs, &CATALOG, &TestFiles, Timestamp::from_millis(0));
    diagnostics.extend(faults);
    Run { sources, evaluation, diagnostics }
}

/// The faults as texts: `line:column "what is underlined" detail`.
fn shown(run: &Run) -> Vec<String> {
    let one = |diagnostic: &crate::diagnostic::Diagnostic| match diagnostic.span {
        Some(span) => {
            let place = run.sources.position(span);
            format!("{}:{} `{}` {}", place.line, place.column, run.sources.snippet(span), diagnostic.detail)
        }
        None => diagnostic.detail.clone(),
    };
    run.diagnostics.iter().map(one).collect()
}

/// The value of an expression as JSON.
fn value_of(expression: &str) -> Result<String, Vec<String>> {
    let run = run(&[&format!("output \"x\" {{\n  value = {expression}\n}}\n")], &Inputs::default());
    if run.diagnostics.has_errors() {
        return Err(shown(&run));
    }
    match &run.evaluation.desired.outputs["x"].value {
        OutputValue::Known(value) => Ok(to_json(value).to_string()),
        OutputValue::Residual(json) => Ok(json.to_string()),
    }
}
