//! `certificate`: the first-class object: names, a key, an issuer, and the targets it is put on.
//!
//! ```hcl
//! certificate "www" {
//!   issuer       = acme_account.letsencrypt
//!   common_name  = "www.example.com"
//!   sans         = ["example.com"]
//!   key_type     = "ecdsa-p256"
//!   renew_before = "20d"
//!   targets      = [ssh_target.web]
//!   tags         = { tier = "0" }
//! }
//! ```

use super::{ISSUERS, Kind, Role, TARGETS, names, rules};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BodySchema, KindSchema, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::time::Duration;

/// Key types, by the names that [`crate::ports::vault::KeyType`] reads.
pub const KEY_TYPES: &[&str] = &["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"];

/// Arguments that an issued certificate follows from: a change of one makes a new version. All others are bookkeeping.
pub const ISSUED_FROM: &[&str] =
    &["common_name", "csr", "issuer", "key_type", "lifetime", "preferred_chain", "profile", "sans"];

/// The kind.
pub fn kind() -> Kind {
    let schema = KindSchema {
        name: "certificate",
        doc: "A certificate: names, a key, an issuer, and the targets it is put on. Its versions are append-only.",
        body: BodySchema { attributes: [subject(), renewal(), bookkeeping()].concat(), blocks: Vec::new() },
        facts: facts(),
        in_project: true,
    };
    Kind::new(schema, Role::Certificate).checked(check)
}

fn subject() -> Vec<AttributeSchema> {
    vec![
        required("issuer", Type::reference(ISSUERS), "Who issues it."),
        required("common_name", Type::String, "Its first name; international names as A-labels (`xn--…`)."),
        optional("sans", Type::list(Type::String), "Its further names; at most 100 names in all.")
            .or(Value::strings::<&str>([])),
        optional("key_type", Type::String, "Kind of its private key.")
            .one_of(KEY_TYPES)
            .or(Value::string("ecdsa-p256")),
        optional("csr", Type::String, "A signing request (PKCS#10, PEM) brought along: its key stays with its owner."),
        optional("profile", Type::String, "Profile of the CA."),
        optional(
            "preferred_chain",
            Type::String,
            "Common name of the top-most issuer, where the CA offers several chains.",
        ),
        optional("lifetime", Type::String, "How long it is to be valid, such as `90d`, where the CA lets one choose."),
    ]
}

fn renewal() -> Vec<AttributeSchema> {
    vec![
        optional("auto_renew", Type::Bool, "Whether it is renewed in time.").or(Value::Bool(true)),
        optional(
            "renew_before",
            Type::String,
            "Time left at which it is renewed, such as `20d`; a third of its life when left out, half of a short one.",
        ),
        optional("reuse_key", Type::Bool, "Whether a renewal keeps the key.").or(Value::Bool(false)),
    ]
}

fn bookkeeping() -> Vec<AttributeSchema> {
    vec![
        optional("targets", Type::list(Type::reference(TARGETS)), "Where it is put on each issue and renewal.")
            .or(Value::list(Type::reference(TARGETS), [])),
        optional(
            "policy",
            Type::reference(["certificate_policy"]),
            "The policy it is held to, instead of its project's.",
        ),
        optional("description", Type::String, "What it is for."),
        optional("tags", Type::map(Type::String), "Marks for filters and notices."),
    ]
}

fn facts() -> Vec<(&'static str, Type, &'static str)> {
    vec![
        ("not_before", Type::String, "Start of validity, RFC 3339."),
        ("not_after", Type::String, "End of validity, RFC 3339."),
        ("fingerprint", Type::String, "SHA-256 of the leaf's DER, hexadecimal."),
        ("serial", Type::String, "Serial number, hexadecimal."),
        ("issuer_name", Type::String, "The issuer's distinguished name."),
        ("chain", Type::String, "PEM, leaf first."),
        ("version", Type::Number, "Number of the version, from 1."),
    ]
}

/// Its names with the path each stands at: common name first.
pub fn names_of(instance: &Instance) -> impl Iterator<Item = (String, &str)> {
    let common = instance.get("common_name").and_then(Value::as_str).map(|name| ("common_name".to_owned(), name));
    let sans = instance.get("sans").and_then(Value::elements).unwrap_or_default();
    let sans = sans.iter().enumerate().filter_map(|(at, name)| Some((format!("sans.{at}"), name.as_str()?)));
    common.into_iter().chain(sans)
}

/// Holds the renewal window of a certificate that says no lifetime to the one that its issuer gives by itself.
pub fn check_window(instance: &Instance, issuer: &Instance, faults: &mut Diagnostics) {
    // A text that is no length of time was reported with its own block.
    let length = |of: &Instance, path: &str| of.get(path).and_then(Value::as_str).and_then(|text| text.parse().ok());
    let lifetime: Option<Duration> = length(issuer, "default_lifetime").filter(|_| instance.get("lifetime").is_none());
    if let (Some(lifetime), Some(before)) = (lifetime, length(instance, "renew_before"))
        && before >= lifetime
    {
        let said = (rules::place(issuer, "default_lifetime"), "the lifetime that its issuer gives");
        faults.push(rules::window_too_long(instance, before, lifetime, said));
    }
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    for (path, name) in names_of(instance) {
        if let Err(fault) = names::of_certificate(name) {
            faults.push(fault.at(rules::place(instance, &path)).about(&instance.address));
        }
    }
    names::count(instance, faults);
    let lifetime = rules::duration(instance, "lifetime", faults);
    let before = rules::duration(instance, "renew_before", faults);
    if let (Some(lifetime), Some(before)) = (lifetime, before)
        && before >= lifetime
    {
        faults.push(rules::window_too_long(
            instance,
            before,
            lifetime,
            (rules::place(instance, "lifetime"), "its lifetime"),
        ));
    }
}
