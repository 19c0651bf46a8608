//! Name constraints of a CA's certificate (RFC 5280 section 4.2.1.10), as far as they are about DNS names.

use x509_parser::extensions::{GeneralName, GeneralSubtree};

use super::{X509Error, leaf, pem};

/// Domains that a CA may and may not issue for; both empty when it is bound to none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsConstraints {
    /// Domains whose names, and those below them, are permitted: lower case, sorted. Empty when all are.
    pub permitted: Vec<String>,
    /// Domains whose names, and those below them, are excluded: lower case, sorted.
    pub excluded: Vec<String>,
}

impl DnsConstraints {
    /// From domains in any order and case.
    pub fn new(permitted: Vec<String>, excluded: Vec<String>) -> Self {
        let normal = |domains: Vec<String>| {
            let mut domains: Vec<String> = domains.iter().map(|domain| domain.to_lowercase()).collect();
            domains.sort();
            domains.dedup();
            domains
        };
        Self { permitted: normal(permitted), excluded: normal(excluded) }
    }
}

/// What the first certificate of a PEM text states.
///
/// # Errors
/// When it cannot be read, or is bound to anything but DNS names too.
pub fn dns_constraints(pem: &str) -> Result<DnsConstraints, X509Error> {
    let der = pem::first_der(pem)?;
    let certificate = leaf::parse(&der)?;
    let broken = |error| X509Error::new(format!("its name constraints are broken: {error}"));
    let Some(found) = certificate.name_constraints().map_err(broken)? else { return Ok(DnsConstraints::default()) };
    let permitted = domains(found.value.permitted_subtrees.as_deref())?;
    Ok(DnsConstraints::new(permitted, domains(found.value.excluded_subtrees.as_deref())?))
}

fn domains(trees: Option<&[GeneralSubtree<'_>]>) -> Result<Vec<String>, X509Error> {
    let domain = |tree: &GeneralSubtree<'_>| match &tree.base {
        GeneralName::DNSName(name) => Ok((*name).to_owned()),
        _ => Err(X509Error::new("its name constraints are about more than DNS names, which a private_ca cannot state")),
    };
    trees.unwrap_or_default().iter().map(domain).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CidrSubnet, GeneralSubtree as Tree, IsCa, KeyPair, NameConstraints,
    };

    use super::*;

    fn ca(constraints: Option<NameConstraints>) -> String {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.name_constraints = constraints;
        params.self_signed(&KeyPair::generate().expect("a key")).expect("a CA").pem()
    }

    fn dns(name: &str) -> Tree {
        Tree::DnsName(name.to_owned())
    }

    #[test]
    fn domains_are_read_and_others_are_refused() {
        assert_eq!(dns_constraints(&ca(None)), Ok(DnsConstraints::default()));
        let stated = NameConstraints {
            permitted_subtrees: vec![dns("b.test"), dns("A.test")],
            excluded_subtrees: vec![dns("x.a.test")],
        };
        let wanted = DnsConstraints::new(vec!["a.test".into(), "B.test".into()], vec!["x.a.test".into()]);
        assert_eq!(dns_constraints(&ca(Some(stated))), Ok(wanted));
        let addresses = Tree::IpAddress(CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0]));
        let stated = NameConstraints { permitted_subtrees: vec![addresses], excluded_subtrees: Vec::new() };
        assert!(dns_constraints(&ca(Some(stated))).is_err());
    }
}
