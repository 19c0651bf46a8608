//! What the configuration says should exist: the result of evaluation, with every place it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::schema::KindSchema;
use super::value::Value;
use crate::address::{ModuleStep, ResourceAddress};
use crate::diagnostic::Diagnostics;
use crate::source::Span;

/// All instances of all blocks, the outputs, and the settings of the `cap` block.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// What the `cap` block says.
    pub settings: Settings,
    /// Resource instances, in the order of their addresses.
    pub instances: Vec<Instance>,
    /// Resource blocks by their address without a key: they explain why an instance is not there any more.
    pub blocks: BTreeMap<ResourceAddress, Block>,
    /// Outputs of the root module.
    pub outputs: BTreeMap<Arc<str>, Output>,
    /// Conditions that read facts: what could be decided without them has been.
    pub conditions: Vec<Condition>,
    /// What conditions are about, whether they are decided or not: instances, and outputs, checks and variables as if these
    /// words were types.
    pub guarded: BTreeSet<ResourceAddress>,
    /// `moved` blocks.
    pub moved: Vec<Moved>,
    /// `removed` blocks.
    pub removed: Vec<Removed>,
    /// `import` blocks.
    pub imports: Vec<Import>,
    /// Instances that are declared and have no value, and blocks whose instances could not be told: their faults are
    /// reported, and what misses them is not at fault.
    pub failed: BTreeSet<ResourceAddress>,
}

impl Desired {
    /// Whether this is declared and failed.
    pub fn has_failed(&self, address: &ResourceAddress) -> bool {
        !self.failed.is_empty() && (self.failed.contains(address) || self.failed.contains(&address.block()))
    }
}

/// One instance of an `import` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// What is to manage it.
    pub to: ResourceAddress,
    /// What it is known by where it is.
    pub id: String,
    /// The id's place.
    pub span: Span,
}

impl Desired {
    /// Whether there is an instance of that address.
    pub fn declares(&self, address: &ResourceAddress) -> bool {
        self.instances.binary_search_by(|instance| instance.address.cmp(address)).is_ok()
    }
}

/// The resource or module that a `moved` or `removed` block names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A block with all its instances, or one of them.
    Resource(ResourceAddress),
    /// A module with all its instances, or one of them. Not empty.
    Module(Arc<[ModuleStep]>),
}

/// A `moved` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where it was.
    pub from: Endpoint,
    /// Where it is.
    pub to: Endpoint,
    /// Its place.
    pub span: Span,
}

/// A `removed` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What is not managed any more.
    pub from: Endpoint,
    /// Whether it is destroyed, and not only forgotten.
    pub destroy: bool,
    /// Its place.
    pub span: Span,
}

/// A condition that reads facts, which only the store knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What it guards.
    pub guard: Guard,
    /// The instance, check or output it belongs to.
    pub subject: String,
    /// The condition, for [`super::residual::resolve`].
    pub condition: serde_json::Value,
    /// `error_message`, likewise.
    pub message: serde_json::Value,
    /// The condition's place.
    pub span: Span,
}

/// What a condition guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// A resource, before anything is done with it.
    Precondition,
    /// A resource, once it is there.
    Postcondition,
    /// An output.
    Output,
    /// Nothing: it only warns.
    Check,
}

/// The `cap` block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `required_version`, already checked.
    pub required_version: Option<String>,
    /// `store`: where the store is, without credentials.
    pub store: Option<String>,
}

/// One resource block, before it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// How it is repeated.
    pub repetition: Repetition,
    /// Its type and label.
    pub span: Span,
}

/// How a block is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// Not at all.
    Single,
    /// By `count`.
    Count,
    /// By `for_each`.
    ForEach,
}

/// One instance of a resource block, decoded against the schema of its kind.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its address.
    pub address: ResourceAddress,
    /// Its kind.
    pub kind: Arc<KindSchema>,
    /// An object with one attribute for each argument and each nested block of the schema, converted to their types;
    /// what was left out is its default or `null`. An argument that holds a template over `certificate` is the template's
    /// text here: [`Render`] gives its value for one certificate.
    pub value: Value,
    /// Type and label of its block.
    pub span: Span,
    /// Where each argument stands, by path: `issuer`, `files.directory`, `grant.0.role`. Shared by instances of one block.
    pub places: Arc<BTreeMap<Box<str>, Span>>,
    /// Paths of the arguments that hold templates over `certificate`. Shared by instances of one block.
    pub templates: Arc<[Box<str>]>,
    /// `depends_on`.
    pub depends_on: Vec<ResourceAddress>,
    /// `lifecycle`.
    pub lifecycle: Lifecycle,
}

/// The `lifecycle` block, as far as it outlives evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// `prevent_destroy`.
    pub prevent_destroy: bool,
    /// `destroy = false`.
    pub forget: bool,
    /// `ignore_changes`.
    pub ignore_changes: Ignore,
}

/// Changes that the plan leaves alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ignore {
    /// None.
    #[default]
    Nothing,
    /// Those of these arguments, by path.
    Paths(Vec<String>),
    /// All.
    All,
}

/// An output of the root module.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its value.
    pub value: OutputValue,
    /// Whether it is shown only on request.
    pub sensitive: bool,
    /// Its name in its block.
    pub span: Span,
}

/// A value, or what will be one when facts are known.
#[derive(Debug, Clone)]
pub enum OutputValue {
    /// It reads no facts.
    Known(Value),
    /// It reads facts, which only the store knows: JSON for `StoredOutput`, resolved by [`super::residual::resolve`].
    Residual(serde_json::Value),
}

impl Instance {
    /// Where the argument at `path` stands; the block's head when it was left out.
    pub fn place(&self, path: &str) -> Span {
        self.places.get(path).copied().unwrap_or(self.span)
    }

    /// The value at a path of names: `files.directory`. `None` when something on the way is absent or null.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut value = &self.value;
        for name in path.split('.') {
            value = value.get(name)?;
        }
        if value.is_null() { None } else { Some(value) }
    }
}

/// Gives a target's value for one certificate.
pub trait Render {
    /// The value of the instance at `target` with its `per_certificate` arguments evaluated while `certificate` stands for
    /// the given object.
    ///
    /// # Errors
    /// Every fault of every such argument.
    fn render(&self, target: &ResourceAddress, certificate: &Value) -> Result<Value, Diagnostics>;
}
