//! Secrets that are always there: each reference resolves to a text made from its own name. Looks at nothing outside.

use std::collections::BTreeMap;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::eval::value::SecretRef;
use crate::ports::PortResult;
use crate::ports::secrets::Secrets;

/// Made-up secrets.
#[derive(Default)]
pub struct FakeSecrets {
    /// Values of sensitive variables, which are given and not made up.
    pub variables: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

#[async_trait]
impl Secrets for FakeSecrets {
    async fn resolve(&self, reference: &SecretRef) -> PortResult<Zeroizing<Vec<u8>>> {
        let given = match reference {
            SecretRef::Variable(name) => self.variables.get(name).cloned(),
            _ => None,
        };
        Ok(given.unwrap_or_else(|| Zeroizing::new(Digest::of(format!("{reference:?}")).to_string().into_bytes())))
    }
}
