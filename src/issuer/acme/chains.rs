//! Alternate chains (RFC 8555 section 7.4.2): the one that leads to the root that was asked for.

use super::jws::{AccountKey, Signed};
use super::session::Session;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::x509::top_issuer;

/// The chain whose top-most issuer has that common name, among the default one and its alternates; the default one where
/// the CA offers no such chain. An alternate that the CA does not hand out, or that cannot be read, is passed over: a good
/// chain is there already.
///
/// # Errors
/// `Transient` and `RateLimited`, which pass: asked again, the CA may have the chain.
pub(super) async fn preferred(
    session: &Session,
    (key, account): (&AccountKey, &str),
    default: String,
    alternates: &[String],
    name: &str,
) -> PortResult<String> {
    if leads_to(&default, name)? {
        return Ok(default);
    }
    for url in alternates {
        let reply = match session.post(key, Signed::By(account), url, None).await {
            Ok(reply) => reply,
            Err(error) if matches!(error.class, ErrorClass::Transient | ErrorClass::RateLimited { .. }) => {
                return Err(error);
            }
            Err(_) => continue,
        };
        let chain = String::from_utf8(reply.body.to_vec()).ok();
        if let Some(chain) = chain.filter(|chain| leads_to(chain, name).unwrap_or(false)) {
            return Ok(chain);
        }
    }
    Ok(default)
}

fn leads_to(chain: &str, name: &str) -> PortResult<bool> {
    let top = top_issuer(chain).map_err(|error| {
        PortError::new(ErrorClass::Transient, format!("the chain that the CA sent cannot be read: {error}"))
    })?;
    Ok(top.as_deref() == Some(name))
}
