//! What the files of one module declare, by name. The first that declares a name counts: evaluation reports the second.

use std::collections::BTreeMap;

use crate::eval::value::Value;
use crate::syntax::ast::{Attribute, Block, Expr, ExprKind, File, Part};

/// The declarations of one module.
#[derive(Debug, Default)]
pub struct Module<'a> {
    /// `variable` blocks.
    pub variables: BTreeMap<&'a str, &'a Block>,
    /// Names of `locals` blocks.
    pub locals: BTreeMap<&'a str, &'a Attribute>,
    /// `output` blocks.
    pub outputs: BTreeMap<&'a str, &'a Block>,
    /// `module` blocks.
    pub calls: BTreeMap<&'a str, &'a Block>,
    /// Resource blocks, by type and name. Blocks of unknown types are among them: a type may be mistyped.
    pub resources: BTreeMap<(&'a str, &'a str), &'a Block>,
}

impl<'a> Module<'a> {
    /// Sorts the blocks of all files of a module.
    pub fn of(files: impl IntoIterator<Item = &'a File>) -> Self {
        let mut module = Self::default();
        files.into_iter().flat_map(|file| &file.body.blocks).for_each(|block| module.add(block));
        module
    }

    fn add(&mut self, block: &'a Block) {
        let name = block.labels.first().map(|label| &*label.text);
        match (&*block.kind.text, name) {
            ("locals", _) => {
                for local in &block.body.attributes {
                    self.locals.entry(&local.name.text).or_insert(local);
                }
            }
            ("variable", Some(name)) => _ = self.variables.entry(name).or_insert(block),
            ("output", Some(name)) => _ = self.outputs.entry(name).or_insert(block),
            ("module", Some(name)) => _ = self.calls.entry(name).or_insert(block),
            ("check", _) => {}
            (kind, Some(name)) => _ = self.resources.entry((kind, name)).or_insert(block),
            _ => {}
        }
    }

    /// The names of the resources of a type.
    pub fn names_of(&self, kind: &str) -> impl Iterator<Item = &'a str> {
        self.resources.keys().filter(move |(one, _)| *one == kind).map(|(_, name)| *name)
    }
}

/// The text of an argument that is a text without references: a description, the source of a module.
pub fn text_of(block: &Block, name: &str) -> Option<String> {
    literal(&block.body.attribute(name)?.value)
}

/// Whether an argument is `true`.
pub fn flag(block: &Block, name: &str) -> Option<bool> {
    match &block.body.attribute(name)?.value.kind {
        ExprKind::Literal(value) => value.as_bool(),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Literal(Value::String(text)) => Some(text.to_string()),
        ExprKind::Template(parts) => parts.iter().map(part).collect(),
        _ => None,
    }
}

fn part(part: &Part) -> Option<&str> {
    match part {
        Part::Literal(text) => Some(text),
        _ => None,
    }
}
