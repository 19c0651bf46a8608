//! What a job may ask of the world, one request each, and what it may hear. Plain data: nothing is done here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::address::Address;
use crate::digest::Digest;
use crate::state::facts::{CertificateVersion, Facts, KeyId};
use crate::state::record::Spec;

/// A DNS-01 challenge with the record that meets it and whose credential publishes it. Kept in the job before the record
/// is published, so that whatever happens it can be withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Publication {
    /// The identifier that is validated, without `*.`.
    pub identifier: String,
    /// URL of the challenge at the CA.
    pub url: String,
    /// Apex of the zone the record lies in.
    pub zone: String,
    /// Where the record stands: `_acme-challenge.<identifier>`.
    pub name: String,
    /// What it says.
    pub value: String,
    /// The `dns_credential` that publishes it.
    pub credential: Address,
    /// Whether the CA has been asked to validate, or is done with it.
    pub answered: bool,
}

impl Publication {
    /// Whether this is the record that says that at that name.
    pub fn is_record_of(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value == value
    }
}

/// Where a deployment stood before, as its target describes it. Kept in the job before anything is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// SHA-256 of the leaf that was there; absent when nothing was.
    pub fingerprint: Option<Digest>,
    /// The target's own handle on it.
    pub handle: String,
    /// The deployment that had put it there, where its name is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

/// One request. Each can be repeated.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Only the store is written.
    Record,
    /// The record is removed from the store.
    RemoveRecord,
    /// An account is registered, or a private CA is made.
    Establish,
    /// Whatever lies under an earlier key-encryption key is sealed under this version of it.
    Rewrap(u32),
    /// A key is made, or found where it was made before.
    EnsureKey(KeyId),
    /// A key is removed from the vault.
    RemoveKey(KeyId),
    /// An order is placed; as the successor of the version in force, unless the CA has refused that.
    Order {
        /// Whether to name the version it replaces.
        replaces: bool,
    },
    /// The challenges of the order at this URL are read.
    Challenges(String),
    /// A record is published.
    Present(Publication),
    /// The authoritative servers are asked for the record.
    Look(Publication),
    /// The CA is asked to validate.
    Respond(String, Publication),
    /// The order is read.
    Status(String),
    /// The CSR is sent, signed with this key; the one brought along when there is none.
    Finalize(String, Option<KeyId>),
    /// The certificate is fetched, read and checked against the order and its key.
    Download(String, Option<Digest>),
    /// A record is withdrawn.
    Retract(Publication),
    /// The target says what it holds, so that it can be put back.
    Previous,
    /// The certificate's current version is put in place.
    Install,
    /// The endpoint is asked what it serves.
    Verify,
    /// Likewise, as this earlier configuration names it; not at all when that was another place.
    VerifyPrevious(Box<Spec>),
    /// What was there before is put back.
    Restore(Before),
    /// The slot of this earlier configuration is cleared of the version with this leaf, but for the places that the new
    /// one writes to.
    ClearOld(Box<Spec>, Option<Digest>),
    /// The slot is cleared.
    Remove,
}

impl Effect {
    /// Its name, for progress, logs and tests.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::RemoveRecord => "remove_record",
            Self::Establish => "establish",
            Self::Rewrap(_) => "rewrap",
            Self::EnsureKey(_) => "ensure_key",
            Self::RemoveKey(_) => "remove_key",
            Self::Order { .. } => "order",
            Self::Challenges(_) => "challenges",
            Self::Present(_) => "present",
            Self::Look(_) => "look",
            Self::Respond(..) => "respond",
            Self::Status(_) => "status",
            Self::Finalize(..) => "finalize",
            Self::Download(..) => "download",
            Self::Retract(_) => "retract",
            Self::Previous => "previous",
            Self::Install => "install",
            Self::Verify => "verify",
            Self::VerifyPrevious(_) => "verify_previous",
            Self::Restore(_) => "restore",
            Self::ClearOld(..) => "clear_old",
            Self::Remove => "remove",
        }
    }

    /// What must be in the store before it. The write proves the lease as well, so that a worker that lost it changes
    /// nothing.
    pub fn needs(&self) -> Needs {
        match self {
            Self::Present(_) => Needs::Job,
            Self::Install | Self::Remove | Self::ClearOld(..) | Self::RemoveKey(_) | Self::RemoveRecord => Needs::All,
            _ => Needs::Nothing,
        }
    }

    /// Whether its outcome must be in the store before anything else is done: an order that nobody remembers would be
    /// placed again.
    pub fn is_recorded_at_once(&self) -> bool {
        matches!(self, Self::Order { .. })
    }
}

