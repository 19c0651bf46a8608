//! DNS providers that publish challenges, and the questions to authoritative servers that show whether they are seen.
//! One provider is one file, registered by one word in the catalog below.
//!
//! Nothing here retries or waits for propagation: the engine does.

pub mod credential;
pub mod rfc2136;

use crate::model::Kind;
use credential::Provider;

/// Registers providers: each module has a `PROVIDER`.
macro_rules! catalog {
    ($($module:ident),* $(,)?) => {
        /// All providers.
        static PROVIDERS: &[&Provider] = &[$(&$module::PROVIDER),*];
        /// The words that `provider` takes.
        static NAMES: &[&str] = &[$($module::PROVIDER.name),*];
    };
}

catalog! { rfc2136 }

/// The kinds of this area: `dns_credential`.
pub fn kinds() -> Vec<Kind> {
    vec![credential::kind()]
}

/// A server to ask: host and port, 53 where no port is given. IPv6 addresses stand in brackets.
fn server(text: &str) -> Result<(String, u16), String> {
    let fault = || format!("\"{text}\" is no server; write host:port, as in ns1.example.com:53 or [2001:db8::1]:53");
    let ported = text.rsplit_once(':').filter(|_| !text.ends_with(']'));
    let (host, port) = ported.unwrap_or((text, "53"));
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if host.is_empty() || (bare.is_none() && host.contains([':', '[', ']', '/', '@', ' '])) {
        return Err(fault());
    }
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(fault)?;
    Ok((bare.unwrap_or(host).to_owned(), port))
}
