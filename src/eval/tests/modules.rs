//! Modules: inputs, outputs, repetition, nesting, what is deferred, and faults.

use serde_json::json;

use super::{CATALOG, Inputs, Run, TestFiles, shown};
use crate::address::ResourceAddress;
use crate::diagnostic::Diagnostics;
use crate::eval::desired::{OutputValue, Render as _};
use crate::eval::encode::to_json;
use crate::eval::evaluate_with;
use crate::eval::library::Library;
use crate::eval::residual::{FactSource, resolve};
use crate::eval::value::Value;
use crate::source::Sources;
use crate::syntax;
use crate::time::Timestamp;

/// Evaluates a root and modules by their directory.
fn run(root: &str, modules: &[(&str, &str)]) -> Run {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let mut parse = |name: &str, text: &str| {
        let (file, faults) = syntax::parse(sources.add(name, text), text);
        diagnostics.extend(faults);
        vec![file]
    };
    let files = parse("root", root);
    let library: Library = modules.iter().map(|(name, text)| ((*name).to_owned(), parse(name, text))).collect();
    let now = Timestamp::from_millis(0);
    let (evaluation, faults) = evaluate_with(&files, &library, &Inputs::default(), &CATALOG, &TestFiles, now);
    diagnostics.extend(faults);
    Run { sources, evaluation, diagnostics }
}

fn sound(root: &str, modules: &[(&str, &str)]) -> Run {
    let run = run(root, modules);
    assert_eq!(shown(&run), [""; 0]);
    run
}

fn output(run: &Run, name: &str) -> serde_json::Value {
    match &run.evaluation.desired.outputs[name].value {
        OutputValue::Known(value) => to_json(value),
        OutputValue::Residual(stored) => to_json(&resolve(stored, &Facts).expect("resolved")),
    }
}

struct Facts;

impl FactSource for Facts {
    fn fact(&self, address: &ResourceAddress, name: &str) -> Option<Value> {
        (name == "not_after").then(|| Value::string(format!("end of {address}")))
    }

    fn attribute(&self, _: &ResourceAddress, _: &str) -> Option<Value> {
        None
    }
}

const ZONES: &str = concat!(
    "variable \"project\" {}\nvariable \"apexes\" {\n  type = list(string)\n  default = [\"default.example\"]\n}\n",
    "zone \"z\" {\n  for_each = toset(var.apexes)\n  project = var.project\n  apex = each.key\n}\n",
    "output \"zones\" {\n  value = zone.z\n}\noutput \"names\" {\n  value = keys(zone.z)\n}\noutput \"path\" {\n  value = path.module\n}\n",
);

#[test]
fn inputs_go_in_and_outputs_come_out() {
    let root = concat!(
        "project \"p\" {}\n",
        "module \"a\" {\n  source = \"./mods/zones\"\n  project = project.p\n  apexes = concat(module.b[\"x\"].names, [\"a.example\"])\n}\n",
        "module \"b\" {\n  source = \"./mods/zones\"\n  for_each = { x = [\"x.example\"], y = [\"y.example\"] }\n  project = project.p\n  apexes = each.value\n}\n",
        "module \"c\" {\n  source = \"./mods/zones\"\n  count = 1\n  project = project.p\n}\n",
        "certificate \"c\" {\n  common_name = \"c.${module.a.zones[\"a.example\"].apex}\"\n  zone = module.a.zones[\"a.example\"]\n  depends_on = [module.c]\n}\n",
        "output \"all\" {\n  value = [module.a.names, module.b[\"y\"].names, module.c[*].names, [for k, m in module.b : m.path]]\n}\n",
    );
    let run = sound(root, &[("mods/zones", ZONES)]);
    let addresses: Vec<String> = run.evaluation.desired.instances.iter().map(|one| one.address.to_string()).collect();
    assert_eq!(
        addresses,
        [
            "certificate.c",
            "project.p",
            "module.a.zone.z[\"a.example\"]",
            "module.a.zone.z[\"x.example\"]",
            "module.b[\"x\"].zone.z[\"x.example\"]",
            "module.b[\"y\"].zone.z[\"y.example\"]",
            "module.c[0].zone.z[\"default.example\"]",
        ]
    );
    let expected =
        json!([["a.example", "x.example"], ["y.example"], [["default.example"]], ["mods/zones", "mods/zones"]]);
    assert_eq!(output(&run, "all"), expected);
    let certificate = &run.evaluation.desired.instances[0];
    assert_eq!(to_json(&certificate.value)["common_name"], json!("c.a.example"));
    assert_eq!(to_json(&certificate.value)["zone"], json!({"$ref": "module.a.zone.z[\"a.example\"]"}));
    let waits: Vec<String> = certificate.depends_on.iter().map(ToString::to_string).collect();
    assert_eq!(waits, ["module.c[0].zone.z[\"default.example\"]"]);
}

