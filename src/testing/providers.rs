//! Hands out the fakes as the wiring hands out the real adapters, every one of them under one script of faults.

use std::sync::Arc;

use async_trait::async_trait;

use super::dns::FakeDns;
use super::faults::{Faults, Faulty};
use super::hosts::{FakeHosts, FakeTarget};
use super::issuer::{FakeCa, FakeIssuer};
use crate::address::Address;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::dns::{DnsProvider, Resolver};
use crate::ports::issuer::{Issuer, KnownAccount};
use crate::ports::providers::Providers;
use crate::ports::target::Target;
use crate::ports::vault::{Flush, KeyType, KeyVault, PrivateKey};
use crate::ports::{PortError, PortResult};
use crate::state::Record;
use crate::state::facts::{AccountFacts, Facts, KeyId};
use crate::state::record::Spec;
use crate::x509::Signer;

/// The fakes of one world.
#[derive(Clone)]
pub struct FakeProviders {
    /// The one CA: every issuer is an account there.
    pub ca: Arc<FakeCa>,
    /// The one DNS provider: every credential opens it.
    pub dns: Arc<FakeDns>,
    /// All machines: a target's configuration names the slot in `slot`, and `endpoint = false` turns its service off.
    pub hosts: Arc<FakeHosts>,
    /// Keeps account keys.
    pub vault: Arc<dyn KeyVault>,
    /// The script that all of them follow.
    pub faults: Arc<Faults>,
}

impl FakeProviders {
    async fn register(&self, address: &Address, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<Facts> {
        let key = match known {
            Some(Facts::Account(account)) => account.key.clone(),
            _ => KeyId(format!("{address}/{job}/account")),
        };
        let spki = self.vault.ensure(&key, KeyType::EcdsaP256, Flush::Now).await?;
        Ok(Facts::Account(account(spec, spki, key)))
    }
}

/// The account of a key.
fn account(spec: &Spec, spki: Digest, key: KeyId) -> AccountFacts {
    let directory = spec.get("directory").and_then(|one| one.as_str()).unwrap_or("https://ca.test/directory");
    AccountFacts {
        account_uri: format!("https://ca.test/account/{}", spki.short()),
        directory: directory.to_owned(),
        thumbprint: Digest::of(spki.0).to_string(),
        key,
    }
}

#[async_trait]
impl Providers for FakeProviders {
    async fn establish(&self, address: &Address, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<Facts> {
        self.faults.around("establish", || self.register(address, spec, job, known)).await
    }

    /// The CA has an account for every key.
    async fn account(&self, spec: &Spec, key: &PrivateKey) -> PortResult<Option<KnownAccount>> {
        let signer = Signer::from_pkcs8(&key.pkcs8);
        let signer = signer.map_err(|fault| PortError::new(ErrorClass::Rejected, fault.to_string()))?;
        let found = account(spec, signer.spki(), KeyId(String::new()));
        let AccountFacts { account_uri, directory, thumbprint, .. } = found;
        let found = KnownAccount { account_uri, directory, thumbprint, email: Vec::new() };
        self.faults.around("account", || async { Ok(Some(found.clone())) }).await
    }

    async fn issuer(&self, record: &Record) -> PortResult<Arc<dyn Issuer>> {
        if record.facts.is_none() {
            return Err(PortError::new(ErrorClass::Absent, format!("{} is not established", record.address)));
        }
        let issuer: Arc<dyn Issuer> = Arc::new(FakeIssuer(Arc::clone(&self.ca)));
        Ok(Arc::new(Faulty::new(issuer, Arc::clone(&self.faults))))
    }

    async fn dns(&self, _: &Record) -> PortResult<Arc<dyn DnsProvider>> {
        let dns: Arc<dyn DnsProvider> = Arc::<FakeDns>::clone(&self.dns);
        Ok(Arc::new(Faulty::new(dns, Arc::clone(&self.faults))))
    }

    async fn resolver(&self, _: &Record) -> PortResult<Arc<dyn Resolver>> {
        let dns: Arc<dyn Resolver> = Arc::<FakeDns>::clone(&self.dns);
        Ok(Arc::new(Faulty::new(dns, Arc::clone(&self.faults))))
    }

    async fn target(&self, _: &str, config: &Spec) -> PortResult<Arc<dyn Target>> {
        let slot = config.get("slot").and_then(|slot| slot.as_str());
        let slot = slot.ok_or_else(|| PortError::new(ErrorClass::Rejected, "a fake target needs a slot"))?;
        let endpoint = config.get("endpoint").and_then(|one| one.as_bool()).unwrap_or(true);
        let target = FakeTarget::new(Arc::clone(&self.hosts), slot, endpoint, Arc::clone(&self.faults));
        Ok(Arc::new(Faulty::<dyn Target>::new(Arc::new(target), Arc::clone(&self.faults))))
    }
}
