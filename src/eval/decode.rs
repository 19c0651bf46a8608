//! Bodies of resource blocks against the schema of their kind. What does not depend on the instance is found once a
//! block: unknown and missing arguments, how often nested blocks stand, and where everything stands.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::convert::{Step, convert};
use super::dynamic::Dynamic;
use super::evaluator::Evaluator;
use super::expression::{described, refuse_secret};
use super::fault::{Evaluated, Faults, Gather, an, did_you_mean, fault, fault_with};
use super::index::{BodyIndex, Slot};
use super::module::{Module, with_hint};
use super::resource::{Copy, Resource};
use super::roots::BlockRoots;
use super::schema::{AttributeSchema, BlockSchema, BodySchema, Occurs, Presence};
use super::scope::Scope;
use super::types::Type;
use super::value::Value;
use crate::diagnostic::{Diagnostic, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, Body, Expr, ExprKind};
use crate::syntax::references::refers_to;

/// Arguments that every resource block may have.
const META: [&str; 3] = ["for_each", "count", "depends_on"];

/// A body, its parts found in the schema.
pub(super) struct Prepared<'a> {
    /// By position in the schema.
    attributes: Vec<Option<Given<'a>>>,
    /// By position in the schema.
    blocks: Vec<Vec<Nested<'a>>>,
    /// Whether faults were found that every instance has.
    faulty: bool,
    pub(super) span: Span,
    /// Where everything stands; of the outermost body only.
    pub(super) places: Arc<BTreeMap<Box<str>, Span>>,
    /// Arguments over `certificate`, with their paths; of the outermost body only.
    pub(super) templates: Vec<TemplateSlot<'a>>,
}

/// A nested block, or what makes nested blocks.
pub(super) enum Nested<'a> {
    /// Written as it is.
    Fixed(Prepared<'a>),
    /// `dynamic "name" { … }`
    Dynamic(Box<Dynamic<'a>>),
}

#[derive(Clone, Copy)]
struct Given<'a> {
    attribute: &'a Attribute,
    /// It is evaluated once a deployment.
    template: bool,
}

/// An argument that is evaluated once a deployment.
pub(super) struct TemplateSlot<'a> {
    /// Its path: `files.directory`.
    pub(super) path: Box<str>,
    pub(super) attribute: &'a Attribute,
    pub(super) schema: AttributeSchema,
}

/// What preparing collects.
#[derive(Default)]
pub(super) struct Found<'a> {
    places: BTreeMap<Box<str>, Span>,
    pub(super) templates: Vec<TemplateSlot<'a>>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) fn prepare<'a>(
    body: &'a Body,
    head: Span,
    schema: &BodySchema,
    index: &BodyIndex,
    path: &str,
    found: &mut Found<'a>,
) -> Prepared<'a> {
    let outermost = path.is_empty();
    let mut prepared = Prepared {
        attributes: vec![None; schema.attributes.len()],
        blocks: schema.blocks.iter().map(|_| Vec::new()).collect(),
        faulty: false,
        span: head,
        places: Arc::default(),
        templates: Vec::new(),
    };
    let before = found.diagnostics.len();
    for attribute in &body.attributes {
        let name = &*attribute.name.text;
        match index.slot(name) {
            Some(Slot::Attribute(at)) => {
                let one = &schema.attributes[at];
                let template = one.per_certificate && refers_to(&attribute.value, "certificate");
                place(attribute, &join(path, name), &mut found.places);
                prepared.attributes[at] = Some(Given { attribute, template });
                if template {
                    let slot = TemplateSlot { path: join(path, name), attribute, schema: one.clone() };
                    found.templates.push(slot);
                }
            }
            _ if outermost && META.contains(&name) => {}
            other => found.diagnostics.push(unknown_argument(attribute, index, other.is_some())),
        }
    }
    for block in &body.blocks {
        prepare_block(block, schema, index, path, &mut prepared, found);
    }
    check_presence(schema, &prepared, head, found);
    prepared.faulty = found.diagnostics.len() > before;
    prepared
}

