//! The JSON form: the same trees as of the native form, and faults where they lie.

use std::sync::LazyLock;

use super::{parse, parse_values};
use crate::diagnostic::Diagnostics;
use crate::eval::schema::{BlockSchema, BodySchema, Catalog, KindSchema, Occurs, optional};
use crate::eval::types::Type;
use crate::source::Sources;
use crate::syntax::ast::{Body, ExprKind, File};
use crate::syntax::print::native;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let any = |name| optional(name, Type::Any, "");
    let inner = BlockSchema {
        name: "inner",
        body: BodySchema { attributes: vec![any("deep")], blocks: Vec::new() },
        occurs: Occurs::Many,
        doc: "",
    };
    let files = BlockSchema {
        name: "files",
        body: BodySchema { attributes: vec![any("mode")], blocks: vec![inner] },
        occurs: Occurs::Many,
        doc: "",
    };
    let body = BodySchema { attributes: vec![any("value"), any("issuer")], blocks: vec![files] };
    let mut catalog = Catalog::default();
    catalog.register(KindSchema { name: "thing", doc: "", body, facts: Vec::new(), in_project: false });
    catalog
});

/// A body in the native form, on one line.
fn shown(body: &Body) -> String {
    let attributes = body.attributes.iter().map(|one| format!("{} = {}", one.name.text, native(&one.value)));
    let blocks = body.blocks.iter().map(|block| {
        let labels: String = block.labels.iter().map(|label| format!(" \"{}\"", label.text)).collect();
        format!("{}{labels} {{ {} }}", block.kind.text, shown(&block.body))
    });
    attributes.chain(blocks).collect::<Vec<_>>().join("; ")
}

fn read(text: &str) -> (File, Diagnostics, Sources) {
    let mut sources = Sources::default();
    let id = sources.add("main.cap.json", text);
    let (file, faults) = parse(id, text, &CATALOG);
    (file, faults, sources)
}

/// The faults as `line:column underlined: detail`.
fn faults(text: &str) -> Vec<String> {
    let (_, faults, sources) = read(text);
    let one = |fault: &crate::diagnostic::Diagnostic| {
        let span = fault.span.expect("a place");
        let place = sources.position(span);
        format!("{}:{} {}: {}", place.line, place.column, sources.snippet(span), fault.detail)
    };
    faults.iter().map(one).collect()
}

