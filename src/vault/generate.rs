//! Generating private keys: pure computation, RSA a long one.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
};
use zeroize::Zeroizing;

use super::bug;
use crate::digest::Digest;
use crate::ports::vault::KeyType;
use crate::ports::{PortError, PortResult};

/// A new private key.
pub(super) struct Made {
    /// PKCS#8 DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki: Digest,
}

/// Makes a private key.
pub(super) fn generate(key_type: KeyType) -> PortResult<Made> {
    match key_type {
        KeyType::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyType::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
        KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
        KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> PortResult<Made> {
    let key = EcdsaKeyPair::generate(algorithm).map_err(failed)?;
    let pkcs8 = key.to_pkcs8v1().map_err(failed)?;
    made(pkcs8.as_ref(), key.public_key())
}

fn rsa(size: KeySize) -> PortResult<Made> {
    let key = RsaKeyPair::generate(size).map_err(failed)?;
    let pkcs8 = AsDer::<Pkcs8V1Der>::as_der(&key).map_err(failed)?;
    made(pkcs8.as_ref(), key.public_key())
}

fn made(pkcs8: &[u8], public: &impl AsDer<PublicKeyX509Der<'static>>) -> PortResult<Made> {
    let spki = Digest::of(public.as_der().map_err(failed)?.as_ref());
    Ok(Made { pkcs8: Zeroizing::new(pkcs8.to_vec()), spki })
}

fn failed(_: Unspecified) -> PortError {
    bug("a key could not be generated")
}
