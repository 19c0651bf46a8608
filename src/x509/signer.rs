//! A private key that signs: the key's own bytes stay inside aws-lc-rs, which wipes them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm};

use super::X509Error;
use crate::digest::Digest;

/// A key that signs requests and certificates: ECDSA on P-256 or P-384, or RSA. Has no Debug on purpose.
pub struct Signer(Kind);

enum Kind {
    Ecdsa(EcdsaKeyPair, &'static SignatureAlgorithm),
    Rsa(RsaKeyPair),
}

impl Signer {
    /// From PKCS#8 DER.
    ///
    /// # Errors
    /// When the bytes are no key of a supported kind.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, X509Error> {
        let p256 = || EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8);
        let p384 = || EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8);
        let kind = p256()
            .map(|key| Kind::Ecdsa(key, &PKCS_ECDSA_P256_SHA256))
            .or_else(|_| p384().map(|key| Kind::Ecdsa(key, &PKCS_ECDSA_P384_SHA384)))
            .or_else(|_| RsaKeyPair::from_pkcs8(pkcs8).map(Kind::Rsa));
        kind.map(Self).map_err(|_| X509Error::new("this is not a private key (PKCS#8) on P-256 or P-384, or of RSA"))
    }

    /// SHA-256 of the SubjectPublicKeyInfo of its public half.
    pub fn spki(&self) -> Digest {
        Digest::of(self.subject_public_key_info())
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Ecdsa(key, _) => key.public_key().as_ref(),
            Kind::Rsa(key) => key.public_key().as_ref(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match &self.0 {
            Kind::Ecdsa(_, algorithm) => algorithm,
            Kind::Rsa(_) => &PKCS_RSA_SHA256,
        }
    }
}

impl rcgen::SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let random = SystemRandom::new();
        match &self.0 {
            Kind::Ecdsa(key, _) => key.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Kind::Rsa(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut out).map(|()| out)
            }
        }
        .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
