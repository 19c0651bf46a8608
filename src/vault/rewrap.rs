//! Sealing anew under a later key-encryption key, record by record, each with one compare-and-set: stopped anywhere it
//! leaves every record whole, under one key or the other, and is gone on with by doing it again.

use super::{Records, Vault, envelope};
use crate::job::ErrorClass;
use crate::ports::store::Flush;
use crate::ports::{PortError, PortResult};

/// What is sealed under no key: proofs of the keys themselves.
pub(super) const PROOFS: &str = "check/";

impl Vault {
    /// See [`crate::ports::vault::KeyVault::rewrap`].
    pub(super) async fn seal_anew(&self, version: u32) -> PortResult<()> {
        self.hold_to_version(version)?;
        self.records.seal_all_anew().await?;
        self.records.open_with(version).await?;
        // A process that holds only the earlier key may have sealed something until now; from now on it is told not to.
        self.records.seal_all_anew().await
    }
}

impl Records {
    /// Until nothing is found any more: another process may have sealed something under the earlier key meanwhile.
    async fn seal_all_anew(&self) -> PortResult<()> {
        while self.seal_earlier_anew().await? > 0 {}
        Ok(())
    }

    /// Fails when the store opens with a later key than this process has: what it seals would be lost with the earlier
    /// one. Asked after something was stored, for a re-wrap looks through the store once more after it has set the key.
    pub(super) async fn prove_current(&self) -> PortResult<()> {
        let check = self.store.identity().await?.key_check;
        let opens = check.as_deref().and_then(super::open::version_of);
        let (active, _) = self.keks.active();
        let Some(opens) = opens.filter(|opens| *opens > active) else { return Ok(()) };
        let message = format!(
            "this store opens with version {opens} of the key-encryption key by now, and this process has version {active}"
        );
        Err(PortError::new(ErrorClass::Unauthorized, message).remedy("start again with the later key"))
    }

    /// Seals under the active key what lies under an earlier one. Returns how much that was.
    async fn seal_earlier_anew(&self) -> PortResult<usize> {
        let mut count = 0;
        for name in self.store.sealed_names().await?.iter().filter(|name| !name.starts_with(PROOFS)) {
            count += usize::from(self.seal_one_anew(name).await?);
        }
        Ok(count)
    }

