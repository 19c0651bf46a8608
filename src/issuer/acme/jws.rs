//! Signed requests (RFC 8555 section 6.2, RFC 7515) for what instant-acme has no call for: registering with a key that is
//! stored already, external account binding with it, chosen lifetimes, and alternate chains.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};

/// An account's key: ECDSA on P-256. Has no Debug on purpose.
pub(super) struct AccountKey {
    pair: EcdsaKeyPair,
}

/// Who signs: an account by its URL, or a key that has none yet.
#[derive(Clone, Copy)]
pub(super) enum Signed<'a> {
    By(&'a str),
    WithKey,
}

impl AccountKey {
    /// From PKCS#8 DER.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> PortResult<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
        let wrong = || PortError::new(ErrorClass::Rejected, "an account's key is ECDSA on P-256, and this one is not");
        pair.map(|pair| Self { pair }).map_err(|_| wrong())
    }

    /// The public key as a JWK (RFC 7517).
    fn jwk(&self) -> Json {
        // An uncompressed point: 0x04, then x and y of 32 bytes each.
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({"crv": "P-256", "kty": "EC", "x": base64(x), "y": base64(y)})
    }

    /// RFC 7638 thumbprint, base64url. The members of the JWK are in the order that the RFC demands: that of their names.
    pub(super) fn thumbprint(&self) -> String {
        base64(digest::digest(&digest::SHA256, self.jwk().to_string().as_bytes()).as_ref())
    }

    /// A request's body. An absent payload asks for what is at the URL (POST-as-GET).
    pub(super) fn sign(&self, who: Signed<'_>, nonce: &str, url: &str, payload: Option<&Json>) -> PortResult<Vec<u8>> {
        let mut header = json!({"alg": "ES256", "nonce": nonce, "url": url});
        match who {
            Signed::By(account) => header["kid"] = account.into(),
            Signed::WithKey => header["jwk"] = self.jwk(),
        }
        let signer = |message: &[u8]| self.pair.sign(&SystemRandom::new(), message).map(|made| made.as_ref().to_vec());
        let failed = |_| PortError::new(ErrorClass::Bug, "the account key does not sign");
        let body = flattened(&header, payload, signer).map_err(failed)?;
        Ok(body.to_string().into_bytes())
    }

    /// Proof that whoever holds this key is a customer of the CA (RFC 8555 section 7.3.4).
    pub(super) fn bind(&self, kid: &str, secret: &[u8], url: &str) -> Json {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signer = |message: &[u8]| Ok::<_, std::convert::Infallible>(hmac::sign(&key, message).as_ref().to_vec());
        let header = json!({"alg": "HS256", "kid": kid, "url": url});
        match flattened(&header, Some(&self.jwk()), signer) {
            Ok(bound) => bound,
            Err(never) => match never {},
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The flattened JSON serialization (RFC 7515 section 7.2.2).
fn flattened<E>(header: &Json, payload: Option<&Json>, sign: impl Fn(&[u8]) -> Result<Vec<u8>, E>) -> Result<Json, E> {
    let protected = base64(header.to_string().as_bytes());
    let payload = payload.map(|payload| base64(payload.to_string().as_bytes())).unwrap_or_default();
    let signature = sign(format!("{protected}.{payload}").as_bytes())?;
    Ok(json!({"protected": protected, "payload": payload, "signature": base64(&signature)}))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    fn key() -> AccountKey {
        let made = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        AccountKey::from_pkcs8(made.to_pkcs8v1().expect("PKCS#8").as_ref()).expect("an account key")
    }

    fn decoded(part: &Json) -> Json {
        let bytes = URL_SAFE_NO_PAD.decode(part.as_str().expect("a text")).expect("base64url");
        serde_json::from_slice(&bytes).unwrap_or(Json::Null)
    }

    #[test]
    fn a_request_names_its_key_its_nonce_and_its_url() {
        let key = key();
        let body = key.sign(Signed::By("https://ca/acct/1"), "n", "https://ca/order", None).expect("signed");
        let body: Json = serde_json::from_slice(&body).expect("JSON");
        let header = json!({"alg": "ES256", "kid": "https://ca/acct/1", "nonce": "n", "url": "https://ca/order"});
        assert_eq!((decoded(&body["protected"]), &body["payload"]), (header, &json!("")));
        let message = format!("{}.", body["protected"].as_str().expect("a text"));
        let signature = URL_SAFE_NO_PAD.decode(body["signature"].as_str().expect("a text")).expect("base64url");
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key().as_ref());
        assert!(public.verify(message.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn a_binding_holds_the_key_it_binds() {
        let key = key();
        let bound = key.bind("kid-1", b"secret", "https://ca/new-account");
        assert_eq!(decoded(&bound["payload"]), key.jwk());
        assert_eq!(decoded(&bound["protected"])["kid"], "kid-1");
        assert_ne!(bound["signature"], key.bind("kid-1", b"other", "https://ca/new-account")["signature"]);
    }

    #[test]
    fn only_keys_on_p256_are_taken() {
        assert!(AccountKey::from_pkcs8(b"no key").is_err());
    }
}
