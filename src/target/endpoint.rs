//! Asking an endpoint which certificate it serves: a TLS handshake with every address of the host.
//!
//! The handshake takes any chain, on purpose. The question is not whether this server may be trusted with data — none is
//! sent — but which leaf it serves, and the answer is compared with the fingerprint that was installed. A chain that does
//! not verify here (a private CA, a test) is no reason to call an installation failed, and a chain that does verify is
//! none to call it good: the old certificate is still valid. The server does prove that it holds the leaf's key, because
//! signatures in the handshake are checked. Where `verify.trust` is given, the chain is held to it as well.
//!
//! A server may hold an ECDSA and an RSA certificate. Each handshake offers one kind only; the kind of the installed
//! certificate comes first, the other one is asked for when the first is not what was installed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::args::unusable;
use super::verify::Endpoint;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::target::Served;
use crate::ports::{PortError, PortResult};
use crate::x509::Leaf;

/// Limit on one handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Pause between two rounds while a reload takes its time.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks every address until all serve the installed leaf, or the endpoint's time to settle is over; what was seen last is
/// the answer.
///
/// # Errors
/// `Transient` when the name does not resolve or an address does not complete a handshake, `Rejected` when the chain does
/// not lead to `verify.trust`.
pub async fn ask(endpoint: &Endpoint, installed: Option<&Leaf>) -> PortResult<Served> {
    let asker = Asker::new(endpoint, installed)?;
    let begin = Instant::now();
    loop {
        let seen = asker.round(endpoint).await;
        let settled = matches!((&seen, installed), (Ok(leaves), Some(leaf)) if all_serve(leaves, leaf));
        let refused = matches!(&seen, Err(error) if error.class == ErrorClass::Rejected);
        if settled || refused || begin.elapsed() >= endpoint.wait {
            return seen.map(Served::Leaves);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn all_serve(leaves: &[(String, Digest)], leaf: &Leaf) -> bool {
    leaves.iter().all(|(_, digest)| *digest == leaf.fingerprint)
}

/// The name to ask for: the configured one, else the certificate's first that is no wildcard, else a name that its first
/// wildcard covers, else the host itself.
fn server_name(endpoint: &Endpoint, installed: Option<&Leaf>) -> PortResult<ServerName<'static>> {
    let names = installed.map(|leaf| leaf.names.as_slice()).unwrap_or_default();
    let is_plain = |name: &&String| !name.starts_with("*.") && name.parse::<std::net::IpAddr>().is_err();
    let plain = names.iter().find(is_plain);
    let covered = || names.first().and_then(|name| name.strip_prefix("*.")).map(|rest| format!("www.{rest}"));
    let configured = endpoint.server_name.clone();
    let name = configured.or_else(|| plain.cloned()).or_else(covered).unwrap_or_else(|| endpoint.host.clone());
    ServerName::try_from(name).map_err(|error| unusable("verify.server_name", error))
}

struct Asker {
    name: ServerName<'static>,
    trust: Option<Arc<WebPkiServerVerifier>>,
    /// Kinds of keys in the order in which they are asked for.
    kinds: [KeyKind; 2],
    expected: Option<Digest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Ecdsa,
    Rsa,
}

impl Asker {
    fn new(endpoint: &Endpoint, installed: Option<&Leaf>) -> PortResult<Self> {
        let rsa_first = installed.is_some_and(|leaf| leaf.key_type.starts_with("rsa"));
        Ok(Self {
            name: server_name(endpoint, installed)?,
            trust: endpoint.trust.as_deref().map(trust).transpose()?,
            kinds: if rsa_first { [KeyKind::Rsa, KeyKind::Ecdsa] } else { [KeyKind::Ecdsa, KeyKind::Rsa] },
            expected: installed.map(|leaf| leaf.fingerprint),
        })
    }

    async fn round(&self, endpoint: &Endpoint) -> PortResult<Vec<(String, Digest)>> {
        let place = format!("{}:{}", endpoint.host, endpoint.port);
        let found = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await;
        let mut addresses: Vec<SocketAddr> = found.map_err(|error| unresolved(&place, &error.to_string()))?.collect();
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() {
            return Err(unresolved(&place, "the name has no address"));
        }
        join_all(addresses.into_iter().map(|address| self.address(&place, address))).await.into_iter().collect()
    }

    async fn address(&self, place: &str, address: SocketAddr) -> PortResult<(String, Digest)> {
        let first = self.handshake(address, self.kinds[0]).await;
        let best = match first {
            Ok(leaf) if self.expected.is_none_or(|expected| expected == leaf) => Ok(leaf),
            // The other kind may be the one that was installed; when it is not either, the first answer stands.
            first => match self.handshake(address, self.kinds[1]).await {
                Ok(leaf) if first.is_err() || self.expected == Some(leaf) => Ok(leaf),
                _ => first,
            },
        };
        best.map(|leaf| (address.to_string(), leaf)).map_err(|fault| fault.at(place, address))
    }

    /// One handshake with one kind of key on offer.
    async fn handshake(&self, address: SocketAddr, kind: KeyKind) -> Result<Digest, Fault> {
        let verifier = Arc::new(Witness::new(kind, self.trust.clone()));
        let connector = TlsConnector::from(Arc::new(verifier.config().map_err(Fault::Handshake)?));
        let talk = async {
            let stream = TcpStream::connect(address).await.map_err(|error| Fault::Connection(error.to_string()))?;
            connector.connect(self.name.clone(), stream).await.map_err(|error| Fault::Handshake(error.to_string()))
        };
        let talked = tokio::time::timeout(HANDSHAKE, talk)
            .await
            .map_err(|_| Fault::Handshake(format!("no answer within {HANDSHAKE:?}")))?;
        // A server that asks for a client's certificate ends the handshake after it has shown its own: that is enough.
        match (verifier.seen().filter(|sight| sight.proven), talked) {
            (Some(Sight { untrusted: Some(why), .. }), _) => Err(Fault::Untrusted(why)),
            (Some(sight), _) => Ok(sight.leaf),
            (None, Err(fault)) => Err(fault),
            (None, Ok(_)) => Err(Fault::Handshake("it showed no certificate".to_owned())),
        }
    }
}

enum Fault {
    Connection(String),
    Handshake(String),
    Untrusted(String),
}

impl Fault {
    fn at(self, place: &str, address: SocketAddr) -> PortError {
        let (class, what, remedy) = match self {
            Self::Connection(why) => (
                ErrorClass::Transient,
                format!("cannot be connected to: {why}"),
                "see that the service runs and listens on every address of its name",
            ),
            Self::Handshake(why) => (
                ErrorClass::Transient,
                format!("completes no TLS handshake: {why}"),
                "see what the service says of its certificate and key",
            ),
            Self::Untrusted(why) => (
                ErrorClass::Rejected,
                format!("serves a chain that does not lead to verify.trust: {why}"),
                "have the service send the intermediate certificates, or correct verify.trust",
            ),
        };
        PortError::new(class, format!("{place} at {address} {what}")).remedy(remedy)
    }
}

fn unresolved(place: &str, why: &str) -> PortError {
    PortError::new(ErrorClass::Transient, format!("{place} cannot be resolved: {why}"))
        .remedy("correct verify.endpoint, or the name's addresses")
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

fn trust(pem: &str) -> PortResult<Arc<WebPkiServerVerifier>> {
    let fault = |why: String| unusable("verify.trust", why);
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let der = der.map_err(|error| fault(error.to_string()))?;
        roots.add(der).map_err(|error| fault(error.to_string()))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider())).build();
    verifier.map_err(|error| fault(error.to_string()))
}

/// What a handshake showed.
#[derive(Debug, Clone)]
struct Sight {
    leaf: Digest,
    /// Whether the server has signed with the leaf's key.
    proven: bool,
    /// Why the chain does not lead to what is trusted, where that was asked.
    untrusted: Option<String>,
}

/// Takes any chain and remembers its leaf.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    schemes: Vec<SignatureScheme>,
    trust: Option<Arc<WebPkiServerVerifier>>,
    sight: Mutex<Option<Sight>>,
}

