//! What a name in a JSON body is: a block with so many labels, an argument whose texts are templates, or an argument that
//! is written as an expression. In the native form the text says which it is; in JSON only the place does.

use crate::eval::labels_of;
use crate::eval::schema::{BlockSchema, BodySchema, Catalog};

/// What stands around a name.
#[derive(Clone, Copy)]
pub(super) enum Inside<'c> {
    /// The file: everything is a block.
    File(&'c Catalog),
    /// A test file.
    Tests,
    /// A block of the language.
    Language(&'static Shape),
    /// A resource.
    Resource(&'c BodySchema),
    /// A block within a resource.
    Nested(&'c BodySchema),
    /// The blocks named `dynamic` of a body.
    Dynamic(&'c BlockSchema),
}

/// What a name is.
pub(super) enum Name<'c> {
    /// A block with so many labels.
    Block(usize, Within<'c>),
    /// An argument; its texts are templates.
    Template,
    /// An argument that must be a constant; its texts are as they are.
    Literal,
    /// An argument that is never evaluated: its texts are expressions.
    Expression,
}

/// What stands in the blocks of a name.
#[derive(Clone, Copy)]
pub(super) enum Within<'c> {
    Body(Inside<'c>),
    /// It depends on the label: `dynamic "grant"` holds what `grant` holds.
    ByLabel(&'c BodySchema),
    /// Nothing is known of it: it is reported for its name.
    Unknown,
}

/// The names within a block of the language that are no plain arguments.
pub(super) struct Shape {
    blocks: &'static [(&'static str, &'static Shape)],
    expressions: &'static [&'static str],
    literals: &'static [&'static str],
}

static PLAIN: Shape = Shape { blocks: &[], expressions: &[], literals: &[] };
static LANGUAGE: [(&str, Shape); 8] = [
    (
        "variable",
        Shape { blocks: &[("validation", &PLAIN)], expressions: &["type"], literals: &["default", "description"] },
    ),
    ("output", Shape { blocks: &[("precondition", &PLAIN)], expressions: &["depends_on"], literals: &["description"] }),
    ("check", Shape { blocks: &[("assert", &PLAIN)], expressions: &[], literals: &[] }),
    (
        "module",
        Shape {
            blocks: &[("lifecycle", &PLAIN)],
            expressions: &["depends_on", "providers"],
            literals: &["source", "version"],
        },
    ),
    ("moved", Shape { blocks: &[], expressions: &["from", "to"], literals: &[] }),
    ("removed", Shape { blocks: &[("lifecycle", &PLAIN)], expressions: &["from"], literals: &[] }),
    ("import", Shape { blocks: &[], expressions: &["to"], literals: &[] }),
    (
        "lifecycle",
        Shape {
            blocks: &[("precondition", &PLAIN), ("postcondition", &PLAIN)],
            expressions: &["ignore_changes", "replace_triggered_by"],
            literals: &[],
        },
    ),
];

static RUN: Shape = Shape {
    blocks: &[("variables", &PLAIN), ("module", &PLAIN), ("assert", &PLAIN), ("plan_options", &OPTIONS)],
    expressions: &["command", "expect_failures"],
    literals: &[],
};
static OPTIONS: Shape = Shape { blocks: &[], expressions: &["mode", "refresh", "replace", "target"], literals: &[] };

fn shape(name: &str) -> &'static Shape {
    LANGUAGE.iter().find(|(known, _)| *known == name).map_or(&PLAIN, |(_, shape)| shape)
}

impl<'c> Inside<'c> {
    /// What a name is here.
    pub(super) fn name(self, name: &str) -> Name<'c> {
        match self {
            Self::File(catalog) => top(catalog, name),
            Self::Tests => match name {
                "run" => Name::Block(1, Within::Body(Inside::Language(&RUN))),
                "variables" => Name::Block(0, Within::Body(Inside::Language(&PLAIN))),
                _ => Name::Template,
            },
            Self::Language(shape) => match shape.blocks.iter().find(|(known, _)| *known == name) {
                Some((_, inner)) => Name::Block(0, Within::Body(Inside::Language(inner))),
                None if shape.expressions.contains(&name) => Name::Expression,
                None if shape.literals.contains(&name) => Name::Literal,
                None => Name::Template,
            },
            Self::Resource(schema) => match name {
                "depends_on" => Name::Expression,
                "lifecycle" if schema.block(name).is_none() => {
                    Name::Block(0, Within::Body(Inside::Language(shape("lifecycle"))))
                }
                name => nested(schema, name),
            },
            Self::Nested(schema) => nested(schema, name),
            Self::Dynamic(schema) => match name {
                "content" => Name::Block(0, Within::Body(Inside::Nested(&schema.body))),
                "iterator" => Name::Expression,
                _ => Name::Template,
            },
        }
    }
}

fn top<'c>(catalog: &'c Catalog, name: &str) -> Name<'c> {
    match (labels_of(name), catalog.get(name)) {
        (Some(labels), _) => Name::Block(labels, Within::Body(Inside::Language(shape(name)))),
        (None, Some(kind)) => Name::Block(1, Within::Body(Inside::Resource(&kind.body))),
        (None, None) => Name::Block(0, Within::Unknown),
    }
}

fn nested<'c>(schema: &'c BodySchema, name: &str) -> Name<'c> {
    match schema.block(name) {
        Some(block) => Name::Block(0, Within::Body(Inside::Nested(&block.body))),
        None if name == "dynamic" && schema.attribute(name).is_none() => Name::Block(1, Within::ByLabel(schema)),
        None => Name::Template,
    }
}

impl<'c> Within<'c> {
    /// What stands in a block with this last label.
    pub(super) fn labelled(self, label: Option<&str>) -> Option<Inside<'c>> {
        match self {
            Self::Body(inside) => Some(inside),
            // A label that names no block is reported for itself.
            Self::ByLabel(schema) => schema.block(label?).map(Inside::Dynamic),
            Self::Unknown => None,
        }
    }
}