/// What the store must know before an effect is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Nothing new: it can be found again, or repeated.
    Nothing,
    /// Where the job stands: what it does can only be undone, or found again, with what the job knows.
    Job,
    /// The records as well: others must see what has happened before more does.
    All,
}

/// What an effect found out.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// It is done.
    Done,
    /// What lies there is somebody else's, and was left alone.
    LeftAlone,
    /// An issuer's facts.
    Established(Facts),
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    Key(Digest),
    /// The order's URL.
    Order(String),
    /// The challenges still to be met.
    Challenges(Vec<Publication>),
    /// Authoritative servers that do not answer with the record yet (address and why); empty when all do.
    MissingAt(Vec<String>),
    /// Where the order stands.
    Status(OrderState),
    /// What was issued. Its number is given when it is recorded.
    Certificate(Box<CertificateVersion>),
    /// What was issued is for another key: the order was finalized by somebody else.
    OtherKey,
    /// What the target held before.
    Before(Before),
    /// What was put in place.
    Installed {
        /// Number of the version.
        version: u32,
        /// SHA-256 of its leaf's DER.
        fingerprint: Digest,
        /// Where it lies, for people.
        slot: String,
    },
    /// What was there before is in place again; with the failure of the command that should have had it taken up.
    Restored(Option<Failure>),
    /// What the endpoint serves at each address; absent when the target has no endpoint to ask.
    Served(Option<Vec<(String, Digest)>>),
}

impl Fact {
    /// What was found out, for people: in logs, and in what a job says that it waits for. Shows no secret: facts hold none.
    pub fn words(&self) -> String {
        match self {
            Self::Done | Self::Established(_) | Self::Before(_) => "done".to_owned(),
            Self::LeftAlone => "left alone: what lies there was put there by somebody else".to_owned(),
            Self::Key(spki) => format!("key {}", spki.short()),
            Self::Order(url) => url.clone(),
            Self::Challenges(list) => format!("{} to be met", list.len()),
            Self::MissingAt(servers) if servers.is_empty() => "seen at every authoritative server".to_owned(),
            Self::MissingAt(servers) => format!("not seen yet at {}", servers.join(", ")),
            Self::Status(state) => format!("{state:?}"),
            Self::Certificate(version) => {
                format!("certificate {} until {}", version.fingerprint.short(), version.not_after)
            }
            Self::Installed { version, slot, .. } => format!("version {version} at {slot}"),
            Self::OtherKey => "the order was finalized with another key".to_owned(),
            Self::Restored(None) => "done".to_owned(),
            Self::Restored(Some(failure)) => format!("in place again, but {}", failure.message),
            Self::Served(None) => "no endpoint to ask".to_owned(),
            Self::Served(Some(leaves)) => {
                let all: Vec<String> =
                    leaves.iter().map(|(address, leaf)| format!("{address} {}", leaf.short())).collect();
                format!("served: {}", all.join(", "))
            }
        }
    }
}

/// Where an order stands (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderState {
    /// The CA has not validated everything yet.
    Pending {
        /// When to ask again, if the CA said so.
        after: Option<crate::time::Duration>,
    },
    /// It may be finalized.
    Ready,
    /// The CA is issuing.
    Processing {
        /// When to ask again, if the CA said so.
        after: Option<crate::time::Duration>,
    },
    /// The certificate may be downloaded.
    Valid,
    /// It has failed: the CA's words.
    Invalid(String),
}
