//! An event as a sentence, and as programs read it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::job::effect::Publication;
use crate::state::{Event, EventBody};
use crate::timeline::Sealed;

/// A link of a timeline as programs read it.
#[derive(Serialize, JsonSchema)]
pub struct Link<'l> {
    /// Names the chain: it stays when the object's address changes.
    chain: &'l str,
    /// From one, without gaps.
    sequence: u64,
    /// What happened, as it is sealed. `cap timeline verify` finds one that was made something else.
    #[schemars(with = "Event")]
    entry: Json,
    /// HMAC over the entry, its place and the link before, hexadecimal.
    mac: &'l str,
}

/// A link for programs. An entry that is no JSON any more is a text.
pub fn link(link: &Sealed) -> Link<'_> {
    let entry = serde_json::from_str(&link.entry).unwrap_or_else(|_| Json::from(link.entry.as_str()));
    Link { chain: &link.chain, sequence: link.sequence, entry, mac: &link.mac }
}

/// A challenge record that stays where it is: what it is, why, and what to do about it.
pub fn left_behind(record: &Publication, why: &str) -> String {
    let Publication { name, value, zone, .. } = record;
    format!(
        "left behind in zone {zone}: the TXT record {name} \"{value}\", because {why}; the next issue tries it again, or withdraw it by hand"
    )
}

/// What happened, in one line.
pub fn sentence(body: &EventBody) -> String {
    match body {
        EventBody::Recorded { .. } => "recorded as configured".to_owned(),
        EventBody::Removed { forgotten: true } => "forgotten; what it stands for was left alone".to_owned(),
        EventBody::Removed { forgotten: false } => "removed".to_owned(),
        EventBody::Moved { from } => format!("moved here from {from}"),
        EventBody::Registered { account } => format!("account registered: {}", account.account_uri),
        EventBody::Established { authority } => {
            format!("authority established, root {}", authority.fingerprint.short())
        }
        EventBody::KeyMade { spki, .. } => format!("key made, public key {}", spki.short()),
        EventBody::KeyRemoved { key } => format!("removed from the vault: {key}"),
        EventBody::Rewrapped { version } => {
            format!("everything sealed anew under version {version} of the key-encryption key")
        }
        EventBody::OrderPlaced { url } => format!("order placed: {url}"),
        EventBody::ChallengePresented { name } => format!("challenge published at {name}"),
        EventBody::ChallengeRetracted { name, .. } => format!("challenge withdrawn at {name}"),
        EventBody::ChallengeLeft { publication, why } => left_behind(publication, why),
        EventBody::ChallengeAnswered { identifier } => format!("validation of {identifier} asked for"),
        EventBody::Finalized => "signing request sent".to_owned(),
        EventBody::Issued { version, reason } => format!(
            "issued version {}, serial {}, valid until {} ({reason})",
            version.number, version.serial, version.not_after
        ),
        EventBody::WindowHeard { window } => {
            format!("the CA asks for a renewal from {} to {}", window.start, window.end)
        }
        EventBody::Installed { deployment } => {
            format!("version {} installed at {}", deployment.version, deployment.slot)
        }
        EventBody::Verified { fingerprint } => format!("endpoint serves {}", fingerprint.short()),
        EventBody::RolledBack { fingerprint: None, because } => {
            format!("what was written was removed, because {because}")
        }
        EventBody::RolledBack { because, .. } => format!("previous version put back, because {because}"),
        EventBody::Undeployed => "taken off its target".to_owned(),
        EventBody::AttemptFailed { message, retry_at: Some(at), .. } => {
            format!("attempt failed, again at {at}: {message}")
        }
        EventBody::AttemptFailed { message, retry_at: None, .. } => format!("given up: {message}"),
    }
}
