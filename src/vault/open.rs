//! Opening a vault: the right key or none. A wrong key is found here, before anything is sealed with it.

use std::sync::Arc;

use aws_lc_rs::hmac;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::kek::Keks;
use super::rewrap::PROOFS;
use super::{KekSource, Macs, Records, Vault, random};
use crate::job::ErrorClass;
use crate::ports::store::{Flush, Store};
use crate::ports::{PortError, PortResult};

/// Opens the vault of a store. A store that nothing was sealed in yet is bound to the key at hand; where none is at hand
/// and `source` has a directory, one is made there. Makes the store's own HMAC keys, or loads them.
///
/// # Errors
/// `Unauthorized` when the key-encryption key is missing, unreadable, or not the one that the store was made with.
pub async fn open(store: Arc<dyn Store>, source: &KekSource) -> PortResult<Vault> {
    let identity = store.identity().await?;
    let keks = source.load(identity.key_check.is_none())?;
    let check = match identity.key_check {
        Some(check) => check,
        None => store.set_key_check(None, &keks.check(keks.active().0, &identity.id)?).await?,
    };
    hold_to(&check, &keks, &identity.id)?;
    let records = Records { store, tenant: identity.id, keks };
    records.prove_versions(&check).await?;
    let macs = records.macs().await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Vault { records, macs, generators: Semaphore::new(cores) })
}

/// Whether the key that the store was made with is the one at hand.
fn hold_to(check: &str, keks: &Keks, tenant: &str) -> PortResult<()> {
    let version = version_of(check).ok_or_else(|| {
        PortError::new(ErrorClass::Rejected, "the store's key check cannot be read: a newer release may have made it")
            .remedy("use the release that made the store")
    })?;
    if keks.check(version, tenant)? == check { Ok(()) } else { Err(wrong(version)) }
}

pub(super) fn version_of(check: &str) -> Option<u32> {
    check.strip_prefix('v')?.split_once(':')?.0.parse().ok()
}

fn wrong(version: u32) -> PortError {
    let message = format!("version {version} of the key-encryption key is not the one that this store was made with");
    PortError::new(ErrorClass::Unauthorized, message)
        .remedy("give the key this store was made with, or name another store; nothing was written")
}

impl Vault {
    /// Insists that the key-encryption keys come from there: `env` or `file`.
    ///
    /// # Errors
    /// `Unauthorized` when they come from elsewhere.
    pub fn hold_to_provider(&self, wanted: &str) -> PortResult<()> {
        let provider = self.records.keks.provider();
        if provider == wanted {
            return Ok(());
        }
        let place = |provider| match provider {
            "env" => "the environment (CAP_ENCRYPTION_KEY_V1 and further versions)",
            _ => "files beside the store (encryption.v1.key and further versions)",
        };
        let message = format!("the key-encryption key comes from {}, not from {}", place(provider), place(wanted));
        Err(PortError::new(ErrorClass::Unauthorized, message)
            .remedy(format!("set provider = \"{provider}\", or give the same key where the configuration says it is")))
    }

    /// Insists that what is made from now on is sealed under this version of the key-encryption key. The highest version at
    /// hand seals; what an earlier one sealed stays under that one until it is sealed anew.
    ///
    /// # Errors
    /// `Unauthorized` when this version is not at hand, or is not the highest.
    pub fn hold_to_version(&self, wanted: u32) -> PortResult<()> {
        let (active, _) = self.records.keks.active();
        if wanted >= active {
            return self.records.keks.get(wanted).map(drop);
        }
        let message =
            format!("version {wanted} of the key-encryption key is to seal, and version {active} is at hand too");
        Err(PortError::new(ErrorClass::Unauthorized, message).remedy(format!(
            "the highest version seals: set active_version = {active}, and everything is sealed anew under it; or take \
             version {active} away if nothing was sealed under it. It can never be lowered"
        )))
    }
}

