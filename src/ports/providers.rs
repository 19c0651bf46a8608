//! Makes the adapter that a record asks for. The wiring implements it once, from the catalog; tests hand out fakes.

use std::sync::Arc;

use async_trait::async_trait;

use super::PortResult;
use super::dns::{DnsProvider, Resolver};
use super::issuer::{Issuer, KnownAccount};
use super::target::Target;
use super::vault::PrivateKey;
use crate::address::Address;
use crate::state::Record;
use crate::state::facts::Facts;
use crate::state::record::Spec;

/// Makes adapters from records. Secrets are resolved here, just before use, and stay inside the adapter.
#[async_trait]
pub trait Providers: Send + Sync {
    /// Carries out the making of an issuer: registers an account, or makes a private CA's keys and certificates. Repeating
    /// it with the same job finds what is there already. `known` are the record's facts when it is updated in place: its
    /// keys stay; absent when it is created or replaced: it gets new ones. Returns the facts of the record.
    async fn establish(&self, address: &Address, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<Facts>;
    /// The account that the CA of an `acme_account` has for this key; `None` when it has none. Registers nothing
    /// (RFC 8555 section 7.3.1).
    async fn account(&self, spec: &Spec, key: &PrivateKey) -> PortResult<Option<KnownAccount>>;
    /// The issuer behind a record that has been established.
    async fn issuer(&self, record: &Record) -> PortResult<Arc<dyn Issuer>>;
    /// The DNS provider behind a `dns_credential`.
    async fn dns(&self, credential: &Record) -> PortResult<Arc<dyn DnsProvider>>;
    /// Who asks the authoritative servers of a zone, with the credential of that zone.
    async fn resolver(&self, credential: &Record) -> PortResult<Arc<dyn Resolver>>;
    /// One slot: the target's kind (`ssh_target`) and its configuration, rendered for one certificate.
    async fn target(&self, kind: &str, config: &Spec) -> PortResult<Arc<dyn Target>>;
}
