//! The HTTP client under ACME: HTTPS only, no Nagle, one pool of connections and of nonces for each directory, and a limit
//! on everything a server may send. instant-acme speaks through it, and so do the requests that instant-acme has not.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use super::origin::Origins;
use super::problem::{Refused, Unreachable, is_bad_nonce};
use crate::limits::REPLY_BYTES;
use crate::ports::clock::Clock;
use crate::time::Timestamp;

/// Time for a connection to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for a whole exchange: a CA may sign while the client waits.
const EXCHANGE: Duration = Duration::from_secs(60);
/// Connections that are kept to one host.
const IDLE: usize = 16;
/// Nonces that are kept. A CA forgets old ones, so the newest are used first.
const NONCES: usize = 64;
/// Notes that are kept. They are hints: who finds none does without.
const NOTES: usize = 4096;

const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("cap/", env!("CARGO_PKG_VERSION"), " instant-acme/0.8"));

type Body = BodyWrapper<Bytes>;

/// A client for one directory.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    directory_url: String,
    /// The directory, and where it allows requests to go.
    directory: OnceLock<(Bytes, Origins)>,
    /// Where they may go before it is known: to it.
    first: Origins,
    nonces: Mutex<Vec<HeaderValue>>,
    notes: Mutex<HashMap<String, Note>>,
    clock: Arc<dyn Clock>,
}

/// What the head of a good reply said that instant-acme does not hand on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// Not before (RFC 9110 section 10.2.3).
    pub retry_after: Option<Timestamp>,
    /// URLs of alternate chains (RFC 8555 section 7.4.2).
    pub alternates: Vec<String>,
}

/// A reply with all of its body.
pub(super) struct Reply {
    pub parts: Parts,
    pub body: Bytes,
}

