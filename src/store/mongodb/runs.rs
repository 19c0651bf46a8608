//! Submitting without transactions: stage, reserve, commit, roll forward.
//!
//! Until the run's document says `committed` nothing of a submission is visible, and giving it up only frees what it
//! reserved. From then on everything follows from what was staged, and whoever comes by completes it. A submitter that
//! died before that is given up by others after a while, by the store's clock.
//!
//! A submission under a lock enters the lock's name with the run and then looks whether the lock lasts; whoever takes or
//! breaks a lock writes that first and then gives up what is staged under the earlier holding. Whichever of the two comes
//! first, the other sees it: what has been submitted under a lock is committed before `lock` gives it to the next holder
//! and before `unlock` has broken it, or never. A commit may come while either is still at work.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, doc};

use super::documents::{JobDoc, OutputsDoc, PieceDoc, RecordDoc, RunDoc, Stage, date, signed};
use super::effects::Statement;
use super::error::unless_there;
use super::open::gone;
use super::{MongoDb, from_text, to_text};
use crate::address::Address;
use crate::job::{ErrorClass, Run};
use crate::ports::store::{Submission, SubmitError};
use crate::ports::{PortError, PortResult};
use crate::store::common::{change_outputs, continues, fresh_id, may_submit, object_of, unreadable};
use crate::time::Duration;

/// How long a submission may take before it counts as one whose submitter died.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of one piece of a staged submission.
const PIECE: usize = 8 << 20;
/// Records named in one request.
const NAMES: usize = 1000;

impl MongoDb {
    /// Begins an apply: see the module.
    pub(super) async fn submit_run(&self, submission: &Submission) -> Result<(), SubmitError> {
        self.settle().await?;
        self.sweep().await?;
        let Some(attempt) = self.begin(submission).await? else { return Ok(()) };
        if !self.is_under_lock(&attempt, submission.lock.as_ref()).await? {
            self.give_up(&attempt).await?;
            return Err(SubmitError::LockLost);
        }
        let pieces = self.stage(&attempt, submission).await?;
        let stale = self.reserve(&attempt, submission).await?;
        if !stale.is_empty() {
            self.give_up(&attempt).await?;
            return Err(SubmitError::Stale(stale));
        }
        if let Some(finding) = self.find_overgrown(&submission.appends).await? {
            // Whoever has given this attempt up may be writing them.
            let is_ours = self.give_up(&attempt).await?;
            return Err(if is_ours { finding.into() } else { overtaken(&submission.run).into() });
        }
        let run = self.commit(&attempt, pieces, submission).await?;
        Ok(self.roll_forward(&run, submission).await?)
    }

    /// Enters the run as being staged, under the name of this attempt. Nothing when it is complete.
    async fn begin(&self, submission: &Submission) -> PortResult<Option<String>> {
        let run = &submission.run;
        let attempt = fresh_id(&run.id.0)?;
        let lock = submission.lock.as_ref().map(|lock| doc! { "name": &lock.name, "id": &lock.id });
        let stage = doc! {
            "$set": { "stage": "staging", "attempt": &attempt, "body": to_text(run)?, "lock": lock },
            "$currentDate": { "at": true },
        };
        let is_new = doc! { "_id": &run.id.0, "stage": null };
        if unless_there(self.runs.update_one(is_new, stage.clone()).upsert(true).await)?.is_some() {
            return Ok(Some(attempt));
        }
        let found = self.runs.find_one(doc! { "_id": &run.id.0 }).await?.ok_or_else(|| gone("run"))?;
        match found.stage {
            Stage::Done => Ok(None),
            Stage::Committed => self.finish(&found).await.map(|()| None),
            // An earlier attempt came to nothing, or its submitter has died: this one takes its place.
            Stage::Staging | Stage::Released => {
                let earlier =
                    doc! { "_id": &run.id.0, "attempt": &found.attempt, "stage": { "$in": ["staging", "released"] } };
                if self.runs.update_one(earlier, stage).await?.matched_count == 0 {
                    return Err(overtaken(run));
                }
                self.free(&found.attempt).await?;
                Ok(Some(attempt))
            }
        }
    }

