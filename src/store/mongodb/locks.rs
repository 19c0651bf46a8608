//! Named locks in MongoDB: one document a name; one whose time is over counts as none.

use futures_util::TryStreamExt as _;
use mongodb::bson::{DateTime, doc};
use mongodb::options::ReturnDocument;

use super::MongoDb;
use super::documents::{LockDoc, date, instant};
use super::error::unless_there;
use super::jobs::until;
use crate::ports::PortResult;
use crate::ports::store::{Lock, LockError};
use crate::store::common::fresh_id;
use crate::time::Duration;

fn lock_of(document: LockDoc) -> Lock {
    Lock {
        name: document.name,
        id: document.id,
        who: document.who,
        operation: document.operation,
        created: instant(document.created),
        until: instant(document.until),
    }
}

impl MongoDb {
    pub(super) async fn take_lock(
        &self,
        name: &str,
        who: &str,
        operation: &str,
        ttl: Duration,
    ) -> Result<Lock, LockError> {
        let id = fresh_id("lock")?;
        loop {
            // Whoever gives it back removes it, also between two rounds of this.
            self.make_lock(name).await?;
            let free = doc! { "_id": name, "until": { "$lte": date(self.clock().await?) } };
            let take = vec![doc! { "$set": {
                "id": { "$literal": &id }, "who": { "$literal": who }, "operation": { "$literal": operation },
                "created": "$$NOW", "until": until(ttl),
            } }];
            let taken = self.locks.find_one_and_update(free, take).return_document(ReturnDocument::After).await?;
            if let Some(document) = taken {
                // Whatever was to begin under an earlier holding begins no more.
                if let Err(fault) = self.give_up_under(doc! { "lock.name": name, "lock.id": { "$ne": &id } }).await {
                    // Nobody will know this holding, and the next one should not wait for its end.
                    let _ = self.locks.delete_one(doc! { "_id": name, "id": &id }).await;
                    return Err(fault.into());
                }
                return Ok(lock_of(document));
            }
            // It may have run out since.
            if let Some(held) = self.held_lock(name).await? {
                return Err(LockError::Held(Box::new(held)));
            }
        }
    }

    /// A lock that nobody holds, unless there is one: a filter with a time in it cannot make a document.
    async fn make_lock(&self, name: &str) -> PortResult<()> {
        let never = DateTime::from_millis(0);
        let document = LockDoc {
            name: name.to_owned(),
            id: String::new(),
            who: String::new(),
            operation: String::new(),
            created: never,
            until: never,
        };
        unless_there(self.locks.insert_one(document).await)?;
        Ok(())
    }

    async fn held_lock(&self, name: &str) -> PortResult<Option<Lock>> {
        let held = doc! { "_id": name, "until": { "$gt": date(self.clock().await?) } };
        Ok(self.locks.find_one(held).await?.map(lock_of))
    }

    pub(super) async fn prolong_lock(&self, lock: &Lock, ttl: Duration) -> Result<Lock, LockError> {
        let mine = doc! { "_id": &lock.name, "id": &lock.id, "until": { "$gt": date(self.clock().await?) } };
        let longer = vec![doc! { "$set": { "until": until(ttl) } }];
        let renewed = self.locks.find_one_and_update(mine, longer).return_document(ReturnDocument::After).await?;
        match renewed {
            Some(document) => Ok(lock_of(document)),
            None => match self.held_lock(&lock.name).await? {
                Some(held) => Err(LockError::Held(Box::new(held))),
                None => Err(LockError::Lost),
            },
        }
    }

    /// Whether a submission's lock lasts. Asked by a write: a server that is the primary no more cannot confirm it.
    pub(super) async fn is_under_lock(&self, attempt: &str, lock: Option<&Lock>) -> PortResult<bool> {
        let Some(lock) = lock else { return Ok(true) };
        let held = doc! { "_id": &lock.name, "id": &lock.id, "until": { "$gt": date(self.clock().await?) } };
        let asked = self.locks.update_one(held, doc! { "$set": { "attempt": attempt } }).await?;
        Ok(asked.matched_count > 0)
    }

    pub(super) async fn give_back_lock(&self, id: &str) -> PortResult<bool> {
        let held = doc! { "id": id, "until": { "$gt": date(self.clock().await?) } };
        let is_given = self.locks.delete_one(held).await?.deleted_count > 0;
        // Also where it was gone: whoever removed it may have died before this.
        self.give_up_under(doc! { "lock.id": id }).await?;
        Ok(is_given)
    }

    pub(super) async fn list_locks(&self) -> PortResult<Vec<Lock>> {
        let held = doc! { "until": { "$gt": date(self.clock().await?) } };
        let found: Vec<LockDoc> = self.locks.find(held).sort(doc! { "_id": 1 }).await?.try_collect().await?;
        Ok(found.into_iter().map(lock_of).collect())
    }
}
