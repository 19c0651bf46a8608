//! A directory as it is known, and signed requests to it that are repeated while the CA refuses nonces.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::LOCATION;
use instant_acme::Error;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::Value as Json;

use super::http::{Http, Reply};
use super::jws::{AccountKey, Signed};
use super::problem::{classify, is_bad_nonce};
use crate::job::ErrorClass;
use crate::limits::NONCE_ATTEMPTS;
use crate::ports::clock::Clock;
use crate::ports::{PortError, PortResult};

/// What a directory offers (RFC 8555 section 7.1.1).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Directory {
    pub new_nonce: String,
    pub new_account: String,
    pub new_order: String,
    /// Where renewal windows are (RFC 9773); absent where the CA suggests none.
    pub renewal_info: Option<String>,
    #[serde(default)]
    pub meta: Meta,
}

/// What a directory says of itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    #[serde(default)]
    pub external_account_required: bool,
    /// Profiles by name, each with a description.
    #[serde(default)]
    pub profiles: BTreeMap<String, String>,
}

/// A directory and the client that speaks to it.
pub(super) struct Session {
    pub http: Arc<Http>,
    pub directory: Directory,
}

impl Session {
    /// Asks for the directory. `trust` is PEM of further roots for its TLS.
    pub(super) async fn open(url: &str, trust: Option<&str>, clock: Arc<dyn Clock>) -> PortResult<Self> {
        let now = clock.now();
        let http = Http::new(url.to_owned(), roots(trust)?, clock).map_err(|error| classify(error, now))?;
        let text = http.directory().await.map_err(|error| no_directory(classify(error, now)))?;
        let directory = serde_json::from_slice(&text).map_err(|error| {
            no_directory(PortError::new(
                ErrorClass::NotFound,
                format!("{url} is not the directory of an ACME server: {error}"),
            ))
        })?;
        Ok(Self { http: Arc::new(http), directory })
    }

    /// Sends a signed request, again with a fresh nonce as often as the CA refuses one, up to the limit.
    pub(super) async fn post(
        &self,
        key: &AccountKey,
        who: Signed<'_>,
        url: &str,
        payload: Option<&Json>,
    ) -> PortResult<Reply> {
        for _ in 0..NONCE_ATTEMPTS {
            let nonce = self.http.nonce(&self.directory.new_nonce).await.map_err(|error| self.fault(error))?;
            let nonce = nonce.to_str().map_err(|_| self.fault(Error::Str("a nonce that can be used")))?;
            let body = key.sign(who, nonce, url, payload)?;
            let reply = self.http.post(url, body).await.map_err(|error| self.fault(error))?;
            if !is_bad_nonce(reply.parts.status, &reply.body) {
                return Ok(reply);
            }
        }
        Err(out_of_nonces())
    }

    /// An error of the client, with its class.
    pub(super) fn fault(&self, error: Error) -> PortError {
        classify(error, self.http.now())
    }
}

/// That no directory is found at its URL says nothing about what the CA holds.
fn no_directory(error: PortError) -> PortError {
    match error.class {
        ErrorClass::NotFound => {
            PortError { class: ErrorClass::Rejected, ..error }.remedy("check the URL in directory of the acme_account")
        }
        _ => error,
    }
}

/// The CA refused every nonce that it had given out itself.
pub(super) fn out_of_nonces() -> PortError {
    let message = format!("the CA refused {NONCE_ATTEMPTS} fresh nonces in a row");
    PortError::new(ErrorClass::Transient, message).remedy("nothing was carried out; the CA's servers are not in step")
}

impl Reply {
    /// The URL of what was made.
    pub(super) fn location(&self) -> PortResult<String> {
        let location = self.parts.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        location
            .map(str::to_owned)
            .ok_or_else(|| PortError::new(ErrorClass::Transient, "the CA did not say where it put what it made"))
    }

    /// Whether something was made, and not only found.
    pub(super) fn is_new(&self) -> bool {
        self.parts.status == StatusCode::CREATED
    }
}

/// The system's roots, and those of the configuration.
fn roots(trust: Option<&str>) -> PortResult<rustls::RootCertStore> {
    let mut roots = rustls::RootCertStore::empty();
    // Roots that cannot be read are of no use to anybody; without any, no directory is trusted and the error says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in CertificateDer::pem_slice_iter(trust.unwrap_or_default().as_bytes()) {
        let unusable = |why: String| PortError::new(ErrorClass::Rejected, format!("trust of the acme_account: {why}"));
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    Ok(roots)
}
