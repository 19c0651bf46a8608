//! `format` and `formatlist`: the verbs of Go's printf as Terraform has them, over exact numbers.

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Signed as _, Zero as _};
use unicode_segmentation::UnicodeSegmentation as _;

use super::support::{Outcome, any_param, string, string_list, string_param, text, variadic};
use super::{CallContext, Fault, Function, json};
use crate::eval::convert::convert;
use crate::eval::types::Type;
use crate::eval::value::Value;
use crate::limits;

pub(super) static FUNCTIONS: &[Function] = &[
    variadic(
        "format",
        &[string_param("format")],
        any_param("args").nullable(),
        "A text with values put in, by `%s %q %d %b %o %x %X %e %E %f %g %G %t %v %#v` and `%%`, with flags, width, \
         precision and `[n]` for the argument: `format(\"%s has %d\", \"Ann\", 3)` is `\"Ann has 3\"`.",
        |_, args| string(render(text(args, 0)?, &args[1..])?),
    ),
    variadic(
        "formatlist",
        &[string_param("format")],
        any_param("args").nullable(),
        "A list of texts, each formatted with one element of the lists given: \
         `formatlist(\"Hello, %s!\", [\"Ann\", \"Bob\"])` is `[\"Hello, Ann!\", \"Hello, Bob!\"]`.",
        formatlist,
    ),
];

fn formatlist(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let format = text(args, 0)?;
    let args = &args[1..];
    let mut rows: Option<(usize, usize)> = None;
    for (at, items) in args.iter().enumerate().filter_map(|(at, arg)| Some((at, arg.elements()?))) {
        match rows {
            Some((first, rows)) if rows != items.len() => {
                let (at, first, count) = (at + 1, first + 1, items.len());
                return Err(Fault::at(
                    at,
                    format!(
                        "argument {at} has length {count}, which is inconsistent with argument {first} of length {rows}"
                    ),
                ));
            }
            _ => rows = rows.or(Some((at, items.len()))),
        }
    }
    let mut texts = Vec::new();
    for row in 0..rows.map_or(1, |(_, rows)| rows) {
        let pick = |arg: &Value| arg.elements().map_or_else(|| arg.clone(), |items| items[row].clone());
        let picked: Vec<Value> = args.iter().map(pick).collect();
        let within = |fault: Fault| Fault::call(format!("error on format iteration {row}: {}", fault.message));
        texts.push(render(format, &picked).map_err(within)?);
    }
    string_list(texts)
}

/// One verb: `%-8.3[2]f`.
#[derive(Default)]
struct Verb<'a> {
    raw: &'a str,
    at: usize,
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
    mode: char,
}

/// The most a width or a precision may be: more is a slip, and would fill memory.
const WIDTH: usize = 4096;

fn render(format: &str, args: &[Value]) -> Result<String, Fault> {
    let (mut out, mut at, mut next, mut used) = (String::new(), 0, 0, 0);
    while let Some(start) = format[at..].find('%').map(|found| at + found) {
        out.push_str(&format[at..start]);
        let (verb, index, length) = parse(format, start)?;
        at = start + length;
        if verb.mode == '%' {
            out.push('%');
            continue;
        }
        let index = index.unwrap_or(next);
        let arg = args.get(index).ok_or_else(|| {
            let (raw, at, count) = (verb.raw, verb.at, args.len());
            Fault::call(format!(
                "not enough arguments for \"{raw}\" at {at}: need index {} but have {count} total",
                index + 1
            ))
        })?;
        out.push_str(&value(&verb, arg)?);
        if out.len() > limits::STRING_BYTES {
            return Err(Fault::call(format!("the result is longer than {} bytes", limits::STRING_BYTES)));
        }
        next = index + 1;
        used = used.max(next);
    }
    out.push_str(&format[at..]);
    if used < args.len() {
        let used = match used {
            0 => "no verbs in format string".to_owned(),
            _ => format!("only {used} used by format string"),
        };
        return Err(Fault::at(1, format!("too many arguments; {used}")));
    }
    Ok(out)
}

