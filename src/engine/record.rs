//! From what happened to what is written: events folded into a record, and the links of its timeline. The submission and
//! the worker share it, so that a record changes in one way only.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Engine;
use crate::address::Address;
use crate::job::{ErrorClass, JobId};
use crate::ports::store::RecordWrite;
use crate::ports::vault::MacKey;
use crate::ports::{PortError, PortResult};
use crate::state::{Event, Record, fold};
use crate::timeline::{self, Append, Finding, Flaw, Head, Macs};

/// What to do about a timeline that somebody changed.
pub(super) const BROKEN: &str =
    "run `cap timeline verify`, keep a copy of the store as it is, and put a backup back from before it was changed";

/// Why a timeline cannot be gone on with.
#[derive(Debug)]
pub(super) enum ChainFault {
    /// Somebody changed it. A new link would give what they left a good seal.
    Broken(Finding),
    /// The store failed.
    Store(PortError),
}

impl From<PortError> for ChainFault {
    fn from(fault: PortError) -> Self {
        Self::Store(fault)
    }
}

/// A record that is being changed: as the store has it, and as it has become.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Changing {
    address: Address,
    stored: Option<Record>,
    now: Option<Record>,
    /// Name of its timeline's chain; it outlives the record within a job.
    chain: Option<String>,
    /// The chain that a record in the store names or named: it has begun.
    begun: Option<String>,
}

impl Changing {
    /// A record as it was read.
    pub(super) fn new(address: Address, stored: Option<Record>) -> Self {
        let chain = stored.as_ref().and_then(|record| record.chain.clone());
        Self { address, now: stored.clone(), stored, begun: chain.clone(), chain }
    }

    /// The record as it has become.
    pub(super) fn record(&self) -> Option<&Record> {
        self.now.as_ref()
    }

    /// It was removed, and this is the chain that it had.
    pub(super) fn remember(&mut self, chain: &str) {
        self.chain.get_or_insert_with(|| chain.to_owned());
        self.begun.get_or_insert_with(|| chain.to_owned());
    }

    /// Its chain, once it has one.
    pub(super) fn chain(&self) -> Option<&str> {
        self.chain.as_deref()
    }

    /// One more thing happened to it.
    pub(super) fn fold(&mut self, event: &Event) {
        self.now = fold(self.now.take(), event);
        if let Some(chain) = self.now.as_ref().and_then(|record| record.chain.as_ref()) {
            self.chain = Some(chain.clone());
        }
    }

    /// Claims it for a job.
    pub(super) fn claim(&mut self, job: &JobId) {
        self.now.get_or_insert_with(|| Record::new(self.address.clone())).claim = Some(job.clone());
    }

    /// Gives the claim back. What had only been claimed is gone with it.
    pub(super) fn release(&mut self) {
        let only_claimed = |record: &Record| record.last.is_none() && record.spec.is_none() && record.facts.is_none();
        if self.now.as_ref().is_some_and(only_claimed) {
            self.now = None;
        }
        if let Some(record) = &mut self.now {
            record.claim = None;
        }
    }

    /// The write that is due, if any.
    pub(super) fn write(&self) -> Option<RecordWrite> {
        if self.now == self.stored {
            return None;
        }
        let expect = self.stored.as_ref().map_or(0, |record| record.revision);
        let record = self.now.clone().map(|record| Record { revision: expect + 1, ..record });
        Some(RecordWrite { address: self.address.clone(), expect, record })
    }

    /// That write was done.
    pub(super) fn written(&mut self, write: RecordWrite) {
        self.begin(write.record.as_ref());
        self.stored.clone_from(&write.record);
        self.now = write.record;
    }

    /// The store had another record than was thought: what happened since is folded into that one.
    pub(super) fn rebase(&mut self, stored: Option<Record>, events: &[Event]) {
        let claim = self.now.as_ref().map(|record| record.claim.clone());
        self.begin(stored.as_ref());
        self.now.clone_from(&stored);
        self.stored = stored;
        events.iter().for_each(|event| self.fold(event));
        if let (Some(record), Some(claim)) = (&mut self.now, claim) {
            record.claim = claim;
        }
    }

