//! Blocks of resources: decoding, repetition, references, templates over the certificate, variables and outputs.

use serde_json::json;

use super::{Inputs, Run, run, shown};
use crate::address::ResourceAddress;
use crate::eval::desired::{Ignore, OutputValue, Render as _, Repetition};
use crate::eval::encode::to_json;
use crate::eval::residual::{FactSource, resolve};
use crate::eval::value::Value;
use crate::eval::{Argument, Sensitive};
use crate::source::SourceId;
use crate::syntax;

fn ran(text: &str) -> Run {
    let run = run(&[text], &Inputs::default());
    assert!(!run.diagnostics.has_errors(), "{:#?}", shown(&run));
    run
}

fn address(text: &str) -> ResourceAddress {
    text.parse().expect("an address")
}

fn value(run: &Run, at: &str) -> serde_json::Value {
    let address = address(at);
    let instance = run.evaluation.desired.instances.iter().find(|one| one.address == address);
    to_json(&instance.expect("an instance").value)
}

#[test]
fn instances_hold_every_argument_with_its_default() {
    let run = ran(concat!(
        "project \"p\" {\n  grant {\n    role = \"viewer\"\n    members = [member.a]\n  }\n  grant {}\n}\n",
        "member \"a\" {\n  email = \"a@x\"\n}\n",
        "certificate \"c\" {\n  common_name = \"c.${zone.z.apex}\"\n  zone = zone.z\n  days = \"30\"\n}\n",
        "zone \"z\" {\n  apex = \"example.com\"\n}\n",
    ));
    assert_eq!(
        value(&run, "certificate.c"),
        json!({"project": {"$ref": "project.p"}, "common_name": "c.example.com", "sans": [], "zone": {"$ref": "zone.z"}, "days": 30})
    );
    assert_eq!(value(&run, "project.p"), json!({"grant": [{"role": "viewer", "members": [{"$ref": "member.a"}]}, {}]}));
    let addresses: Vec<String> = run.evaluation.desired.instances.iter().map(|one| one.address.to_string()).collect();
    assert_eq!(addresses, ["certificate.c", "member.a", "project.p", "zone.z"]);
    let project = &run.evaluation.desired.instances[2];
    assert_eq!(run.sources.snippet(project.place("grant.0.role")), "\"viewer\"");
    assert_eq!(run.sources.snippet(project.place("nothing")), "project \"p\"");
}

#[test]
fn blocks_are_repeated() {
    let run = ran(concat!(
        "project \"p\" {}\nlocals {\n  plain = 1\n  waits = [certificate.d]\n}\n",
        "zone \"z\" {\n  for_each = { b = \"b.example\", a = \"a.example\" }\n  apex = each.value\n}\n",
        "certificate \"c\" {\n  count = 2\n  common_name = \"c${count.index}.${zone.z[\"a\"].apex}\"\n  zone = zone.z.b\n}\n",
        "certificate \"d\" {\n  common_name = certificate.c[1].common_name\n  sans = [for z in zone.z : z.apex]\n}\n",
        "certificate \"e\" {\n  common_name = \"e\"\n  sans = certificate.c[*].common_name\n  depends_on = [zone.z, certificate.c[0], local.plain, local.waits]\n",
        "  lifecycle {\n    prevent_destroy = true\n    ignore_changes = [sans, days]\n  }\n}\n",
    ));
    assert_eq!(value(&run, "certificate.c[1]")["common_name"], json!("c1.a.example"));
    assert_eq!(value(&run, "certificate.d")["sans"], json!(["a.example", "b.example"]));
    assert_eq!(value(&run, "certificate.d")["common_name"], json!("c1.a.example"));
    assert_eq!(value(&run, "certificate.e")["sans"], json!(["c0.a.example", "c1.a.example"]));
    let last = run.evaluation.desired.instances.iter().find(|one| &*one.address.name == "e").expect("e");
    let depends: Vec<String> = last.depends_on.iter().map(ToString::to_string).collect();
    assert_eq!(depends, ["zone.z[\"a\"]", "zone.z[\"b\"]", "certificate.c[0]", "certificate.d"]);
    assert!(last.lifecycle.prevent_destroy);
    assert_eq!(last.lifecycle.ignore_changes, Ignore::Paths(vec!["sans".to_owned(), "days".to_owned()]));
    assert_eq!(run.evaluation.desired.blocks[&address("zone.z")].repetition, Repetition::ForEach);
}

