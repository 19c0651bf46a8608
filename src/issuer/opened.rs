//! Issuers behind records: made when they are asked for, kept while the process runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::acme::{self, AcmeIssuer};
use super::args;
use super::private_ca::{self, PrivateCa};
use crate::address::Address;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::clock::Clock;
use crate::ports::issuer::{Issuer, KnownAccount};
use crate::ports::secrets::Secrets;
use crate::ports::vault::{KeyVault, PrivateKey};
use crate::ports::{PortError, PortResult};
use crate::state::facts::{AccountFacts, Facts, KeyId};
use crate::state::{Record, Spec};

/// All issuers of one store. The wiring has one of it a process: accounts keep their connections, nonces and orders here.
pub struct Issuers {
    vault: Arc<dyn KeyVault>,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    accounts: Mutex<HashMap<Opened, Arc<OnceCell<Arc<AcmeIssuer>>>>>,
}

/// What an open account depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Opened {
    account_uri: String,
    key: KeyId,
    trust: Digest,
}

impl Issuers {
    /// Issuers over this vault.
    pub fn new(vault: Arc<dyn KeyVault>, secrets: Arc<dyn Secrets>, clock: Arc<dyn Clock>) -> Self {
        Self { vault, secrets, clock, accounts: Mutex::default() }
    }

    /// Makes an issuer, as [`crate::ports::providers::Providers::establish`] says.
    ///
    /// # Errors
    /// Those of the vault, of the secrets and of the CA; `Rejected` when the spec cannot be used.
    pub async fn establish(
        &self,
        address: &Address,
        spec: &Spec,
        job: &str,
        known: Option<&Facts>,
    ) -> PortResult<Facts> {
        match address.kind() {
            acme::NAME => {
                let around = (&*self.vault, &*self.secrets, Arc::clone(&self.clock));
                acme::establish(around, address, spec, job, known).await
            }
            private_ca::NAME => private_ca::establish(&*self.vault, address, spec, job, known, self.clock.now()).await,
            kind => Err(PortError::new(ErrorClass::Bug, format!("{kind} is no issuer"))),
        }
    }

    /// The account that a CA has for a key, as [`crate::ports::providers::Providers::account`] says.
    ///
    /// # Errors
    /// Those of the CA; `Rejected` when the spec cannot be used, or the key is of a kind that accounts cannot have.
    pub async fn known(&self, spec: &Spec, key: &PrivateKey) -> PortResult<Option<KnownAccount>> {
        acme::known(spec, key, Arc::clone(&self.clock)).await
    }

    /// The issuer behind a record that has been established.
    ///
    /// # Errors
    /// `Absent` when it has not been established yet; those of the CA when it has to be asked.
    pub async fn issuer(&self, record: &Record) -> PortResult<Arc<dyn Issuer>> {
        match (&record.facts, &record.spec) {
            (Facts::Account(facts), Some(spec)) => {
                let issuer: Arc<dyn Issuer> = self.account(facts, args::text(spec, "trust")).await?;
                Ok(issuer)
            }
            (Facts::Authority(facts), Some(spec)) => {
                let (vault, clock) = (Arc::clone(&self.vault), Arc::clone(&self.clock));
                Ok(Arc::new(PrivateCa::new(vault, clock, spec, facts.clone())?))
            }
            _ => {
                let message = format!("{} has not been established yet", record.address);
                Err(PortError::new(ErrorClass::Absent, message).remedy("apply it first"))
            }
        }
    }

    async fn account(&self, facts: &AccountFacts, trust: Option<&str>) -> PortResult<Arc<AcmeIssuer>> {
        let (account_uri, key) = (facts.account_uri.clone(), facts.key.clone());
        let opened = Opened { account_uri, key, trust: Digest::of(trust.unwrap_or_default()) };
        let cell = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(opened).or_default())
        };
        let open = || async {
            let key = self.vault.get(&facts.key).await?;
            AcmeIssuer::open(facts, &key, trust, Arc::clone(&self.clock)).await.map(Arc::new)
        };
        cell.get_or_try_init(open).await.cloned()
    }
}
