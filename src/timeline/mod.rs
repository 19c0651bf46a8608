//! The timeline: what ever happened to a certificate, as links of an HMAC chain whose end is sealed with another key, so
//! that edits, gaps, swaps and a cut tail are found. Pure: keys are reached only through the functions handed in.
//!
//! Every certificate and every deployment has a chain of its own, written only by the job or the submission that holds
//! its record's claim; a certificate's timeline is its own chain and those of its deployments, by time.

mod chain;
mod checkpoint;

use serde::{Deserialize, Serialize};

pub use chain::{Finding, Flaw, Macs, append, check_seal, entry, verify, verify_between};
pub use checkpoint::{Checkpoint, CheckpointFault, Mark, extends};

/// One link of a chain, already sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Names the chain: it stays when the certificate's address changes.
    pub chain: String,
    /// From one, without gaps.
    pub sequence: u64,
    /// Canonical JSON of the entry.
    pub entry: String,
    /// HMAC over the entry, its place and the link before, hexadecimal.
    pub mac: String,
}

/// The end of a chain, sealed with another key than its links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Names the chain.
    pub chain: String,
    /// Sequence number of its last link.
    pub sequence: u64,
    /// MAC of its last link.
    pub mac: String,
    /// HMAC over all of the above, hexadecimal.
    pub seal: String,
}

/// A new end for a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// Links to add, in order.
    pub links: Vec<Sealed>,
    /// The head as it was read; absent for a new chain.
    pub before: Option<Head>,
    /// The head afterwards.
    pub after: Head,
}
