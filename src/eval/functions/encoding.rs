//! Functions of encodings: Base64, JSON, CSV, YAML and the escapes of URLs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::support::{Outcome, any, any_param, function, string, string_param, text};
use super::{CallContext, Fault, Function, csv, json, yaml};
use crate::eval::types::Type;
use crate::eval::value::Value;

/// Base64 with padding; bits left over at the end are not looked at, as in Go.
pub(super) const BASE64: GeneralPurpose =
    GeneralPurpose::new(&ALPHABET, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "base64decode",
        &[string_param("str")],
        "The text that a Base64 string encodes: `base64decode(\"SGVsbG8=\")` is `\"Hello\"`.",
        base64decode,
    ),
    function(
        "base64encode",
        &[string_param("str")],
        "The UTF-8 of a string in Base64: `base64encode(\"Hello\")` is `\"SGVsbG8=\"`.",
        |_, args| string(base64(text(args, 0)?)),
    ),
    function(
        "csvdecode",
        &[string_param("str")],
        "The rows of a CSV text as objects of strings; its first line names the attributes: \
         `csvdecode(\"a,b\\n1,2\")` is `[{a = \"1\", b = \"2\"}]`.",
        csvdecode,
    ),
    function(
        "jsondecode",
        &[string_param("str")],
        "The value of a JSON text: `jsondecode(\"[1, true]\")` is `[1, true]`.",
        |_, args| json::from_json(text(args, 0)?),
    ),
    function(
        "jsonencode",
        &[any_param("val").nullable()],
        "A value as JSON: `jsonencode({hello = \"world\"})` is `{\"hello\":\"world\"}`.",
        |_, args| string(json::to_json(any(args, 0)?)?),
    ),
    function(
        "urldecode",
        &[string_param("str")],
        "The text that `urlencode` made: `urldecode(\"a+b%26\")` is `\"a b&\"`.",
        urldecode,
    ),
    function(
        "urlencode",
        &[string_param("str")],
        "A string as it stands in the query of a URL: `urlencode(\"a b&\")` is `\"a+b%26\"`.",
        |_, args| string(urlencode(text(args, 0)?)),
    ),
    function(
        "yamldecode",
        &[string_param("src")],
        "The value of a YAML text: `yamldecode(\"hello: world\")` is `{hello = \"world\"}`.",
        |_, args| yaml::read::from_yaml(text(args, 0)?),
    ),
    function(
        "yamlencode",
        &[any_param("value").nullable()],
        "A value as YAML in block style: `yamlencode({a = [1]})` is `\"\\\"a\\\":\\n- 1\\n\"`.",
        |_, args| string(yaml::write::to_yaml(any(args, 0)?)?),
    ),
];

/// Bytes in Base64.
pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64.encode(bytes)
}

fn base64decode(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let given = text(args, 0)?;
    let unbroken: String = given.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = BASE64.decode(unbroken);
    let bytes = bytes.map_err(|_| Fault::call(format!("failed to decode base64 data \"{given}\"")))?;
    let unfit = |_| Fault::call("the result of decoding the provided string is not valid UTF-8");
    string(String::from_utf8(bytes).map_err(unfit)?)
}

fn urlencode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn urldecode(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let given = text(args, 0)?.as_bytes();
    let (mut bytes, mut at) = (Vec::new(), 0);
    while at < given.len() {
        let (byte, taken) = match given[at] {
            b'+' => (b' ', 1),
            b'%' => (hex_pair(given.get(at + 1..at + 3)).ok_or_else(|| bad_escape(given, at))?, 3),
            byte => (byte, 1),
        };
        bytes.push(byte);
        at += taken;
    }
    string(String::from_utf8(bytes).map_err(|_| Fault::call("the result of decoding is not valid UTF-8"))?)
}

fn hex_pair(digits: Option<&[u8]>) -> Option<u8> {
    let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn bad_escape(given: &[u8], at: usize) -> Fault {
    let escape = String::from_utf8_lossy(&given[at..given.len().min(at + 3)]);
    Fault::call(format!("invalid URL escape \"{escape}\""))
}

fn csvdecode(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let mut records = csv::records(text(args, 0)?)?.into_iter();
    let Some((_, header)) = records.next() else { return Err(Fault::call("missing header line")) };
    let mut seen = BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !seen.insert(*name)) {
        return Err(Fault::call(format!("duplicate column name \"{twice}\"")));
    }
    let names: Vec<Arc<str>> = header.into_iter().map(Arc::from).collect();
    let mut rows = Vec::new();
    for (line, cells) in records {
        if cells.len() != names.len() {
            return Err(Fault::call(format!("CSV parse error on line {line}: wrong number of fields")));
        }
        let cells = cells.into_iter().map(string).collect::<Result<Vec<_>, _>>()?;
        let row: BTreeMap<Arc<str>, Value> = names.iter().cloned().zip(cells).collect();
        rows.push(Value::Object(Arc::new(row)));
    }
    Ok(Value::list(Type::object(names.into_iter().map(|name| (name, Type::String))), rows))
}
