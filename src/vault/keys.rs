//! The port: private keys by name.

use async_trait::async_trait;
use rcgen::{CertificateParams, DistinguishedName, DnType};

use super::generate::{Made, generate};
use super::{Vault, bug};
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::store::Flush;
use crate::ports::vault::{KeyType, KeyVault, MacKey, PrivateKey};
use crate::ports::{PortError, PortResult};
use crate::state::facts::KeyId;
use crate::x509::{Signer, X509Error};

/// Characters of a common name (RFC 5280 appendix A.1, ub-common-name); a longer name is left to the alternative names.
const COMMON_NAME: usize = 64;

#[async_trait]
impl KeyVault for Vault {
    async fn ensure(&self, id: &KeyId, key_type: KeyType, flush: Flush) -> PortResult<Digest> {
        let name = name(id);
        if let Some(key) = self.records.take(&name).await? {
            return Ok(signer(id, &key)?.spki());
        }
        let made = self.generate(key_type).await?;
        if let Some(faster) = self.records.put(&name, &made.pkcs8, false, flush).await? {
            return Ok(signer(id, &faster)?.spki());
        }
        Ok(made.spki)
    }

    async fn put(&self, id: &KeyId, bytes: &[u8]) -> PortResult<()> {
        self.records.put(&name(id), bytes, true, Flush::Now).await.map(|_| ())
    }

    async fn csr(&self, id: &KeyId, common_name: Option<&str>, names: &[String]) -> PortResult<Vec<u8>> {
        let key = self.get(id).await?;
        request(&signer(id, &key.pkcs8)?, common_name, names)
    }

    async fn get(&self, id: &KeyId) -> PortResult<PrivateKey> {
        let found = self.records.take(&name(id)).await?;
        let found = found.ok_or_else(|| PortError::new(ErrorClass::Absent, format!("the vault holds no key {id}")))?;
        Ok(PrivateKey { pkcs8: found })
    }

    async fn ids(&self) -> PortResult<Vec<KeyId>> {
        let names = self.records.store.sealed_names().await?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(KEYS)).map(|id| KeyId(id.to_owned())).collect())
    }

    async fn remove(&self, id: &KeyId) -> PortResult<()> {
        self.records.store.remove_sealed(&name(id)).await
    }

    async fn rewrap(&self, version: u32) -> PortResult<()> {
        self.seal_anew(version).await
    }

    fn mac(&self, key: MacKey, message: &[u8]) -> Digest {
        let key = match key {
            MacKey::Fingerprint => &self.macs.fingerprint,
            MacKey::Link => &self.macs.link,
            MacKey::Head => &self.macs.head,
        };
        let tag = aws_lc_rs::hmac::sign(key, message);
        let mut digest = [0; 32];
        digest.copy_from_slice(tag.as_ref());
        Digest(digest)
    }
}

impl Vault {
    /// Generates a key on a thread of its own kind, with no more of them than there are cores.
    async fn generate(&self, key_type: KeyType) -> PortResult<Made> {
        let turn = self.generators.acquire().await.map_err(|error| bug(error.to_string()))?;
        let made = tokio::task::spawn_blocking(move || generate(key_type)).await;
        drop(turn);
        made.map_err(|error| bug(format!("generating a key was cut short: {error}")))?
    }
}

/// What names of keys begin with, among all that is sealed.
const KEYS: &str = "key/";

fn name(id: &KeyId) -> String {
    format!("{KEYS}{id}")
}

fn signer(id: &KeyId, pkcs8: &[u8]) -> PortResult<Signer> {
    Signer::from_pkcs8(pkcs8).map_err(|X509Error(why)| PortError::new(ErrorClass::Rejected, format!("key {id}: {why}")))
}

fn request(signer: &Signer, common_name: Option<&str>, names: &[String]) -> PortResult<Vec<u8>> {
    let refused = |error: rcgen::Error| {
        PortError::new(ErrorClass::Rejected, format!("no request can be made for {}: {error}", names.join(", ")))
    };
    let mut params = CertificateParams::new(names).map_err(refused)?;
    params.distinguished_name = DistinguishedName::new();
    if let Some(common_name) = common_name.filter(|name| name.chars().count() <= COMMON_NAME) {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    let request = params.serialize_request(signer).map_err(refused)?;
    Ok(request.der().to_vec())
}
