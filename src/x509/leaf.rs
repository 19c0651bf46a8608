//! One certificate as facts.

use core::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, SubjectAlternativeName};
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use super::{X509Error, normal_names, pem};
use crate::digest::Digest;
use crate::time::Timestamp;

/// What `cap` reads from a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of the DER.
    pub fingerprint: Digest,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki: Digest,
    /// Serial number, lower-case hexadecimal, without leading zero bytes.
    pub serial: String,
    /// The issuer's distinguished name, as `CN=…, O=…`.
    pub issuer: String,
    /// The subject's distinguished name; empty for many public CAs.
    pub subject: String,
    /// The subject's common name, where there is one.
    pub common_name: Option<String>,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// DNS names and IP addresses of the subject alternative name, lower case, sorted, each once.
    pub names: Vec<String>,
    /// Kind of key in the language's words: `ecdsa-p256`, `rsa-2048`; the algorithm's OID for kinds it has no word for.
    pub key_type: String,
    /// Whether it may sign certificates (basic constraints).
    pub is_ca: bool,
}

impl Leaf {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// When there is none, or it is not X.509.
    pub fn from_pem(text: &str) -> Result<Self, X509Error> {
        Self::from_der(&pem::first_der(text)?)
    }

    /// Reads a certificate from DER.
    ///
    /// # Errors
    /// When it is not X.509.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        Self::read(&parse(der)?)
    }

    pub(super) fn read(certificate: &X509Certificate<'_>) -> Result<Self, X509Error> {
        let validity = certificate.validity();
        Ok(Self {
            fingerprint: Digest::of(certificate.as_raw()),
            spki: Digest::of(certificate.public_key().raw),
            serial: hex(certificate.raw_serial()),
            issuer: certificate.issuer().to_string(),
            subject: certificate.subject().to_string(),
            common_name: common_name(certificate.subject()),
            not_before: Timestamp::from_offset(validity.not_before.to_datetime()),
            not_after: Timestamp::from_offset(validity.not_after.to_datetime()),
            names: names_of(certificate)?,
            key_type: key_type(certificate.public_key()),
            is_ca: certificate.is_ca(),
        })
    }
}

/// Reads the one certificate that DER holds.
pub(super) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, X509Error> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(X509Error::new("bytes follow the certificate")),
        Err(error) => Err(X509Error::new(format!("this is not an X.509 certificate: {error}"))),
    }
}

fn names_of(certificate: &X509Certificate<'_>) -> Result<Vec<String>, X509Error> {
    let found = certificate.subject_alternative_name();
    let found = found.map_err(|error| X509Error::new(format!("its subject alternative name is broken: {error}")))?;
    found.map_or_else(|| Ok(Vec::new()), |extension| san_names(extension.value))
}

/// DNS names and IP addresses of a subject alternative name; names of other kinds are passed over.
pub(super) fn san_names(san: &SubjectAlternativeName<'_>) -> Result<Vec<String>, X509Error> {
    let mut names = Vec::new();
    for name in &san.general_names {
        match name {
            GeneralName::DNSName(name) => names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => names.push(address(bytes)?.to_string()),
            _ => {}
        }
    }
    Ok(normal_names(names))
}

fn address(bytes: &[u8]) -> Result<IpAddr, X509Error> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok(),
        16 => <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok(),
        _ => None,
    }
    .ok_or_else(|| X509Error::new(format!("an IP address has 4 or 16 bytes, not {}", bytes.len())))
}

pub(super) fn common_name(subject: &X509Name<'_>) -> Option<String> {
    subject.iter_common_name().next().and_then(|name| name.as_str().ok()).map(str::to_owned)
}

pub(super) fn key_type(spki: &SubjectPublicKeyInfo<'_>) -> String {
    let curve = spki.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    match (spki.parsed(), curve) {
        (Ok(PublicKey::RSA(key)), _) => format!("rsa-{}", key.key_size()),
        (_, Some(curve)) if curve == OID_EC_P256 => "ecdsa-p256".to_owned(),
        (_, Some(curve)) if curve == OID_NIST_EC_P384 => "ecdsa-p384".to_owned(),
        (_, Some(curve)) if curve == OID_NIST_EC_P521 => "ecdsa-p521".to_owned(),
        _ => spki.algorithm.algorithm.to_id_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let significant = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len().saturating_sub(1));
    bytes[significant..].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Common name of the issuer of a chain's last certificate: the root that the chain leads to.
///
/// # Errors
/// When the text holds no certificate.
pub fn top_issuer(chain: &str) -> Result<Option<String>, X509Error> {
    let ders = pem::certificates(chain)?;
    let last = ders.last().map(|der| parse(der)).transpose()?;
    Ok(last.and_then(|certificate| common_name(certificate.issuer())))
}

/// The identifier by which a CA knows a certificate when asked for its renewal window (RFC 9773 section 4.1): base64url
/// of the authority key identifier, a dot, base64url of the serial's DER content. `None` when it names no authority key.
///
/// # Errors
/// When the text holds no certificate.
pub fn renewal_id(chain: &str) -> Result<Option<String>, X509Error> {
    let der = pem::first_der(chain)?;
    let certificate = parse(&der)?;
    let authority = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref(),
        _ => None,
    });
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(authority.map(|key| format!("{}.{}", encode(key.0), encode(certificate.raw_serial()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of RFC 9773 section 4.1: a certificate with this authority key and serial number.
    const EXAMPLE: &str = "-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
";

    #[test]
    fn the_renewal_identifier_is_that_of_the_rfc() {
        assert_eq!(renewal_id(EXAMPLE), Ok(Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".to_owned())));
    }

    #[test]
    fn serial_numbers_have_no_leading_zero_bytes() {
        assert_eq!(Leaf::from_pem(EXAMPLE).map(|leaf| leaf.serial), Ok("87654321".to_owned()));
        assert_eq!(hex(&[0, 0]), "00");
    }

    #[test]
    fn other_bytes_are_refused_with_a_reason() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no PEM", broken, "-----BEGIN CERTIFICATE-----\nAAAA"] {
            assert!(Leaf::from_pem(text).is_err(), "{text:?}");
        }
    }
}
