//! What follows from a move or a submission, written into the collections after the point of no return.
//!
//! Every write here can be repeated at any later time, by anyone, and by several at once, without changing anything a
//! second time: events and links have their names as `_id`, heads only rise, and a record's write names the version or
//! the reservation that it replaces, neither of which ever comes again.

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use mongodb::bson::{Bson, Document, doc, serialize_to_bson};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};

use super::documents::{EventDoc, HeadDoc, LinkDoc, RecordDoc, signed};
use super::error::unless_there;
use super::{MongoDb, to_text};
use crate::address::Address;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::state::{Event, Record};
use crate::store::common::overgrown;
use crate::timeline::{Append, Finding, Sealed};

/// Statements of one command, and bytes of them: a command is a document, with a document's limit of 16 MB.
const STATEMENTS: usize = 1000;
const BYTES: usize = 8 << 20;
/// Heads written at the same time.
const HEADS: usize = 16;

/// A write of a record, over the version that was checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Planned {
    /// Which.
    pub(super) address: Address,
    /// The document's version that it replaces; zero when there was none.
    pub(super) version: i64,
    /// What it becomes.
    pub(super) record: Option<Record>,
}

/// What follows from the move of a job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Effects {
    pub(super) writes: Vec<Planned>,
    pub(super) events: Vec<Event>,
    pub(super) appends: Vec<Append>,
}

impl Effects {
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.events.is_empty() && self.appends.is_empty()
    }
}

/// One statement of an update command.
pub(super) struct Statement {
    filter: Document,
    update: Document,
    upsert: bool,
    bytes: usize,
}

impl Statement {
    /// Writes or removes a record where the filter finds it as it should be.
    fn new(filter: Document, record: Option<&Record>, upsert: bool) -> PortResult<Self> {
        let mut set = doc! { "revision": record.map_or(0, |record| signed(record.revision)) };
        let mut unset = doc! { "reserved": "" };
        let mut bytes = 0;
        match record {
            Some(record) => {
                let text = to_text(record)?;
                bytes = text.len();
                set.insert("body", text);
            }
            None => drop(unset.insert("body", "")),
        }
        match record.and_then(|record| record.claim.as_ref()) {
            Some(job) => set.insert("claim", &job.0),
            None => unset.insert("claim", ""),
        };
        Ok(Self { filter, update: doc! { "$set": set, "$unset": unset, "$inc": { "version": 1_i64 } }, upsert, bytes })
    }

    /// Over the version that was checked.
    pub(super) fn over_version(planned: &Planned) -> PortResult<Self> {
        let filter = doc! { "_id": planned.address.to_string(), "version": planned.version };
        Self::new(filter, planned.record.as_ref(), planned.version == 0)
    }

    /// Over a reservation.
    pub(super) fn over_reservation(address: &Address, attempt: &str, record: Option<&Record>) -> PortResult<Self> {
        Self::new(doc! { "_id": address.to_string(), "reserved": attempt }, record, false)
    }
}

impl MongoDb {
    /// Writes the effects of a move whose last event has that position.
    pub(super) async fn write_effects(&self, effects: &Effects, position: i64) -> PortResult<()> {
        let statements: PortResult<Vec<_>> = effects.writes.iter().map(Statement::over_version).collect();
        self.update_records(statements?).await?;
        self.add_events(&effects.events, position).await?;
        self.add_links(&effects.appends).await
    }

