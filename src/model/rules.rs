//! Rules that several kinds share: shapes of texts and numbers, each with the place of the argument it is about.

use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::Instance;
use crate::eval::value::Value;
use crate::limits;
use crate::source::Span;
use crate::time::Duration;

/// Where the argument at `path` stands; that of the list for an element whose own place is not known.
pub fn place(instance: &Instance, path: &str) -> Span {
    let known = |path: &str| instance.places.get(path).copied();
    known(path).or_else(|| known(path.rsplit_once('.')?.0)).unwrap_or(instance.span)
}

/// Reports the argument at `path`: it is wrong because of `why`.
pub fn invalid(instance: &Instance, path: &str, why: &str, faults: &mut Diagnostics) {
    let detail = format!("The argument \"{path}\" of {} cannot be taken: {why}.", instance.address);
    faults.push(Diagnostic::error(&model::INVALID_ARGUMENT, detail).at(place(instance, path)).about(&instance.address));
}

/// Warns that what stands at `path` is recorded and nothing more.
pub fn not_enforced(instance: &Instance, path: &str, what: &str, faults: &mut Diagnostics) {
    let detail = format!("\"{path}\" of {} is recorded: {what}.", instance.address);
    faults.push(Diagnostic::warning(&model::NOT_ENFORCED, detail).at(place(instance, path)).about(&instance.address));
}

/// The length of time at `path`, longer than zero and no longer than [`limits::DAYS`].
pub fn duration(instance: &Instance, path: &str, faults: &mut Diagnostics) -> Option<Duration> {
    let text = instance.get(path)?.as_str()?;
    match text.parse::<Duration>() {
        Ok(length) if length > Duration::from_days(limits::DAYS) => {
            let why = format!("it is longer than {} days, which is a hundred years", limits::DAYS);
            invalid(instance, path, &why, faults);
        }
        Ok(length) if length > Duration::default() => return Some(length),
        Ok(_) => invalid(instance, path, "it must be longer than zero", faults),
        Err(fault) => invalid(instance, path, &fault.to_string(), faults),
    }
    None
}

/// The number at `path` must be whole and at least `least`.
pub fn whole_number(instance: &Instance, path: &str, least: i64, faults: &mut Diagnostics) {
    let Some(number) = instance.get(path).and_then(Value::as_number) else { return };
    if number.to_i64().is_none_or(|number| number < least) {
        invalid(instance, path, &format!("{number} is not a whole number from {least}"), faults);
    }
}

/// The text at `path` must be `host:port`.
pub fn socket(instance: &Instance, path: &str, faults: &mut Diagnostics) {
    if let Some(text) = instance.get(path).and_then(Value::as_str) {
        check_socket(instance, path, text, faults);
    }
}

fn check_socket(instance: &Instance, path: &str, text: &str, faults: &mut Diagnostics) {
    let good = text.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        !host.is_empty() && (bracketed || !host.contains(':')) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if !good {
        invalid(instance, path, &format!("\"{text}\" is not of the form host:port"), faults);
    }
}

/// The text at `path` must be an address for mail.
pub fn email(instance: &Instance, path: &str, faults: &mut Diagnostics) {
    let Some(text) = instance.get(path).and_then(Value::as_str) else { return };
    let good = text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    });
    if !good {
        invalid(instance, path, &format!("\"{text}\" is no address for mail"), faults);
    }
}

/// A zone must lie below a public suffix: nobody but a registry owns one.
pub fn below_public_suffix(instance: &Instance, path: &str, apex: &str, faults: &mut Diagnostics) {
    let suffix = psl::suffix(apex.as_bytes()).filter(psl::Suffix::is_known);
    if suffix.is_none_or(|suffix| suffix.as_bytes().len() < apex.len()) {
        return;
    }
    let detail = format!(
        "\"{apex}\" is a public suffix: domains are registered below it, and nobody can publish challenges in it."
    );
    let fault = Diagnostic::error(&model::PUBLIC_SUFFIX, detail).at(place(instance, path)).about(&instance.address);
    faults.push(fault.hint(format!("name the registered domain, such as example.{apex}")));
}

/// A renewal window that is open all the time. `said` is where the lifetime is said, and by whom.
pub fn window_too_long(instance: &Instance, before: Duration, lifetime: Duration, said: (Span, &str)) -> Diagnostic {
    let detail = format!(
        "{} would be renewed {before} before its end, but it is valid for {lifetime} only: it would be renewed all the time.",
        instance.address
    );
    Diagnostic::error(&model::RENEWAL_WINDOW, detail)
        .at(place(instance, "renew_before"))
        .related(said.0, said.1)
        .about(&instance.address)
        .hint("leave renew_before out: a third of the lifetime is taken then")
}