    async fn seal_one_anew(&self, name: &str) -> PortResult<bool> {
        let place = self.place(name);
        // What somebody else puts or removes meanwhile is read again.
        while let Some(sealed) = self.store.get_sealed(name).await? {
            if envelope::version(&place, &sealed)? == self.keks.active().0 {
                return Ok(false);
            }
            let secret = envelope::open(&self.keks, &place, &sealed)?;
            let anew = envelope::seal(&self.keks, &place, &secret)?;
            if self.store.swap_sealed(name, &sealed, &anew).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// From now on the store opens with this version alone. A proof of the one before stays, for whoever still has it.
    async fn open_with(&self, version: u32) -> PortResult<()> {
        let proof = self.keks.check(version, &self.tenant)?;
        let before = self.store.identity().await?.key_check;
        if before.as_deref() == Some(&proof) {
            return Ok(());
        }
        if let Some((before, earlier)) =
            before.as_deref().and_then(|before| Some((before, super::open::version_of(before)?)))
        {
            self.store.put_sealed(&format!("{PROOFS}v{earlier}"), before, true, Flush::Now).await?;
        }
        if self.store.set_key_check(before.as_deref(), &proof).await? == proof {
            return Ok(());
        }
        Err(PortError::new(ErrorClass::Conflict, "another process has changed the key that this store opens with"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::open::tests::{ONE, TWO, environment, refused, store};
    use super::super::{KekSource, open};
    use super::*;
    use crate::ports::store::Store;
    use crate::ports::vault::{KeyType, KeyVault as _, MacKey};
    use crate::state::facts::KeyId;
    use crate::testing::{Fault, Faults, Faulty};

    fn both() -> KekSource {
        environment(&[("1", ONE), ("2", TWO)])
    }

    async fn opened(store: &Arc<dyn Store>, source: &KekSource) -> Vault {
        open(Arc::clone(store), source).await.expect("a vault")
    }

    fn ids() -> [KeyId; 3] {
        ["a", "b", "c"].map(|id| KeyId(id.to_owned()))
    }

    /// A store with three keys that were sealed under the first version, and what they are.
    async fn sealed() -> (Arc<dyn Store>, Vec<crate::digest::Digest>) {
        let store = store();
        let vault = opened(&store, &environment(&[("1", ONE)])).await;
        let mut made = Vec::new();
        for id in ids() {
            made.push(vault.ensure(&id, KeyType::EcdsaP256, Flush::Now).await.expect("a key"));
        }
        (store, made)
    }

    async fn check(store: &Arc<dyn Store>, source: &KekSource, made: &[crate::digest::Digest], what: &str) {
        let vault = opened(store, source).await;
        for (id, spki) in ids().iter().zip(made) {
            assert_eq!(vault.ensure(id, KeyType::EcdsaP256, Flush::Now).await, Ok(*spki), "{what}");
        }
    }

    #[tokio::test]
    async fn afterwards_the_later_key_is_all_it_takes() {
        let (store, made) = sealed().await;
        let vault = opened(&store, &both()).await;
        let mac = vault.mac(MacKey::Link, b"entry");
        vault.rewrap(2).await.expect("sealed anew");
        vault.rewrap(2).await.expect("again, which changes nothing");
        let second = environment(&[("2", TWO)]);
        check(&store, &second, &made, "the second alone").await;
        assert_eq!(opened(&store, &second).await.mac(MacKey::Link, b"entry"), mac);
        refused(&store, &environment(&[("1", ONE)])).await;
        refused(&store, &environment(&[("2", ONE)])).await;
        // The first is still known where it is at hand, and another one is not taken for it.
        check(&store, &both(), &made, "both").await;
        refused(&store, &environment(&[("1", TWO), ("2", TWO)])).await;
    }

    #[tokio::test]
    async fn only_the_version_that_seals_is_sealed_under() {
        let (store, made) = sealed().await;
        let vault = opened(&store, &both()).await;
        for other in [1, 3] {
            let fault = vault.rewrap(other).await.expect_err("refused");
            assert_eq!(fault.class, ErrorClass::Unauthorized);
        }
        check(&store, &environment(&[("1", ONE)]), &made, "nothing was done").await;
    }

    #[tokio::test]
    async fn what_is_sealed_under_the_earlier_key_meanwhile_is_sealed_anew() {
        for crashes in [false, true] {
            let (store, made) = sealed().await;
            let faults = Arc::new(Faults::default());
            let faulty: Arc<dyn Store> = Arc::new(Faulty::new(Arc::clone(&store), Arc::clone(&faults)));
            let vault = opened(&faulty, &both()).await;
            let earlier = opened(&store, &environment(&[("1", ONE)])).await;
            faults.plan("set_key_check", 1, Fault::Stall);
            let mut rewrap = std::pin::pin!(vault.rewrap(2));
            tokio::select! {
                done = rewrap.as_mut() => panic!("it should be busy: {done:?}"),
                () = faults.stalled() => {}
            }
            let late = KeyId("late".to_owned());
            let spki = earlier
                .ensure(&late, KeyType::EcdsaP256, Flush::Now)
                .await
                .expect("the store opens with its key still");
            if crashes {
                // Its place in the call is lost, and so is all that it knew.
                let proof = vault.records.keks.check(2, &vault.records.tenant).expect("a proof");
                let before = store.identity().await.expect("an identity").key_check;
                store.set_key_check(before.as_deref(), &proof).await.expect("it is set");
                opened(&store, &both()).await.rewrap(2).await.expect("it goes on");
            } else {
                faults.wake();
                rewrap.await.expect("sealed anew");
            }
            let second = environment(&[("2", TWO)]);
            check(&store, &second, &made, "meanwhile").await;
            assert_eq!(
                opened(&store, &second).await.ensure(&late, KeyType::EcdsaP256, Flush::Now).await,
                Ok(spki),
                "{crashes}"
            );

            let refused =
                earlier.ensure(&KeyId("later".to_owned()), KeyType::EcdsaP256, Flush::Now).await.expect_err("too late");
            assert_eq!(refused.class, ErrorClass::Unauthorized);
            let kept = store.sealed_names().await.expect("names");
            assert!(!kept.iter().any(|name| name.contains("later")), "{kept:?}");
        }
    }

    #[tokio::test]
    async fn stopped_at_any_record_it_is_gone_on_with() {
        // Three keys and three of the store's own, and the check itself.
        for (call, nth) in (1..=6).map(|nth| ("swap_sealed", nth)).chain([("set_key_check", 1)]) {
            for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::FailAfter(ErrorClass::Transient)] {
                let (store, made) = sealed().await;
                let faults = Arc::new(Faults::default());
                let faulty: Arc<dyn Store> = Arc::new(Faulty::new(Arc::clone(&store), Arc::clone(&faults)));
                let vault = opened(&faulty, &both()).await;
                faults.plan(call, nth, fault.clone());
                tokio::select! {
                    done = vault.rewrap(2) => assert!(done.is_err(), "{call} {nth} {fault:?}"),
                    () = faults.crashed() => {}
                }
                assert!(faults.all_happened(), "{call} {nth} {fault:?} did not happen");
                let what = format!("{call} {nth} {fault:?}");
                check(&store, &both(), &made, &what).await;
                opened(&store, &both()).await.rewrap(2).await.expect("it goes on");
                check(&store, &environment(&[("2", TWO)]), &made, &what).await;
            }
        }
    }
}
