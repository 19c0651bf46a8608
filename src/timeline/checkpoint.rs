//! A checkpoint: where all chains stood, signed, to be kept where nobody who can write the store can reach it. It finds
//! what the store alone cannot: a history that was cut or rewritten by whoever holds the store and its keys.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Finding, Flaw, Head, Sealed};
use crate::digest::{Digest, canonical_json};
use crate::time::Timestamp;

/// Version of the format.
const FORMAT: &str = "cap checkpoint v1";

/// Where one chain stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Names the chain.
    pub chain: String,
    /// Sequence number of its last link then.
    pub sequence: u64,
    /// MAC of that link.
    pub mac: String,
}

/// Where all chains of a store stood at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Version of the format; what is signed begins with it.
    format: String,
    /// Identity of the store.
    pub store: String,
    /// When it was made.
    pub at: Timestamp,
    /// One mark a chain, by name.
    pub marks: Vec<Mark>,
}

/// The text that is kept: the checkpoint, the key, and the signature over the checkpoint's canonical JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    checkpoint: Checkpoint,
    /// SHA-256 of the public key.
    key_id: Digest,
    /// Ed25519 public key, base64.
    public_key: String,
    /// Ed25519 signature, base64.
    signature: String,
}

/// A text that is no checkpoint one could rely on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    /// It is not in this format.
    #[error("this is not a checkpoint of cap: {0}")]
    Unreadable(String),
    /// Its signature does not fit.
    #[error("the checkpoint's signature does not fit: it was changed")]
    Signature,
}

impl Checkpoint {
    /// Marks all chains.
    pub fn new(store: &str, at: Timestamp, heads: &[Head]) -> Self {
        let mark = |head: &Head| Mark { chain: head.chain.clone(), sequence: head.sequence, mac: head.mac.clone() };
        let mut marks: Vec<Mark> = heads.iter().map(mark).collect();
        marks.sort_by(|a, b| a.chain.cmp(&b.chain));
        Self { format: FORMAT.to_owned(), store: store.to_owned(), at, marks }
    }

    /// The text to keep, signed; it ends with a newline.
    ///
    /// # Errors
    /// When the time lies outside the calendar.
    pub fn sign(&self, key: &Ed25519KeyPair) -> Result<String, serde_json::Error> {
        let signature = STANDARD.encode(key.sign(canonical_json(self)?.as_bytes()));
        let public_key = key.public_key().as_ref();
        let (key_id, public_key) = (Digest::of(public_key), STANDARD.encode(public_key));
        let signed = Signed { checkpoint: self.clone(), key_id, public_key, signature };
        serde_json::to_string_pretty(&signed).map(|text| text + "\n")
    }

    /// Reads a text and checks its signature with the key inside. Returns the key's id too: a store says whether the key
    /// is its own.
    ///
    /// # Errors
    /// When it cannot be read, or was changed.
    pub fn read(text: &str) -> Result<(Self, Digest), CheckpointFault> {
        let unreadable = |why: serde_json::Error| CheckpointFault::Unreadable(why.to_string());
        let signed: Signed = serde_json::from_str(text).map_err(unreadable)?;
        if signed.checkpoint.format != FORMAT {
            return Err(CheckpointFault::Unreadable(format!("its format is \"{}\"", signed.checkpoint.format)));
        }
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| CheckpointFault::Signature);
        let (key, signature) = (decode(&signed.public_key)?, decode(&signed.signature)?);
        let message = canonical_json(&signed.checkpoint).map_err(unreadable)?;
        let good = UnparsedPublicKey::new(&ED25519, &key).verify(message.as_bytes(), &signature).is_ok();
        if !good || Digest::of(&key) != signed.key_id {
            return Err(CheckpointFault::Signature);
        }
        Ok((signed.checkpoint, signed.key_id))
    }
}

/// Checks that a chain goes on from where a checkpoint marked it. That the chain is sound in itself is for `verify`.
///
/// # Errors
/// When the chain is gone, shorter than it was, or another one.
pub fn extends(mark: &Mark, links: &[Sealed], head: Option<&Head>) -> Result<(), Finding> {
    let finding = |sequence, flaw| Err(Finding::new(&mark.chain, sequence, flaw));
    let Some(head) = head else { return finding(1, Flaw::Vanished) };
    if head.sequence < mark.sequence {
        return finding(head.sequence + 1, Flaw::CutTail);
    }
    match links.iter().find(|link| link.sequence == mark.sequence) {
        Some(link) if link.mac == mark.mac => Ok(()),
        Some(_) => finding(mark.sequence, Flaw::Rewritten),
        None => finding(mark.sequence, Flaw::CutTail),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::tests::{Made, make};
    use super::*;

    fn key() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key")
    }

    fn text() -> String {
        let heads = [make("b").head, make("a").head];
        Checkpoint::new("store-1", Timestamp::from_millis(0), &heads).sign(&key()).expect("signed")
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_signed() {
        let (read, key_id) = Checkpoint::read(&text()).expect("a checkpoint");
        assert_eq!(key_id, Digest::of(key().public_key().as_ref()));
        assert_eq!(read.marks.iter().map(|mark| mark.chain.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(read.store, "store-1");
    }

    #[test]
    fn a_checkpoint_that_was_changed_is_refused() {
        let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).expect("a key");
        let [ours, theirs] = [&key(), &other].map(|key| STANDARD.encode(key.public_key().as_ref()));
        for (from, to) in [("\"sequence\": 4", "\"sequence\": 3"), ("store-1", "store-2"), (&ours, &theirs)] {
            let changed = text().replacen(from, to, 1);
            assert_ne!(changed, text());
            assert_eq!(Checkpoint::read(&changed), Err(CheckpointFault::Signature), "{from}");
        }
        for broken in ["", "{}", &text().replace("checkpoint v1", "checkpoint v2")] {
            assert!(matches!(Checkpoint::read(broken), Err(CheckpointFault::Unreadable(_))), "{broken}");
        }
    }

    fn check(change: impl FnOnce(&mut Made), expected: Result<(), (u64, Flaw)>) {
        let (checkpoint, _) = Checkpoint::read(&text()).expect("a checkpoint");
        let mut made = make("a");
        change(&mut made);
        let found = extends(&checkpoint.marks[0], &made.links, Some(&made.head));
        assert_eq!(found, expected.map_err(|(sequence, flaw)| Finding::new("a", sequence, flaw)));
    }

    #[test]
    fn what_the_store_alone_cannot_tell_is_found_against_a_checkpoint() {
        check(|_| {}, Ok(()));
        // A consistent cut: links and an old head put back together.
        check(|made| (made.links.truncate(2), made.head = made.old_head.clone()).1, Err((3, Flaw::CutTail)));
        check(|made| made.links[3].mac = "rewritten".to_owned(), Err((4, Flaw::Rewritten)));
        check(|made| made.links.truncate(3), Err((4, Flaw::CutTail)));
        let (checkpoint, _) = Checkpoint::read(&text()).expect("a checkpoint");
        let gone = extends(&checkpoint.marks[1], &[], None);
        assert_eq!(gone, Err(Finding::new("b", 1, Flaw::Vanished)));
    }
}
