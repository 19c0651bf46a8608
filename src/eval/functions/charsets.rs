//! Functions of texts in other encodings, as Base64: those of Unicode and the small ones of the West. What needs tables of
//! its own, Shift_JIS and its like, is refused by name.

use base64::Engine as _;

use super::encoding::{BASE64, base64};
use super::support::{Outcome, function, string, string_param, text};
use super::{CallContext, Fault, Function};

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "textdecodebase64",
        &[string_param("source"), string_param("encoding")],
        "The text whose bytes in an encoding are in Base64: `textdecodebase64(\"YQA=\", \"UTF-16LE\")` is `\"a\"`.",
        decode,
    ),
    function(
        "textencodebase64",
        &[string_param("string"), string_param("encoding")],
        "The bytes of a text in an encoding, in Base64: `textencodebase64(\"a\", \"UTF-16LE\")` is `\"YQA=\"`. Known are \
         UTF-8, UTF-16, UTF-16LE, UTF-16BE, US-ASCII, ISO-8859-1 and windows-1252.",
        encode,
    ),
];

/// An encoding of texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    /// Big end first, a mark of it before the text; read without a mark too.
    Utf16,
    Utf16Le,
    Utf16Be,
    Ascii,
    Latin1,
    Windows1252,
}

/// The names of IANA and their aliases, in lower case.
const NAMES: [(&str, Charset, &str); 17] = [
    ("utf-8", Charset::Utf8, "UTF-8"),
    ("csutf8", Charset::Utf8, "UTF-8"),
    ("utf-16", Charset::Utf16, "UTF-16"),
    ("csutf16", Charset::Utf16, "UTF-16"),
    ("utf-16le", Charset::Utf16Le, "UTF-16LE"),
    ("csutf16le", Charset::Utf16Le, "UTF-16LE"),
    ("utf-16be", Charset::Utf16Be, "UTF-16BE"),
    ("csutf16be", Charset::Utf16Be, "UTF-16BE"),
    ("us-ascii", Charset::Ascii, "US-ASCII"),
    ("ascii", Charset::Ascii, "US-ASCII"),
    ("us", Charset::Ascii, "US-ASCII"),
    ("iso-8859-1", Charset::Latin1, "ISO-8859-1"),
    ("iso_8859-1", Charset::Latin1, "ISO-8859-1"),
    ("latin1", Charset::Latin1, "ISO-8859-1"),
    ("l1", Charset::Latin1, "ISO-8859-1"),
    ("windows-1252", Charset::Windows1252, "windows-1252"),
    ("cswindows1252", Charset::Windows1252, "windows-1252"),
];

/// What windows-1252 holds from 0x80 to 0x9f; zero where it holds nothing.
const WINDOWS: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0,
    0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

fn charset(args: &[super::Value], at: usize) -> Result<(Charset, &'static str), Fault> {
    let name = text(args, at)?;
    let known = NAMES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    known.map(|(_, charset, shown)| (*charset, *shown)).ok_or_else(|| {
        let known = "UTF-8, UTF-16, UTF-16LE, UTF-16BE, US-ASCII, ISO-8859-1 and windows-1252";
        Fault::at(at, format!("\"{name}\" is not a supported encoding; there are {known}"))
    })
}

fn encode(_: &CallContext<'_>, args: &[super::Value]) -> Outcome {
    let (charset, name) = charset(args, 1)?;
    let unfit = || Fault::at(0, format!("the given string contains characters that cannot be represented in {name}"));
    let bytes = bytes_of(text(args, 0)?, charset).ok_or_else(unfit)?;
    string(base64(bytes))
}

fn bytes_of(text: &str, charset: Charset) -> Option<Vec<u8>> {
    let units = || text.encode_utf16();
    match charset {
        Charset::Utf8 => Some(text.as_bytes().to_vec()),
        Charset::Utf16 if text.is_empty() => Some(Vec::new()),
        Charset::Utf16 => Some(std::iter::once(0xfeff).chain(units()).flat_map(u16::to_be_bytes).collect()),
        Charset::Utf16Be => Some(units().flat_map(u16::to_be_bytes).collect()),
        Charset::Utf16Le => Some(units().flat_map(u16::to_le_bytes).collect()),
        Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
        Charset::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        Charset::Windows1252 => text.chars().map(windows_byte).collect(),
    }
}

fn windows_byte(c: char) -> Option<u8> {
    let code = u16::try_from(u32::from(c)).ok()?;
    match u8::try_from(code) {
        Ok(byte) if !(0x80..0xa0).contains(&byte) => Some(byte),
        _ => WINDOWS.iter().position(|one| *one == code && code > 0).and_then(|at| u8::try_from(0x80 + at).ok()),
    }
}

fn decode(_: &CallContext<'_>, args: &[super::Value]) -> Outcome {
    let (charset, name) = charset(args, 1)?;
    let given = text(args, 0)?;
    let unbroken: String = given.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = BASE64.decode(unbroken).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) => {
            Fault::at(0, format!("the given value has an invalid base64 symbol at offset {at}"))
        }
        _ => Fault::at(0, "the given value is not valid base64"),
    })?;
    let unfit = || Fault::at(0, format!("the given string contains symbols that are not defined for {name}"));
    string(text_of(&bytes, charset).ok_or_else(unfit)?)
}

fn text_of(bytes: &[u8], charset: Charset) -> Option<String> {
    match (charset, bytes) {
        (Charset::Utf8, _) => String::from_utf8(bytes.to_vec()).ok(),
        (Charset::Utf16, [0xff, 0xfe, rest @ ..]) => utf16(rest, u16::from_le_bytes),
        (Charset::Utf16, [0xfe, 0xff, rest @ ..]) => utf16(rest, u16::from_be_bytes),
        (Charset::Utf16 | Charset::Utf16Be, _) => utf16(bytes, u16::from_be_bytes),
        (Charset::Utf16Le, _) => utf16(bytes, u16::from_le_bytes),
        (Charset::Ascii, _) => bytes.is_ascii().then(|| bytes.iter().copied().map(char::from).collect()),
        (Charset::Latin1, _) => Some(bytes.iter().copied().map(char::from).collect()),
        (Charset::Windows1252, _) => bytes.iter().map(|byte| windows_char(*byte)).collect(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let pairs = bytes.chunks(2).map(|pair| Some(unit([*pair.first()?, *pair.get(1)?])));
    String::from_utf16(&pairs.collect::<Option<Vec<u16>>>()?).ok()
}

fn windows_char(byte: u8) -> Option<char> {
    match byte.checked_sub(0x80).and_then(|at| WINDOWS.get(usize::from(at))) {
        None => Some(char::from(byte)),
        Some(0) => None,
        Some(code) => char::from_u32(u32::from(*code)),
    }
}
