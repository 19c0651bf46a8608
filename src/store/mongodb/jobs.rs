//! Jobs in MongoDB. The job's document is the one point of truth: a move sets the job and, in the same atomic write, its
//! effects as `pending`. Whoever sees a pending move completes it, so a crash anywhere leaves the move whole or undone.

use futures_util::TryStreamExt as _;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::documents::{JobDoc, LogDoc, date, instant, signed, unsigned};
use super::effects::{Effects, Planned};
use super::{MongoDb, from_text, to_text};
use crate::job::{Job, JobId, JobStatus};
use crate::ports::PortResult;
use crate::ports::store::{Advance, JobFilter, Lease, LeaseError, LogLine};
use crate::state::Record;
use crate::store::common::{Move, continues, fresh_id, is_expected, move_of, no_such_job, released, with_status};
use crate::time::{Duration, Timestamp};

/// Lines of a job's log that are kept: a document must not grow without bound.
const LOG_LINES: i32 = 2000;

/// A lease or lock ends that long after this moment of the server's.
pub(super) fn until(ttl: Duration) -> Document {
    doc! { "$add": ["$$NOW", ttl.millis()] }
}

/// The document of a job that nobody works on, with nothing pending. The server's clock is read first and then compared
/// with: a lease that has run out by then has run out for good.
fn is_free(id: &JobId, now: Timestamp) -> Document {
    let over = [doc! { "until": null }, doc! { "until": { "$lte": date(now) } }];
    doc! { "_id": &id.0, "final": false, "unsettled": null, "$or": over.to_vec() }
}

/// The document of a job under a lease. The token is the fence: it changes as soon as anybody else takes the job.
fn is_held(lease: &Lease, now: Timestamp) -> Document {
    doc! { "_id": &lease.job.id.0, "token": signed(lease.token), "until": { "$gt": date(now) } }
}

impl MongoDb {
    pub(super) async fn list_jobs(&self, filter: &JobFilter) -> PortResult<Vec<Job>> {
        let mut wanted = Document::new();
        if let Some(run) = &filter.run {
            wanted.insert("run", &run.0);
        }
        if filter.unfinished {
            wanted.insert("final", false);
        }
        let jobs = self.bodies("jobs");
        let found = jobs.find(wanted).sort(doc! { "place": 1, "index": 1 });
        let found: Vec<_> = found.projection(doc! { "body": 1 }).await?.try_collect().await?;
        found.iter().map(|document| from_text("a job", &document.body)).collect()
    }

    pub(super) async fn job_log(&self, id: &JobId) -> PortResult<Vec<LogLine>> {
        let logs = self.database.collection::<LogDoc>("jobs");
        let found = logs.find_one(doc! { "_id": &id.0 }).projection(doc! { "log": 1 }).await?;
        let lines = found.map(|found| found.log).unwrap_or_default();
        lines.iter().map(|line| from_text("a line of a log", line)).collect()
    }

    /// The job's document with nothing pending; absent when there is no such job.
    pub(super) async fn settled_job(&self, id: &JobId) -> PortResult<Option<JobDoc>> {
        for settle in [true, false] {
            let found = self.jobs.find_one(doc! { "_id": &id.0 }).projection(doc! { "log": 0 }).await?;
            match found {
                Some(job) if job.pending.is_some() => self.complete(&job).await?,
                Some(job) => return Ok(Some(job)),
                None if settle => self.settle_runs().await?,
                None => return Ok(None),
            }
        }
        Ok(self.jobs.find_one(doc! { "_id": &id.0 }).projection(doc! { "log": 0 }).await?)
    }

    async fn known_job(&self, id: &JobId) -> PortResult<JobDoc> {
        self.settled_job(id).await?.ok_or_else(|| no_such_job(id))
    }

    /// Completes the moves that somebody left pending.
    pub(super) async fn settle_jobs(&self) -> PortResult<()> {
        let found = self.jobs.find(doc! { "unsettled": true }).projection(doc! { "log": 0 }).await?;
        for job in found.try_collect::<Vec<_>>().await? {
            self.complete(&job).await?;
        }
        Ok(())
    }

