//! The store for teams: one MongoDB database, reached by the official driver, written with majority and journal.
//!
//! It needs only what every MongoDB has, also one without replica set: atomic changes of single documents. What spans
//! documents is decided in one of them, and completed from there by whoever comes by (see `jobs` and `runs`).

mod documents;
mod effects;
mod error;
mod jobs;
mod locks;
mod open;
mod runs;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;
use mongodb::{Collection, Database};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::common::unreadable;
use crate::address::Address;
use crate::job::{Job, JobId, JobStatus, Run};
use crate::ports::store::{
    Advance, EventFilter, Flush, Identity, JobFilter, Lease, LeaseError, Lock, LockError, LogLine, Snapshot, Store,
    Submission, SubmitError,
};
use crate::ports::{PortError, PortResult};
use crate::state::{Event, Record, State};
use crate::time::{Duration, Timestamp};
use crate::timeline::{Head, Sealed};
use documents::{
    BodyDoc, CounterDoc, EventDoc, HeadDoc, IdentityDoc, JobDoc, LinkDoc, LockDoc, PieceDoc, RecordDoc, RunDoc,
    SealedDoc, instant, signed, unsigned,
};
use open::gone;

/// A handle on a store in a database.
pub struct MongoDb {
    database: Database,
    meta: Collection<Document>,
    records: Collection<RecordDoc>,
    runs: Collection<RunDoc>,
    staged: Collection<PieceDoc>,
    jobs: Collection<JobDoc>,
    events: Collection<EventDoc>,
    links: Collection<LinkDoc>,
    heads: Collection<HeadDoc>,
    sealed: Collection<SealedDoc>,
    locks: Collection<LockDoc>,
}

impl MongoDb {
    /// Connects to the database of the URL, making the store when it is empty. Errors name host and database, never the
    /// user or the password.
    pub async fn open(url: &str) -> PortResult<Self> {
        Ok(Self::of(open::open(url).await?))
    }

    /// Connects to the database of the URL if a store is in it. An empty database stays empty.
    pub async fn open_existing(url: &str) -> PortResult<Option<Self>> {
        Ok(open::open_existing(url).await?.map(Self::of))
    }

    fn of(database: Database) -> Self {
        Self {
            meta: database.collection("meta"),
            records: database.collection("records"),
            runs: database.collection("runs"),
            staged: database.collection("staged"),
            jobs: database.collection("jobs"),
            events: database.collection("events"),
            links: database.collection("links"),
            heads: database.collection("heads"),
            sealed: database.collection("sealed"),
            locks: database.collection("locks"),
            database,
        }
    }

    /// A collection of which only the JSON is read.
    fn bodies(&self, collection: &str) -> Collection<BodyDoc> {
        self.database.collection(collection)
    }

    /// Completes whatever somebody began and left.
    async fn settle(&self) -> PortResult<()> {
        self.settle_runs().await?;
        self.settle_jobs().await
    }

    /// Takes the next numbers of a counter and returns the last of them.
    async fn count(&self, counter: &str, numbers: usize) -> PortResult<i64> {
        let counters = self.database.collection::<CounterDoc>("meta");
        let step = doc! { "$inc": { "last": signed(numbers as u64) } };
        let counted = counters.find_one_and_update(doc! { "_id": counter }, step);
        let counted = counted.return_document(ReturnDocument::After).await?;
        counted.map(|counter| counter.last).ok_or_else(|| gone("counter"))
    }

    /// The last number that a counter gave.
    async fn counted(&self, counter: &str) -> PortResult<i64> {
        let counters = self.database.collection::<CounterDoc>("meta");
        Ok(counters.find_one(doc! { "_id": counter }).await?.map_or(0, |counter| counter.last))
    }

    /// The server's clock.
    async fn clock(&self) -> PortResult<Timestamp> {
        let only = vec![doc! { "$match": { "_id": "identity" } }, doc! { "$project": { "now": "$$NOW" } }];
        let answer = self.meta.aggregate(only).await?.try_next().await?.ok_or_else(|| gone("identity"))?;
        answer.get_datetime("now").map(|now| instant(*now)).map_err(|error| unreadable("no time", &error))
    }

    async fn read_identity(&self) -> PortResult<Identity> {
        let meta = self.database.collection::<IdentityDoc>("meta");
        let found = meta.find_one(doc! { "_id": "identity" }).await?.ok_or_else(|| gone("identity"))?;
        Ok(Identity { id: found.id, format: found.format, key_check: found.key_check })
    }

