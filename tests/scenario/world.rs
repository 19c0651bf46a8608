//! A world for scenarios: one store, one CA, one DNS provider, some machines, a manual clock, and engines that come and go.

use std::collections::BTreeMap;
use std::sync::Arc;

use cap::address::Address;
use cap::engine::progress::Silent;
use cap::engine::{Engine, Stop, SubmitFault, WorkOptions, WorkReport};
use cap::job::{JobId, RunId};
use cap::plan::{Action, Plan, Reason, Step, Work};
use cap::ports::PortResult;
use cap::ports::clock::Clock;
use cap::ports::store::{EventFilter, Store};
use cap::ports::vault::{KeyVault, MacKey};
use cap::state::facts::{CertificateFacts, DeploymentFacts, Facts};
use cap::state::record::Draft;
use cap::state::{Event, EventBody, Record, Spec, fold};
use cap::store::memory::Memory;
use cap::testing::{FakeCa, FakeDns, FakeHosts, FakeProviders, Fault, Faults, Faulty, ManualClock, SeededIds};
use cap::time::{Duration, Timestamp};
use cap::timeline;
use cap::vault::KekSource;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The machine's slot of `www`.
pub const SLOT: &str = "web:/tls/www";
/// Who submits.
pub const ACTOR: &str = "tester@test";

pub struct World {
    pub clock: Arc<ManualClock>,
    pub store: Arc<dyn Store>,
    pub vault: Arc<dyn KeyVault>,
    pub providers: FakeProviders,
    pub faults: Arc<Faults>,
    ids: Arc<SeededIds>,
}

