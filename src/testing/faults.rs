//! Faults on demand: a call of a port fails before or after it did its work, the process dies before or after it, or the
//! call is made twice. Wraps any implementation of a port, real or fake.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::address::Address;
use crate::digest::Digest;
use crate::job::{ErrorClass, Job, JobId, JobStatus, Run};
use crate::observed::SlotContent;
use crate::ports::dns::{DnsProvider, Resolver, TxtRecord, Visibility};
use crate::ports::issuer::{Challenge, Issuer, OrderHandle, OrderRequest, OrderStatus};
use crate::ports::store::{
    Advance, EventFilter, Flush, Identity, JobFilter, Lease, LeaseError, Lock, LockError, LogLine, NextLease, Snapshot,
    Store, Submission, SubmitError,
};
use crate::ports::target::{Bundle, Cleared, Holder, Previous, Restored, Served, Target};
use crate::ports::vault::{KeyType, KeyVault, MacKey, PrivateKey};
use crate::ports::{PortError, PortResult};
use crate::state::facts::{CertificateVersion, KeyId, RenewalWindow};
use crate::state::{Event, Record};
use crate::time::{Duration, Timestamp};
use crate::timeline::{Head, Sealed};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The call does nothing and fails.
    FailBefore(ErrorClass),
    /// The call does its work, and its answer is lost.
    FailAfter(ErrorClass),
    /// The process dies before the call.
    CrashBefore,
    /// The process dies after the call did its work.
    CrashAfter,
    /// The call is made twice.
    Repeat,
    /// The process falls asleep before the call, until it is woken.
    Stall,
}

#[derive(Debug, Default)]
struct Script {
    /// Calls so far, by name.
    calls: HashMap<&'static str, usize>,
    /// All calls in their order.
    log: Vec<&'static str>,
    /// How durable each key was to be that was asked for.
    keys: Vec<Flush>,
    /// What happens at the n-th call of that name, from one.
    planned: HashMap<(&'static str, usize), Fault>,
}

/// The script that wrapped ports follow, and the record of their calls.
#[derive(Debug)]
pub struct Faults {
    script: Mutex<Script>,
    crashed: watch::Sender<bool>,
    stalled: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { script: Mutex::default(), crashed: watch::Sender::new(false), stalled: watch::Sender::new(false) }
    }
}

impl Faults {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How durable each key was to be that was asked for.
    pub fn keys(&self) -> Vec<Flush> {
        self.script().keys.clone()
    }

    /// Plans a fault for the `nth` call of that name from now on, counted from one.
    pub fn plan(&self, call: &'static str, nth: usize, fault: Fault) {
        let mut script = self.script();
        let so_far = script.calls.get(call).copied().unwrap_or(0);
        script.planned.insert((call, so_far + nth), fault);
    }

    /// How often a call was made.
    pub fn count(&self, call: &str) -> usize {
        self.script().calls.get(call).copied().unwrap_or(0)
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.script().log.clone()
    }

    /// Whether every fault that was planned has happened.
    pub fn all_happened(&self) -> bool {
        self.script().planned.is_empty()
    }

    /// Returns when the process is to be dead: whoever tests drops its work then.
    pub async fn crashed(&self) {
        // The sender lives as long as this handle, so waiting cannot fail.
        let _ = self.crashed.subscribe().wait_for(|crashed| *crashed).await;
    }

    /// Returns when a call has fallen asleep.
    pub async fn stalled(&self) {
        let _ = self.stalled.subscribe().wait_for(|stalled| *stalled).await;
    }

    /// Wakes it.
    pub fn wake(&self) {
        self.stalled.send_replace(false);
    }

    /// A new process begins.
    pub fn restart(&self) {
        self.crashed.send_replace(false);
    }

    fn next(&self, call: &'static str) -> Option<Fault> {
        let mut script = self.script();
        let count = script.calls.entry(call).or_default();
        *count += 1;
        let key = (call, *count);
        script.log.push(call);
        script.planned.remove(&key)
    }

    async fn die(&self) {
        self.crashed.send_replace(true);
        std::future::pending().await
    }

