//! Accounts (RFC 8555 section 7.3): found again by their key, registered where there is none, their contact kept up to date.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::super::args;
use super::catalogue;
use super::http::Reply;
use super::jws::{AccountKey, Signed};
use super::session::Session;
use crate::address::Address;
use crate::job::ErrorClass;
use crate::ports::clock::Clock;
use crate::ports::issuer::{AccountRequest, KnownAccount, Registrar};
use crate::ports::secrets::Secrets;
use crate::ports::vault::{Flush, KeyVault, PrivateKey};
use crate::ports::{PortError, PortResult};
use crate::state::Spec;
use crate::state::facts::{AccountFacts, Facts, KeyId};

/// Registers accounts.
pub struct AcmeRegistrar {
    clock: Arc<dyn Clock>,
}

impl AcmeRegistrar {
    /// A registrar that reads waits by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Registrar for AcmeRegistrar {
    async fn register(&self, account: &AccountRequest, key_id: &KeyId, key: &PrivateKey) -> PortResult<AccountFacts> {
        let session = Session::open(&account.directory, account.trust.as_deref(), Arc::clone(&self.clock)).await?;
        let key = AccountKey::from_pkcs8(&key.pkcs8)?;
        let account_uri = match find(&session, &key).await? {
            Some(uri) => refresh(&session, &key, uri, account).await?,
            None => create(&session, &key, account).await?,
        };
        Ok(AccountFacts {
            account_uri,
            directory: account.directory.clone(),
            key: key_id.clone(),
            thumbprint: key.thumbprint(),
        })
    }
}

fn contact(account: &AccountRequest) -> Json {
    account.email.iter().map(|email| Json::from(format!("mailto:{email}"))).collect()
}