/// Reads the verb at `start`: the verb, the argument it names if it does, and its length.
fn parse(format: &str, start: usize) -> Result<(Verb<'_>, Option<usize>, usize), Fault> {
    let mut verb = Verb { at: start, ..Verb::default() };
    let mut at = start + 1;
    let ends = |at: usize| Fault::call(format!("invalid format string starting at offset {at}"));
    let unknown = |at: usize, c: char| Fault::call(format!("unrecognized format character '{c}' at offset {at}"));
    let peek = |at: usize| format[at..].chars().next().ok_or_else(|| ends(at));
    loop {
        match peek(at)? {
            '+' => verb.plus = true,
            '-' => verb.minus = true,
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            '#' => verb.sharp = true,
            _ => break,
        }
        at += 1;
    }
    verb.width = count(format, &mut at)?.unwrap_or(0);
    if peek(at)? == '.' {
        at += 1;
        // Zeros lead no precision but zero itself.
        let zeros = format[at..].bytes().take_while(|byte| *byte == b'0').count();
        at += zeros;
        verb.precision = Some(count(format, &mut at)?.unwrap_or(0));
    }
    let mut index = None;
    if peek(at)? == '[' {
        at += 1;
        let first = peek(at)?;
        let number = count(format, &mut at)?.filter(|number| *number > 0);
        index = Some(number.ok_or_else(|| unknown(at, first))? - 1);
        let close = peek(at)?;
        if close != ']' {
            return Err(unknown(at, close));
        }
        at += 1;
    }
    verb.mode = peek(at)?;
    if !verb.mode.is_ascii_alphabetic() && verb.mode != '%' {
        return Err(unknown(at, verb.mode));
    }
    at += 1;
    verb.raw = &format[start..at];
    Ok((verb, index, at - start))
}

/// The number at `at`, which moves behind it. A leading zero is a flag, and no number here.
fn count(format: &str, at: &mut usize) -> Result<Option<usize>, Fault> {
    let length = format[*at..].bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 || format[*at..].starts_with('0') {
        return Ok(None);
    }
    let number = format[*at..*at + length].parse().ok().filter(|number| *number <= WIDTH);
    *at += length;
    number.map(Some).ok_or_else(|| Fault::call(format!("a width or precision above {WIDTH} is not supported")))
}

fn value(verb: &Verb<'_>, arg: &Value) -> Result<String, Fault> {
    let unfit = |why: String| Fault::call(format!("unsupported value for \"{}\" at {}: {why}", verb.raw, verb.at));
    let to = match verb.mode {
        'v' => return as_is(verb, arg),
        't' => Type::Bool,
        'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => Type::Number,
        's' | 'q' => Type::String,
        mode => {
            let (raw, at) = (verb.raw, verb.at);
            return Err(Fault::call(format!("unsupported format verb '{mode}' in \"{raw}\" at offset {at}")));
        }
    };
    if arg.is_null() {
        return Err(unfit("null value cannot be formatted".to_owned()));
    }
    match convert(arg, &to).map_err(|error| unfit(error.to_string()))? {
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Number(number) if matches!(verb.mode, 'b' | 'd' | 'o' | 'x' | 'X') => {
            if !number.is_integer() {
                return Err(unfit("an integer is required".to_owned()));
            }
            Ok(integer(verb, &number.to_decimal().with_scale(0).into_bigint_and_exponent().0))
        }
        Value::Number(number) if verb.precision.is_none() => Ok(decimal(verb, &number.to_shortest())),
        Value::Number(number) => Ok(decimal(verb, &number.to_decimal())),
        Value::String(text) if verb.mode == 'q' => {
            let mut quoted = String::new();
            json::write_string(&mut quoted, &text);
            Ok(padded(verb, quoted))
        }
        Value::String(text) => Ok(padded(verb, cut(verb, &text))),
        _ => Err(unfit(format!("{to} required"))),
    }
}

/// `%v`: texts and numbers as they are, anything else as JSON; `%#v` is always JSON.
fn as_is(verb: &Verb<'_>, arg: &Value) -> Result<String, Fault> {
    match arg {
        Value::String(text) if !verb.sharp => Ok(padded(verb, text.to_string())),
        Value::Number(number) if !verb.sharp => {
            let shortest = Verb { mode: 'g', precision: None, ..Verb::default() };
            Ok(padded(verb, decimal(&shortest, &number.to_shortest())))
        }
        _ => Ok(padded(verb, json::to_json(arg)?)),
    }
}

fn cut(verb: &Verb<'_>, text: &str) -> String {
    match verb.precision {
        Some(most) => text.graphemes(true).take(most).collect(),
        None => text.to_owned(),
    }
}

