//! `acme_account`: registration with a CA that speaks ACME (RFC 8555), and the issuer behind it.
//!
//! ```hcl
//! acme_account "zerossl" {
//!   ca    = "zerossl"
//!   email = "pki@example.com"
//!   eab {
//!     kid  = "kid-1"
//!     hmac = secret_env("ZEROSSL_EAB_HMAC")
//!   }
//! }
//! ```

mod account;
pub mod catalogue;
mod chains;
mod http;
mod jws;
mod orders;
mod origin;
mod problem;
mod renewal;
mod session;
mod unheard;

pub use account::{AcmeRegistrar, establish, known};
pub use orders::AcmeIssuer;

use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, BlockSchema, BodySchema, KindSchema, Occurs, optional, required};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::model::{Kind, Role, rules};
use crate::plan::Work;
use crate::x509::Leaf;

/// The block's type.
pub const NAME: &str = "acme_account";

/// The kind.
pub fn kind() -> Kind {
    let schema = KindSchema {
        name: NAME,
        doc: "An account at a CA that speaks ACME: found by its name, or by the URL of its directory.",
        body: BodySchema { attributes: attributes(), blocks: vec![external_account_binding()] },
        facts: vec![("account_uri", Type::String, "The account's URL, as CAA records name it (RFC 8657).")],
        in_project: true,
    };
    Kind::new(schema, Role::Issuer(Work::Register)).checked(check)
}

fn attributes() -> Vec<AttributeSchema> {
    vec![
        optional("ca", Type::String, "A public CA by name.").one_of(catalogue::NAMES).replaces(),
        optional("directory", Type::String, "URL of the CA's directory, instead of `ca`.").replaces(),
        optional(
            "staging",
            Type::Bool,
            "Whether the CA's test environment is meant; its certificates are not trusted.",
        )
        .or(Value::Bool(false))
        .replaces(),
        optional("email", Type::String, "Where the CA may write to about the account."),
        optional("key_type", Type::String, "Kind of the account's key. It is never a certificate's.")
            .one_of(&["ecdsa-p256"])
            .or(Value::string("ecdsa-p256"))
            .replaces(),
        optional(
            "trust",
            Type::String,
            "PEM of further trust anchors for the directory's own TLS, for CAs inside the house: `file(\"ca.pem\")`.",
        ),
    ]
}

fn external_account_binding() -> BlockSchema {
    let attributes = vec![
        required("kid", Type::String, "Key identifier that the CA gave out."),
        required("hmac", Type::Secret, "HMAC key that the CA gave out, base64url. Many CAs take it only once."),
    ];
    BlockSchema {
        name: "eab",
        body: BodySchema { attributes, blocks: Vec::new() },
        occurs: Occurs::Optional,
        doc: "External account binding (RFC 8555 section 7.3.4): ties the account to a customer of the CA.",
    }
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    let given = |path: &str| instance.get(path).and_then(Value::as_str);
    match (given("ca"), given("directory")) {
        (None, None) => {
            rules::invalid(instance, "ca", "name the CA in ca, or its directory's URL in directory", faults)
        }
        (Some(_), Some(_)) => {
            rules::invalid(instance, "directory", "ca is given too, and it means another URL", faults)
        }
        (Some(ca), None) => check_ca(instance, ca, faults),
        (None, Some(url)) => check_directory(instance, url, faults),
    }
    rules::email(instance, "email", faults);
    if let Some(Err(why)) = given("trust").map(Leaf::from_pem) {
        rules::invalid(instance, "trust", &format!("PEM certificates are expected: {why}"), faults);
    }
}

fn check_ca(instance: &Instance, name: &str, faults: &mut Diagnostics) {
    // A name that is not in the catalogue was reported by the schema already.
    let Some(ca) = catalogue::find(name) else { return };
    let staging = instance.get("staging").and_then(Value::as_bool) == Some(true);
    if staging && ca.staging.is_none() {
        rules::invalid(instance, "staging", &format!("{name} has no test environment"), faults);
    }
    if ca.needs_eab && instance.get("eab").is_none() {
        let why = format!("{name} takes accounts only with external account binding: add an eab block");
        rules::invalid(instance, "ca", &why, faults);
    }
}

fn check_directory(instance: &Instance, url: &str, faults: &mut Diagnostics) {
    let parsed = url.parse::<hyper::Uri>().ok().filter(|uri| uri.scheme_str() == Some("https"));
    if parsed.is_none_or(|uri| uri.host().is_none_or(str::is_empty)) {
        rules::invalid(instance, "directory", &format!("\"{url}\" is no URL that begins with https://"), faults);
    }
    if instance.get("staging").and_then(Value::as_bool) == Some(true) {
        rules::invalid(instance, "staging", "with directory, name the test environment's URL itself", faults);
    }
}