#[test]
fn modules_nest_and_facts_come_through_them() {
    let outer = concat!(
        "variable \"project\" {}\nmodule \"inner\" {\n  source = \"../inner\"\n  for_each = toset([\"k\"])\n  project = var.project\n  depends_on = [file_target.t]\n}\n",
        "file_target \"t\" {\n  project = var.project\n  files {\n    directory = \"/${module.inner[\"k\"].name}/${certificate.name}\"\n  }\n}\n",
        "output \"ends\" {\n  value = { for k, m in module.inner : k => m.end }\n}\n",
    );
    let inner = concat!(
        "variable \"project\" {}\ncertificate \"c\" {\n  project = var.project\n  common_name = \"c\"\n",
        "  lifecycle {\n    postcondition {\n      condition = self.not_after != \"\"\n      error_message = \"Empty.\"\n    }\n  }\n}\n",
        "output \"end\" {\n  value = \"<${certificate.c.not_after}>\"\n}\noutput \"name\" {\n  value = \"named\"\n}\n",
    );
    let root = concat!(
        "project \"p\" {}\nmodule \"outer\" {\n  source = \"./m/outer\"\n  project = project.p\n}\n",
        "output \"ends\" {\n  value = module.outer.ends[\"k\"]\n}\n",
    );
    let run = sound(root, &[("m/outer", outer), ("m/inner", inner)]);
    let within = "module.outer.module.inner[\"k\"].certificate.c";
    assert_eq!(output(&run, "ends"), json!(format!("<end of {within}>")));
    assert_eq!(run.evaluation.desired.conditions[0].subject, within);
    let instance = run.evaluation.desired.instances.iter().find(|one| one.address.to_string() == within);
    assert_eq!(instance.expect("the certificate").depends_on[0].to_string(), "module.outer.file_target.t");
    let target = "module.outer.file_target.t".parse().expect("an address");
    let certificate = Value::object([("name", Value::string("www"))]);
    let rendered = run.evaluation.render(&target, &certificate).expect("rendered");
    assert_eq!(to_json(&rendered)["files"]["directory"], json!("/named/www"));
}

#[test]
fn a_call_is_the_object_of_its_outputs_where_its_value_is_asked_for() {
    let module = concat!(
        "variable \"n\" {\n  default = 1\n}\nproject \"p\" {}\ncertificate \"c\" {\n  common_name = \"c\"\n}\n",
        "output \"n\" {\n  value = var.n\n}\noutput \"s\" {\n  value = \"x\"\n}\n",
    );
    let root = concat!(
        "module \"a\" {\n  source = \"./m\"\n}\nmodule \"b\" {\n  source = \"./m\"\n  for_each = { k = 2 }\n  n = each.value\n}\n",
        "output \"json\" {\n  value = jsonencode(module.a)\n}\noutput \"all\" {\n  value = jsonencode(module.b)\n}\n",
        "output \"whole\" {\n  value = [module.a]\n}\noutput \"keys\" {\n  value = keys(module.a)\n}\n",
        "output \"loop\" {\n  value = { for name, value in module.a : name => value }\n}\noutput \"index\" {\n  value = module.a[\"s\"]\n}\n",
        "output \"merge\" {\n  value = merge(module.a, { s = \"y\" })\n}\n",
    );
    let run = sound(root, &[("m", module)]);
    assert_eq!(output(&run, "json"), json!("{\"n\":1,\"s\":\"x\"}"));
    assert_eq!(output(&run, "all"), json!("{\"k\":{\"n\":2,\"s\":\"x\"}}"));
    assert_eq!(output(&run, "whole"), json!([{"n": 1, "s": "x"}]));
    assert_eq!(output(&run, "keys"), json!(["n", "s"]));
    assert_eq!(output(&run, "loop"), json!({"n": 1, "s": "x"}));
    assert_eq!(output(&run, "index"), json!("x"));
    assert_eq!(output(&run, "merge"), json!({"n": 1, "s": "y"}));

    // With a fact among them the object is known after apply; what asks for names of calls needs no output.
    let module = format!("{module}output \"end\" {{\n  value = certificate.c.not_after\n}}\n");
    let root = concat!(
        "module \"a\" {\n  source = \"./m\"\n}\nmodule \"b\" {\n  source = \"./m\"\n  for_each = { k = 2 }\n}\n",
        "output \"whole\" {\n  value = module.a\n}\noutput \"end\" {\n  value = jsonencode(module.a)\n}\n",
        "module \"c\" {\n  source = \"./m\"\n  for_each = toset(keys(module.b))\n}\noutput \"c\" {\n  value = keys(module.c)\n}\n",
    );
    let run = sound(root, &[("m", &module)]);
    assert_eq!(output(&run, "whole"), json!({"end": "end of module.a.certificate.c", "n": 1, "s": "x"}));
    assert_eq!(output(&run, "end"), json!("{\"end\":\"end of module.a.certificate.c\",\"n\":1,\"s\":\"x\"}"));
    assert_eq!(output(&run, "c"), json!(["k"]));
}

