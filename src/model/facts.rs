//! Facts by the names that configurations read them with: what `certificate.www.not_after` is once it is known.

use crate::eval::value::Value;
use crate::state::Record;
use crate::state::facts::{AccountFacts, AuthorityFacts, CertificateVersion, Facts};

/// The fact of that name; `None` while it is not known.
pub fn facts(record: &Record, name: &str) -> Option<Value> {
    match &record.facts {
        Facts::Certificate(certificate) => of_version(certificate.current()?, name),
        Facts::Account(account) => of_account(account, name),
        Facts::Authority(authority) => of_authority(authority, name),
        Facts::Deployment(_) | Facts::None => None,
    }
}

fn text(text: impl ToString) -> Option<Value> {
    Some(Value::string(text.to_string()))
}

fn of_version(version: &CertificateVersion, name: &str) -> Option<Value> {
    match name {
        "not_before" => text(version.not_before),
        "not_after" => text(version.not_after),
        "fingerprint" => text(version.fingerprint),
        "serial" => text(&version.serial),
        "issuer_name" => text(&version.issuer),
        "chain" => text(&version.chain),
        "version" => Some(Value::number(i64::from(version.number))),
        _ => None,
    }
}

fn of_account(account: &AccountFacts, name: &str) -> Option<Value> {
    match name {
        "account_uri" => text(&account.account_uri),
        _ => None,
    }
}

fn of_authority(authority: &AuthorityFacts, name: &str) -> Option<Value> {
    match name {
        // The root: what clients are made to trust.
        "certificate" => text(authority.certificates.first()?),
        "not_after" => text(authority.not_after),
        "fingerprint" => text(authority.fingerprint),
        _ => None,
    }
}