/// Notes where an argument stands, and where each element of its list does.
fn place(attribute: &Attribute, path: &str, places: &mut BTreeMap<Box<str>, Span>) {
    if let ExprKind::Tuple(items) = &attribute.value.kind {
        places.extend(items.iter().enumerate().map(|(at, item)| (join(path, &at.to_string()), item.span)));
    }
    places.insert(path.into(), attribute.value.span);
}

fn prepare_block<'a>(
    block: &'a Block,
    schema: &BodySchema,
    index: &BodyIndex,
    path: &str,
    prepared: &mut Prepared<'a>,
    found: &mut Found<'a>,
) {
    let name = &*block.kind.text;
    let dynamic = name == "dynamic" && index.slot(name).is_none();
    let named = if dynamic { block.labels.first().map_or("", |label| &label.text) } else { name };
    match index.slot(named) {
        Some(Slot::Block(at)) => {
            let (inner, of) = (&schema.blocks[at], &index.blocks[at]);
            let path = nested_path(inner, path, prepared.blocks[at].len());
            let nested = if dynamic {
                Dynamic::prepare(block, inner, of, &path, found).map(|one| Nested::Dynamic(Box::new(one)))
            } else {
                Some(Nested::Fixed(nested(block, inner, of, &path, found)))
            };
            prepared.blocks[at].extend(nested);
        }
        _ if path.is_empty() && name == "lifecycle" => {}
        other => found.diagnostics.push(unknown_block(block, named, index, other.is_some())),
    }
}

/// The path of a nested block: those of which several may stand are counted.
fn nested_path(schema: &BlockSchema, path: &str, count: usize) -> Box<str> {
    let path = join(path, schema.name);
    if schema.occurs == Occurs::Many { join(&path, &count.to_string()) } else { path }
}

fn nested<'a>(
    block: &'a Block,
    schema: &BlockSchema,
    index: &BodyIndex,
    path: &str,
    found: &mut Found<'a>,
) -> Prepared<'a> {
    if let Some(label) = block.labels.first() {
        let detail = format!("{} has no labels.", an(&format!("{} block", schema.name)));
        found.diagnostics.push(Diagnostic::error(&codes::LABELS, detail).at(label.span));
    }
    found.places.insert(path.into(), block.head);
    prepare(&block.body, block.head, &schema.body, index, path, found)
}

fn join(path: &str, name: &str) -> Box<str> {
    if path.is_empty() { name.into() } else { format!("{path}.{name}").into() }
}

fn check_presence(schema: &BodySchema, prepared: &Prepared<'_>, head: Span, found: &mut Found<'_>) {
    for (at, attribute) in schema.attributes.iter().enumerate() {
        if matches!(attribute.presence, Presence::Required) && prepared.attributes[at].is_none() {
            let detail =
                format!("The argument \"{}\" is required, and is not given. {}", attribute.name, attribute.doc);
            found.diagnostics.push(Diagnostic::error(&codes::MISSING_ARGUMENT, detail.trim().to_owned()).at(head));
        }
    }
    for (at, block) in schema.blocks.iter().enumerate() {
        let given = &prepared.blocks[at];
        // What dynamic blocks make is counted for each instance.
        if given.iter().all(|one| matches!(one, Nested::Fixed(_))) {
            let places: Vec<Span> = given.iter().map(Nested::span).collect();
            found.diagnostics.extend(miscounted(block, &places, head));
        }
    }
}

/// What is wrong with how often a nested block stands.
fn miscounted(schema: &BlockSchema, places: &[Span], head: Span) -> Option<Diagnostic> {
    match (schema.occurs, places) {
        (Occurs::Once, []) => {
            let detail = format!("A block \"{} {{ … }}\" is required, and is missing.", schema.name);
            Some(Diagnostic::error(&codes::BLOCK_COUNT, detail).at(head))
        }
        (Occurs::Once | Occurs::Optional, [first, second, ..]) => {
            let detail = format!("Only one block of type \"{}\" may stand here.", schema.name);
            let report = Diagnostic::error(&codes::BLOCK_COUNT, detail).at(*second);
            Some(if first == second { report } else { report.related(*first, "the first one") })
        }
        _ => None,
    }
}

