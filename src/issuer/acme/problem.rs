//! What went wrong at a CA, as classes: the one place that reads problem documents (RFC 8555 section 6.7, RFC 9457).

use hyper::StatusCode;
use instant_acme::{Error, Problem};

use super::origin::Elsewhere;
use crate::job::ErrorClass;
use crate::ports::PortError;
use crate::time::{Duration, Timestamp};

/// Wait after a rate limit that says no time.
const UNSAID: Duration = Duration::from_secs(600);
/// In the detail of a rate limit at CAs that run Boulder: the part of their documentation that tells of the one limit which
/// is on the account. The others are on names, on sets of names, or on failures with a name.
const ORDERS_OF_ACCOUNT: &str = "#new-orders-per-account";
/// Characters of a reply that is no problem document, shown to people.
const SHOWN: usize = 200;
/// Prefix of the types of problems that RFC 8555 and its successors define.
const PREFIX: &str = "urn:ietf:params:acme:error:";

/// A reply that is an error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status}")]
pub(super) struct Refused {
    status: StatusCode,
    retry_after: Option<Timestamp>,
    problem: Option<Problem>,
    /// The body's beginning, where it is no problem document.
    text: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, retry_after: Option<Timestamp>, body: &[u8]) -> Self {
        let problem = serde_json::from_slice(body).ok();
        let text = String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        Self { status, retry_after, problem, text }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Other(Box::new(refused))
    }
}

/// No reply, or none that could be read to its end.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(super) struct Unreachable {
    message: String,
    /// Whether the server showed a certificate of an issuer that is not trusted.
    untrusted: bool,
}

impl Unreachable {
    /// With every cause down to the last: the first one only says that a request failed.
    pub(super) fn new(url: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let untrusted = std::iter::successors(Some(error), |error| error.source()).any(is_unknown_issuer);
        let causes: Vec<String> =
            std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
        Self { message: format!("{url}: {}", causes.join(": ")), untrusted }
    }

    /// The time was up.
    pub(super) fn late(url: &str, limit: std::time::Duration) -> Self {
        Self { message: format!("{url}: no whole reply within {} s", limit.as_secs()), untrusted: false }
    }
}

/// Whether this is the refusal of a certificate whose issuer nobody here knows. A stream's error hides the one of TLS, at
/// times twice, and names the cause of what it hides as its own.
fn is_unknown_issuer(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(hidden) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        return is_unknown_issuer(hidden);
    }
    let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    error.downcast_ref::<rustls::Error>() == Some(&unknown)
}

impl From<Unreachable> for Error {
    fn from(unreachable: Unreachable) -> Self {
        Self::Other(Box::new(unreachable))
    }
}

/// Whether a reply says that the nonce was bad: the request was not carried out and may be signed again.
pub(super) fn is_bad_nonce(status: StatusCode, body: &[u8]) -> bool {
    let problem = || serde_json::from_slice::<Problem>(body).ok();
    status == StatusCode::BAD_REQUEST && problem().is_some_and(|problem| kind(&problem) == Some("badNonce"))
}

/// Whether instant-acme gave up on nonces.
pub(super) fn is_out_of_nonces(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if kind(problem) == Some("badNonce"))
}

/// Whether the CA refused for that reason.
pub(super) fn is_refused_as(error: &Error, name: &str) -> bool {
    refused(error).and_then(|refused| refused.problem.as_ref()).is_some_and(|problem| kind(problem) == Some(name))
}

/// Whether instant-acme itself did not like a good reply.
pub(super) fn is_displeased(error: &Error) -> bool {
    let ours = |error: &(dyn std::error::Error + Send + Sync + 'static)| {
        error.is::<Refused>() || error.is::<Unreachable>() || error.is::<Elsewhere>()
    };
    matches!(error, Error::Other(error) if !ours(&**error))
}

fn refused(error: &Error) -> Option<&Refused> {
    match error {
        Error::Other(error) => error.downcast_ref(),
        _ => None,
    }
}

/// The type of a problem without its prefix.
fn kind(problem: &Problem) -> Option<&str> {
    problem.r#type.as_deref()?.strip_prefix(PREFIX)
}

/// An error of the client, with its class.
pub(super) fn classify(error: Error, now: Timestamp) -> PortError {
    match error {
        Error::Api(problem) => of_problem(&problem, None, None, now),
        Error::Crypto | Error::KeyRejected => PortError::new(ErrorClass::Bug, format!("the account key: {error}")),
        Error::Http(_) | Error::InvalidUri(_) => {
            PortError::new(ErrorClass::NotFound, format!("this is not a URL of a CA: {error}"))
        }
        Error::Unsupported(what) => PortError::new(ErrorClass::Rejected, format!("the CA does not offer {what}")),
        Error::Other(error) => match error.downcast::<Refused>() {
            Ok(refused) => of_refused(&refused, now),
            Err(error) => unreachable_as(&*error),
        },
        error => PortError::new(ErrorClass::Transient, format!("the CA's reply makes no sense: {error}")),
    }
}

