//! Leases of jobs, and the lock of a run: who holds them, and for how long.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cap::address::Address;
use cap::engine::lock::{self, Wanted};
use cap::engine::progress::{News, Progress, Silent};
use cap::engine::{Engine, Stop, WorkOptions};
use cap::job::{JobId, RunId};
use cap::plan::{Step, Work};
use cap::ports::PortResult;
use cap::ports::dns::{DnsProvider, Resolver, TxtRecord};
use cap::ports::issuer::{Issuer, KnownAccount};
use cap::ports::providers::Providers;
use cap::ports::store::{JobFilter, LockError, Store};
use cap::ports::target::Target;
use cap::ports::vault::PrivateKey;
use cap::state::Record;
use cap::state::facts::Facts;
use cap::state::record::Spec;
use cap::testing::{FakeProviders, ManualClock};
use cap::time::Duration;
use serde_json::json;

use super::world::{World, address, create, ground, run};

const LEASE: Duration = Duration::from_secs(30);

/// A provider that takes a quarter of a lease for each record, and lets a thief try for the job meanwhile.
struct Slow {
    inner: FakeProviders,
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    job: Mutex<Option<JobId>>,
    stolen: tokio::sync::Notify,
}

impl Slow {
    async fn take_long(&self) {
        self.clock.advance(Duration::from_millis(LEASE.millis() / 4));
        let Some(job) = self.job.lock().expect("nobody panics").take() else { return };
        if self.store.lease(&job, "thief", LEASE).await.is_ok() {
            self.stolen.notify_one();
            return;
        }
        *self.job.lock().expect("nobody panics") = Some(job);
    }
}

struct SlowDns(Arc<Slow>, Arc<dyn DnsProvider>);

#[async_trait]
impl DnsProvider for SlowDns {
    async fn present(&self, record: &TxtRecord) -> PortResult<()> {
        self.0.take_long().await;
        self.1.present(record).await
    }
    async fn retract(&self, record: &TxtRecord) -> PortResult<()> {
        self.1.retract(record).await
    }
}

struct SlowProviders(Arc<Slow>);

#[async_trait]
impl Providers for SlowProviders {
    async fn establish(&self, of: &Address, spec: &Spec, job: &str, known: Option<&Facts>) -> PortResult<Facts> {
        self.0.inner.establish(of, spec, job, known).await
    }
    async fn account(&self, spec: &Spec, key: &PrivateKey) -> PortResult<Option<KnownAccount>> {
        self.0.inner.account(spec, key).await
    }
    async fn issuer(&self, record: &Record) -> PortResult<Arc<dyn Issuer>> {
        self.0.inner.issuer(record).await
    }
    async fn dns(&self, credential: &Record) -> PortResult<Arc<dyn DnsProvider>> {
        Ok(Arc::new(SlowDns(Arc::clone(&self.0), self.0.inner.dns(credential).await?)))
    }
    async fn resolver(&self, credential: &Record) -> PortResult<Arc<dyn Resolver>> {
        self.0.inner.resolver(credential).await
    }
    async fn target(&self, kind: &str, config: &Spec) -> PortResult<Arc<dyn Target>> {
        self.0.inner.target(kind, config).await
    }
}

/// A write bears the lease and does not make it last longer: a job that writes often has to renew it all the same.
#[test]
fn a_job_that_writes_often_keeps_its_lease() {
    run(async {
        let world = World::new().await;
        let names: Vec<String> = (0..8).map(|number| format!("n{number}.example.com")).collect();
        let spec = json!({
            "common_name": names[0], "sans": names, "issuer": { "$ref": "acme_account.le" }, "key_type": "ecdsa-p256",
        });
        let mut steps = ground();
        let mut step = create("certificate.www", cap::plan::Work::Issue, spec, &[0, 2]);
        step.zones = names.iter().map(|name| (name.clone(), address("zone.z"))).collect::<BTreeMap<_, _>>();
        steps.push(step);
        let run = world.submit(steps).await.expect("it is submitted");
        let jobs = world.store.jobs(&JobFilter::default()).await.expect("jobs");
        let job = jobs.iter().find(|job| *job.address() == address("certificate.www")).map(|job| job.id.clone());
        let slow = Arc::new(Slow {
            inner: world.providers.clone(),
            clock: Arc::clone(&world.clock),
            store: Arc::clone(&world.store),
            job: Mutex::new(job),
            stolen: tokio::sync::Notify::new(),
        });
        let engine = Engine { providers: Arc::new(SlowProviders(Arc::clone(&slow))), ..world.engine() };
        let options = WorkOptions { run: Some(run), ttl: LEASE, ..WorkOptions::new("worker") };
        let stop = Stop::default();
        let report = tokio::select! {
            report = cap::engine::work(&engine, &options, &Silent, &stop) => report.expect("it works"),
            () = slow.stolen.notified() => panic!("the lease had run out"),
        };
        assert_eq!((report.failed.len(), world.faults.count("present")), (0, 8));
        world.check_laws("leases").await;
    });
}