#[test]
fn what_a_module_calls_sensitive_is_not_shown_by_chance() {
    let module = concat!(
        "variable \"s\" {\n  sensitive = true\n}\nvariable \"p\" {\n  default = \"p\"\n}\n",
        "output \"marked\" {\n  value = \"m\"\n  sensitive = true\n}\noutput \"through\" {\n  value = upper(var.s)\n}\n",
        "output \"plain\" {\n  value = \"x\"\n}\noutput \"passed\" {\n  value = var.p\n}\n",
    );
    let call = "module \"m\" {\n  source = \"./m\"\n  count = 1\n  s = \"literal\"\n}\n";
    let faults = |value: &str, rest: &str| {
        let root =
            format!("{call}output \"o\" {{\n  value = {value}\n{rest}}}\nlocals {{\n  l = module.m[0].marked\n}}\n");
        shown(&run(&root, &[("m", module)]))
    };
    for (value, source) in [
        ("module.m[0].marked", "module.m[0].output.marked"),
        ("module.m[*].marked", "module.m[0].output.marked"),
        ("\"<${module.m[0].through}>\"", "module.m[0].var.s"),
        ("[local.l]", "module.m[0].output.marked"),
    ] {
        let expected =
            format!("7:11 `{value}` The output \"o\" refers to {source}, which is sensitive, and would show it.");
        assert_eq!(faults(value, ""), [expected], "{value}");
        assert_eq!(faults(value, "  sensitive = true\n"), [""; 0], "{value}");
    }
    for value in
        ["module.m[0].plain", "module.m[0].passed", "nonsensitive(module.m[0].marked)", "[for m in module.m : m.plain]"]
    {
        assert_eq!(faults(value, ""), [""; 0], "{value}");
    }
    let root = format!(
        "{call}module \"n\" {{\n  source = \"./m\"\n  s = \"\"\n  p = module.m[0].marked\n}}\noutput \"o\" {{\n  value = module.n.passed\n}}\n"
    );
    assert_eq!(
        shown(&run(&root, &[("m", module)])),
        [
            "12:11 `module.n.passed` The output \"o\" refers to module.m[0].output.marked, which is sensitive, and would show it."
        ]
    );
}

#[test]
fn calls_are_checked() {
    let check = |call: &str, modules: &[(&str, &str)], expected: &[&str]| {
        let root = format!("project \"p\" {{}}\nmodule \"m\" {{\n{call}}}\n");
        assert_eq!(shown(&run(&root, modules)), expected, "{call}");
    };
    let zones = [("zones", ZONES)];
    check(
        "  source = \"./zones\"\n  project = project.p\n  apexs = []\n",
        &zones,
        &["5:3 `apexs` The module declares no variable named \"apexs\"."],
    );
    check(
        "  source = \"./zones\"\n",
        &zones,
        &["2:1 `module \"m\"` The module needs the argument \"project\": its variable has no default."],
    );
    check(
        "  source = \"./zones\"\n  count = 2\n  project = project.p\n  apexes = 1\n",
        &zones,
        &["6:12 `1` The value given for \"apexes\" is not of its type: list of string required, and it is a number."],
    );
    check(
        "  project = project.p\n",
        &zones,
        &["2:1 `module \"m\"` A module block needs \"source\": the directory of the module."],
    );
    check(
        "  source = \"./${local.x}\"\n",
        &zones,
        &[
            "3:12 `\"./${local.x}\"` \"source\" is a text without references: modules are loaded before anything is evaluated.",
        ],
    );
    check(
        "  source = \"git::https://x/y.git\"\n",
        &zones,
        &["3:12 `\"git::https://x/y.git\"` The module \"git::https://x/y.git\" was not got yet."],
    );
    check(
        "  source = \"./a\"\n",
        &[("a", "module \"b\" {\n  source = \"../b\"\n}\n"), ("b", "module \"a\" {\n  source = \"../a\"\n}\n")],
        &["2:12 `\"../a\"` Modules call each other in a circle: a → b → a."],
    );
    check(
        "  source = \"./zones\"\n  project = module.m.nothing\n",
        &zones,
        &["4:21 `.nothing` module.m has no output named \"nothing\"."],
    );
}