    /// Writes what follows from the pending move, then clears it.
    async fn complete(&self, job: &JobDoc) -> PortResult<()> {
        let (Some(pending), Some(mark)) = (&job.pending, &job.mark) else { return Ok(()) };
        let effects: Effects = from_text("a pending move", pending)?;
        let position = match job.position {
            Some(position) => position,
            None => self.give_position(&job.id, mark, effects.events.len()).await?,
        };
        self.write_effects(&effects, position).await?;
        let over = doc! { "$unset": { "pending": "", "position": "", "unsettled": "" } };
        self.jobs.update_one(doc! { "_id": &job.id, "mark": mark }, over).await?;
        Ok(())
    }

    /// Gives the events of a pending move their positions, unless somebody else just did. Not before the move is pending:
    /// whoever reads events up to a position first completes all moves that may have one below it.
    async fn give_position(&self, id: &str, mark: &str, events: usize) -> PortResult<i64> {
        if events == 0 {
            return Ok(0);
        }
        let position = self.count("events", events).await?;
        let still = doc! { "_id": id, "mark": mark, "position": null, "unsettled": true };
        if self.jobs.update_one(still, doc! { "$set": { "position": position } }).await?.matched_count > 0 {
            return Ok(position);
        }
        let now = self.jobs.find_one(doc! { "_id": id, "mark": mark }).projection(doc! { "log": 0 }).await?;
        // When it is not pending any more its events are there, and writing them again finds them.
        Ok(now.and_then(|job| job.position).unwrap_or(position))
    }

    pub(super) async fn take_lease(&self, id: &JobId, worker: &str, ttl: Duration) -> Result<Lease, LeaseError> {
        loop {
            let free = is_free(id, self.clock().await?);
            let token = doc! { "$add": ["$token", 1_i64] };
            let take = vec![doc! { "$set": { "token": token, "worker": { "$literal": worker }, "until": until(ttl) } }];
            let taken = self.jobs.find_one_and_update(free, take).projection(doc! { "log": 0 });
            if let Some(job) = taken.return_document(ReturnDocument::After).await? {
                return lease_of(&job, worker);
            }
            self.not_free(id).await?;
        }
    }

    /// Why a job is not free; nothing when it is by now.
    async fn not_free(&self, id: &JobId) -> Result<(), LeaseError> {
        let job = self.known_job(id).await?;
        if job.is_final {
            return Err(LeaseError::Final);
        }
        let now = self.clock().await?;
        match (job.worker, job.until.map(instant)) {
            (Some(worker), Some(until)) if until > now => Err(LeaseError::Held { worker, until }),
            _ => Ok(()),
        }
    }

    pub(super) async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<Timestamp, LeaseError> {
        let held = is_held(lease, self.clock().await?);
        let longer = vec![doc! { "$set": { "until": until(ttl) } }];
        let renewed = self.jobs.find_one_and_update(held, longer).projection(doc! { "log": 0 });
        let renewed = renewed.return_document(ReturnDocument::After).await?;
        renewed.and_then(|job| job.until).map(instant).ok_or(LeaseError::Lost)
    }

    pub(super) async fn move_job(&self, lease: &Lease, advance: &Advance) -> Result<(), LeaseError> {
        let made = move_of(lease, advance)?;
        loop {
            let job = self.known_job(&advance.job.id).await?;
            if job.token == signed(lease.token) && job.mark.as_ref() == Some(&made.mark) {
                return Ok(());
            }
            match self.move_over(&job, lease, advance, &made).await {
                // What stood in the way may be this same move, asked for before and late, or that of whoever has the job
                // by now: read again.
                Err(_) if self.has_moved(&job).await? => {}
                end => return end,
            }
        }
    }

    /// Moves a job that is as it was read.
    async fn move_over(&self, job: &JobDoc, lease: &Lease, advance: &Advance, made: &Move) -> Result<(), LeaseError> {
        let now = self.clock().await?;
        if job.token != signed(lease.token) || job.until.is_none_or(|until| instant(until) <= now) {
            return Err(LeaseError::Lost);
        }
        let effects = self.check(advance).await?;
        let update = move_update(&advance.job, made, &effects, &advance.log, advance.release)?;
        let mut held = is_held(lease, now);
        held.insert("unsettled", Bson::Null);
        held.insert("mark", job.mark.clone());
        let moved = self.jobs.find_one_and_update(held, update).projection(doc! { "log": 0 });
        let moved = moved.return_document(ReturnDocument::After).await?.ok_or(LeaseError::Lost)?;
        Ok(self.complete(&moved).await?)
    }

