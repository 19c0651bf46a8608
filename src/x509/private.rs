//! Private keys as they lie in files, brought into the one form that is worked with: PKCS#8 (RFC 5958).

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

use super::X509Error;

/// Private keys of one text: far above any real one.
const KEYS: usize = 32;

/// PKCS#8 DER of every private key in a PEM text, in order: from PKCS#8 itself, from SEC1 (RFC 5915, `EC PRIVATE KEY`) and
/// from PKCS#1 (RFC 8017, `RSA PRIVATE KEY`). Empty when there is none; other blocks are passed over.
///
/// # Errors
/// When a key is encrypted, broken, or of a kind that is not supported.
pub fn private_keys(pem: &str) -> Result<Vec<Zeroizing<Vec<u8>>>, X509Error> {
    // RFC 1421 section 4.6.1.1: how OpenSSL wrote encrypted keys before there was a block of its own for them.
    if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(X509Error::new("the private key is encrypted: `openssl pkey -in FILE -out FILE` decrypts it"));
    }
    let mut keys = Vec::new();
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let Pem { label, contents } = block.map_err(|_| X509Error::new("the PEM text is broken"))?;
        let der = Zeroizing::new(contents);
        match label.as_str() {
            "PRIVATE KEY" => keys.push(der),
            "EC PRIVATE KEY" => keys.push(from_sec1(&der)?),
            "RSA PRIVATE KEY" => keys.push(from_pkcs1(&der)?),
            _ => {}
        }
        if keys.len() > KEYS {
            return Err(X509Error::new(format!("more than {KEYS} private keys in one file")));
        }
    }
    Ok(keys)
}

fn from_sec1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let curves = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING];
    let key = curves.into_iter().find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok());
    let pkcs8 = key.and_then(|key| key.to_pkcs8v1().ok());
    let wrong = || X509Error::new("the EC PRIVATE KEY is broken, or on another curve than P-256 and P-384");
    pkcs8.map(|pkcs8| Zeroizing::new(pkcs8.as_ref().to_vec())).ok_or_else(wrong)
}

fn from_pkcs1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let key = rsa::KeyPair::from_der(der).ok();
    let pkcs8 = key.and_then(|key| AsDer::<Pkcs8V1Der>::as_der(&key).ok());
    let wrong = || X509Error::new("the RSA PRIVATE KEY is broken, or has fewer than 2048 bits");
    pkcs8.map(|pkcs8| Zeroizing::new(pkcs8.as_ref().to_vec())).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::EcPrivateKeyRfc5915Der;

    use super::*;
    use crate::digest::Digest;
    use crate::x509::{Signer, to_pem};

    fn spkis(pem: &str) -> Vec<Digest> {
        let keys = private_keys(pem).expect("keys");
        keys.iter().map(|key| Signer::from_pkcs8(key).expect("a key").spki()).collect()
    }

    /// PKCS#1 lies in PKCS#8 as it is, behind a header that has this length for all sizes of RSA from 2048 bits.
    const HEADER: usize = 26;

    #[test]
    fn a_key_is_the_same_in_every_form() {
        for curve in [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING] {
            let key = EcdsaKeyPair::generate(curve).expect("a key");
            let pkcs8 = to_pem("PRIVATE KEY", key.to_pkcs8v1().expect("PKCS#8").as_ref());
            let sec1: EcPrivateKeyRfc5915Der = key.private_key().as_der().expect("SEC1");
            let sec1 = to_pem("EC PARAMETERS", &[6, 0]) + &to_pem("EC PRIVATE KEY", sec1.as_ref());
            assert_eq!(spkis(&sec1), spkis(&pkcs8));
            assert_eq!(spkis(&(sec1 + &pkcs8)).len(), 2);
        }
        let key = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
        let der = AsDer::<Pkcs8V1Der>::as_der(&key).expect("PKCS#8");
        let (pkcs8, pkcs1) = (to_pem("PRIVATE KEY", der.as_ref()), to_pem("RSA PRIVATE KEY", &der.as_ref()[HEADER..]));
        assert_eq!(spkis(&pkcs1), spkis(&pkcs8));
    }

    #[test]
    fn what_is_no_usable_key_is_refused_with_a_reason() {
        let check = |pem: &str, why: &str| {
            let fault = private_keys(pem).expect_err("refused");
            assert!(fault.to_string().contains(why), "{fault}");
        };
        check(&to_pem("ENCRYPTED PRIVATE KEY", &[1]), "encrypted");
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        check(old, "encrypted");
        check(&to_pem("EC PRIVATE KEY", &[1, 2, 3]), "another curve");
        check(&to_pem("RSA PRIVATE KEY", &[1, 2, 3]), "2048");
        check("-----BEGIN PRIVATE KEY-----\nAAAA", "broken");
        assert_eq!(private_keys("no key here").map(|keys| keys.len()), Ok(0));
    }
}
