//! The key vault: private keys and the store's own keys, sealed with envelope encryption and kept in any store. What it
//! stores is useless without the key-encryption key, which never enters the store. Nothing here has a Debug.

mod checkpoint;
mod envelope;
mod generate;
mod kek;
mod keys;
mod open;
mod rewrap;

use std::sync::Arc;

use aws_lc_rs::{hkdf, hmac};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

pub use kek::KekSource;
pub use open::open;

use crate::job::ErrorClass;
use crate::ports::store::{Flush, Store};
use crate::ports::{PortError, PortResult};

/// A store's vault, opened with the right key. Made by [`open()`].
pub struct Vault {
    records: Records,
    macs: Macs,
    /// Generating RSA keys takes a core for a second: no more at once than there are cores.
    generators: Semaphore,
}

/// The store's own HMAC keys.
struct Macs {
    fingerprint: hmac::Key,
    link: hmac::Key,
    head: hmac::Key,
}

/// Sealed records of one store.
struct Records {
    store: Arc<dyn Store>,
    /// The store's identity: what is sealed for one store opens in no other.
    tenant: String,
    keks: kek::Keks,
}

impl Records {
    /// Seals `secret` under the active key-encryption key and stores it. Without `replace`, what was there before stays, and
    /// is returned in clear.
    async fn put(
        &self,
        name: &str,
        secret: &[u8],
        replace: bool,
        flush: Flush,
    ) -> PortResult<Option<Zeroizing<Vec<u8>>>> {
        let sealed = envelope::seal(&self.keks, &self.place(name), secret)?;
        let stored = self.store.put_sealed(name, &sealed, replace, flush).await?;
        if let Err(fault) = self.prove_current().await {
            // What was replaced is not to be lost because the store did not answer this once.
            let is_refused = fault.class == ErrorClass::Unauthorized;
            if stored == sealed && (is_refused || !replace) {
                self.store.remove_sealed(name).await?;
            }
            return Err(fault);
        }
        (stored != sealed).then(|| envelope::open(&self.keks, &self.place(name), &stored)).transpose()
    }

    /// What is stored under a name, in clear.
    async fn take(&self, name: &str) -> PortResult<Option<Zeroizing<Vec<u8>>>> {
        let stored = self.store.get_sealed(name).await?;
        stored.map(|sealed| envelope::open(&self.keks, &self.place(name), &sealed)).transpose()
    }

    /// The secret of that name, made with `make` if it is not there yet. Whoever is faster makes it.
    async fn make_once(
        &self,
        name: &str,
        make: impl FnOnce() -> PortResult<Zeroizing<Vec<u8>>>,
    ) -> PortResult<Zeroizing<Vec<u8>>> {
        if let Some(found) = self.take(name).await? {
            return Ok(found);
        }
        let made = make()?;
        Ok(self.put(name, &made, false, Flush::Now).await?.unwrap_or(made))
    }

    fn place<'a>(&'a self, name: &'a str) -> envelope::Place<'a> {
        envelope::Place { tenant: &self.tenant, name }
    }
}

/// Bytes nobody can guess.
fn random<const N: usize>() -> PortResult<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| bug("the system gives no random bytes"))?;
    Ok(bytes)
}

/// A key for one purpose, derived from another one (RFC 5869).
fn derive(key: &[u8], purpose: &str) -> PortResult<Zeroizing<[u8; 32]>> {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"cap vault v1").extract(key);
    let mut derived = Zeroizing::new([0; 32]);
    let expanded = extracted.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *derived));
    expanded.map(|()| derived).map_err(|_| bug("a key could not be derived"))
}

fn bug(message: impl Into<String>) -> PortError {
    PortError::new(ErrorClass::Bug, message)
}