fn unknown_argument(attribute: &Attribute, index: &BodyIndex, is_block: bool) -> Diagnostic {
    let name = &*attribute.name.text;
    let hint =
        if is_block { Some(format!("It is a block: {name} {{ … }}.")) } else { known_here(name, index, &META) };
    let detail = format!("An argument named \"{name}\" is not expected here.");
    with_hint(&codes::UNKNOWN_ARGUMENT, detail, attribute.name.span, hint)
}

fn unknown_block(block: &Block, name: &str, index: &BodyIndex, is_attribute: bool) -> Diagnostic {
    let hint = if is_attribute {
        Some(format!("It is an argument: {name} = …."))
    } else {
        known_here(name, index, &["lifecycle", "dynamic"])
    };
    let detail = format!("Blocks of type \"{name}\" are not expected here.");
    with_hint(&codes::UNKNOWN_BLOCK, detail, block.kind.span, hint)
}

/// What was meant, if something known is close; else all that the body takes. Words that every resource takes are `also`
/// known, and nobody has to be told them.
fn known_here(wrote: &str, index: &BodyIndex, also: &[&str]) -> Option<String> {
    did_you_mean(wrote, index.names().chain(also.iter().copied())).or_else(|| {
        let all: Vec<&str> = index.names().collect();
        (!all.is_empty()).then(|| format!("Known here: {}.", all.join(", ")))
    })
}

impl Nested<'_> {
    fn span(&self) -> Span {
        match self {
            Self::Fixed(body) => body.span,
            Self::Dynamic(one) => one.span,
        }
    }
}

