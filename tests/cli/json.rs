//! The JSON form: the same estate plans the same in both forms, faults lie in the file, and values come from JSON files
//! in Terraform's order.

use std::path::Path;

use cap::eval::schema::{BodySchema, Catalog};
use cap::source::SourceId;
use cap::syntax::ast::{Attribute, Block, Body, Expr, ExprKind};
use cap::syntax::{parse, print};
use serde_json::{Map, Value as Json, json};

use super::{Place, Ran};

/// Arguments that are written as expressions.
const EXPRESSIONS: [&str; 6] = ["depends_on", "from", "to", "ignore_changes", "type", "iterator"];

/// Arguments that are constants: their texts are as they are.
const CONSTANTS: [(&str, &str); 4] =
    [("variable", "default"), ("variable", "description"), ("output", "description"), ("module", "source")];

/// A file of the native form in the JSON form: every argument as it would be written by hand, or as `"${…}"`.
fn converted(text: &str) -> String {
    let (file, faults) = parse(SourceId(0), text);
    assert!(!faults.has_errors(), "{faults:?}");
    let all = file.body.blocks.iter().map(|block| {
        let inner = body(&block.body, &block.kind.text);
        let labelled = block.labels.iter().rev().fold(inner, |inner, label| json!({ &*label.text: inner }));
        json!({ &*block.kind.text: labelled })
    });
    Json::Array(all.collect()).to_string()
}

fn body(body: &Body, within: &str) -> Json {
    let mut members = Map::new();
    for Attribute { name, value } in &body.attributes {
        let raw = EXPRESSIONS.contains(&&*name.text) && (&*name.text != "type" || within == "variable");
        let constant = CONSTANTS.contains(&(within, &*name.text));
        let value = match (raw, constant) {
            (true, _) => expression(value),
            (_, true) => literal(value),
            _ => template(value),
        };
        members.insert(name.text.to_string(), value);
    }
    for block in &body.blocks {
        add(&mut members, block);
    }
    Json::Object(members)
}

fn add(members: &mut Map<String, Json>, block: &Block) {
    let inner = body(&block.body, &block.kind.text);
    let labelled = block.labels.iter().rev().fold(inner, |inner, label| json!({ &*label.text: inner }));
    let all = members.entry(block.kind.text.to_string()).or_insert_with(|| json!([]));
    all.as_array_mut().expect("blocks").push(labelled);
}

fn expression(expr: &Expr) -> Json {
    match &expr.kind {
        ExprKind::Tuple(items) => items.iter().map(expression).collect(),
        _ => Json::String(print::native(expr)),
    }
}

fn literal(expr: &Expr) -> Json {
    let text = |expr: &Expr| match &expr.kind {
        ExprKind::Literal(value) => value.as_str().map(str::to_owned),
        _ => None,
    };
    match &expr.kind {
        ExprKind::Tuple(items) => items.iter().map(literal).collect(),
        ExprKind::Object(items) => {
            Json::Object(items.iter().map(|item| (text(&item.key).expect("a name"), literal(&item.value))).collect())
        }
        _ => text(expr).map_or_else(|| serde_json::from_str(&print::native(expr)).expect("a JSON value"), Json::String),
    }
}

fn template(expr: &Expr) -> Json {
    let native = print::native(expr);
    match &expr.kind {
        ExprKind::Tuple(items) => items.iter().map(template).collect(),
        ExprKind::Literal(value) => match value.as_str() {
            Some(text) => json!(text.replace("${", "$${").replace("%{", "%%{")),
            None => serde_json::from_str(&native).expect("a JSON value"),
        },
        // Quoted templates without escapes read the same.
        ExprKind::Template(_) if !native.contains('\\') => json!(native.trim_matches('"')),
        _ => json!(format!("${{{native}}}")),
    }
}

/// Copies a directory; with `convert`, its configuration into the JSON form.
fn copy(from: &Path, place: &Place, below: &str, convert: bool) {
    for entry in std::fs::read_dir(from).expect("a directory").flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        let path = entry.path();
        // Whoever has applied an example where it lies has left these there.
        if [".cap", "out"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            copy(&path, place, &format!("{below}{name}/"), convert);
            continue;
        }
        let content = std::fs::read(&path).expect("a file");
        match name.strip_suffix(".cap.hcl").filter(|_| convert) {
            Some(stem) => {
                let text = String::from_utf8(content).expect("UTF-8");
                place.write(&format!("{below}{stem}.cap.json"), converted(&text));
            }
            None => place.write(&format!("{below}{name}"), content),
        }
    }
}

fn planned(place: &Place, line: &str) -> Ran {
    place.write(".ssh/deploy_ed25519", "not a key: plan only fingerprints it");
    Ran::of(place.command(line).env("TSIG_SECRET", "c2VjcmV0").output().expect("cap runs"))
}

#[test]
fn the_same_estate_plans_the_same_in_both_forms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = std::fs::read_dir(root.join("examples")).expect("the examples").flatten();
    let mut estates: Vec<_> = examples.map(|entry| (entry.path(), None)).collect();
    let callers = std::fs::read_dir(root.join("fixtures/modules")).expect("the callers").flatten();
    estates.extend(callers.map(|entry| (root.join("modules"), Some(entry.path()))));
    assert!(estates.len() >= 9);
    for (estate, caller) in estates {
        let both = [false, true].map(|convert| {
            let place = Place::new();
            match &caller {
                None => copy(&estate, &place, "", convert),
                Some(caller) => {
                    copy(&estate, &place, "modules/", convert);
                    let text = std::fs::read_to_string(caller).expect("a caller");
                    let (name, text) =
                        if convert { ("main.cap.json", converted(&text)) } else { ("main.cap.hcl", text) };
                    place.write(name, text);
                }
            }
            let ran = planned(&place, "plan -detailed-exitcode -no-color");
            assert_eq!(ran.code, 2, "{estate:?} {convert}\n{}{}", ran.out, ran.err);
            ran.out
        });
        assert_eq!(both[0], both[1], "{estate:?} {caller:?}");
    }
}

