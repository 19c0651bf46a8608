//! A configuration for programs, in the shape of `configuration` in `terraform show -json PLAN`: which blocks there are, and
//! for each argument its constant or what it refers to. Values of references are not here, and neither are secrets.

use serde_json::{Map, Value as Json, json};

use crate::eval::encode;
use crate::eval::library::{self, Library};
use crate::syntax::ast::{Block, Body, Expr, ExprKind, File, Step};
use crate::syntax::references::each_reference;

/// Blocks of the language: all others are resources.
const LANGUAGE: [&str; 10] =
    ["cap", "variable", "locals", "output", "module", "check", "moved", "removed", "import", "terraform"];
/// Arguments of resources that stand beside their expressions.
const META: [&str; 3] = ["for_each", "count", "depends_on"];

/// The whole document: the root, and in each call of a module what is in it, as far as it is in the library.
pub fn document(files: &[File], library: &Library) -> Json {
    json!({ "provider_config": {}, "root_module": module(files, &Around { library, directory: "", above: None }) })
}

/// Where a module is.
struct Around<'a> {
    library: &'a Library,
    directory: &'a str,
    above: Option<&'a Around<'a>>,
}

impl Around<'_> {
    /// Whether it is that module or lies below it: evaluation reports such circles.
    fn is_within(&self, directory: &str) -> bool {
        self.directory == directory || self.above.is_some_and(|above| above.is_within(directory))
    }
}

fn module(files: &[File], around: &Around<'_>) -> Json {
    let blocks = |kind: &'static str| files.iter().flat_map(move |file| file.body.blocks_of(kind));
    let named = |kind, of: &dyn Fn(&Block) -> Json| -> Map<String, Json> {
        blocks(kind).filter_map(|block| Some((label(block)?.to_owned(), of(block)))).collect()
    };
    let resources = files.iter().flat_map(|file| &file.body.blocks);
    let resources = resources.filter(|block| !LANGUAGE.contains(&&*block.kind.text)).filter_map(resource);
    json!({
        "resources": resources.collect::<Vec<_>>(),
        "variables": named("variable", &variable),
        "outputs": named("output", &output),
        "module_calls": named("module", &|block| call(block, around)),
    })
}

fn label(block: &Block) -> Option<&str> {
    block.labels.first().map(|label| &*label.text)
}

fn resource(block: &Block) -> Option<Json> {
    let (kind, name) = (&*block.kind.text, label(block)?);
    let mut out = json!({
        "address": format!("{kind}.{name}"),
        "mode": "managed",
        "type": kind,
        "name": name,
        "provider_config_key": "cap",
        "schema_version": 0,
        "expressions": expressions(&block.body),
    });
    repeated(&block.body, &mut out);
    Some(out)
}

/// The arguments that stand beside expressions.
fn repeated(body: &Body, out: &mut Json) {
    for (argument, shown) in [("for_each", "for_each_expression"), ("count", "count_expression")] {
        if let Some(attribute) = body.attribute(argument) {
            out[shown] = expression(&attribute.value);
        }
    }
    if let Some(depends_on) = body.attribute("depends_on") {
        out["depends_on"] = json!(references(&depends_on.value));
    }
}

/// Arguments and nested blocks, by name; of each block type a list.
fn expressions(body: &Body) -> Json {
    let attributes = body.attributes.iter().filter(|attribute| !META.contains(&&*attribute.name.text));
    let mut out: Map<String, Json> =
        attributes.map(|attribute| (attribute.name.text.to_string(), expression(&attribute.value))).collect();
    for block in body.blocks.iter().filter(|block| &*block.kind.text != "lifecycle") {
        let name = if &*block.kind.text == "dynamic" { label(block).unwrap_or_default() } else { &*block.kind.text };
        if let Some(all) = out.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            all.push(expressions(&block.body));
        }
    }
    Json::Object(out)
}

/// A constant, or what the expression refers to.
fn expression(expr: &Expr) -> Json {
    match constant(expr) {
        Some(value) => json!({ "constant_value": value }),
        None => match references(expr) {
            none if none.is_empty() => json!({}),
            some => json!({ "references": some }),
        },
    }
}

fn constant(expr: &Expr) -> Option<Json> {
    match &expr.kind {
        ExprKind::Literal(value) => Some(encode::to_json(value)),
        ExprKind::Parenthesis(inner) => constant(inner),
        ExprKind::Tuple(items) => items.iter().map(constant).collect::<Option<Vec<_>>>().map(Json::Array),
        ExprKind::Object(items) => {
            let entry = |(key, value): (&Expr, &Expr)| Some((constant(key)?.as_str()?.to_owned(), constant(value)?));
            let entries = items.iter().map(|item| entry((&item.key, &item.value)));
            entries.collect::<Option<Map<_, _>>>().map(Json::Object)
        }
        _ => None,
    }
}

/// What the expression refers to, in the order it stands; of each reference the longest form first, and then what that is
/// a part of, down to the object: `zone.z["k"].apex`, `zone.z["k"]`, `zone.z`.
fn references(expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    each_reference(expr, &mut |reference| {
        let names: Vec<String> = reference.steps.iter().map_while(Step::written).collect();
        let least = object_length(reference.root, &names);
        let form = |length| format!("{}{}", reference.root, names[..length].concat());
        found.extend((least..=names.len()).rev().map(form));
    });
    found
}

/// How many steps name the object itself. An output of a module stands for itself, not for all instances of the module.
fn object_length(root: &str, names: &[String]) -> usize {
    let keyed = names.get(1).is_some_and(|key| key.starts_with('['));
    match root {
        "self" => 0,
        "module" if keyed && names.len() > 2 => 2,
        _ => names.len().min(1),
    }
}

