//! The domain's kinds and rules: what an estate may be, and what its blocks mean together.

pub mod approval_policy;
mod assemble;
pub mod certificate;
pub mod certificate_policy;
mod csr;
mod deployments;
pub mod estate;
pub mod facts;
pub mod kind;
pub mod member;
pub mod names;
pub mod organization;
mod policies;
pub mod project;
mod projects;
pub mod rules;
mod walk;
pub mod zone;
mod zones;

pub use assemble::estate;
pub use deployments::file_name;
pub use estate::{Estate, Resource};
pub use facts::facts;
pub use kind::{Kind, Kinds, Role};

/// Kinds that issue certificates: one word adds one.
pub const ISSUERS: [&str; 2] = ["acme_account", "private_ca"];

/// Kinds that certificates are put on: one word adds one.
pub const TARGETS: [&str; 2] = ["file_target", "ssh_target"];

/// The kinds that need no adapter.
pub fn kinds() -> Vec<Kind> {
    vec![
        organization::kind(),
        member::kind(),
        project::kind(),
        certificate_policy::kind(),
        approval_policy::kind(),
        zone::kind(),
        certificate::kind(),
    ]
}

#[cfg(test)]
pub mod fixture;

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::diagnostic::Diagnostics;

    /// What a kind's own rules say of a block, as codes with the text under each.
    fn check(address: &str, value: Json, expected: &[&str]) {
        let kinds = fixture::kinds();
        let instance = fixture::instance(&kinds, address, value);
        let mut faults = Diagnostics::default();
        (kinds.get(&instance.address.kind).expect("a kind").check)(&instance, &mut faults);
        let found: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.code, fault.detail)).collect();
        assert_eq!(found.len(), expected.len(), "{address}: {found:?}");
        for (found, part) in found.iter().zip(expected) {
            assert!(found.contains(part), "{found} does not say {part}");
        }
        assert!(faults.iter().all(|fault| fault.span.is_some()), "every fault has a place");
    }

    #[test]
    fn kinds_hold_their_own_rules() {
        check("member.a", json!({"email": "a@example.com"}), &[]);
        check("member.a", json!({"email": "a example.com"}), &["CAP0302"]);
        check("organization.o", json!({"audit": {"retention": "400 days"}}), &["a length of time"]);
        check("organization.o", json!({"audit": {"syslog": {"address": "siem:6514"}}}), &["CAP0315"]);
        check("organization.o", json!({"audit": {"syslog": {"address": "siem"}}}), &["host:port", "CAP0315"]);
        check("organization.o", json!({"encryption": {"active_version": 0}}), &["whole number from 1"]);
        check("certificate_policy.p", json!({"naming_pattern": "("}), &["regular expression"]);
        check("certificate_policy.p", json!({"sans": {"max_count": {"$number": "1.5"}}}), &["whole number"]);
        check("approval_policy.p", json!({"required_for": ["issue"]}), &["CAP0315"]);
    }

    #[test]
    fn zones_are_registered_domains() {
        check("zone.z", json!({"apex": "example.com", "aliases": ["example.co.uk"]}), &[]);
        check("zone.z", json!({"apex": "co.uk"}), &["CAP0308"]);
        check("zone.z", json!({"apex": "corp.internal"}), &[]);
        check("zone.z", json!({"apex": "example.com", "aliases": ["com", "a b"]}), &["CAP0308", "CAP0302"]);
    }

    #[test]
    fn certificates_are_what_cas_can_issue() {
        check("certificate.c", json!({"common_name": "www.example.com", "sans": ["*.example.com"]}), &[]);
        check("certificate.c", json!({"common_name": "a.b", "sans": ["a.b"]}), &["twice"]);
        let many: Vec<String> = (0..100).map(|at| format!("n{at}.example.com")).collect();
        check("certificate.c", json!({"common_name": "example.com", "sans": many}), &["101 names"]);
        check("certificate.c", json!({"common_name": "a.b", "lifetime": "6d", "renew_before": "10d"}), &["CAP0313"]);
        check("certificate.c", json!({"common_name": "a.b", "renew_before": "soon"}), &["CAP0302"]);
    }

    #[test]
    fn objects_of_a_project_may_name_it() {
        for kind in kinds() {
            let named = kind.schema.body.attribute("project").is_some();
            assert_eq!(named, kind.schema.in_project, "{}", kind.schema.name);
        }
    }
}