#[test]
fn what_is_applied_in_one_form_plans_no_changes_in_the_other() {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0).says("7 added");
    let text = place.read("main.cap.hcl");
    std::fs::remove_file(place.path().join("main.cap.hcl")).expect("removed");
    place.write("main.cap.json", converted(&text));
    place.expect("plan -detailed-exitcode", 0).says("No changes.");
    place.expect("output", 0).says("expires");
}

#[test]
fn forms_stand_side_by_side_and_override_each_other() {
    let place = Place::new();
    place.write(
        "a.cap.hcl",
        "member \"a\" {\n  email = \"a@example.com\"\n  role  = var.role\n}\nvariable \"role\" {}\n",
    );
    place.write("b.cap.json", r#"{"member": {"b": {"email": "${replace(member.a.email, \"a@\", \"b@\")}"}}}"#);
    place.write("override.cap.json", r#"{"member": {"a": {"role": "admin"}}}"#);
    place.write("x_override.cap.hcl", "variable \"role\" {\n  default = \"viewer\"\n}\n");
    let plan = place.expect("plan", 0);
    plan.says("b@example.com").says("+ role  = \"admin\"");
    place.write("override.cap.json", r#"{"member": {"c": {"role": "admin"}}}"#);
    place
        .expect("validate", 1)
        .reports("There is no block member \"c\" to override.")
        .reports("override.cap.json:1:13");
}

#[test]
fn values_come_from_json_files_in_order() {
    let place = Place::new();
    place.write(
        "main.cap.json",
        r#"{"variable": {"v": {"type": "list(string)"}}, "output": {"v": {"value": "${var.v}"}}}"#,
    );
    let value = |place: &Place, line: &str, expected: &str| {
        let command = &mut place.command(&format!("plan -no-color {line}"));
        let ran = Ran::of(command.env("CAP_VAR_v", "[\"environment\"]").output().expect("cap runs"));
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        ran.says(&format!("v = [\"{expected}\"]"));
    };
    value(&place, "", "environment");
    // Each of them wins over those before it.
    for name in [
        "terraform.tfvars",
        "cap.capvars",
        "terraform.tfvars.json",
        "cap.capvars.json",
        "a.auto.capvars",
        "b.auto.capvars.json",
        "c.auto.tfvars.json",
    ] {
        let text =
            if name.ends_with(".json") { json!({"v": [name]}).to_string() } else { format!("v = [\"{name}\"]\n") };
        place.write(name, text);
        value(&place, "", name);
    }
    place.write("one.json", r#"{"v": ["${kept}"]}"#);
    place.write("two.capvars", "v = [\"two\"]\n");
    value(&place, "-var-file=two.capvars -var-file=one.json", "$${kept}");
    value(&place, "-var-file=one.json -var-file=two.capvars", "two");
    value(&place, "-var-file=one.json -var v=[\"three\"]", "three");
    place.write("one.json", "{\"v\": [\"s3cret\" \"x\"]}");
    let ran = place.expect("plan -var-file=one.json", 1);
    ran.reports("one.json:1:17");
    assert!(!ran.err.contains("s3cret"), "{}", ran.err);
}

#[test]
fn faults_name_file_line_and_column() {
    let place = Place::new();
    for (text, at, report) in [
        ("{\"member\": {\"a\": {\"emial\": \"x\"}}}", "1:19", "An argument named \"emial\" is not expected here."),
        ("{\"membr\": {\"a\": {}}}", "1:2", "Blocks of type \"membr\" are not expected here."),
        ("{\"resource\": {\"a\": {}}}", "1:2", "The type of a resource is the block's type"),
        ("{\n\"member\": {\"a\": {\"email\": \"x\", \"role\": \"${var.x}\"}}}", "2:43", "x"),
        ("{\"member\": {\"a b\": {\"email\": \"x\"}}}", "1:13", "is no name"),
        (
            "{\"member\": {\"a\": {\"email\": \"x\"}}, \"member\": {\"a\": {\"email\": \"x\"}}}",
            "1:46",
            "already declared",
        ),
        ("{\"module\": {\"m\": {\"source\": \"./${1}\"}}}", "1:29", "cannot be read"),
        ("member \"a\" {}", "1:1", "cannot stand here"),
    ] {
        place.write("main.cap.json", text);
        place.expect("validate", 1).reports(&format!("main.cap.json:{at}")).reports(report);
    }
    place.expect("fmt -check main.cap.json", 2).reports("has no canonical layout");
    place.expect("fmt -check", 0);
}

/// Keeps the converter honest: what it calls an expression, the schema knows under that meaning only.
#[test]
fn no_kind_has_an_argument_named_like_an_expression() {
    fn names(schema: &BodySchema, found: &mut Vec<&'static str>) {
        found.extend(schema.attributes.iter().map(|one| one.name));
        schema.blocks.iter().for_each(|block| names(&block.body, found));
    }
    let catalog: Catalog = cap::cli::wiring::kinds::kinds().catalog();
    let mut found = Vec::new();
    catalog.iter().for_each(|kind| names(&kind.body, &mut found));
    assert!(found.contains(&"issuer"));
    assert!(EXPRESSIONS.iter().all(|name| *name == "type" || !found.contains(name)));
}
