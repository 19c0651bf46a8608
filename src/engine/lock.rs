//! The lock of a run, held with a heartbeat: a lease in the store that ends by itself when its holder dies.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ports::PortResult;
use crate::ports::store::{Lock, LockError, Store};
use crate::time::Duration;

/// Waits between two tries for a lock that somebody holds.
const RETRY: std::time::Duration = std::time::Duration::from_millis(250);

/// A lock that is held: it is renewed until it is released or dropped.
pub struct Held {
    store: Arc<dyn Store>,
    lock: Lock,
    ttl: Duration,
    lost: watch::Receiver<bool>,
    heartbeat: JoinHandle<()>,
    released: bool,
}

/// Which lock is wanted, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of the lock.
    pub name: &'a str,
    /// Who is to hold it.
    pub who: &'a str,
    /// What for.
    pub operation: &'a str,
    /// How long it outlives a holder that died without a word; it is renewed every third of this.
    pub ttl: Duration,
    /// How long it is tried for; zero is one try.
    pub timeout: Duration,
}

/// Takes a lock and keeps it by renewing it. A holder that `is_gone` for sure is not waited for, however late it goes: its
/// lock and the leases of its jobs are taken over.
///
/// # Errors
/// [`LockError::Held`] with the holder when it stays held that long.
pub async fn hold(
    store: Arc<dyn Store>,
    wanted: &Wanted<'_>,
    is_gone: impl Fn(&str) -> bool,
) -> Result<Held, LockError> {
    let Wanted { name, who, operation, ttl, timeout } = *wanted;
    let deadline = tokio::time::Instant::now() + timeout.to_std();
    let lock = loop {
        match store.lock(name, who, operation, ttl).await {
            Err(LockError::Held(held)) if is_gone(&held.who) => {
                store.break_leases(&held.who).await?;
                store.unlock(&held.id).await?;
            }
            Err(LockError::Held(_)) if tokio::time::Instant::now() < deadline => tokio::time::sleep(RETRY).await,
            other => break other?,
        }
    };
    let (tell, lost) = watch::channel(false);
    let heartbeat = tokio::spawn(beat(Arc::clone(&store), lock.clone(), ttl, tell));
    Ok(Held { store, lock, ttl, lost, heartbeat, released: false })
}

async fn beat(store: Arc<dyn Store>, mut lock: Lock, ttl: Duration, lost: watch::Sender<bool>) {
    let third = ttl.to_std() / 3;
    let mut sure = tokio::time::Instant::now() + ttl.to_std();
    loop {
        tokio::time::sleep(third).await;
        let asked = tokio::time::Instant::now();
        match store.renew_lock(&lock, ttl).await {
            Ok(renewed) => {
                lock = renewed;
                sure = asked + ttl.to_std();
            }
            // A store that does not answer may come back in time.
            Err(LockError::Store(_)) if tokio::time::Instant::now() < sure => {}
            Err(_) => {
                let _ = lost.send(true);
                return;
            }
        }
    }
}

impl Held {
    /// The lock as it was taken.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Sees to it that the lock is ours still: what comes next must not wait for the heartbeat to find out.
    ///
    /// # Errors
    /// [`LockError::Held`] when somebody else holds it by now, [`LockError::Lost`] when nobody does.
    pub async fn prove(&self) -> Result<(), LockError> {
        self.store.renew_lock(&self.lock, self.ttl).await.map(|_| ())
    }

    /// Returns when the lock was lost: broken by `force-unlock`, or run out because the store did not answer.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When the store does not answer; the lock then ends by itself.
    pub async fn release(mut self) -> PortResult<()> {
        self.released = true;
        self.heartbeat.abort();
        self.store.unlock(&self.lock.id).await.map(|_| ())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.heartbeat.abort();
        if self.released {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (store, id) = (Arc::clone(&self.store), self.lock.id.clone());
            runtime.spawn(async move { store.unlock(&id).await });
        }
    }
}
