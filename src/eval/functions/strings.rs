//! Functions of strings: their parts, case, joining and splitting. Characters are grapheme clusters wherever a
//! function counts or cuts. Patterns are in `patterns`.

use unicode_segmentation::UnicodeSegmentation as _;

use super::support::{Outcome, function, items, number_param, string, string_list, string_param, strings_param, text};
use super::support::{variadic, whole};
use super::{CallContext, Fault, Function};
use crate::eval::value::Value;
use crate::limits;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "chomp",
        &[string_param("str")],
        "Removes line breaks from the end of a string: `chomp(\"hello\\n\")` is `\"hello\"`.",
        chomp,
    ),
    function(
        "endswith",
        &[string_param("str"), string_param("suffix")],
        "Whether a string ends with another: `endswith(\"hello\", \"lo\")` is `true`.",
        |_, args| Ok(Value::Bool(text(args, 0)?.ends_with(text(args, 1)?))),
    ),
    function(
        "indent",
        &[number_param("spaces"), string_param("str")],
        "Puts spaces before every line but the first: `indent(2, \"a\\nb\")` is `\"a\\n  b\"`.",
        indent,
    ),
    variadic(
        "join",
        &[string_param("separator")],
        strings_param("lists"),
        "Joins the elements of lists into one string: `join(\", \", [\"a\", \"b\"])` is `\"a, b\"`.",
        join,
    ),
    function(
        "lower",
        &[string_param("str")],
        "The string in lower case: `lower(\"HELLO\")` is `\"hello\"`.",
        |_, args| string(text(args, 0)?.chars().map(lower_char).collect::<String>()),
    ),
    function(
        "split",
        &[string_param("separator"), string_param("str")],
        "The parts of a string between separators: `split(\",\", \"a,b\")` is `[\"a\", \"b\"]`.",
        split,
    ),
    function(
        "startswith",
        &[string_param("str"), string_param("prefix")],
        "Whether a string begins with another: `startswith(\"hello\", \"he\")` is `true`.",
        |_, args| Ok(Value::Bool(text(args, 0)?.starts_with(text(args, 1)?))),
    ),
    function(
        "strcontains",
        &[string_param("str"), string_param("substr")],
        "Whether a string holds another: `strcontains(\"hello\", \"ell\")` is `true`.",
        |_, args| Ok(Value::Bool(text(args, 0)?.contains(text(args, 1)?))),
    ),
    function(
        "strrev",
        &[string_param("str")],
        "The characters of a string in reverse: `strrev(\"hello\")` is `\"olleh\"`.",
        |_, args| string(text(args, 0)?.graphemes(true).rev().collect::<String>()),
    ),
    function(
        "substr",
        &[string_param("str"), number_param("offset"), number_param("length")],
        "The part of a string from an offset (from the end where negative) over a length in characters (to the end \
         where −1): `substr(\"hello world\", 1, 4)` is `\"ello\"`.",
        substr,
    ),
    function(
        "title",
        &[string_param("str")],
        "The string with the first letter of each word in upper case: `title(\"hello world\")` is `\"Hello World\"`.",
        title,
    ),
    function(
        "trim",
        &[string_param("str"), string_param("cutset")],
        "Removes the given characters from both ends: `trim(\"?!hello?!\", \"!?\")` is `\"hello\"`.",
        |_, args| {
            let cutset = text(args, 1)?;
            string(text(args, 0)?.trim_matches(|c| cutset.contains(c)))
        },
    ),
    function(
        "trimprefix",
        &[string_param("str"), string_param("prefix")],
        "Removes a prefix if it is there: `trimprefix(\"helloworld\", \"hello\")` is `\"world\"`.",
        |_, args| string(text(args, 0)?.strip_prefix(text(args, 1)?).unwrap_or(text(args, 0)?)),
    ),
    function(
        "trimspace",
        &[string_param("str")],
        "Removes white space from both ends: `trimspace(\"  hello\\n\")` is `\"hello\"`.",
        |_, args| string(text(args, 0)?.trim()),
    ),
    function(
        "trimsuffix",
        &[string_param("str"), string_param("suffix")],
        "Removes a suffix if it is there: `trimsuffix(\"helloworld\", \"world\")` is `\"hello\"`.",
        |_, args| string(text(args, 0)?.strip_suffix(text(args, 1)?).unwrap_or(text(args, 0)?)),
    ),
    function(
        "upper",
        &[string_param("str")],
        "The string in upper case: `upper(\"hello\")` is `\"HELLO\"`.",
        |_, args| string(text(args, 0)?.chars().map(upper_char).collect::<String>()),
    ),
];

fn chomp(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    string(text(args, 0)?.trim_end_matches(['\r', '\n']))
}

fn indent(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let text = text(args, 1)?;
    let spaces = usize::try_from(whole(args, 0)?).map_err(|_| Fault::at(0, "the count must not be negative"))?;
    let breaks = text.matches('\n').count();
    let length = spaces.checked_mul(breaks).filter(|added| *added <= limits::STRING_BYTES);
    if length.is_none() {
        return Err(Fault::call(format!("the result is longer than {} bytes", limits::STRING_BYTES)));
    }
    if breaks == 0 {
        return string(text);
    }
    string(text.replace('\n', &format!("\n{}", " ".repeat(spaces))))
}

fn join(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let separator = text(args, 0)?;
    if args.len() < 2 {
        return Err(Fault::call("at least one list is required"));
    }
    let mut parts = Vec::new();
    for at in 1..args.len() {
        for (index, item) in items(args, at)?.iter().enumerate() {
            let null = || Fault::at(at, format!("element {index} is null; cannot concatenate null values"));
            parts.push(item.as_str().ok_or_else(null)?);
        }
    }
    string(parts.join(separator))
}

fn split(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (separator, text) = (text(args, 0)?, text(args, 1)?);
    if separator.is_empty() {
        return string_list(text.chars());
    }
    string_list(text.split(separator))
}

fn substr(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (text, offset, length) = (text(args, 0)?, whole(args, 1)?, whole(args, 2)?);
    let characters: Vec<&str> = text.graphemes(true).collect();
    let count = characters.len();
    let start = match usize::try_from(offset) {
        Ok(start) => start.min(count),
        Err(_) => count.saturating_sub(usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    // Terraform takes a length of zero after a negative offset as "to the end"; texts rely on what it does.
    let rest = length < 0 || (length == 0 && offset < 0);
    let length = if rest { count } else { usize::try_from(length).unwrap_or(count) };
    string(characters[start..].iter().take(length).copied().collect::<String>())
}

fn title(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let mut inside = false;
    let mut result = String::new();
    for c in text(args, 0)?.chars() {
        result.push(if inside { c } else { title_char(c) });
        inside = !separates(c);
    }
    string(result)
}

/// Whether words end at it: as in Go, where Terraform's title comes from.
fn separates(c: char) -> bool {
    if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { !c.is_alphanumeric() && c.is_whitespace() }
}

/// The case of first letters: upper case, but for digraphs, which have one of their own, and for Georgian.
fn title_char(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჿ' => c,
        _ => upper_char(c),
    }
}

/// Upper case, character by character: where it would take several characters, the character stays.
fn upper_char(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

fn lower_char(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}
