//! Making a private CA: keys, a root that signs itself, and an intermediate where one is asked for.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyUsagePurpose,
    SerialNumber,
};
use zeroize::Zeroizing;

use super::super::args;
use super::limits::Limits;
use crate::address::Address;
use crate::job::ErrorClass;
use crate::ports::vault::{Flush, KeyType, KeyVault};
use crate::ports::{PortError, PortResult};
use crate::state::Spec;
use crate::state::facts::{AuthorityFacts, Facts, KeyId};
use crate::time::{Duration, Timestamp};
use crate::x509::Signer;

/// How far a validity begins before it is made: clocks of clients differ.
pub(super) const BACKDATED: Duration = Duration::from_secs(300);

/// Makes the keys and certificates of the CA at `address`, or finds those that the same job made before. One that is
/// updated in place (`known`) keeps what it has: its certificates state nothing that an update may change.
///
/// # Errors
/// Those of the vault; `Rejected` when the spec cannot be used.
pub async fn establish(
    vault: &dyn KeyVault,
    address: &Address,
    spec: &Spec,
    job: &str,
    known: Option<&Facts>,
    now: Timestamp,
) -> PortResult<Facts> {
    if let Some(Facts::Authority(facts)) = known {
        return Ok(Facts::Authority(facts.clone()));
    }
    let id = |part: &str| KeyId(format!("{address}/{job}/{part}"));
    let keys = match args::at(spec, "intermediate") {
        Some(_) => vec![id("root"), id("intermediate")],
        None => vec![id("root")],
    };
    let key_type: KeyType = args::word(spec, "key_type")?;
    for key in &keys {
        vault.ensure(key, key_type, Flush::Now).await?;
    }
    let kept = id("certificates");
    let certificates = certificates_once(vault, &kept, &keys, spec, now).await?;
    facts(keys, vec![kept], certificates)
}

/// The certificates that were made before, or new ones: a root is signed once, so that repeating a job cut short after
/// its answer was lost does not make another CA.
async fn certificates_once(
    vault: &dyn KeyVault,
    kept: &KeyId,
    keys: &[KeyId],
    spec: &Spec,
    now: Timestamp,
) -> PortResult<Vec<String>> {
    match vault.get(kept).await {
        Ok(found) => serde_json::from_slice(&found.pkcs8).map_err(|error| bug(error.to_string())),
        Err(error) if error.class == ErrorClass::Absent => {
            let mut signers = Vec::with_capacity(keys.len());
            for key in keys {
                signers.push(signer(vault, key).await?);
            }
            let made = make(&signers, spec, now)?;
            let bytes = serde_json::to_vec(&made).map_err(|error| bug(error.to_string()))?;
            vault.put(kept, &bytes).await?;
            Ok(made)
        }
        Err(error) => Err(error),
    }
}

/// The signing key of that name.
pub(super) async fn signer(vault: &dyn KeyVault, key: &KeyId) -> PortResult<Signer> {
    let key = vault.get(key).await?;
    Signer::from_pkcs8(&key.pkcs8).map_err(|error| bug(error.to_string()))
}

fn facts(keys: Vec<KeyId>, notes: Vec<KeyId>, certificates: Vec<String>) -> PortResult<Facts> {
    let read = |pem: Option<&String>| {
        let pem = pem.ok_or_else(|| bug("a CA has a certificate"))?;
        crate::x509::Leaf::from_pem(pem).map_err(|error| bug(error.to_string()))
    };
    let (root, issuing) = (read(certificates.first())?, read(certificates.last())?);
    Ok(Facts::Authority(AuthorityFacts {
        keys,
        notes,
        fingerprint: root.fingerprint,
        not_after: issuing.not_after,
        certificates,
    }))
}

/// PEM of the root, and of the intermediate where there is a second key.
fn make(signers: &[Signer], spec: &Spec, now: Timestamp) -> PortResult<Vec<String>> {
    let [root_key, below @ ..] = signers else { return Err(bug("a CA has a key")) };
    let name = args::needed(spec, "common_name")?;
    let lifetime = lifetime(spec, "lifetime")?;
    let root_params = ca_params(spec, name, lifetime, signers.len() as u8 - 1, now)?;
    let root = root_params.self_signed(root_key).map_err(refused)?;
    let mut made = vec![pem(&root)];
    if let [key] = below {
        let shorter = self::lifetime(spec, "intermediate.lifetime")?.min(lifetime);
        let params = ca_params(spec, args::needed(spec, "intermediate.common_name")?, shorter, 0, now)?;
        let issuer = Issuer::from_params(&root_params, root_key);
        made.push(pem(&params.signed_by(key, &issuer).map_err(refused)?));
    }
    Ok(made)
}

fn lifetime(spec: &Spec, path: &str) -> PortResult<Duration> {
    args::duration(spec, path)?.ok_or_else(|| args::unusable(path, "it is missing"))
}

fn ca_params(spec: &Spec, name: &str, lifetime: Duration, below: u8, now: Timestamp) -> PortResult<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(organization) = args::text(spec, "organization") {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.name_constraints = Limits::read(spec)?.as_extension();
    params.serial_number = Some(serial(&*random_serial()?));
    params.not_before = (now - BACKDATED).to_offset();
    params.not_after = (now - BACKDATED + lifetime).to_offset();
    Ok(params)
}

/// PEM of a certificate, in the form all others have.
pub(super) fn pem(certificate: &Certificate) -> String {
    crate::x509::to_pem("CERTIFICATE", certificate.der())
}

/// Bytes of a serial number: 159 random bits, so that it is positive in 20 bytes (RFC 5280 section 4.1.2.2).
pub(super) fn random_serial() -> PortResult<Zeroizing<[u8; 20]>> {
    let mut bytes = Zeroizing::new([0; 20]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| bug("the system gives no random bytes"))?;
    // Positive, and of full length: it is the same number wherever it is written in hexadecimal.
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok(bytes)
}

pub(super) fn serial(bytes: &[u8]) -> SerialNumber {
    SerialNumber::from_slice(bytes)
}

pub(super) fn refused(error: rcgen::Error) -> PortError {
    PortError::new(ErrorClass::Rejected, format!("the certificate cannot be made: {error}"))
}

pub(super) fn bug(message: impl Into<String>) -> PortError {
    PortError::new(ErrorClass::Bug, message)
}
