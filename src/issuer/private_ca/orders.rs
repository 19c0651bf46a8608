//! Orders at a private CA. An order is its handle: names, lifetime and the serial number it will get, so that nothing is
//! lost when the process ends, and finalizing again finds the certificate that was issued instead of issuing another.

use std::sync::Arc;

use async_trait::async_trait;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, PublicKeyData as _,
    SubjectPublicKeyInfo,
};
use serde::{Deserialize, Serialize};

use super::authority::{BACKDATED, bug, pem, random_serial, refused, serial, signer};
use super::limits::Limits;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::clock::Clock;
use crate::ports::issuer::{Challenge, Issuer, OrderHandle, OrderRequest, OrderStatus};
use crate::ports::vault::KeyVault;
use crate::ports::{PortError, PortResult};
use crate::state::Spec;
use crate::state::facts::{AuthorityFacts, CertificateVersion, KeyId, RenewalWindow};
use crate::time::{Duration, Timestamp};
use crate::x509::{Request, first_der, normal_names, parse_csr};

/// A private CA that has been established.
pub struct PrivateCa {
    vault: Arc<dyn KeyVault>,
    clock: Arc<dyn Clock>,
    facts: AuthorityFacts,
    limits: Limits,
}

/// An order as its handle holds it.
#[derive(Serialize, Deserialize)]
struct Order {
    /// SHA-256 of the root's DER: another CA does not know the order.
    ca: Digest,
    /// Serial number that the certificate gets, hexadecimal.
    serial: String,
    names: Vec<String>,
    lifetime: Duration,
}

impl PrivateCa {
    /// The CA with these facts, under the limits of its recorded spec.
    ///
    /// # Errors
    /// `Rejected` when the spec cannot be used.
    pub fn new(
        vault: Arc<dyn KeyVault>,
        clock: Arc<dyn Clock>,
        spec: &Spec,
        facts: AuthorityFacts,
    ) -> PortResult<Self> {
        Ok(Self { vault, clock, facts, limits: Limits::read(spec)? })
    }

    fn read(&self, handle: &OrderHandle) -> PortResult<Order> {
        let order: Option<Order> = serde_json::from_str(&handle.0).ok();
        let ours = order.filter(|order| order.ca == self.facts.fingerprint);
        ours.ok_or_else(|| PortError::new(ErrorClass::NotFound, "this private CA does not know the order"))
    }

    fn kept(&self, order: &Order) -> KeyId {
        KeyId::issued(&self.facts.fingerprint, &order.serial)
    }

