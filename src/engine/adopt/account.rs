//! ACME accounts behind an id: the CA is asked which account a key has. Nothing is registered.

use super::{DESCRIBE, Refusal, files};
use crate::job::wanted;
use crate::plan::Importing;
use crate::ports::issuer::KnownAccount;
use crate::ports::providers::Providers;
use crate::ports::vault::PrivateKey;
use crate::state::Spec;
use crate::state::facts::{AccountFacts, Facts, KeyId};

/// The account whose key the id names, `"account.key"` or `"URL,account.key"`; the URL is the account's own or that of the
/// directory, and is held against what the CA says.
pub(super) async fn account(id: &str, spec: &Spec, providers: &dyn Providers) -> Result<Importing, Refusal> {
    let (url, path) = id.split_once(',').map_or((None, id), |(url, path)| (Some(url.trim()), path.trim()));
    let (pkcs8, key) = files::only_key(path)?;
    let asked = providers.account(spec, &PrivateKey { pkcs8 }).await;
    let found = asked.map_err(|fault| {
        let remedy = fault.remedy.as_ref().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
        (format!("The CA does not say which account the key has: {fault}{remedy}."), ASK)
    })?;
    let found = found.ok_or_else(|| (format!("The CA has no account with the key in {path}."), ASK))?;
    if let Some(url) = url.filter(|url| ![&found.account_uri, &found.directory].contains(&&(*url).to_owned())) {
        let KnownAccount { account_uri, directory, .. } = &found;
        return Err((format!("The key's account is {account_uri} at {directory}, and the id says {url}."), DESCRIBE));
    }
    reached_as_described(&found, spec)?;
    // The vault's name of the key is known only when it is sealed.
    let KnownAccount { account_uri, directory, thumbprint, .. } = found;
    let facts = Facts::Account(AccountFacts { account_uri, directory, thumbprint, key: KeyId(String::new()) });
    Ok(Importing { id: id.to_owned(), facts, keys: vec![key] })
}

const ASK: &str =
    "The id is the account's private key as PEM, \"account.key\"; the block says which CA has the account.";

/// That the account has the address for mail that the block says. Many CAs do not tell, which is no fault.
fn reached_as_described(found: &KnownAccount, spec: &Spec) -> Result<(), Refusal> {
    let Some(email) = wanted::text(spec, "email") else { return Ok(()) };
    if found.email.is_empty() || found.email.iter().any(|one| one == email) {
        return Ok(());
    }
    super::same("email", Some(email), &found.email.join(", "))
}