/// The account that this key has already (RFC 8555 section 7.3.1). It is looked for first, because a binding to a customer
/// is good for one registration at many CAs, and that one may have succeeded before we crashed.
async fn find(session: &Session, key: &AccountKey) -> PortResult<Option<String>> {
    match ask(session, key).await {
        Ok(reply) => reply.location().map(Some),
        // There is none, or the CA does not answer such questions; registering says what there is to say.
        Err(PortError { class: ErrorClass::NotFound | ErrorClass::Unauthorized | ErrorClass::Rejected, .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn ask(session: &Session, key: &AccountKey) -> PortResult<Reply> {
    let payload = json!({"onlyReturnExisting": true});
    session.post(key, Signed::WithKey, &session.directory.new_account, Some(&payload)).await
}

/// The account that the CA of a spec has for this key, or `None`. Nothing is registered.
///
/// # Errors
/// Those of the CA, which does not tell of accounts that were deactivated; `Rejected` when the spec or the key cannot be
/// used.
pub async fn known(spec: &Spec, key: &PrivateKey, clock: Arc<dyn Clock>) -> PortResult<Option<KnownAccount>> {
    let directory = directory(spec)?;
    let key = AccountKey::from_pkcs8(&key.pkcs8)?;
    let session = Session::open(&directory, args::text(spec, "trust"), clock).await?;
    let reply = match ask(&session, &key).await {
        Ok(reply) => reply,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let account: Account = serde_json::from_slice(&reply.body).unwrap_or_default();
    if account.status.as_deref().is_some_and(|status| status != "valid") {
        let message = format!("the account is {}", account.status.unwrap_or_default());
        return Err(
            PortError::new(ErrorClass::Rejected, message).remedy("leave the import out: a new one is registered")
        );
    }
    let email =
        account.contact.iter().filter_map(|contact| contact.strip_prefix("mailto:")).map(str::to_owned).collect();
    Ok(Some(KnownAccount { account_uri: reply.location()?, directory, thumbprint: key.thumbprint(), email }))
}

/// What a CA says of an account (RFC 8555 section 7.1.2). Some say nothing.
#[derive(Default, serde::Deserialize)]
struct Account {
    status: Option<String>,
    #[serde(default)]
    contact: Vec<String>,
}

/// Registers the key. The CA's terms are agreed to: whoever runs `cap` against a CA has chosen it.
async fn create(session: &Session, key: &AccountKey, account: &AccountRequest) -> PortResult<String> {
    let url = &session.directory.new_account;
    let mut payload = json!({"termsOfServiceAgreed": true, "contact": contact(account)});
    match &account.eab {
        Some((kid, secret)) => payload["externalAccountBinding"] = key.bind(kid, secret, url),
        None if session.directory.meta.external_account_required => return Err(binding_needed(&account.directory)),
        None => {}
    }
    let reply = session.post(key, Signed::WithKey, url, Some(&payload)).await?;
    let uri = reply.location()?;
    if reply.is_new() { Ok(uri) } else { refresh(session, key, uri, account).await }
}

fn binding_needed(directory: &str) -> PortError {
    let message = format!("{directory} takes accounts only with external account binding");
    PortError::new(ErrorClass::Unauthorized, message)
        .remedy("add an eab block to the acme_account, with what the CA gave out")
}

/// Brings the contact of an account up to date (RFC 8555 section 7.3.2).
async fn refresh(session: &Session, key: &AccountKey, uri: String, account: &AccountRequest) -> PortResult<String> {
    let payload = json!({"contact": contact(account)});
    session.post(key, Signed::By(&uri), &uri, Some(&payload)).await?;
    Ok(uri)
}

/// Registers the account at `address`, or brings it up to date. One that is updated in place (`known`) keeps its key.
///
/// # Errors
/// Those of the vault, of the secrets and of the CA; `Rejected` when the spec cannot be used.
pub async fn establish(
    (vault, secrets, clock): (&dyn KeyVault, &dyn Secrets, Arc<dyn Clock>),
    address: &Address,
    spec: &Spec,
    job: &str,
    known: Option<&Facts>,
) -> PortResult<Facts> {
    let key_id = match known {
        Some(Facts::Account(facts)) => facts.key.clone(),
        _ => KeyId(format!("{address}/{job}/account")),
    };
    vault.ensure(&key_id, args::word(spec, "key_type")?, Flush::Now).await?;
    let request = AccountRequest {
        directory: directory(spec)?,
        email: args::text(spec, "email").map(str::to_owned),
        eab: binding(secrets, spec).await?,
        trust: args::text(spec, "trust").map(str::to_owned),
        now: clock.now(),
    };
    let key = vault.get(&key_id).await?;
    AcmeRegistrar::new(clock).register(&request, &key_id, &key).await.map(Facts::Account)
}

/// The directory's URL that a spec means.
fn directory(spec: &Spec) -> PortResult<String> {
    if let Some(url) = args::text(spec, "directory") {
        return Ok(url.to_owned());
    }
    let name = args::needed(spec, "ca")?;
    let ca = catalogue::find(name).ok_or_else(|| args::unusable("ca", format!("\"{name}\" is not known here")))?;
    let url = if args::truth(spec, "staging") { ca.staging } else { Some(ca.directory) };
    url.map(str::to_owned).ok_or_else(|| args::unusable("staging", format!("{name} has no test environment")))
}

async fn binding(secrets: &dyn Secrets, spec: &Spec) -> PortResult<Option<(String, Zeroizing<Vec<u8>>)>> {
    let Some(reference) = args::secret(spec, "eab.hmac")? else { return Ok(None) };
    let kid = args::needed(spec, "eab.kid")?.to_owned();
    let text = secrets.resolve(&reference).await?;
    Ok(Some((kid, decode(&text)?)))
}

/// An HMAC key as CAs hand it out: base64url, and at some of them base64, with padding or without.
fn decode(text: &[u8]) -> PortResult<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii();
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let decoded = URL_SAFE_NO_PAD.decode(&text[..end]).or_else(|_| STANDARD_NO_PAD.decode(&text[..end]));
    let decoded = decoded.ok().filter(|key| !key.is_empty()).map(Zeroizing::new);
    decoded.ok_or_else(|| {
        PortError::new(ErrorClass::Rejected, "the secret of eab.hmac is not base64url")
            .remedy("give the HMAC key exactly as the CA gave it out")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_keys_are_read_as_cas_write_them() {
        let check = |text: &str, expected: Option<&[u8]>| {
            assert_eq!(decode(text.as_bytes()).ok().as_ref().map(|key| key.as_slice()), expected, "{text}");
        };
        check("_-8", Some(&[0xff, 0xef]));
        check("_-8=\n", Some(&[0xff, 0xef]));
        check("/+8=", Some(&[0xff, 0xef]));
        check("", None);
        check("not a key", None);
    }

    #[test]
    fn a_spec_means_one_directory() {
        let check = |spec: Json, expected: Option<&str>| {
            let spec: Spec = serde_json::from_value(spec).expect("a spec");
            assert_eq!(directory(&spec).ok().as_deref(), expected);
        };
        check(json!({"ca": "letsencrypt"}), Some("https://acme-v02.api.letsencrypt.org/directory"));
        check(
            json!({"ca": "letsencrypt", "staging": true}),
            Some("https://acme-staging-v02.api.letsencrypt.org/directory"),
        );
        check(json!({"directory": "https://ca.example.test/a?b=c"}), Some("https://ca.example.test/a?b=c"));
        check(json!({"ca": "zerossl", "staging": true}), None);
        check(json!({"ca": "nobody"}), None);
    }
}
