//! A certification authority, one request a call, resumable from a stored handle (RFC 8555).

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortResult;
use super::vault::PrivateKey;
use crate::state::facts::{AccountFacts, CertificateVersion, KeyId, RenewalWindow};
use crate::time::{Duration, Timestamp};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// DNS names and IP addresses, sorted, each once.
    pub names: Vec<String>,
    /// The CA's profile, where one is asked for.
    pub profile: Option<String>,
    /// Lifetime, where the CA lets the client choose it.
    pub lifetime: Option<Duration>,
    /// The certificate this one replaces, for CAs that exempt such orders (RFC 9773 section 5): its PEM chain.
    pub replaces: Option<String>,
    /// Preferred chain: common name of its top-most issuer.
    pub preferred_chain: Option<String>,
    /// Given when the same may have been asked for before and the answer was not heard: an order that came of it is
    /// looked for first, and is none of these, which other jobs hold.
    pub again: Option<BTreeSet<OrderHandle>>,
}

/// An order at the CA. The URL is all it takes to go on after a restart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderHandle(pub String);

/// Where an order stands (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderStatus {
    /// Authorizations are missing; ask again after this, if the CA said so.
    Pending(Option<Duration>),
    /// It may be finalized.
    Ready,
    /// The CA is issuing; ask again after this, if it said so.
    Processing(Option<Duration>),
    /// The certificate may be downloaded.
    Valid,
    /// It has failed: the CA's words.
    Invalid(String),
}

/// A DNS-01 challenge that has to be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The name it validates, without `*.`.
    pub identifier: String,
    /// URL of the challenge.
    pub url: String,
    /// Value of the TXT record at `_acme-challenge.<identifier>`.
    pub value: String,
    /// Whether the CA has been asked already, or is done with it.
    pub answered: bool,
}

/// One CA with one account, or one CA of our own.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// Places an order, or goes on with an open one for the same names where [`OrderRequest::again`] asks for that: a
    /// crash between the CA's answer and our record must not leave a second one.
    async fn order(&self, request: &OrderRequest) -> PortResult<OrderHandle>;
    /// Where it stands. `NotFound` when the CA does not know it (any more).
    async fn status(&self, order: &OrderHandle) -> PortResult<OrderStatus>;
    /// The challenges that are still to be met; empty when all authorizations are valid already.
    async fn challenges(&self, order: &OrderHandle) -> PortResult<Vec<Challenge>>;
    /// Asks the CA to validate. Asking again is fine.
    async fn respond(&self, order: &OrderHandle, challenge: &Challenge) -> PortResult<()>;
    /// Sends the CSR (PKCS#10 DER). `Conflict` when the order is not ready any more: ask for the status first.
    async fn finalize(&self, order: &OrderHandle, csr: &[u8]) -> PortResult<()>;
    /// The chain as PEM, leaf first.
    async fn download(&self, order: &OrderHandle, preferred_chain: Option<&str>) -> PortResult<String>;
    /// The CA's suggested window for a certificate (RFC 9773); `None` when it does not offer one.
    async fn renewal_window(&self, version: &CertificateVersion) -> PortResult<Option<RenewalWindow>>;
    /// Revokes a certificate (PEM chain; RFC 5280 reason code). Revoking it again is fine.
    async fn revoke(&self, chain: &str, reason: u8) -> PortResult<()>;
}

/// Makes accounts.
#[async_trait]
pub trait Registrar: Send + Sync {
    /// Registers an account with this key, or finds the one that the key has already (RFC 8555 section 7.3.1).
    async fn register(&self, account: &AccountRequest, key_id: &KeyId, key: &PrivateKey) -> PortResult<AccountFacts>;
}

/// An account that a CA has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAccount {
    /// The account's URL.
    pub account_uri: String,
    /// The directory that was asked.
    pub directory: String,
    /// RFC 7638 thumbprint of its key, base64url.
    pub thumbprint: String,
    /// Addresses for mail, without `mailto:`; empty where the CA tells none.
    pub email: Vec<String>,
}

/// What registering takes.
pub struct AccountRequest {
    /// The directory's URL.
    pub directory: String,
    /// Contact address, without `mailto:`.
    pub email: Option<String>,
    /// External account binding: key id and HMAC key, decoded.
    pub eab: Option<(String, zeroize::Zeroizing<Vec<u8>>)>,
    /// PEM of further trust anchors for the directory's own TLS, for CAs inside the house.
    pub trust: Option<String>,
    /// Now.
    pub now: Timestamp,
}