impl World {
    /// With the store in memory.
    pub async fn new() -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse().expect("a time")));
        let store = Arc::new(Memory::new(Arc::<ManualClock>::clone(&clock)).expect("a store"));
        Self::over(clock, store).await
    }

    pub async fn over(clock: Arc<ManualClock>, store: Arc<dyn Store>) -> Self {
        let key = ("CAP_ENCRYPTION_KEY_V1".to_owned(), Zeroizing::new("5".repeat(64)));
        let source = KekSource::new(vec![key], None);
        let vault: Arc<dyn KeyVault> = Arc::new(cap::vault::open(Arc::clone(&store), &source).await.expect("a vault"));
        let faults = Arc::new(Faults::default());
        let dns = Arc::new(FakeDns::default());
        dns.add_zone("example.com", &["ns1", "ns2"]);
        let ca = FakeCa::new(Arc::<ManualClock>::clone(&clock), Arc::clone(&dns)).expect("a CA");
        let providers = FakeProviders {
            ca: Arc::new(ca),
            dns,
            hosts: Arc::new(FakeHosts::default()),
            vault: Arc::clone(&vault),
            faults: Arc::clone(&faults),
        };
        Self { clock, store, vault, providers, faults, ids: Arc::new(SeededIds::new(7)) }
    }

    /// A process's engine over this world.
    pub fn engine(&self) -> Engine {
        Engine {
            store: Arc::new(Faulty::new(Arc::clone(&self.store), Arc::clone(&self.faults))),
            vault: Arc::new(Faulty::new(Arc::clone(&self.vault), Arc::clone(&self.faults))),
            providers: Arc::new(self.providers.clone()),
            clock: Arc::<ManualClock>::clone(&self.clock),
            ids: Arc::<SeededIds>::clone(&self.ids),
        }
    }

    pub async fn plan(&self, steps: Vec<Step>) -> Plan {
        let store = self.store.identity().await.expect("an identity").id;
        Plan::of(steps, self.clock.now(), store)
    }

    pub async fn submit(&self, steps: Vec<Step>) -> Result<RunId, SubmitFault> {
        let plan = self.plan(steps).await;
        cap::engine::submit(&self.engine(), &plan, ACTOR, None).await
    }

    /// Works on a run until nothing is left of it.
    pub async fn work(&self, run: &RunId) -> PortResult<WorkReport> {
        self.work_as("worker", run, &Stop::default()).await
    }

    pub async fn work_as(&self, worker: &str, run: &RunId, stop: &Stop) -> PortResult<WorkReport> {
        let options = WorkOptions { run: Some(run.clone()), ..WorkOptions::new(worker) };
        cap::engine::work(&self.engine(), &options, &Silent, stop).await
    }

    /// What has happened so far.
    pub async fn events(&self) -> Vec<Event> {
        let events = self.store.events(0, 100_000, &EventFilter::default()).await.expect("events");
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// Submits the estate and works on it up to the first call of that name, where the process dies.
    pub async fn dies_at(&self, call: &'static str, fault: Fault) -> RunId {
        self.faults.plan(call, 1, fault);
        let run = self.submit(estate()).await.expect("it is submitted");
        let stop = Stop::default();
        tokio::select! {
            _ = self.work_as("dead", &run, &stop) => panic!("it should have died"),
            () = self.faults.crashed() => {}
        }
        run
    }

    /// Lets that work go on until its process falls asleep in a call.
    pub async fn falls_asleep(&self, mut work: std::pin::Pin<&mut impl Future<Output = PortResult<WorkReport>>>) {
        tokio::select! {
            _ = &mut work => panic!("it should be busy"),
            () = self.faults.stalled() => {}
        }
    }

    /// Submits and works, and starts again with a new process as often as it dies. Returns the last report.
    pub async fn apply_through_crashes(&self, steps: Vec<Step>) -> WorkReport {
        let run = self.submit(steps).await.expect("it is submitted");
        for process in 0..10 {
            let worker = format!("worker-{process}");
            let stop = Stop::default();
            tokio::select! {
                report = self.work_as(&worker, &run, &stop) => {
                    if let Ok(report) = report { return report }
                }
                () = self.faults.crashed() => {}
            }
            // The dead process's leases: known to be void here, as by whoever sees that it is gone.
            self.store.break_leases(&worker).await.expect("the store answers");
            self.faults.restart();
        }
        panic!("it does not come to an end: {:?}", self.faults.calls());
    }

    pub async fn record(&self, of: &str) -> Option<Record> {
        self.store.records(&[address(of)]).await.expect("the store answers").into_iter().next()
    }

    pub async fn certificate(&self, of: &str) -> CertificateFacts {
        match self.record(of).await.map(|record| record.facts) {
            Some(Facts::Certificate(facts)) => facts,
            _ => CertificateFacts::default(),
        }
    }

    pub async fn deployment(&self, of: &str) -> Option<DeploymentFacts> {
        match self.record(of).await?.facts {
            Facts::Deployment(facts) => Some(facts),
            _ => None,
        }
    }

    /// What every undisturbed and every recovered run must come to: the records, without what differs from run to run.
    pub async fn outcome(&self) -> Value {
        let snapshot = self.store.snapshot().await.expect("a snapshot");
        snapshot.state.records.values().map(plain).collect()
    }

    /// Laws that hold in the end, whatever happened on the way.
    pub async fn check_laws(&self, what: &str) {
        assert_eq!(self.providers.dns.records(), Vec::<String>::new(), "{what}: records are left behind");
        self.check_timelines(what).await;
        self.check_replay(what).await;
    }

    async fn check_timelines(&self, what: &str) {
        let link = |message: &[u8]| self.vault.mac(MacKey::Link, message);
        let head = |message: &[u8]| self.vault.mac(MacKey::Head, message);
        let macs = timeline::Macs { link: &link, head: &head };
        for head in self.store.heads().await.expect("heads") {
            let links = self.store.chain(&head.chain).await.expect("a chain");
            timeline::verify(&macs, &head.chain, &links, Some(&head)).unwrap_or_else(|flaw| panic!("{what}: {flaw}"));
        }
    }

    /// Law 4: the records are the fold of the events, and none of these is missing.
    async fn check_replay(&self, what: &str) {
        let mut replayed: BTreeMap<Address, Record> = BTreeMap::new();
        let mut numbers: BTreeMap<JobId, u32> = BTreeMap::new();
        for event in &self.events().await {
            let last = numbers.entry(event.job.clone()).or_default();
            *last += 1;
            assert_eq!(event.number, *last, "{what}: events of {} are lost or out of order", event.job);
            let from = match &event.body {
                EventBody::Moved { from } => from,
                _ => &event.address,
            };
            let before = replayed.remove(from);
            replayed.extend(fold(before, event).map(|record| (event.address.clone(), record)));
        }
        let unowned = |record: &Record| Record { revision: 0, claim: None, ..record.clone() };
        let snapshot = self.store.snapshot().await.expect("a snapshot");
        let stored: Vec<Record> = snapshot.state.records.values().map(unowned).collect();
        assert_eq!(stored, replayed.into_values().collect::<Vec<_>>(), "{what}: the records are not what happened");
        let claims = snapshot.state.records.values().filter_map(|record| record.claim.as_ref()).count();
        assert_eq!(claims, 0, "{what}: a claim is left");
    }
}

