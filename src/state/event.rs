//! Events: what happened, in the words of the domain. State and Timeline are folded from them and from nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{AccountFacts, AuthorityFacts, CertificateVersion, DeploymentFacts, KeyId, RenewalWindow};
use super::record::Draft;
use crate::address::Address;
use crate::digest::Digest;
use crate::job::effect::Publication;
use crate::job::{ErrorClass, JobId};
use crate::time::Timestamp;

/// One thing that happened. `(job, number)` names it; recording it again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The job that brought it about, or the run's own bookkeeping.
    pub job: JobId,
    /// From one within the job, without gaps.
    pub number: u32,
    /// When, by the worker's clock.
    pub at: Timestamp,
    /// Who: operating-system user and host, or the member whose token was given.
    pub actor: String,
    /// The object.
    pub address: Address,
    /// What.
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// A record was made or changed to a new spec. For what has effects outside, recorded when the effects are done.
    Recorded {
        /// What it is now.
        draft: Box<Draft>,
    },
    /// A record was removed, or forgotten without touching what it stands for.
    Removed {
        /// Whether only the record went.
        forgotten: bool,
    },
    /// A record came to another address; `address` is the new one.
    Moved {
        /// The old address.
        from: Address,
    },
    /// An account was registered with a CA.
    Registered {
        /// What the CA said.
        account: AccountFacts,
    },
    /// A private CA's keys and certificates were made.
    Established {
        /// What was made.
        authority: AuthorityFacts,
    },
    /// A key was generated and stored for a certificate that is to be issued.
    KeyMade {
        /// Its name in the vault.
        key: KeyId,
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki: Digest,
    },
    /// What the vault kept for it was removed: a key that nothing refers to any more, or a note that went with one.
    KeyRemoved {
        /// Its name in the vault.
        key: KeyId,
    },
    /// Everything was sealed anew: no earlier version of the key-encryption key is needed any more.
    Rewrapped {
        /// The version that opens it now.
        version: u32,
    },
    /// An order was placed (RFC 8555 section 7.4).
    OrderPlaced {
        /// Its URL.
        url: String,
    },
    /// A challenge record was published.
    ChallengePresented {
        /// The name it stands at.
        name: String,
    },
    /// A challenge record was withdrawn.
    ChallengeRetracted {
        /// The name it stood at.
        name: String,
        /// What it said.
        #[serde(default)]
        value: String,
    },
    /// A challenge record could not be withdrawn, and nobody is at it any more. It harms no certificate.
    ChallengeLeft {
        /// The record.
        publication: Box<Publication>,
        /// Why not.
        why: String,
    },
    /// The CA was asked to validate.
    ChallengeAnswered {
        /// The identifier that is validated.
        identifier: String,
    },
    /// The CSR was sent.
    Finalized,
    /// A certificate was issued: a new version.
    Issued {
        /// The version.
        version: Box<CertificateVersion>,
        /// Why it was issued.
        reason: String,
    },
    /// The CA's suggested window was heard.
    WindowHeard {
        /// The window.
        window: RenewalWindow,
    },
    /// A version was put in place on a target.
    Installed {
        /// What and where.
        deployment: DeploymentFacts,
    },
    /// The endpoint was seen to serve the version that was installed.
    Verified {
        /// SHA-256 of the leaf's DER that was served.
        fingerprint: Digest,
    },
    /// The previous version was put back after a failure.
    RolledBack {
        /// SHA-256 of the leaf's DER that is in place again; absent when nothing had been there.
        fingerprint: Option<Digest>,
        /// What had failed.
        because: String,
    },
    /// A deployment was taken off its target.
    Undeployed,
    /// An attempt failed.
    AttemptFailed {
        /// Whose fault, and so what comes next.
        class: ErrorClass,
        /// What happened, without secrets.
        message: String,
        /// When it is tried again; absent when it is not.
        retry_at: Option<Timestamp>,
    },
}
