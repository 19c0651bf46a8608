//! Looks behind the references to secrets: each secret is read once, and only its keyed fingerprint is kept, so that a
//! changed secret is a planned change without being shown. Holds no secret longer than it takes to fingerprint it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::Digest;
use crate::eval::value::SecretRef;
use crate::model::{Estate, Resource};
use crate::plan::Plan;
use crate::ports::PortResult;
use crate::ports::secrets::Secrets;
use crate::ports::vault::KeyVault;
use crate::source::Span;
use crate::state::record::{Draft, Spec};

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
    let distinct = estate.resources.values().flat_map(|resource| resource.secrets.values().cloned()).collect();
    let known = read(distinct, secrets, vault, parallelism).await;
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

/// Fingerprints the secrets of a plan again, with the keys of the store that it is carried out in: it was made without a
/// store, whose keys nobody has any more.
pub async fn again(plan: &mut Plan, secrets: &dyn Secrets, vault: &dyn KeyVault, parallelism: usize) -> Diagnostics {
    let referred = |draft: &Draft| -> BTreeMap<String, SecretRef> {
        draft.secrets.keys().filter_map(|path| Some((path.clone(), reference(&draft.spec, path)?))).collect()
    };
    let drafts = plan.steps.iter().filter_map(|step| step.after.as_ref());
    let distinct = drafts.flat_map(|draft| referred(draft).into_values()).collect();
    let known = read(distinct, secrets, vault, parallelism).await;
    let mut diagnostics = Diagnostics::default();
    for draft in plan.steps.iter_mut().filter_map(|step| step.after.as_mut()) {
        for (path, reference) in referred(draft) {
            match &known[&reference] {
                Ok(digest) => _ = draft.secrets.insert(path, *digest),
                Err(_) if draft.address.resource().is_none() => {}
                Err(fault) => diagnostics.push(unread(&draft.address, &path, fault)),
            }
        }
    }
    diagnostics
}

/// The reference to a secret at a path of a spec: names and positions in lists, joined by dots.
fn reference(spec: &Spec, path: &str) -> Option<SecretRef> {
    let mut names = path.split('.');
    let first = spec.get(names.next()?)?;
    let found = names.try_fold(first, |json, name| match json {
        serde_json::Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })?;
    serde_json::from_value(found.get("$secret")?.clone()).ok()
}

/// Reads every distinct secret once.
async fn read(
    distinct: BTreeSet<SecretRef>,
    secrets: &dyn Secrets,
    vault: &dyn KeyVault,
    parallelism: usize,
) -> BTreeMap<SecretRef, PortResult<Digest>> {
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
    unread(address, path, fault).at(place(address, path).unwrap_or(resource.span))
}

