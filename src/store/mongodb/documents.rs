//! The documents as they lie in the collections. Whatever is not searched for is JSON text in `body`: specs have keys that
//! begin with `$`, and JSON reads back exactly as it was written.

use std::collections::BTreeMap;

use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};

use crate::job::JobId;
use crate::store::common::Stored;
use crate::time::Timestamp;

/// `meta`, `_id: "identity"`: who the store is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct IdentityDoc {
    pub(super) id: String,
    pub(super) format: u32,
    #[serde(default)]
    pub(super) key_check: Option<String>,
    /// Version of the indexes that were made.
    #[serde(default)]
    pub(super) indexes: u32,
}

/// `meta`, `_id: "commits"` and `"events"`: numbers that only rise.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CounterDoc {
    pub(super) last: i64,
}

/// `records`: one object, or what is left of it. A document stays when its record goes, so that `version` never starts
/// anew and a late repetition of an old write can be told from a new one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RecordDoc {
    #[serde(rename = "_id")]
    pub(super) address: String,
    /// The record's revision; zero when there is none.
    pub(super) revision: i64,
    /// Rises with every write, also over removals.
    pub(super) version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<String>,
    /// The attempt of a submission that is about to write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reserved: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
}

impl RecordDoc {
    /// What a write has to find; nothing when the record is not there.
    pub(super) fn stored(&self) -> Option<Stored> {
        let revision = u64::try_from(self.revision).ok().filter(|revision| *revision > 0)?;
        Some(Stored { revision, claim: self.claim.clone().map(JobId) })
    }
}

/// How far a submission has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Nothing of it is visible, and nothing will be unless its submitter goes on.
    Staging,
    /// It has begun: whoever comes by completes it.
    Committed,
    /// All of it is written.
    Done,
    /// It was given up, and its reservations are void.
    Released,
}

/// `runs`: one apply.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RunDoc {
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) stage: Stage,
    /// Names this attempt to submit it, and marks the records that it reserved.
    pub(super) attempt: String,
    /// How many pieces were staged.
    #[serde(default)]
    pub(super) pieces: u32,
    /// Its place among the runs, by commit; given when it is rolled forward.
    #[serde(default)]
    pub(super) place: Option<i64>,
    /// Position of its last event.
    #[serde(default)]
    pub(super) position: Option<i64>,
    pub(super) body: String,
}

/// `staged`: a piece of a submission's JSON; a document has a limit of 16 MB and a submission has none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PieceDoc {
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) attempt: String,
    pub(super) number: u32,
    pub(super) text: String,
}

/// `jobs`: one job with its lease, and the effects of its last move as long as they are not all written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct JobDoc {
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) run: String,
    /// The run's place, and the job's own within it.
    pub(super) place: i64,
    pub(super) index: i64,
    #[serde(rename = "final")]
    pub(super) is_final: bool,
    pub(super) body: String,
    pub(super) token: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) worker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<DateTime>,
    /// Of the last move, so that its repetition is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<String>,
    /// JSON of the effects that are not all written yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<String>,
    /// Position of the last pending event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<i64>,
}

/// The log of a job, which lies in its document and is read only when asked for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LogDoc {
    #[serde(default)]
    pub(super) log: Vec<String>,
}

/// `events`: `_id` is job and number, so that recording one again finds it there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EventDoc {
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) position: i64,
    pub(super) job: String,
    pub(super) address: String,
    pub(super) body: String,
}

/// `links`: `_id` is chain and sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LinkDoc {
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) chain: String,
    pub(super) sequence: i64,
    pub(super) entry: String,
    pub(super) mac: String,
}

/// `heads`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HeadDoc {
    #[serde(rename = "_id")]
    pub(super) chain: String,
    pub(super) sequence: i64,
    pub(super) mac: String,
    pub(super) seal: String,
}

/// `sealed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SealedDoc {
    #[serde(rename = "_id")]
    pub(super) name: String,
    pub(super) value: String,
}

/// `locks`: a name that is or was locked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LockDoc {
    #[serde(rename = "_id")]
    pub(super) name: String,
    pub(super) id: String,
    pub(super) who: String,
    pub(super) operation: String,
    pub(super) created: DateTime,
    pub(super) until: DateTime,
}

/// Only the JSON.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct BodyDoc {
    pub(super) body: String,
}

/// The outputs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OutputsDoc {
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// The place of the last run that replaced them all, as earlier versions did.
    pub(super) place: i64,
    pub(super) body: String,
    /// The place of the run that changed an output last, by name; also of those that went.
    #[serde(default)]
    pub(super) places: BTreeMap<String, i64>,
    /// Counts the changes, so that none is made over another one.
    pub(super) changes: Option<i64>,
}

/// A number as BSON has it. Revisions and tokens count one by one, and never come near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as the domain has it.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// An instant as the domain has it.
pub(super) fn instant(at: DateTime) -> Timestamp {
    Timestamp::from_millis(at.timestamp_millis())
}

/// An instant as BSON has it.
pub(super) fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}
