//! Orders that were placed and forgotten: at a real CA a worker dies between its answer and the record, and the next one
//! finds the order again. What another job is at work on is never taken.

use std::sync::Arc;

use async_trait::async_trait;
use cap::address::Address;
use cap::engine::progress::Silent;
use cap::engine::{Engine, Stop, WorkOptions};
use cap::issuer::Issuers;
use cap::job::ErrorClass;
use cap::plan::Work;
use cap::ports::clock::Clock;
use cap::ports::dns::{DnsProvider, Resolver, TxtRecord, Visibility};
use cap::ports::issuer::{Issuer, KnownAccount};
use cap::ports::providers::Providers;
use cap::ports::target::Target;
use cap::ports::vault::PrivateKey;
use cap::ports::{PortError, PortResult};
use cap::secret::LocalSecrets;
use cap::state::Record;
use cap::state::facts::Facts;
use cap::state::record::Spec;
use cap::testing::{Fault, Faulty, SeededIds};
use cap::time::Timestamp;
use serde_json::json;

use super::world::{ACTOR, World, create, ground, issue, run};
use crate::peers::pebble::{Options, Pebble};

/// The wall clock: Pebble goes by it.
struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::from_offset(time::OffsetDateTime::now_utc())
    }
}

/// pebble-challtestsrv as a DNS provider. It keeps every record; what is withdrawn is tested elsewhere.
struct Zone(Arc<Pebble>);

#[async_trait]
impl DnsProvider for Zone {
    async fn present(&self, record: &TxtRecord) -> PortResult<()> {
        self.0.set_txt(&record.name, &record.value);
        Ok(())
    }
    async fn retract(&self, _: &TxtRecord) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Resolver for Zone {
    async fn visible(&self, _: &TxtRecord) -> PortResult<Visibility> {
        Ok(Visibility::Everywhere)
    }
}

/// The real issuers of one process, whose calls follow the world's script.
struct AtPebble {
    issuers: Issuers,
    pebble: Arc<Pebble>,
    world: Arc<World>,
}

#[async_trait]
impl Providers for AtPebble {
    async fn establish(&self, address: &Address, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<Facts> {
        self.issuers.establish(address, spec, job, known).await
    }
    async fn account(&self, spec: &Spec, key: &PrivateKey) -> PortResult<Option<KnownAccount>> {
        self.issuers.known(spec, key).await
    }
    async fn issuer(&self, record: &Record) -> PortResult<Arc<dyn Issuer>> {
        let issuer = self.issuers.issuer(record).await?;
        Ok(Arc::new(Faulty::new(issuer, Arc::clone(&self.world.faults))))
    }
    async fn dns(&self, _: &Record) -> PortResult<Arc<dyn DnsProvider>> {
        Ok(Arc::new(Zone(Arc::clone(&self.pebble))))
    }
    async fn resolver(&self, _: &Record) -> PortResult<Arc<dyn Resolver>> {
        Ok(Arc::new(Zone(Arc::clone(&self.pebble))))
    }
    async fn target(&self, _: &str, _: &Spec) -> PortResult<Arc<dyn Target>> {
        Err(PortError::new(ErrorClass::Bug, "nothing is deployed here"))
    }
}

/// A new process: it remembers nothing but what is in the store.
fn process(world: &Arc<World>, pebble: &Arc<Pebble>) -> Engine {
    let secrets = LocalSecrets::with_environment(Box::new(|_| None), ".", Default::default());
    let issuers = Issuers::new(Arc::clone(&world.vault), Arc::new(secrets), Arc::new(Wall));
    Engine {
        store: Arc::new(Faulty::new(Arc::clone(&world.store), Arc::clone(&world.faults))),
        vault: Arc::clone(&world.vault),
        providers: Arc::new(AtPebble { issuers, pebble: Arc::clone(pebble), world: Arc::clone(world) }),
        clock: Arc::new(Wall),
        ids: Arc::new(SeededIds::new(7)),
    }
}

/// An account at Pebble and one certificate.
fn steps(pebble: &Pebble) -> Vec<cap::plan::Step> {
    let account = json!({ "directory": pebble.directory, "trust": pebble.trust, "key_type": "ecdsa-p256" });
    let mut steps = ground();
    steps[0] = create("acme_account.le", Work::Register, account, &[]);
    steps.push(issue("certificate.www", "www.example.com", &[0, 2]));
    steps
}

/// Issues through one fault, with as many processes as it takes.
async fn live(world: &Arc<World>, pebble: &Arc<Pebble>) {
    let plan = world.plan(steps(pebble)).await;
    let run = cap::engine::submit(&process(world, pebble), &plan, ACTOR, None).await.expect("it is submitted");
    for worker in ["first", "second", "third"] {
        let options = WorkOptions { run: Some(run.clone()), ..WorkOptions::new(worker) };
        let (engine, stop) = (process(world, pebble), Stop::default());
        tokio::select! {
            report = cap::engine::work(&engine, &options, &Silent, &stop) => {
                assert_eq!(report.expect("the store answers").failed, []);
                return;
            }
            () = world.faults.crashed() => {}
        }
        world.store.break_leases(worker).await.expect("the store answers");
        world.faults.restart();
    }
    panic!("it does not come to an end: {:?}", world.faults.calls());
}

#[test]
fn no_second_order_is_placed_at_pebble_when_the_record_of_the_first_is_lost() {
    run(async {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let Some(pebble) = Pebble::start(&Options::default()).map(Arc::new) else { return };
            let world = Arc::new(World::new().await);
            world.faults.plan("order", 1, fault.clone());
            live(&world, &pebble).await;
            assert!(world.faults.all_happened(), "{fault:?}");
            assert_eq!(world.faults.count("order"), 2, "{fault:?}: it was asked for twice");
            assert_eq!((pebble.orders(), pebble.issued()), (1, 1), "{fault:?}: orders, certificates");
            assert_eq!(world.certificate("certificate.www").await.versions.len(), 1);
        }
    });
}

#[test]
fn an_order_that_another_job_holds_is_not_taken() {
    run(async {
        let world = World::new().await;
        // The first job waits with its order open while the second one does not hear the answer to its own.
        world.providers.dns.lag("example.com", "ns2", 14);
        world.faults.plan("order", 2, Fault::FailBefore(ErrorClass::Transient));
        let mut steps = ground();
        steps.push(issue("certificate.one", "www.example.com", &[0, 2]));
        steps.push(issue("certificate.two", "www.example.com", &[0, 2]));
        let run = world.submit(steps).await.expect("it is submitted");
        assert_eq!(world.work(&run).await.expect("the store answers").failed, []);
        assert!(world.faults.all_happened());
        assert_eq!((world.providers.ca.placed(), world.providers.ca.issued().len()), (2, 2));
        world.check_laws("adoption").await;
    });
}
