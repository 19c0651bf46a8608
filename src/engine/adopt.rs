//! Importing: what an `import` block names is looked at while planning, and taken over with the submission. The plan holds
//! what is public; private keys are read again from where they lie, and only for an instant.

use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Engine, load};
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics, codes::plan as codes};
use crate::eval::desired::Import;
use crate::job::RunId;
use crate::job::wanted;
use crate::model::{Estate, Resource};
use crate::plan::{Importing, Plan, Step, Work};
use crate::ports::PortError;
use crate::state::facts::{AuthorityFacts, CertificateFacts, CertificateVersion, Facts, KeyId};
use crate::state::{Spec, State};
use crate::time::Timestamp;
use crate::x509::{self, Leaf};

/// What the imports of a configuration take over, by address. What has a record already is managed already.
pub fn look(
    imports: &[Import],
    estate: &Estate,
    state: &State,
    now: Timestamp,
) -> (BTreeMap<Address, Importing>, Diagnostics) {
    let mut found: BTreeMap<Address, Importing> = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut faults = Diagnostics::default();
    for import in imports {
        let address = Address::from(import.to.clone());
        let Some(resource) = estate.resources.get(&address) else {
            let detail = format!("{address} is not declared, so nothing can be imported to it.");
            faults.push(refused(import, detail).hint("Write its block, then import."));
            continue;
        };
        if let Some(first) = places.insert(address.clone(), import.span) {
            faults.push(refused(import, format!("{address} is imported twice.")).related(first, "the first time"));
            continue;
        }
        if state.records.get(&address).is_some_and(|record| record.spec.is_some()) {
            continue;
        }
        let importing = importing(import, resource, now).map_err(|(detail, hint)| refused(import, detail).hint(hint));
        if let Some(importing) = faults.take(importing) {
            found.insert(address, importing);
        }
    }
    (found, faults)
}

fn refused(import: &Import, detail: String) -> Diagnostic {
    Diagnostic::error(&codes::IMPORT, detail).at(import.span).about(&import.to)
}

