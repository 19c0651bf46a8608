//! Orders (RFC 8555 section 7.4): placed, met, finalized and downloaded with one request a call, each resumable from the
//! order's URL. What replies told is kept until it is used, so that a certificate costs seven signed requests.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeStatus, ChallengeType, Error, Identifier, NewOrder,
    Order, RevocationReason, RevocationRequest,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value as Json, json};

use super::http::Shared;
use super::jws::{AccountKey, Signed};
use super::problem::{is_displeased, is_out_of_nonces, is_refused_as, words};
use super::session::{Session, out_of_nonces};
use super::unheard::Asking;
use super::{chains, renewal};
use crate::diagnostic::did_you_mean;
use crate::job::ErrorClass;
use crate::limits::NONCE_ATTEMPTS;
use crate::ports::clock::Clock;
use crate::ports::issuer::{Challenge, Issuer, OrderHandle, OrderRequest, OrderStatus};
use crate::ports::vault::PrivateKey;
use crate::ports::{PortError, PortResult};
use crate::state::facts::{AccountFacts, CertificateVersion, RenewalWindow};
use crate::x509::{first_der, renewal_id};

/// Attempts that instant-acme makes at one call before it gives up on nonces.
const ATTEMPTS_A_CALL: usize = 3;
/// Orders whose replies are kept. One that is forgotten is asked for again.
const ORDERS: usize = 4096;

/// Makes a call of instant-acme again while the CA refuses nonces, and gives its error a class.
macro_rules! call {
    ($session:expr, $call:expr) => {{
        let mut left = NONCE_ATTEMPTS / ATTEMPTS_A_CALL;
        loop {
            match $call {
                Ok(value) => break Ok(value),
                Err(error) if !is_out_of_nonces(&error) => break Err($session.fault(error)),
                Err(_) if left <= 1 => break Err(out_of_nonces()),
                Err(_) => left -= 1,
            }
        }
    }};
}

/// One account at one CA.
pub struct AcmeIssuer {
    session: Session,
    account: Account,
    key: AccountKey,
    orders: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>,
    /// Held while an order is looked for whose answer was not heard: two jobs must not find the same one.
    looking: tokio::sync::Mutex<()>,
}

/// What is known of an order from the CA's replies.
struct Known {
    order: Order,
    /// Whether its state is news: from a reply that nobody has asked about yet.
    fresh: bool,
    /// Challenges that the CA was asked to validate. What is known of their authorizations is out of date.
    asked: BTreeSet<String>,
}

