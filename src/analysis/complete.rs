//! What can be written at a place.

use super::cursor::{Around, Cursor, Here};
use super::declared::text_of;
use super::language::{BEHIND, ROOTS, TYPES};
use super::members::{Member, World};
use crate::eval::functions::{self, Function};
use crate::eval::schema::KindSchema;
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::syntax::ast::{Block, Expr, ExprKind};

/// Most names of resources that are offered at once.
const NAMES: usize = 1000;

/// One thing that can be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// What it is called, and what is written unless something else is said.
    pub label: String,
    /// What it is.
    pub kind: Sort,
    /// Its type, for people.
    pub detail: String,
    /// What it is for, as Markdown.
    pub doc: String,
    /// What is written for a block: what stands behind its type.
    pub block: Option<String>,
    /// Whether it is likelier than the others.
    pub first: bool,
}

/// What a completion is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sort {
    #[default]
    Argument,
    Block,
    Reference,
    Function,
    Value,
    Keyword,
}

/// All that can be written at a place; whoever shows it leaves out what does not begin like the word there. Of resources,
/// which may be many, only those that begin with what is `typed`, in small letters.
pub fn complete(world: &World<'_>, cursor: &Cursor, typed: &str) -> Vec<Completion> {
    match &cursor.here {
        Here::Name => names(world, cursor),
        Here::Expression { argument, path, .. } => {
            let member = argument.as_ref().and_then(|name| world.member(&cursor.around, name));
            match &path[..] {
                [] => beginnings(world, cursor, argument.as_deref(), member.as_ref()),
                path => behind(world, cursor, path, typed),
            }
        }
        Here::Text(argument) => {
            let member = argument.as_ref().and_then(|name| world.member(&cursor.around, name));
            let values = member.map(|member| member.values).unwrap_or_default();
            values.into_iter().map(|value| one(&value, Sort::Value, "", "")).collect()
        }
        Here::Label(_) | Here::Comment => Vec::new(),
    }
}

/// What can be written in a variable file: the names of variables.
pub fn variables(world: &World<'_>, cursor: &Cursor) -> Vec<Completion> {
    if cursor.here != Here::Name || !cursor.around.is_empty() {
        return Vec::new();
    }
    let describe = |(name, block): (&&str, &&Block)| {
        let input = super::interface::Input::of(name, block, world.text);
        Completion { first: input.default.is_none(), ..one(name, Sort::Argument, &input.ty, &input.description) }
    };
    world.module.variables.iter().map(describe).collect()
}

fn one(label: &str, kind: Sort, detail: &str, doc: &str) -> Completion {
    Completion {
        label: label.to_owned(),
        kind,
        detail: detail.to_owned(),
        doc: doc.to_owned(),
        ..Completion::default()
    }
}

fn names(world: &World<'_>, cursor: &Cursor) -> Vec<Completion> {
    let given = cursor.around.last().map_or(&[][..], |around| &around.given);
    let members = world.members(&cursor.around).into_iter();
    let completion = |member: Member| {
        let kind = if member.block.is_some() { Sort::Block } else { Sort::Argument };
        let first = member.detail.ends_with("required");
        Completion { block: member.block, first, ..one(&member.name, kind, &member.detail, &member.doc) }
    };
    members.filter(|member| !given.contains(&member.name)).map(completion).collect()
}

/// Where no name stands before the word.
fn beginnings(world: &World<'_>, cursor: &Cursor, argument: Option<&str>, member: Option<&Member>) -> Vec<Completion> {
    if cursor.around.first().is_some_and(|block| block.kind == "variable") && argument == Some("type") {
        return TYPES.iter().map(|(name, doc)| one(name, Sort::Keyword, "type", doc)).collect();
    }
    let mut found: Vec<Completion> = member.map(|member| fitting(world, member)).unwrap_or_default();
    found.extend(cursor.loops.iter().map(|name| one(name, Sort::Reference, "of this for", "")));
    found.extend(roots(&cursor.around, member));
    let mut kinds: Vec<&str> = world.module.resources.keys().map(|(kind, _)| *kind).collect();
    kinds.dedup();
    let known = kinds.into_iter().filter_map(|kind| world.catalog.get(kind));
    found.extend(known.map(|schema| one(schema.name, Sort::Reference, "resources", schema.doc)));
    found.extend(
        functions::all().map(|function| one(function.name, Sort::Function, &signature(function), function.doc)),
    );
    found
}

/// The roots of references that mean something here.
fn roots(around: &[Around], member: Option<&Member>) -> Vec<Completion> {
    let given = |name: &str| around.first().is_some_and(|block| block.given.iter().any(|given| given == name));
    let means = |root: &str| match root {
        "each" => given("for_each"),
        "count" => given("count"),
        "self" => around.iter().any(|block| block.kind == "postcondition"),
        _ => true,
    };
    let roots = ROOTS.iter().filter(|(root, _)| means(root));
    let mut found: Vec<Completion> = roots.map(|(root, doc)| one(root, Sort::Keyword, "", doc)).collect();
    if member.is_some_and(|member| member.per_certificate) {
        found.push(one("certificate", Sort::Keyword, "", "The certificate that is deployed."));
    }
    found
}

