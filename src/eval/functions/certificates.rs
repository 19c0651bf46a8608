//! Functions of certificates: what a PEM text says, and names as certificates bear them. They read what is handed to
//! them, trust nothing, and ask no one.

use core::net::IpAddr;

use super::support::{Outcome, function, string, string_param, text};
use super::{CallContext, Fault, Function};
use crate::eval::value::Value;
use crate::x509::{Leaf, X509Error, parse_csr};

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "csr_decode",
        &[string_param("pem")],
        "What a certificate request asks for, once its signature is found good: `common_name`, `names`, `key_type` and \
         `spki_fingerprint` of `csr_decode(file(\"www.csr\"))`.",
        csr_decode,
    ),
    function(
        "fqdn",
        &[string_param("name")],
        "A domain name in full, in lower case and with its final dot: `fqdn(\"WWW.example.com\")` is \
         `\"www.example.com.\"`.",
        |_, args| string(format!("{}.", domain(args, 0)?)),
    ),
    function(
        "wildcard_covers",
        &[string_param("pattern"), string_param("name")],
        "Whether a name of a certificate, perhaps a wildcard, is good for a name (RFC 9525): \
         `wildcard_covers(\"*.example.com\", \"www.example.com\")` is `true`.",
        wildcard_covers,
    ),
    function(
        "x509_decode",
        &[string_param("pem")],
        "What the first certificate of a PEM text says: `subject`, `issuer`, `common_name`, `serial`, `not_before`, \
         `not_after`, `names`, `key_type`, `is_ca`, `fingerprint` and `spki_fingerprint` of \
         `x509_decode(file(\"ca.pem\"))`.",
        x509_decode,
    ),
];

fn unreadable(error: X509Error) -> Fault {
    Fault::at(0, error.to_string())
}

fn common_name(name: Option<String>) -> Value {
    name.map_or(Value::NULL, Value::string)
}

fn x509_decode(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let leaf = Leaf::from_pem(text(args, 0)?).map_err(unreadable)?;
    Ok(Value::object([
        ("subject", string(leaf.subject)?),
        ("issuer", string(leaf.issuer)?),
        ("common_name", common_name(leaf.common_name)),
        ("serial", Value::string(leaf.serial)),
        ("not_before", Value::string(leaf.not_before.to_string())),
        ("not_after", Value::string(leaf.not_after.to_string())),
        ("names", Value::strings(leaf.names)),
        ("key_type", Value::string(leaf.key_type)),
        ("is_ca", Value::Bool(leaf.is_ca)),
        ("fingerprint", Value::string(leaf.fingerprint.to_string())),
        ("spki_fingerprint", Value::string(leaf.spki.to_string())),
    ]))
}

fn csr_decode(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let request = parse_csr(text(args, 0)?.as_bytes()).map_err(unreadable)?;
    Ok(Value::object([
        ("common_name", common_name(request.common_name)),
        ("names", Value::strings(request.names)),
        ("key_type", Value::string(request.key_type)),
        ("spki_fingerprint", Value::string(request.spki.to_string())),
    ]))
}

/// A domain name without its final dot, in lower case; a wildcard may be its first label.
fn domain(args: &[Value], at: usize) -> Result<String, Fault> {
    let given = text(args, at)?;
    let fault = |why: &str| Fault::at(at, format!("\"{given}\" is no domain name: {why}"));
    let name = given.strip_suffix('.').unwrap_or(given).to_ascii_lowercase();
    if !name.is_ascii() {
        return Err(fault("letters beyond ASCII are written as A-labels, such as xn--bcher-kva.example"));
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err(fault("it is an IP address"));
    }
    let labels = name.strip_prefix("*.").unwrap_or(&name);
    let whole = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !labels.split('.').all(whole) {
        return Err(fault("it is made of labels of 1 to 63 letters, digits and hyphens, 253 characters in all"));
    }
    Ok(name)
}

/// RFC 9525 section 6.3: a wildcard stands for exactly one label, the leftmost; addresses are compared as such.
fn wildcard_covers(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    if let (Ok(pattern), Ok(name)) = (text(args, 0)?.parse::<IpAddr>(), text(args, 1)?.parse::<IpAddr>()) {
        return Ok(Value::Bool(pattern == name));
    }
    if text(args, 0)?.parse::<IpAddr>().is_ok() || text(args, 1)?.parse::<IpAddr>().is_ok() {
        return Ok(Value::Bool(false));
    }
    let (pattern, name) = (domain(args, 0)?, domain(args, 1)?);
    let covered = match pattern.strip_prefix("*.") {
        Some(base) => name.split_once('.').is_some_and(|(_, rest)| rest == base),
        None => pattern == name,
    };
    Ok(Value::Bool(covered))
}
