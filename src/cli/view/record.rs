//! A record for people and for programs: its spec, its facts, what troubles it.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::difference::{Notes, Writer};
use super::style::Style;
use crate::address::Address;
use crate::state::Record;
use crate::state::facts::{CertificateFacts, Facts};

/// The whole record.
pub fn human(record: &Record, style: Style) -> String {
    let mut out = format!("{}\n", style.bold(&format!("# {}:", record.address)));
    let head = match &record.address {
        Address::Resource(resource) => format!("{} \"{}\"", resource.kind, resource.name),
        Address::Deployment { .. } => "deployment".to_owned(),
    };
    let body = Writer::new(Style::new(false), Notes::default()).body(None, record.spec.as_deref(), 0);
    let _ = writeln!(out, "{head} {{\n{}}}", plain(&body));
    out.push_str(&facts(&record.facts));
    if let Some(trouble) = &record.trouble {
        let _ = writeln!(out, "{} {trouble}", style.yellow("last failure:"));
    }
    out
}

/// A spec alone has nothing to compare with: the marks of an addition go.
fn plain(body: &str) -> String {
    let unmarked = |line: &str| {
        let trimmed = line.trim_start();
        let depth = line.len() - trimmed.len();
        let text = trimmed.strip_prefix("+ ").map_or(trimmed, |rest| rest);
        let indent = if trimmed.starts_with("+ ") { depth + 2 } else { depth };
        format!("{}{text}\n", " ".repeat(indent))
    };
    body.lines().map(unmarked).collect()
}

fn facts(facts: &Facts) -> String {
    match facts {
        Facts::None => String::new(),
        Facts::Account(account) => format!("account:    {}\nthumbprint: {}\n", account.account_uri, account.thumbprint),
        Facts::Authority(authority) => {
            format!("fingerprint: {}\nends:        {}\n", authority.fingerprint, authority.not_after)
        }
        Facts::Certificate(certificate) => versions(certificate),
        Facts::Deployment(deployment) => {
            let seen = deployment.verified_at.map_or_else(|| "not asked".to_owned(), |at| at.to_string());
            format!(
                "slot:        {}\nversion:     {}\nfingerprint: {}\ninstalled:   {}\nseen served: {seen}\n",
                deployment.slot, deployment.version, deployment.fingerprint, deployment.installed_at
            )
        }
    }
}

fn versions(certificate: &CertificateFacts) -> String {
    let Some(current) = certificate.current() else { return String::new() };
    let mut out = String::new();
    let _ = writeln!(out, "version:     {}", current.number);
    let _ = writeln!(out, "names:       {}", current.names.join(", "));
    let _ = writeln!(out, "issuer:      {}", current.issuer);
    let _ = writeln!(out, "serial:      {}", current.serial);
    let _ = writeln!(out, "fingerprint: {}", current.fingerprint);
    let _ = writeln!(out, "valid:       {} to {}", current.not_before, current.not_after);
    if let Some(window) = certificate.window {
        let _ = writeln!(out, "renew:       {} to {} (suggested by the CA)", window.start, window.end);
    }
    for record in &certificate.left {
        let _ = writeln!(out, "left behind: TXT {} \"{}\" in zone {}", record.name, record.value, record.zone);
    }
    out
}

/// The record as JSON, with its facts beside its spec.
pub fn json(record: &Record) -> Json {
    json!({
        "address": record.address,
        "type": record.address.kind(),
        "revision": record.revision,
        "values": record.spec,
        "facts": record.facts,
        "protected": record.protected,
        "forget": record.forget,
        "depends_on": record.depends_on,
        "trouble": record.trouble,
    })
}
