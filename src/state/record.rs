//! A record: one object as the store keeps it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::recorded::Recorded;
use crate::address::Address;
use crate::digest::Digest;
use crate::job::JobId;
use crate::source::Position;

/// An evaluated specification as JSON: references are `{"$ref": address}`, secrets `{"$secret": …}` and never values.
pub type Spec = serde_json::Map<String, serde_json::Value>;

/// One object: what it was last made to be, and what is known of it since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its address.
    pub address: Address,
    /// Rises by one with every write; the compare-and-set of every write names the one it read.
    pub revision: u64,
    /// The last event folded into it, so that folding it again changes nothing.
    pub last: Option<(JobId, u32)>,
    /// The job that may write it now. Nobody else may plan or submit a change meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<JobId>,
    /// The spec it was made with; absent while it has only been claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Recorded>,
    /// Keyed fingerprints of its secrets, by path of the attribute: a changed secret is a planned change, never shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Digest>,
    /// What became known by carrying it out.
    #[serde(default, skip_serializing_if = "Facts::is_none")]
    pub facts: Facts,
    /// `prevent_destroy`, kept here so that it outlives its block.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// `destroy = false`: it is forgotten where it would be destroyed, and what it stands for stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forget: bool,
    /// What it refers to: the order of its removal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Address>,
    /// Why the last job on it failed, until one succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Where its block stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Position>,
    /// Name of its timeline's chain, given when it is first recorded; it stays when the address changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
}

impl Record {
    /// A record of which nothing is known yet.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            revision: 0,
            last: None,
            claim: None,
            spec: None,
            secrets: BTreeMap::new(),
            facts: Facts::None,
            protected: false,
            forget: false,
            depends_on: Vec::new(),
            trouble: None,
            origin: None,
            chain: None,
        }
    }
}

/// What a plan wants a record to become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    /// Its address.
    pub address: Address,
    /// The evaluated specification.
    pub spec: Spec,
    /// Keyed fingerprints of its secrets, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Digest>,
    /// `prevent_destroy`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// `destroy = false`: it is forgotten where it would be destroyed, and what it stands for stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forget: bool,
    /// What it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Address>,
    /// Where its block stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Position>,
}
