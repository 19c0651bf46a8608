//! The provider `rfc2136`: dynamic updates (RFC 2136) signed with a shared key (TSIG, RFC 8945), as BIND, Knot, PowerDNS
//! and Windows take them.
//!
//! ```hcl
//! dns_credential "bind" {
//!   provider   = "rfc2136"
//!   server     = "ns1.example.com:53"
//!   key_name   = "cap.example.com"
//!   key_secret = secret_env("TSIG_SECRET")
//! }
//! ```

use super::credential::{Provider, fault};
use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{AttributeSchema, optional};
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::time::Duration;

/// Its registration.
pub static PROVIDER: Provider =
    Provider { name: "rfc2136", needs: &["server", "key_name", "key_secret"], arguments, check };

/// Algorithms of TSIG that are still worth using (RFC 8945 section 6).
const ALGORITHMS: &[&str] = &["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"];

fn arguments() -> Vec<AttributeSchema> {
    vec![
        optional(
            "server",
            Type::String,
            "rfc2136: the server that takes updates, as host:port; the zone's primary, port 53 where none is given.",
        ),
        optional("key_name", Type::String, "rfc2136: name of the TSIG key, as the server knows it."),
        optional("key_secret", Type::Secret, "rfc2136: the TSIG key in base64, as tsig-keygen prints it."),
        optional("key_algorithm", Type::String, "rfc2136: algorithm of the TSIG key; hmac-sha256 when left out.")
            .one_of(ALGORITHMS),
        optional("ttl", Type::Number, "rfc2136: time to live of the records, in seconds; 60 when left out."),
        optional("timeout", Type::String, "rfc2136: longest time an update may take; 10s when left out."),
    ]
}

fn check(instance: &Instance, faults: &mut Diagnostics) {
    if let Some(Err(why)) = instance.get("server").and_then(Value::as_str).map(super::server) {
        fault(instance, "server", why, faults);
    }
    if let Some(Err(why)) = instance.get("timeout").and_then(Value::as_str).map(timeout) {
        fault(instance, "timeout", why, faults);
    }
    let ttl = instance.get("ttl").and_then(Value::as_number).map(|ttl| ttl.to_i64());
    if ttl.is_some_and(|ttl| !ttl.is_some_and(|ttl| (1..=86_400).contains(&ttl))) {
        fault(instance, "ttl", "it must lie between 1 and 86400 seconds", faults);
    }
}

fn timeout(text: &str) -> Result<std::time::Duration, String> {
    let span: Duration = text.parse().map_err(|error: crate::time::TimeError| error.to_string())?;
    match span.millis() {
        1.. => Ok(span.to_std()),
        _ => Err("it must be longer than nothing".to_owned()),
    }
}
