//! Machines with slots for certificates and services that serve them, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::faults::Faults;
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::observed::SlotContent;
use crate::ports::target::{Bundle, Cleared, Holder, Previous, Restored, Served, Target, held};
use crate::ports::{PortError, PortResult};
use crate::x509;

/// What a machine does to the next installation in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// The new files lie there, and the service refuses to take them up.
    ReloadFails,
    /// Likewise, and it is the command that is wrong: it fails with the old files as well.
    CommandIsWrong,
    /// It says that all went well, and nothing changed.
    Lies,
    /// The files are there, and the service serves the old ones a few times more.
    Slow(usize),
    /// Putting the previous version back fails.
    RestoreFails,
}

#[derive(Debug, Default)]
struct Slot {
    content: Option<Digest>,
    /// The deployment that put it there; absent when it was somebody else.
    holder: Option<String>,
    /// What the service has taken up.
    served: Option<Digest>,
    /// Questions that are answered with what was served before.
    slow: (usize, Option<Digest>),
    /// Versions that can be put back, each with its deployment.
    kept: Vec<(Digest, Option<String>)>,
    tricks: VecDeque<Trick>,
    /// Whether the reload command fails whatever lies there.
    command_is_wrong: bool,
    installs: usize,
}

/// The machines.
#[derive(Debug, Default)]
pub struct FakeHosts {
    slots: Mutex<BTreeMap<String, Slot>>,
}

impl FakeHosts {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, slot: &str, act: impl FnOnce(&mut Slot) -> T) -> T {
        act(self.slots().entry(slot.to_owned()).or_default())
    }

    /// The machine plays a trick on the next installation there.
    pub fn trick(&self, slot: &str, trick: Trick) {
        self.with(slot, |slot| slot.tricks.push_back(trick));
    }

    /// What lies there.
    pub fn content(&self, slot: &str) -> Option<Digest> {
        self.with(slot, |slot| slot.content)
    }

    /// What is served there.
    pub fn served(&self, slot: &str) -> Option<Digest> {
        self.with(slot, |slot| slot.served)
    }

    /// How many times something was installed there.
    pub fn installs(&self, slot: &str) -> usize {
        self.with(slot, |slot| slot.installs)
    }

    /// The service serves this, whatever lies there.
    pub fn serve(&self, slot: &str, leaf: Option<Digest>) {
        self.with(slot, |slot| slot.served = leaf);
    }

    /// Somebody else puts something there.
    pub fn tamper(&self, slot: &str, content: Option<Digest>) {
        self.with(slot, |slot| {
            slot.content = content;
            slot.holder = None;
            slot.served = content;
        });
    }
}

/// One slot of one machine.
pub struct FakeTarget {
    hosts: Arc<FakeHosts>,
    slot: String,
    /// Whether there is a service that can be asked.
    endpoint: bool,
    faults: Arc<Faults>,
}

impl FakeTarget {
    /// A slot; its inner steps `copy` and `reload` follow the script as well.
    pub fn new(hosts: Arc<FakeHosts>, slot: impl Into<String>, endpoint: bool, faults: Arc<Faults>) -> Self {
        Self { hosts, slot: slot.into(), endpoint, faults }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Slot) -> T) -> T {
        self.hosts.with(&self.slot, act)
    }

    fn copy(&self, fingerprint: Digest, holder: &str) -> PortResult<()> {
        self.with(|slot| {
            slot.installs += 1;
            let before = (slot.content, slot.holder.replace(holder.to_owned()));
            if before != (Some(fingerprint), slot.holder.clone())
                && let (Some(old), holder) = before
            {
                slot.kept.push((old, holder));
            }
            slot.content = Some(fingerprint);
            Ok(())
        })
    }

    fn reload(&self) -> PortResult<()> {
        self.with(|slot| {
            slot.slow.1 = slot.served;
            slot.served = slot.content;
            Ok(())
        })
    }
}

fn refused(message: &str) -> PortError {
    PortError::new(ErrorClass::Rejected, message)
}

fn reload_failed() -> PortError {
    refused("the reload command ended with status 1")
}