impl<'a> Evaluator<'a> {
    /// What is known of a block before it is repeated. Its faults are reported the first time.
    pub(super) fn prepared<'r>(&self, resource: &'r Resource<'a>) -> &'r Prepared<'a> {
        resource.prepared.get_or_init(|| {
            let mut found = Found::default();
            let (schema, index) = (&resource.kind.schema.body, &resource.kind.body);
            let block = resource.block;
            let mut prepared = prepare(&block.body, block.head, schema, index, "", &mut found);
            prepared.places = Arc::new(found.places);
            prepared.templates = found.templates;
            let only_project = |one: &Diagnostic| {
                resource.kind.schema.in_project && one.detail.starts_with("The argument \"project\" is required")
            };
            found.diagnostics.retain(|one| !only_project(one));
            prepared.faulty = !found.diagnostics.is_empty();
            self.report_all(Faults { diagnostics: found.diagnostics, ..Faults::default() });
            prepared
        })
    }

    /// The value of one instance: an object with every argument and block of the schema.
    pub(super) fn decode_instance(&self, module: &Module<'a>, resource: &Resource<'a>, copy: &Copy) -> Evaluated {
        let prepared = self.prepared(resource);
        let roots = BlockRoots { copy: Some(copy), ..BlockRoots::of_module(self, module) };
        let scope = Scope::new(&roots, &self.session);
        let decoded = self.body(&scope, prepared, &resource.kind.schema.body, &resource.kind.body);
        let decoded = decoded.and_then(|entries| self.with_project(module, resource, entries));
        match decoded {
            Ok(_) if prepared.faulty => Err(Faults::reported()),
            Ok(entries) => Ok(Value::Object(Arc::new(entries))),
            Err(faults) => {
                self.report_instance(*faults, &copy.address);
                Err(Faults::reported())
            }
        }
    }

    fn body(
        &self,
        scope: &Scope<'_>,
        prepared: &Prepared<'a>,
        schema: &BodySchema,
        index: &BodyIndex,
    ) -> Evaluated<BTreeMap<Arc<str>, Value>> {
        let mut gather = Gather::default();
        let mut entries = Vec::with_capacity(index.slots.len());
        for (name, slot) in &index.slots {
            let value = match slot {
                Slot::Attribute(at) => self.argument(scope, prepared.attributes[*at], &schema.attributes[*at]),
                Slot::Block(at) => self.blocks(scope, prepared, *at, &schema.blocks[*at], &index.blocks[*at]),
            };
            entries.extend(gather.take(value).map(|value| (name.clone(), value)));
        }
        gather.done()?;
        // The slots are in the order of names: the map is built in one go.
        Ok(entries.into_iter().collect())
    }

    fn blocks(
        &self,
        scope: &Scope<'_>,
        prepared: &Prepared<'a>,
        at: usize,
        schema: &BlockSchema,
        index: &Rc<BodyIndex>,
    ) -> Evaluated {
        let mut gather = Gather::default();
        let (mut values, mut places) = (Vec::new(), Vec::new());
        let mut dynamic = false;
        for nested in &prepared.blocks[at] {
            let mut add = |scope: &Scope<'_>, body: &Prepared<'a>| {
                let entries = self.body(scope, body, &schema.body, index)?;
                values.push(Value::Object(Arc::new(entries)));
                places.push(body.span);
                Ok(())
            };
            gather.take(match nested {
                Nested::Fixed(body) => add(scope, body),
                Nested::Dynamic(one) => {
                    dynamic = true;
                    one.each(scope, add)
                }
            });
        }
        gather.done()?;
        if let Some(report) = miscounted(schema, &places, prepared.span).filter(|_| dynamic) {
            return Err(report.into());
        }
        match schema.occurs {
            Occurs::Many => Ok(objects(values)),
            Occurs::Optional | Occurs::Once => Ok(values.pop().unwrap_or(Value::NULL)),
        }
    }

    fn argument(&self, scope: &Scope<'_>, given: Option<Given<'a>>, schema: &AttributeSchema) -> Evaluated {
        let absent = || match &schema.presence {
            Presence::Default(value) => value.clone(),
            Presence::Required | Presence::Optional => Value::NULL,
        };
        let Some(Given { attribute, template }) = given else { return Ok(absent()) };
        if template {
            return Ok(Value::string(self.text_of(&attribute.value)));
        }
        let value = scope.eval(&attribute.value)?;
        let value = scope.explained(&attribute.value, decoded(&value, schema, &attribute.value))?;
        if !value.is_null() {
            return Ok(value);
        }
        if matches!(schema.presence, Presence::Required) && schema.name != "project" {
            let detail = format!("The argument \"{}\" is required, and this is null.", schema.name);
            return fault(&codes::MISSING_ARGUMENT, attribute.value.span, detail);
        }
        Ok(absent())
    }

    /// Fills in the module's only project where none is given.
    fn with_project(
        &self,
        module: &Module<'a>,
        resource: &Resource<'a>,
        mut entries: BTreeMap<Arc<str>, Value>,
    ) -> Evaluated<BTreeMap<Arc<str>, Value>> {
        if !resource.kind.schema.in_project || !entries.get("project").is_some_and(Value::is_null) {
            return Ok(entries);
        }
        entries.insert(Arc::from("project"), only_project(module, resource)?);
        Ok(entries)
    }
}

fn only_project(module: &Module<'_>, resource: &Resource<'_>) -> Evaluated {
    let projects: Vec<&Resource<'_>> = module.projects().collect();
    let repeated =
        |one: &Resource<'_>| ["for_each", "count"].iter().any(|name| one.block.body.attribute(name).is_some());
    let span = resource.block.head;
    let kind = resource.kind.schema.name;
    match projects.as_slice() {
        [one] if !repeated(one) => Ok(Value::Ref(one.address.clone())),
        [] => {
            let (place, hint) = match module.path.as_ref() {
                [] => ("", "Add one: project \"main\" {}."),
                _ => (
                    " in this module",
                    "Hand one in: project = var.project, with a variable that is given a reference.",
                ),
            };
            let detail = format!("{} belongs to a project, and none is declared{place}.", an(kind));
            fault_with(&codes::PROJECT, span, detail, Some(hint.to_owned()))
        }
        several => {
            let names: Vec<String> = several.iter().map(|one| one.address.to_string()).collect();
            let detail = format!(
                "{} belongs to a project, and there are several to choose from: {}.",
                an(kind),
                names.join(", ")
            );
            fault_with(&codes::PROJECT, span, detail, Some(format!("Add project = {} to it.", names[0])))
        }
    }
}