/// Values that an argument takes.
fn fitting(world: &World<'_>, member: &Member) -> Vec<Completion> {
    let first = |completion: Completion| Completion { first: true, ..completion };
    let values = member.values.iter().map(|value| first(one(&format!("\"{value}\""), Sort::Value, "", "")));
    let mut found: Vec<Completion> = values.collect();
    let element = match &member.ty {
        Some(Type::List(element) | Type::Set(element)) => Some(&**element),
        other => other.as_ref(),
    };
    match element {
        Some(Type::Bool) => {
            found.extend(["true", "false"].map(|value| first(one(value, Sort::Value, "", ""))));
        }
        Some(Type::Ref(kinds)) => {
            let fits = |kind: &str| kinds.is_empty() || kinds.iter().any(|one| &**one == kind);
            let resources = world.module.resources.keys().filter(|(kind, _)| fits(kind));
            found
                .extend(resources.map(|(kind, name)| first(one(&format!("{kind}.{name}"), Sort::Reference, kind, ""))));
        }
        _ => {}
    }
    found
}

/// What can follow names.
fn behind(world: &World<'_>, cursor: &Cursor, path: &[String], typed: &str) -> Vec<Completion> {
    let module = world.module;
    let reference = |name: &str, detail: &str, doc: &str| one(name, Sort::Reference, detail, doc);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["var"] => {
            let describe = |(name, block): (&&str, &&Block)| {
                let input = super::interface::Input::of(name, block, world.text);
                reference(name, &input.ty, &input.description)
            };
            module.variables.iter().map(describe).collect()
        }
        ["var", name] => module.variables.get(name).map(|block| fields(block)).unwrap_or_default(),
        ["local"] => module.locals.keys().map(|name| reference(name, "local value", "")).collect(),
        ["module"] => {
            let source = |block| text_of(block, "source").unwrap_or_default();
            module.calls.iter().map(|(name, block)| reference(name, &source(block), "")).collect()
        }
        ["module", name] => {
            let outputs = (world.callee)(name).map(super::interface::outputs).unwrap_or_default();
            outputs.iter().map(|output| reference(&output.name, "output", &output.description)).collect()
        }
        ["self"] => {
            let schema = cursor.around.first().and_then(|block| world.catalog.get(&block.kind));
            schema.map(|schema| attributes(schema)).unwrap_or_default()
        }
        [root] => {
            let fixed = BEHIND.iter().filter(|(known, ..)| *known == root);
            let fixed = fixed.map(|(_, name, doc)| reference(name, "", doc));
            let names = module.names_of(root).filter(|name| name.to_lowercase().starts_with(typed)).take(NAMES);
            let names = names.map(|name| reference(name, root, ""));
            fixed.chain(names).chain(deployed(world, cursor, root)).collect()
        }
        [kind, _] => world.catalog.get(kind).map(|schema| attributes(schema)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Attributes of the certificate that is deployed, in templates of a target.
fn deployed(world: &World<'_>, cursor: &Cursor, root: &str) -> Vec<Completion> {
    let Here::Expression { argument: Some(argument), .. } = &cursor.here else { return Vec::new() };
    let template = world.member(&cursor.around, argument).is_some_and(|member| member.per_certificate);
    match world.catalog.get("certificate").filter(|_| template && root == "certificate") {
        Some(schema) => {
            let name = one("name", Sort::Reference, "string", "The label of the certificate's block.");
            [name].into_iter().chain(attributes(schema)).collect()
        }
        None => Vec::new(),
    }
}

/// Arguments and facts of a resource.
fn attributes(schema: &KindSchema) -> Vec<Completion> {
    let arguments = schema.body.attributes.iter();
    let arguments = arguments.map(|one| self::one(one.name, Sort::Reference, &one.ty.to_string(), one.doc));
    let blocks = schema.body.blocks.iter().map(|block| one(block.name, Sort::Reference, "block", block.doc));
    let facts = schema.facts.iter();
    let facts = facts.map(|(name, ty, doc)| one(name, Sort::Reference, &format!("{ty}, known after apply"), doc));
    arguments.chain(blocks).chain(facts).collect()
}

/// The attributes of a variable whose type is an object, or a collection of objects.
fn fields(variable: &Block) -> Vec<Completion> {
    let ty = variable.body.attribute("type").and_then(|attribute| object(&attribute.value));
    let names = ty.into_iter().flatten().filter_map(|item| match &item.key.kind {
        ExprKind::Literal(Value::String(name)) => Some(one(name, Sort::Reference, "attribute", "")),
        _ => None,
    });
    names.collect()
}

fn object(ty: &Expr) -> Option<&[crate::syntax::ast::Item]> {
    let ExprKind::Call(call) = &ty.kind else { return None };
    match (&*call.name.text, call.arguments.first()?) {
        ("object", Expr { kind: ExprKind::Object(items), .. }) => Some(items),
        ("map" | "list" | "set" | "optional", inner) => object(inner),
        _ => None,
    }
}

/// A function with its parameters: `join(separator, lists...)`.
pub fn signature(function: &Function) -> String {
    let params = function.params.iter().map(|param| param.name.to_owned());
    let more = function.variadic.iter().map(|param| format!("{}...", param.name));
    format!("{}({})", function.name, params.chain(more).collect::<Vec<_>>().join(", "))
}
