//! What a command works with: a store that was opened, its keys, and secrets. Opened once a process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::{RandomIds, SystemClock};
use super::location::Location;
use super::providers::Adapters;
use crate::cli::configuration::SensitiveValues;
use crate::cli::shell::port;
use crate::diagnostic::{Diagnostic, codes};
use crate::engine::Engine;
use crate::eval::desired::{Desired, Instance};
use crate::eval::number::Number;
use crate::eval::value::Value;
use crate::ports::PortError;
use crate::ports::clock::Clock;
use crate::ports::secrets::Secrets;
use crate::ports::store::Store;
use crate::ports::vault::KeyVault;
use crate::secret::LocalSecrets;
use crate::store;
use crate::vault::{self, KekSource, Vault};

/// Opens a store, making it when there is none.
pub async fn store(location: &Location) -> Result<Arc<dyn Store>, Diagnostic> {
    let opened = store::open(&location.url, Path::new("")).await;
    opened.map_err(|error| port(&codes::store::STORE_UNREACHABLE, &error))
}

/// Opens a store that must be there: looking makes none.
pub async fn existing_store(location: &Location) -> Result<Arc<dyn Store>, Diagnostic> {
    found_store(location).await?.ok_or_else(|| absent(location))
}

/// Opens a store if it is there.
async fn found_store(location: &Location) -> Result<Option<Arc<dyn Store>>, Diagnostic> {
    let found = store::open_existing(&location.url, Path::new("")).await;
    found.map_err(|error| port(&codes::store::STORE_UNREACHABLE, &error))
}

fn absent(location: &Location) -> Diagnostic {
    let place = location.database().map_or_else(|| store::display(&location.url), |file| file.display().to_string());
    Diagnostic::error(&codes::store::STORE_UNREACHABLE, format!("There is no store at {place}.")).hint(
        "cap apply makes one. Go to the directory of the configuration with -chdir=DIR, or name the store with -store.",
    )
}

/// Opens the keys of a store. A key-encryption key that is missing or wrong is found here.
pub async fn vault(location: &Location, store: &Arc<dyn Store>) -> Result<Arc<Vault>, Diagnostic> {
    open_vault(store, &keys(location)).await
}

/// Where the keys of a store are.
fn keys(location: &Location) -> KekSource {
    let directory = if location.keys == Path::new("") { PathBuf::from(".") } else { location.keys.clone() };
    KekSource::from_environment(Some(directory))
}

async fn open_vault(store: &Arc<dyn Store>, source: &KekSource) -> Result<Arc<Vault>, Diagnostic> {
    let opened = vault::open(Arc::clone(store), source).await;
    opened.map(Arc::new).map_err(|error: PortError| port(&codes::store::KEY_REFUSED, &error))
}

/// Insists on the key-encryption key that the configuration asks for: its version, and where it comes from.
pub fn hold_to_encryption(vault: &Vault, desired: &Desired) -> Result<(), Diagnostic> {
    const ACTIVE: &str = "encryption.active_version";
    const PROVIDER: &str = "encryption.provider";
    let organizations = || desired.instances.iter().filter(|instance| instance.address.kind.as_ref() == "organization");
    for instance in organizations() {
        let Some(provider) = instance.get(PROVIDER).and_then(Value::as_str) else { continue };
        let held = vault.hold_to_provider(provider);
        held.map_err(|error| port(&codes::store::KEY_REFUSED, &error).at(instance.place(PROVIDER)))?;
    }
    let asked = |instance: &Instance| instance.get(ACTIVE).and_then(Value::as_number).and_then(Number::to_i64);
    for instance in organizations() {
        // What is no version at all was refused with the configuration.
        let Some(version) = asked(instance).and_then(|version| u32::try_from(version).ok()) else { continue };
        let held = vault.hold_to_version(version);
        held.map_err(|error| port(&codes::store::KEY_REFUSED, &error).at(instance.place(ACTIVE)))?;
    }
    Ok(())
}

/// Everything that planning and applying work with.
pub struct Session {
    /// What jobs are carried out with.
    pub engine: Engine,
    /// The store's keys.
    pub vault: Arc<Vault>,
    /// Secrets behind references.
    pub secrets: Arc<dyn Secrets>,
    /// Whether the store is kept: without one, planning is done against an empty one in memory.
    pub kept: bool,
}

impl Session {
    /// Opens a store with its keys; makes both where there are none.
    pub async fn open(location: &Location, sensitive: SensitiveValues) -> Result<Self, Diagnostic> {
        let store = match found_store(location).await? {
            Some(found) => found,
            None => {
                keys(location).check().map_err(|error| port(&codes::store::KEY_REFUSED, &error))?;
                store(location).await?
            }
        };
        Self::with(store, location, sensitive).await
    }

    /// Opens a store with its keys to look only: where there is none, an empty one that is kept nowhere takes its place, so
    /// that looking makes neither store nor key nor directory.
    pub async fn looking(location: &Location, sensitive: SensitiveValues) -> Result<Self, Diagnostic> {
        if let Some(store) = found_store(location).await? {
            return Self::with(store, location, sensitive).await;
        }
        let empty = store::Memory::new(Arc::new(SystemClock));
        let empty: Arc<dyn Store> = Arc::new(empty.map_err(|error| port(&codes::store::STORE_FAILED, &error))?);
        let vault = open_vault(&empty, &keys(location).fleeting()).await?;
        Ok(Self { kept: false, ..Self::of(empty, vault, sensitive) })
    }

    /// Opens a store with its keys that must be there.
    pub async fn existing(location: &Location, sensitive: SensitiveValues) -> Result<Self, Diagnostic> {
        Self::with(existing_store(location).await?, location, sensitive).await
    }

    async fn with(store: Arc<dyn Store>, location: &Location, sensitive: SensitiveValues) -> Result<Self, Diagnostic> {
        let vault = self::vault(location, &store).await?;
        Ok(Self::of(store, vault, sensitive))
    }

    fn of(store: Arc<dyn Store>, vault: Arc<Vault>, sensitive: SensitiveValues) -> Self {
        let secrets: Arc<dyn Secrets> = Arc::new(LocalSecrets::new("", sensitive));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let keys: Arc<dyn KeyVault> = Arc::clone(&vault) as _;
        let providers = Adapters::new(Arc::clone(&keys), Arc::clone(&secrets), Arc::clone(&clock));
        let engine = Engine { store, vault: keys, providers: Arc::new(providers), clock, ids: Arc::new(RandomIds) };
        Self { engine, vault, secrets, kept: true }
    }
}