impl AcmeIssuer {
    /// The issuer behind an account: asks for the directory. `trust` is PEM of further roots for its TLS.
    ///
    /// # Errors
    /// `Transient` when the CA cannot be reached, `Rejected` when the URL is no directory or the key is no account's.
    pub async fn open(
        facts: &AccountFacts,
        key: &PrivateKey,
        trust: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> PortResult<Self> {
        let session = Session::open(&facts.directory, trust, clock).await?;
        let pkcs8 = PrivatePkcs8KeyDer::from(key.pkcs8.as_slice());
        let account = Account::builder_with_http(Box::new(Shared(Arc::clone(&session.http))))
            .from_parts(facts.account_uri.clone(), pkcs8, facts.directory.clone())
            .await
            .map_err(|error| session.fault(error))?;
        let key = AccountKey::from_pkcs8(&key.pkcs8)?;
        Ok(Self { session, account, key, orders: Mutex::default(), looking: Default::default() })
    }

    fn remember(&self, order: Order) -> Arc<tokio::sync::Mutex<Known>> {
        let url = order.url().to_owned();
        let known = Arc::new(tokio::sync::Mutex::new(Known { order, fresh: true, asked: BTreeSet::new() }));
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.len() >= ORDERS {
            orders.clear();
        }
        Arc::clone(orders.entry(url).insert_entry(known).get())
    }

    /// What is known of an order; asked for when nothing is.
    async fn known(&self, handle: &OrderHandle) -> PortResult<Arc<tokio::sync::Mutex<Known>>> {
        let known = self.orders.lock().unwrap_or_else(PoisonError::into_inner).get(&handle.0).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        if !handle.0.starts_with("https://") {
            return Err(PortError::new(
                ErrorClass::NotFound,
                format!("\"{}\" is no order at an ACME server", handle.0),
            ));
        }
        let order = call!(self.session, self.account.order(handle.0.clone()).await)?;
        Ok(self.remember(order))
    }

    /// An open order for these names that nobody works on: nobody here, and none of those who hold the `taken`.
    async fn unheard(&self, names: &[String], taken: &BTreeSet<OrderHandle>) -> PortResult<Option<OrderHandle>> {
        let _alone = self.looking.lock().await;
        let asking = Asking { session: &self.session, key: &self.key, account: self.account.id() };
        let is_known = |url: &str| self.orders.lock().unwrap_or_else(PoisonError::into_inner).contains_key(url);
        let is_taken = |url: &str| is_known(url) || taken.contains(&OrderHandle(url.to_owned()));
        let found = asking.find(names, is_taken).await?.map(OrderHandle);
        if let Some(order) = &found {
            // It is known from now on, before anybody else looks.
            self.known(order).await?;
        }
        Ok(found)
    }

    fn forget(&self, handle: &OrderHandle) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle.0);
    }

    async fn refresh(&self, known: &mut Known) -> PortResult<()> {
        call!(self.session, known.order.refresh().await.map(|_| ()))?;
        known.asked.clear();
        Ok(())
    }

    /// Makes every authorization of the order known.
    async fn load(&self, known: &mut Known) -> PortResult<()> {
        call!(self.session, load(&mut known.order).await)
    }

    /// Asks the CA to validate the challenge at that URL.
    async fn answer(&self, known: &mut Known, url: &str) -> PortResult<()> {
        self.load(known).await?;
        known.fresh = false;
        if !call!(self.session, answer(&mut known.order, url).await)? {
            return Err(PortError::new(ErrorClass::Conflict, format!("the order has no challenge {url} any more")));
        }
        known.asked.insert(url.to_owned());
        Ok(())
    }

    fn check_profile(&self, profile: &str) -> PortResult<()> {
        let offered = &self.session.directory.meta.profiles;
        if offered.contains_key(profile) {
            return Ok(());
        }
        let names: Vec<&str> = offered.keys().map(String::as_str).collect();
        let message = match names.as_slice() {
            [] => format!("the CA offers no profiles, and \"{profile}\" was asked for"),
            names => format!("the CA offers no profile \"{profile}\"; it has {}", names.join(", ")),
        };
        let remedy = did_you_mean(profile, names).map(|name| format!("did you mean \"{name}\"?"));
        Err(PortError::new(ErrorClass::Rejected, message)
            .remedy(remedy.unwrap_or_else(|| "change profile of the certificate".to_owned())))
    }

    /// Identifier of the certificate that an order replaces, for a CA that takes it (RFC 9773 section 5).
    fn replaced(&self, request: &OrderRequest) -> Option<String> {
        let chain = self.session.directory.renewal_info.as_ref().and(request.replaces.as_deref())?;
        // A chain that cannot be named to the CA is no reason not to renew it.
        renewal_id(chain).ok().flatten()
    }

    /// Places an order. When the certificate was replaced by another order already, or the CA does not take part after
    /// all, it is placed without saying what it replaces: renewing matters more.
    async fn place(&self, request: &OrderRequest, identifiers: &[Identifier]) -> PortResult<Order> {
        let replaced = self.replaced(request);
        let with = replaced.as_deref().and_then(|id| id.split_once('.'));
        if let Some((authority, serial)) = with {
            let id = CertificateIdentifier { authority_key_identifier: authority.into(), serial: serial.into() };
            let order = with_profile(NewOrder::new(identifiers).replaces(id), request);
            match self.account.new_order(&order).await {
                Ok(order) => return Ok(order),
                Err(error) if may_do_without(&error) => {}
                Err(error) => return Err(self.session.fault(error)),
            }
        }
        let order = with_profile(NewOrder::new(identifiers), request);
        call!(self.session, self.account.new_order(&order).await)
    }

    /// Places an order for a certificate that ends at a chosen time, at CAs that let one choose.
    async fn place_until(
        &self,
        request: &OrderRequest,
        identifiers: &[Identifier],
        not_after: Json,
    ) -> PortResult<String> {
        let mut payload = json!({"identifiers": identifiers, "notAfter": not_after});
        if let Some(profile) = &request.profile {
            payload["profile"] = profile.as_str().into();
        }
        let url = &self.session.directory.new_order;
        self.session.post(&self.key, Signed::By(self.account.id()), url, Some(&payload)).await?.location()
    }

    /// Why an order has failed: its own error, and those of its challenges.
    async fn failure(&self, known: &mut Known) -> PortResult<String> {
        self.load(known).await?;
        let mut reasons: Vec<String> = known.order.state().error.iter().map(words).collect();
        let mut authorizations = known.order.authorizations();
        while let Some(Ok(authorization)) = authorizations.next().await {
            let name = authorization.identifier().to_string();
            let errors = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            reasons.extend(errors.map(|error| format!("{name}: {}", words(error))));
        }
        Ok(if reasons.is_empty() { "the CA gives no reason".to_owned() } else { reasons.join("; ") })
    }
}

