//! Names of certificates and zones: letters, digits and hyphens; a wildcard only as the leftmost label; IP addresses.

use core::net::IpAddr;

use super::{certificate, rules};
use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::Instance;
use crate::limits;

/// Whether `text` is a domain of LDH labels (RFC 1123 section 2.1, RFC 1035 section 2.3.4), without a final dot.
///
/// # Errors
/// Why it is none.
pub fn domain(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 253 {
        return Err("it must have between 1 and 253 characters");
    }
    if text.ends_with('.') {
        return Err("it must not end with a dot");
    }
    text.split('.').try_for_each(label)
}

fn label(label: &str) -> Result<(), &'static str> {
    if label.is_empty() || label.len() > 63 {
        return Err("each label between dots must have between 1 and 63 characters");
    }
    if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err("only letters, digits, hyphens and dots may stand in it");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("a label must not begin or end with a hyphen");
    }
    Ok(())
}

/// Whether `name` may stand in a certificate: a domain, `*.` and a domain, or an IP address.
///
/// # Errors
/// The fault, still without its place.
pub fn of_certificate(name: &str) -> Result<(), Diagnostic> {
    if is_address(name) {
        return Ok(());
    }
    let fault = |why: &str| {
        Diagnostic::error(&model::INVALID_NAME, format!("\"{name}\" cannot be a name of a certificate: {why}."))
    };
    if !name.is_ascii() {
        return Err(fault("it holds letters beyond ASCII")
            .hint("write international names as A-labels, such as xn--bcher-kva.example"));
    }
    let domain_part = name.strip_prefix("*.").unwrap_or(name);
    if domain_part.contains('*') {
        return Err(fault("a wildcard may only be the whole leftmost label").hint("write it as *.example.com"));
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(fault("names are written in lower case").hint(format!("write \"{}\"", name.to_ascii_lowercase())));
    }
    domain(domain_part).map_err(fault)
}

/// Whether it is an IP address.
pub fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

/// Reports IP addresses among the names of an ACME certificate, unless a profile is asked for that may hold them.
pub fn no_addresses(instance: &Instance, faults: &mut Diagnostics) {
    if instance.get("profile").is_some() {
        return;
    }
    for (path, name) in certificate::names_of(instance).filter(|(_, name)| is_address(name)) {
        let detail = format!(
            "\"{name}\" is an IP address, and {} has an ACME issuer and no profile that takes them.",
            instance.address
        );
        let fault = Diagnostic::error(&model::INVALID_NAME, detail).at(rules::place(instance, &path));
        faults.push(
            fault
                .about(&instance.address)
                .hint("issue it from a private_ca, or set the profile the CA has for addresses"),
        );
    }
}

/// A certificate names each of its names once, and not too many.
pub fn count(instance: &Instance, faults: &mut Diagnostics) {
    let mut seen = std::collections::BTreeMap::new();
    for (path, name) in certificate::names_of(instance) {
        if let Some(first) = seen.insert(name, path.clone()) {
            let detail = format!("{} names \"{name}\" twice.", instance.address);
            let fault = Diagnostic::error(&model::INVALID_NAME, detail).at(rules::place(instance, &path));
            faults.push(fault.related(rules::place(instance, &first), "named here already").about(&instance.address));
        }
    }
    if seen.len() > limits::NAMES {
        let why = format!("{} names are more than the {} that CAs accept", seen.len(), limits::NAMES);
        rules::invalid(instance, "sans", &why, faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_domains_wildcards_or_addresses() {
        let long = "a".repeat(64);
        for (name, good) in [
            ("example.com", true),
            ("*.example.com", true),
            ("xn--bcher-kva.example", true),
            ("192.0.2.1", true),
            ("2001:db8::1", true),
            ("localhost", true),
            ("bücher.example", false),
            ("www.*.example.com", false),
            ("*", false),
            ("w*.example.com", false),
            ("WWW.example.com", false),
            ("-a.example.com", false),
            ("a..example.com", false),
            ("example.com.", false),
            ("a_b.example.com", false),
            ("", false),
            (long.as_str(), false),
        ] {
            assert_eq!(of_certificate(name).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn an_international_name_says_what_to_write() {
        let fault = of_certificate("bücher.example").expect_err("not ASCII");
        assert!(fault.hint.is_some_and(|hint| hint.contains("xn--")));
    }
}