    /// Stores the submission where whoever completes it will find it.
    async fn stage(&self, attempt: &str, submission: &Submission) -> PortResult<u32> {
        let text = to_text(submission)?;
        let mut rest = text.as_str();
        let mut number = 0;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE.min(rest.len())));
            let id = format!("{attempt}/{number}");
            let piece = PieceDoc { id, attempt: attempt.to_owned(), number, text: piece.to_owned() };
            unless_there(self.staged.insert_one(piece).await)?;
            (rest, number) = (after, number + 1);
        }
        Ok(number)
    }

    /// Reserves all records that are to be written. Returns what is not as the submission expects it.
    async fn reserve(&self, attempt: &str, submission: &Submission) -> Result<Vec<Address>, SubmitError> {
        let mut stale = Vec::new();
        for writes in submission.writes.chunks(NAMES) {
            let names: Vec<String> = writes.iter().map(|write| write.address.to_string()).collect();
            let fresh = writes.iter().zip(&names).filter(|(write, _)| write.expect == 0);
            self.make_places(fresh.map(|(_, name)| name)).await?;
            let found = self.reserve_some(attempt, &names).await?;
            let mine = |name: &String| found.get(name).filter(|document| document.reserved.as_deref() == Some(attempt));
            let refused = writes.iter().zip(&names).filter(|(write, name)| {
                mine(name).is_none_or(|document| !may_submit(write, document.stored().as_ref()))
            });
            stale.extend(refused.map(|(write, _)| write.address.clone()));
        }
        for append in &submission.appends {
            if append.before.is_some() && !continues(append, self.find_head(&append.after.chain).await?.as_ref()) {
                stale.push(object_of(append, submission)?);
            }
        }
        self.find_begun(submission, &mut stale).await?;
        stale.sort();
        stale.dedup();
        Ok(stale)
    }

    /// Chains that are to begin and have begun, found many at a time: a large apply begins thousands.
    async fn find_begun(&self, submission: &Submission, stale: &mut Vec<Address>) -> PortResult<()> {
        let new: Vec<_> = submission.appends.iter().filter(|append| append.before.is_none()).collect();
        for some in new.chunks(NAMES) {
            let names: Vec<&str> = some.iter().map(|append| append.after.chain.as_str()).collect();
            let begun: Vec<_> = self.heads.find(doc! { "_id": { "$in": names } }).await?.try_collect().await?;
            for head in begun {
                let append = some.iter().find(|append| append.after.chain == head.chain);
                stale.extend(append.map(|append| object_of(append, submission)).transpose()?);
            }
        }
        Ok(())
    }

    /// Makes documents that stand for records which do not exist, so that these can be reserved too.
    async fn make_places(&self, names: impl Iterator<Item = &String>) -> PortResult<()> {
        let places = names.map(|name| RecordDoc {
            address: name.clone(),
            revision: 0,
            version: 0,
            claim: None,
            reserved: None,
            body: None,
        });
        let places: Vec<RecordDoc> = places.collect();
        if !places.is_empty() {
            unless_there(self.records.insert_many(places).ordered(false).await)?;
        }
        Ok(())
    }

    /// Reserves those that nobody else has reserved, and returns all as they are then.
    async fn reserve_some(&self, attempt: &str, names: &[String]) -> PortResult<HashMap<String, RecordDoc>> {
        let set = doc! { "$set": { "reserved": attempt } };
        self.records.update_many(doc! { "_id": { "$in": names }, "reserved": null }, set.clone()).await?;
        let mut found = self.record_documents(names).await?;
        let others: BTreeSet<String> = found.iter().filter_map(|document| document.reserved.clone()).collect();
        let mut void = Vec::new();
        for other in others.into_iter().filter(|other| other != attempt) {
            if self.is_void(&other).await? {
                void.push(other);
            }
        }
        if !void.is_empty() {
            // Or freed meanwhile.
            let free = [doc! { "reserved": null }, doc! { "reserved": { "$in": void } }].to_vec();
            self.records.update_many(doc! { "_id": { "$in": names }, "$or": free }, set).await?;
            found = self.record_documents(names).await?;
        }
        Ok(found.into_iter().map(|document| (document.address.clone(), document)).collect())
    }

    /// Whether an attempt's reservations mean nothing any more. Gives up one whose submitter must have died.
    async fn is_void(&self, attempt: &str) -> PortResult<bool> {
        self.give_up_dead().await?;
        match self.runs.find_one(doc! { "attempt": attempt }).await? {
            Some(run) if run.stage == Stage::Committed => self.finish(&run).await.map(|()| true),
            Some(run) => Ok(run.stage != Stage::Staging),
            None => Ok(true),
        }
    }

    /// The point of no return.
    async fn commit(&self, attempt: &str, pieces: u32, submission: &Submission) -> Result<RunDoc, SubmitError> {
        let run = &submission.run;
        let mine = doc! { "_id": &run.id.0, "attempt": attempt, "stage": "staging" };
        let commit = doc! { "$set": { "stage": "committed", "pieces": pieces } };
        self.runs.update_one(mine, commit).await?;
        let found = self.runs.find_one(doc! { "_id": &run.id.0 }).await?.ok_or_else(|| gone("run"))?;
        // Also when others have completed it since.
        if found.attempt == attempt && matches!(found.stage, Stage::Committed | Stage::Done) {
            return Ok(found);
        }
        // Whoever gave it up may have done so before the last of it was reserved.
        self.free(attempt).await?;
        let lasts = found.attempt != attempt || self.is_under_lock(attempt, submission.lock.as_ref()).await?;
        Err(if lasts { overtaken(run).into() } else { SubmitError::LockLost })
    }

    /// Completes a committed run from what was staged.
    async fn finish(&self, run: &RunDoc) -> PortResult<()> {
        let pieces = self.staged.find(doc! { "attempt": &run.attempt }).sort(doc! { "number": 1 }).await?;
        let pieces: Vec<PieceDoc> = pieces.try_collect().await?;
        if pieces.len() == run.pieces as usize {
            let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
            return self.roll_forward(run, &from_text("a submission", &text)?).await;
        }
        // The pieces go when all is written: somebody else has just been faster, or some were lost.
        match self.runs.find_one(doc! { "_id": &run.id, "stage": "done" }).await? {
            Some(_) => Ok(()),
            None => Err(unreadable("a submission", &format!("pieces of run {} are missing", run.id))),
        }
    }

    /// Writes everything that follows from a committed run. Jobs come last: nobody works on what is not written yet.
    async fn roll_forward(&self, run: &RunDoc, submission: &Submission) -> PortResult<()> {
        let (place, position) = self.place_run(run, submission.events.len()).await?;
        let statements: PortResult<Vec<Statement>> = submission
            .writes
            .iter()
            .map(|write| Statement::over_reservation(&write.address, &run.attempt, write.record.as_ref()))
            .collect();
        self.update_records(statements?).await?;
        self.add_events(&submission.events, position).await?;
        self.add_links(&submission.appends).await?;
        self.set_outputs(place, submission).await?;
        self.add_jobs(place, submission).await?;
        let done = doc! { "$set": { "stage": "done" } };
        self.runs.update_one(doc! { "_id": &run.id, "attempt": &run.attempt, "stage": "committed" }, done).await?;
        self.staged.delete_many(doc! { "attempt": &run.attempt }).await?;
        Ok(())
    }

    /// Gives a committed run its place and its events their positions, unless somebody else just did. Counting the commit
    /// before anything becomes visible tells a reader to look again.
    async fn place_run(&self, run: &RunDoc, events: usize) -> PortResult<(i64, i64)> {
        if let (Some(place), Some(position)) = (run.place, run.position) {
            return Ok((place, position));
        }
        let (place, position) = (self.count("commits", 1).await?, self.count("events", events).await?);
        let unplaced = doc! { "_id": &run.id, "place": null };
        self.runs.update_one(unplaced, doc! { "$set": { "place": place, "position": position } }).await?;
        let now = self.runs.find_one(doc! { "_id": &run.id }).await?.ok_or_else(|| gone("run"))?;
        now.place.zip(now.position).ok_or_else(|| gone("run's place"))
    }

    /// Changes the outputs that no later run has changed: runs may be completed in any order, and more than once.
    async fn set_outputs(&self, place: i64, submission: &Submission) -> PortResult<()> {
        let collection = self.database.collection::<OutputsDoc>("meta");
        while !submission.outputs.is_empty() {
            let found = collection.find_one(doc! { "_id": "outputs" }).await?;
            let is_new = found.is_none();
            let mut after = found.unwrap_or_default();
            let known = (after.place, after.changes);
            let older = |name: &String| *after.places.get(name).unwrap_or(&after.place) < place;
            let changes: Vec<_> = submission.outputs.iter().filter(|(name, _)| older(name)).collect();
            if changes.is_empty() {
                break;
            }
            let mut outputs = if is_new { BTreeMap::new() } else { from_text("outputs", &after.body)? };
            change_outputs(&mut outputs, changes.iter().copied());
            after.places.extend(changes.into_iter().map(|(name, _)| (name.clone(), place)));
            after = OutputsDoc {
                id: "outputs".to_owned(),
                body: to_text(&outputs)?,
                changes: Some(known.1.unwrap_or(0) + 1),
                ..after
            };
            // Otherwise somebody else has just changed them: once more, over those.
            let is_written = if is_new {
                unless_there(collection.insert_one(after).await)?.is_some()
            } else {
                let unchanged = doc! { "_id": "outputs", "place": known.0, "changes": known.1 };
                collection.replace_one(unchanged, after).await?.matched_count > 0
            };
            if is_written {
                break;
            }
        }
        Ok(())
    }

    async fn add_jobs(&self, place: i64, submission: &Submission) -> PortResult<()> {
        let documents: PortResult<Vec<JobDoc>> = submission
            .jobs
            .iter()
            .enumerate()
            .map(|(index, job)| {
                Ok(JobDoc {
                    id: job.id.0.clone(),
                    run: job.run.0.clone(),
                    place,
                    index: signed(index as u64),
                    is_final: job.status.is_final(),
                    body: to_text(job)?,
                    token: 0,
                    worker: None,
                    until: None,
                    mark: None,
                    pending: None,
                    position: None,
                })
            })
            .collect();
        let documents = documents?;
        if !documents.is_empty() {
            unless_there(self.jobs.insert_many(documents).ordered(false).await)?;
        }
        Ok(())
    }

    /// Completes committed runs, and gives up those whose submitter must have died.
    pub(super) async fn settle_runs(&self) -> PortResult<()> {
        let open: Vec<RunDoc> =
            self.runs.find(doc! { "stage": { "$in": ["staging", "committed"] } }).await?.try_collect().await?;
        for run in open.iter().filter(|run| run.stage == Stage::Committed) {
            self.finish(run).await?;
        }
        if open.iter().any(|run| run.stage == Stage::Staging) { self.give_up_dead().await } else { Ok(()) }
    }

    async fn give_up_dead(&self) -> PortResult<()> {
        let old = self.clock().await? - PATIENCE;
        let dead = self.runs.find(doc! { "stage": "staging", "at": { "$lt": date(old) } }).await?;
        for run in dead.try_collect::<Vec<_>>().await? {
            self.give_up(&run.attempt).await?;
        }
        Ok(())
    }

    /// Gives up what is being submitted under a lock.
    pub(super) async fn give_up_under(&self, mut lock: Document) -> PortResult<()> {
        lock.insert("stage", "staging");
        for run in self.runs.find(lock).await?.try_collect::<Vec<_>>().await? {
            self.give_up(&run.attempt).await?;
        }
        Ok(())
    }

    /// Gives up an attempt that is not committed, and frees what it reserved. Says whether it was not given up before.
    async fn give_up(&self, attempt: &str) -> PortResult<bool> {
        let staging = doc! { "attempt": attempt, "stage": "staging" };
        let release = doc! { "$set": { "stage": "released" } };
        let is_given_up = self.runs.update_one(staging, release).await?.matched_count > 0;
        if is_given_up {
            self.free(attempt).await?;
        }
        Ok(is_given_up)
    }

    /// Removes pieces of attempts that are over: whoever was to remove them died before. A run names its attempt before any
    /// piece of it is there.
    async fn sweep(&self) -> PortResult<()> {
        for attempt in self.staged.distinct("attempt", doc! {}).await? {
            let open = doc! { "attempt": &attempt, "stage": { "$in": ["staging", "committed"] } };
            if self.runs.find_one(open).await?.is_none() {
                self.staged.delete_many(doc! { "attempt": attempt }).await?;
            }
        }
        Ok(())
    }

    async fn free(&self, attempt: &str) -> PortResult<()> {
        self.records.update_many(doc! { "reserved": attempt }, doc! { "$unset": { "reserved": "" } }).await?;
        self.staged.delete_many(doc! { "attempt": attempt }).await?;
        Ok(())
    }

    pub(super) async fn list_runs(&self) -> PortResult<Vec<Run>> {
        let begun: Document = doc! { "stage": { "$in": ["committed", "done"] } };
        let found: Vec<RunDoc> = self.runs.find(begun).sort(doc! { "place": 1 }).await?.try_collect().await?;
        found.iter().map(|run| from_text("a run", &run.body)).collect()
    }
}

/// The error of a submission that another attempt, or the patience of others, has taken over.
fn overtaken(run: &Run) -> PortError {
    PortError::new(ErrorClass::Transient, format!("the submission of run {} was taken over meanwhile", run.id))
        .remedy("submit it again: it is found complete, or is completed")
}
