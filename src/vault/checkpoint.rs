//! Signing checkpoints of the timelines with a key of the store's own.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::{Vault, bug, random};
use crate::digest::Digest;
use crate::ports::PortResult;
use crate::time::Timestamp;
use crate::timeline::{Checkpoint, Head};

impl Vault {
    /// A signed checkpoint of these heads, as text to keep elsewhere.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn checkpoint(&self, at: Timestamp, heads: &[Head]) -> PortResult<String> {
        let key = self.checkpoint_key().await?;
        Checkpoint::new(&self.records.tenant, at, heads).sign(&key).map_err(|error| bug(error.to_string()))
    }

    /// Id of the key that signs this store's checkpoints: a checkpoint of another key was not made by this store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn checkpoint_key_id(&self) -> PortResult<Digest> {
        Ok(Digest::of(self.checkpoint_key().await?.public_key().as_ref()))
    }

    async fn checkpoint_key(&self) -> PortResult<Ed25519KeyPair> {
        let make = || Ok(Zeroizing::new(random::<32>()?.to_vec()));
        let seed = self.records.make_once("timeline/checkpoint", make).await?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| bug("the checkpoint key is broken"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::open::tests::opened;
    use super::*;

    #[tokio::test]
    async fn checkpoints_of_one_store_bear_its_key() {
        let (vault, other) = (opened().await, opened().await);
        let text = vault.checkpoint(Timestamp::from_millis(0), &[]).await.expect("a checkpoint");
        let (checkpoint, key) = Checkpoint::read(&text).expect("a good one");
        assert_eq!(checkpoint.store, vault.records.tenant);
        assert_eq!(vault.checkpoint_key_id().await, Ok(key));
        assert_ne!(other.checkpoint_key_id().await, Ok(key));
    }
}
