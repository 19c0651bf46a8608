//! DNS providers that publish challenges, and the questions to authoritative servers that show whether they are seen.
//! One provider is one file, registered by one word in the catalog below.
//!
//! Nothing here retries or waits for propagation: the engine does.

pub mod credential;
pub mod resolver;
pub mod rfc2136;
mod wire;

use std::sync::Arc;

use credential::Provider;

use crate::job::ErrorClass;
use crate::model::Kind;
use crate::ports::dns::{DnsProvider, Resolver};
use crate::ports::secrets::Secrets;
use crate::ports::{PortError, PortResult};
use crate::state::Spec;

/// Registers providers: each module has a `PROVIDER` and `connect()`.
macro_rules! catalog {
    ($($module:ident),* $(,)?) => {
        /// All providers.
        static PROVIDERS: &[&Provider] = &[$(&$module::PROVIDER),*];
        /// The words that `provider` takes.
        static NAMES: &[&str] = &[$($module::PROVIDER.name),*];

        /// The provider behind a `dns_credential`. Its secrets are resolved here and stay inside the adapter; nothing is
        /// asked of the provider yet.
        ///
        /// # Errors
        /// `Rejected` for a configuration that cannot be used, and whatever `secrets` says.
        pub async fn connect(spec: &Spec, secrets: &dyn Secrets) -> PortResult<Arc<dyn DnsProvider>> {
            let named = spec.get("provider").and_then(serde_json::Value::as_str).unwrap_or_default();
            $(if named == $module::PROVIDER.name {
                return $module::connect(spec, secrets).await;
            })*
            Err(fault(ErrorClass::Rejected, format!("there is no DNS provider named \"{named}\"")))
        }
    };
}

catalog! { rfc2136 }

/// The kinds of this area: `dns_credential`.
pub fn kinds() -> Vec<Kind> {
    vec![credential::kind()]
}

/// Who asks the authoritative servers of a zone with this `dns_credential`: those in `name_servers`, else those that the
/// zone's NS records name.
///
/// # Errors
/// `Rejected` for a configuration that cannot be used.
pub fn resolver(spec: &Spec) -> PortResult<Arc<dyn Resolver>> {
    Ok(Arc::new(resolver::Authoritative::from_spec(spec)?))
}

fn fault(class: ErrorClass, message: impl Into<String>) -> PortError {
    PortError::new(class, message)
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
