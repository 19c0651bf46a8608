//! Carrying out effects: from the plain data of a job to calls of ports. Nothing is decided here; what comes back is the
//! machine's to judge. Adapters are made once a worker and kept, because a connection and an account are worth keeping.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use super::Engine;
use crate::address::Address;
use crate::job::effect::{Before, Effect, Fact, OrderState, Publication};
use crate::job::{ErrorClass, Failure, Job, Machine, wanted};
use crate::plan::Action;
use crate::ports::dns::{DnsProvider, Resolver, TxtRecord, Visibility};
use crate::ports::issuer::{Challenge, Issuer, OrderHandle, OrderRequest, OrderStatus};
use crate::ports::store::JobFilter;
use crate::ports::target::{Bundle, Cleared, Holder, Previous, Restored, Served, Target, held};
use crate::ports::vault::{Flush, KeyType};
use crate::ports::{PortError, PortResult};
use crate::state::Record;
use crate::state::facts::{CertificateVersion, Facts, KeyId};
use crate::state::fold::first_chain;
use crate::state::record::Spec;
use crate::x509;

/// Adapters by the record they were made from: another revision is another adapter.
type Kept<T> = Mutex<HashMap<(Address, u64), Arc<OnceCell<Arc<T>>>>>;

/// Adapters that the jobs of one worker share.
#[derive(Default)]
pub(super) struct Adapters {
    issuers: Kept<dyn Issuer>,
    dns: Kept<dyn DnsProvider>,
    resolvers: Kept<dyn Resolver>,
}

impl Adapters {
    async fn issuer(&self, engine: &Engine, record: &Record) -> PortResult<Arc<dyn Issuer>> {
        kept(&self.issuers, key_of(record), engine.providers.issuer(record)).await
    }

    async fn dns(&self, engine: &Engine, record: &Record) -> PortResult<Arc<dyn DnsProvider>> {
        kept(&self.dns, key_of(record), engine.providers.dns(record)).await
    }

    async fn resolver(&self, engine: &Engine, record: &Record) -> PortResult<Arc<dyn Resolver>> {
        kept(&self.resolvers, key_of(record), engine.providers.resolver(record)).await
    }
}

fn key_of(record: &Record) -> (Address, u64) {
    (record.address.clone(), record.revision)
}

/// Making an adapter may take as long as its peer lets it: only those who want the same one wait for it.
async fn kept<K, T>(
    all: &Mutex<HashMap<K, Arc<OnceCell<Arc<T>>>>>,
    key: K,
    make: impl Future<Output = PortResult<Arc<T>>>,
) -> PortResult<Arc<T>>
where
    K: Eq + Hash,
    T: ?Sized,
{
    let cell = Arc::clone(all.lock().await.entry(key).or_default());
    cell.get_or_try_init(|| make).await.map(Arc::clone)
}

/// Carries out the effects of one job.
pub(super) struct Performer<'a> {
    engine: &'a Engine,
    adapters: &'a Adapters,
    /// Records of others, each read once a job.
    others: HashMap<Address, Record>,
    target: Option<Arc<dyn Target>>,
    /// What is to be installed, gathered before the target is touched.
    bundle: Option<(u32, Bundle)>,
    /// Whether an order may have been placed whose answer was not heard: a worker before died, or the CA did not answer.
    again: bool,
}

impl<'a> Performer<'a> {
    /// `again` says whether another worker may have begun the job.
    pub(super) fn new(engine: &'a Engine, adapters: &'a Adapters, again: bool) -> Self {
        Self { engine, adapters, others: HashMap::new(), target: None, bundle: None, again }
    }

    /// Carries one effect out. `record` is the job's own; `flush` is for a key that it makes.
    pub(super) async fn perform(
        &mut self,
        job: &Job,
        record: Option<&Record>,
        effect: &Effect,
        flush: Flush,
    ) -> PortResult<Fact> {
        match effect {
            Effect::Record | Effect::RemoveRecord => Ok(Fact::Done),
            Effect::Establish => self.establish(job, record).await,
            Effect::Rewrap(version) => self.engine.vault.rewrap(*version).await.map(|()| Fact::Done),
            Effect::EnsureKey(key) => self.ensure_key(job, key, flush).await,
            Effect::RemoveKey(key) => self.engine.vault.remove(key).await.map(|()| Fact::Done),
            Effect::Order { .. }
            | Effect::Challenges(_)
            | Effect::Respond(..)
            | Effect::Status(_)
            | Effect::Finalize(..)
            | Effect::Download(..) => self.ask_issuer(job, record, effect).await,
            Effect::Present(publication) | Effect::Retract(publication) | Effect::Look(publication) => {
                self.ask_dns(effect, publication).await
            }
            Effect::Previous
            | Effect::Install
            | Effect::Verify
            | Effect::VerifyPrevious(_)
            | Effect::Restore(_)
            | Effect::ClearOld(..)
            | Effect::Remove => self.ask_target(job, record, effect).await,
        }
    }

