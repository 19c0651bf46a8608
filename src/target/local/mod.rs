//! The machine that `cap` runs on. File work happens on threads that may wait, commands as child processes.

mod change;
mod command;
mod look;
mod owner;
mod way;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use super::args::Owner;
use super::machine::{Action, Machine, Question, Seen};
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult, waiting};

/// This machine, as one owner of files sees it.
pub struct Local {
    owner: Owner,
}

impl Local {
    /// Files are to belong to this owner.
    pub fn new(owner: Owner) -> Self {
        Self { owner }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(owner::Ids) -> PortResult<T> + Send + 'static,
    ) -> PortResult<T> {
        if waiting::is_own_thread() {
            return work(owner::Ids::find(&self.owner)?);
        }
        let owner = self.owner.clone();
        let done = tokio::task::spawn_blocking(move || work(owner::Ids::find(&owner)?)).await;
        done.unwrap_or_else(|error| Err(PortError::new(ErrorClass::Bug, format!("file work ended early: {error}"))))
    }
}

#[async_trait]
impl Machine for Local {
    async fn look(&self, questions: Vec<Question>) -> PortResult<Seen> {
        self.blocking(move |ids| look::all(questions, ids)).await
    }

    async fn change(&self, actions: Vec<Action>) -> PortResult<()> {
        // A thread cannot be cut off, so it asks before each action whether this call is waited for still: whoever lost the
        // right to change anything drops the call, and somebody else may be at work by then.
        let caller = Arc::new(());
        let waiting = Arc::downgrade(&caller);
        let one = move |action, ids| match waiting.strong_count() {
            0 => Err(PortError::new(ErrorClass::Transient, "the change was cut off between two of its actions")),
            _ => change::one(action, ids),
        };
        let done = self.blocking(move |ids| actions.into_iter().try_for_each(|action| one(action, ids))).await;
        drop(caller);
        done
    }

    async fn public_key(&self, path: &str) -> PortResult<Option<Digest>> {
        let path = path.to_owned();
        self.blocking(move |_| {
            let pem = std::fs::read(&path).map(Zeroizing::new).map_err(|error| refused("read", &path, &error))?;
            let key = PrivateKeyDer::from_pem_slice(&pem).ok().and_then(|key| any_supported_type(&key).ok());
            // What is no private key at all belongs to no certificate: a digest that nothing has.
            let spki = key.map(|key| key.public_key().map(|spki| Digest::of(&spki)));
            Ok(spki.unwrap_or_else(|| Some(Digest::of("no private key"))))
        })
        .await
    }

    async fn run(&self, words: &[String], limit: Duration) -> PortResult<()> {
        command::run(words, limit).await
    }
}

/// An error of the file system: whose fault it is, and what was tried.
fn refused(what: &str, path: &str, error: &std::io::Error) -> PortError {
    use std::io::ErrorKind;
    let (class, remedy) = match error.kind() {
        ErrorKind::PermissionDenied => {
            (ErrorClass::Unauthorized, Some("run cap as a user who may do this, or change the directory's owner"))
        }
        ErrorKind::ReadOnlyFilesystem => {
            (ErrorClass::Rejected, Some("mount the file system writable, or name another place"))
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (ErrorClass::Transient, Some("free space there; what was in place before is untouched"))
        }
        ErrorKind::AlreadyExists => (ErrorClass::Conflict, None),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidInput => {
            (ErrorClass::Rejected, None)
        }
        _ => (ErrorClass::Transient, None),
    };
    let error = PortError::new(class, format!("cannot {what} {path}: {error}"));
    match remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// The one thread for file work is busy, so that the change has not begun when it is dropped.
    #[test]
    fn a_change_that_is_dropped_goes_no_further() {
        let place = std::env::temp_dir().join(format!("cap-dropped-{}", std::process::id()));
        let path = place.to_string_lossy().into_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().expect("a runtime");
        runtime.block_on(async {
            let (go, wait) = mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || wait.recv());
            let local = Local::new(Owner::default());
            let mut change = local.change(vec![Action::NewDirectory { path, mode: 0o700 }]);
            assert!(futures_util::poll!(change.as_mut()).is_pending());
            drop(change);
            go.send(()).expect("it waits");
            busy.await.expect("a thread").expect("it was told to go");
            tokio::task::spawn_blocking(|| ()).await.expect("whatever was queued before has ended");
        });
        assert!(!place.exists(), "it was made all the same");
    }
}
