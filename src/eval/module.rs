//! The blocks of all files of one module, sorted by what they declare. Finds unknown blocks, names that are given twice,
//! and arguments that do not belong.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::desired::OutputValue;
use super::evaluator::Memo;
use super::fault::{an, did_you_mean};
use super::index::KindIndex;
use super::resource::{Copy, Resource};
use super::submodule::Call;
use super::types::Type;
use super::value::Value;
use crate::address::{ModuleStep, ResourceAddress, is_name_part, is_name_start};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, codes::language as codes};
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, Body, Expr, File, Name};

/// One module instance.
pub(super) struct Module<'a> {
    pub(super) path: Arc<[ModuleStep]>,
    /// Its directory as seen from the root; empty for the root.
    pub(super) directory: &'a str,
    /// What called it; nothing called the root.
    pub(super) caller: Option<Caller<'a>>,
    pub(super) settings: Vec<&'a Block>,
    pub(super) variables: BTreeMap<&'a str, Variable<'a>>,
    pub(super) locals: BTreeMap<&'a str, Local<'a>>,
    pub(super) outputs: BTreeMap<&'a str, Declared<'a>>,
    pub(super) calls: BTreeMap<&'a str, Call<'a>>,
    pub(super) checks: BTreeMap<&'a str, &'a Block>,
    pub(super) moved: Vec<&'a Block>,
    pub(super) removed: Vec<&'a Block>,
    pub(super) imports: Vec<&'a Block>,
    pub(super) resources: Vec<Resource<'a>>,
    by_name: HashMap<(&'a str, &'a str), usize>,
    /// Positions of the resources that are projects.
    projects: Vec<usize>,
}

/// The instance of a call that a module is.
pub(super) struct Caller<'a> {
    /// The module that calls.
    pub(super) parent: Arc<[ModuleStep]>,
    /// The `module` block.
    pub(super) block: &'a Block,
    /// Which instance of it.
    pub(super) copy: Copy,
}

/// An `output` block.
pub(super) struct Declared<'a> {
    pub(super) block: &'a Block,
    pub(super) value: Memo<OutputValue>,
}

/// A `variable` block.
pub(super) struct Variable<'a> {
    pub(super) block: &'a Block,
    pub(super) ty: Memo<Type>,
    pub(super) value: Memo<Value>,
}

/// One name of a `locals` block.
pub(super) struct Local<'a> {
    pub(super) name: &'a Name,
    pub(super) expr: &'a Arc<Expr>,
    pub(super) value: Memo<Value>,
}

/// Blocks that are part of the language, with their number of labels.
const LANGUAGE: [(&str, usize); 9] = [
    ("cap", 0),
    ("variable", 1),
    ("locals", 0),
    ("output", 1),
    ("check", 1),
    ("moved", 0),
    ("removed", 0),
    ("import", 0),
    ("module", 1),
];
/// How many labels a block of the language has; `None` when it is no part of it.
pub(crate) fn labels_of(kind: &str) -> Option<usize> {
    LANGUAGE.iter().find(|(name, _)| *name == kind).map(|(_, labels)| *labels)
}

/// Blocks of Terraform that mean something else here.
const FOREIGN: [(&str, &str); 5] = [
    ("terraform", "Settings stand in a block named cap { … }."),
    ("resource", "The type of a resource is the block's type: certificate \"www\" { … }."),
    ("data", "There are no data sources: everything is known from the configuration."),
    ("provider", "There are no providers: credentials and targets are resources."),
    ("ephemeral", "Secrets are references: secret_env(…), secret_file(…)."),
];
/// Types of resources that are planned and not there yet.
const PLANNED: [&str; 7] = [
    "adcs_profile",
    "kubernetes_target",
    "f5_target",
    "vault_target",
    "webhook_target",
    "netscaler_target",
    "iis_target",
];
/// Names that no variable may have: arguments of module blocks.
const RESERVED: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"];