    async fn other(&mut self, address: &Address) -> PortResult<Record> {
        if let Some(record) = self.others.get(address) {
            return Ok(record.clone());
        }
        let found = self.engine.store.records(std::slice::from_ref(address)).await?;
        let record = found.into_iter().next().ok_or_else(|| absent(address))?;
        self.others.insert(address.clone(), record.clone());
        Ok(record)
    }

    async fn establish(&self, job: &Job, record: Option<&Record>) -> PortResult<Fact> {
        let known = record.filter(|_| job.step.action == Action::Update).map(|record| &record.facts);
        let known = known.filter(|facts| !facts.is_none());
        let facts = self.engine.providers.establish(job.address(), spec_of(job)?, &job.id.0, known).await?;
        Ok(Fact::Established(facts))
    }

    async fn ensure_key(&self, job: &Job, key: &KeyId, flush: Flush) -> PortResult<Fact> {
        let key_type = key_type(spec_of(job)?)?;
        self.engine.vault.ensure(key, key_type, flush).await.map(Fact::Key)
    }

    async fn ask_issuer(&mut self, job: &Job, record: Option<&Record>, effect: &Effect) -> PortResult<Fact> {
        let spec = spec_of(job)?;
        let address = referred(spec, "issuer", job)?;
        let established = self.other(&address).await?;
        let issuer = self.adapters.issuer(self.engine, &established).await?;
        let issuer = issuer.as_ref();
        match effect {
            Effect::Order { replaces } => {
                let mut request = order_request(spec, record.filter(|_| *replaces));
                if self.again {
                    request.again = Some(self.orders_of_others(job).await?);
                }
                let order = issuer.order(&request).await;
                self.again = order.is_err();
                order.map(|order| Fact::Order(order.0))
            }
            Effect::Challenges(order) => {
                let challenges = issuer.challenges(&OrderHandle(order.clone())).await?;
                self.publications(job, challenges).await
            }
            Effect::Respond(order, publication) => {
                let order = OrderHandle(order.clone());
                issuer.respond(&order, &challenge_of(publication)).await.map(|()| Fact::Done)
            }
            Effect::Status(order) => {
                let status = issuer.status(&OrderHandle(order.clone())).await?;
                Ok(Fact::Status(state_of(status)))
            }
            Effect::Finalize(order, key) => {
                let csr = self.csr(spec, key.as_ref()).await?;
                issuer.finalize(&OrderHandle(order.clone()), &csr).await.map(|()| Fact::Done)
            }
            Effect::Download(order, spki) => {
                let chain = issuer.download(&OrderHandle(order.clone()), wanted::text(spec, "preferred_chain")).await?;
                self.checked(spec, *spki, chain, established.facts.issuer_id())
            }
            other => Err(misplaced(other)),
        }
    }

    /// The orders that other jobs hold, by the store.
    async fn orders_of_others(&self, job: &Job) -> PortResult<BTreeSet<OrderHandle>> {
        let jobs = self.engine.store.jobs(&JobFilter { run: None, unfinished: true }).await?;
        let others = jobs.into_iter().filter(|other| other.id != job.id && !other.machine.is_null());
        // What this version cannot read it cannot go on with either.
        let machines = others.filter_map(|other| serde_json::from_value::<Machine>(other.machine).ok());
        Ok(machines.filter_map(|machine| machine.order().map(|url| OrderHandle(url.to_owned()))).collect())
    }

