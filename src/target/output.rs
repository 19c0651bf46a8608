//! What commands print, cut to what helps, and the errors that show it.

use std::time::Duration;

use crate::job::ErrorClass;
use crate::ports::PortError;

/// Where programs are looked for when the environment does not say.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Bytes of output that are kept: the end of it, where the reason stands.
const KEPT: usize = 2 << 10;

/// Adds to what is kept and drops what is too old.
pub fn append(kept: &mut Vec<u8>, more: &[u8]) {
    kept.extend_from_slice(more);
    let surplus = kept.len().saturating_sub(KEPT);
    kept.drain(..surplus);
}

/// The end of output as text, control characters taken out.
pub fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(KEPT)..]);
    let clean: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    clean.trim().to_owned()
}

fn shown(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// The error of a command that failed.
pub fn failed(words: &[String], how: &str, text: &str) -> PortError {
    let message = format!("the command {} ended with {how}{}", words.join(" "), shown(text));
    PortError::new(ErrorClass::Rejected, message)
        .remedy("run the command on the target by hand, and correct what it complains about")
}

/// The error of a command that took too long.
pub fn too_long(words: &[String], limit: Duration, text: &str) -> PortError {
    let message =
        format!("the command {} did not end within {limit:?} and was stopped{}", words.join(" "), shown(text));
    PortError::new(ErrorClass::Transient, message).remedy("find out what it waits for, or raise the target's timeout")
}