fn with_profile<'a>(order: NewOrder<'a>, request: &'a OrderRequest) -> NewOrder<'a> {
    match &request.profile {
        Some(profile) => order.profile(profile),
        None => order,
    }
}

/// Whether an order that says what it replaces may be placed again without that: what is wrong is what it says.
fn may_do_without(error: &Error) -> bool {
    let rejected = ["alreadyReplaced", "malformed", "unauthorized"].iter().any(|kind| is_refused_as(error, kind));
    rejected || is_displeased(error) || is_out_of_nonces(error) || matches!(error, Error::Unsupported(_))
}

async fn load(order: &mut Order) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization?;
    }
    Ok(())
}

fn identifier(name: &str) -> Identifier {
    name.parse().map_or_else(|_| Identifier::Dns(name.to_owned()), Identifier::Ip)
}

#[async_trait]
impl Issuer for AcmeIssuer {
    async fn order(&self, request: &OrderRequest) -> PortResult<OrderHandle> {
        request.profile.as_deref().map_or(Ok(()), |profile| self.check_profile(profile))?;
        let identifiers: Vec<Identifier> = request.names.iter().map(|name| identifier(name)).collect();
        if let Some(taken) = &request.again
            && let Some(unheard) = self.unheard(&request.names, taken).await?
        {
            return Ok(unheard);
        }
        if let Some(lifetime) = request.lifetime {
            let not_after = (self.session.http.now() + lifetime).to_string();
            return self.place_until(request, &identifiers, not_after.into()).await.map(OrderHandle);
        }
        let order = self.place(request, &identifiers).await?;
        let handle = OrderHandle(order.url().to_owned());
        self.remember(order);
        Ok(handle)
    }

    async fn status(&self, order: &OrderHandle) -> PortResult<OrderStatus> {
        let known = self.known(order).await?;
        let mut known = known.lock().await;
        if !std::mem::take(&mut known.fresh) {
            self.refresh(&mut known).await?;
        }
        let until = self.session.http.take_note(&order.0).retry_after;
        let wait = until.map(|until| until.since(self.session.http.now()));
        Ok(match known.order.state().status {
            instant_acme::OrderStatus::Pending => OrderStatus::Pending(wait),
            instant_acme::OrderStatus::Ready => OrderStatus::Ready,
            instant_acme::OrderStatus::Processing => OrderStatus::Processing(wait),
            instant_acme::OrderStatus::Valid => OrderStatus::Valid,
            instant_acme::OrderStatus::Invalid => {
                let failure = self.failure(&mut known).await?;
                self.forget(order);
                OrderStatus::Invalid(failure)
            }
        })
    }

