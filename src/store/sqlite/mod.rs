//! The store on one machine: one SQLite file in write-ahead mode, for several processes at once.
//!
//! Every change is one transaction that begins by taking the write lock, so what it checked still holds when it writes.
//! SQLite blocks, so its work runs on threads that may block, but for what takes less time than handing it over to one:
//! reads of a few rows, which wait for no writer, and the moves of a job, as long as nobody else writes and the disk is
//! quick (`Sqlite::write_here`). Rows hold JSON; columns beside it are only what is searched for.

mod error;
mod jobs;
mod locks;
mod open;
mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::common::{FORMAT, move_of, unreadable};
use crate::address::Address;
use crate::job::{ErrorClass, Job, JobId, JobStatus, Run};
use crate::ports::store::{
    Advance, EventFilter, Flush, Identity, JobFilter, Lease, LeaseError, Lock, LockError, LogLine, NextLease, Snapshot,
    Store, Submission, SubmitError,
};
use crate::ports::{PortError, PortResult};
use crate::state::{Event, Record};
use crate::time::{Duration, Timestamp};
use crate::timeline::{Head, Sealed};

/// Records that are read without handing the work to another thread.
const FEW: usize = 16;
/// A transaction that takes longer than this has waited for its disk.
const QUICK: std::time::Duration = std::time::Duration::from_millis(2);

/// A handle on a store in a file.
pub struct Sqlite {
    connection: Arc<Mutex<Connection>>,
    disk: Arc<Disk>,
}

impl Sqlite {
    /// Opens the file, making the store when there is none. Errors name the file and say what to do.
    pub async fn open(path: &Path) -> PortResult<Self> {
        let path: PathBuf = path.to_owned();
        let connection = blocking(move || open::open(&path)).await?;
        let disk = Disk { is_quick: AtomicBool::new(true), is_flushed: AtomicBool::new(true) };
        Ok(Self { connection: Arc::new(Mutex::new(connection)), disk: Arc::new(disk) })
    }

    /// Opens the file if it is there. One that cannot be looked for is no missing one.
    pub async fn open_existing(path: &Path) -> PortResult<Option<Self>> {
        match path.try_exists() {
            Ok(true) => Self::open(path).await.map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(PortError::new(ErrorClass::Unauthorized, format!("{}: {error}", path.display()))
                .remedy("give this user the right to look there, or name another file with -store")),
        }
    }

    /// Runs work that reads a few rows: here, unless another thread has the connection. A reader waits for another process
    /// only while that one recovers the log of one that died.
    async fn read<T: Send + 'static, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        E: From<PortError> + Send + 'static,
    {
        if let Some(connection) = self.free() {
            return work(&connection);
        }
        self.read_much(work).await
    }

