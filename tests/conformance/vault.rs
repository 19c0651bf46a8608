//! What every vault must do, whatever keeps its records.

use std::sync::Arc;

use cap::job::ErrorClass;
use cap::ports::clock::Clock;
use cap::ports::vault::{Flush, KeyType, KeyVault, MacKey};
use cap::state::facts::KeyId;
use cap::store::memory::Memory;
use cap::time::Timestamp;
use cap::vault::{KekSource, open};
use cap::x509::{Signer, parse_csr};
use zeroize::Zeroizing;

/// A clock that stands still: nothing here depends on time.
pub struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

/// The vault over the store in memory, with a key of its own.
pub async fn sealed_in_memory() -> Arc<dyn KeyVault> {
    let store = Arc::new(Memory::new(Arc::new(Stopped)).expect("a store"));
    let key = ("CAP_ENCRYPTION_KEY_V1".to_owned(), Zeroizing::new("5".repeat(64)));
    Arc::new(open(store, &KekSource::new(vec![key], None)).await.expect("a vault"))
}

fn id(name: &str) -> KeyId {
    KeyId(name.to_owned())
}

/// The whole suite.
pub async fn suite(vault: Arc<dyn KeyVault>) {
    a_key_is_made_once(&*vault).await;
    many_at_once_make_one_key(&vault).await;
    requests_name_what_was_asked_for(&*vault).await;
    what_is_put_is_found_until_it_is_removed(&*vault).await;
    hmac_keys_are_apart(&*vault);
}

async fn a_key_is_made_once(vault: &dyn KeyVault) {
    let kinds = [
        (KeyType::EcdsaP256, "ecdsa-p256"),
        (KeyType::EcdsaP384, "ecdsa-p384"),
        (KeyType::Rsa2048, "rsa-2048"),
        (KeyType::Rsa3072, "rsa-3072"),
        (KeyType::Rsa4096, "rsa-4096"),
    ];
    for (kind, word) in kinds {
        let key = id(word);
        let spki = vault.ensure(&key, kind, Flush::Now).await.expect("a key");
        assert_eq!(vault.ensure(&key, kind, Flush::Now).await, Ok(spki), "{word}");
        let read = Signer::from_pkcs8(&vault.get(&key).await.expect("the key").pkcs8).expect("PKCS#8");
        assert_eq!(read.spki(), spki, "{word}");
        let csr = vault.csr(&key, None, &["www.example.com".to_owned()]).await.expect("a request");
        let request = parse_csr(&csr).expect("a good request");
        assert_eq!((request.key_type.as_str(), request.spki), (word, spki));
    }
}

async fn many_at_once_make_one_key(vault: &Arc<dyn KeyVault>) {
    let race = (0..8).map(|_| {
        let vault = Arc::clone(vault);
        tokio::spawn(async move { vault.ensure(&id("race"), KeyType::EcdsaP256, Flush::Now).await })
    });
    let made = futures_util::future::join_all(race.collect::<Vec<_>>()).await;
    let first = vault.ensure(&id("race"), KeyType::EcdsaP256, Flush::Now).await;
    assert!(first.is_ok() && made.into_iter().all(|one| one.expect("no panic") == first));
}

async fn requests_name_what_was_asked_for(vault: &dyn KeyVault) {
    let key = id("csr");
    vault.ensure(&key, KeyType::EcdsaP256, Flush::Now).await.expect("a key");
    let names = ["*.example.com", "192.0.2.1", "2001:db8::1", "example.com"].map(str::to_owned);
    let csr = vault.csr(&key, Some("example.com"), &names).await.expect("a request");
    let request = parse_csr(&csr).expect("a good request");
    assert_eq!(request.names, names);
    assert_eq!(request.common_name.as_deref(), Some("example.com"));

    let long = format!("{}.example.com", "a".repeat(60));
    let csr = vault.csr(&key, Some(&long), std::slice::from_ref(&long)).await.expect("a request");
    let request = parse_csr(&csr).expect("a good request");
    assert_eq!((request.common_name, request.names), (None, vec![long]), "a common name has 64 characters at most");

    let fault = vault.csr(&id("absent"), None, &names).await.expect_err("no key");
    assert_eq!(fault.class, ErrorClass::Absent);
}

async fn what_is_put_is_found_until_it_is_removed(vault: &dyn KeyVault) {
    let key = id("put");
    assert_eq!(vault.get(&key).await.err().map(|fault| fault.class), Some(ErrorClass::Absent));
    for bytes in [&b"one"[..], b"two"] {
        vault.put(&key, bytes).await.expect("put");
        assert_eq!(vault.get(&key).await.expect("found").pkcs8.as_slice(), bytes);
    }
    assert!(vault.ids().await.expect("ids").contains(&key));
    for _ in 0..2 {
        vault.remove(&key).await.expect("removing again is fine");
        assert_eq!(vault.get(&key).await.err().map(|fault| fault.class), Some(ErrorClass::Absent));
        assert!(!vault.ids().await.expect("ids").contains(&key));
    }
}

fn hmac_keys_are_apart(vault: &dyn KeyVault) {
    let macs = [MacKey::Fingerprint, MacKey::Link, MacKey::Head].map(|key| vault.mac(key, b"message"));
    assert_eq!(std::collections::BTreeSet::from(macs).len(), 3);
    assert_eq!(vault.fingerprint(b"message"), macs[0]);
    assert_ne!(vault.fingerprint(b"another"), macs[0]);
}

#[tokio::test]
async fn the_vault_in_memory_keeps_the_contract() {
    suite(sealed_in_memory().await).await;
}
