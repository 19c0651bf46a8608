//! Looks behind the references to secrets: each secret is read once, and only its keyed fingerprint is kept, so that a
//! changed secret is a planned change without being shown. Holds no secret longer than it takes to fingerprint it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::Digest;
use crate::eval::value::SecretRef;
use crate::model::{Estate, Resource};
use crate::ports::PortResult;
use crate::ports::secrets::Secrets;
use crate::ports::vault::KeyVault;
use crate::source::Span;

/// Keyed fingerprints of the secrets in use, by address and path of the attribute.
pub type Fingerprints = BTreeMap<Address, BTreeMap<String, Digest>>;

/// Fills in the fingerprints of every draft, and returns them for the diff. `place` says where an argument stands; the
/// head of its block is named otherwise. Every secret that cannot be read is reported at every place that refers to it.
pub async fn prepare(
    estate: &mut Estate,
    secrets: &dyn Secrets,
    vault: &dyn KeyVault,
    parallelism: usize,
    place: &(dyn Fn(&Address, &str) -> Option<Span> + Sync),
) -> (Fingerprints, Diagnostics) {
    let known = read(estate, secrets, vault, parallelism).await;
    let mut fingerprints = Fingerprints::new();
    let mut diagnostics = Diagnostics::default();
    for (address, resource) in estate.resources.iter_mut().filter(|(_, resource)| !resource.secrets.is_empty()) {
        for (path, reference) in &resource.secrets {
            match &known[reference] {
                Ok(digest) => _ = resource.draft.secrets.insert(path.clone(), *digest),
                // A deployment takes its secrets from its target, which reports them.
                Err(_) if address.resource().is_none() => {}
                Err(fault) => diagnostics.push(unreadable(address, resource, path, fault, place)),
            }
        }
        fingerprints.insert(address.clone(), resource.draft.secrets.clone());
    }
    (fingerprints, diagnostics)
}

/// Reads every distinct secret once.
async fn read(
    estate: &Estate,
    secrets: &dyn Secrets,
    vault: &dyn KeyVault,
    parallelism: usize,
) -> BTreeMap<SecretRef, PortResult<Digest>> {
    let distinct: BTreeSet<SecretRef> =
        estate.resources.values().flat_map(|resource| resource.secrets.values().cloned()).collect();
    let one = |reference: SecretRef| async move {
        let digest = secrets.resolve(&reference).await.map(|secret| vault.fingerprint(&secret));
        (reference, digest)
    };
    stream::iter(distinct.into_iter().map(one)).buffer_unordered(parallelism.max(1)).collect().await
}

fn unreadable(
    address: &Address,
    resource: &Resource,
    path: &str,
    fault: &crate::ports::PortError,
    place: &(dyn Fn(&Address, &str) -> Option<Span> + Sync),
) -> Diagnostic {
    let span = place(address, path).unwrap_or(resource.span);
    let report = Diagnostic::error(&codes::shell::SECRET_UNREADABLE, format!("{path}: {fault}"));
    let report = report.at(span).about(address);
    match &fault.remedy {
        Some(remedy) => report.hint(remedy),
        None => report.hint("Make the secret readable for whoever runs cap, or refer to another one."),
    }
}