/// Whether a block is sensitive, or may be.
fn is_sensitive(block: &Block) -> bool {
    let says = |flag: &str| {
        let given = block.body.attribute(flag).map(|attribute| constant(&attribute.value));
        given.is_some_and(|constant| constant != Some(Json::Bool(false)))
    };
    says("sensitive") || says("ephemeral")
}

/// The default of a sensitive variable is as secret as its value.
fn variable(block: &Block) -> Json {
    let sensitive = is_sensitive(block);
    let mut out = Map::new();
    if let Some(default) = block.body.attribute("default").filter(|_| !sensitive) {
        out.insert("default".to_owned(), constant(&default.value).unwrap_or(Json::Null));
    }
    out.extend(description(block));
    if sensitive {
        out.insert("sensitive".to_owned(), json!(true));
    }
    Json::Object(out)
}

fn description(block: &Block) -> Option<(String, Json)> {
    let constant = constant(&block.body.attribute("description")?.value)?;
    Some(("description".to_owned(), constant))
}

fn output(block: &Block) -> Json {
    let value = block.body.attribute("value").map_or(json!({}), |value| expression(&value.value));
    let mut out = Map::from_iter([("expression".to_owned(), value)]);
    out.extend(description(block));
    if is_sensitive(block) {
        out.insert("sensitive".to_owned(), json!(true));
    }
    let mut out = Json::Object(out);
    repeated(&block.body, &mut out);
    out
}

fn call(block: &Block, around: &Around<'_>) -> Json {
    let mut arguments = expressions(&block.body);
    let source = arguments.as_object_mut().and_then(|all| all.remove("source"));
    let source = source.and_then(|source| source.get("constant_value").cloned()).unwrap_or_default();
    let mut out = json!({ "source": source, "expressions": arguments });
    repeated(&block.body, &mut out);
    let located = source.as_str().and_then(|source| library::locate(around.directory, source).ok());
    let Some(directory) = located.map(|located| located.directory) else { return out };
    if let Some(files) = around.library.get(&directory).filter(|_| !around.is_within(&directory)) {
        let below = Around { library: around.library, directory: &directory, above: Some(around) };
        out["module"] = module(files, &below);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;
    use crate::syntax::parse;

    #[test]
    fn arguments_are_constants_or_references_and_no_secret_is_shown() {
        let text = "variable \"t\" {\n  sensitive = true\n  default = \"marked\"\n}\n\
                    member \"m\" {\n  count = 2\n  email = \"${var.t}@b.c\"\n  role = \"admin\"\n  token = secret_env(\"X\")\n}\n\
                    output \"o\" { value = member.m[0].email }\n";
        let shown = document(&[parse(SourceId(0), text).0], &Library::new());
        let module = &shown["root_module"];
        let member = &module["resources"][0];
        assert_eq!(member["address"], "member.m");
        assert_eq!(
            member["expressions"],
            json!({"email": {"references": ["var.t"]}, "role": {"constant_value": "admin"}, "token": {}})
        );
        assert_eq!(member["count_expression"], json!({"constant_value": 2}));
        assert_eq!(
            module["outputs"]["o"]["expression"],
            json!({"references": ["member.m[0].email", "member.m[0]", "member.m"]})
        );
        assert!(!shown.to_string().contains("marked"));
    }

    #[test]
    fn references_stand_in_full_and_then_in_ever_shorter_forms() {
        for (expression, expected) in [
            ("var.n[0].a", "var.n[0].a var.n[0] var.n"),
            ("[zone.z[\"k\"].apex, var.b]", "zone.z[\"k\"].apex zone.z[\"k\"] zone.z var.b"),
            ("module.m[0].out.z", "module.m[0].out.z module.m[0].out module.m[0]"),
            ("module.m[0]", "module.m[0] module.m"),
            ("module.m.out.z", "module.m.out.z module.m.out module.m"),
            ("zone.z[var.k].apex", "zone.z var.k"),
            ("[for k, v in zone.z : v.apex]", "zone.z"),
            ("zone.z[*].apex", "zone.z"),
            ("self.apex", "self.apex self"),
            ("each.value.apex", "each.value.apex each.value"),
        ] {
            let expr = crate::syntax::parse_expression(SourceId(0), 0, expression).expect("an expression");
            assert_eq!(references(&expr).join(" "), expected, "{expression}");
        }
    }

    #[test]
    fn what_is_in_a_module_stands_in_its_call() {
        let file = |text: &str| vec![parse(SourceId(0), text).0];
        let root = file("module \"m\" {\n  source = \"./m\"\n  for_each = local.all\n  name = \"x\"\n}\n");
        let library = Library::from([
            ("m".to_owned(), file("variable \"name\" {}\nmodule \"sub\" {\n  source = \"./sub\"\n}\n")),
            ("m/sub".to_owned(), file("member \"deep\" {}\nmodule \"round\" {\n  source = \"../sub\"\n}\n")),
        ]);
        let call = &document(&root, &library)["root_module"]["module_calls"]["m"];
        assert_eq!(call["for_each_expression"], json!({"references": ["local.all"]}));
        assert_eq!(call["expressions"], json!({"name": {"constant_value": "x"}}));
        assert_eq!(call["module"]["variables"], json!({"name": {}}));
        assert_eq!(call["module"]["module_calls"]["sub"]["module"]["resources"][0]["address"], "member.deep");
        assert!(call["module"]["module_calls"]["sub"]["module"]["module_calls"]["round"].get("module").is_none());
    }
}
