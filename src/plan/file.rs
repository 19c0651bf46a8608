//! Plans as files: JSON with a format version and a digest over the content. Reading one never panics, whatever it holds.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{FORMAT_VERSION, Plan};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::codes::plan;
use crate::digest::Digest;
use crate::limits;

/// The file, as it is read once its version is known: all else may mean something else in another one.
#[derive(Deserialize)]
struct Envelope {
    digest: Digest,
    plan: Json,
}

/// The text of a plan file.
pub fn encode(plan: &Plan) -> String {
    // A plan holds strings, numbers and maps with text keys: serialization cannot fail.
    let content = serde_json::to_value(plan).unwrap_or(Json::Null);
    let digest = Digest::of(content.to_string());
    json!({ "format_version": FORMAT_VERSION, "digest": digest, "plan": content }).to_string()
}

/// The plan in a file.
///
/// # Errors
/// When it is too large, no plan, of another version, or not what was written.
pub fn decode(bytes: &[u8]) -> Result<Plan, Diagnostic> {
    if bytes.len() > limits::PLAN_BYTES {
        return Err(damaged(&format!("it is larger than {} bytes", limits::PLAN_BYTES)));
    }
    let content: Json =
        serde_json::from_slice(bytes).map_err(|fault| damaged(&format!("it is no JSON of a plan ({fault})")))?;
    let Some(version) = content.get("format_version").and_then(Json::as_str) else {
        return Err(damaged("it does not say which format it has"));
    };
    check_version(version)?;
    let Envelope { digest, plan } = serde_json::from_value(content).map_err(|fault| damaged(&fault.to_string()))?;
    // Passing through a JSON value sorts every object, so the text is the one that was digested.
    if Digest::of(plan.to_string()) != digest {
        return Err(damaged("its digest does not match its content: it was changed or cut"));
    }
    let plan: Plan = serde_json::from_value(plan).map_err(|fault| damaged(&fault.to_string()))?;
    if plan.steps.iter().enumerate().any(|(at, step)| step.needs.iter().any(|needed| *needed >= at)) {
        return Err(damaged("its steps are not in order"));
    }
    Ok(plan)
}

fn check_version(version: &str) -> Result<(), Diagnostic> {
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(version) == major(FORMAT_VERSION) {
        return Ok(());
    }
    let detail = format!("The plan has format {version}, and this version of cap reads {FORMAT_VERSION}.");
    Err(Diagnostic::error(&plan::PLAN_VERSION, detail).hint("make the plan again with this version"))
}

fn damaged(why: &str) -> Diagnostic {
    Diagnostic::error(&plan::PLAN_DAMAGED, format!("The plan file cannot be read: {why}.")).hint("make the plan again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn empty() -> Plan {
        Plan::of(Vec::new(), Timestamp::from_millis(0), "s".to_owned())
    }

    fn check(bytes: &[u8], expected: &str) {
        let fault = decode(bytes).expect_err("no plan");
        assert!(
            format!("{} {}", fault.code, fault.detail).contains(expected),
            "{} does not say {expected}",
            fault.detail
        );
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(decode(encode(&empty()).as_bytes()), Ok(empty()));
    }

    #[test]
    fn what_is_no_plan_is_refused_with_a_reason() {
        let good = encode(&empty());
        check(b"", "CAP0406");
        check(b"\xff\xfe", "no JSON");
        check(b"{}", "which format");
        check(&good.as_bytes()[..good.len() - 3], "no JSON");
        check(good.replace("\"destroy\":false", "\"destroy\":true").as_bytes(), "digest");
        check(good.replace("\"2.0\"", "\"3.0\"").as_bytes(), "CAP0407");
        check(br#"{"format_version":"2.0","digest":"x","plan":{}}"#, "SHA-256");
        check(format!("{{\"format_version\":{}", "[".repeat(100_000)).as_bytes(), "no JSON");
        let hollow = Digest::of("{}");
        check(
            format!("{{\"format_version\":\"2.0\",\"digest\":\"{hollow}\",\"plan\":{{}}}}").as_bytes(),
            "missing field",
        );
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_changed_byte_is_found(at in 0usize..200, byte: u8) {
            let mut bytes = encode(&empty()).into_bytes();
            let at = at % bytes.len();
            let same = bytes[at] == byte;
            bytes[at] = byte;
            if let (Ok(plan), false) = (decode(&bytes), same) {
                // Only what is outside the content, or no part of it, may differ unseen.
                proptest::prop_assert_eq!(plan, empty());
            }
        }
    }
}
