//! X.509 (RFC 5280): what `cap` reads from certificates, requests (RFC 2986) and keys. Pure: bytes in, facts out. It knows
//! no clock: who asks about validity brings the time.

mod chain;
mod constraints;
mod leaf;
mod pem;
mod private;
mod request;
mod signer;

pub use chain::{ChainFault, check_chain, is_issued_by};
pub use constraints::{DnsConstraints, dns_constraints};
pub use leaf::{Leaf, renewal_id, top_issuer};
pub use pem::{each, first_der, one, private_pem, split_chain, to_pem};
pub use private::private_keys;
pub use request::{Request, parse_csr};
pub use signer::Signer;

/// Bytes that are not what they should be. Says what was expected; holds no key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct X509Error(pub String);

impl X509Error {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Names in the one form in which they are compared: lower case, sorted, each once; addresses as they are printed.
pub fn normal_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(|name| normal_name(name.as_ref())).collect();
    names.sort();
    names.dedup();
    names
}

fn normal_name(name: &str) -> String {
    match name.parse::<core::net::IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => name.to_lowercase(),
    }
}