    async fn read_snapshot(&self) -> PortResult<Snapshot> {
        let records = self.bodies("records");
        let there = records.find(doc! { "revision": { "$gt": 0 } }).projection(doc! { "body": 1 });
        let mut cursor = there.await?;
        let mut snapshot = Snapshot { state: State::default(), ..Snapshot::default() };
        while let Some(document) = cursor.try_next().await? {
            let record: Record = from_text("a record", &document.body)?;
            snapshot.state.records.insert(record.address.clone(), record);
        }
        let outputs = self.bodies("meta").find_one(doc! { "_id": "outputs" }).await?;
        if let Some(outputs) = outputs {
            snapshot.outputs = from_text("outputs", &outputs.body)?;
        }
        Ok(snapshot)
    }

    async fn find_head(&self, chain: &str) -> PortResult<Option<Head>> {
        Ok(self.heads.find_one(doc! { "_id": chain }).await?.map(head_of))
    }
}

fn head_of(document: HeadDoc) -> Head {
    Head { chain: document.chain, sequence: unsigned(document.sequence), mac: document.mac, seal: document.seal }
}

fn link_of(document: LinkDoc) -> Sealed {
    Sealed { chain: document.chain, sequence: unsigned(document.sequence), entry: document.entry, mac: document.mac }
}

/// JSON as it is kept.
fn to_text<T: Serialize>(value: &T) -> PortResult<String> {
    serde_json::to_string(value).map_err(|error| unreadable("something", &error))
}

/// What was kept as JSON.
fn from_text<T: DeserializeOwned>(what: &str, text: &str) -> PortResult<T> {
    serde_json::from_str(text).map_err(|error| unreadable(what, &error))
}

#[async_trait]
impl Store for MongoDb {
    async fn identity(&self) -> Result<Identity, PortError> {
        self.read_identity().await
    }

    async fn set_key_check(&self, expect: Option<&str>, check: &str) -> Result<String, PortError> {
        let expected = doc! { "_id": "identity", "key_check": expect };
        self.meta.update_one(expected, doc! { "$set": { "key_check": check } }).await?;
        Ok(self.read_identity().await?.key_check.unwrap_or_default())
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        self.clock().await
    }

    async fn snapshot(&self) -> Result<Snapshot, PortError> {
        loop {
            let commits = self.counted("commits").await?;
            self.settle().await?;
            let snapshot = self.read_snapshot().await?;
            // Otherwise an apply began meanwhile, and part of it may have been read.
            if self.counted("commits").await? == commits {
                return Ok(snapshot);
            }
        }
    }

    async fn records(&self, addresses: &[Address]) -> Result<Vec<Record>, PortError> {
        self.settle().await?;
        let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let found = self.record_documents(&names).await?;
        let bodies = found.iter().filter_map(|document| document.body.as_ref());
        let mut records: Vec<Record> = bodies.map(|body| from_text("a record", body)).collect::<PortResult<_>>()?;
        let places: std::collections::HashMap<&Address, usize> = addresses.iter().zip(0..).collect();
        records.sort_by_key(|record| places.get(&record.address).copied());
        Ok(records)
    }

    async fn submit(&self, submission: &Submission) -> Result<(), SubmitError> {
        self.submit_run(submission).await
    }

