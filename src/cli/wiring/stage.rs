//! The stage that `cap test` plays on: a store in memory, a clock that is set, and fakes for everything outside. A private CA
//! is the real one, since it reaches nothing outside anyway. Nothing of it outlives the process.

use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::session::Session;
use crate::address::Address;
use crate::cli::configuration::SensitiveValues;
use crate::engine::Engine;
use crate::issuer::{Issuers, private_ca};
use crate::model::{Kinds, Role};
use crate::ports::clock::Clock;
use crate::ports::dns::{DnsProvider, Resolver};
use crate::ports::issuer::{Issuer, KnownAccount};
use crate::ports::providers::Providers;
use crate::ports::secrets::Secrets;
use crate::ports::store::Store;
use crate::ports::target::Target;
use crate::ports::vault::{KeyVault, PrivateKey};
use crate::ports::{PortError, PortResult};
use crate::state::Record;
use crate::state::facts::Facts;
use crate::state::record::Spec;
use crate::store::memory::Memory;
use crate::testing::{
    FakeCa, FakeDns, FakeHosts, FakeProviders, FakeSecrets, FakeTarget, Faults, ManualClock, SeededIds,
};
use crate::vault::{self, KekSource, Vault};

/// One estate's stage.
pub struct Stage {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    fakes: FakeProviders,
    ids: Arc<SeededIds>,
    kinds: Arc<Kinds>,
}

impl Stage {
    /// An empty stage under this clock.
    ///
    /// # Errors
    /// When no key can be made.
    pub async fn new(clock: Arc<ManualClock>, kinds: Arc<Kinds>) -> PortResult<Self> {
        let store: Arc<dyn Store> = Arc::new(Memory::new(Arc::<ManualClock>::clone(&clock))?);
        let vault = Arc::new(vault::open(Arc::clone(&store), &KekSource::new(vec![fresh_key()?], None)).await?);
        let dns = Arc::new(FakeDns::default());
        let ca = Arc::new(FakeCa::new(Arc::<ManualClock>::clone(&clock), Arc::clone(&dns))?);
        let keys: Arc<dyn KeyVault> = Arc::<Vault>::clone(&vault);
        let (hosts, faults) = (Arc::new(FakeHosts::default()), Arc::new(Faults::default()));
        let fakes = FakeProviders { ca, dns, hosts, vault: keys, faults };
        Ok(Self { clock, store, vault, fakes, ids: Arc::new(SeededIds::new(1)), kinds })
    }

    /// The stage's store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Lets the DNS hold a zone.
    pub fn know_zone(&self, apex: &str) {
        self.fakes.dns.know_zone(apex);
    }

    /// What planning and applying work with. Secrets are made up, but for the values of sensitive variables.
    pub fn session(&self, variables: SensitiveValues) -> Session {
        let secrets: Arc<dyn Secrets> = Arc::new(FakeSecrets { variables });
        let keys: Arc<dyn KeyVault> = Arc::<Vault>::clone(&self.vault);
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let issuers = Issuers::new(Arc::clone(&keys), Arc::clone(&secrets), Arc::clone(&clock));
        let providers = Arc::new(Staged { fakes: self.fakes.clone(), issuers, kinds: Arc::clone(&self.kinds) });
        let (store, ids) = (Arc::clone(&self.store), Arc::<SeededIds>::clone(&self.ids));
        let engine = Engine { store, vault: keys, providers, clock, ids };
        Session { engine, vault: Arc::clone(&self.vault), secrets, kept: true }
    }
}

/// A key-encryption key that nobody knows: what it seals is gone with the process.
fn fresh_key() -> PortResult<(String, Zeroizing<String>)> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    aws_lc_rs::rand::fill(&mut *bytes)
        .map_err(|_| PortError::new(crate::job::ErrorClass::Bug, "the operating system gives no randomness"))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(("CAP_ENCRYPTION_KEY_V1".to_owned(), Zeroizing::new(digits)))
}

/// The fakes, and the private CA.
struct Staged {
    fakes: FakeProviders,
    issuers: Issuers,
    kinds: Arc<Kinds>,
}

#[async_trait]
impl Providers for Staged {
    async fn establish(&self, address: &Address, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<Facts> {
        if address.kind() == private_ca::NAME {
            return self.issuers.establish(address, spec, job, known).await;
        }
        self.fakes.establish(address, spec, job, known).await
    }

    async fn account(&self, spec: &Spec, key: &PrivateKey) -> PortResult<Option<KnownAccount>> {
        self.fakes.account(spec, key).await
    }

    async fn issuer(&self, record: &Record) -> PortResult<Arc<dyn Issuer>> {
        if record.address.kind() == private_ca::NAME {
            return self.issuers.issuer(record).await;
        }
        self.fakes.issuer(record).await
    }

    async fn dns(&self, credential: &Record) -> PortResult<Arc<dyn DnsProvider>> {
        self.fakes.dns(credential).await
    }

    async fn resolver(&self, credential: &Record) -> PortResult<Arc<dyn Resolver>> {
        self.fakes.resolver(credential).await
    }

    async fn target(&self, kind: &str, config: &Spec) -> PortResult<Arc<dyn Target>> {
        let places = match self.kinds.get(kind).map(|kind| kind.role) {
            Some(Role::Target(slots)) => slots(config).join(" "),
            _ => kind.to_owned(),
        };
        let verified = config.get("verify").is_some_and(|verify| !verify.is_null());
        let (hosts, faults) = (Arc::clone(&self.fakes.hosts), Arc::clone(&self.fakes.faults));
        Ok(Arc::new(FakeTarget::new(hosts, places, verified, faults)))
    }
}
