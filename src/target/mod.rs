//! Destinations of certificates. One kind is one file, registered by one word in the catalog below; its schema, its
//! rules, its slots and its adapter follow from there.
//!
//! Nothing here plans, retries or records: the engine does. A target looks, puts in place, puts back, takes away.

pub mod args;
pub mod file;
pub mod files;
pub mod ssh;
pub mod verify;

use crate::model::Kind;

/// Registers target kinds: each module has `kind()`.
macro_rules! catalog {
    ($($module:ident),* $(,)?) => {
        /// All kinds of targets.
        pub fn kinds() -> Vec<Kind> {
            vec![$($module::kind()),*]
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
