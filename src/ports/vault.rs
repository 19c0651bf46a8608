//! Private keys at rest: sealed with one data key each under a versioned key-encryption key, kept in the store.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::PortResult;
pub use super::store::Flush;
use crate::digest::Digest;
use crate::state::facts::KeyId;

/// Kinds of keys that certificates and accounts may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyType {
    /// ECDSA on P-256.
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// RSA of 2048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA of 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA of 4096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

/// A private key as PKCS#8 DER. Wiped when dropped; has no Debug on purpose.
pub struct PrivateKey {
    /// PKCS#8 DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
}

/// Keeps private keys. What it stores is useless without the key-encryption key.
#[async_trait]
pub trait KeyVault: Send + Sync {
    /// Makes a key and stores it under `id`, or returns the one stored there before: repeating it makes no second key.
    /// The key is durable as `flush` says. Returns the SHA-256 of its SubjectPublicKeyInfo. Generates it off the async threads.
    async fn ensure(&self, id: &KeyId, key_type: KeyType, flush: Flush) -> PortResult<Digest>;
    /// Stores bytes that came from elsewhere (a registered account's credentials) under `id`, replacing what was there.
    async fn put(&self, id: &KeyId, bytes: &[u8]) -> PortResult<()>;
    /// A certificate signing request (PKCS#10 DER) for these names, signed with the key `id`. DNS names and IP addresses
    /// become subject alternative names; the common name, where there is one, is among them.
    async fn csr(&self, id: &KeyId, common_name: Option<&str>, names: &[String]) -> PortResult<Vec<u8>>;
    /// The key. `Absent` when there is none, `Unauthorized` when the key-encryption key is not the one it was sealed with.
    async fn get(&self, id: &KeyId) -> PortResult<PrivateKey>;
    /// Ids of all keys, in their order.
    async fn ids(&self) -> PortResult<Vec<KeyId>>;
    /// Removes a key; removing one that is not there is fine.
    async fn remove(&self, id: &KeyId) -> PortResult<()>;
    /// Seals under this version of the key-encryption key whatever lies under an earlier one; on return no earlier one is
    /// needed any more. Repeating it goes on where it stood. `Unauthorized` when that version is not the highest at hand.
    async fn rewrap(&self, version: u32) -> PortResult<()>;
    /// HMAC-SHA-256 with one of the store's own keys, each random, sealed in the store, and used for nothing else.
    fn mac(&self, key: MacKey, message: &[u8]) -> Digest;
    /// A keyed fingerprint of a secret, for change detection: equal secrets give equal fingerprints within one store only.
    fn fingerprint(&self, secret: &[u8]) -> Digest {
        self.mac(MacKey::Fingerprint, secret)
    }
}

/// The store's own HMAC keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MacKey {
    /// Fingerprints of secrets.
    Fingerprint,
    /// Links of timelines.
    Link,
    /// Heads of timelines.
    Head,
}
