//! A plan: steps with their reasons and their order. It is saved, shown and carried out; apply never decides again (law 2).

mod deferral;
pub mod file;
mod make;
mod order;
mod places;
pub mod predict;
pub mod summary;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use deferral::{Deferred, refused};
pub use make::{Meta, make};
pub use predict::predict;

use crate::address::Address;
use crate::digest::Digest;
use crate::eval::desired::Guard;
use crate::source::Position;
use crate::state::State;
use crate::state::facts::Facts;
use crate::state::record::{Draft, Spec};
use crate::time::Timestamp;

/// Version of the format of plans. Another minor version is read, another major version is refused.
///
/// In format 1 a plan named every output, and an apply removed those that it did not name: this version would set back what
/// others have changed since, and one that reads 1 would remove what a plan of 2 leaves alone.
pub const FORMAT_VERSION: &str = "2.0";

/// A whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this format; another major version is refused.
    pub format_version: String,
    /// Version of the program that made it.
    pub cap_version: String,
    /// When it was made: the `now` of the diff.
    pub created_at: Timestamp,
    /// Identity of the store it was made against; empty where there was none, so that it is for a store yet to be made.
    pub store: String,
    /// Where it was made, so that it applies with the configuration deleted.
    #[serde(default)]
    pub location: Location,
    /// Whether it destroys the whole estate.
    pub destroy: bool,
    /// Whether only drift was looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh_only: bool,
    /// Values of the configuration's variables; sensitive ones are references.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, serde_json::Value>,
    /// Attributes of those values that may be left out where they are given, by name of the variable: each as the names
    /// that lead to it, `*` being any element.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub optional: BTreeMap<String, Vec<Vec<String>>>,
    /// What to do. `needs` of a step are indices into this list, always smaller than its own.
    pub steps: Vec<Step>,
    /// Drift seen by refresh: reported, and answered by steps where they are due.
    pub drift: Vec<Drift>,
    /// What is left to a later plan, because jobs that have not come to their end are in its way. Nothing of it is among the
    /// steps. Where there is any, all outputs stay as they are, since their values do not say all that they read; but those
    /// that read what the plan removes go, and references follow what it moves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<Deferred>,
    /// Outputs before and after, where they differ.
    pub outputs: Vec<OutputChange>,
    /// Outputs as they will be stored, without those that stay exactly as they are stored.
    pub new_outputs: BTreeMap<String, StoredOutput>,
    /// Conditions that read facts: they are held to what is there when everything is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What stands around the changes; only in plans that are saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surroundings: Option<Box<Surroundings>>,
}

impl Plan {
    /// A plan of these steps and nothing else, in this program's format.
    pub fn of(steps: Vec<Step>, created_at: Timestamp, store: String) -> Self {
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            cap_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at,
            store,
            location: Location::default(),
            destroy: false,
            refresh_only: false,
            variables: BTreeMap::new(),
            optional: BTreeMap::new(),
            steps,
            drift: Vec::new(),
            deferred: Vec::new(),
            outputs: Vec::new(),
            new_outputs: BTreeMap::new(),
            conditions: Vec::new(),
            surroundings: None,
        }
    }
}

/// What stands around the changes of a plan: for whoever reads a saved one, never for whoever carries it out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Surroundings {
    /// Specs of the objects that do not change.
    pub unchanged: BTreeMap<Address, Spec>,
    /// Values of the outputs that do not change, without sensitive ones.
    pub outputs: BTreeMap<String, serde_json::Value>,
    /// The configuration in the shape that Terraform shows it in.
    pub configuration: serde_json::Value,
    /// What became of the conditions, likewise.
    #[serde(default)]
    pub checks: Vec<serde_json::Value>,
}

/// A condition that reads facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What it guards.
    pub guard: Guard,
    /// The instance, check or output it belongs to.
    pub subject: String,
    /// The condition: a residual expression under `$residual`.
    pub condition: serde_json::Value,
    /// What is said when it does not hold: likewise.
    pub message: serde_json::Value,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Position>,
}

/// Where a plan was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Directory of the configuration, as it was named on the command line: relative paths in the plan start there. Empty
    /// for the directory the command was started in.
    pub directory: String,
    /// URL of the store, when the `cap` block or the default said it; one from the command line or the environment may hold
    /// credentials and is not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it is about.
    pub address: Address,
    /// What is done.
    pub action: Action,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// Revision of the record this was planned against; zero when there was none.
    pub base: u64,
    /// The spec before; absent on create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Spec>,
    /// What the record becomes; absent on delete and forget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Draft>,
    /// What is carried out.
    pub work: Work,
    /// Steps that must be done first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    /// Where its block stands, or stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Position>,
    /// For a certificate: the zone that publishes each name's challenge (the name without `*.`), the longest match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, Address>,
    /// For a deployment: others whose place it takes before they have left it, because places are handed round in a circle
    /// and somebody has to go first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub displaces: Vec<Address>,
    /// For a deployment: whether what lies in the place that it leaves stays there, as `destroy = false` asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_old: bool,
    /// Where it was before, when it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Address>,
    /// What is taken over, of an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importing: Option<Importing>,
}