#[async_trait]
impl Target for FakeTarget {
    fn slot(&self) -> String {
        self.slot.clone()
    }

    async fn inspect(&self) -> PortResult<SlotContent> {
        Ok(match self.with(|slot| slot.content) {
            Some(fingerprint) => SlotContent::Present { fingerprint, fault: None },
            None => SlotContent::Absent,
        })
    }

    async fn previous(&self) -> PortResult<Previous> {
        let (fingerprint, holder) = self.with(|slot| (slot.content, slot.holder.clone()));
        let handle = fingerprint.map_or_else(|| "nothing".to_owned(), |one| one.to_string());
        Ok(Previous { fingerprint, handle, holder })
    }

    async fn install(&self, bundle: &Bundle) -> PortResult<()> {
        let leaf = x509::Leaf::from_pem(&bundle.leaf).map_err(|fault| refused(&fault.to_string()))?;
        if leaf.fingerprint != bundle.fingerprint {
            return Err(refused("the bundle's fingerprint is not its leaf's"));
        }
        if let Some(other) = self.with(|slot| slot.holder.clone()).filter(|one| bundle.is_kept_out_by(one)) {
            return Err(held(&self.slot, &other));
        }
        let trick = self.with(|slot| slot.tricks.pop_front_if(|trick| *trick != Trick::RestoreFails));
        if trick == Some(Trick::Lies) {
            return Ok(());
        }
        self.faults.around("copy", || async { self.copy(bundle.fingerprint, &bundle.holder) }).await?;
        match trick {
            Some(Trick::ReloadFails) => return Err(reload_failed()),
            Some(Trick::CommandIsWrong) => {
                self.with(|slot| slot.command_is_wrong = true);
                return Err(reload_failed());
            }
            Some(Trick::Slow(times)) => self.with(|slot| slot.slow.0 = times),
            _ => {}
        }
        self.faults.around("reload", || async { self.reload() }).await
    }

    async fn verify(&self) -> PortResult<Served> {
        if !self.endpoint {
            return Ok(Served::NotAsked);
        }
        let served = self.with(|slot| {
            if slot.slow.0 == 0 {
                return slot.served;
            }
            slot.slow.0 -= 1;
            slot.slow.1
        });
        let served = served.ok_or_else(|| PortError::new(ErrorClass::Transient, "connection refused"))?;
        Ok(Served::Leaves(vec![(format!("{}:443", self.slot), served)]))
    }

    async fn restore(&self, holder: &str, previous: &Previous) -> PortResult<Restored> {
        self.with(|slot| {
            if slot.holder.as_deref().is_some_and(|found| found != holder && Some(found) != previous.holder.as_deref())
            {
                return Ok(Restored::TakenUp);
            }
            if slot.tricks.pop_front_if(|trick| *trick == Trick::RestoreFails).is_some() {
                return Err(refused("the previous version is gone"));
            }
            let kept = slot.kept.iter().rfind(|(one, _)| previous.fingerprint == Some(*one)).cloned();
            if previous.fingerprint.is_some() && slot.content != previous.fingerprint && kept.is_none() {
                return Err(PortError::new(ErrorClass::NotFound, "the previous version is not kept here"));
            }
            if kept.is_some() || previous.fingerprint.is_none() {
                slot.holder = kept.and_then(|(_, holder)| holder);
            }
            slot.content = previous.fingerprint;
            if previous.fingerprint.is_some() && slot.command_is_wrong {
                return Ok(Restored::NotTakenUp(reload_failed()));
            }
            slot.served = previous.fingerprint;
            Ok(Restored::TakenUp)
        })
    }

    fn places(&self) -> Vec<String> {
        vec![self.slot.clone()]
    }

    async fn remove_except(&self, holder: &Holder, kept: &[String]) -> PortResult<Cleared> {
        if kept.contains(&self.slot) {
            return Ok(Cleared::Removed);
        }
        Ok(self.with(|slot| {
            if !holder.holds(slot.holder.as_deref(), slot.content) {
                return Cleared::Foreign;
            }
            *slot = Slot { tricks: std::mem::take(&mut slot.tricks), installs: slot.installs, ..Slot::default() };
            Cleared::Removed
        }))
    }
}