fn plain(record: &Record) -> Value {
    let facts = match &record.facts {
        Facts::None => json!(null),
        Facts::Account(_) => json!("account"),
        Facts::Authority(_) => json!("authority"),
        Facts::Certificate(facts) => {
            json!(facts.versions.iter().map(|one| json!([one.number, one.names])).collect::<Vec<_>>())
        }
        Facts::Deployment(facts) => json!([facts.version, facts.slot, facts.verified_at.is_some()]),
    };
    json!({ "address": record.address, "spec": record.spec, "facts": facts, "trouble": record.trouble })
}

pub fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

pub fn spec(json: Value) -> Spec {
    json.as_object().expect("an object").clone()
}

/// A step that makes this.
pub fn create(of: &str, work: Work, json: Value, needs: &[usize]) -> Step {
    let draft = Draft {
        address: address(of),
        spec: spec(json),
        secrets: BTreeMap::new(),
        protected: false,
        forget: false,
        depends_on: Vec::new(),
        origin: None,
    };
    Step {
        address: address(of),
        action: Action::Create,
        reasons: vec![Reason::NotInState],
        base: 0,
        before: None,
        after: Some(draft),
        work,
        needs: needs.to_vec(),
        origin: None,
        zones: BTreeMap::new(),
        displaces: Vec::new(),
        keeps_old: false,
        moved_from: None,
        importing: None,
    }
}

/// A certificate's spec, and a deployment's.
pub fn certificate_spec(name: &str) -> Value {
    json!({ "common_name": name, "issuer": { "$ref": "acme_account.le" }, "key_type": "ecdsa-p256" })
}

pub fn deployment_spec(certificate: &str, target: &str, slot: &str) -> Value {
    json!({ "certificate": { "$ref": certificate }, "target": { "$ref": target }, "config": { "slot": slot } })
}

pub fn issue(of: &str, name: &str, needs: &[usize]) -> Step {
    let mut step = create(of, Work::Issue, certificate_spec(name), needs);
    step.zones.insert(name.to_owned(), address("zone.z"));
    step
}

pub fn deploy(certificate: &str, target: &str, slot: &str, needs: &[usize]) -> Step {
    create(&format!("{certificate}@{target}"), Work::Deploy, deployment_spec(certificate, target, slot), needs)
}

/// An account, a zone and a target: what certificates stand on.
pub fn ground() -> Vec<Step> {
    vec![
        create("acme_account.le", Work::Register, json!({ "ca": "test" }), &[]),
        create("dns_credential.d", Work::Record, json!({ "provider": "fake" }), &[]),
        create(
            "zone.z",
            Work::Record,
            json!({ "apex": "example.com", "credential": { "$ref": "dns_credential.d" } }),
            &[1],
        ),
        create("file_target.web", Work::Record, json!({}), &[]),
    ]
}

/// The whole estate: one certificate on one target.
pub fn estate() -> Vec<Step> {
    let mut steps = ground();
    steps.push(issue("certificate.www", "www.example.com", &[0, 2]));
    steps.push(deploy("certificate.www", "file_target.web", SLOT, &[3, 4]));
    steps
}

/// The steps that renew it and deploy the new version.
pub async fn renewal(world: &World, reason: Reason) -> Vec<Step> {
    let again = |mut step: Step, action, reason, record: &Record| {
        step.action = action;
        step.reasons = vec![reason];
        step.base = record.revision;
        step.before = record.spec.as_deref().cloned();
        step
    };
    let of = "certificate.www@file_target.web";
    let certificate = world.record("certificate.www").await.expect("a certificate");
    let deployment = world.record(of).await.expect("a deployment");
    vec![
        again(issue("certificate.www", "www.example.com", &[]), Action::Renew, reason, &certificate),
        again(
            deploy("certificate.www", "file_target.web", SLOT, &[0]),
            Action::Update,
            Reason::NewVersion,
            &deployment,
        ),
    ]
}

pub fn due(since: Timestamp) -> Reason {
    Reason::RenewalDue { since, not_after: since + Duration::from_days(30), suggested: false }
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