#[test]
fn templates_over_the_certificate_are_rendered_for_each() {
    let run = ran(concat!(
        "project \"p\" {}\nlocals {\n  base = \"/etc\"\n}\nzone \"z\" {\n  apex = \"example.com\"\n}\n",
        "file_target \"t\" {\n  for_each = toset([\"a\"])\n  reload = [\"reload\", certificate.name]\n",
        "  files {\n    directory = \"${local.base}/${each.key}/${certificate.name}.${zone.z.apex}\"\n  }\n}\n",
    )
    .replace("toset([\"a\"])", "{a = 1}")
    .as_str());
    let target = address("file_target.t[\"a\"]");
    assert_eq!(value(&run, "file_target.t[\"a\"]")["reload"], json!("[\"reload\", certificate.name]"));
    let certificate = Value::object([("name", Value::string("www"))]);
    let rendered = run.evaluation.render(&target, &certificate).expect("rendered");
    let expected = json!({
        "project": {"$ref": "project.p"},
        "reload": ["reload", "www"],
        "files": {"directory": "/etc/a/www.example.com", "mode": "0600"},
    });
    assert_eq!(to_json(&rendered), expected);
    let faults = run.evaluation.render(&target, &Value::object([("nam", Value::NULL)])).expect_err("no name");
    assert_eq!(faults.0.len(), 2);
    assert_eq!(run.sources.snippet(faults.0[0].span.expect("a place")), ".name");
}

#[test]
fn outputs_that_read_facts_wait_for_them() {
    struct Facts;
    impl FactSource for Facts {
        fn fact(&self, address: &ResourceAddress, name: &str) -> Option<Value> {
            (name == "not_after").then(|| Value::string(format!("end of {address}")))
        }
        fn attribute(&self, _: &ResourceAddress, name: &str) -> Option<Value> {
            (name == "common_name").then(|| Value::string("cn"))
        }
    }
    let run = ran(concat!(
        "project \"p\" {}\nvariable \"v\" {\n  default = \"v\"\n}\n",
        "certificate \"c\" {\n  for_each = { a = 1, b = 2 }\n  common_name = each.key\n}\n",
        "certificate \"d\" {\n  count = 1\n  common_name = \"d\"\n}\n",
        "output \"known\" {\n  value = certificate.c[\"a\"].common_name\n}\n",
        "output \"all\" {\n  value = { for k, c in certificate.c : k => \"${var.v}: ${c.common_name} ${c.not_after}\" }\n}\n",
        "output \"list\" {\n  value = certificate.d[*].not_after\n}\n",
        "output \"saved\" {\n  value = try(certificate.d[0].not_after, \"never\")\n}\n",
    ));
    let output = |name: &str| match &run.evaluation.desired.outputs[name].value {
        OutputValue::Known(value) => to_json(value),
        OutputValue::Residual(stored) => to_json(&resolve(stored, &Facts).expect("resolved")),
    };
    assert_eq!(output("known"), json!("a"));
    assert_eq!(
        output("all"),
        json!({"a": "v: cn end of certificate.c[\"a\"]", "b": "v: cn end of certificate.c[\"b\"]"})
    );
    assert_eq!(output("list"), json!(["end of certificate.d[0]"]));
    assert_eq!(output("saved"), json!("end of certificate.d[0]"));
}

fn file(text: &str, id: u32) -> syntax::ast::File {
    syntax::parse(SourceId(id), text).0
}