    /// The chain that was issued for an order.
    async fn issued(&self, order: &Order) -> PortResult<Option<String>> {
        match self.vault.get(&self.kept(order)).await {
            Ok(found) => Ok(Some(String::from_utf8_lossy(&found.pkcs8).into_owned())),
            Err(error) if error.class == ErrorClass::Absent => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Begin and end of a certificate: within the issuing certificate's own validity.
    fn validity(&self, lifetime: Duration) -> PortResult<(Timestamp, Timestamp)> {
        let now = self.clock.now();
        if self.facts.not_after <= now {
            let message = format!("this private CA's certificate ended at {}", self.facts.not_after);
            return Err(PortError::new(ErrorClass::Rejected, message)
                .remedy("replace the CA: cap apply -replace=ADDRESS, and give clients the new root"));
        }
        let begin = now - BACKDATED;
        Ok((begin, (begin + lifetime).min(self.facts.not_after)))
    }

    async fn sign(&self, order: &Order, request: &Request) -> PortResult<String> {
        let (Some(issuing), Some(key)) = (self.facts.certificates.last(), self.facts.keys.last()) else {
            return Err(bug("a CA has a certificate and a key"));
        };
        let authority = first_der(issuing).map_err(|error| bug(error.to_string()))?;
        let issuer = rcgen::Issuer::from_ca_cert_der(&authority.into(), signer(&*self.vault, key).await?);
        let public_key = SubjectPublicKeyInfo::from_der(&request.public_key).map_err(refused)?;
        let params = self.params(order, request, &public_key)?;
        let leaf = params.signed_by(&public_key, &issuer.map_err(refused)?).map_err(refused)?;
        // Clients have the root; a server sends what lies between.
        let above = if self.facts.certificates.len() > 1 { issuing.as_str() } else { "" };
        Ok(pem(&leaf) + above)
    }

    fn params(&self, order: &Order, request: &Request, key: &SubjectPublicKeyInfo) -> PortResult<CertificateParams> {
        let mut params = CertificateParams::new(order.names.clone()).map_err(refused)?;
        let (begin, end) = self.validity(order.lifetime)?;
        (params.not_before, params.not_after) = (begin.to_offset(), end.to_offset());
        params.serial_number = Some(serial(&from_hex(&order.serial)));
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = &request.common_name {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if key.algorithm() == &rcgen::PKCS_RSA_SHA256 {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Ok(params)
    }
}

#[async_trait]
impl Issuer for PrivateCa {
    async fn order(&self, request: &OrderRequest) -> PortResult<OrderHandle> {
        let names = normal_names(&request.names);
        self.limits.allow(&names)?;
        if let Some(profile) = &request.profile {
            let message = format!("a private_ca has no profiles, and \"{profile}\" was asked for");
            return Err(PortError::new(ErrorClass::Rejected, message).remedy("remove profile from the certificate"));
        }
        let order = Order {
            ca: self.facts.fingerprint,
            serial: random_serial()?.iter().map(|byte| format!("{byte:02x}")).collect(),
            names,
            lifetime: self.limits.lifetime(request.lifetime)?,
        };
        serde_json::to_string(&order).map(OrderHandle).map_err(|error| bug(error.to_string()))
    }

    async fn status(&self, order: &OrderHandle) -> PortResult<OrderStatus> {
        let issued = self.issued(&self.read(order)?).await?;
        Ok(if issued.is_some() { OrderStatus::Valid } else { OrderStatus::Ready })
    }

    async fn challenges(&self, order: &OrderHandle) -> PortResult<Vec<Challenge>> {
        self.read(order).map(|_| Vec::new())
    }

    async fn respond(&self, order: &OrderHandle, challenge: &Challenge) -> PortResult<()> {
        self.read(order)?;
        let message = format!("a private_ca sets no challenges, and {} was answered", challenge.url);
        Err(PortError::new(ErrorClass::NotFound, message))
    }

    async fn finalize(&self, order: &OrderHandle, csr: &[u8]) -> PortResult<()> {
        let order = self.read(order)?;
        if self.issued(&order).await?.is_some() {
            return Ok(());
        }
        let request = parse_csr(csr).map_err(|error| rejected(error.to_string()))?;
        if request.names != order.names {
            let [asked, found] = [&order.names, &request.names].map(|names| names.join(", "));
            return Err(rejected(format!("the order is for {asked}, and the signing request for {found}")));
        }
        self.limits.allow(&order.names)?;
        let chain = self.sign(&order, &request).await?;
        self.vault.put(&self.kept(&order), chain.as_bytes()).await
    }

    async fn download(&self, order: &OrderHandle, _preferred_chain: Option<&str>) -> PortResult<String> {
        let order = self.read(order)?;
        let issued = self.issued(&order).await?;
        issued.ok_or_else(|| PortError::new(ErrorClass::Conflict, "the order has not been finalized yet"))
    }

    async fn renewal_window(&self, _version: &CertificateVersion) -> PortResult<Option<RenewalWindow>> {
        Ok(None)
    }

    async fn revoke(&self, _chain: &str, _reason: u8) -> PortResult<()> {
        Err(rejected("a private_ca publishes no revocation list in this release, so revoking would have no effect")
            .remedy("take the certificate off its targets, and keep lifetimes short"))
    }
}

fn rejected(message: impl Into<String>) -> PortError {
    PortError::new(ErrorClass::Rejected, message)
}

/// Bytes of hexadecimal digits that [`PrivateCa::order`] wrote.
fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
