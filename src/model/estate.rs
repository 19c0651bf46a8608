//! The estate as it should be: every resource and every deployment as a draft of its record. Made from what evaluation
//! found, under the rules that hold between resources; secrets are still references here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::{Address, ResourceAddress};
use crate::eval::desired::{Block, Ignore, Removed};
use crate::eval::schema::KindSchema;
use crate::eval::value::SecretRef;
use crate::plan::{StoredOutput, Work};
use crate::source::Span;
use crate::state::Spec;
use crate::state::record::Draft;

/// Everything that should exist.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// Resources and deployments.
    pub resources: BTreeMap<Address, Resource>,
    /// Blocks without keys: they explain why an instance is not there any more.
    pub blocks: BTreeMap<ResourceAddress, Block>,
    /// Outputs as they are to be stored.
    pub outputs: BTreeMap<String, StoredOutput>,
    /// `removed` blocks.
    pub removed: Vec<Removed>,
}

/// One resource or deployment that should exist.
#[derive(Debug, Clone)]
pub struct Resource {
    /// What its record is to become. `secrets` is empty until `prepare` has looked behind the references. A deployment's spec
    /// is `{"certificate": {"$ref"}, "target": {"$ref"}, "config": {…}}`, the target's configuration rendered for it.
    pub draft: Draft,
    /// Its kind's schema; none for a deployment.
    pub schema: Option<Arc<KindSchema>>,
    /// What making or changing it means.
    pub work: Work,
    /// Changes to leave alone.
    pub ignore: Ignore,
    /// Where it stands: its block, or the reference in `targets` for a deployment.
    pub span: Span,
    /// Where each of the draft's `depends_on` is named, in the same order.
    pub places: Vec<Span>,
    /// Secrets it refers to, by path.
    pub secrets: BTreeMap<String, SecretRef>,
    /// For a certificate: the zone that publishes each name's challenge (the name without `*.`), the longest match.
    pub zones: BTreeMap<String, Address>,
    /// For a deployment: the places that a configuration writes to. When a change moves them, what lies at the old ones is
    /// removed first.
    pub slots: Option<fn(&Spec) -> Vec<String>>,
}
