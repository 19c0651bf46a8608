//! Reading chains of the timeline and judging whether they are whole, also while somebody writes them: a chain and its
//! head are read one after the other, and what was written in between is no damage. Changes nothing.

use crate::ports::PortResult;
use crate::ports::store::Store;
use crate::ports::vault::{KeyVault, MacKey};
use crate::timeline::{Finding, Flaw, Head, Macs, Sealed, verify_between};

/// How often a head that is behind its links is waited for in all. A store without transactions writes the links first.
const WAITS: u32 = 5;
/// The first wait; each is twice as long as the one before.
const FIRST_WAIT: std::time::Duration = std::time::Duration::from_millis(20);

/// Reads chains of one store.
pub struct Chains<'a> {
    store: &'a dyn Store,
    vault: &'a dyn KeyVault,
    /// Waits so far: a store that is damaged everywhere is not waited for everywhere.
    waited: u32,
}

impl<'a> Chains<'a> {
    /// Of this store, sealed with keys of this vault.
    pub fn new(store: &'a dyn Store, vault: &'a dyn KeyVault) -> Self {
        Self { store, vault, waited: 0 }
    }

    /// The links of a chain, and the first thing that is wrong with them. `head` was read before.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read(&mut self, chain: &str, head: Option<&Head>) -> PortResult<(Vec<Sealed>, Result<(), Finding>)> {
        let mut before = head.cloned();
        loop {
            let links = self.store.chain(chain).await?;
            if self.judge(chain, &links, before.as_ref(), before.as_ref()).is_ok() {
                return Ok((links, Ok(())));
            }
            // Something was written since the head was read, or something is wrong.
            let after = self.store.head(chain).await?;
            let judgement = self.judge(chain, &links, before.as_ref(), after.as_ref());
            let is_behind = |finding: &Finding| matches!(finding.flaw, Flaw::OldHead | Flaw::MissingHead);
            if !judgement.as_ref().is_err_and(is_behind) || !self.wait().await {
                return Ok((links, judgement));
            }
            before = after;
        }
    }

    fn judge(&self, chain: &str, links: &[Sealed], before: Option<&Head>, after: Option<&Head>) -> Result<(), Finding> {
        let link = |message: &[u8]| self.vault.mac(MacKey::Link, message);
        let head = |message: &[u8]| self.vault.mac(MacKey::Head, message);
        verify_between(&Macs { link: &link, head: &head }, chain, links, before, after)
    }

    /// Lets whoever is writing go on; whether there is patience left for it.
    async fn wait(&mut self) -> bool {
        if self.waited >= WAITS {
            return false;
        }
        tokio::time::sleep(FIRST_WAIT * (1 << self.waited)).await;
        self.waited += 1;
        true
    }
}
