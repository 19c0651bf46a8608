//! A destination of certificates.

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{PortError, PortResult};
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::observed::SlotContent;

/// A deployment, as targets know it: what tells the files that it put somewhere from those of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Name of its timeline. It is written beside what is installed, and stays when the deployment's address changes.
    pub name: String,
    /// SHA-256 of the leaf that it installed last, for places where no name is written yet.
    pub leaf: Option<Digest>,
}

impl Holder {
    /// Whether what lies in a slot is this deployment's: by the name written there, else by the leaf.
    pub fn holds(&self, name: Option<&str>, leaf: Option<Digest>) -> bool {
        name.map_or(leaf.is_none() || leaf == self.leaf, |name| name == self.name)
    }
}

/// What is put on a target. Wiped when dropped; has no Debug on purpose.
pub struct Bundle {
    /// Name of the deployment it is for, as in [`Holder::name`].
    pub holder: String,
    /// Name of another deployment whose files it may take the place of.
    pub displaces: Option<String>,
    /// SHA-256 of the leaf's DER.
    pub fingerprint: Digest,
    /// PEM of the leaf.
    pub leaf: String,
    /// PEM of the chain above the leaf.
    pub chain: String,
    /// PEM (PKCS#8) of the private key; absent for a CSR that was brought along.
    pub key: Option<Zeroizing<String>>,
}

impl Bundle {
    /// Whether it may not take the place of what this deployment has put there.
    pub fn is_kept_out_by(&self, found: &str) -> bool {
        found != self.holder && self.displaces.as_deref() != Some(found)
    }
}

/// What stood in a slot before, kept on the target's own side: enough to put it back. Holds no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// SHA-256 of the leaf that was there; absent when nothing was.
    pub fingerprint: Option<Digest>,
    /// The target's own handle on it: a version's directory, a backup's suffix.
    pub handle: String,
    /// Name of the deployment that had put it there, where one is written.
    pub holder: Option<String>,
}

/// One slot on one target: a target's rendered configuration for one certificate. Every call is repeatable.
#[async_trait]
pub trait Target: Send + Sync {
    /// Where the slot is, for people and for the uniqueness of slots: `web1.example.com:/etc/nginx/tls/www`.
    fn slot(&self) -> String;
    /// What the slot holds now. Changes nothing.
    async fn inspect(&self) -> PortResult<SlotContent>;
    /// What would be put back if `install` had to be undone. Stored before `install` is called. Changes nothing.
    async fn previous(&self) -> PortResult<Previous>;
    /// Puts the bundle in place and makes the service take it up (test, then reload commands). Whoever reads the slot sees
    /// the old pair or the new pair, never a mixture. When it fails the slot may hold either: `restore` follows. Files of
    /// another deployment than the bundle names are not touched: see [`held`].
    async fn install(&self, bundle: &Bundle) -> PortResult<()>;
    /// Asks the endpoint, where the configuration names one: the fingerprint of the leaf that is served at each address.
    async fn verify(&self) -> PortResult<Served>;
    /// Puts back what was there before `holder` installed something, and makes the service take it up; what a third one has
    /// put there since stays. An error is about what lies in the slot alone; a
    /// command that fails afterwards is part of the answer, because it may be the very thing that was wrong.
    async fn restore(&self, holder: &str, previous: &Previous) -> PortResult<Restored>;
    /// Every place that `install` writes to, so that two slots can be compared place by place. A machine that is known by
    /// several names counts with each of them.
    fn places(&self) -> Vec<String>;
    /// Removes what `install` put there for this deployment, and nothing where somebody else has put something there
    /// since. Removing it again is fine.
    async fn remove(&self, holder: &Holder) -> PortResult<Cleared> {
        self.remove_except(holder, &[]).await
    }
    /// Likewise, and leaves alone what lies in these [`Target::places`]: those of the slot that took this one's place.
    async fn remove_except(&self, holder: &Holder, kept: &[String]) -> PortResult<Cleared>;
}

/// The refusal of an installation in a place that another deployment holds.
pub fn held(place: &str, holder: &str) -> PortError {
    // The name of a timeline is that of the deployment when it began, and of the job that began it.
    let deployment = holder.split_once('#').map_or(holder, |(deployment, _)| deployment);
    let message = format!("{place} holds what {deployment} has put there, and two deployments cannot share one place");
    PortError::new(ErrorClass::Rejected, message).remedy(
        "give one of the two another place; a path that leads to the other's through a symbolic link is the same place",
    )
}

/// What became of a slot that was to be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleared {
    /// Nothing of the deployment lies there any more.
    Removed,
    /// What lies there is not the deployment's, and stays.
    Foreign,
}

/// The previous version is in place again, or nothing is where nothing had been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// No command is left to be run.
    TakenUp,
    /// This command failed.
    NotTakenUp(PortError),
}

/// What an endpoint was seen to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// The configuration names no endpoint.
    NotAsked,
    /// SHA-256 of the leaf's DER at each address.
    Leaves(Vec<(String, Digest)>),
}
