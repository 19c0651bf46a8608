//! Generating private keys: pure computation, RSA a long one.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use zeroize::Zeroizing;

use super::bug;
use crate::ports::PortResult;
use crate::ports::vault::KeyType;

/// A new private key as PKCS#8 DER.
pub(super) fn generate(key_type: KeyType) -> PortResult<Zeroizing<Vec<u8>>> {
    match key_type {
        KeyType::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyType::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
        KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
        KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> PortResult<Zeroizing<Vec<u8>>> {
    let made = EcdsaKeyPair::generate(algorithm).and_then(|key| key.to_pkcs8v1());
    made.map(|der| Zeroizing::new(der.as_ref().to_vec())).map_err(|_| bug("a key could not be generated"))
}

fn rsa(size: KeySize) -> PortResult<Zeroizing<Vec<u8>>> {
    let made = RsaKeyPair::generate(size).and_then(|key| AsDer::<Pkcs8V1Der>::as_der(&key));
    made.map(|der| Zeroizing::new(der.as_ref().to_vec())).map_err(|_| bug("a key could not be generated"))
}
