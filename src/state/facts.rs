//! Facts: what became known by carrying a spec out. Closed, one variant a kind that has any.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::job::effect::Publication;
use crate::time::Timestamp;
use crate::x509::Leaf;

/// The facts of one record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Facts {
    /// Nothing is known beyond the spec.
    #[default]
    None,
    /// Of an ACME account.
    Account(AccountFacts),
    /// Of a private CA.
    Authority(AuthorityFacts),
    /// Of a certificate. Versions are append-only; the last is current.
    Certificate(CertificateFacts),
    /// Of a deployment.
    Deployment(DeploymentFacts),
}

impl Facts {
    /// Whether nothing is known.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// What tells this issuer from one that is made anew under the same address: the URL of an account, the SHA-256 of a
    /// root. An update in place keeps it. Absent when these are no facts of an issuer.
    pub fn issuer_id(&self) -> Option<String> {
        match self {
            Self::Account(account) => Some(account.account_uri.clone()),
            Self::Authority(authority) => Some(authority.fingerprint.to_string()),
            Self::None | Self::Certificate(_) | Self::Deployment(_) => None,
        }
    }
}

/// An ACME account (RFC 8555 section 7.1.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountFacts {
    /// The account URL, the `kid` of its requests.
    pub account_uri: String,
    /// The directory it is registered with.
    pub directory: String,
    /// Name of its key in the vault.
    pub key: KeyId,
    /// RFC 7638 thumbprint of its key, base64url.
    pub thumbprint: String,
}

/// A CA of one's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorityFacts {
    /// Names of its keys in the vault: of the root, and of the intermediate where there is one. The last one issues.
    pub keys: Vec<KeyId>,
    /// Names of what else the vault keeps for it, and that goes with its keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<KeyId>,
    /// PEM of its certificates: root first, issuing one last.
    pub certificates: Vec<String>,
    /// SHA-256 of the root's DER.
    pub fingerprint: Digest,
    /// End of the issuing certificate's validity.
    pub not_after: Timestamp,
}

/// The versions of a certificate, oldest first. The oldest are dropped beyond what rollback needs; the timeline keeps all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Oldest first; the last is current.
    pub versions: Vec<CertificateVersion>,
    /// The CA's suggested renewal window (RFC 9773), as last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<RenewalWindow>,
    /// Challenge records that could not be withdrawn: whoever issues next tries it again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Publication>,
}

impl CertificateFacts {
    /// The version in force.
    pub fn current(&self) -> Option<&CertificateVersion> {
        self.versions.last()
    }
}

/// One issued certificate. Nothing in it is ever changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateVersion {
    /// From one, rising by one.
    pub number: u32,
    /// SHA-256 of the leaf's DER.
    pub fingerprint: Digest,
    /// SHA-256 of the leaf's SubjectPublicKeyInfo.
    pub spki: Digest,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// Which issuer it was, as [`Facts::issuer_id`] says; absent when it was issued before that was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_id: Option<String>,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Names, sorted.
    pub names: Vec<String>,
    /// PEM: leaf first, then the chain as the CA gave it.
    pub chain: String,
    /// Name of its private key in the vault; absent for a CSR that was brought along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// When it was issued, by the clock of the worker.
    pub issued_at: Timestamp,
}

impl CertificateVersion {
    /// What a leaf says of its version, the first; no issuer is noted and no key.
    pub fn of(leaf: Leaf, chain: String, issued_at: Timestamp) -> Self {
        Self {
            number: 1,
            fingerprint: leaf.fingerprint,
            spki: leaf.spki,
            serial: leaf.serial,
            issuer: leaf.issuer,
            issuer_id: None,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            names: leaf.names,
            chain,
            key: None,
            issued_at,
        }
    }

    /// Names of what the vault keeps for it: its key, and what a private CA noted when it issued it.
    pub fn kept(&self) -> impl Iterator<Item = KeyId> {
        let root = self.issuer_id.as_ref().and_then(|id| id.parse::<Digest>().ok());
        self.key.clone().into_iter().chain(root.map(|root| KeyId::issued(&root, &self.serial)))
    }
}

/// When the CA asks for a renewal (RFC 9773 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RenewalWindow {
    /// Begin.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// When it was heard.
    pub heard_at: Timestamp,
}

/// One certificate on one target slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentFacts {
    /// Version of the certificate that is installed.
    pub version: u32,
    /// SHA-256 of the leaf's DER that is installed.
    pub fingerprint: Digest,
    /// Where it lies, for people: a directory, a path, a secret's name.
    pub slot: String,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// When it was last seen served, where the target has an endpoint to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
}

/// The name of a private key in the vault. It says nothing about the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl KeyId {
    /// Names what a private CA, known by its root, notes of the certificate with this serial number (hexadecimal), so that
    /// an order which is finalized again finds what was issued.
    pub fn issued(root: &Digest, serial: &str) -> Self {
        Self(format!("issued/{root}/{serial}"))
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