impl<'a> Module<'a> {
    /// Sorts the blocks of all files.
    pub(super) fn collect(
        files: &'a [File],
        path: Arc<[ModuleStep]>,
        kinds: &HashMap<&'a str, Rc<KindIndex>>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut module = Self {
            path,
            directory: "",
            caller: None,
            settings: Vec::new(),
            variables: BTreeMap::new(),
            locals: BTreeMap::new(),
            outputs: BTreeMap::new(),
            calls: BTreeMap::new(),
            checks: BTreeMap::new(),
            moved: Vec::new(),
            removed: Vec::new(),
            imports: Vec::new(),
            resources: Vec::new(),
            by_name: HashMap::new(),
            projects: Vec::new(),
        };
        for file in files {
            for attribute in &file.body.attributes {
                diagnostics.push(stray(attribute));
            }
            for block in &file.body.blocks {
                module.add(block, kinds, diagnostics);
            }
        }
        module
    }

    fn add(&mut self, block: &'a Block, kinds: &HashMap<&'a str, Rc<KindIndex>>, diagnostics: &mut Diagnostics) {
        let kind = &*block.kind.text;
        let known = kinds.get(kind);
        let Some(labels) = labels_of(kind).or(known.map(|_| 1)) else {
            diagnostics.push(unknown_block(block, kinds));
            return;
        };
        if !labels_fit(block, labels, diagnostics) {
            return;
        }
        match (kind, known) {
            ("cap", _) => self.settings.push(block),
            ("variable", _) => self.add_variable(block, diagnostics),
            ("locals", _) => self.add_locals(block, diagnostics),
            ("output", _) => {
                let declared = Declared { block, value: Memo::default() };
                add_named(&mut self.outputs, "output", declared, |one| one.block, diagnostics);
            }
            ("check", _) => add_named(&mut self.checks, "check", block, |one| one, diagnostics),
            ("module", _) => add_named(&mut self.calls, "module", Call::new(block), |one| one.block, diagnostics),
            ("moved", _) => self.moved.push(block),
            ("removed", _) => self.removed.push(block),
            ("import", _) => self.imports.push(block),
            (_, Some(kind)) => self.add_resource(block, kind, diagnostics),
            _ => {}
        }
    }

    fn add_variable(&mut self, block: &'a Block, diagnostics: &mut Diagnostics) {
        let name = &block.labels[0];
        if is_reserved(&name.text) {
            let detail = format!("The name \"{}\" is reserved for arguments of module blocks.", name.text);
            diagnostics.push(Diagnostic::error(&codes::NAME, detail).at(name.span));
        }
        if let Some(first) = self.variables.get(&*name.text) {
            diagnostics.push(twice("variable", name, first.block.labels[0].span));
            return;
        }
        self.variables.insert(&name.text, Variable { block, ty: Memo::default(), value: Memo::default() });
    }

    fn add_locals(&mut self, block: &'a Block, diagnostics: &mut Diagnostics) {
        for inner in &block.body.blocks {
            let detail = "A locals block holds name = value, and no blocks.";
            diagnostics.push(Diagnostic::error(&codes::UNKNOWN_BLOCK, detail).at(inner.head));
        }
        for Attribute { name, value } in &block.body.attributes {
            if let Some(first) = self.locals.get(&*name.text) {
                diagnostics.push(twice("local value", name, first.name.span));
                continue;
            }
            if check_identifier(name, diagnostics) {
                self.locals.insert(&name.text, Local { name, expr: value, value: Memo::default() });
            }
        }
    }

    fn add_resource(&mut self, block: &'a Block, kind: &Rc<KindIndex>, diagnostics: &mut Diagnostics) {
        let name = &block.labels[0];
        let at = self.resources.len();
        if let Some(first) = self.by_name.get(&(kind.schema.name, &*name.text)) {
            let what = format!("{} block", kind.schema.name);
            diagnostics.push(twice(&what, name, self.resources[*first].block.head));
            return;
        }
        self.by_name.insert((&block.kind.text, &name.text), at);
        if kind.schema.name == "project" {
            self.projects.push(at);
        }
        self.resources.push(Resource::new(block, kind.clone(), self.path.clone()));
    }

    /// The resource of that type and name.
    pub(super) fn resource(&self, kind: &str, name: &str) -> Option<&Resource<'a>> {
        self.by_name.get(&(kind, name)).map(|at| &self.resources[*at])
    }

    /// A name with the module's path before it: `module.m.check.c`.
    pub(super) fn within(&self, name: &str) -> String {
        self.path.iter().map(|step| format!("{step}.")).collect::<String>() + name
    }

    /// An output, check or variable of it, as if that word were a type.
    pub(super) fn part(&self, kind: &str, name: &str) -> ResourceAddress {
        ResourceAddress { module: self.path.clone(), ..ResourceAddress::root(kind, name, None) }
    }

    /// The projects that are declared.
    pub(super) fn projects(&self) -> impl Iterator<Item = &Resource<'a>> {
        self.projects.iter().map(|at| &self.resources[*at])
    }

    /// The names of the resources of a type.
    pub(super) fn names_of<'m>(&'m self, kind: &'m str) -> impl Iterator<Item = &'a str> + 'm {
        self.resources.iter().filter(move |one| one.kind.schema.name == kind).map(|one| &*one.block.labels[0].text)
    }
}

/// Adds what a block with a name of its own declares, unless the name is taken.
fn add_named<'a, T>(
    declared: &mut BTreeMap<&'a str, T>,
    what: &str,
    one: T,
    block: impl Fn(&T) -> &'a Block,
    diagnostics: &mut Diagnostics,
) {
    let name = &block(&one).labels[0];
    if let Some(first) = declared.get(&*name.text) {
        diagnostics.push(twice(what, name, block(first).labels[0].span));
        return;
    }
    declared.insert(&name.text, one);
}