    /// Runs statements in as few commands as fit.
    pub(super) async fn update_records(&self, statements: Vec<Statement>) -> PortResult<()> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for statement in statements {
            if batch.len() == STATEMENTS || (bytes + statement.bytes > BYTES && !batch.is_empty()) {
                self.update_command(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += statement.bytes;
            batch.push(doc! { "q": statement.filter, "u": statement.update, "upsert": statement.upsert });
        }
        if batch.is_empty() { Ok(()) } else { self.update_command(batch).await }
    }

    async fn update_command(&self, statements: Vec<Document>) -> PortResult<()> {
        // The driver leaves a command that it is handed as it is.
        let concern = self.database.write_concern().map(serialize_to_bson).transpose().map_err(Error::from)?;
        let answer = self.database.run_command(doc! {
            "update": "records",
            "updates": statements,
            "ordered": false,
            "writeConcern": concern,
        });
        let answer = answer.await?;
        let faults = answer.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
        // A document that is there although it had not been: the write was made before.
        let fault = faults.iter().filter_map(Bson::as_document).find(|fault| !is_duplicate(fault));
        match fault.or(answer.get_document("writeConcernError").ok()) {
            None => Ok(()),
            Some(fault) => {
                let words = fault.get_str("errmsg").unwrap_or("without a reason");
                Err(PortError::new(ErrorClass::Transient, format!("MongoDB did not write: {words}"))
                    .remedy("run the command again: it completes what was begun"))
            }
        }
    }

    /// Records events whose last has that position.
    pub(super) async fn add_events(&self, events: &[Event], position: i64) -> PortResult<()> {
        let first = position - signed(events.len() as u64) + 1;
        let documents: PortResult<Vec<EventDoc>> = events.iter().zip(first..).map(event_document).collect();
        let documents = documents?;
        if !documents.is_empty() {
            unless_there(self.events.insert_many(documents).ordered(false).await)?;
        }
        Ok(())
    }

    /// Adds links, then moves the heads.
    pub(super) async fn add_links(&self, appends: &[Append]) -> PortResult<()> {
        let links: Vec<LinkDoc> = appends.iter().flat_map(|append| &append.links).map(link_document).collect();
        if !links.is_empty() {
            unless_there(self.links.insert_many(links).ordered(false).await)?;
        }
        let (new, grown): (Vec<&Append>, Vec<&Append>) = appends.iter().partition(|append| append.before.is_none());
        if !new.is_empty() {
            let heads: Vec<HeadDoc> = new.iter().map(|append| head_document(append)).collect();
            unless_there(self.heads.insert_many(heads).ordered(false).await)?;
        }
        for some in grown.chunks(HEADS) {
            try_join_all(some.iter().map(|append| self.move_head(append))).await?;
        }
        Ok(())
    }

    /// A link that is there already where one of these is to go. What was begun has to be completed before: a chain that is
    /// being written has links before its head moves.
    pub(super) async fn find_overgrown(&self, appends: &[Append]) -> PortResult<Option<Finding>> {
        let new = appends.iter().flat_map(|append| append.links.iter().map(move |link| (link_id(link), append)));
        let new: Vec<(String, &Append)> = new.collect();
        let links = self.database.collection::<Document>("links");
        for some in new.chunks(STATEMENTS) {
            let names: Vec<&str> = some.iter().map(|(id, _)| id.as_str()).collect();
            let found = links.find_one(doc! { "_id": { "$in": names } }).projection(doc! { "_id": 1 }).await?;
            let Some(found) = found else { continue };
            let found = some.iter().find(|(id, _)| found.get_str("_id").is_ok_and(|found| found == id));
            return Ok(found.map(|(_, append)| overgrown(append)));
        }
        Ok(None)
    }

    async fn move_head(&self, append: &Append) -> PortResult<()> {
        let head = head_document(append);
        let behind = doc! { "_id": &head.chain, "sequence": { "$lt": head.sequence } };
        let update = doc! { "$set": { "sequence": head.sequence, "mac": head.mac, "seal": head.seal } };
        self.heads.update_one(behind, update).await?;
        Ok(())
    }

    /// The documents of some records, those that there are.
    pub(super) async fn record_documents(&self, addresses: &[String]) -> PortResult<Vec<RecordDoc>> {
        let mut found = Vec::with_capacity(addresses.len());
        for some in addresses.chunks(STATEMENTS) {
            let cursor = self.records.find(doc! { "_id": { "$in": some } }).await?;
            found.extend(cursor.try_collect::<Vec<_>>().await?);
        }
        Ok(found)
    }
}

fn is_duplicate(fault: &Document) -> bool {
    fault.get_i32("code").is_ok_and(|code| code == 11000)
}

fn event_document((event, position): (&Event, i64)) -> PortResult<EventDoc> {
    Ok(EventDoc {
        id: format!("{}/{}", event.job, event.number),
        position,
        job: event.job.0.clone(),
        address: event.address.to_string(),
        body: to_text(event)?,
    })
}

fn link_id(link: &Sealed) -> String {
    format!("{}/{}", link.chain, link.sequence)
}

fn link_document(link: &Sealed) -> LinkDoc {
    LinkDoc {
        id: link_id(link),
        chain: link.chain.clone(),
        sequence: signed(link.sequence),
        entry: link.entry.clone(),
        mac: link.mac.clone(),
    }
}

fn head_document(append: &Append) -> HeadDoc {
    let head = &append.after;
    HeadDoc {
        chain: head.chain.clone(),
        sequence: signed(head.sequence),
        mac: head.mac.clone(),
        seal: head.seal.clone(),
    }
}