type Refusal = (String, &'static str);

fn importing(import: &Import, resource: &Resource, now: Timestamp) -> Result<Importing, Refusal> {
    let id = import.id.clone();
    let spec = &resource.draft.spec;
    match resource.work {
        Work::Record => Ok(Importing { id, facts: Facts::None, key: None }),
        Work::Issue => certificate(id, spec, now),
        Work::Establish => authority(id, spec, now),
        Work::Register | Work::Deploy | Work::Undeploy => {
            let detail = format!("A {} cannot be imported.", import.to.kind);
            Err((
                detail,
                "Leave the import out: registering with a CA is free, and existing accounts stay as they are.",
            ))
        }
    }
}

const PATHS: &str =
    "The id is a PEM file with the certificates and the private key, or two of them: \"chain.pem,key.pem\".";

/// What lies behind an id: the texts of the certificates, and where the key is.
struct Found {
    text: String,
    key: String,
    pkcs8: Zeroizing<Vec<u8>>,
}

fn read(id: &str) -> Result<Found, Refusal> {
    let (chain, key) = id.split_once(',').map_or((id, id), |(chain, key)| (chain.trim(), key.trim()));
    let text = load::read(Path::new(chain)).map_err(|fault| (fault.detail, PATHS))?;
    let pkcs8 = private_key(key).map_err(|why| (why, PATHS))?;
    Ok(Found { text, key: key.to_owned(), pkcs8 })
}

fn private_key(path: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let text = Zeroizing::new(load::read(Path::new(path)).map_err(|fault| fault.detail)?);
    x509::one(&text, "PRIVATE KEY")
        .map(Zeroizing::new)
        .map_err(|_| format!("{path} holds no private key in PKCS#8 (BEGIN PRIVATE KEY); `openssl pkcs8 -topk8 -nocrypt` makes one of others."))
}

fn certificate(id: String, spec: &Spec, now: Timestamp) -> Result<Importing, Refusal> {
    let Found { text, key, pkcs8 } = read(&id)?;
    let (first, above) = x509::split_chain(&text).map_err(|fault| (format!("{fault}."), PATHS))?;
    let leaf = leaf(&first, &pkcs8)?;
    same("key_type", wanted::text(spec, "key_type"), &leaf.key_type)?;
    let leaf = x509::check_chain(&text, &wanted::names(spec), &leaf.spki, now).map_err(|fault| {
        (format!("{id} is not what the block describes: {fault}."), "Make the block say what is there, then import.")
    })?;
    // Who issued it is known by name only.
    let issued_at = leaf.not_before;
    let version = CertificateVersion::of(leaf, first + &above, issued_at);
    let facts = Facts::Certificate(CertificateFacts { versions: vec![version], ..CertificateFacts::default() });
    Ok(Importing { id, facts, key: Some(key) })
}

fn authority(id: String, spec: &Spec, now: Timestamp) -> Result<Importing, Refusal> {
    for nested in ["intermediate", "name_constraints"] {
        if spec.get(nested).is_some_and(|value| !value.is_null()) {
            let detail = format!("A private CA with a block \"{nested}\" cannot be imported.");
            return Err((detail, "Import a root that issues by itself, or let cap make the CA."));
        }
    }
    let Found { text, key, pkcs8 } = read(&id)?;
    let (pem, _) = x509::split_chain(&text).map_err(|fault| (format!("{fault}."), PATHS))?;
    let root = leaf(&pem, &pkcs8)?;
    if !root.is_ca || root.issuer != root.subject {
        return Err((format!("{id} is no root: a CA's certificate that is signed by itself."), PATHS));
    }
    if root.not_after <= now {
        return Err((format!("{id} ended at {} already.", root.not_after), PATHS));
    }
    same("key_type", wanted::text(spec, "key_type"), &root.key_type)?;
    same("common_name", wanted::text(spec, "common_name"), root.common_name.as_deref().unwrap_or(""))?;
    let (fingerprint, not_after) = (root.fingerprint, root.not_after);
    let facts = AuthorityFacts { keys: Vec::new(), notes: Vec::new(), certificates: vec![pem], fingerprint, not_after };
    Ok(Importing { id, facts: Facts::Authority(facts), key: Some(key) })
}

/// The certificate, if the key is its own.
fn leaf(pem: &str, pkcs8: &[u8]) -> Result<Leaf, Refusal> {
    let leaf = Leaf::from_pem(pem).map_err(|fault| (format!("{fault}."), PATHS))?;
    match x509::key_matches(pkcs8, &leaf) {
        Ok(true) => Ok(leaf),
        Ok(false) => Err(("The private key is not that of the certificate.".to_owned(), PATHS)),
        Err(fault) => Err((format!("The private key cannot be used: {fault}."), PATHS)),
    }
}

fn same(argument: &str, wanted: Option<&str>, found: &str) -> Result<(), Refusal> {
    if wanted.is_none_or(|wanted| wanted == found) {
        return Ok(());
    }
    let detail =
        format!("\"{argument}\" of what is there is \"{found}\", and the block says \"{}\".", wanted.unwrap_or(""));
    Err((detail, "Make the block say what is there, then import."))
}

/// Why the key of an import could not be taken over.
#[derive(Debug)]
pub(super) enum KeyFault {
    /// It is not what it was while planning.
    Changed(Box<Diagnostic>),
    /// The vault failed.
    Port(PortError),
}

/// The facts of every import of a plan, their keys sealed in the vault under new names.
pub(super) async fn take(engine: &Engine, plan: &Plan, run: &RunId) -> Result<BTreeMap<Address, Facts>, KeyFault> {
    let mut taken = BTreeMap::new();
    for step in &plan.steps {
        let Some(importing) = &step.importing else { continue };
        let facts = match &importing.key {
            Some(path) => sealed(engine, step, importing, path, run).await?,
            None => importing.facts.clone(),
        };
        taken.insert(step.address.clone(), facts);
    }
    Ok(taken)
}

async fn sealed(
    engine: &Engine,
    step: &Step,
    importing: &Importing,
    path: &str,
    run: &RunId,
) -> Result<Facts, KeyFault> {
    let changed = |why: String| {
        let detail = format!("{} cannot be imported: {why}", step.address);
        let report = Diagnostic::error(&codes::IMPORT, detail).about(&step.address);
        KeyFault::Changed(Box::new(report.hint("Make a new plan.")))
    };
    let pem = match &importing.facts {
        Facts::Certificate(facts) => facts.current().map_or("", |version| &version.chain),
        Facts::Authority(facts) => facts.certificates.first().map_or("", String::as_str),
        _ => "",
    };
    let key = private_key(path).map_err(changed)?;
    leaf(pem, &key).map_err(|(why, _)| changed(why))?;
    let id = KeyId(format!("{}/{run}/imported", step.address));
    engine.vault.put(&id, &key).await.map_err(KeyFault::Port)?;
    Ok(with_key(importing.facts.clone(), id))
}

fn with_key(mut facts: Facts, id: KeyId) -> Facts {
    match &mut facts {
        Facts::Certificate(facts) => facts.versions.iter_mut().for_each(|version| version.key = Some(id.clone())),
        Facts::Authority(facts) => facts.keys = vec![id],
        _ => {}
    }
    facts
}