#[test]
fn the_later_source_of_a_variable_wins() {
    let text = concat!(
        "variable \"a\" {}\nvariable \"b\" {}\nvariable \"c\" {}\nvariable \"d\" {\n  default = \"default\"\n}\n",
        "variable \"l\" {\n  type = list(number)\n}\nvariable \"n\" {\n  type = object({ x = string, y = optional(number, 7) })\n}\n",
        "output \"all\" {\n  value = [var.a, var.b, var.c, var.d, var.l, var.n]\n}\n",
    );
    let mut inputs = Inputs::default();
    for name in ["a", "b", "c", "undeclared"] {
        inputs.environment.insert(name.to_owned(), "environment".to_owned());
    }
    inputs.environment.insert("l".to_owned(), "[1, \"2\"]".to_owned());
    inputs.files.push(file("b = \"first\"\nn = { x = 1 }\n", 1));
    inputs.files.push(file("b = \"file\"\nc = \"file\"\n", 2));
    inputs.arguments.push(Argument::parse("c=option").expect("an assignment"));
    let run = run(&[text], &inputs);
    assert_eq!(shown(&run), [""; 0]);
    let OutputValue::Known(all) = &run.evaluation.desired.outputs["all"].value else { panic!("known") };
    let expected = json!(["environment", "file", "option", "default", [1, 2], {"x": "1", "y": 7}]);
    assert_eq!(to_json(all), expected);
}

#[test]
fn values_of_variables_are_checked() {
    let text = concat!(
        "variable \"port\" {\n  type = number\n  validation {\n    condition = var.port > 0\n    error_message = \"The port ${var.port} is not positive.\"\n  }\n}\n",
        "variable \"needed\" {}\n",
        "variable \"names\" {\n  type = list(string)\n}\n",
        "variable \"source\" {\n  type = strng\n}\n",
    );
    let mut inputs = Inputs::default();
    inputs.arguments.push(Argument::parse("port=-1").expect("an assignment"));
    inputs.arguments.push(Argument::parse("names={}").expect("an assignment"));
    inputs.arguments.push(Argument::parse("nmes=x").expect("an assignment"));
    let run = run(&[text], &inputs);
    assert_eq!(
        shown(&run),
        [
            "12:10 `\"source\"` The name \"source\" is reserved for arguments of module blocks.",
            "9:10 `\"names\"` The value given by -var 'names=…' for \"names\" is not of its type: list of string required, and it is an object.",
            "8:10 `\"needed\"` The variable \"needed\" is not set, and has no default.",
            "4:17 `var.port > 0` The port -1 is not positive.",
            "13:10 `strng` \"strng\" is no type.",
            "The option -var sets \"nmes\", and the configuration declares no such variable.",
        ]
    );
}

#[test]
fn sensitive_variables_are_secrets() {
    let text = concat!(
        "variable \"token\" {\n  sensitive = true\n  validation {\n    condition = var.token != \"\"\n    error_message = \"Empty.\"\n  }\n}\n",
        "project \"p\" {}\ndns_credential \"d\" {\n  provider = \"x\"\n  token = var.token\n}\n",
    );
    let mut inputs = Inputs::default();
    inputs.environment.insert("token".to_owned(), "marked".to_owned());
    let run = run(&[text], &inputs);
    assert_eq!(shown(&run), [""; 0]);
    assert_eq!(value(&run, "dns_credential.d")["token"], json!({"$secret": {"variable": "token"}}));
    assert_eq!(run.evaluation.sensitive["token"], Sensitive(Value::string("marked")));
    assert!(!format!("{:?}", run.evaluation).contains("marked"));
}

#[test]
fn a_failing_condition_does_not_quote_a_sensitive_value() {
    let check = |condition: &str, given: &str, expected: &[&str]| {
        let text = format!(
            "variable \"token\" {{\n  sensitive = true\n  type = any\n  validation {{\n    condition = {condition}\n    error_message = \"Bad.\"\n  }}\n}}\n"
        );
        let argument = Argument::Variable { name: "token".to_owned(), text: given.to_owned(), place: None };
        let run = run(&[&text], &Inputs { arguments: vec![argument], ..Inputs::default() });
        let found = shown(&run);
        assert!(!format!("{:?}", run.diagnostics).contains("marked"), "{found:?}");
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    };
    let withheld = |condition: &str| format!("5:17 `{condition}` The condition has no value");
    for condition in [
        "parseint(var.token, 10) > 0",
        "{ marker = 1 }[var.token] == 1",
        "regex(\"^x\", var.token) == \"x\"",
        "length({ for n in [1, 2] : var.token => n }) == 1",
        "var.token + 1 > 0",
    ] {
        check(condition, "\"marked\"", &[&withheld(condition)]);
    }
    check("can(parseint(var.token, 10))", "\"marked\"", &["Bad."]);
    check("var.token != \"\"", "\"marked\"", &[]);
    check("local.nothing == var.token", "\"marked\"", &[&withheld("local.nothing == var.token")]);
}

