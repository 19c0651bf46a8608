//! One record at rest: its own random data key encrypts it, the key-encryption key encrypts the data key, both with
//! AES-256-GCM. Both are bound to their place, so that a record copied elsewhere does not open. Pure but for randomness.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::kek::Keks;
use super::{bug, random};
use crate::digest::framed;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};

/// Version of this format.
const FORMAT: u32 = 1;

/// Where a record lies. It opens nowhere else.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The store's identity.
    pub tenant: &'a str,
    /// The record's name.
    pub name: &'a str,
}

impl Place<'_> {
    /// What the cipher binds: format, store, record, field and version of the key, each behind its length.
    fn bind(&self, field: &str, kek_version: u32) -> Vec<u8> {
        let version = kek_version.to_string();
        framed(&["cap envelope v1", self.tenant, self.name, field, &version])
    }
}

/// The JSON that is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    v: u32,
    kek_version: u32,
    wrap_nonce: String,
    wrapped_dek: String,
    nonce: String,
    ciphertext: String,
}

/// Seals a secret under the active key-encryption key.
pub(super) fn seal(keks: &Keks, place: &Place<'_>, secret: &[u8]) -> PortResult<String> {
    let (kek_version, kek) = keks.active();
    let dek = random::<32>()?;
    let (wrap_nonce, wrapped_dek) = encrypt(kek, &place.bind("dek", kek_version), &*dek)?;
    let (nonce, ciphertext) = encrypt(&dek, &place.bind("content", kek_version), secret)?;
    let envelope = Envelope { v: FORMAT, kek_version, wrap_nonce, wrapped_dek, nonce, ciphertext };
    serde_json::to_string(&envelope).map_err(|error| bug(error.to_string()))
}

/// Version of the key-encryption key that this is sealed under.
pub(super) fn version(place: &Place<'_>, sealed: &str) -> PortResult<u32> {
    let envelope: Envelope = serde_json::from_str(sealed).map_err(|_| damaged(place))?;
    Ok(envelope.kek_version)
}

/// Opens what [`seal`] made for this place. `Unauthorized` when it was changed, comes from elsewhere, or its
/// key-encryption key is not at hand.
pub(super) fn open(keks: &Keks, place: &Place<'_>, sealed: &str) -> PortResult<Zeroizing<Vec<u8>>> {
    let envelope: Envelope = serde_json::from_str(sealed).map_err(|_| damaged(place))?;
    if envelope.v != FORMAT {
        return Err(damaged(place).remedy(format!(
            "it has format {} and this release reads {FORMAT}: use the release that wrote it",
            envelope.v
        )));
    }
    let version = envelope.kek_version;
    let kek = keks.get(version)?;
    let dek = decrypt(kek, &place.bind("dek", version), &envelope.wrap_nonce, &envelope.wrapped_dek);
    let dek = dek.ok_or_else(|| damaged(place))?;
    let dek = <[u8; 32]>::try_from(dek.as_slice()).map(Zeroizing::new).map_err(|_| damaged(place))?;
    decrypt(&dek, &place.bind("content", version), &envelope.nonce, &envelope.ciphertext).ok_or_else(|| damaged(place))
}

fn damaged(place: &Place<'_>) -> PortError {
    let message =
        format!("the sealed record \"{}\" does not open: it was changed, or comes from elsewhere", place.name);
    PortError::new(ErrorClass::Unauthorized, message).remedy("restore the record from a backup of this same store")
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

/// Nonce and ciphertext, base64. A data key is used once, so a random nonce cannot repeat for it.
fn encrypt(key: &[u8; 32], bound: &[u8], secret: &[u8]) -> PortResult<(String, String)> {
    let nonce = *random::<NONCE_LEN>()?;
    let mut text = Zeroizing::new(secret.to_vec());
    // Room for the tag, so that the secret is not left behind by a reallocation.
    text.reserve_exact(AES_256_GCM.tag_len());
    let key = cipher(key).ok_or_else(|| bug("AES-256-GCM takes 32 bytes"))?;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut *text)
        .map_err(|_| bug("encryption failed"))?;
    Ok((STANDARD.encode(nonce), STANDARD.encode(&*text)))
}

fn decrypt(key: &[u8; 32], bound: &[u8], nonce: &str, ciphertext: &str) -> Option<Zeroizing<Vec<u8>>> {
    let nonce = <[u8; NONCE_LEN]>::try_from(STANDARD.decode(nonce).ok()?).ok()?;
    let mut text = Zeroizing::new(STANDARD.decode(ciphertext).ok()?);
    let length =
        cipher(key)?.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'static> = Place { tenant: "store", name: "key/a" };

    fn keks(versions: &[u32]) -> Keks {
        Keks::for_tests(versions)
    }

    fn sealed() -> String {
        seal(&keks(&[1]), &HERE, b"secret").expect("sealed")
    }

    /// The same envelope with one entry changed.
    fn changed(entry: &str, value: impl Into<serde_json::Value>) -> String {
        let mut json: serde_json::Value = serde_json::from_str(&sealed()).expect("JSON");
        json[entry] = value.into();
        json.to_string()
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let sealed = sealed();
        assert!(!sealed.contains("secret"));
        assert_eq!(open(&keks(&[1]), &HERE, &sealed).expect("opened").as_slice(), b"secret");
        for elsewhere in [Place { tenant: "other", ..HERE }, Place { name: "key/b", ..HERE }] {
            assert!(open(&keks(&[1]), &elsewhere, &sealed).is_err());
        }
    }

    #[test]
    fn two_records_share_no_key_and_no_nonce() {
        let [one, two]: [Envelope; 2] = [sealed(), sealed()].map(|text| serde_json::from_str(&text).expect("JSON"));
        assert_ne!(one.wrapped_dek, two.wrapped_dek);
        assert_ne!(one.ciphertext, two.ciphertext);
        assert_ne!(one.wrap_nonce, one.nonce);
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let bytes = STANDARD.encode([7; 64]);
        for entry in ["wrap_nonce", "wrapped_dek", "nonce", "ciphertext"] {
            for value in [bytes.as_str(), "", "not base64!"] {
                let fault = open(&keks(&[1]), &HERE, &changed(entry, value)).expect_err("a fault");
                assert_eq!(fault.class, ErrorClass::Unauthorized, "{entry} = {value}");
            }
        }
        assert!(open(&keks(&[1]), &HERE, "{}").is_err());
        assert!(open(&keks(&[1]), &HERE, &changed("v", 2)).is_err());
    }

    #[test]
    fn a_version_is_bound_and_must_be_at_hand() {
        // Version 2 has another key; claiming version 2 for a record of version 1 does not help.
        assert!(open(&keks(&[1, 2]), &HERE, &changed("kek_version", 2)).is_err());
        let fault = open(&keks(&[2]), &HERE, &sealed()).expect_err("a fault");
        assert!(fault.message.contains("version 1"), "{fault}");
        // After a second version came, records of the first still open.
        assert!(open(&keks(&[1, 2]), &HERE, &sealed()).is_ok());
    }
}