fn unreachable_as(error: &(dyn std::error::Error + Send + Sync + 'static)) -> PortError {
    if error.is::<Elsewhere>() {
        return PortError::new(ErrorClass::Rejected, error.to_string()).remedy("report it to the CA; nothing was sent");
    }
    let message = format!("the CA could not be asked: {error}");
    match error.downcast_ref::<Unreachable>() {
        Some(unreachable) if unreachable.untrusted => PortError::new(ErrorClass::Rejected, message)
            .remedy("if this is a CA inside the house, give its root in trust of the acme_account"),
        _ => PortError::new(ErrorClass::Transient, message),
    }
}

fn of_refused(refused: &Refused, now: Timestamp) -> PortError {
    match &refused.problem {
        Some(problem) if problem.r#type.is_some() || problem.detail.is_some() => {
            of_problem(problem, Some(refused.status), refused.retry_after, now)
        }
        _ => {
            let message = format!("the CA answered {}: {}", refused.status, refused.text);
            PortError::new(of_status(refused.status, refused.retry_after, now), message)
        }
    }
}

fn of_status(status: StatusCode, retry_after: Option<Timestamp>, now: Timestamp) -> ErrorClass {
    match (status.as_u16(), retry_after) {
        (429, until) => ErrorClass::RateLimited { until: until.unwrap_or(now + UNSAID), of_account: false },
        // The server itself wants to be left alone (RFC 9110 section 15.6.4), by whatever is asked of it.
        (503, Some(until)) => ErrorClass::RateLimited { until, of_account: true },
        (401 | 403, _) => ErrorClass::Unauthorized,
        (404 | 410, _) => ErrorClass::NotFound,
        (409, _) => ErrorClass::Conflict,
        (400..=499, _) => ErrorClass::Rejected,
        _ => ErrorClass::Transient,
    }
}

fn of_problem(
    problem: &Problem,
    status: Option<StatusCode>,
    retry_after: Option<Timestamp>,
    now: Timestamp,
) -> PortError {
    let class = match kind(problem) {
        Some("rateLimited") => {
            let named = problem.detail.as_ref().is_some_and(|detail| detail.contains(ORDERS_OF_ACCOUNT));
            let of_account = named || status == Some(StatusCode::SERVICE_UNAVAILABLE);
            ErrorClass::RateLimited { until: retry_after.unwrap_or(now + UNSAID), of_account }
        }
        Some("unauthorized" | "externalAccountRequired" | "userActionRequired") => ErrorClass::Unauthorized,
        Some("accountDoesNotExist") => ErrorClass::NotFound,
        Some("orderNotReady") => ErrorClass::Conflict,
        Some("serverInternal" | "badNonce") => of_status(StatusCode::SERVICE_UNAVAILABLE, retry_after, now),
        // The CA's resolver had no luck with the names' zone.
        Some("dns") => {
            retry_after.map_or(ErrorClass::Transient, |until| ErrorClass::RateLimited { until, of_account: false })
        }
        // Servers call a URL that they do not know malformed.
        Some("malformed") if status == Some(StatusCode::NOT_FOUND) => ErrorClass::NotFound,
        Some(_) => ErrorClass::Rejected,
        None => of_status(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), retry_after, now),
    };
    let error = PortError::new(class, format!("the CA refused: {}", words(problem)));
    match remedy(kind(problem).unwrap_or_default()) {
        Some(remedy) => error.remedy(remedy),
        None => error,
    }
}

