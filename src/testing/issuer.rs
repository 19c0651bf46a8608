//! A certification authority in memory that keeps RFC 8555's states: orders, challenges seen in DNS, finalization, and
//! real certificates. It counts what it is asked for, so that a test sees a second order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType, IsCa, KeyPair,
};

use super::dns::FakeDns;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::clock::Clock;
use crate::ports::issuer::{Challenge, Issuer, OrderHandle, OrderRequest, OrderStatus};
use crate::ports::{PortError, PortResult};
use crate::state::facts::{CertificateVersion, RenewalWindow};
use crate::time::Duration;
use crate::x509;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Wanted,
    Asked,
    Given,
}

#[derive(Debug)]
struct Order {
    number: usize,
    names: Vec<String>,
    /// By identifier.
    proofs: BTreeMap<String, Proof>,
    invalid: Option<String>,
    /// Questions for its status until the certificate is there.
    processing: usize,
    csr: Option<Vec<u8>>,
    chain: Option<String>,
}

#[derive(Debug, Default)]
struct Desk {
    orders: BTreeMap<String, Order>,
    placed: usize,
    finalized: usize,
    issued: Vec<String>,
    revoked: Vec<String>,
    /// Errors that the next orders meet.
    refusals: Vec<PortError>,
    window: Option<RenewalWindow>,
}

/// The CA.
pub struct FakeCa {
    root: CertifiedIssuer<'static, KeyPair>,
    clock: Arc<dyn Clock>,
    dns: Arc<FakeDns>,
    desk: Mutex<Desk>,
    lifetime: Duration,
    /// Whether orders are ready at once, as for accounts with authorizations given in advance.
    approved: bool,
    /// Whether it hands out its own open order again for the same names.
    reuses: bool,
}

fn broken(fault: impl std::fmt::Display) -> PortError {
    PortError::new(ErrorClass::Bug, fault.to_string())
}

impl FakeCa {
    /// A CA that looks for challenges in these zones and issues for 90 days.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(clock: Arc<dyn Clock>, dns: Arc<FakeDns>) -> PortResult<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Fake Root");
        let key = KeyPair::generate().map_err(broken)?;
        let root = CertifiedIssuer::self_signed(params, key).map_err(broken)?;
        let (desk, lifetime) = (Mutex::default(), Duration::from_days(90));
        Ok(Self { root, clock, dns, desk, lifetime, approved: false, reuses: false })
    }

    /// Orders are ready at once.
    #[must_use]
    pub fn approved(self) -> Self {
        Self { approved: true, ..self }
    }

    /// Whoever orders the same names as an open order gets that order, as at CAs that keep no list of orders.
    #[must_use]
    pub fn reusing(self) -> Self {
        Self { reuses: true, ..self }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many orders were made; one that is returned again does not count.
    pub fn placed(&self) -> usize {
        self.desk().placed
    }

    /// How many orders were finalized.
    pub fn finalized(&self) -> usize {
        self.desk().finalized
    }

    /// The chains it issued.
    pub fn issued(&self) -> Vec<String> {
        self.desk().issued.clone()
    }

    /// The chains it revoked.
    pub fn revoked(&self) -> Vec<String> {
        self.desk().revoked.clone()
    }

    /// The next order is refused with this; several add up.
    pub fn refuse(&self, with: PortError) {
        self.desk().refusals.push(with);
    }

    /// Every order is forgotten, as if it had run out.
    pub fn forget_orders(&self) {
        self.desk().orders.clear();
    }

    /// Every open order becomes invalid: the CA says that it did not see its records.
    pub fn spoil_orders(&self, why: &str) {
        self.desk().orders.values_mut().for_each(|order| order.invalid = Some(why.to_owned()));
    }

    /// Suggests a window for renewals, or none.
    pub fn suggest(&self, window: Option<RenewalWindow>) {
        self.desk().window = window;
    }

    fn with<T>(&self, order: &OrderHandle, act: impl FnOnce(&mut Order) -> PortResult<T>) -> PortResult<T> {
        let mut desk = self.desk();
        let gone = || PortError::new(ErrorClass::NotFound, format!("no order {}", order.0));
        act(desk.orders.get_mut(&order.0).ok_or_else(gone)?)
    }

    fn sign(&self, csr: &[u8]) -> PortResult<String> {
        let mut request = CertificateSigningRequestParams::from_der(&csr.to_vec().into()).map_err(broken)?;
        let now = self.clock.now();
        request.params.not_before = (now - Duration::from_secs(3600)).to_offset();
        request.params.not_after = (now + self.lifetime).to_offset();
        request.params.use_authority_key_identifier_extension = true;
        let leaf = request.signed_by(&self.root).map_err(broken)?;
        Ok(leaf.pem() + &self.root.pem())
    }

    /// Looks at the records of the challenges that it was asked to validate.
    fn validate(&self, order: &mut Order) {
        for (identifier, proof) in order.proofs.iter_mut().filter(|(_, proof)| **proof == Proof::Asked) {
            if self.dns.is_everywhere(&format!("_acme-challenge.{identifier}"), &value_of(identifier, order.number)) {
                *proof = Proof::Given;
            } else {
                order.invalid = Some(format!("{identifier}: no valid TXT record found"));
            }
        }
    }
}

