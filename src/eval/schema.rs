//! What a kind of block may hold. One schema drives decoding, did-you-mean, the JSON Schema, documentation and the plan's view.

use std::sync::Arc;

use super::types::Type;
use super::value::Value;

/// The body of a block.
#[derive(Debug, Clone, Default)]
pub struct BodySchema {
    /// Arguments, in the order they are documented.
    pub attributes: Vec<AttributeSchema>,
    /// Nested blocks.
    pub blocks: Vec<BlockSchema>,
}

/// One argument.
#[derive(Debug, Clone)]
pub struct AttributeSchema {
    /// Its name.
    pub name: &'static str,
    /// Its type; values are converted to it.
    pub ty: Type,
    /// Whether it must be given.
    pub presence: Presence,
    /// What it is, shapes and units: one or two sentences.
    pub doc: &'static str,
    /// The values allowed for a string (or for each element of a list of strings); empty for any.
    pub one_of: &'static [&'static str],
    /// What a change of it means for the record.
    pub on_change: OnChange,
    /// Whether it may hold templates over `certificate`, evaluated once for each deployment.
    pub per_certificate: bool,
}

/// Whether an argument must be given.
#[derive(Debug, Clone)]
pub enum Presence {
    /// It must be given and must not be null.
    Required,
    /// It may be left out.
    Optional,
    /// It is this value when left out or null.
    Default(Value),
}

/// What a change of an argument means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// The object is changed where it is.
    Update,
    /// The object is destroyed and made anew.
    Replace,
}

/// One kind of nested block.
#[derive(Debug, Clone)]
pub struct BlockSchema {
    /// Its name.
    pub name: &'static str,
    /// Its body.
    pub body: BodySchema,
    /// How often it may stand there.
    pub occurs: Occurs,
    /// What it is.
    pub doc: &'static str,
}

/// How often a nested block may stand in a body. Decides the shape of the decoded value too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurs {
    /// At most once: an object or null.
    Optional,
    /// Exactly once: an object.
    Once,
    /// Any number of times: a list of objects.
    Many,
}

/// A kind of resource: `certificate`, `ssh_target`.
#[derive(Debug, Clone)]
pub struct KindSchema {
    /// The block's type.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// What it may hold.
    pub body: BodySchema,
    /// Facts that exist only after apply, readable in `output`, `check` and `postcondition`: name, type, doc.
    pub facts: Vec<(&'static str, Type, &'static str)>,
    /// Whether it belongs to a project: `project` is then an argument that may be left out where there is one project.
    pub in_project: bool,
}

/// All kinds that are known, by name; made once by the wiring and handed to whoever needs it.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    kinds: std::collections::BTreeMap<&'static str, Arc<KindSchema>>,
}

impl Catalog {
    /// Adds a kind. A name is registered once; the wiring's test holds it to that.
    pub fn register(&mut self, kind: KindSchema) {
        self.kinds.insert(kind.name, Arc::new(kind));
    }

    /// The kind of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<KindSchema>> {
        self.kinds.get(name)
    }

    /// All kinds in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<KindSchema>> {
        self.kinds.values()
    }
}

impl BodySchema {
    /// The argument of that name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeSchema> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The nested block of that name.
    pub fn block(&self, name: &str) -> Option<&BlockSchema> {
        self.blocks.iter().find(|block| block.name == name)
    }
}

/// An argument that must be given.
pub fn required(name: &'static str, ty: Type, doc: &'static str) -> AttributeSchema {
    AttributeSchema {
        name,
        ty,
        presence: Presence::Required,
        doc,
        one_of: &[],
        on_change: OnChange::Update,
        per_certificate: false,
    }
}

/// An argument that may be left out.
pub fn optional(name: &'static str, ty: Type, doc: &'static str) -> AttributeSchema {
    AttributeSchema { presence: Presence::Optional, ..required(name, ty, doc) }
}

impl AttributeSchema {
    /// Gives it a default.
    #[must_use]
    pub fn or(self, default: Value) -> Self {
        Self { presence: Presence::Default(default), ..self }
    }

    /// Restricts it to these strings.
    #[must_use]
    pub fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { one_of: values, ..self }
    }

    /// A change of it destroys the object and makes it anew.
    #[must_use]
    pub fn replaces(self) -> Self {
        Self { on_change: OnChange::Replace, ..self }
    }

    /// Allows templates over `certificate` in it.
    #[must_use]
    pub fn per_certificate(self) -> Self {
        Self { per_certificate: true, ..self }
    }
}
