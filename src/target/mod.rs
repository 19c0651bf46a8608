//! Destinations of certificates. One kind is one file, registered by one word in the catalog below; its schema, its
//! rules, its slots and its adapter follow from there.
//!
//! Nothing here plans, retries or records: the engine does. A target looks, puts in place, puts back, takes away.

pub mod args;
#[cfg(test)]
mod crash;
pub mod endpoint;
pub mod file;
pub mod files;
mod local;
pub mod machine;
mod output;
pub mod pair;
mod plain;
pub mod slot;
pub mod ssh;
pub mod verify;
mod versioned;

use std::sync::Arc;

use crate::job::ErrorClass;
use crate::model::Kind;
use crate::ports::secrets::Secrets;
use crate::ports::target::Target;
use crate::ports::{PortError, PortResult};
use crate::state::Spec;

/// Registers target kinds: each module has `NAME`, `kind()` and `connect()`.
macro_rules! catalog {
    ($($module:ident),* $(,)?) => {
        /// All kinds of targets.
        pub fn kinds() -> Vec<Kind> {
            vec![$($module::kind()),*]
        }

        /// One slot: the target's kind (`ssh_target`) and its configuration, rendered for one certificate. Secrets are
        /// resolved here and stay inside the adapter; nothing is asked of the target yet.
        ///
        /// # Errors
        /// `Rejected` for a configuration that cannot be used, and whatever `secrets` says.
        pub async fn connect(kind: &str, config: &Spec, secrets: &dyn Secrets) -> PortResult<Arc<dyn Target>> {
            match kind {
                $($module::NAME => $module::connect(config, secrets).await,)*
                other => Err(PortError::new(ErrorClass::Bug, format!("there is no kind of target named {other}"))),
            }
        }
    };
}

catalog! { file, ssh }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    #[test]
    fn every_kind_is_a_target_with_documented_arguments() {
        for kind in kinds() {
            assert!(matches!(kind.role, Role::Target(_)), "{}", kind.schema.name);
            assert!(kind.schema.body.attributes.iter().all(|attribute| !attribute.doc.is_empty()));
            assert!(kind.schema.body.blocks.iter().all(|block| !block.doc.is_empty()));
        }
    }
}
