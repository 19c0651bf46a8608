//! What the word at a place means, and where it is declared.

use super::complete::signature;
use super::cursor::{Around, Cursor, Here};
use super::declared::text_of;
use super::interface::{Input, unindented};
use super::language::{BEHIND, ROOTS};
use super::members::{Member, World};
use crate::eval::functions::{self, Function, ParamType};
use crate::eval::schema::KindSchema;
use crate::source::Span;
use crate::syntax::ast::Block;

/// Lines of a definition that are shown.
const LINES: usize = 12;

/// Where something is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    /// A name in a file.
    Name(Span),
    /// The directory of a module, by the name of the block that calls it.
    Module(String),
}

/// What the word at the cursor means, as Markdown. `word` is its text.
pub fn explain(world: &World<'_>, cursor: &Cursor, word: &str) -> Option<String> {
    match &cursor.here {
        Here::Name => world.member(&cursor.around, word).map(|member| of_member(&member)),
        Here::Label(kind) => world.members(&[]).into_iter().find(|one| one.name == *kind).map(|one| of_member(&one)),
        Here::Expression { called: true, path, .. } if path.is_empty() => functions::find(word).map(of_function),
        Here::Expression { path, .. } => {
            let path: Vec<&str> = path.iter().map(String::as_str).chain([word]).collect();
            reference(world, cursor, &path)
        }
        Here::Text(_) | Here::Comment => None,
    }
}

fn code(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().take(LINES).collect();
    if text.lines().count() > LINES {
        lines.push("…");
    }
    format!("```hcl\n{}\n```", lines.join("\n"))
}

fn of_member(member: &Member) -> String {
    let name = match &member.block {
        Some(label) => format!("{} {label}", member.name).trim_end().to_owned() + " { … }",
        None => member.name.clone(),
    };
    let mut out = format!("`{name}`");
    if !member.detail.is_empty() {
        out.push_str(&format!(" — {}", member.detail));
    }
    if !member.values.is_empty() {
        let values: Vec<String> = member.values.iter().map(|value| format!("`\"{value}\"`")).collect();
        out.push_str(&format!("\n\nOne of {}.", values.join(", ")));
    }
    if !member.doc.is_empty() {
        out.push_str(&format!("\n\n{}", member.doc));
    }
    out
}

fn of_function(function: &Function) -> String {
    let params = function.params.iter().chain(&function.variadic);
    let types: Vec<String> = params.map(|param| format!("`{}`: {}", param.name, type_of(param.ty))).collect();
    let types = if types.is_empty() { String::new() } else { format!("\n\n{}", types.join(", ")) };
    format!("{}\n\n{}{types}", code(&signature(function)), function.doc)
}

fn type_of(ty: ParamType) -> String {
    match ty {
        ParamType::Any => "any".to_owned(),
        ParamType::Bool => "bool".to_owned(),
        ParamType::Number => "number".to_owned(),
        ParamType::String => "string".to_owned(),
        ParamType::List(element) => format!("list({})", type_of(*element)),
        ParamType::Set(element) => format!("set({})", type_of(*element)),
        ParamType::Map(element) => format!("map({})", type_of(*element)),
    }
}

fn reference(world: &World<'_>, cursor: &Cursor, path: &[&str]) -> Option<String> {
    let module = world.module;
    match *path {
        [name] if cursor.loops.iter().any(|bound| bound == name) => Some(format!("`{name}` — of the `for` around")),
        [root] => {
            let fixed = ROOTS.iter().find(|(known, _)| *known == root).map(|(_, doc)| format!("`{root}` — {doc}"));
            fixed.or_else(|| world.catalog.get(root).map(|schema| format!("`{root}` — {}", schema.doc)))
        }
        ["var", name] => module.variables.get(name).map(|block| of_input(&Input::of(name, block, world.text))),
        ["local", name] => {
            let local = module.locals.get(name)?;
            Some(code(&format!("{name} = {}", unindented(&(world.text)(&local.value)))))
        }
        ["module", name] => {
            let block = module.calls.get(name)?;
            Some(code(&format!("module \"{name}\" {{\n  source = \"{}\"\n}}", text_of(block, "source")?)))
        }
        ["module", name, output] => {
            let block = (world.callee)(name)?.outputs.get(output).copied()?;
            let value = block.body.attribute("value").map(|value| (world.text)(&value.value)).unwrap_or_default();
            let doc = text_of(block, "description").unwrap_or_default();
            Some(format!("{}\n\n{}", code(&format!("{output} = {}", unindented(&value))), doc.trim()))
        }
        ["self", attribute] => {
            let schema = world.catalog.get(&cursor.around.first()?.kind)?;
            of_attribute(world, schema, None, attribute)
        }
        [root, name] => {
            let fixed = BEHIND.iter().find(|(known, behind, _)| *known == root && *behind == name);
            let fixed = fixed.map(|(.., doc)| format!("`{root}.{name}` — {doc}"));
            fixed.or_else(|| of_resource(world, root, name))
        }
        [kind, name, attribute] => {
            let block = module.resources.get(&(kind, name)).copied();
            of_attribute(world, world.catalog.get(kind)?, block, attribute)
        }
        _ => None,
    }
}