    /// Joins each challenge with the zone that publishes its record.
    async fn publications(&mut self, job: &Job, challenges: Vec<Challenge>) -> PortResult<Fact> {
        let mut publications = Vec::new();
        for challenge in challenges {
            let zone = zone_of(job, &challenge.identifier)?;
            let zone = self.other(&zone).await?;
            let spec = zone.spec.as_ref().ok_or_else(|| absent(&zone.address))?;
            let apex = wanted::text(spec, "apex").ok_or_else(|| absent(&zone.address))?;
            publications.push(Publication {
                zone: apex.trim_end_matches('.').to_owned(),
                name: format!("_acme-challenge.{}", challenge.identifier),
                credential: referred(spec, "credential", job)?,
                identifier: challenge.identifier,
                url: challenge.url,
                value: challenge.value,
                answered: challenge.answered,
            });
        }
        Ok(Fact::Challenges(publications))
    }

    async fn csr(&self, spec: &Spec, key: Option<&KeyId>) -> PortResult<Vec<u8>> {
        match key {
            Some(key) => self.engine.vault.csr(key, wanted::text(spec, "common_name"), &wanted::names(spec)).await,
            None => brought(spec).map(|request| request.der),
        }
    }

    /// A chain that is not what was asked for is refused: it is never stored as a version.
    fn checked(
        &self,
        spec: &Spec,
        spki: Option<crate::digest::Digest>,
        chain: String,
        issuer_id: Option<String>,
    ) -> PortResult<Fact> {
        let spki = match spki {
            Some(spki) => spki,
            None => brought(spec)?.spki,
        };
        let now = self.engine.clock.now();
        let leaf = match x509::check_chain(&chain, &wanted::names(spec), &spki, now) {
            Ok(leaf) => leaf,
            Err(x509::ChainFault::Key) => return Ok(Fact::OtherKey),
            Err(fault) => {
                let message = format!("the CA returned a certificate that is refused: {fault}");
                let remedy = "report it to the CA; nothing was stored or deployed";
                return Err(PortError::new(ErrorClass::Rejected, message).remedy(remedy));
            }
        };
        let version = CertificateVersion { issuer_id, ..CertificateVersion::of(leaf, chain, now) };
        Ok(Fact::Certificate(Box::new(version)))
    }

    async fn ask_dns(&mut self, effect: &Effect, publication: &Publication) -> PortResult<Fact> {
        let credential = self.other(&publication.credential).await?;
        let record = TxtRecord {
            zone: publication.zone.clone(),
            name: publication.name.clone(),
            value: publication.value.clone(),
        };
        if matches!(effect, Effect::Look(_)) {
            let resolver = self.adapters.resolver(self.engine, &credential).await?;
            return Ok(Fact::MissingAt(match resolver.visible(&record).await? {
                Visibility::Everywhere => Vec::new(),
                Visibility::Missing(servers) if servers.is_empty() => vec![format!("any server of {}", record.zone)],
                Visibility::Missing(servers) => servers,
            }));
        }
        let provider = self.adapters.dns(self.engine, &credential).await?;
        match effect {
            Effect::Present(_) => provider.present(&record).await?,
            _ => provider.retract(&record).await?,
        }
        Ok(Fact::Done)
    }

    async fn ask_target(&mut self, job: &Job, record: Option<&Record>, effect: &Effect) -> PortResult<Fact> {
        let target = self.target(job, record).await?;
        match effect {
            Effect::Previous => {
                // What is missing for the installation is to be missed before the target is touched.
                let (version, bundle) = self.gather(job, record).await?;
                let Previous { fingerprint, handle, holder } = target.previous().await?;
                let displaces = self.displaced(job, &bundle, target.as_ref(), holder.clone()).await?;
                self.bundle = Some((version, Bundle { displaces, ..bundle }));
                Ok(Fact::Before(Before { fingerprint, handle, holder }))
            }
            Effect::Install => self.install(job, record, target.as_ref()).await,
            Effect::Verify => served(target.as_ref()).await,
            Effect::VerifyPrevious(config) => {
                let previous = self.engine.providers.target(target_kind(job)?, config).await?;
                if previous.slot() == target.slot() { served(previous.as_ref()).await } else { Ok(Fact::Served(None)) }
            }
            Effect::Restore(Before { fingerprint, handle, holder }) => {
                let previous = Previous { fingerprint: *fingerprint, handle: handle.clone(), holder: holder.clone() };
                Ok(Fact::Restored(match target.restore(&holder_name(job, record), &previous).await? {
                    Restored::TakenUp => None,
                    Restored::NotTakenUp(PortError { class, message, remedy }) => {
                        Some(Failure { class, message, remedy })
                    }
                }))
            }
            Effect::ClearOld(config, leaf) => {
                let old = self.engine.providers.target(target_kind(job)?, config).await?;
                let holder = Holder { name: holder_name(job, record), leaf: *leaf };
                // Place by place: of two slots that differ, one file may still be the same.
                old.remove_except(&holder, &target.places()).await.map(cleared)
            }
            Effect::Remove => {
                let leaf = record.and_then(|record| match &record.facts {
                    Facts::Deployment(facts) => Some(facts.fingerprint),
                    _ => None,
                });
                target.remove(&Holder { name: holder_name(job, record), leaf }).await.map(cleared)
            }
            other => Err(misplaced(other)),
        }
    }

