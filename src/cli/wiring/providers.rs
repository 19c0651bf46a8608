//! Makes adapters from records, for the engine. What is dear to make is made once a process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::address::Address;
use crate::issuer::Issuers;
use crate::job::ErrorClass;
use crate::ports::clock::Clock;
use crate::ports::dns::{DnsProvider, Resolver};
use crate::ports::issuer::{Issuer, KnownAccount};
use crate::ports::providers::Providers;
use crate::ports::secrets::Secrets;
use crate::ports::target::Target;
use crate::ports::vault::{KeyVault, PrivateKey};
use crate::ports::{PortError, PortResult};
use crate::state::Record;
use crate::state::facts::Facts;
use crate::state::record::Spec;
use crate::{dns, target};

/// A record at one revision: another revision is another adapter.
type Key = (Address, u64);

/// The adapters of this program.
pub struct Adapters {
    secrets: Arc<dyn Secrets>,
    issuers: Issuers,
    dns: Mutex<HashMap<Key, Arc<dyn DnsProvider>>>,
    resolvers: Mutex<HashMap<Key, Arc<dyn Resolver>>>,
}

impl Adapters {
    /// Adapters that find their keys and secrets there.
    pub fn new(vault: Arc<dyn KeyVault>, secrets: Arc<dyn Secrets>, clock: Arc<dyn Clock>) -> Self {
        let issuers = Issuers::new(vault, Arc::clone(&secrets), clock);
        Self { secrets, issuers, dns: Mutex::default(), resolvers: Mutex::default() }
    }
}

/// What is kept under a key.
fn kept<T: Clone>(cache: &Mutex<HashMap<Key, T>>, key: &Key) -> Option<T> {
    cache.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

/// Keeps what was made, unless somebody was faster.
fn keep<T: Clone>(cache: &Mutex<HashMap<Key, T>>, key: Key, made: T) -> T {
    cache.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(made).clone()
}

fn key(record: &Record) -> Key {
    (record.address.clone(), record.revision)
}

fn spec(record: &Record) -> PortResult<&Spec> {
    record.spec.as_deref().ok_or_else(|| unready(record))
}

fn unready(record: &Record) -> PortError {
    PortError::new(ErrorClass::Rejected, format!("{} has not been made yet", record.address))
        .remedy("apply it first: its own job says why it was not made")
}

#[async_trait]
impl Providers for Adapters {
    async fn establish(&self, address: &Address, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<Facts> {
        self.issuers.establish(address, spec, job, known).await
    }

    async fn account(&self, spec: &Spec, key: &PrivateKey) -> PortResult<Option<KnownAccount>> {
        self.issuers.known(spec, key).await
    }

    async fn issuer(&self, record: &Record) -> PortResult<Arc<dyn Issuer>> {
        self.issuers.issuer(record).await
    }

    async fn dns(&self, credential: &Record) -> PortResult<Arc<dyn DnsProvider>> {
        let key = key(credential);
        match kept(&self.dns, &key) {
            Some(found) => Ok(found),
            None => Ok(keep(&self.dns, key, dns::connect(spec(credential)?, &*self.secrets).await?)),
        }
    }

    async fn resolver(&self, credential: &Record) -> PortResult<Arc<dyn Resolver>> {
        let key = key(credential);
        match kept(&self.resolvers, &key) {
            Some(found) => Ok(found),
            None => Ok(keep(&self.resolvers, key, dns::resolver(spec(credential)?)?)),
        }
    }

    async fn target(&self, kind: &str, config: &Spec) -> PortResult<Arc<dyn Target>> {
        target::connect(kind, config, &*self.secrets).await
    }
}
