//! Publishing challenge records, and seeing whether the world sees them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortResult;

/// A TXT value at a name: what a DNS-01 challenge asks for (RFC 8555 section 8.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TxtRecord {
    /// Apex of the zone it lies in, without a final dot.
    pub zone: String,
    /// Full name, without a final dot: `_acme-challenge.www.example.com`.
    pub name: String,
    /// The value, without quotes.
    pub value: String,
}

/// One DNS provider with one credential.
#[async_trait]
pub trait DnsProvider: Send + Sync {
    /// Adds this value at this name and leaves every other value alone. Adding it again is fine. On return the provider
    /// has taken it; whether servers answer it yet is for the [`Resolver`].
    async fn present(&self, record: &TxtRecord) -> PortResult<()>;
    /// Removes this value and leaves every other value alone. Removing what is not there is fine.
    async fn retract(&self, record: &TxtRecord) -> PortResult<()>;
}

/// Asks the servers that are authoritative for a zone.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Asks every address of every authoritative server for the TXT values at the record's name.
    async fn visible(&self, record: &TxtRecord) -> PortResult<Visibility>;
}

/// Where a record is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// At every authoritative server.
    Everywhere,
    /// Not at these servers (address and why).
    Missing(Vec<String>),
}