    async fn target(&mut self, job: &Job, record: Option<&Record>) -> PortResult<Arc<dyn Target>> {
        if let Some(target) = &self.target {
            return Ok(Arc::clone(target));
        }
        let after = job.step.after.as_ref().map(|draft| &draft.spec);
        let known = after.or(record.and_then(|record| record.spec.as_deref())).or(job.step.before.as_ref());
        let config = known.and_then(wanted::config).ok_or_else(|| absent(job.address()))?;
        let target = self.engine.providers.target(target_kind(job)?, config).await?;
        Ok(Arc::clone(self.target.insert(target)))
    }

    async fn install(&mut self, job: &Job, record: Option<&Record>, target: &dyn Target) -> PortResult<Fact> {
        let (version, bundle) = match self.bundle.take() {
            Some(gathered) => gathered,
            None => {
                let (version, bundle) = self.gather(job, record).await?;
                let found = target.previous().await?.holder;
                let displaces = self.displaced(job, &bundle, target, found).await?;
                (version, Bundle { displaces, ..bundle })
            }
        };
        target.install(&bundle).await?;
        Ok(Fact::Installed { version, fingerprint: bundle.fingerprint, slot: target.slot() })
    }

    /// Whom the bundle may displace: who was found in the slot, if that deployment is gone from the store or is to leave
    /// only after this one. Any other is let be.
    async fn displaced(
        &self,
        job: &Job,
        bundle: &Bundle,
        target: &dyn Target,
        found: Option<String>,
    ) -> PortResult<Option<String>> {
        let Some(found) = found.filter(|found| bundle.is_kept_out_by(found)) else { return Ok(None) };
        // It is rare that a place changes hands, so all records may be looked through.
        let records = self.engine.store.snapshot().await?.state.records;
        let other = records.values().find(|record| is_named(record, &found));
        match other.is_some_and(|other| !job.step.displaces.contains(&other.address)) {
            true => Err(held(&target.slot(), &found)),
            false => Ok(Some(found)),
        }
    }

    /// The certificate's current version with its key, and the version's number.
    async fn gather(&mut self, job: &Job, record: Option<&Record>) -> PortResult<(u32, Bundle)> {
        let Address::Deployment { certificate, .. } = job.address() else { return Err(misplaced(&Effect::Install)) };
        let certificate = self.other(&Address::Resource(certificate.clone())).await?;
        let version = current(&certificate)?;
        let (leaf, chain) = x509::split_chain(&version.chain).map_err(|fault| {
            PortError::new(ErrorClass::Bug, format!("{} holds a broken chain: {fault}", certificate.address))
        })?;
        let key = match &version.key {
            Some(key) => Some(x509::private_pem(&self.engine.vault.get(key).await?.pkcs8)),
            None => None,
        };
        let holder = holder_name(job, record);
        Ok((version.number, Bundle { holder, displaces: None, fingerprint: version.fingerprint, leaf, chain, key }))
    }
}

async fn served(target: &dyn Target) -> PortResult<Fact> {
    Ok(Fact::Served(match target.verify().await? {
        Served::NotAsked => None,
        Served::Leaves(leaves) => Some(leaves),
    }))
}

/// The name under which a deployment holds its slot: that of its timeline, which it may get only with this job.
fn holder_name(job: &Job, record: Option<&Record>) -> String {
    record.and_then(|record| record.chain.clone()).unwrap_or_else(|| first_chain(job.address(), &job.id))
}

/// Whether a deployment's record is the one that this name stands for. One that is being made has no timeline yet.
fn is_named(record: &Record, name: &str) -> bool {
    let coming = || record.claim.as_ref().map(|job| first_chain(&record.address, job));
    record.chain.as_deref() == Some(name) || (record.chain.is_none() && coming().as_deref() == Some(name))
}