#[test]
fn bodies_are_what_the_native_form_would_hold() {
    for (json, expected) in [
        (r#"{"thing": {"a": {"value": 1}, "b": {}}}"#, r#"thing "a" { value = 1 }; thing "b" {  }"#),
        (
            r#"[{"thing": {"a": {}}}, {"thing": [{"b": {}}, {"c": [{}, null]}]}]"#,
            r#"thing "a" {  }; thing "b" {  }; thing "c" {  }"#,
        ),
        (r#"{"thing": {"a": {}}, "thing": {"b": {}}}"#, r#"thing "a" {  }; thing "b" {  }"#),
        (
            r#"{"//": "a comment", "locals": {"//": {"x": 1}, "a": {"//": "kept"}}}"#,
            r#"locals { a = {"//" = "kept"} }"#,
        ),
        (r#"{"locals": [{"a": 1}, {"b": "${local.a + 1}"}]}"#, r#"locals { a = 1 }; locals { b = "${local.a + 1}" }"#),
        (
            r#"{"locals": {"a": ["x${1}", true, null, -1.50], "b": {"${c}": "%{ if d }e%{ endif }"}, "f": "$${g}"}}"#,
            r#"locals { a = ["x${1}", true, null, -1.5]; b = {"${c}" = "%{ if d }e%{ endif }"}; f = "$${g}" }"#,
        ),
        (
            r#"{"thing": {"a": {"files": [{"mode": "0600", "inner": {"deep": {"x": 1}}}, {}], "issuer": "${thing.b}"}}}"#,
            r#"thing "a" { issuer = "${thing.b}"; files { mode = "0600"; inner { deep = {"x" = 1} } }; files {  } }"#,
        ),
        (
            r#"{"thing": {"a": {"dynamic": {"files": {"for_each": "${var.x}", "iterator": "it", "content": {"inner": [{"deep": "${it.key}"}]}}}}}}"#,
            r#"thing "a" { dynamic "files" { for_each = "${var.x}"; iterator = it; content { inner { deep = "${it.key}" } } } }"#,
        ),
        (
            r#"{"thing": {"a": {"for_each": {"k": "v"}, "depends_on": ["thing.b", "module.c"], "lifecycle": {"prevent_destroy": true, "ignore_changes": ["value", "files[0].mode"], "precondition": {"condition": "${self.value > 1}", "error_message": "No."}}}}}"#,
            r#"thing "a" { for_each = {"k" = "v"}; depends_on = [thing.b, module.c]; lifecycle { prevent_destroy = true; ignore_changes = [value, files[0].mode]; precondition { condition = "${self.value > 1}"; error_message = "No." } } }"#,
        ),
        (
            r#"{"variable": {"v": {"type": "map(object({ a = optional(string, \"x\") }))", "default": {}, "validation": [{"condition": "${var.v != null}", "error_message": "m"}]}}}"#,
            r#"variable "v" { type = map(object({"a" = optional(string, "x")})); default = {}; validation { condition = "${var.v != null}"; error_message = "m" } }"#,
        ),
        (
            r#"{"moved": [{"from": "thing.a", "to": "module.m[\"k\"].thing.b"}], "removed": {"from": "thing.c", "lifecycle": {"destroy": false}}}"#,
            r#"moved { from = thing.a; to = module.m["k"].thing.b }; removed { from = thing.c; lifecycle { destroy = false } }"#,
        ),
        (
            r#"{"module": {"m": {"source": "./m", "depends_on": ["thing.a"]}}, "output": {"o": {"value": "${module.m}", "precondition": {"condition": true, "error_message": "x"}}}}"#,
            r#"module "m" { source = "./m"; depends_on = [thing.a] }; output "o" { value = "${module.m}"; precondition { condition = true; error_message = "x" } }"#,
        ),
        (
            r#"{"check": {"c": {"assert": [{"condition": true, "error_message": "x"}]}}, "cap": {"store": "memory:"}}"#,
            r#"check "c" { assert { condition = true; error_message = "x" } }; cap { store = "memory:" }"#,
        ),
        (r#"{"thing": null, "nonsense": {"a": 1}}"#, "nonsense {  }"),
    ] {
        let (file, faults, _) = read(json);
        assert_eq!(shown(&file.body), expected, "{json}");
        let missing = json.contains("\"thing\": null");
        assert_eq!(faults.has_errors(), missing, "{json}: {faults:?}");
    }
}

#[test]
fn faults_lie_where_they_are() {
    for (json, expected) in [
        ("{\n  \"locals\": {\"a\": 1,}\n}", "2:21 }: \"}\" cannot stand here; what may stand here is a key."),
        (r#"{"locals": {"a": "${1 + }"}}"#, "1:25 }: \"}\" cannot stand here"),
        (r#"{"locals": {"a": "\"é\" ${1 + }"}}"#, "1:31 }: \"}\" cannot stand here"),
        (r#"{"locals": {"a": "\u00e9${x y}"}}"#, "1:29 y: \"y\" cannot stand here"),
        (r#"{"locals": {"a": 1, "a": 2}}"#, "1:21 \"a\": The argument \"a\" is already set"),
        (r#"{"locals": {"a": {"x": 1, "x": 2}}}"#, "1:27 \"x\": This key is already in the object"),
        (r#"{"thing": {"a": 1}}"#, "1:17 1: A JSON object is required here, with the arguments and blocks."),
        (
            r#"{"thing": ["a"]}"#,
            "1:12 \"a\": A JSON object is required here, with the names of blocks of type \"thing\" as its keys.",
        ),
        (r#"{"thing": {"a": {"files": [[1]]}}}"#, "1:28 [: A JSON object is required here"),
        (r#"{"thing": {}}"#, "1:2 \"thing\": A thing block has a name"),
        (r#"{"variable": {"v": {"type": "list(string) x"}}}"#, "1:43 x: \"x\" cannot stand here"),
        ("\"x\"", "1:1 \"x\": A JSON object is required here, with the arguments and blocks."),
    ] {
        let found = faults(json);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{json}: {found:?}");
    }
}

#[test]
fn places_are_those_of_the_text() {
    let (file, _, sources) = read(
        "{\n  \"thing\": {\n    \"a\": {\"value\": \"\\u0041${var.x}\", \"files\": [{}, {\"mode\": 1}]}\n  }\n}\n",
    );
    let block = &file.body.blocks[0];
    let at = |span| format!("{} {}", sources.position(span), sources.snippet(span));
    assert_eq!(at(block.head), "main.cap.json:3:5 \"a\"");
    assert_eq!(at(block.body.blocks[0].head), "main.cap.json:3:48 {");
    let value = &block.body.attributes[0].value;
    assert_eq!(at(value.span), "main.cap.json:3:20 \"\\u0041${var.x}\"");
    let ExprKind::Template(parts) = &value.kind else { panic!("a template") };
    let Some(crate::syntax::ast::Part::Interpolation(inner)) = parts.get(1) else { panic!("an interpolation") };
    assert_eq!(at(inner.span), "main.cap.json:3:29 var.x");
}

#[test]
fn variable_files_hold_values_as_they_are() {
    let mut sources = Sources::default();
    let text = r#"{"//": "x", "a": "${b}", "c": {"//": "kept", "d": ["%{ e }"]}}"#;
    let (file, faults) = parse_values(sources.add_values("x.capvars.json", text), text);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(shown(&file.body), r#"a = "$${b}"; c = {"//" = "kept", "d" = ["%%{ e }"]}"#);
    for text in [
        "[1]",
        "{\"s3cret\": 1, \"s3cret\": 2}",
        "{s3cret: 1}",
        "{\"a\": s3cret}",
        "{\"a\": {\"s3cret\": 1, \"s3cret\": 1}}",
    ] {
        let (_, faults) = parse_values(sources.add_values("x.capvars.json", text), text);
        assert!(faults.has_errors(), "{text}");
        assert!(!format!("{faults:?}").contains("s3cret"), "{text}: {faults:?}");
    }
}