    /// Makes a call as the script wants it.
    ///
    /// # Errors
    /// Those of the call, and those planned.
    pub async fn around<T, E, F>(&self, call: &'static str, run: impl Fn() -> F + Send) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>> + Send,
        T: Send,
        E: From<PortError> + Send,
    {
        let broken = |class| E::from(PortError::new(class, format!("{call}: broken on purpose")));
        match self.next(call) {
            None => run().await,
            Some(Fault::FailBefore(class)) => Err(broken(class)),
            Some(Fault::FailAfter(class)) => run().await.and(Err(broken(class))),
            Some(Fault::CrashBefore) => {
                self.die().await;
                Err(broken(ErrorClass::Bug))
            }
            Some(Fault::CrashAfter) => {
                let result = run().await;
                self.die().await;
                result
            }
            Some(Fault::Stall) => {
                self.stalled.send_replace(true);
                let _ = self.stalled.subscribe().wait_for(|stalled| !*stalled).await;
                run().await
            }
            Some(Fault::Repeat) => {
                let _ = run().await;
                run().await
            }
        }
    }
}

/// A port whose calls follow a script.
pub struct Faulty<T: ?Sized> {
    inner: Arc<T>,
    faults: Arc<Faults>,
}

impl<T: ?Sized> Faulty<T> {
    /// Wraps a port.
    pub fn new(inner: Arc<T>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl Issuer for Faulty<dyn Issuer> {
    async fn order(&self, request: &OrderRequest) -> PortResult<OrderHandle> {
        // Whoever asks a second time cannot know whether the first was heard.
        let again = OrderRequest { again: Some(request.again.clone().unwrap_or_default()), ..request.clone() };
        let asked = AtomicBool::new(false);
        let order = || self.inner.order(if asked.swap(true, Ordering::Relaxed) { &again } else { request });
        self.faults.around("order", order).await
    }
    async fn status(&self, order: &OrderHandle) -> PortResult<OrderStatus> {
        self.faults.around("status", || self.inner.status(order)).await
    }
    async fn challenges(&self, order: &OrderHandle) -> PortResult<Vec<Challenge>> {
        self.faults.around("challenges", || self.inner.challenges(order)).await
    }
    async fn respond(&self, order: &OrderHandle, challenge: &Challenge) -> PortResult<()> {
        self.faults.around("respond", || self.inner.respond(order, challenge)).await
    }
    async fn finalize(&self, order: &OrderHandle, csr: &[u8]) -> PortResult<()> {
        self.faults.around("finalize", || self.inner.finalize(order, csr)).await
    }
    async fn download(&self, order: &OrderHandle, preferred_chain: Option<&str>) -> PortResult<String> {
        self.faults.around("download", || self.inner.download(order, preferred_chain)).await
    }
    async fn renewal_window(&self, version: &CertificateVersion) -> PortResult<Option<RenewalWindow>> {
        self.faults.around("renewal_window", || self.inner.renewal_window(version)).await
    }
    async fn revoke(&self, chain: &str, reason: u8) -> PortResult<()> {
        self.faults.around("revoke", || self.inner.revoke(chain, reason)).await
    }
}

#[async_trait]
impl DnsProvider for Faulty<dyn DnsProvider> {
    async fn present(&self, record: &TxtRecord) -> PortResult<()> {
        self.faults.around("present", || self.inner.present(record)).await
    }
    async fn retract(&self, record: &TxtRecord) -> PortResult<()> {
        self.faults.around("retract", || self.inner.retract(record)).await
    }
}

#[async_trait]
impl Resolver for Faulty<dyn Resolver> {
    async fn visible(&self, record: &TxtRecord) -> PortResult<Visibility> {
        self.faults.around("look", || self.inner.visible(record)).await
    }
}

#[async_trait]
impl Target for Faulty<dyn Target> {
    fn slot(&self) -> String {
        self.inner.slot()
    }
    async fn inspect(&self) -> PortResult<SlotContent> {
        self.faults.around("inspect", || self.inner.inspect()).await
    }
    async fn previous(&self) -> PortResult<Previous> {
        self.faults.around("previous", || self.inner.previous()).await
    }
    async fn install(&self, bundle: &Bundle) -> PortResult<()> {
        self.faults.around("install", || self.inner.install(bundle)).await
    }
    async fn verify(&self) -> PortResult<Served> {
        self.faults.around("verify", || self.inner.verify()).await
    }
    async fn restore(&self, holder: &str, previous: &Previous) -> PortResult<Restored> {
        self.faults.around("restore", || self.inner.restore(holder, previous)).await
    }
    fn places(&self) -> Vec<String> {
        self.inner.places()
    }
    async fn remove_except(&self, holder: &Holder, kept: &[String]) -> PortResult<Cleared> {
        self.faults.around("remove", || self.inner.remove_except(holder, kept)).await
    }
}

#[async_trait]
impl KeyVault for Faulty<dyn KeyVault> {
    async fn ensure(&self, id: &KeyId, key_type: KeyType, flush: Flush) -> PortResult<Digest> {
        self.faults.script().keys.push(flush);
        self.faults.around("ensure_key", || self.inner.ensure(id, key_type, flush)).await
    }
    async fn put(&self, id: &KeyId, bytes: &[u8]) -> PortResult<()> {
        self.faults.around("put_key", || self.inner.put(id, bytes)).await
    }
    async fn csr(&self, id: &KeyId, common_name: Option<&str>, names: &[String]) -> PortResult<Vec<u8>> {
        self.faults.around("csr", || self.inner.csr(id, common_name, names)).await
    }
    async fn get(&self, id: &KeyId) -> PortResult<PrivateKey> {
        self.faults.around("get_key", || self.inner.get(id)).await
    }
    async fn ids(&self) -> PortResult<Vec<KeyId>> {
        self.inner.ids().await
    }
    async fn remove(&self, id: &KeyId) -> PortResult<()> {
        self.faults.around("remove_key", || self.inner.remove(id)).await
    }
    async fn rewrap(&self, version: u32) -> PortResult<()> {
        self.faults.around("rewrap", || self.inner.rewrap(version)).await
    }
    fn mac(&self, key: MacKey, message: &[u8]) -> Digest {
        self.inner.mac(key, message)
    }
}

#[async_trait]
impl Store for Faulty<dyn Store> {
    async fn identity(&self) -> PortResult<Identity> {
        self.inner.identity().await
    }
    async fn set_key_check(&self, expect: Option<&str>, check: &str) -> PortResult<String> {
        self.faults.around("set_key_check", || self.inner.set_key_check(expect, check)).await
    }
    async fn now(&self) -> PortResult<Timestamp> {
        self.inner.now().await
    }
    async fn snapshot(&self) -> PortResult<Snapshot> {
        self.inner.snapshot().await
    }
    async fn records(&self, addresses: &[Address]) -> PortResult<Vec<Record>> {
        self.inner.records(addresses).await
    }
    async fn submit(&self, submission: &Submission) -> Result<(), SubmitError> {
        self.faults.around("submit", || self.inner.submit(submission)).await
    }
    async fn runs(&self) -> PortResult<Vec<Run>> {
        self.inner.runs().await
    }
    async fn jobs(&self, filter: &JobFilter) -> PortResult<Vec<Job>> {
        self.inner.jobs(filter).await
    }
    async fn job(&self, id: &JobId) -> PortResult<Option<Job>> {
        self.inner.job(id).await
    }
    async fn log(&self, id: &JobId) -> PortResult<Vec<LogLine>> {
        self.inner.log(id).await
    }
    async fn lease(&self, id: &JobId, worker: &str, ttl: Duration) -> Result<Lease, LeaseError> {
        self.faults.around("lease", || self.inner.lease(id, worker, ttl)).await
    }
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Timestamp, LeaseError> {
        self.faults.around("renew", || self.inner.renew(lease, ttl)).await
    }
    async fn advance(&self, lease: &Lease, advance: &Advance) -> Result<(), LeaseError> {
        self.faults.around("advance", || self.inner.advance(lease, advance)).await
    }
    async fn advance_and_lease(
        &self,
        lease: &Lease,
        advance: &Advance,
        next: NextLease<'_>,
    ) -> Result<Result<Lease, LeaseError>, LeaseError> {
        self.faults.around("advance", || self.inner.advance_and_lease(lease, advance, next)).await
    }
    async fn break_leases(&self, worker: &str) -> PortResult<usize> {
        self.inner.break_leases(worker).await
    }
    async fn set_status(&self, id: &JobId, status: &JobStatus, at: Timestamp) -> Result<(), LeaseError> {
        self.faults.around("set_status", || self.inner.set_status(id, status, at)).await
    }
    async fn events(&self, after: u64, limit: usize, filter: &EventFilter) -> PortResult<Vec<(u64, Event)>> {
        self.inner.events(after, limit, filter).await
    }
    async fn chain(&self, chain: &str) -> PortResult<Vec<Sealed>> {
        self.faults.around("chain", || self.inner.chain(chain)).await
    }
    async fn head(&self, chain: &str) -> PortResult<Option<Head>> {
        self.inner.head(chain).await
    }
    async fn heads(&self) -> PortResult<Vec<Head>> {
        self.inner.heads().await
    }
    async fn put_sealed(&self, name: &str, sealed: &str, replace: bool, flush: Flush) -> PortResult<String> {
        self.inner.put_sealed(name, sealed, replace, flush).await
    }
    async fn swap_sealed(&self, name: &str, expect: &str, sealed: &str) -> PortResult<bool> {
        self.faults.around("swap_sealed", || self.inner.swap_sealed(name, expect, sealed)).await
    }
    async fn sealed_names(&self) -> PortResult<Vec<String>> {
        self.inner.sealed_names().await
    }
    async fn get_sealed(&self, name: &str) -> PortResult<Option<String>> {
        self.inner.get_sealed(name).await
    }
    async fn remove_sealed(&self, name: &str) -> PortResult<()> {
        self.inner.remove_sealed(name).await
    }
    async fn lock(&self, name: &str, who: &str, operation: &str, ttl: Duration) -> Result<Lock, LockError> {
        self.inner.lock(name, who, operation, ttl).await
    }
    async fn renew_lock(&self, lock: &Lock, ttl: Duration) -> Result<Lock, LockError> {
        self.inner.renew_lock(lock, ttl).await
    }
    async fn unlock(&self, id: &str) -> PortResult<bool> {
        self.inner.unlock(id).await
    }
    async fn locks(&self) -> PortResult<Vec<Lock>> {
        self.inner.locks().await
    }
}