    /// Whether somebody has leased or moved a job since it was read.
    async fn has_moved(&self, job: &JobDoc) -> PortResult<bool> {
        let now = self.known_job(&JobId(job.id.clone())).await?;
        Ok(now.token != job.token || now.mark != job.mark)
    }

    /// The effects of a move, with the versions that they replace. The claims of the job keep others away from them.
    async fn check(&self, advance: &Advance) -> Result<Effects, LeaseError> {
        let addresses: Vec<String> = advance.writes.iter().map(|write| write.address.to_string()).collect();
        let found = self.record_documents(&addresses).await?;
        let mut writes = Vec::with_capacity(addresses.len());
        for (write, address) in advance.writes.iter().zip(&addresses) {
            let document = found.iter().find(|document| document.address == *address);
            if !is_expected(write, document.and_then(|document| document.stored()).as_ref()) {
                return Err(LeaseError::Stale(write.address.clone()));
            }
            let version = document.map_or(0, |document| document.version);
            writes.push(Planned { address: write.address.clone(), version, record: write.record.clone() });
        }
        for append in &advance.appends {
            if !continues(append, self.find_head(&append.after.chain).await?.as_ref()) {
                return Err(LeaseError::Stale(advance.job.address().clone()));
            }
        }
        if let Some(finding) = self.find_overgrown(&advance.appends).await? {
            return Err(finding.into());
        }
        Ok(Effects { writes, events: advance.events.clone(), appends: advance.appends.clone() })
    }

    pub(super) async fn withdraw(&self, id: &JobId, status: &JobStatus, at: Timestamp) -> Result<(), LeaseError> {
        loop {
            self.not_free(id).await?;
            let document = self.known_job(id).await?;
            let job = with_status(from_text("a job", &document.body)?, status, at);
            let writes = if status.is_final() { self.claims_to_release(id).await? } else { Vec::new() };
            let effects = Effects { writes, ..Effects::default() };
            let made = Move { job: to_text(&job)?, mark: fresh_id("status")? };
            let mut update = move_update(&job, &made, &effects, &[], true)?;
            update.insert("$inc", doc! { "token": 1_i64 });
            // Nobody has leased or moved the job since it was read: a move may arrive after the end of its lease.
            let mut same = is_free(id, self.clock().await?);
            same.insert("token", document.token);
            same.insert("mark", document.mark);
            let moved = self.jobs.find_one_and_update(same, update).projection(doc! { "log": 0 });
            if let Some(moved) = moved.return_document(ReturnDocument::After).await? {
                return Ok(self.complete(&moved).await?);
            }
        }
    }

    async fn claims_to_release(&self, id: &JobId) -> PortResult<Vec<Planned>> {
        let claimed = self.records.find(doc! { "claim": &id.0 }).await?;
        let mut writes = Vec::new();
        for document in claimed.try_collect::<Vec<_>>().await? {
            let Some(body) = &document.body else { continue };
            let record: Record = from_text("a record", body)?;
            let address = record.address.clone();
            writes.push(Planned { address, version: document.version, record: released(record) });
        }
        Ok(writes)
    }
}

fn lease_of(job: &JobDoc, worker: &str) -> Result<Lease, LeaseError> {
    Ok(Lease {
        job: from_text("a job", &job.body)?,
        worker: worker.to_owned(),
        token: unsigned(job.token),
        until: job.until.map(instant).ok_or(LeaseError::Lost)?,
    })
}

/// The one atomic write of a move: the job, its effects, its log, and whether the lease goes.
fn move_update(job: &Job, made: &Move, effects: &Effects, log: &[LogLine], release: bool) -> PortResult<Document> {
    let mut set = doc! { "body": &made.job, "final": job.status.is_final(), "mark": &made.mark };
    let mut update = Document::new();
    if !effects.is_empty() {
        set.insert("pending", to_text(effects)?);
        set.insert("unsettled", true);
    }
    if !log.is_empty() {
        let lines: PortResult<Vec<String>> = log.iter().map(to_text).collect();
        update.insert("$push", doc! { "log": { "$each": lines?, "$slice": -LOG_LINES } });
    }
    if release {
        update.insert("$unset", doc! { "worker": "", "until": "" });
    }
    update.insert("$set", set);
    Ok(update)
}
