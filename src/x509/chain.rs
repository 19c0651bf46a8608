//! Whether a chain is what was asked for: a CA's word is not taken for it (a certificate that is wrong is never stored).

use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error as Fault;

use super::{Leaf, X509Error, leaf, normal_names, pem};
use crate::digest::Digest;
use crate::time::{Duration, Timestamp};

/// How far ahead a start may lie: clocks differ.
const AHEAD: Duration = Duration::from_secs(3600);

/// Why a chain is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// It cannot be read.
    #[error("the chain cannot be read: {0}")]
    Unreadable(#[from] X509Error),
    /// Its names are others.
    #[error("the certificate is for {}, and {} was asked for", list(.found), list(.wanted))]
    Names {
        /// Names in it.
        found: Vec<String>,
        /// Names asked for.
        wanted: Vec<String>,
    },
    /// It is for another key.
    #[error("the certificate is for another key than the one it was asked for with")]
    Key,
    /// It is over already.
    #[error("the certificate ended at {0} already")]
    Expired(Timestamp),
    /// Its time has not come yet.
    #[error("the certificate is not valid before {0}")]
    NotYet(Timestamp),
    /// It is a CA's certificate.
    #[error("the first certificate of the chain is a CA's, not a leaf")]
    NotALeaf,
    /// A certificate does not sign the one before it.
    #[error("certificate {0} of the chain did not sign the one before it")]
    Order(usize),
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}

/// Checks a chain (PEM, leaf first) against what was asked for: exactly these names, this key (SHA-256 of its
/// SubjectPublicKeyInfo), valid at `now`, and each certificate signed by the next. A start that lies up to an hour
/// ahead is fine: clocks differ. Whether the last certificate is trusted is not asked here.
///
/// # Errors
/// The first fault found.
pub fn check_chain(chain: &str, names: &[String], spki: &Digest, now: Timestamp) -> Result<Leaf, ChainFault> {
    let ders = pem::certificates(chain)?;
    let certificates = ders.iter().map(|der| leaf::parse(der)).collect::<Result<Vec<_>, _>>()?;
    let first = Leaf::read(&certificates[0])?;
    check_leaf(&first, normal_names(names), spki, now)?;
    for (at, pair) in certificates.windows(2).enumerate() {
        if !signs(&pair[1], &pair[0]) {
            return Err(ChainFault::Order(at + 2));
        }
    }
    Ok(first)
}

fn check_leaf(first: &Leaf, wanted: Vec<String>, spki: &Digest, now: Timestamp) -> Result<(), ChainFault> {
    if first.is_ca {
        return Err(ChainFault::NotALeaf);
    }
    if first.spki != *spki {
        return Err(ChainFault::Key);
    }
    if first.names != wanted {
        return Err(ChainFault::Names { found: first.names.clone(), wanted });
    }
    if first.not_before > now + AHEAD {
        return Err(ChainFault::NotYet(first.not_before));
    }
    if first.not_after <= now { Err(ChainFault::Expired(first.not_after)) } else { Ok(()) }
}

/// Whether the first certificate of a PEM text was issued by that of another one: by name, and by signature.
///
/// # Errors
/// When one of them cannot be read.
pub fn is_issued_by(below: &str, above: &str) -> Result<bool, X509Error> {
    let (below, above) = (pem::first_der(below)?, pem::first_der(above)?);
    Ok(signs(&leaf::parse(&above)?, &leaf::parse(&below)?))
}

/// Whether `above` issued `below`. A signature by an algorithm that is not known here is not held against it: the names
/// still have to fit.
fn signs(above: &X509Certificate<'_>, below: &X509Certificate<'_>) -> bool {
    let named = above.is_ca() && above.subject().as_raw() == below.issuer().as_raw();
    let signed = below.verify_signature(Some(above.public_key()));
    named && matches!(signed, Ok(()) | Err(Fault::SignatureUnsupportedAlgorithm))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;
    use crate::x509::{Signer, split_chain};

    struct Made {
        root: String,
        leaf: String,
        spki: Digest,
    }

    fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root")
    }

    fn make(names: &[&str], not_after: i32) -> Made {
        let issuer = ca("Root");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_after = rcgen::date_time_ymd(not_after, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &issuer).expect("a leaf").pem();
        let spki = Signer::from_pkcs8(key.serialized_der()).expect("a signer").spki();
        Made { root: issuer.pem(), leaf, spki }
    }

    fn now() -> Timestamp {
        "2026-11-24T00:00:00Z".parse().expect("a time")
    }

    fn check(chain: &str, names: &[&str], spki: &Digest) -> Result<Leaf, ChainFault> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        check_chain(chain, &names, spki, now())
    }

    #[test]
    fn a_chain_as_it_was_asked_for_is_taken() {
        let made = make(&["www.example.com", "192.0.2.7"], 2030);
        let chain = made.leaf.clone() + &made.root;
        let leaf = check(&chain, &["192.0.2.7", "WWW.example.com"], &made.spki).expect("a good chain");
        assert_eq!(leaf.spki, made.spki);
        let (alone, rest) = split_chain(&chain).expect("two parts");
        assert_eq!(Leaf::from_pem(&alone).map(|leaf| leaf.fingerprint), Ok(leaf.fingerprint));
        assert_eq!(Leaf::from_pem(&rest).map(|root| root.is_ca), Ok(true));
        assert_eq!(is_issued_by(&alone, &rest), Ok(true));
        assert_eq!(is_issued_by(&alone, &make(&["www.example.com"], 2030).root), Ok(false), "by name only");
    }

    #[test]
    fn a_start_lies_an_hour_ahead_at_most() {
        let made = make(&["www.example.com"], 2030);
        let names = ["www.example.com".to_owned()];
        let start = Leaf::from_pem(&made.leaf).expect("a leaf").not_before;
        let at = |now: Timestamp| check_chain(&made.leaf, &names, &made.spki, now).map(|leaf| leaf.not_before);
        assert_eq!(at(start + Duration::from_secs(-3600)), Ok(start));
        assert_eq!(at(start + Duration::from_secs(-3601)), Err(ChainFault::NotYet(start)));
    }

    #[test]
    fn a_chain_of_another_kind_is_refused_for_its_reason() {
        let made = make(&["www.example.com"], 2030);
        let other = make(&["www.example.com"], 2030);
        let old = make(&["www.example.com"], 2020);
        let names = ["www.example.com"];
        let refused = |chain: &str, names: &[&str], spki: &Digest| check(chain, names, spki).expect_err("a fault");
        assert!(matches!(refused(&made.leaf, &["example.com"], &made.spki), ChainFault::Names { .. }));
        assert_eq!(refused(&made.leaf, &names, &other.spki), ChainFault::Key);
        assert!(matches!(refused(&old.leaf, &names, &old.spki), ChainFault::Expired(_)));
        assert_eq!(refused(&(made.leaf.clone() + &other.root), &names, &made.spki), ChainFault::Order(2));
        assert_eq!(refused(&(made.leaf.clone() + &made.leaf), &names, &made.spki), ChainFault::Order(2));
        assert_eq!(refused(&made.root, &names, &made.spki), ChainFault::NotALeaf);
        assert!(matches!(refused("", &names, &made.spki), ChainFault::Unreadable(_)));
    }
}
