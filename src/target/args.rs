//! Arguments that all targets share the shape of: texts read out of a configuration, with the words for what is wrong.
//! Each shape is one function that the rules of a block (spans) and the decoding of a rendered configuration both use.

use serde_json::Value as Json;

use crate::diagnostic::codes::model::INVALID_ARGUMENT;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::Instance;
use crate::eval::value::{SecretRef, Value};
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::state::Spec;
use crate::time::Duration;

/// A configuration that cannot be used: says which argument, and why.
pub fn unusable(argument: &str, why: impl std::fmt::Display) -> PortError {
    PortError::new(ErrorClass::Rejected, format!("{argument}: {why}"))
}

/// The JSON at a path of names.
fn at<'a>(config: &'a Spec, path: &str) -> Option<&'a Json> {
    let mut names = path.split('.');
    let first = config.get(names.next()?)?;
    names.try_fold(first, |json, name| json.get(name)).filter(|json| !json.is_null())
}

/// The text at a path.
pub fn text<'a>(config: &'a Spec, path: &str) -> Option<&'a str> {
    at(config, path)?.as_str()
}

/// The text at a path that must be there.
///
/// # Errors
/// `Rejected` when it is not.
pub fn needed<'a>(config: &'a Spec, path: &str) -> PortResult<&'a str> {
    text(config, path).ok_or_else(|| unusable(path, "it must be given"))
}

/// Whether there is anything at a path.
pub fn given(config: &Spec, path: &str) -> bool {
    at(config, path).is_some()
}

/// The truth at a path; false when it is not there.
pub fn truth(config: &Spec, path: &str) -> bool {
    at(config, path).and_then(Json::as_bool).unwrap_or(false)
}

/// The whole number at a path.
pub fn whole(config: &Spec, path: &str) -> Option<i64> {
    at(config, path)?.as_i64()
}

/// The texts at a path; none when it is not there.
pub fn texts(config: &Spec, path: &str) -> Vec<String> {
    let items = at(config, path).and_then(Json::as_array);
    items.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The reference to a secret at a path.
///
/// # Errors
/// `Rejected` when there is none.
pub fn secret(config: &Spec, path: &str) -> PortResult<SecretRef> {
    let tagged = at(config, path).and_then(|json| json.get("$secret"));
    tagged
        .and_then(|json| serde_json::from_value(json.clone()).ok())
        .ok_or_else(|| unusable(path, "a secret must be given"))
}

/// The text at a path in one of the shapes below, or the shape's default.
///
/// # Errors
/// `Rejected` with the shape's own words.
pub fn shaped<T>(config: &Spec, path: &str, default: &str, shape: fn(&str) -> Result<T, String>) -> PortResult<T> {
    shape(text(config, path).unwrap_or(default)).map_err(|why| unusable(path, why))
}

/// Owner and group by name or number; both absent for "leave them as they are".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub user: Option<String>,
    /// Group.
    pub group: Option<String>,
}

/// `user`, `user:group` or `:group`.
pub fn owner(text: &str) -> Result<Owner, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let name = |name: &str| match name {
        "" => Ok(None),
        name if name.chars().all(|c| c.is_ascii_alphanumeric() || "._-$".contains(c)) && !name.starts_with('-') => {
            Ok(Some(name.to_owned()))
        }
        name => Err(format!("\"{name}\" is no name of a user or group; write user:group")),
    };
    Ok(Owner { user: name(user)?, group: name(group)? })
}

/// A mode in octal: `0640`.
pub fn mode(text: &str) -> Result<u32, String> {
    let digits = text.len() == 3 || (text.len() == 4 && text.starts_with('0'));
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| digits);
    mode.ok_or_else(|| format!("\"{text}\" is no file mode; write three octal digits after a zero, as in 0640"))
}

/// A length of time above zero.
pub fn span(text: &str) -> Result<std::time::Duration, String> {
    let span: Duration = text.parse().map_err(|error: crate::time::TimeError| error.to_string())?;
    if span.millis() <= 0 {
        return Err("it must be longer than nothing".to_owned());
    }
    Ok(span.to_std())
}