/// A problem in the CA's own words, with those about single names.
pub(super) fn words(problem: &Problem) -> String {
    let kind = kind(problem).or(problem.r#type.as_deref()).map(|kind| format!(" ({kind})")).unwrap_or_default();
    let mut words = format!("{}{kind}", problem.detail.as_deref().unwrap_or("without a word"));
    for sub in &problem.subproblems {
        let name = sub.identifier.as_ref().map(|name| format!("{}: ", name.clone().authorized(false)));
        let detail = sub.detail.as_deref().unwrap_or("without a word");
        words += &format!("; {}{detail}", name.unwrap_or_default());
    }
    words
}

fn remedy(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "rateLimited" => "wait, or spread new names over time; renewals that replace a certificate are often exempt",
        "externalAccountRequired" => "add an eab block to the acme_account, with what the CA gave out",
        "accountDoesNotExist" => "replace the acme_account: cap apply -replace=ADDRESS",
        "userActionRequired" => "do what the CA asks for in its message",
        "caa" => "let a CAA record of the name permit this CA",
        "rejectedIdentifier" | "unsupportedIdentifier" => "the CA does not issue for this name: use another issuer",
        "invalidContact" | "unsupportedContact" => "give the acme_account an email that the CA accepts",
        "badCSR" | "badPublicKey" => "choose another key_type for the certificate",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    fn check(status: u16, body: &str, retry_after: Option<i64>, class: ErrorClass, part: &str) {
        let status = StatusCode::from_u16(status).expect("a status");
        let retry_after = retry_after.map(|seconds| now() + Duration::from_secs(seconds));
        let error = classify(Refused::new(status, retry_after, body.as_bytes()).into(), now());
        assert_eq!(error.class, class, "{body}");
        assert!(error.message.contains(part), "{error}");
    }

    fn problem(kind: &str) -> String {
        format!(r#"{{"type":"{PREFIX}{kind}","detail":"why not"}}"#)
    }

    #[test]
    fn every_type_of_problem_has_its_class() {
        let limited =
            |seconds, of_account| ErrorClass::RateLimited { until: now() + Duration::from_secs(seconds), of_account };
        check(429, &problem("rateLimited"), Some(30), limited(30, false), "why not (rateLimited)");
        check(429, &problem("rateLimited"), None, limited(600, false), "why not");
        check(503, &problem("rateLimited"), Some(7), limited(7, true), "why not");
        check(503, &problem("serverInternal"), Some(5), limited(5, true), "why not");
        check(400, &problem("dns"), Some(5), limited(5, false), "why not");
        check(500, &problem("serverInternal"), None, ErrorClass::Transient, "why not");
        check(403, &problem("orderNotReady"), None, ErrorClass::Conflict, "why not");
        check(404, &problem("malformed"), None, ErrorClass::NotFound, "why not");
        check(400, &problem("malformed"), None, ErrorClass::Rejected, "why not");
        check(400, &problem("accountDoesNotExist"), None, ErrorClass::NotFound, "why not");
        for kind in ["unauthorized", "externalAccountRequired", "userActionRequired"] {
            check(403, &problem(kind), None, ErrorClass::Unauthorized, kind);
        }
        for kind in ["rejectedIdentifier", "caa", "badCSR", "invalidProfile", "something new"] {
            check(400, &problem(kind), None, ErrorClass::Rejected, kind);
        }
        check(400, &problem("dns"), None, ErrorClass::Transient, "dns");
    }

    #[test]
    fn only_the_limit_on_orders_is_the_account_s() {
        // As Boulder words them.
        for (detail, expected) in [
            ("too many new orders (300) from this account in the last 3h0m0s", "new-orders-per-account"),
            (
                "too many certificates (50) already issued for \"example.com\" in the last 168h0m0s",
                "new-certificates-per-registered-domain",
            ),
            (
                "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
                "new-certificates-per-exact-set-of-identifiers",
            ),
            (
                "too many failed authorizations (5) for \"www.example.com\" in the last 1h0m0s",
                "authorization-failures-per-identifier-per-account",
            ),
        ] {
            let detail = format!(
                "{detail}, retry after 2026-11-24 21:15:30 UTC: see https://ca.test/docs/rate-limits/#{expected}"
            );
            let body = serde_json::json!({ "type": format!("{PREFIX}rateLimited"), "detail": detail }).to_string();
            let error = classify(Refused::new(StatusCode::TOO_MANY_REQUESTS, None, body.as_bytes()).into(), now());
            let of_account = expected == "new-orders-per-account";
            assert_eq!(error.class, ErrorClass::RateLimited { until: now() + UNSAID, of_account }, "{expected}");
        }
    }

    #[test]
    fn replies_without_a_problem_are_classed_by_their_status() {
        check(502, "<html>Bad gateway</html>", None, ErrorClass::Transient, "Bad gateway");
        check(404, "", None, ErrorClass::NotFound, "404");
        check(403, "{}", None, ErrorClass::Unauthorized, "403");
        check(418, &"x".repeat(5000), None, ErrorClass::Rejected, "418");
    }

    #[test]
    fn single_names_are_told_apart() {
        let body = format!(
            r#"{{"type":"{PREFIX}malformed","detail":"some names",
                "subproblems":[{{"type":"{PREFIX}caa","detail":"forbidden",
                "identifier":{{"type":"dns","value":"www.example.com"}}}}]}}"#
        );
        check(400, &body, None, ErrorClass::Rejected, "some names (malformed); www.example.com: forbidden");
    }
}
