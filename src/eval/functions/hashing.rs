//! Functions of digests, of strings and of files, and the identifiers made of them. None of them is a secret's: a
//! digest of a short secret gives it away.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512};

use super::encoding::base64;
use super::files::read;
use super::support::{Outcome, function, string, string_param, text};
use super::{CallContext, Fault, Function};
use crate::eval::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "base64sha256",
        &[string_param("str")],
        "The SHA-256 digest of a string in Base64: not the same as `base64encode(sha256(str))`.",
        |_, args| string(base64(Sha256::digest(text(args, 0)?))),
    ),
    function(
        "base64sha512",
        &[string_param("str")],
        "The SHA-512 digest of a string in Base64: not the same as `base64encode(sha512(str))`.",
        |_, args| string(base64(Sha512::digest(text(args, 0)?))),
    ),
    function(
        "filebase64",
        &[string_param("path")],
        "The content of a file in Base64, whatever it holds: `filebase64(\"logo.png\")`.",
        |context, args| string(base64(read(context, args)?)),
    ),
    function(
        "filebase64sha256",
        &[string_param("path")],
        "The SHA-256 digest of a file in Base64: `filebase64sha256(\"ca.pem\")`.",
        |context, args| string(base64(Sha256::digest(read(context, args)?))),
    ),
    function(
        "filebase64sha512",
        &[string_param("path")],
        "The SHA-512 digest of a file in Base64: `filebase64sha512(\"ca.pem\")`.",
        |context, args| string(base64(Sha512::digest(read(context, args)?))),
    ),
    function(
        "filemd5",
        &[string_param("path")],
        "The MD5 digest of a file in hexadecimal digits: `filemd5(\"ca.pem\")`. No protection against forgery.",
        |context, args| string(hex(md5::Md5::digest(read(context, args)?))),
    ),
    function(
        "filesha1",
        &[string_param("path")],
        "The SHA-1 digest of a file in hexadecimal digits: `filesha1(\"ca.pem\")`. No protection against forgery.",
        |context, args| string(hex(sha1::Sha1::digest(read(context, args)?))),
    ),
    function(
        "filesha256",
        &[string_param("path")],
        "The SHA-256 digest of a file in hexadecimal digits: `filesha256(\"ca.pem\")`.",
        |context, args| string(hex(Sha256::digest(read(context, args)?))),
    ),
    function(
        "filesha512",
        &[string_param("path")],
        "The SHA-512 digest of a file in hexadecimal digits: `filesha512(\"ca.pem\")`.",
        |context, args| string(hex(Sha512::digest(read(context, args)?))),
    ),
    function(
        "md5",
        &[string_param("str")],
        "The MD5 digest of a string in hexadecimal digits: `md5(\"hello world\")` is \
         `\"5eb63bbbe01eeed093cb22bb8f5acdc3\"`. No protection against forgery.",
        |_, args| string(hex(md5::Md5::digest(text(args, 0)?))),
    ),
    function(
        "sha1",
        &[string_param("str")],
        "The SHA-1 digest of a string in hexadecimal digits. No protection against forgery.",
        |_, args| string(hex(sha1::Sha1::digest(text(args, 0)?))),
    ),
    function("sha256", &[string_param("str")], "The SHA-256 digest of a string in hexadecimal digits.", |_, args| {
        string(hex(Sha256::digest(text(args, 0)?)))
    }),
    function("sha512", &[string_param("str")], "The SHA-512 digest of a string in hexadecimal digits.", |_, args| {
        string(hex(Sha512::digest(text(args, 0)?)))
    }),
    function(
        "uuidv5",
        &[string_param("namespace"), string_param("name")],
        "The UUID of a name in a namespace, `dns`, `url`, `oid`, `x500` or a UUID: \
         `uuidv5(\"dns\", \"example.com\")` is `\"cfbff0d1-9375-5685-968c-48ce8b15ae17\"`.",
        uuidv5,
    ),
];

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// RFC 9562 section 6.6: the namespaces differ in one byte.
fn well_known(name: &str) -> Option<[u8; 16]> {
    let last = match name {
        "dns" => 0x10,
        "url" => 0x11,
        "oid" => 0x12,
        "x500" => 0x14,
        _ => return None,
    };
    Some([0x6b, 0xa7, 0xb8, last, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8])
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<&str> = text.split('-').collect();
    let shaped = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let digits = groups.concat();
    if !shaped || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

/// RFC 9562 section 5.5: SHA-1 over the namespace and the name, cut, with version and variant set.
fn uuidv5(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (namespace, name) = (text(args, 0)?, text(args, 1)?);
    let fault = || Fault::call(format!("uuidv5() doesn't support namespace {namespace}"));
    let base = well_known(namespace).or_else(|| parse_uuid(namespace)).ok_or_else(fault)?;
    let digest = sha1::Sha1::new().chain_update(base).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(bytes);
    let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    string(groups.join("-"))
}