fn of_input(input: &Input) -> String {
    let mut lines = vec![format!("variable \"{}\" {{", input.name), format!("  type = {}", input.ty)];
    lines.extend(input.default.iter().map(|default| format!("  default = {default}")));
    if input.sensitive {
        lines.push("  sensitive = true".to_owned());
    }
    lines.push("}".to_owned());
    format!("{}\n\n{}", code(&lines.join("\n")), input.description)
}

fn of_resource(world: &World<'_>, kind: &str, name: &str) -> Option<String> {
    let schema = world.catalog.get(kind)?;
    let block = world.module.resources.get(&(kind, name))?;
    let repeated = ["for_each", "count"].into_iter().find_map(|how| block.body.attribute(how));
    let repeated = repeated.map(|how| format!("  {} = {}\n", how.name.text, unindented(&(world.text)(&how.value))));
    let head = format!("{kind} \"{name}\" {{\n{}}}", repeated.unwrap_or_default());
    Some(format!("{}\n\n{}", code(&head), schema.doc))
}

fn of_attribute(world: &World<'_>, schema: &KindSchema, block: Option<&Block>, name: &str) -> Option<String> {
    if let Some((_, ty, doc)) = schema.facts.iter().find(|(fact, ..)| *fact == name) {
        return Some(format!("`{name}` — {ty}, known after apply\n\n{doc}"));
    }
    let around = [Around { kind: schema.name.to_owned(), labels: Vec::new(), given: Vec::new() }];
    let member = world.member(&around, name)?;
    let given = block.and_then(|block| block.body.attribute(name));
    let given = given.map(|given| code(&format!("{name} = {}", unindented(&(world.text)(&given.value)))) + "\n\n");
    Some(given.unwrap_or_default() + &of_member(&member))
}

/// Where the word at the cursor is declared.
pub fn declaration(world: &World<'_>, cursor: &Cursor, word: &str) -> Option<Declaration> {
    let module = world.module;
    let name = |block: &&Block| block.labels.first().map(|label| Declaration::Name(label.span));
    let called = cursor.around.first().filter(|block| block.kind == "module").and_then(|block| block.labels.first());
    match &cursor.here {
        Here::Name => (world.callee)(called?)?.variables.get(word).and_then(name),
        Here::Text(Some(argument)) if argument == "source" => Some(Declaration::Module(called?.clone())),
        Here::Expression { path, .. } => {
            let path: Vec<&str> = path.iter().map(String::as_str).chain([word]).collect();
            match path[..] {
                ["var", variable, ..] => module.variables.get(variable).and_then(name),
                ["local", local, ..] => module.locals.get(local).map(|local| Declaration::Name(local.name.span)),
                ["module", call] => module.calls.contains_key(call).then(|| Declaration::Module(call.to_owned())),
                ["module", call, output, ..] => (world.callee)(call)?.outputs.get(output).and_then(name),
                [kind, resource, ref rest @ ..] => {
                    let block = module.resources.get(&(kind, resource))?;
                    let given = rest.first().and_then(|attribute| block.body.attribute(attribute));
                    given.map(|given| Declaration::Name(given.name.span)).or_else(|| name(block))
                }
                _ => None,
            }
        }
        _ => None,
    }
}
