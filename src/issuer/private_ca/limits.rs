//! What a private CA may issue: names and lifetimes. Pure.

use rcgen::{GeneralSubtree, NameConstraints};

use super::super::args;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::state::Spec;
use crate::time::Duration;

/// Limits as its block states them.
pub(super) struct Limits {
    default_lifetime: Duration,
    max_lifetime: Option<Duration>,
    permitted: Vec<String>,
    excluded: Vec<String>,
}

impl Limits {
    /// From the recorded spec.
    pub(super) fn read(spec: &Spec) -> PortResult<Self> {
        let default_lifetime = args::duration(spec, "default_lifetime")?;
        Ok(Self {
            default_lifetime: default_lifetime.ok_or_else(|| args::unusable("default_lifetime", "it is missing"))?,
            max_lifetime: args::duration(spec, "max_lifetime")?,
            permitted: domains(spec, "name_constraints.permitted_dns"),
            excluded: domains(spec, "name_constraints.excluded_dns"),
        })
    }

    /// The lifetime that a certificate gets which asks for `asked`.
    pub(super) fn lifetime(&self, asked: Option<Duration>) -> PortResult<Duration> {
        let lifetime = asked.unwrap_or(self.default_lifetime);
        match self.max_lifetime {
            Some(longest) if lifetime > longest => {
                let message =
                    format!("a lifetime of {lifetime} was asked for, and this CA issues for {longest} at most");
                Err(PortError::new(ErrorClass::Rejected, message)
                    .remedy("ask for a shorter lifetime, or raise max_lifetime of the private_ca"))
            }
            _ => Ok(lifetime),
        }
    }

    /// Whether all names may be issued (RFC 5280 section 4.2.1.10): constraints on DNS names leave IP addresses alone.
    pub(super) fn allow(&self, names: &[String]) -> PortResult<()> {
        let dns = names.iter().filter(|name| name.parse::<core::net::IpAddr>().is_err());
        let outside = dns.filter(|name| self.is_outside(name)).map(String::as_str).collect::<Vec<_>>();
        if outside.is_empty() {
            return Ok(());
        }
        let message = format!("{} lies outside this CA's name constraints", outside.join(", "));
        Err(PortError::new(ErrorClass::Rejected, message)
            .remedy("use another issuer: a CA's name constraints are part of its certificate and never change"))
    }

    fn is_outside(&self, name: &str) -> bool {
        let base = name.strip_prefix("*.").unwrap_or(name);
        let below = |domains: &[String]| domains.iter().any(|domain| is_below(base, domain));
        let covers = |domain: &String| base != name && is_child(domain, base);
        below(&self.excluded)
            || self.excluded.iter().any(covers)
            || (!self.permitted.is_empty() && !below(&self.permitted))
    }

    /// The same as the CA's certificates state it; `None` without constraints.
    pub(super) fn as_extension(&self) -> Option<NameConstraints> {
        let trees = |domains: &[String]| domains.iter().cloned().map(GeneralSubtree::DnsName).collect::<Vec<_>>();
        let (permitted_subtrees, excluded_subtrees) = (trees(&self.permitted), trees(&self.excluded));
        let some = !permitted_subtrees.is_empty() || !excluded_subtrees.is_empty();
        some.then_some(NameConstraints { permitted_subtrees, excluded_subtrees })
    }
}

/// Domains as names are compared with them: in lower case.
fn domains(spec: &Spec, path: &str) -> Vec<String> {
    args::texts(spec, path).into_iter().map(|domain| domain.to_lowercase()).collect()
}

/// Whether a domain lies one label below the base: the only ones that `*.base` stands for (RFC 6125 section 6.4.3).
fn is_child(domain: &str, base: &str) -> bool {
    let label = domain.strip_suffix(base).and_then(|rest| rest.strip_suffix('.'));
    label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

/// Whether a name is the domain or lies below it.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limits(spec: serde_json::Value) -> Limits {
        let mut spec: Spec = serde_json::from_value(spec).expect("a spec");
        spec.entry("default_lifetime").or_insert(json!("90d"));
        Limits::read(&spec).expect("limits")
    }

    #[test]
    fn names_are_held_to_the_constraints() {
        let constraints = json!({
            "permitted_dns": ["Example.test"], "excluded_dns": ["SECRET.sub.example.test", "a.deep.example.test"]
        });
        let bound = limits(json!({"name_constraints": constraints}));
        let free = limits(json!({}));
        let check = |name: &str, expected: bool| {
            assert_eq!(bound.allow(&[name.to_owned()]).is_ok(), expected, "{name}");
            assert!(free.allow(&[name.to_owned()]).is_ok(), "{name}");
        };
        for name in ["example.test", "www.example.test", "*.example.test", "sub.example.test", "192.0.2.1"] {
            check(name, true);
        }
        for name in ["example.com", "badexample.test", "test"] {
            check(name, false);
        }
        for name in ["secret.sub.example.test", "*.secret.sub.example.test", "x.secret.sub.example.test"] {
            check(name, false);
        }
        for name in ["*.sub.example.test", "*.deep.example.test"] {
            check(name, false);
        }
    }

    #[test]
    fn lifetimes_are_held_to_the_longest() {
        let days = Duration::from_days;
        let bound = limits(json!({"max_lifetime": "100d"}));
        assert_eq!(bound.lifetime(None), Ok(days(90)));
        assert_eq!(bound.lifetime(Some(days(100))), Ok(days(100)));
        assert_eq!(bound.lifetime(Some(days(101))).map_err(|fault| fault.class), Err(ErrorClass::Rejected));
        assert_eq!(limits(json!({})).lifetime(Some(days(1000))), Ok(days(1000)));
    }
}