    async fn challenges(&self, order: &OrderHandle) -> PortResult<Vec<Challenge>> {
        let known = self.known(order).await?;
        let mut known = known.lock().await;
        if !known.asked.is_empty() {
            self.refresh(&mut known).await?;
        }
        self.load(&mut known).await?;
        let mut found = Vec::new();
        let mut authorizations = known.order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = authorization.identifier().identifier.clone().authorized(false).to_string();
            let Some(challenge) = authorization.challenge(ChallengeType::Dns01) else { return Err(no_dns(&name)) };
            found.push(Challenge {
                identifier: name,
                url: challenge.url.clone(),
                value: challenge.key_authorization().dns_value(),
                answered: challenge.status != ChallengeStatus::Pending,
            });
        }
        Ok(found)
    }

    async fn respond(&self, order: &OrderHandle, challenge: &Challenge) -> PortResult<()> {
        let known = self.known(order).await?;
        let mut known = known.lock().await;
        if known.asked.contains(&challenge.url) {
            return Ok(());
        }
        let answered = self.answer(&mut known, &challenge.url).await;
        if answered.is_err() {
            // What the CA has made of it is not known: the next one to ask looks at the authorization first.
            self.forget(order);
        }
        answered
    }

    async fn finalize(&self, order: &OrderHandle, csr: &[u8]) -> PortResult<()> {
        let known = self.known(order).await?;
        let mut known = known.lock().await;
        known.fresh = false;
        let sent = call!(self.session, known.order.finalize_csr(csr).await);
        sent.map_err(|error| match error.class {
            // The account may place orders; what it may not have is what this request asks for.
            ErrorClass::Unauthorized => PortError { class: ErrorClass::Rejected, ..error },
            _ => error,
        })?;
        let state = known.order.state();
        let waits = self.session.http.move_note(&state.finalize, &order.0).is_some();
        known.fresh = match state.status {
            instant_acme::OrderStatus::Valid => true,
            // To ask at once would be to come before the time that the CA has just named.
            instant_acme::OrderStatus::Processing => waits,
            _ => false,
        };
        Ok(())
    }

    async fn download(&self, order: &OrderHandle, preferred_chain: Option<&str>) -> PortResult<String> {
        let known = self.known(order).await?;
        let mut known = known.lock().await;
        if known.order.state().status != instant_acme::OrderStatus::Valid {
            self.refresh(&mut known).await?;
        }
        let state = known.order.state();
        let url = match (state.status, &state.certificate) {
            (instant_acme::OrderStatus::Valid, Some(url)) => url.clone(),
            (status, _) => {
                let message = format!("the order has no certificate yet: it is {status:?}").to_lowercase();
                return Err(PortError::new(ErrorClass::Conflict, message));
            }
        };
        let chain = call!(self.session, known.order.certificate().await).map_err(of_certificate)?;
        let chain = chain.ok_or_else(|| PortError::new(ErrorClass::Conflict, "the order is processed still"))?;
        let alternates = self.session.http.take_note(&url).alternates;
        match preferred_chain {
            Some(name) => {
                chains::preferred(&self.session, (&self.key, self.account.id()), chain, &alternates, name).await
            }
            None => Ok(chain),
        }
    }

    async fn renewal_window(&self, version: &CertificateVersion) -> PortResult<Option<RenewalWindow>> {
        renewal::window(&self.session, &version.chain).await
    }

    async fn revoke(&self, chain: &str, reason: u8) -> PortResult<()> {
        let certificate = first_der(chain).map_err(|error| PortError::new(ErrorClass::Rejected, error.to_string()))?;
        let certificate = certificate.into();
        let request = RevocationRequest { certificate: &certificate, reason: reason_of(reason) };
        call!(
            self.session,
            match self.account.revoke(&request).await {
                Err(error) if is_refused_as(&error, "alreadyRevoked") => Ok(()),
                other => other,
            }
        )
    }
}

/// A certificate that the CA does not find belongs to an order that it knows and calls valid: only the order's own URL
/// tells that the order is lost, and another order would be one too many.
fn of_certificate(error: PortError) -> PortError {
    match error.class {
        ErrorClass::NotFound => PortError {
            class: ErrorClass::Transient,
            message: format!("the order is valid, and its certificate is missing: {}", error.message),
            ..error
        },
        _ => error,
    }
}

fn no_dns(name: &str) -> PortError {
    let message = format!("the CA offers no dns-01 challenge for {name}");
    PortError::new(ErrorClass::Rejected, message)
        .remedy("use another issuer for this name: IP addresses have no DNS zone")
}

/// Asks the CA to validate a challenge, unless it has been asked already. `false` when the order has no such challenge.
async fn answer(order: &mut Order, url: &str) -> Result<bool, Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let challenge = authorization.challenges.iter().find(|challenge| challenge.url == url);
        let Some(kind) = challenge.map(|challenge| challenge.r#type.clone()) else { continue };
        let Some(mut challenge) = authorization.challenge(kind) else { continue };
        if challenge.status == ChallengeStatus::Pending {
            challenge.set_ready().await?;
        }
        return Ok(true);
    }
    Ok(false)
}

/// Reason codes of RFC 5280 section 5.3.1; one that is not among them is left out.
fn reason_of(code: u8) -> Option<RevocationReason> {
    Some(match code {
        0 => RevocationReason::Unspecified,
        1 => RevocationReason::KeyCompromise,
        2 => RevocationReason::CaCompromise,
        3 => RevocationReason::AffiliationChanged,
        4 => RevocationReason::Superseded,
        5 => RevocationReason::CessationOfOperation,
        6 => RevocationReason::CertificateHold,
        8 => RevocationReason::RemoveFromCrl,
        9 => RevocationReason::PrivilegeWithdrawn,
        10 => RevocationReason::AaCompromise,
        _ => return None,
    })
}