fn padded(verb: &Verb<'_>, text: String) -> String {
    let missing = verb.width.saturating_sub(text.graphemes(true).count());
    match (verb.minus, verb.zero) {
        (true, _) => text + &" ".repeat(missing),
        (false, true) => "0".repeat(missing) + &text,
        (false, false) => " ".repeat(missing) + &text,
    }
}

fn sign(verb: &Verb<'_>, negative: bool) -> &'static str {
    match (negative, verb.plus, verb.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

fn integer(verb: &Verb<'_>, number: &BigInt) -> String {
    let (radix, prefix) = match verb.mode {
        'b' => (2, "0b"),
        'o' => (8, "0"),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        _ => (10, ""),
    };
    let prefix = if verb.sharp { prefix } else { "" };
    let mut digits = number.magnitude().to_str_radix(radix);
    if verb.mode == 'X' {
        digits.make_ascii_uppercase();
    }
    if verb.precision == Some(0) && number.is_zero() {
        return String::new();
    }
    let sign = sign(verb, number.is_negative());
    let mut zeros = verb.precision.unwrap_or(0).saturating_sub(digits.len());
    let missing = verb.width.saturating_sub(sign.len() + prefix.len() + zeros + digits.len());
    if verb.zero && !verb.minus && verb.precision.is_none() {
        zeros += missing;
    }
    let text = format!("{sign}{prefix}{}{digits}", "0".repeat(zeros));
    padded(&Verb { zero: false, width: verb.width, minus: verb.minus, ..Verb::default() }, text)
}

fn decimal(verb: &Verb<'_>, number: &BigDecimal) -> String {
    let magnitude = number.abs();
    let digits = match verb.mode {
        'f' => fixed(&magnitude, verb.precision.unwrap_or(6)),
        'e' | 'E' => exponent(&magnitude, Some(verb.precision.unwrap_or(6))),
        _ => general(&magnitude, verb.precision),
    };
    let digits = if verb.mode.is_uppercase() { digits.to_uppercase() } else { digits };
    let sign = sign(verb, number.is_negative());
    let missing = verb.width.saturating_sub(sign.len() + digits.len());
    match (verb.zero, verb.minus) {
        (true, _) => format!("{sign}{}{digits}", "0".repeat(missing)),
        (false, true) => format!("{sign}{digits}{}", " ".repeat(missing)),
        (false, false) => format!("{}{sign}{digits}", " ".repeat(missing)),
    }
}

fn fixed(number: &BigDecimal, places: usize) -> String {
    number.with_scale_round(places as i64, RoundingMode::HalfEven).to_plain_string()
}

/// The significant digits, and the power of ten of the first.
fn scientific(number: &BigDecimal) -> (String, i64) {
    if number.is_zero() {
        return ("0".to_owned(), 0);
    }
    let (digits, scale) = number.normalized().into_bigint_and_exponent();
    let digits = digits.magnitude().to_string();
    let power = digits.len() as i64 - 1 - scale;
    (digits, power)
}

/// `d.ddde±dd` with that many places, or as many as there are.
fn exponent(number: &BigDecimal, places: Option<usize>) -> String {
    let rounded = match places.and_then(|places| std::num::NonZeroU64::new(places as u64 + 1)) {
        Some(precision) => number.with_precision_round(precision, RoundingMode::HalfEven),
        None => number.clone(),
    };
    let (mut digits, power) = scientific(&rounded);
    let wanted = places.map_or(digits.len(), |places| places + 1);
    digits.push_str(&"0".repeat(wanted.saturating_sub(digits.len())));
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if power < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", power.unsigned_abs())
}

/// Whichever of the two is shorter, as `%g` has it.
fn general(number: &BigDecimal, precision: Option<usize>) -> String {
    let precision = precision.map(|precision| precision.max(1));
    let rounded = match precision.and_then(|precision| std::num::NonZeroU64::new(precision as u64)) {
        Some(precision) => number.with_precision_round(precision, RoundingMode::HalfEven),
        None => number.clone(),
    };
    let (digits, power) = scientific(&rounded);
    // Without a precision Go decides as if it were six, and with one as if it were no more than there are digits.
    let limit = precision.map_or(6, |precision| {
        if precision > digits.len() && digits.len() as i64 > power { digits.len() } else { precision }
    });
    if power < -4 || power >= limit as i64 { exponent(&rounded, None) } else { rounded.normalized().to_plain_string() }
}
