//! Issuers: ACME accounts and private CAs. One kind is one folder, registered by one word in the catalog below.
//!
//! Nothing here plans, retries over time or records: the engine does. An issuer makes one request a call.

pub mod acme;
mod args;
mod opened;
pub mod private_ca;

pub use opened::Issuers;

use crate::model::Kind;

/// Registers issuer kinds: each module has `kind()`.
macro_rules! catalog {
    ($($module:ident),* $(,)?) => {
        /// All kinds of issuers.
        pub fn kinds() -> Vec<Kind> {
            vec![$($module::kind()),*]
        }
    };
}

catalog! { acme, private_ca }

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::model::{ISSUERS, Kinds, Role, fixture};

    /// What a kind's own rules say of a block: a part of each report's detail.
    fn check(address: &str, value: Json, expected: &[&str]) {
        let kinds = Kinds::new(kinds());
        let instance = fixture::instance(&kinds, address, value);
        let mut faults = Diagnostics::default();
        (kinds.get(&instance.address.kind).expect("a kind").check)(&instance, &mut faults);
        let found: Vec<&str> = faults.iter().map(|fault| fault.detail.as_str()).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, part) in found.iter().zip(expected) {
            assert!(found.contains(part), "{found} does not say {part}");
        }
    }

    #[test]
    fn an_account_names_one_ca_and_what_it_demands() {
        let eab = json!({"kid": "k", "hmac": {"$secret": {"env": "HMAC"}}});
        check("acme_account.a", json!({"ca": "letsencrypt", "email": "a@example.com", "staging": true}), &[]);
        check("acme_account.a", json!({"ca": "zerossl", "eab": eab}), &[]);
        check("acme_account.a", json!({"directory": "https://ca.example.test/acme?x=1"}), &[]);
        check("acme_account.a", json!({}), &["name the CA"]);
        check("acme_account.a", json!({"ca": "letsencrypt", "directory": "https://x"}), &["ca is given too"]);
        check("acme_account.a", json!({"ca": "zerossl"}), &["add an eab block"]);
        check("acme_account.a", json!({"ca": "zerossl", "eab": eab, "staging": true}), &["no test environment"]);
        check("acme_account.a", json!({"directory": "http://ca.example.test"}), &["begins with https://"]);
        check("acme_account.a", json!({"directory": "https://ca", "staging": true}), &["name the test environment"]);
        check("acme_account.a", json!({"ca": "letsencrypt", "trust": "ca.pem"}), &["PEM certificates"]);
        check("acme_account.a", json!({"ca": "letsencrypt", "email": "nobody"}), &["no address for mail"]);
    }

    #[test]
    fn a_private_ca_has_names_and_lifetimes_that_fit() {
        check("private_ca.a", json!({"common_name": "Root", "intermediate": {"common_name": "Sub"}}), &[]);
        check("private_ca.a", json!({"common_name": " "}), &["1 to 64 characters"]);
        check("private_ca.a", json!({"common_name": "Root", "lifetime": "long"}), &["a length of time"]);
        check("private_ca.a", json!({"common_name": "Root", "max_lifetime": "30d"}), &["default_lifetime is 90d"]);
        let constraints = json!({"permitted_dns": ["example.test"], "excluded_dns": ["a b"]});
        check("private_ca.a", json!({"common_name": "Root", "name_constraints": constraints}), &["excluded_dns.0"]);
    }

    #[test]
    fn every_kind_is_an_issuer_with_documented_arguments() {
        for kind in kinds() {
            assert!(matches!(kind.role, Role::Issuer(_)), "{}", kind.schema.name);
            assert!(ISSUERS.contains(&kind.schema.name), "{}", kind.schema.name);
            let nested = kind.schema.body.blocks.iter().flat_map(|block| &block.body.attributes);
            assert!(kind.schema.body.attributes.iter().chain(nested).all(|attribute| !attribute.doc.is_empty()));
        }
    }
}
