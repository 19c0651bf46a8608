//! Where requests to a CA may go. Its replies are full of URLs, and a CA must not make `cap` knock at other doors: those of
//! a metadata service, or of hosts that only this machine reaches. Pure.

use std::collections::BTreeSet;

use hyper::Uri;
use serde_json::Value as Json;

/// Resources that a directory names (RFC 8555 section 7.1.1, RFC 9773 section 4). What else stands in one is no server.
const RESOURCES: [&str; 7] =
    ["newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange", "renewalInfo"];

/// Origins (RFC 6454 section 4) at which a CA is spoken to.
pub(super) struct Origins(BTreeSet<Origin>);

/// Scheme, host in lower case, and port.
type Origin = (String, String, u16);

/// A URL that lies elsewhere. Nothing was sent there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the CA sends us to {0}, which is none of the servers that its directory names")]
pub(super) struct Elsewhere(String);

impl From<Elsewhere> for instant_acme::Error {
    fn from(elsewhere: Elsewhere) -> Self {
        Self::Other(Box::new(elsewhere))
    }
}

impl Origins {
    /// Of a directory: its own, and those of the resources it names. A directory that cannot be read names none.
    pub(super) fn of(directory_url: &str, directory: &[u8]) -> Self {
        let directory: Json = serde_json::from_slice(directory).unwrap_or_default();
        let named = RESOURCES.iter().filter_map(|name| directory[name].as_str());
        let urls = named.chain([directory_url]).filter_map(|url| url.parse().ok());
        Self(urls.filter_map(|url| origin(&url)).collect())
    }

    /// Whether this URL may be asked.
    pub(super) fn check(&self, url: &Uri) -> Result<(), Elsewhere> {
        match origin(url) {
            Some(origin) if self.0.contains(&origin) => Ok(()),
            _ => Err(Elsewhere(url.to_string())),
        }
    }
}

fn origin(url: &Uri) -> Option<Origin> {
    let (scheme, host) = (url.scheme_str()?, url.host()?);
    let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme.to_owned(), host.to_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_that_the_directory_names_are_asked() {
        let directory = br#"{"newOrder": "https://api.ca.example/order", "meta": {"website": "https://www.ca.example"},
            "renewalInfo": "https://ari.ca.example:8443/", "kXzb-Zf9": "https://community.ca.example/t/random"}"#;
        let origins = Origins::of("https://ca.example/dir", directory);
        let check = |url: &str, expected: bool| {
            assert_eq!(origins.check(&url.parse().expect("a URL")).is_ok(), expected, "{url}");
        };
        for url in [
            "https://ca.example/dir",
            "https://CA.example:443/order/1",
            "https://api.ca.example/authz/1",
            "https://ari.ca.example:8443/x.y",
        ] {
            check(url, true);
        }
        for url in [
            "http://ca.example/order/1",
            "https://ca.example:8443/",
            "https://ari.ca.example/",
            "https://www.ca.example/",
            "https://community.ca.example/t/random",
            "https://169.254.169.254/latest",
            "https://ca.example@other.example/",
            "https://other.ca.example/",
            "/order/1",
        ] {
            check(url, false);
        }
        let unread = Origins::of("https://ca.example/dir", b"<html>");
        assert_eq!(unread.check(&"https://ca.example/order/1".parse().expect("a URL")), Ok(()));
    }
}
