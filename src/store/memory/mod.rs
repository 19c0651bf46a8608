//! The store of tests and of `cap test`: everything in the process's memory, with a clock that is handed in.
//!
//! It keeps the port's whole contract, so that what passes with it passes with the others, but nothing outlives it.

mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::common::fresh_id;
use crate::address::Address;
use crate::job::{Job, JobId, JobStatus, Run};
use crate::ports::clock::Clock;
use crate::ports::store::{
    Advance, EventFilter, Flush, Identity, JobFilter, Lease, LeaseError, Lock, LockError, LogLine, Snapshot, Store,
    Submission, SubmitError,
};
use crate::ports::{PortError, PortResult};
use crate::state::{Event, Record, State};
use crate::time::{Duration, Timestamp};
use crate::timeline::{Head, Sealed};
use tables::Tables;

/// A store in memory. Clones of its `Arc` are handles on the same store.
pub struct Memory {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

impl Memory {
    /// An empty store whose leases and locks run by the given clock.
    pub fn new(clock: Arc<dyn Clock>) -> PortResult<Self> {
        Ok(Self { clock, tables: Mutex::new(Tables::new(fresh_id("store")?)) })
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A panic of another test's thread leaves whole tables: every change is made after its checks.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn identity(&self) -> Result<Identity, PortError> {
        Ok(self.tables().identity.clone())
    }

    async fn set_key_check(&self, expect: Option<&str>, check: &str) -> Result<String, PortError> {
        let mut tables = self.tables();
        let there = &mut tables.identity.key_check;
        if there.as_deref() == expect {
            *there = Some(check.to_owned());
        }
        Ok(there.clone().unwrap_or_default())
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        Ok(self.clock.now())
    }

    async fn snapshot(&self) -> Result<Snapshot, PortError> {
        let tables = self.tables();
        Ok(Snapshot { state: State { records: tables.records.clone() }, outputs: tables.outputs.clone() })
    }

    async fn records(&self, addresses: &[Address]) -> Result<Vec<Record>, PortError> {
        let tables = self.tables();
        Ok(addresses.iter().filter_map(|address| tables.records.get(address).cloned()).collect())
    }

    async fn submit(&self, submission: &Submission) -> Result<(), SubmitError> {
        self.tables().submit(submission, self.clock.now())
    }

    async fn runs(&self) -> Result<Vec<Run>, PortError> {
        Ok(self.tables().runs.clone())
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, PortError> {
        Ok(self.tables().jobs(filter))
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, PortError> {
        Ok(self.tables().find(id).map(|kept| kept.job.clone()))
    }

    async fn log(&self, id: &JobId) -> Result<Vec<LogLine>, PortError> {
        Ok(self.tables().find(id).map(|kept| kept.log.clone()).unwrap_or_default())
    }

    async fn lease(&self, id: &JobId, worker: &str, ttl: Duration) -> Result<Lease, LeaseError> {
        let now = self.clock.now();
        self.tables().lease(id, worker, now, now + ttl)
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Timestamp, LeaseError> {
        let now = self.clock.now();
        self.tables().renew(lease, now, now + ttl)
    }

    async fn advance(&self, lease: &Lease, advance: &Advance) -> Result<(), LeaseError> {
        self.tables().advance(lease, advance, self.clock.now())
    }

    async fn break_leases(&self, worker: &str) -> Result<usize, PortError> {
        Ok(self.tables().break_leases(worker))
    }

    async fn set_status(&self, id: &JobId, status: &JobStatus, at: Timestamp) -> Result<(), LeaseError> {
        self.tables().set_status(id, status, at, self.clock.now())
    }

    async fn events(&self, after: u64, limit: usize, filter: &EventFilter) -> Result<Vec<(u64, Event)>, PortError> {
        Ok(self.tables().events(after, limit, filter))
    }

    async fn chain(&self, chain: &str) -> Result<Vec<Sealed>, PortError> {
        Ok(self.tables().links.get(chain).cloned().unwrap_or_default())
    }

    async fn head(&self, chain: &str) -> Result<Option<Head>, PortError> {
        Ok(self.tables().heads.get(chain).cloned())
    }

    async fn heads(&self) -> Result<Vec<Head>, PortError> {
        Ok(self.tables().heads.values().cloned().collect())
    }

    async fn put_sealed(&self, name: &str, sealed: &str, replace: bool, _: Flush) -> Result<String, PortError> {
        let mut tables = self.tables();
        let there = tables.sealed.entry(name.to_owned()).or_insert_with(|| sealed.to_owned());
        if replace {
            sealed.clone_into(there);
        }
        Ok(there.clone())
    }

    async fn get_sealed(&self, name: &str) -> Result<Option<String>, PortError> {
        Ok(self.tables().sealed.get(name).cloned())
    }

    async fn swap_sealed(&self, name: &str, expect: &str, sealed: &str) -> Result<bool, PortError> {
        let mut tables = self.tables();
        let there = tables.sealed.get_mut(name).filter(|there| *there == expect);
        let swaps = there.is_some();
        there.into_iter().for_each(|there| sealed.clone_into(there));
        Ok(swaps)
    }

    async fn sealed_names(&self) -> Result<Vec<String>, PortError> {
        Ok(self.tables().sealed.keys().cloned().collect())
    }

    async fn remove_sealed(&self, name: &str) -> Result<(), PortError> {
        self.tables().sealed.remove(name);
        Ok(())
    }

    async fn lock(&self, name: &str, who: &str, operation: &str, ttl: Duration) -> Result<Lock, LockError> {
        let now = self.clock.now();
        let lock = Lock {
            name: name.to_owned(),
            id: fresh_id("lock")?,
            who: who.to_owned(),
            operation: operation.to_owned(),
            created: now,
            until: now + ttl,
        };
        self.tables().lock(lock, now)
    }

    async fn renew_lock(&self, lock: &Lock, ttl: Duration) -> Result<Lock, LockError> {
        let now = self.clock.now();
        match self.tables().locks.get_mut(&lock.name).filter(|held| held.until > now) {
            Some(held) if held.id == lock.id => {
                held.until = now + ttl;
                Ok(held.clone())
            }
            Some(held) => Err(LockError::Held(Box::new(held.clone()))),
            None => Err(LockError::Lost),
        }
    }

    async fn unlock(&self, id: &str) -> Result<bool, PortError> {
        let now = self.clock.now();
        let mut found = false;
        self.tables().locks.retain(|_, lock| {
            found |= lock.id == id && lock.until > now;
            lock.id != id
        });
        Ok(found)
    }

    async fn locks(&self) -> Result<Vec<Lock>, PortError> {
        let now = self.clock.now();
        Ok(self.tables().locks.values().filter(|lock| lock.until > now).cloned().collect())
    }
}
