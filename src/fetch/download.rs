//! The bytes behind a URL: over HTTP or from a file, bounded, following a few redirects. What comes is held to a checksum
//! afterwards, so that plain HTTP is as good as HTTPS where a source asks for it.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::LOCATION;
use hyper::{Request, Response, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::job::ErrorClass;
use crate::limits;
use crate::ports::{PortError, PortResult};

/// Redirects that are followed: a release page, and the store behind it.
const REDIRECTS: usize = 5;
/// Time for a connection to be made.
const CONNECT: Duration = Duration::from_secs(20);
/// Time for the whole.
const PATIENCE: Duration = Duration::from_secs(600);

/// What lies behind the URL.
pub(super) async fn download(url: &str) -> PortResult<Bytes> {
    if let Some(path) = url.strip_prefix("file://") {
        return file(path);
    }
    let client = client()?;
    let mut uri: Uri = url.parse().map_err(|_| rejected(format!("\"{url}\" is no URL.")))?;
    for _ in 0..=REDIRECTS {
        let exchange = tokio::time::timeout(PATIENCE, one(&client, &uri));
        match exchange.await.map_err(|_| transient(format!("{} did not answer in time.", shown(&uri))))?? {
            Answer::Body(bytes) => return Ok(bytes),
            Answer::Elsewhere(next) => uri = next,
        }
    }
    Err(rejected(format!("\"{url}\" is redirected more than {REDIRECTS} times.")))
}

fn file(path: &str) -> PortResult<Bytes> {
    let unreadable = |fault: std::io::Error| rejected(format!("{path} cannot be read: {fault}."));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > limits::PACKAGE_BYTES as u64 {
        return Err(rejected(format!("{path} has {size} bytes, and at most {} are read.", limits::PACKAGE_BYTES)));
    }
    Ok(std::fs::read(path).map_err(unreadable)?.into())
}

enum Answer {
    Body(Bytes),
    Elsewhere(Uri),
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

fn client() -> PortResult<HttpClient> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|fault| PortError::new(ErrorClass::Bug, format!("TLS cannot be set up: {fault}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT));
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new()).build(https))
}

async fn one(client: &HttpClient, uri: &Uri) -> PortResult<Answer> {
    let request = Request::get(uri.clone())
        .header(header::USER_AGENT, concat!("cap/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())
        .map_err(|fault| rejected(format!("{} cannot be asked: {fault}.", shown(uri))))?;
    let failed = |fault: &dyn std::error::Error| {
        let mut said = fault.to_string();
        let mut source = fault.source();
        while let Some(inner) = source {
            said = format!("{said}: {inner}");
            source = inner.source();
        }
        transient(format!("{} cannot be reached: {said}.", shown(uri)))
    };
    let response = client.request(request).await.map_err(|fault| failed(&fault))?;
    let status = response.status();
    if status.is_redirection() {
        return Ok(Answer::Elsewhere(elsewhere(uri, &response)?));
    }
    if !status.is_success() {
        return Err(rejected(format!("{} answers {status}.", shown(uri))));
    }
    let body = Limited::new(response.into_body(), limits::PACKAGE_BYTES).collect().await;
    let body = body.map_err(|fault| {
        let most = limits::PACKAGE_BYTES;
        transient(format!("What {} sends was cut, or has more than {most} bytes: {fault}.", shown(uri)))
    })?;
    Ok(Answer::Body(body.to_bytes()))
}

/// Where a redirect leads. From HTTPS it leads to HTTPS only.
fn elsewhere<B>(uri: &Uri, response: &Response<B>) -> PortResult<Uri> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    let absolute = match (location.contains("://"), uri.authority()) {
        (false, Some(authority)) if location.starts_with('/') => {
            format!("{}://{authority}{location}", uri.scheme_str().unwrap_or("https"))
        }
        _ => location.to_owned(),
    };
    let next: Uri = absolute.parse().map_err(|_| rejected(format!("{} redirects to no URL.", shown(uri))))?;
    let kept =
        next.scheme_str() == Some("https") || (next.scheme_str() == Some("http") && uri.scheme_str() == Some("http"));
    if kept { Ok(next) } else { Err(rejected(format!("{} redirects away from HTTPS.", shown(uri)))) }
}

/// A URL without its query: a redirect's may hold a signature.
fn shown(uri: &Uri) -> String {
    format!("{}://{}{}", uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |one| one.as_str()), uri.path())
}

fn rejected(detail: String) -> PortError {
    PortError::new(ErrorClass::Rejected, detail).remedy("Check the source.")
}

fn transient(detail: String) -> PortError {
    PortError::new(ErrorClass::Transient, detail).remedy("Check the network, and try again.")
}