fn cleared(cleared: Cleared) -> Fact {
    match cleared {
        Cleared::Removed => Fact::Done,
        Cleared::Foreign => Fact::LeftAlone,
    }
}

fn spec_of(job: &Job) -> PortResult<&Spec> {
    job.step.after.as_ref().map(|draft| &draft.spec).ok_or_else(|| {
        PortError::new(ErrorClass::Bug, format!("the step of {} does not say what it is to become", job.address()))
    })
}

fn referred(spec: &Spec, attribute: &str, job: &Job) -> PortResult<Address> {
    wanted::reference(spec, attribute).ok_or_else(|| {
        let message = format!("{}: \"{attribute}\" names nothing that could be used", job.address());
        PortError::new(ErrorClass::Bug, message)
    })
}

fn absent(address: &Address) -> PortError {
    PortError::new(ErrorClass::Absent, format!("the store holds no {address} that could be used"))
        .remedy("apply the configuration that declares it")
}

fn misplaced(effect: &Effect) -> PortError {
    PortError::new(ErrorClass::Bug, format!("{} cannot be done by this job", effect.name()))
}

fn key_type(spec: &Spec) -> PortResult<KeyType> {
    let Some(named) = spec.get("key_type") else { return Ok(KeyType::EcdsaP256) };
    serde_json::from_value(named.clone())
        .map_err(|_| PortError::new(ErrorClass::Rejected, format!("{named} is not a kind of key that can be made")))
}

fn brought(spec: &Spec) -> PortResult<x509::Request> {
    let text = wanted::text(spec, "csr").unwrap_or_default();
    x509::parse_csr(text.as_bytes())
        .map_err(|fault| PortError::new(ErrorClass::Rejected, format!("the CSR brought along cannot be used: {fault}")))
}

/// What is ordered. A renewal at the same issuer names the certificate it replaces (RFC 9773 section 5).
fn order_request(spec: &Spec, record: Option<&Record>) -> OrderRequest {
    let same = record.filter(|record| record.spec.as_ref().is_some_and(|old| old.get("issuer") == spec.get("issuer")));
    let current = same.and_then(|record| match &record.facts {
        Facts::Certificate(facts) => facts.current(),
        _ => None,
    });
    OrderRequest {
        names: wanted::names(spec),
        profile: wanted::text(spec, "profile").map(str::to_owned),
        lifetime: wanted::duration(spec, "lifetime"),
        replaces: current.map(|version| version.chain.clone()),
        preferred_chain: wanted::text(spec, "preferred_chain").map(str::to_owned),
        again: None,
    }
}

/// The zone that the plan chose for a name; a wildcard is validated at its base.
fn zone_of(job: &Job, identifier: &str) -> PortResult<Address> {
    let zones = &job.step.zones;
    let found = zones.get(identifier).or_else(|| zones.get(&format!("*.{identifier}")));
    found.cloned().ok_or_else(|| {
        PortError::new(
            ErrorClass::Rejected,
            format!("the CA asks for a DNS record of {identifier}, and no zone holds it"),
        )
        .remedy("declare a zone whose apex is this name or one above it")
    })
}

fn challenge_of(publication: &Publication) -> Challenge {
    Challenge {
        identifier: publication.identifier.clone(),
        url: publication.url.clone(),
        value: publication.value.clone(),
        answered: publication.answered,
    }
}

fn state_of(status: OrderStatus) -> OrderState {
    match status {
        OrderStatus::Pending(after) => OrderState::Pending { after },
        OrderStatus::Ready => OrderState::Ready,
        OrderStatus::Processing(after) => OrderState::Processing { after },
        OrderStatus::Valid => OrderState::Valid,
        OrderStatus::Invalid(words) => OrderState::Invalid(words),
    }
}

fn target_kind(job: &Job) -> PortResult<&str> {
    match job.address() {
        Address::Deployment { target, .. } => Ok(&target.kind),
        Address::Resource(_) => Err(misplaced(&Effect::Install)),
    }
}

fn current(certificate: &Record) -> PortResult<&CertificateVersion> {
    let current = match &certificate.facts {
        Facts::Certificate(facts) => facts.current(),
        _ => None,
    };
    current.ok_or_else(|| {
        PortError::new(ErrorClass::Absent, format!("{} has not been issued yet", certificate.address))
            .remedy("apply again, so that it is issued first")
    })
}