impl Records {
    /// Every further version leaves a proof of its own when it is first seen, and is held to it afterwards.
    async fn prove_versions(&self, first: &str) -> PortResult<()> {
        for version in self.keks.versions().filter(|version| version_of(first) != Some(*version)) {
            let proof = self.keks.check(version, &self.tenant)?;
            if self.store.put_sealed(&format!("{PROOFS}v{version}"), &proof, false, Flush::Now).await? != proof {
                return Err(wrong(version));
            }
        }
        Ok(())
    }

    async fn macs(&self) -> PortResult<Macs> {
        let [fingerprint, link, head] =
            [self.mac("mac/fingerprint").await?, self.mac("mac/link").await?, self.mac("mac/head").await?];
        Ok(Macs { fingerprint, link, head })
    }

    async fn mac(&self, name: &str) -> PortResult<hmac::Key> {
        let bytes = self.make_once(name, || Ok(Zeroizing::new(random::<32>()?.to_vec()))).await?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;
    use crate::ports::clock::Clock;
    use crate::ports::vault::{KeyType, KeyVault as _, MacKey};
    use crate::state::facts::KeyId;
    use crate::store::memory::Memory;
    use crate::time::Timestamp;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }
    }

    pub fn store() -> Arc<dyn Store> {
        Arc::new(Memory::new(Arc::new(Stopped)).expect("a store"))
    }

    pub fn environment(keys: &[(&str, &str)]) -> KekSource {
        let name = |version: &str| format!("CAP_ENCRYPTION_KEY_V{version}");
        let keys = keys.iter().map(|(version, digits)| (name(version), Zeroizing::new((*digits).to_owned())));
        KekSource::new(keys.collect(), None)
    }

    /// A folder of its own, removed afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = random::<16>().map(|bytes| crate::digest::Digest::of(*bytes).short()).expect("random bytes");
            Self(std::env::temp_dir().join(format!("cap-vault-{name}")))
        }

        fn source(&self) -> KekSource {
            KekSource::new(Vec::new(), Some(self.0.clone()))
        }

        fn key(&self) -> PathBuf {
            self.0.join("encryption.v1.key")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// A vault over a store of its own.
    pub async fn opened() -> Vault {
        open(store(), &environment(&[("1", ONE)])).await.expect("a vault")
    }

    pub async fn refused(store: &Arc<dyn Store>, source: &KekSource) -> PortError {
        let fault = open(Arc::clone(store), source).await.err().expect("it is refused");
        assert!(fault.remedy.is_some(), "{fault} says what to do");
        fault
    }

    pub const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    pub const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    #[tokio::test]
    async fn a_wrong_key_is_refused_and_nothing_is_written() {
        let store = store();
        let right = open(Arc::clone(&store), &environment(&[("1", ONE)])).await.expect("a vault");
        let mac = right.mac(MacKey::Link, b"entry");
        let fault = refused(&store, &environment(&[("1", TWO)])).await;
        assert_eq!(fault.class, ErrorClass::Unauthorized);
        assert!(!fault.message.contains(TWO) && !fault.message.contains(ONE), "{fault}");
        refused(&store, &environment(&[("2", ONE)])).await;
        refused(&store, &environment(&[])).await;
        let again = open(Arc::clone(&store), &environment(&[("1", ONE)])).await.expect("a vault");
        assert_eq!(again.mac(MacKey::Link, b"entry"), mac);
        assert_ne!(again.mac(MacKey::Head, b"entry"), mac);
    }

    #[tokio::test]
    async fn a_newer_version_seals_and_the_older_still_opens() {
        let (store, id) = (store(), KeyId("a".to_owned()));
        let old = open(Arc::clone(&store), &environment(&[("1", ONE)])).await.expect("a vault");
        let spki = old.ensure(&id, KeyType::EcdsaP256, Flush::Now).await.expect("a key");
        let new = open(Arc::clone(&store), &environment(&[("1", ONE), ("2", TWO)])).await.expect("a vault");
        assert_eq!(new.ensure(&id, KeyType::EcdsaP256, Flush::Now).await, Ok(spki));
        new.put(&KeyId("b".to_owned()), b"bytes").await.expect("put");
        let sealed = store.get_sealed("key/b").await.expect("a store").expect("a record");
        assert!(sealed.contains("\"kek_version\":2"), "{sealed}");
        refused(&store, &environment(&[("1", ONE), ("2", ONE)])).await;
    }

    #[tokio::test]
    async fn the_version_that_seals_is_the_one_asked_for_or_it_is_said() {
        let vault = open(store(), &environment(&[("1", ONE), ("2", TWO)])).await.expect("a vault");
        let check = |wanted: u32, word: &str| {
            let fault = vault.hold_to_version(wanted).expect_err("refused");
            assert_eq!(fault.class, ErrorClass::Unauthorized);
            let all = format!("{fault} {}", fault.remedy.clone().unwrap_or_default());
            assert!(all.contains(word), "{all}");
        };
        assert_eq!(vault.hold_to_version(2), Ok(()));
        check(1, "never be lowered");
        check(3, "CAP_ENCRYPTION_KEY_V3");
    }

    #[tokio::test]
    async fn keys_come_from_where_the_configuration_says_or_it_is_said() {
        let folder = Folder::new();
        let variables = open(store(), &environment(&[("1", ONE)])).await.expect("a vault");
        let files = open(store(), &folder.source()).await.expect("a vault");
        for (vault, right, wrong) in [(&variables, "env", "file"), (&files, "file", "env")] {
            assert_eq!(vault.hold_to_provider(right), Ok(()));
            let fault = vault.hold_to_provider(wrong).expect_err("refused");
            assert!(fault.remedy.is_some_and(|remedy| remedy.contains(right)), "{}", fault.message);
        }
    }

    #[tokio::test]
    async fn broken_keys_are_refused() {
        for (version, digits) in [("1", "short"), ("1", ""), ("0", ONE), ("x", ONE), ("", ONE)] {
            let fault = open(store(), &environment(&[(version, digits)])).await.err();
            assert!(fault.is_some(), "V{version}={digits}");
        }
    }

    #[tokio::test]
    async fn a_first_key_is_made_once_for_its_owner_only() {
        let (folder, store) = (Folder::new(), store());
        let source = folder.source();
        let (one, two) = tokio::join!(open(Arc::clone(&store), &source), open(Arc::clone(&store), &source));
        assert_eq!(one.expect("a vault").mac(MacKey::Link, b""), two.expect("a vault").mac(MacKey::Link, b""));
        let mode = folder.key().metadata().expect("the key file").permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
        assert_eq!(std::fs::read_dir(&folder.0).expect("the folder").count(), 1, "nothing unfinished is left");

        std::fs::set_permissions(folder.key(), std::fs::Permissions::from_mode(0o440)).expect("chmod");
        refused(&store, &folder.source()).await;
        std::fs::remove_file(folder.key()).expect("removed");
        refused(&store, &folder.source()).await;
        assert!(!folder.key().exists(), "no key is made for a store that has one");
    }

    #[tokio::test]
    async fn a_record_moved_to_another_name_or_store_does_not_open() {
        let (here, there) = (store(), store());
        let vault = open(Arc::clone(&here), &environment(&[("1", ONE)])).await.expect("a vault");
        let other = open(Arc::clone(&there), &environment(&[("1", ONE)])).await.expect("a vault");
        let [a, b] = ["a", "b"].map(|id| KeyId(id.to_owned()));
        vault.ensure(&a, KeyType::EcdsaP256, Flush::Now).await.expect("a key");
        let sealed = here.get_sealed("key/a").await.expect("a store").expect("a record");
        here.put_sealed("key/b", &sealed, true, Flush::Now).await.expect("put");
        there.put_sealed("key/a", &sealed, true, Flush::Now).await.expect("put");
        for (vault, id) in [(&vault, &b), (&other, &a)] {
            assert_eq!(vault.get(id).await.err().map(|fault| fault.class), Some(ErrorClass::Unauthorized));
        }
    }
}