/// What an import takes over. Everything in it is public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importing {
    /// What it is known by where it is, as the `import` block has it.
    pub id: String,
    /// What is known of it: its certificates, without the names of their keys.
    #[serde(default, skip_serializing_if = "Facts::is_none")]
    pub facts: Facts,
    /// Its private keys, in the order in which the facts name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ImportedKey>,
}

/// Where a private key is, to be read when the plan is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedKey {
    /// The file.
    pub path: String,
    /// SHA-256 of the SubjectPublicKeyInfo of its public half: another key is not taken.
    pub spki: Digest,
}

/// What is done, in the words people know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It does not exist and is made.
    Create,
    /// It is changed where it is.
    Update,
    /// It is removed and made anew.
    Replace,
    /// It exists already, and is managed from now on.
    Import,
    /// It is removed.
    Delete,
    /// Only its record is removed.
    Forget,
    /// Only its address changes.
    Move,
    /// A new version of a certificate is issued under the same spec.
    Renew,
}

/// What carrying a step out means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Only the record is written: done with the submission, in batches.
    Record,
    /// An account is registered with its CA, or its contact updated.
    Register,
    /// A private CA's keys and certificates are made.
    Establish,
    /// Everything that an earlier key-encryption key sealed is sealed anew.
    Rewrap,
    /// A certificate is issued: first issue and renewal alike.
    Issue,
    /// A certificate's current version is put on its target and verified.
    Deploy,
    /// A deployment is taken off its target.
    Undeploy,
}

/// Why a step is planned. Typed, so that views, policies and tests never look at text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reason {
    /// It is in the configuration and has no record.
    NotInState,
    /// It has a record and is no longer in the configuration.
    NotInConfiguration {
        /// More closely, in Terraform's words.
        why: Absence,
    },
    /// The whole estate is destroyed.
    Destroy,
    /// These attributes differ.
    Changed {
        /// Their paths, sorted.
        paths: Vec<String>,
    },
    /// These attributes differ and cannot be changed in place.
    CannotUpdate {
        /// Their paths, sorted.
        paths: Vec<String>,
    },
    /// The secret behind these attributes is another one than before.
    SecretChanged {
        /// Their paths, sorted.
        paths: Vec<String>,
    },
    /// An earlier job on it did not come to its end.
    Incomplete,
    /// The certificate is in its renewal window.
    RenewalDue {
        /// When the window opened.
        since: Timestamp,
        /// When the certificate ends.
        not_after: Timestamp,
        /// Whether the CA asked for it (RFC 9773).
        suggested: bool,
    },
    /// The certificate it deploys gets a new version.
    NewVersion,
    /// The target holds something else than was put there.
    Drifted {
        /// What was found, for people.
        found: String,
    },
    /// A `moved` block says that it was elsewhere.
    Moved {
        /// Its old address.
        from: Address,
    },
    /// A later version of the key-encryption key is to seal, and everything is sealed anew under it.
    KeyRaised {
        /// That version.
        version: u32,
    },
    /// The user asked for it with `-replace`.
    Requested,
    /// Its issuer has been made anew since it was issued.
    IssuerReplaced {
        /// That issuer.
        address: Address,
    },
    /// What it refers to is replaced.
    DependencyReplaced {
        /// That resource.
        address: Address,
    },
}

/// Why something is no longer in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Its block is gone.
    NoBlock,
    /// Its key is not in `for_each`.
    EachKey,
    /// Its index is not within `count`.
    CountIndex,
    /// The block uses another kind of repetition now.
    WrongRepetition,
    /// Its block is not enabled.
    Disabled,
    /// Its module call is gone.
    NoModule,
    /// The certificate does not name the target any more, or one of the two is gone.
    NotATarget,
    /// A `removed` block says so.
    RemovedBlock,
}

/// A difference between what was done and what is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// What drifted.
    pub address: Address,
    /// What should be there, for people.
    pub expected: String,
    /// What was found, for people.
    pub found: String,
}

/// An output as the store keeps it: a value, or an expression over computed facts that is resolved when it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredOutput {
    /// JSON of the value, or of the residual expression under `$residual`.
    pub value: serde_json::Value,
    /// Whether it is shown only on request.
    pub sensitive: bool,
}

/// A change of an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputChange {
    /// Its name.
    pub name: String,
    /// Before; absent when it is new.
    pub before: Option<StoredOutput>,
    /// After; absent when it goes.
    pub after: Option<StoredOutput>,
    /// What it was, where that can be told and may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<serde_json::Value>,
    /// What it becomes, where that is known before apply and may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<serde_json::Value>,
}

/// What has changed since a plan was made, of what is in it: a plan stays good when others change what it does not touch.
pub fn stale(plan: &Plan, state: &State) -> Vec<Address> {
    let moved = |step: &&Step| match state.records.get(step.moved_from.as_ref().unwrap_or(&step.address)) {
        Some(record) => record.revision != step.base || record.claim.is_some(),
        None => step.base != 0,
    };
    plan.steps.iter().filter(moved).map(|step| step.address.clone()).collect()
}