#[test]
fn long_chains_of_references_do_not_recurse() {
    use std::fmt::Write as _;
    let mut text = String::from("locals {\n  a0 = 1\n");
    for at in 1..5000 {
        let _ = writeln!(text, "  a{at} = local.a{} + 1", at - 1);
    }
    text.push_str("}\noutput \"last\" {\n  value = local.a4999\n}\n");
    let run = ran(&text);
    let OutputValue::Known(last) = &run.evaluation.desired.outputs["last"].value else { panic!("known") };
    assert_eq!(*last, Value::number(5000));
}

#[test]
fn the_order_of_files_does_not_matter() {
    let texts = [
        "project \"p\" {}\nlocals {\n  n = length_of\n}\n".replace("length_of", "local.m + 1"),
        "locals {\n  m = 1\n}\ncertificate \"c\" {\n  common_name = zone.z.apex\n  days = local.n\n}\n".to_owned(),
        "zone \"z\" {\n  apex = \"example.com\"\n}\n".to_owned(),
    ];
    let mut results = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let run = run(&order.map(|at| texts[at].as_str()), &Inputs::default());
        assert_eq!(shown(&run), [""; 0]);
        let all = run.evaluation.desired.instances.iter();
        results.push(all.map(|one| (one.address.to_string(), to_json(&one.value))).collect::<Vec<_>>());
    }
    assert!(results.iter().all(|one| *one == results[0]));
}

#[test]
fn dynamic_blocks_are_made_from_elements() {
    let run = ran(concat!(
        "member \"a\" {\n  email = \"a@x\"\n}\n",
        "project \"p\" {\n  grant {\n    role = \"admin\"\n  }\n  dynamic \"grant\" {\n    for_each = [\"viewer\", \"operator\"]\n    iterator = g\n",
        "    content {\n      role = g.value\n      members = g.key == 0 ? [member.a] : []\n    }\n  }\n}\n",
    ));
    assert_eq!(
        value(&run, "project.p")["grant"],
        json!([{"role": "admin"}, {"role": "viewer", "members": [{"$ref": "member.a"}]}, {"role": "operator", "members": []}])
    );
    let text = concat!(
        "project \"p\" {}\nfile_target \"t\" {\n  dynamic \"files\" {\n    for_each = [1, 2]\n    content {\n      directory = \"/x\"\n    }\n  }\n}\n",
        "file_target \"u\" {\n  dynamic \"files\" {\n    for_each = []\n    content {\n      directory = \"/x\"\n    }\n  }\n}\n",
        "file_target \"v\" {\n  dynamic \"flies\" {\n    for_each = []\n  }\n}\n",
    );
    assert_eq!(
        shown(&super::run(&[text], &Inputs::default())),
        [
            "3:3 `dynamic \"files\"` Only one block of type \"files\" may stand here.",
            "10:1 `file_target \"u\"` A block \"files { … }\" is required, and is missing.",
            "19:3 `dynamic` Blocks of type \"flies\" are not expected here.",
            "18:1 `file_target \"v\"` A block \"files { … }\" is required, and is missing.",
        ]
    );
}

#[test]
fn a_fact_of_what_was_never_applied_is_not_known() {
    struct Nothing;
    impl FactSource for Nothing {
        fn fact(&self, _: &ResourceAddress, _: &str) -> Option<Value> {
            None
        }
        fn attribute(&self, _: &ResourceAddress, _: &str) -> Option<Value> {
            None
        }
    }
    let run = ran(concat!(
        "project \"p\" {}\ncertificate \"c\" {\n  common_name = \"c\"\n}\n",
        "output \"end\" {\n  value = certificate.c.not_after\n}\n",
    ));
    let OutputValue::Residual(stored) = &run.evaluation.desired.outputs["end"].value else { panic!("it is known") };
    let faults = resolve(stored, &Nothing).expect_err("nothing is known");
    let found: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.code, fault.detail)).collect();
    assert!(matches!(&found[..], [one] if one.starts_with("CAP0180") && one.contains("certificate.c")), "{found:?}");
}
