//! Schemas made ready for many instances: names shared, positions found once.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::schema::{BodySchema, KindSchema};

/// One attribute or block of a body, in the order of names.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    /// The attribute at this position of the schema.
    Attribute(usize),
    /// The nested block at this position of the schema.
    Block(usize),
}

/// A body's names and the order of its slots.
pub(super) struct BodyIndex {
    /// Slots by name, in order: decoded objects are built in this order.
    pub(super) slots: Vec<(Arc<str>, Slot)>,
    by_name: HashMap<&'static str, Slot>,
    /// The bodies of nested blocks, by position.
    pub(super) blocks: Vec<Rc<BodyIndex>>,
}

impl BodyIndex {
    fn new(schema: &BodySchema) -> Self {
        let attributes = schema.attributes.iter().enumerate().map(|(at, one)| (one.name, Slot::Attribute(at)));
        let blocks = schema.blocks.iter().enumerate().map(|(at, one)| (one.name, Slot::Block(at)));
        let mut all: Vec<(&'static str, Slot)> = attributes.chain(blocks).collect();
        all.sort_by_key(|(name, _)| *name);
        Self {
            slots: all.iter().map(|(name, slot)| (Arc::from(*name), *slot)).collect(),
            by_name: all.into_iter().collect(),
            blocks: schema.blocks.iter().map(|block| Rc::new(Self::new(&block.body))).collect(),
        }
    }

    /// The slot of that name.
    pub(super) fn slot(&self, name: &str) -> Option<Slot> {
        self.by_name.get(name).copied()
    }

    /// All names, for did-you-mean.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|(name, _)| &**name)
    }
}

/// A kind with its body's index.
pub(super) struct KindIndex {
    pub(super) schema: Arc<KindSchema>,
    pub(super) body: Rc<BodyIndex>,
}

impl KindIndex {
    pub(super) fn new(schema: &Arc<KindSchema>) -> Self {
        Self { schema: schema.clone(), body: Rc::new(BodyIndex::new(&schema.body)) }
    }
}