fn stray(attribute: &Attribute) -> Diagnostic {
    let detail = format!("\"{}\" stands outside of any block, and arguments stand in blocks.", attribute.name.text);
    Diagnostic::error(&codes::UNKNOWN_ARGUMENT, detail)
        .at(attribute.name.span)
        .hint("Values to share stand in a locals block; values of variables in a *.capvars file.")
}

fn unknown_block(block: &Block, kinds: &HashMap<&str, Rc<KindIndex>>) -> Diagnostic {
    let kind = &*block.kind.text;
    let detail = format!("Blocks of type \"{kind}\" are not expected here.");
    let mut report = Diagnostic::error(&codes::UNKNOWN_BLOCK, detail).at(block.kind.span);
    let foreign = FOREIGN.iter().find(|(name, _)| *name == kind).map(|(_, hint)| (*hint).to_owned());
    // What is not there yet stands here until its adapter is: the catalog of kinds comes first.
    let planned = PLANNED.contains(&kind).then(|| format!("This version does not support {kind} yet."));
    let mut known: Vec<&str> = kinds.keys().copied().chain(LANGUAGE.iter().map(|(name, _)| *name)).collect();
    known.sort_unstable();
    report.hint = foreign.or(planned).or_else(|| did_you_mean(kind, known));
    report
}

fn labels_fit(block: &Block, wanted: usize, diagnostics: &mut Diagnostics) -> bool {
    let kind = &block.kind.text;
    if block.labels.len() != wanted {
        let shape = if wanted == 0 { format!("{kind} {{ … }}") } else { format!("{kind} \"name\" {{ … }}") };
        let detail = format!("{} block has {wanted} label(s), and this one has {}.", an(kind), block.labels.len());
        let place = block.labels.get(wanted).map_or(block.head, |extra| extra.span);
        diagnostics.push(Diagnostic::error(&codes::LABELS, detail).at(place).hint(format!("Write it {shape}.")));
        return false;
    }
    block.labels.iter().all(|label| check_identifier(label, diagnostics))
}

/// Whether it can be a name; the report otherwise. In the JSON form anything stands in quotes.
fn check_identifier(name: &Name, diagnostics: &mut Diagnostics) -> bool {
    let fits = is_identifier(&name.text);
    if !fits {
        let detail = format!(
            "{:?} is no name: a name begins with a letter or an underscore and holds letters, digits, underscores and hyphens.",
            name.text
        );
        diagnostics.push(Diagnostic::error(&codes::NAME, detail).at(name.span));
    }
    fits
}

/// Whether no variable may have this name.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Whether a text can be a name.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_part)
}

fn twice(what: &str, name: &Name, first: Span) -> Diagnostic {
    Diagnostic::error(&codes::DUPLICATE, format!("{} named \"{}\" is already declared.", an(what), name.text))
        .at(name.span)
        .related(first, "first declared here")
        .hint("Rename one of them, or remove it.")
}

/// Reports arguments and blocks that do not belong into a block of the language.
pub(super) fn check_body(body: &Body, what: &str, attributes: &[&str], blocks: &[&str], diagnostics: &mut Diagnostics) {
    let everything = || attributes.iter().chain(blocks).copied();
    for attribute in &body.attributes {
        let name = &*attribute.name.text;
        if !attributes.contains(&name) {
            let hint = if blocks.contains(&name) {
                Some(format!("It is a block: {name} {{ … }}."))
            } else {
                did_you_mean(name, everything())
            };
            let detail = format!("{} takes no argument named \"{name}\".", an(what));
            diagnostics.push(with_hint(&codes::UNKNOWN_ARGUMENT, detail, attribute.name.span, hint));
        }
    }
    for block in &body.blocks {
        let name = &*block.kind.text;
        if !blocks.contains(&name) {
            let hint = if attributes.contains(&name) {
                Some(format!("It is an argument: {name} = …."))
            } else {
                did_you_mean(name, everything())
            };
            let detail = format!("{} holds no blocks of type \"{name}\".", an(what));
            diagnostics.push(with_hint(&codes::UNKNOWN_BLOCK, detail, block.kind.span, hint));
        } else {
            check_unlabelled(block, diagnostics);
        }
    }
}

/// Reports labels of a block that has none.
pub(super) fn check_unlabelled(block: &Block, diagnostics: &mut Diagnostics) {
    if let Some(label) = block.labels.first() {
        let detail = format!("{} has no labels.", an(&format!("{} block", block.kind.text)));
        diagnostics.push(Diagnostic::error(&codes::LABELS, detail).at(label.span));
    }
}

pub(super) fn with_hint(code: &'static Code, detail: String, span: Span, hint: Option<String>) -> Diagnostic {
    let mut report = Diagnostic::error(code, detail).at(span);
    report.hint = hint;
    report
}