    /// The store has this record.
    fn begin(&mut self, stored: Option<&Record>) {
        if let Some(chain) = stored.and_then(|record| record.chain.as_ref()) {
            self.begun = Some(chain.clone());
        }
    }
}

impl Changing {
    /// Takes the record away, for another address.
    pub(super) fn take(&mut self) -> Option<Record> {
        self.now.take()
    }

    /// Puts a record here that stood elsewhere, with its chain.
    pub(super) fn put(&mut self, record: Option<Record>) {
        self.chain = record.as_ref().and_then(|record| record.chain.clone());
        self.begun.clone_from(&self.chain);
        self.now = record;
    }
}

/// The end of a record's chain, which the next links go on from. It is genuine, and there for every chain that has begun:
/// stores write it with the record that names the chain, or complete it before they show either.
pub(super) async fn head(engine: &Engine, changing: &Changing) -> Result<Option<Head>, ChainFault> {
    let Some(chain) = changing.chain() else { return Ok(None) };
    let Some(head) = engine.store.head(chain).await? else {
        let is_lost = changing.begun.as_deref() == Some(chain);
        return if is_lost { Err(ChainFault::Broken(Finding::new(chain, 1, Flaw::MissingHead))) } else { Ok(None) };
    };
    with_macs(engine, |macs| timeline::check_seal(macs, chain, &head)).map_err(ChainFault::Broken)?;
    Ok(Some(head))
}

fn with_macs<T>(engine: &Engine, work: impl FnOnce(&Macs<'_>) -> T) -> T {
    let link = |message: &[u8]| engine.vault.mac(MacKey::Link, message);
    let head = |message: &[u8]| engine.vault.mac(MacKey::Head, message);
    work(&Macs { link: &link, head: &head })
}

/// The links that these events add to a chain.
pub(super) fn append<'a>(
    engine: &Engine,
    chain: Option<&str>,
    head: Option<&Head>,
    events: impl IntoIterator<Item = &'a Event>,
) -> PortResult<Option<Append>> {
    let Some(chain) = chain else { return Ok(None) };
    let entries: Result<Vec<String>, _> = events.into_iter().map(timeline::entry).collect();
    let entries = entries.map_err(|fault| {
        PortError::new(ErrorClass::Bug, format!("what happened cannot be added to timeline {chain}: {fault}"))
    })?;
    Ok(with_macs(engine, |macs| timeline::append(macs, chain, head, &entries)))
}

/// Numbers of those events of a job that its chain holds already.
pub(super) async fn chained(engine: &Engine, changing: &Changing, events: &[Event]) -> PortResult<BTreeSet<u32>> {
    let Some(chain) = changing.chain().filter(|_| !events.is_empty()) else { return Ok(BTreeSet::new()) };
    let links = engine.store.chain(chain).await?;
    let entries: HashSet<&str> = links.iter().map(|link| link.entry.as_str()).collect();
    let is_there = |event: &&Event| timeline::entry(event).is_ok_and(|entry| entries.contains(entry.as_str()));
    Ok(events.iter().filter(is_there).map(|event| event.number).collect())
}

/// The links that events add to the chains of these records.
pub(super) async fn appends(
    engine: &Engine,
    changing: impl Iterator<Item = &Changing>,
    events: &[Event],
) -> Result<Vec<Append>, ChainFault> {
    let mut by_address: HashMap<&Address, Vec<Event>> = HashMap::new();
    for event in events {
        by_address.entry(&event.address).or_default().push(event.clone());
    }
    let mut appends = Vec::new();
    for one in changing.filter(|one| one.chain().is_some()) {
        let Some(events) = by_address.get(&one.address) else { continue };
        let head = head(engine, one).await?;
        appends.extend(append(engine, one.chain(), head.as_ref(), events)?);
    }
    Ok(appends)
}