/// Whoever holds the lock may die while it is waited for.
#[test]
fn a_lock_whose_holder_dies_is_taken_over_by_who_waits_for_it() {
    run(async {
        let world = World::new().await;
        let wanted = |who| Wanted { name: "estate", who, operation: "apply", ttl: LEASE, timeout: LEASE };
        let lives = |_: &str| false;
        let held = lock::hold(Arc::clone(&world.store), &wanted("first"), lives).await.expect("it is free");
        let looks = AtomicUsize::new(0);
        let dies = |who: &str| who == "first" && looks.fetch_add(1, Ordering::SeqCst) > 0;
        let next = lock::hold(Arc::clone(&world.store), &wanted("second"), dies).await.expect("taken over");
        assert_eq!((next.lock().who.as_str(), looks.load(Ordering::SeqCst)), ("second", 2));
        let at_once = Wanted { timeout: Duration::from_secs(0), ..wanted("third") };
        let refused = lock::hold(Arc::clone(&world.store), &at_once, lives).await;
        assert!(matches!(refused, Err(LockError::Held(lock)) if lock.who == "second"), "who lives keeps it");
        next.release().await.expect("the store answers");
        drop(held);
    });
}

/// Notes which jobs begin, and asks for a stop when the first has succeeded.
struct StopsAfterOne {
    stop: Stop,
    begun: Mutex<Vec<JobId>>,
}

impl Progress for StopsAfterOne {
    fn tell(&self, news: &News<'_>) {
        match news {
            News::Started(job) => self.begun.lock().expect("nobody panics").push(job.id.clone()),
            News::Succeeded(_) => self.stop.gracefully(),
            _ => {}
        }
    }
}

fn account(name: &str, needs: &[usize]) -> Step {
    create(&format!("acme_account.{name}"), Work::Register, json!({ "ca": "test" }), needs)
}

/// Jobs one after the other, as `worker`.
fn one_by_one(run: &RunId, worker: &str) -> WorkOptions {
    WorkOptions { run: Some(run.clone()), parallelism: 1, ttl: LEASE, ..WorkOptions::new(worker) }
}

/// A job is leased with the last write of the one before; when the worker is to stop by then, it is not begun.
#[test]
fn what_was_leased_ahead_is_not_begun_after_a_stop_and_is_free_at_once() {
    run(async {
        let world = World::new().await;
        let run = world.submit(["a", "b", "c"].map(|name| account(name, &[])).to_vec()).await.expect("it is submitted");
        let stop = Stop::default();
        let progress = StopsAfterOne { stop: stop.clone(), begun: Mutex::default() };
        let report = cap::engine::work(&world.engine(), &one_by_one(&run, "first"), &progress, &stop).await;
        let report = report.expect("the store answers");
        assert_eq!((report.succeeded.len(), report.left), (1, 2));
        assert_eq!(*progress.begun.lock().expect("nobody panics"), [report.succeeded[0].id.clone()]);
        let left = world.store.jobs(&JobFilter { run: Some(run), unfinished: true }).await.expect("jobs");
        for (job, token) in left.iter().zip([2, 1]) {
            assert!(job.machine.is_null(), "it has not begun");
            let lease = world.store.lease(&job.id, "second", LEASE).await.expect("nobody holds it");
            assert_eq!(lease.token, token, "the second was leased with the first one's last write");
        }
    });
}

/// A job that another worker has cannot be leased ahead: the others go first, and it is come back to.
#[test]
fn what_cannot_be_leased_ahead_is_come_back_to() {
    run(async {
        let world = World::new().await;
        let run = world.submit(["a", "b", "c"].map(|name| account(name, &[])).to_vec()).await.expect("it is submitted");
        let jobs = world.store.jobs(&JobFilter { run: Some(run.clone()), unfinished: true }).await.expect("jobs");
        world.store.lease(&jobs[1].id, "somebody else", LEASE).await.expect("a lease");
        let options = one_by_one(&run, "worker");
        let report = cap::engine::work(&world.engine(), &options, &Silent, &Stop::default()).await.expect("it works");
        let done: Vec<&JobId> = report.succeeded.iter().map(|job| &job.id).collect();
        assert_eq!(done, [&jobs[0].id, &jobs[2].id, &jobs[1].id]);
        world.check_laws("leased ahead").await;
    });
}

/// What a job lets go may be more urgent than what was ready before it.
#[test]
fn what_a_job_lets_go_is_not_overtaken_by_what_is_leased_ahead() {
    run(async {
        let world = World::new().await;
        let steps = vec![account("a", &[]), account("b", &[0]), account("c", &[]), account("d", &[])];
        let run = world.submit(steps).await.expect("it is submitted");
        let options = one_by_one(&run, "worker");
        let report = cap::engine::work(&world.engine(), &options, &Silent, &Stop::default()).await.expect("it works");
        let done: Vec<String> = report.succeeded.iter().map(|job| job.address().to_string()).collect();
        assert_eq!(done, ["a", "b", "c", "d"].map(|name| format!("acme_account.{name}")));
    });
}
