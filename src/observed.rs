//! What is there: gathered by refresh through read-only calls, and compared by the diff.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::digest::Digest;

/// What refresh saw. An address that is missing here was not looked at, which is not the same as absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Deployments that were looked at.
    pub slots: BTreeMap<Address, SlotContent>,
    /// Keyed fingerprints of the secrets in use now, by address and path of the attribute.
    pub secrets: BTreeMap<Address, BTreeMap<String, Digest>>,
}

/// What a target's slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SlotContent {
    /// Nothing of ours.
    Absent,
    /// A certificate.
    Present {
        /// SHA-256 of the leaf's DER.
        fingerprint: Digest,
        /// Whether the key there belongs to the leaf, and owner and mode are as asked; otherwise what is wrong.
        fault: Option<String>,
    },
    /// It could not be read: reported, never taken for absent.
    Unreadable {
        /// Why, without secrets.
        why: String,
    },
}