impl Http {
    /// A client that trusts these roots.
    pub(super) fn new(
        directory_url: String,
        roots: rustls::RootCertStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Other(Box::new(error)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Small requests that each wait for the reply before: Nagle would hold every one back by 40 ms.
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().wrap_connector(tcp);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(EXCHANGE).pool_max_idle_per_host(IDLE);
        Ok(Self {
            client: builder.build(https),
            first: Origins::of(&directory_url, b""),
            directory_url,
            directory: OnceLock::new(),
            nonces: Mutex::default(),
            notes: Mutex::default(),
            clock,
        })
    }

    /// The clock by which a reply's `Retry-After` is read.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The directory's JSON, asked for once.
    pub(super) async fn directory(&self) -> Result<Bytes, Error> {
        if let Some((known, _)) = self.directory.get() {
            return Ok(known.clone());
        }
        let Reply { body, .. } = self.get(&self.directory_url, EXCHANGE).await?;
        let origins = Origins::of(&self.directory_url, &body);
        Ok(self.directory.get_or_init(|| (body, origins)).0.clone())
    }

    /// A GET without a signature, for the directory and for renewal information.
    pub(super) async fn get(&self, url: &str, limit: Duration) -> Result<Reply, Error> {
        let request = Request::get(url).body(Body::default())?;
        self.exchange(request, limit).await
    }

    /// A POST of a signed body.
    pub(super) async fn post(&self, url: &str, jose: Vec<u8>) -> Result<Reply, Error> {
        let request =
            Request::post(url).header(header::CONTENT_TYPE, "application/jose+json").body(Body::from(jose))?;
        self.exchange(request, EXCHANGE).await
    }

    /// A nonce that was not used yet: from an earlier reply, else asked for at `new_nonce`.
    pub(super) async fn nonce(&self, new_nonce: &str) -> Result<HeaderValue, Error> {
        if let Some(nonce) = lock(&self.nonces).pop() {
            return Ok(nonce);
        }
        let request = Request::head(new_nonce).body(Body::default())?;
        self.exchange(request, EXCHANGE).await?;
        // The reply's nonce went to the pool; another request may have been quicker to take it.
        lock(&self.nonces).pop().ok_or(Error::Str("the CA gave no nonce"))
    }

    /// What the head of the last reply from this URL said; told once.
    pub(super) fn take_note(&self, url: &str) -> Note {
        lock(&self.notes).remove(url).unwrap_or_default()
    }

    /// The note of one URL becomes that of another, whose own is out of date then. Returns the time it names.
    pub(super) fn move_note(&self, from: &str, to: &str) -> Option<Timestamp> {
        let mut notes = lock(&self.notes);
        let note = notes.remove(from).unwrap_or_default();
        let retry_after = note.retry_after;
        notes.insert(to.to_owned(), note);
        retry_after
    }

    /// One exchange, at the CA's own servers and nowhere else. A reply that is an error is an error here, but for
    /// `badNonce`, which the caller answers.
    async fn exchange(&self, mut request: Request<Body>, limit: Duration) -> Result<Reply, Error> {
        self.directory.get().map_or(&self.first, |(_, origins)| origins).check(request.uri())?;
        let (method, url) = (request.method().clone(), request.uri().to_string());
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let whole = async {
            let (parts, body) =
                self.client.request(request).await.map_err(|error| Unreachable::new(&url, &error))?.into_parts();
            let body = Limited::new(body, REPLY_BYTES).collect().await;
            let body = body.map_err(|error| Unreachable::new(&url, &*error))?;
            Ok::<_, Error>(Reply { parts, body: body.to_bytes() })
        };
        let late = || Error::from(Unreachable::late(&url, limit));
        let reply: Reply = tokio::time::timeout(limit, whole).await.map_err(|_| late())??;
        tracing::debug!(%method, url, status = reply.parts.status.as_u16(), "asked the CA");
        self.keep(&url, reply)
    }

    /// Keeps what the head of a reply says, and tells errors from good replies.
    fn keep(&self, url: &str, mut reply: Reply) -> Result<Reply, Error> {
        let fresh = reply.parts.headers.remove(REPLAY_NONCE);
        let bad_nonce = is_bad_nonce(reply.parts.status, &reply.body);
        let mut nonces = lock(&self.nonces);
        if bad_nonce {
            // What was collected is of no more use: a server that was started anew knows none of it.
            nonces.clear();
        }
        nonces.extend(fresh);
        let surplus = nonces.len().saturating_sub(NONCES);
        nonces.drain(..surplus);
        drop(nonces);
        let retry_after = retry_after(&reply.parts.headers, self.now());
        if reply.parts.status.is_client_error() && !bad_nonce || reply.parts.status.is_server_error() {
            return Err(Refused::new(reply.parts.status, retry_after, &reply.body).into());
        }
        let note = Note { retry_after, alternates: alternates(&reply.parts.headers) };
        if note != Note::default() {
            let mut notes = lock(&self.notes);
            if notes.len() >= NOTES {
                notes.clear();
            }
            notes.insert(url.to_owned(), note);
        }
        Ok(reply)
    }

    /// One request of instant-acme. The directory is answered from what is known, and so is the question for a nonce.
    async fn serve(&self, request: Request<Body>) -> Result<BytesResponse, Error> {
        if request.method() == Method::HEAD {
            let nonce = self.nonce(&request.uri().to_string()).await?;
            return Ok(Response::builder().header(REPLAY_NONCE, nonce).body(Body::default())?.into());
        }
        if request.method() == Method::GET && *request.uri() == *self.directory_url {
            return Ok(Response::new(Body::from(self.directory().await?.to_vec())).into());
        }
        let Reply { parts, body } = self.exchange(request, EXCHANGE).await?;
        Ok(BytesResponse { parts, body: Box::new(body) })
    }
}

/// The client as instant-acme holds it.
pub(super) struct Shared(pub Arc<Http>);

impl HttpClient for Shared {
    fn request(&self, request: Request<Body>) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let http = Arc::clone(&self.0);
        Box::pin(async move { http.serve(request).await })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept here is whole after every step: another thread's panic spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The longest that a server may make us wait: what lies beyond is a mistake, or malice.
const LONGEST_WAIT: crate::time::Duration = crate::time::Duration::from_days(7);

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3); one that lies in the past is now.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let at = match text.parse::<u64>() {
        Ok(seconds) => now + crate::time::Duration::from_secs(seconds.min(LONGEST_WAIT.millis() as u64) as i64),
        Err(_) => {
            let rfc2822 = &time::format_description::well_known::Rfc2822;
            Timestamp::from_offset(time::OffsetDateTime::parse(text, rfc2822).ok()?)
        }
    };
    Some(at.clamp(now, now + LONGEST_WAIT))
}

/// Targets of `Link` headers with the relation `alternate` (RFC 8288).
fn alternates(headers: &HeaderMap) -> Vec<String> {
    let links = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let alternate = links.flat_map(|line| line.split(',')).filter(|link| link.contains("rel=\"alternate\""));
    let target = |link: &str| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned());
    alternate.filter_map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_kept_within_reason() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
        let check = |text: &str, expected: Option<i64>| {
            let found =
                retry_after(&headers(header::RETRY_AFTER, &[text]), now).map(|at| at.since(now).millis() / 1000);
            assert_eq!(found, expected, "{text}");
        };
        check("120", Some(120));
        check("0", Some(0));
        check("Tue, 24 Nov 2026 12:01:00 GMT", Some(60));
        check("Tue, 24 Nov 2020 12:01:00 GMT", Some(0));
        check("99999999999999999", Some(7 * 86_400));
        check("-5", None);
        check("soon", None);
        check("", None);
    }

    #[test]
    fn alternate_chains_are_found_among_other_links() {
        let links = [
            "<https://ca/directory>;rel=\"index\"",
            "<https://ca/cert/1/1>;rel=\"alternate\", <https://ca/cert/1/2>; rel=\"alternate\"",
        ];
        assert_eq!(alternates(&headers(header::LINK, &links)), ["https://ca/cert/1/1", "https://ca/cert/1/2"]);
    }
}