    async fn runs(&self) -> Result<Vec<Run>, PortError> {
        self.settle().await?;
        self.list_runs().await
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, PortError> {
        loop {
            let commits = self.counted("commits").await?;
            self.settle().await?;
            let jobs = self.list_jobs(filter).await?;
            if self.counted("commits").await? == commits {
                return Ok(jobs);
            }
        }
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, PortError> {
        self.settled_job(id).await?.map(|document| from_text("a job", &document.body)).transpose()
    }

    async fn log(&self, id: &JobId) -> Result<Vec<LogLine>, PortError> {
        self.job_log(id).await
    }

    async fn lease(&self, id: &JobId, worker: &str, ttl: Duration) -> Result<Lease, LeaseError> {
        self.take_lease(id, worker, ttl).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Timestamp, LeaseError> {
        self.renew_lease(lease, ttl).await
    }

    async fn advance(&self, lease: &Lease, advance: &Advance) -> Result<(), LeaseError> {
        self.move_job(lease, advance).await
    }

    async fn break_leases(&self, worker: &str) -> Result<usize, PortError> {
        let void = doc! { "$unset": { "worker": "", "until": "" }, "$inc": { "token": 1_i64 } };
        let broken = self.jobs.update_many(doc! { "worker": worker }, void).await?;
        Ok(usize::try_from(broken.modified_count).unwrap_or(usize::MAX))
    }

    async fn set_status(&self, id: &JobId, status: &JobStatus, at: Timestamp) -> Result<(), LeaseError> {
        self.withdraw(id, status, at).await
    }

    async fn events(&self, after: u64, limit: usize, filter: &EventFilter) -> Result<Vec<(u64, Event)>, PortError> {
        self.settle().await?;
        // Whatever has a position up to here was pending or committed before, so it is complete after settling again.
        let last = self.counted("events").await?;
        self.settle().await?;
        let mut wanted = doc! { "position": { "$gt": signed(after), "$lte": last } };
        if let Some(job) = &filter.job {
            wanted.insert("job", &job.0);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self.events.find(wanted).sort(doc! { "position": 1 }).limit(limit).await?;
        let found: Vec<EventDoc> = found.try_collect().await?;
        found.iter().map(|event| Ok((unsigned(event.position), from_text("an event", &event.body)?))).collect()
    }

    async fn chain(&self, chain: &str) -> Result<Vec<Sealed>, PortError> {
        self.settle().await?;
        let found = self.links.find(doc! { "chain": chain }).sort(doc! { "sequence": 1 }).await?;
        Ok(found.map_ok(link_of).try_collect().await?)
    }

    async fn head(&self, chain: &str) -> Result<Option<Head>, PortError> {
        self.settle().await?;
        self.find_head(chain).await
    }

    async fn heads(&self) -> Result<Vec<Head>, PortError> {
        self.settle().await?;
        let found = self.heads.find(doc! {}).sort(doc! { "_id": 1 }).await?;
        Ok(found.map_ok(head_of).try_collect().await?)
    }

    async fn put_sealed(&self, name: &str, sealed: &str, replace: bool, _: Flush) -> Result<String, PortError> {
        let how = if replace { "$set" } else { "$setOnInsert" };
        let put = self.sealed.find_one_and_update(doc! { "_id": name }, doc! { how: { "value": sealed } });
        let put = error::unless_there(put.upsert(true).return_document(ReturnDocument::After).await)?.flatten();
        match put {
            Some(document) => Ok(document.value),
            // Somebody else made it in the same moment.
            None => self.get_sealed(name).await?.ok_or_else(|| gone("secret")),
        }
    }

    async fn get_sealed(&self, name: &str) -> Result<Option<String>, PortError> {
        Ok(self.sealed.find_one(doc! { "_id": name }).await?.map(|document| document.value))
    }

    async fn swap_sealed(&self, name: &str, expect: &str, sealed: &str) -> Result<bool, PortError> {
        let expected = doc! { "_id": name, "value": expect };
        let swapped = self.sealed.update_one(expected, doc! { "$set": { "value": sealed } }).await?;
        Ok(swapped.matched_count > 0)
    }

    async fn sealed_names(&self) -> Result<Vec<String>, PortError> {
        let names = self.database.collection::<Document>("sealed");
        let found = names.find(doc! {}).projection(doc! { "_id": 1 }).sort(doc! { "_id": 1 }).await?;
        let found: Vec<Document> = found.try_collect().await?;
        Ok(found.iter().filter_map(|one| one.get_str("_id").ok()).map(str::to_owned).collect())
    }

    async fn remove_sealed(&self, name: &str) -> Result<(), PortError> {
        self.sealed.delete_one(doc! { "_id": name }).await?;
        Ok(())
    }

    async fn lock(&self, name: &str, who: &str, operation: &str, ttl: Duration) -> Result<Lock, LockError> {
        self.take_lock(name, who, operation, ttl).await
    }

    async fn renew_lock(&self, lock: &Lock, ttl: Duration) -> Result<Lock, LockError> {
        self.prolong_lock(lock, ttl).await
    }

    async fn unlock(&self, id: &str) -> Result<bool, PortError> {
        self.give_back_lock(id).await
    }

    async fn locks(&self) -> Result<Vec<Lock>, PortError> {
        self.list_locks().await
    }
}
