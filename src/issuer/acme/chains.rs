//! Alternate chains (RFC 8555 section 7.4.2): the one that leads to the root that was asked for.

use super::jws::{AccountKey, Signed};
use super::session::Session;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::x509::top_issuer;

/// The chain whose top-most issuer has that common name, among the default one and its alternates; the default one where
/// the CA offers no such chain.
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
        let reply = session.post(key, Signed::By(account), url, None).await?;
        let chain = String::from_utf8(reply.body.to_vec()).map_err(|error| unreadable(error.to_string()))?;
        if leads_to(&chain, name)? {
            return Ok(chain);
        }
    }
    Ok(default)
}

fn leads_to(chain: &str, name: &str) -> PortResult<bool> {
    let top = top_issuer(chain).map_err(|error| unreadable(error.to_string()))?;
    Ok(top.as_deref() == Some(name))
}

fn unreadable(why: String) -> PortError {
    PortError::new(ErrorClass::Transient, format!("the chain that the CA sent cannot be read: {why}"))
}