/// What the record has to say: tied to the order, so that another order wants another value.
fn value_of(identifier: &str, order: usize) -> String {
    Digest::of(format!("{identifier} in {order}")).to_string()[..43].to_owned()
}

/// One account at the CA.
#[derive(Clone)]
pub struct FakeIssuer(pub Arc<FakeCa>);

#[async_trait]
impl Issuer for FakeIssuer {
    async fn order(&self, request: &OrderRequest) -> PortResult<OrderHandle> {
        let ca = &self.0;
        let mut desk = ca.desk();
        if !desk.refusals.is_empty() {
            return Err(desk.refusals.remove(0));
        }
        let is_open = |order: &Order| order.csr.is_none() && order.invalid.is_none() && order.names == request.names;
        let mut open = desk.orders.iter().filter(|(_, order)| is_open(order)).map(|(url, _)| OrderHandle(url.clone()));
        if let Some(unheard) = request.again.as_ref().and_then(|taken| open.find(|order| !taken.contains(order))) {
            return Ok(unheard);
        }
        if let Some(order) = open.next().filter(|_| ca.reuses) {
            return Ok(order);
        }
        drop(open);
        desk.placed += 1;
        let url = format!("https://ca.test/order/{}", desk.placed);
        let proof = if ca.approved { Proof::Given } else { Proof::Wanted };
        let identifier = |name: &String| name.trim_start_matches("*.").to_owned();
        let order = Order {
            number: desk.placed,
            names: request.names.clone(),
            proofs: request.names.iter().map(|name| (identifier(name), proof)).collect(),
            invalid: None,
            processing: 1,
            csr: None,
            chain: None,
        };
        desk.orders.insert(url.clone(), order);
        Ok(OrderHandle(url))
    }

    async fn status(&self, order: &OrderHandle) -> PortResult<OrderStatus> {
        let ca = &self.0;
        let (status, fresh) = ca.with(order, |order| {
            ca.validate(order);
            if let Some(why) = &order.invalid {
                return Ok((OrderStatus::Invalid(why.clone()), None));
            }
            let Some(csr) = &order.csr else {
                let proven = order.proofs.values().all(|proof| *proof == Proof::Given);
                return Ok((if proven { OrderStatus::Ready } else { OrderStatus::Pending(None) }, None));
            };
            if order.chain.is_some() {
                return Ok((OrderStatus::Valid, None));
            }
            if order.processing > 0 {
                order.processing -= 1;
                return Ok((OrderStatus::Processing(None), None));
            }
            let chain = ca.sign(csr)?;
            order.chain = Some(chain.clone());
            Ok((OrderStatus::Valid, Some(chain)))
        })?;
        ca.desk().issued.extend(fresh);
        Ok(status)
    }

    async fn challenges(&self, order: &OrderHandle) -> PortResult<Vec<Challenge>> {
        self.0.with(order, |found| {
            let open = found.proofs.iter().filter(|(_, proof)| **proof != Proof::Given);
            Ok(open
                .map(|(identifier, proof)| Challenge {
                    identifier: identifier.clone(),
                    url: format!("{}/challenge/{identifier}", order.0),
                    value: value_of(identifier, found.number),
                    answered: *proof == Proof::Asked,
                })
                .collect())
        })
    }

    async fn respond(&self, order: &OrderHandle, challenge: &Challenge) -> PortResult<()> {
        self.0.with(order, |order| {
            let proof = order.proofs.get_mut(&challenge.identifier);
            let proof = proof.ok_or_else(|| PortError::new(ErrorClass::NotFound, "no such challenge"))?;
            if *proof == Proof::Wanted {
                *proof = Proof::Asked;
            }
            Ok(())
        })
    }

    async fn finalize(&self, order: &OrderHandle, csr: &[u8]) -> PortResult<()> {
        let bad = |why: String| PortError::new(ErrorClass::Rejected, format!("badCSR: {why}"));
        let asked = x509::parse_csr(csr).map_err(|fault| bad(fault.to_string()))?;
        self.0.with(order, |order| {
            if asked.names != order.names {
                return Err(bad("its names are not the order's".to_owned()));
            }
            let proven = order.proofs.values().all(|proof| *proof == Proof::Given);
            if !proven || order.csr.is_some() || order.invalid.is_some() {
                return Err(PortError::new(ErrorClass::Conflict, "orderNotReady"));
            }
            order.csr = Some(csr.to_vec());
            Ok(())
        })?;
        self.0.desk().finalized += 1;
        Ok(())
    }

    async fn download(&self, order: &OrderHandle, _: Option<&str>) -> PortResult<String> {
        let missing = || PortError::new(ErrorClass::Conflict, "the order is not valid yet");
        self.0.with(order, |order| order.chain.clone().ok_or_else(missing))
    }

    async fn renewal_window(&self, _: &CertificateVersion) -> PortResult<Option<RenewalWindow>> {
        Ok(self.0.desk().window)
    }

    async fn revoke(&self, chain: &str, _: u8) -> PortResult<()> {
        let mut desk = self.0.desk();
        if !desk.revoked.iter().any(|one| one == chain) {
            desk.revoked.push(chain.to_owned());
        }
        Ok(())
    }
}
