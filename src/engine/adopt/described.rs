//! Certificates and CAs behind an id, held against what their blocks describe.

use serde_json::Value as Json;

use super::files::Files;
use super::{DESCRIBE, PATHS, Refusal, same};
use crate::job::wanted;
use crate::plan::{ImportedKey, Importing};
use crate::state::Spec;
use crate::state::facts::{AuthorityFacts, CertificateFacts, CertificateVersion, Facts};
use crate::time::Timestamp;
use crate::x509::{self, DnsConstraints, Leaf};

/// A certificate, with its chain and its key.
pub(super) fn certificate(id: &str, spec: &Spec, now: Timestamp) -> Result<Importing, Refusal> {
    let files = Files::read(id)?;
    let chain = files.certificates();
    let leaf = read(chain.first().map_or("", String::as_str))?;
    let key = files.needed_key(&leaf.spki, "certificate")?;
    same("key_type", wanted::text(spec, "key_type"), &leaf.key_type)?;
    let chain = chain.concat();
    let leaf = x509::check_chain(&chain, &wanted::names(spec), &leaf.spki, now)
        .map_err(|fault| (format!("{id} is not what the block describes: {fault}."), DESCRIBE))?;
    // Who issued it is known by name only.
    let issued_at = leaf.not_before;
    let version = CertificateVersion::of(leaf, chain, issued_at);
    let facts = Facts::Certificate(CertificateFacts { versions: vec![version], ..CertificateFacts::default() });
    Ok(Importing { id: id.to_owned(), facts, keys: vec![key] })
}

fn read(pem: &str) -> Result<Leaf, Refusal> {
    Leaf::from_pem(pem).map_err(|fault| (format!("{fault}."), PATHS))
}

/// A private CA: a root, and the intermediate below it where the block has one.
pub(super) fn authority(id: &str, spec: &Spec, now: Timestamp) -> Result<Importing, Refusal> {
    let files = Files::read(id)?;
    let root = found(&files, |one| one.issuer == one.subject)?
        .into_iter()
        .next()
        .ok_or_else(|| (format!("{id} holds no root: a CA's certificate that is signed by itself."), PATHS))?;
    described(&root, spec, "common_name", now)?;
    let below = below(&files, &root, spec, now)?;
    let keys = match &below {
        None => vec![files.needed_key(&root.1.spki, "root")?],
        Some(issuing) => keys(&files, &root, issuing)?,
    };
    let issuing = below.as_ref().unwrap_or(&root);
    constraints(&issuing.0, &root.0, spec)?;
    let facts = AuthorityFacts {
        keys: Vec::new(),
        notes: Vec::new(),
        fingerprint: root.1.fingerprint,
        not_after: issuing.1.not_after,
        certificates: [Some(root.0), below.map(|below| below.0)].into_iter().flatten().collect(),
    };
    Ok(Importing { id: id.to_owned(), facts: Facts::Authority(facts), keys })
}

/// A certificate's text, and what it says.
type Certificate = (String, Leaf);

/// The CAs' certificates like that, in the order of the files.
fn found(files: &Files, is_it: impl Fn(&Leaf) -> bool) -> Result<Vec<Certificate>, Refusal> {
    let all = files.certificates().iter().map(|pem| Ok((pem.clone(), read(pem)?)));
    let mut all = all.collect::<Result<Vec<Certificate>, Refusal>>()?;
    all.retain(|(_, leaf)| leaf.is_ca && is_it(leaf));
    Ok(all)
}

/// The intermediate that the block describes: of several the one whose private key is there, the latest of them if it has
/// several certificates.
fn below(files: &Files, root: &Certificate, spec: &Spec, now: Timestamp) -> Result<Option<Certificate>, Refusal> {
    if at(spec, "intermediate").is_none() {
        return Ok(None);
    }
    let found = found(files, |one| one.issuer == root.1.subject && one.subject != root.1.subject)?;
    let has_key = |one: &&Certificate| files.key(&one.1.spki).is_some();
    let intermediate = match (found.iter().filter(has_key).max_by_key(|one| one.1.not_after), &found[..]) {
        (Some(one), _) | (None, [one]) => one.clone(),
        (None, []) => {
            let missing = "No certificate of an intermediate is among the files: a CA's that the root has signed.";
            return Err((missing.to_owned(), FILES));
        }
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|one| one.1.subject.as_str()).collect();
            let detail = format!("The private key is that of none of the intermediates: {}.", names.join("; "));
            return Err((detail, FILES));
        }
    };
    if !x509::is_issued_by(&intermediate.0, &root.0).map_err(|fault| (format!("{fault}."), PATHS))? {
        return Err(("The intermediate bears the root's name, and the root's key did not sign it.".to_owned(), FILES));
    }
    described(&intermediate, spec, "intermediate.common_name", now)?;
    Ok(Some(intermediate))
}

const FILES: &str = "Name all files, joined by commas: \"root.pem,issuing.pem,issuing.key\". The root's own key may stay away: the intermediate issues.";

/// The key of the root, where it is among the files, and that of the intermediate. The last one issues.
fn keys(files: &Files, root: &Certificate, issuing: &Certificate) -> Result<Vec<ImportedKey>, Refusal> {
    let issuing = files.needed_key(&issuing.1.spki, "intermediate")?;
    Ok(files.key(&root.1.spki).into_iter().chain([issuing]).collect())
}

/// That a CA's certificate is in force and has the name and the kind of key that the block says.
fn described(ca: &Certificate, spec: &Spec, name: &str, now: Timestamp) -> Result<(), Refusal> {
    let leaf = &ca.1;
    if leaf.not_after <= now {
        return Err((format!("The certificate of {} ended at {} already.", leaf.subject, leaf.not_after), PATHS));
    }
    same("key_type", wanted::text(spec, "key_type"), &leaf.key_type)?;
    same(name, at(spec, name).and_then(Json::as_str), leaf.common_name.as_deref().unwrap_or(""))
}

/// That the CA may issue what the block says, no more and no less: the block is what names are held to.
fn constraints(issuing: &str, root: &str, spec: &Spec) -> Result<(), Refusal> {
    let stated = |pem: &str| x509::dns_constraints(pem).map_err(|fault| (format!("{fault}."), PATHS));
    let (own, above) = (stated(issuing)?, stated(root)?);
    let found = if own == DnsConstraints::default() { above.clone() } else { own };
    if above != DnsConstraints::default() && above != found {
        let detail = "The root and the intermediate have different name constraints, which one block cannot state.";
        return Err((detail.to_owned(), "Let cap make the CA, or issue from another intermediate."));
    }
    let list = |name: &str| -> Vec<String> {
        let domains = at(spec, &format!("name_constraints.{name}")).and_then(Json::as_array);
        domains.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let described = DnsConstraints::new(list("permitted_dns"), list("excluded_dns"));
    same("name_constraints", Some(&shown(&described)), &shown(&found))
}

/// What a path of names leads to; `null` is nothing.
fn at<'a>(spec: &'a Spec, path: &str) -> Option<&'a Json> {
    let mut names = path.split('.');
    let first = spec.get(names.next()?)?;
    names.try_fold(first, |json, name| json.get(name)).filter(|json| !json.is_null())
}

fn shown(constraints: &DnsConstraints) -> String {
    let list = |domains: &[String]| if domains.is_empty() { "none".to_owned() } else { domains.join(", ") };
    format!("permitted: {}; excluded: {}", list(&constraints.permitted), list(&constraints.excluded))
}