impl Witness {
    fn new(kind: KeyKind, trust: Option<Arc<WebPkiServerVerifier>>) -> Self {
        let mut provider = provider();
        let other = if kind == KeyKind::Ecdsa { "ECDHE_RSA" } else { "ECDHE_ECDSA" };
        provider.cipher_suites.retain(|suite| !format!("{:?}", suite.suite()).contains(other));
        let all = provider.signature_verification_algorithms.supported_schemes();
        let is_rsa = |scheme: &SignatureScheme| format!("{scheme:?}").starts_with("RSA");
        let schemes = all.into_iter().filter(|scheme| is_rsa(scheme) == (kind == KeyKind::Rsa)).collect();
        Self { provider: Arc::new(provider), schemes, trust, sight: Mutex::new(None) }
    }

    fn config(self: &Arc<Self>) -> Result<ClientConfig, String> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(self.clone()).with_no_client_auth();
        // A resumed session shows no certificate.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }

    fn sight(&self) -> MutexGuard<'_, Option<Sight>> {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> Option<Sight> {
        self.sight().clone()
    }

    /// Notes that a signature of the handshake was good.
    fn prove(&self, valid: HandshakeSignatureValid) -> HandshakeSignatureValid {
        self.sight().iter_mut().for_each(|sight| sight.proven = true);
        valid
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.trust.as_ref().map(|trust| trust.verify_server_cert(end_entity, intermediates, name, ocsp, now));
        let untrusted = verified.and_then(Result::err).map(|error| error.to_string());
        let sight = Sight { leaf: Digest::of(end_entity.as_ref()), proven: false, untrusted };
        *self.sight() = Some(sight);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms).map(|valid| self.prove(valid))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms).map(|valid| self.prove(valid))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