fn unread(address: &Address, path: &str, fault: &crate::ports::PortError) -> Diagnostic {
    let report = Diagnostic::error(&codes::shell::SECRET_UNREADABLE, format!("{path}: {fault}")).about(address);
    match &fault.remedy {
        Some(remedy) => report.hint(remedy),
        None => report.hint("Make the secret readable for whoever runs cap, or refer to another one."),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use zeroize::Zeroizing;

    use super::*;
    use crate::job::ErrorClass;
    use crate::ports::PortError;
    use crate::ports::vault::{Flush, KeyType, MacKey, PrivateKey};
    use crate::source::SourceId;
    use crate::state::facts::KeyId;

    /// Secrets that count how often they are read.
    struct Counted(AtomicUsize);

    #[async_trait]
    impl Secrets for Counted {
        async fn resolve(&self, reference: &SecretRef) -> PortResult<Zeroizing<Vec<u8>>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            match reference {
                SecretRef::Env(name) if name != "ABSENT" => Ok(Zeroizing::new(name.clone().into_bytes())),
                _ => Err(PortError::new(ErrorClass::Absent, "it is not set").remedy("export it")),
            }
        }
    }

    /// A vault that only fingerprints, by the first byte.
    struct FirstByte;

    #[async_trait]
    impl KeyVault for FirstByte {
        async fn ensure(&self, _: &KeyId, _: KeyType, _: Flush) -> PortResult<Digest> {
            unreachable!("prepare makes no keys")
        }
        async fn put(&self, _: &KeyId, _: &[u8]) -> PortResult<()> {
            unreachable!("prepare stores no keys")
        }
        async fn csr(&self, _: &KeyId, _: Option<&str>, _: &[String]) -> PortResult<Vec<u8>> {
            unreachable!("prepare signs nothing")
        }
        async fn get(&self, _: &KeyId) -> PortResult<PrivateKey> {
            unreachable!("prepare takes no keys")
        }
        async fn ids(&self) -> PortResult<Vec<KeyId>> {
            unreachable!("prepare lists no keys")
        }
        async fn remove(&self, _: &KeyId) -> PortResult<()> {
            unreachable!("prepare removes no keys")
        }
        async fn rewrap(&self, _: u32) -> PortResult<()> {
            unreachable!("prepare seals nothing")
        }
        fn mac(&self, key: MacKey, message: &[u8]) -> Digest {
            assert_eq!(key, MacKey::Fingerprint);
            Digest([message[0]; 32])
        }
    }

    fn resource(address: &str, secrets: &[(&str, &str)]) -> (Address, Resource) {
        let address: Address = address.parse().expect("an address");
        let draft = Draft {
            address: address.clone(),
            spec: Spec::new(),
            secrets: BTreeMap::new(),
            protected: false,
            forget: false,
            depends_on: Vec::new(),
            origin: None,
        };
        let secrets = secrets.iter().map(|(path, name)| ((*path).to_owned(), SecretRef::Env((*name).to_owned())));
        let resource = Resource {
            draft,
            schema: None,
            work: crate::plan::Work::Record,
            ignore: Default::default(),
            span: Span::new(SourceId(0), 0..1),
            secrets: secrets.collect(),
            zones: BTreeMap::new(),
            slots: None,
            places: Vec::new(),
        };
        (address, resource)
    }

    #[tokio::test]
    async fn each_secret_is_read_once_and_only_its_fingerprint_is_kept() {
        let resources = [resource("member.a", &[("token", "A")]), resource("member.b", &[("token", "A"), ("k", "B")])];
        let mut estate = Estate { resources: resources.into(), ..Estate::default() };
        let secrets = Counted(AtomicUsize::new(0));
        let (fingerprints, faults) = prepare(&mut estate, &secrets, &FirstByte, 4, &|_, _| None).await;
        assert!(faults.is_empty());
        assert_eq!(secrets.0.load(Ordering::Relaxed), 2);
        let b: Address = "member.b".parse().expect("an address");
        assert_eq!(fingerprints[&b]["k"], Digest([b'B'; 32]));
        assert_eq!(estate.resources[&b].draft.secrets, fingerprints[&b]);
    }

    #[tokio::test]
    async fn every_place_of_an_unreadable_secret_is_reported_and_the_rest_is_read() {
        let resources = [
            resource("member.a", &[("token", "ABSENT")]),
            resource("member.b", &[("token", "ABSENT"), ("k", "B")]),
            resource("certificate.c@ssh_target.t", &[("config.key", "ABSENT")]),
        ];
        let mut estate = Estate { resources: resources.into(), ..Estate::default() };
        let at = Span::new(SourceId(0), 7..9);
        let place = |_: &Address, path: &str| (path == "token").then_some(at);
        let (fingerprints, faults) = prepare(&mut estate, &Counted(AtomicUsize::new(0)), &FirstByte, 4, &place).await;
        assert_eq!(faults.iter().count(), 2, "a deployment's secret is its target's: {faults:?}");
        assert!(faults.iter().all(|fault| fault.span == Some(at) && fault.hint.as_deref() == Some("export it")));
        assert_eq!(fingerprints.values().filter(|secrets| !secrets.is_empty()).count(), 1);
    }
}