/// A list of the objects of repeated blocks.
fn objects(values: Vec<Value>) -> Value {
    let element = values.first().map_or(Type::Any, Value::type_of);
    Value::list(element, values)
}

/// A value as an argument's schema wants it.
pub(super) fn decoded(value: &Value, schema: &AttributeSchema, expr: &Expr) -> Evaluated {
    if schema.ty == Type::Any {
        refuse_secret(value, expr.span)?;
    }
    let converted = match convert(value, &schema.ty) {
        Ok(converted) => converted,
        Err(error) => {
            let place = match error.path.first() {
                Some(Step::Index(at)) => element(expr, *at),
                _ => expr.span,
            };
            return mistyped(value, schema, place, &error);
        }
    };
    check_one_of(&converted, schema, expr)?;
    Ok(converted)
}

/// Where an element stands; the whole list where it is not written out.
fn element(expr: &Expr, at: usize) -> Span {
    match &expr.kind {
        ExprKind::Tuple(items) => items.get(at).map_or(expr.span, |item| item.span),
        _ => expr.span,
    }
}

fn mistyped(value: &Value, schema: &AttributeSchema, span: Span, error: &super::convert::ConvertError) -> Evaluated {
    if !has_secret_type(&schema.ty) {
        refuse_secret(value, span)?;
    }
    let mut detail = format!("Inappropriate value for \"{}\": {error}", schema.name);
    if error.path.is_empty() {
        detail.push_str(&format!(", and this is {}", described(value)));
    }
    detail.push('.');
    let hint = match (&schema.ty, value) {
        (Type::Secret, Value::String(_)) => {
            Some("Secrets are not written into files: use secret_env(\"NAME\") or secret_file(\"path\").".to_owned())
        }
        (Type::Ref(_), Value::String(text)) if text.contains('.') => {
            Some(format!("Write the reference without quotes: {text}."))
        }
        (Type::List(_), Value::String(_)) => Some("Put it in brackets: [ … ].".to_owned()),
        (Type::List(_), Value::Map(..)) => Some("Take the elements of the map: values( … ).".to_owned()),
        _ => None,
    };
    fault_with(&codes::TYPE, span, detail, hint)
}

fn has_secret_type(ty: &Type) -> bool {
    match ty {
        Type::Secret => true,
        Type::List(element) | Type::Set(element) | Type::Map(element) => has_secret_type(element),
        _ => false,
    }
}

fn check_one_of(value: &Value, schema: &AttributeSchema, expr: &Expr) -> Evaluated<()> {
    if schema.one_of.is_empty() {
        return Ok(());
    }
    let single = [value.clone()];
    let items = value.elements().unwrap_or(&single);
    let mut texts = items.iter().enumerate().filter_map(|(at, item)| Some((at, item.as_str()?)));
    let Some((at, wrong)) = texts.find(|(_, text)| !schema.one_of.contains(text)) else { return Ok(()) };
    let span = if matches!(schema.ty, Type::List(_)) { element(expr, at) } else { expr.span };
    let allowed: Vec<String> = schema.one_of.iter().map(|one| format!("\"{one}\"")).collect();
    let detail = format!("\"{}\" cannot be {wrong:?}; it is one of {}.", schema.name, allowed.join(", "));
    fault_with(&codes::VALUE, span, detail, did_you_mean(wrong, schema.one_of.iter().copied()))
}