/// `host:port`, with brackets around an IPv6 address.
pub fn endpoint(text: &str) -> Result<(String, u16), String> {
    let fault = || format!("\"{text}\" is no endpoint; write host:port, as in www.example.com:443 or [::1]:443");
    let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if host.is_empty() || (bare.is_none() && host.contains([':', '[', ']', '/', '@', ' '])) {
        return Err(fault());
    }
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(fault)?;
    Ok((bare.unwrap_or(host).to_owned(), port))
}

/// A path of a file or directory without steps upwards; repeated and final slashes are dropped.
pub fn path(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() || parts.contains(&"..") || text.contains(['\0', '\n']) {
        return Err(format!("\"{text}\" is no usable path; it must name a file or directory, without .. in it"));
    }
    let root = if text.starts_with('/') { "/" } else { "" };
    Ok(format!("{root}{}", parts.join("/")))
}

/// A path from the root.
pub fn absolute(text: &str) -> Result<String, String> {
    match path(text)? {
        path if path.starts_with('/') => Ok(path),
        path => Err(format!("\"{path}\" does not begin with /; a path on another host must say where it begins")),
    }
}

/// A command: a program and its arguments.
pub fn command(words: &[String]) -> Result<(), String> {
    match words.first() {
        Some(program) if program.trim().is_empty() => Err("the program's name is empty".to_owned()),
        None => Err("it is empty; name a program and its arguments, or leave it out".to_owned()),
        Some(_) if words.iter().any(|word| word.contains('\0')) => Err("a word holds a NUL byte".to_owned()),
        Some(_) => Ok(()),
    }
}

/// Notes a fault of one argument, at its place.
pub fn fault(instance: &Instance, path: &str, why: impl std::fmt::Display, faults: &mut Diagnostics) {
    let detail = format!("The argument {path} cannot be used: {why}.");
    faults.push(Diagnostic::error(&INVALID_ARGUMENT, detail).at(instance.place(path)).about(&instance.address));
}

/// Holds one argument of a block to a shape. Templates over `certificate` are looked at when they are rendered.
pub fn check<T>(instance: &Instance, path: &str, shape: fn(&str) -> Result<T, String>, faults: &mut Diagnostics) {
    let text = instance.get(path).and_then(Value::as_str).filter(|text| !is_template(text));
    if let Some(Err(why)) = text.map(shape) {
        fault(instance, path, why, faults);
    }
}

fn is_template(text: &str) -> bool {
    text.contains("${") || text.contains("%{")
}

/// Holds a list of words to the shape of a command.
pub fn check_command(instance: &Instance, path: &str, faults: &mut Diagnostics) {
    let Some(items) = instance.get(path).and_then(Value::elements) else { return };
    let words: Vec<String> = items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Err(why) = command(&words) {
        fault(instance, path, why, faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: std::fmt::Debug>(got: Result<T, String>, expected: &str) {
        let shown = match got {
            Ok(value) => format!("{value:?}"),
            Err(_) => "fault".to_owned(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn texts_have_their_shapes() {
        check(mode("0640"), "416");
        check(mode("600"), "384");
        check(mode("640 "), "fault");
        check(mode("4755"), "fault");
        check(mode("0999"), "fault");
        check(endpoint("www.example.com:443"), r#"("www.example.com", 443)"#);
        check(endpoint("[::1]:8443"), r#"("::1", 8443)"#);
        check(endpoint("::1"), "fault");
        check(endpoint("www.example.com"), "fault");
        check(endpoint("www.example.com:0"), "fault");
        check(path("/etc//nginx/./tls/"), r#""/etc/nginx/tls""#);
        check(path("out/tls"), r#""out/tls""#);
        check(path("/"), "fault");
        check(path("/etc/../root"), "fault");
        check(absolute("etc"), "fault");
        check(owner("root:www-data"), r#"Owner { user: Some("root"), group: Some("www-data") }"#);
        check(owner(":tls"), r#"Owner { user: None, group: Some("tls") }"#);
        check(owner("a b"), "fault");
        check(span("0s"), "fault");
        check(command(&[]), "fault");
    }
}
