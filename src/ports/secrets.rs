//! Resolving references to secrets, just before use.

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::PortResult;
use crate::eval::value::SecretRef;

/// Finds secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's bytes. `Absent` when it is not there, `Unauthorized` when it may not be read; the error names the
    /// reference, never the content.
    async fn resolve(&self, reference: &SecretRef) -> PortResult<Zeroizing<Vec<u8>>>;
}
