//! Signing requests that are brought along: the CA would issue for what the request says, so it must say the same.

use super::{certificate, rules};
use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::Instance;
use crate::eval::value::Value;
use crate::x509;

/// Holds a certificate's request, where it has one, against its names and its key type.
pub fn check(instance: &Instance, faults: &mut Diagnostics) {
    let Some(csr) = instance.get("csr").and_then(Value::as_str) else { return };
    let fault = |detail: String| {
        let fault = Diagnostic::error(&model::CSR_MISMATCH, detail).at(rules::place(instance, "csr"));
        fault.about(&instance.address)
    };
    let request = match x509::parse_csr(csr.as_bytes()) {
        Ok(request) => request,
        Err(why) => {
            return faults.push(fault(format!("The signing request of {} cannot be taken: {why}.", instance.address)));
        }
    };
    let names = x509::normal_names(certificate::names_of(instance).map(|(_, name)| name));
    if request.names != names {
        let (asked, declared) = (request.names.join(", "), names.join(", "));
        let detail = format!("The signing request asks for {asked}, but {} is for {declared}.", instance.address);
        faults.push(fault(detail).related(rules::place(instance, "common_name"), "its names begin here"));
    }
    let key_type = instance.get("key_type").and_then(Value::as_str).unwrap_or_default();
    if request.key_type != key_type {
        let detail = format!(
            "The signing request holds a key of type {}, but {} wants {key_type}.",
            request.key_type, instance.address
        );
        let fault = fault(detail).hint(format!("set key_type = \"{}\"", request.key_type));
        faults.push(match instance.places.get("key_type") {
            Some(place) => fault.related(*place, "set here"),
            None => fault,
        });
    }
}