    /// The connection, unless another thread has it.
    fn free(&self) -> Option<MutexGuard<'_, Connection>> {
        match self.connection.try_lock() {
            Ok(connection) => Some(connection),
            // A panic while it was held has rolled its transaction back.
            Err(TryLockError::Poisoned(connection)) => Some(connection.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Runs work that only reads. What needs several statements to agree opens a transaction itself.
    async fn read_much<T: Send + 'static, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        E: From<PortError> + Send + 'static,
    {
        let connection = self.connection.clone();
        blocking(move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Runs work that writes, in one transaction that is undone when it fails.
    async fn write<T: Send + 'static, E>(
        &self,
        flush: Flush,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        E: From<PortError> + From<rusqlite::Error> + Send + 'static,
    {
        let (connection, disk) = (self.connection.clone(), Arc::clone(&self.disk));
        blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            disk.set(&connection, flush)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            disk.watch(flush, || {
                let done = work(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
        })
        .await
    }

    /// Likewise, here and now: handing a small write over to another thread takes two wake-ups, which cost more than what it
    /// writes. `None`, and nothing done, where that could hold this thread up: another thread or another process is
    /// writing, or the disk was slow the last time.
    fn write_here<T, E>(&self, flush: Flush, work: impl FnOnce(&Connection) -> Result<T, E>) -> Option<Result<T, E>>
    where
        E: From<rusqlite::Error>,
    {
        if !self.disk.is_quick.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = self.free()?;
        self.disk.set(&connection, flush).ok()?;
        connection.busy_timeout(std::time::Duration::ZERO).ok()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let done = transaction.ok().map(|transaction| {
            self.disk.watch(flush, || work(&transaction).and_then(|done| Ok(transaction.commit().map(|()| done)?)))
        });
        // Whoever comes next may wait; that this cannot be set does not happen, and would show there.
        let _ = connection.busy_timeout(open::BUSY);
        done
    }
}

/// What is known of the disk under the file.
struct Disk {
    /// Whether the last transaction that was to wait for it was quick.
    is_quick: AtomicBool,
    /// Whether commits are flushed: `synchronous` is FULL, and not NORMAL.
    is_flushed: AtomicBool,
}

impl Disk {
    /// Sets how the next commit is flushed. With NORMAL it is in the log, and the disk is waited for only where the log is
    /// begun anew. The log is one file, in order, each part sealed with all before it: the next commit that is flushed
    /// flushes this one as well, and nothing later is ever found without it.
    fn set(&self, connection: &Connection, flush: Flush) -> rusqlite::Result<()> {
        let (is_flushed, level) = match flush {
            Flush::Now => (true, "PRAGMA synchronous = FULL"),
            Flush::Later => (false, "PRAGMA synchronous = NORMAL"),
        };
        if self.is_flushed.load(Ordering::Relaxed) != is_flushed {
            // What is not flushed is known as such before it is so, whatever happens in between.
            self.is_flushed.fetch_and(is_flushed, Ordering::Relaxed);
            connection.execute_batch(level)?;
            self.is_flushed.store(is_flushed, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Notes how long a transaction takes that waits for the disk.
    fn watch<T, E>(&self, flush: Flush, transaction: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let begun = Instant::now();
        let done = transaction();
        if flush == Flush::Now {
            self.is_quick.store(begun.elapsed() < QUICK, Ordering::Relaxed);
        }
        done
    }
}

async fn blocking<T: Send + 'static, E: From<PortError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(PortError::new(ErrorClass::Bug, format!("a thread of the store ended: {error}")).into())
    })
}

/// JSON as it is kept.
fn to_text<T: Serialize>(value: &T) -> PortResult<String> {
    serde_json::to_string(value).map_err(|error| unreadable("something", &error))
}

/// What was kept as JSON.
fn from_text<T: DeserializeOwned>(what: &str, text: &str) -> PortResult<T> {
    serde_json::from_str(text).map_err(|error| unreadable(what, &error))
}

/// The store's clock: the host's, read through SQLite.
fn now(connection: &Connection) -> rusqlite::Result<Timestamp> {
    let mut statement = connection.prepare_cached("SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER)")?;
    statement.query_row([], |row| row.get(0).map(Timestamp::from_millis))
}

#[async_trait]
impl Store for Sqlite {
    async fn identity(&self) -> Result<Identity, PortError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, key_check FROM identity")?;
            Ok(statement
                .query_row([], |row| Ok(Identity { id: row.get(0)?, format: FORMAT, key_check: row.get(1)? }))?)
        })
        .await
    }

    async fn set_key_check(&self, expect: Option<&str>, check: &str) -> Result<String, PortError> {
        let (expect, check) = (expect.map(str::to_owned), check.to_owned());
        self.write(Flush::Now, move |connection| {
            connection.execute("UPDATE identity SET key_check = ?1 WHERE key_check IS ?2", params![check, expect])?;
            let there =
                connection.query_row("SELECT key_check FROM identity", [], |row| row.get::<_, Option<String>>(0))?;
            Ok(there.unwrap_or_default())
        })
        .await
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        self.read(|connection| Ok(now(connection)?)).await
    }

    async fn snapshot(&self) -> Result<Snapshot, PortError> {
        self.read_much(read::snapshot).await
    }

    async fn records(&self, addresses: &[Address]) -> Result<Vec<Record>, PortError> {
        let addresses = addresses.to_vec();
        if addresses.len() > FEW {
            return self.read_much(move |connection| read::records(connection, &addresses)).await;
        }
        self.read(move |connection| read::records(connection, &addresses)).await
    }

    async fn submit(&self, submission: &Submission) -> Result<(), SubmitError> {
        let submission = submission.clone();
        self.write(Flush::Now, move |connection| write::submit(connection, &submission)).await
    }

    async fn runs(&self) -> Result<Vec<Run>, PortError> {
        self.read_much(|connection| read::bodies(connection, "a run", "SELECT body FROM runs ORDER BY place", [])).await
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, PortError> {
        let filter = filter.clone();
        self.read_much(move |connection| jobs::list(connection, &filter)).await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, PortError> {
        let id = id.clone();
        self.read(move |connection| jobs::find(connection, &id)).await
    }

    async fn log(&self, id: &JobId) -> Result<Vec<LogLine>, PortError> {
        let id = id.clone();
        self.read_much(move |connection| jobs::log(connection, &id)).await
    }

    async fn lease(&self, id: &JobId, worker: &str, ttl: Duration) -> Result<Lease, LeaseError> {
        if let Some(done) = self.write_here(Flush::Now, |connection| jobs::lease(connection, id, worker, ttl)) {
            return done;
        }
        let (id, worker) = (id.clone(), worker.to_owned());
        self.write(Flush::Now, move |connection| jobs::lease(connection, &id, &worker, ttl)).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Timestamp, LeaseError> {
        let (id, token) = (lease.job.id.clone(), lease.token);
        self.write(Flush::Now, move |connection| jobs::renew(connection, &id, token, ttl)).await
    }

    async fn advance(&self, lease: &Lease, advance: &Advance) -> Result<(), LeaseError> {
        let (made, token) = (move_of(lease, advance)?, lease.token);
        if let Some(done) = self.write_here(Flush::Now, |connection| write::advance(connection, token, advance, &made))
        {
            return done;
        }
        let advance = advance.clone();
        self.write(Flush::Now, move |connection| write::advance(connection, token, &advance, &made)).await
    }

    async fn advance_and_lease(
        &self,
        lease: &Lease,
        advance: &Advance,
        next: NextLease<'_>,
    ) -> Result<Result<Lease, LeaseError>, LeaseError> {
        let (made, token) = (move_of(lease, advance)?, lease.token);
        let both = |connection: &Connection| {
            write::advance(connection, token, advance, &made)?;
            Ok(jobs::lease(connection, next.job, next.worker, next.ttl))
        };
        if let Some(done) = self.write_here(Flush::Now, both) {
            return done;
        }
        let (advance, job, worker, ttl) = (advance.clone(), next.job.clone(), next.worker.to_owned(), next.ttl);
        let both = move |connection: &Connection| {
            write::advance(connection, token, &advance, &made)?;
            Ok(jobs::lease(connection, &job, &worker, ttl))
        };
        self.write(Flush::Now, both).await
    }

    async fn break_leases(&self, worker: &str) -> Result<usize, PortError> {
        let worker = worker.to_owned();
        let sql = "UPDATE jobs SET worker = NULL, until = NULL, token = token + 1 WHERE worker = ?1";
        self.write(Flush::Now, move |connection| Ok(connection.execute(sql, [worker])?)).await
    }

    async fn set_status(&self, id: &JobId, status: &JobStatus, at: Timestamp) -> Result<(), LeaseError> {
        let (id, status) = (id.clone(), status.clone());
        self.write(Flush::Now, move |connection| jobs::set_status(connection, &id, &status, at)).await
    }

    async fn events(&self, after: u64, limit: usize, filter: &EventFilter) -> Result<Vec<(u64, Event)>, PortError> {
        let filter = filter.clone();
        self.read_much(move |connection| read::events(connection, after, limit, &filter)).await
    }

    async fn chain(&self, chain: &str) -> Result<Vec<Sealed>, PortError> {
        let chain = chain.to_owned();
        self.read_much(move |connection| read::chain(connection, &chain)).await
    }

    async fn head(&self, chain: &str) -> Result<Option<Head>, PortError> {
        let chain = chain.to_owned();
        self.read(move |connection| read::head(connection, &chain)).await
    }

    async fn heads(&self) -> Result<Vec<Head>, PortError> {
        self.read_much(read::heads).await
    }

    async fn put_sealed(&self, name: &str, sealed: &str, replace: bool, flush: Flush) -> Result<String, PortError> {
        if let Some(done) = self.write_here(flush, |connection| write::put_sealed(connection, name, sealed, replace)) {
            return done;
        }
        let (name, sealed) = (name.to_owned(), sealed.to_owned());
        self.write(flush, move |connection| write::put_sealed(connection, &name, &sealed, replace)).await
    }

    async fn get_sealed(&self, name: &str) -> Result<Option<String>, PortError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM sealed WHERE name = ?1")?;
            let found = statement.query_row([name], |row| row.get(0));
            Ok(found.optional()?)
        })
        .await
    }

    async fn swap_sealed(&self, name: &str, expect: &str, sealed: &str) -> Result<bool, PortError> {
        let values = [name, expect, sealed].map(str::to_owned);
        let sql = "UPDATE sealed SET value = ?3 WHERE name = ?1 AND value = ?2";
        self.write(Flush::Now, move |connection| Ok(connection.execute(sql, values)? > 0)).await
    }

    async fn sealed_names(&self) -> Result<Vec<String>, PortError> {
        self.read_much(|connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM sealed ORDER BY name")?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn remove_sealed(&self, name: &str) -> Result<(), PortError> {
        let name = name.to_owned();
        let sql = "DELETE FROM sealed WHERE name = ?1";
        self.write(Flush::Now, move |connection| Ok(connection.execute(sql, [name]).map(drop)?)).await
    }

    async fn lock(&self, name: &str, who: &str, operation: &str, ttl: Duration) -> Result<Lock, LockError> {
        let (name, who, operation) = (name.to_owned(), who.to_owned(), operation.to_owned());
        self.write(Flush::Now, move |connection| locks::take(connection, name, who, operation, ttl)).await
    }

    async fn renew_lock(&self, lock: &Lock, ttl: Duration) -> Result<Lock, LockError> {
        let lock = lock.clone();
        self.write(Flush::Now, move |connection| locks::renew(connection, &lock, ttl)).await
    }

    async fn unlock(&self, id: &str) -> Result<bool, PortError> {
        let id = id.to_owned();
        self.write(Flush::Now, move |connection| locks::give_back(connection, &id)).await
    }

    async fn locks(&self) -> Result<Vec<Lock>, PortError> {
        self.read(locks::list).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_flushed_is_flushed_with_the_next_write() {
        let folder = std::env::temp_dir().join(format!("cap-sqlite-flush-{}", std::process::id()));
        let store = Sqlite::open(&folder.join("state.db")).await.expect("a store");
        let level = || {
            let connection = store.connection.lock().expect("nobody has panicked");
            connection.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0)).expect("a level")
        };
        for is_quick in [true, false] {
            for (flush, expected) in [(Flush::Later, 1), (Flush::Later, 1), (Flush::Now, 2), (Flush::Now, 2)] {
                store.disk.is_quick.store(is_quick, Ordering::Relaxed);
                store.put_sealed("key/a", "sealed", true, flush).await.expect("it is kept");
                assert_eq!(level(), expected, "{flush:?}");
            }
        }
        let torn = store.write::<(), PortError>(Flush::Later, |_| panic!("a write that panics")).await;
        assert!(torn.is_err());
        store.put_sealed("key/a", "sealed", true, Flush::Now).await.expect("it is kept");
        let connection = store.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let level = connection.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0)).expect("a level");
        assert_eq!(level, 2, "whatever became of the write before");
        std::fs::remove_dir_all(folder).expect("the folder");
    }
}
