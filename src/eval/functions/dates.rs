//! Functions of instants, in RFC 3339. No clock is read: the only instant that is not an argument is that of the plan.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::support::{Outcome, function, string, string_param, text};
use super::{CallContext, Fault, Function};
use crate::eval::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "formatdate",
        &[string_param("format"), string_param("time")],
        "An instant in a form of one's own, by `YYYY YY MMMM MMM MM M DD D EEEE EEE hh h HH H AA aa mm m ss s Z ZZZ \
         ZZZZ ZZZZZ` and text between apostrophes: `formatdate(\"DD MMM YYYY\", \"2018-01-02T23:12:01Z\")` is \
         `\"02 Jan 2018\"`.",
        formatdate,
    ),
    function(
        "plantimestamp",
        &[],
        "The instant the plan was made, the same throughout it: `\"2026-11-24T12:00:00Z\"`.",
        |context, _| string(rfc3339(context.plan_time.to_offset())),
    ),
    function(
        "timeadd",
        &[string_param("timestamp"), string_param("duration")],
        "An instant and a length of time, of the units `h m s ms us ns`: \
         `timeadd(\"2017-11-22T00:00:00Z\", \"10m\")` is `\"2017-11-22T00:10:00Z\"`.",
        timeadd,
    ),
    function(
        "timecmp",
        &[string_param("timestamp_a"), string_param("timestamp_b")],
        "-1, 0 or 1 as the first instant lies before, at or after the second: \
         `timecmp(\"2017-11-22T00:00:00Z\", \"2017-11-22T01:00:00Z\")` is `-1`.",
        |_, args| Ok(Value::number(instant(args, 0)?.cmp(&instant(args, 1)?) as i64)),
    ),
];

fn instant(args: &[Value], at: usize) -> Result<OffsetDateTime, Fault> {
    parse(text(args, at)?).map_err(|why| Fault::at(at, format!("not a valid RFC3339 timestamp: {why}")))
}

/// Reads an instant of RFC 3339 as strictly as Terraform: a capital T and Z, and a second below 60.
pub(super) fn parse(text: &str) -> Result<OffsetDateTime, String> {
    let mut reader = Parts { text, at: 0 };
    let year = reader.digits(4, "year")?;
    reader.literal("-")?;
    let month = reader.digits(2, "month")?;
    reader.literal("-")?;
    let day = reader.digits(2, "day of month")?;
    if !text[reader.at..].starts_with('T') {
        return Err("missing required time introducer 'T'".to_owned());
    }
    reader.at += 1;
    let hour = reader.ranged("hour", 23)?;
    reader.literal(":")?;
    let minute = reader.ranged("minute", 59)?;
    reader.literal(":")?;
    let second = reader.ranged("second", 59)?;
    let nanosecond = reader.fraction()?;
    let offset = reader.offset()?;
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).ok_or("month out of range")?;
    let date = Date::from_calendar_date(i32::from(year), month, day as u8).map_err(|_| "day out of range")?;
    let time = Time::from_hms_nano(hour, minute, second, nanosecond).map_err(|_| "time out of range")?;
    Ok(PrimitiveDateTime::new(date, time).assume_offset(offset))
}

/// Reads the parts of an instant one after the other.
struct Parts<'a> {
    text: &'a str,
    at: usize,
}

impl Parts<'_> {
    fn digits(&mut self, count: usize, part: &str) -> Result<u16, String> {
        let rest = &self.text[self.at..];
        let digits = rest.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let digits = digits.ok_or_else(|| match rest {
            "" => format!("end of string before {part}"),
            _ => format!("cannot use \"{rest}\" as {part}"),
        })?;
        self.at += count;
        digits.parse().map_err(|_| format!("cannot use \"{digits}\" as {part}"))
    }

    fn ranged(&mut self, part: &str, most: u16) -> Result<u8, String> {
        let value = self.digits(2, part)?;
        if value > most {
            return Err(format!("{part} must be between 0 and {most} inclusive"));
        }
        Ok(value as u8)
    }

    fn literal(&mut self, wanted: &str) -> Result<(), String> {
        let rest = &self.text[self.at..];
        if !rest.starts_with(wanted) {
            return Err(format!("found \"{rest}\" where \"{wanted}\" is expected"));
        }
        self.at += wanted.len();
        Ok(())
    }

    /// The fraction of a second in nanoseconds; digits beyond them do not count.
    fn fraction(&mut self) -> Result<u32, String> {
        let Some(rest) = self.text[self.at..].strip_prefix('.') else { return Ok(0) };
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return Err(format!("cannot use \".{rest}\" as UTC offset"));
        }
        self.at += 1 + length;
        let nanoseconds = format!("{:0<9}", &rest[..length.min(9)]);
        nanoseconds.parse().map_err(|_| format!("cannot use \".{rest}\" as fraction"))
    }

    fn offset(&mut self) -> Result<UtcOffset, String> {
        let rest = &self.text[self.at..];
        let fault = || match rest {
            "" => "end of string before UTC offset".to_owned(),
            _ => format!("cannot use \"{rest}\" as UTC offset"),
        };
        if rest == "Z" {
            return Ok(UtcOffset::UTC);
        }
        let sign: i8 = match rest.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(fault()),
        };
        self.at += 1;
        let hours = self.ranged("UTC offset", 23).map_err(|_| fault())?;
        self.literal(":").map_err(|_| fault())?;
        let minutes = self.ranged("UTC offset", 59).map_err(|_| fault())?;
        if self.at != self.text.len() {
            return Err(fault());
        }
        UtcOffset::from_hms(sign * hours as i8, sign * minutes as i8, 0).map_err(|_| fault())
    }
}

/// The instant in RFC 3339 to the second.
fn rfc3339(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = time.as_hms();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{}", zone(at.offset(), "Z", ":"))
}

/// The offset as `±hh:mm`, or the name of UTC.
fn zone(offset: UtcOffset, utc: &str, between: &str) -> String {
    if offset.is_utc() && !utc.is_empty() {
        return utc.to_owned();
    }
    let sign = if offset.is_negative() { '-' } else { '+' };
    let (hours, minutes, _) = offset.as_hms();
    format!("{sign}{:02}{between}{:02}", hours.unsigned_abs(), minutes.unsigned_abs())
}

fn timeadd(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let start = parse(text(args, 0)?);
    let start = start.map_err(|why| Fault::call(format!("not a valid RFC3339 timestamp: {why}")))?;
    let length = duration(text(args, 1)?).map_err(Fault::call)?;
    let sum = start.checked_add(time::Duration::nanoseconds(length)).filter(|sum| (0..=9999).contains(&sum.year()));
    string(rfc3339(sum.ok_or_else(|| Fault::call("the result is outside the years 0 to 9999"))?))
}

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Nanoseconds of a length of time as Go writes it: `1h30m`, `-1.5h`.
fn duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration \"{text}\"");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut rest = unsigned;
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let count_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (count, tail) = rest.split_at(count_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        if !count.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration \"{text}\""));
        }
        let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
        let scale = scale.ok_or_else(|| format!("time: unknown unit \"{unit}\" in duration \"{text}\""))?;
        total = scaled(count, scale).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
        rest = tail;
    }
    Ok(if text.starts_with('-') { -total } else { total })
}

/// A count with a fraction times a scale, cut to whole nanoseconds.
fn scaled(count: &str, scale: i64) -> Option<i64> {
    let (whole, fraction) = count.split_once('.').unwrap_or((count, ""));
    if fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()? };
    let mut part = 0;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        part += i64::from(digit - b'0') * place;
    }
    whole.checked_mul(scale)?.checked_add(part)
}

fn formatdate(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (format, at) = (text(args, 0)?, instant(args, 1)?);
    let mut out = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' => literal(rest, &mut out)?,
            _ if c.is_ascii_alphabetic() => {
                let length = rest.chars().take_while(|next| *next == c).count();
                out.push_str(&verb(&rest[..length], at)?);
                length
            }
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    string(out)
}

/// Text between apostrophes, two of which stand for one; returns how much was read.
fn literal(rest: &str, out: &mut String) -> Result<usize, Fault> {
    let mut at = 1;
    loop {
        let end = rest[at..].find('\'').ok_or_else(|| Fault::at(0, "unterminated literal '"))?;
        out.push_str(&rest[at..at + end]);
        at += end + 1;
        if !rest[at..].starts_with('\'') {
            return Ok(at);
        }
        out.push('\'');
        at += 1;
    }
}

fn verb(verb: &str, at: OffsetDateTime) -> Result<String, Fault> {
    let hour12 = (at.hour() + 11) % 12 + 1;
    let half = if at.hour() < 12 { "AM" } else { "PM" };
    let month = u8::from(at.month());
    let allowed = match verb {
        "YYYY" => return Ok(format!("{:04}", at.year())),
        "YY" => return Ok(format!("{:02}", at.year() % 100)),
        "MMMM" => return Ok(at.month().to_string()),
        "MMM" => return Ok(at.month().to_string().chars().take(3).collect()),
        "MM" => return Ok(format!("{month:02}")),
        "M" => return Ok(month.to_string()),
        "DD" => return Ok(format!("{:02}", at.day())),
        "D" => return Ok(at.day().to_string()),
        "EEEE" => return Ok(at.weekday().to_string()),
        "EEE" => return Ok(at.weekday().to_string().chars().take(3).collect()),
        "hh" => return Ok(format!("{:02}", at.hour())),
        "h" => return Ok(at.hour().to_string()),
        "HH" => return Ok(format!("{hour12:02}")),
        "H" => return Ok(hour12.to_string()),
        "AA" => return Ok(half.to_owned()),
        "aa" => return Ok(half.to_lowercase()),
        "mm" => return Ok(format!("{:02}", at.minute())),
        "m" => return Ok(at.minute().to_string()),
        "ss" => return Ok(format!("{:02}", at.second())),
        "s" => return Ok(at.second().to_string()),
        "Z" => return Ok(zone(at.offset(), "Z", ":")),
        "ZZZ" => return Ok(zone(at.offset(), "UTC", "")),
        "ZZZZ" => return Ok(zone(at.offset(), "", "")),
        "ZZZZZ" => return Ok(zone(at.offset(), "", ":")),
        _ => allowed(verb),
    };
    let colon = if allowed.is_empty() { "" } else { ": " };
    Err(Fault::at(0, format!("invalid date format verb \"{verb}\"{colon}{allowed}")))
}

/// What a letter may be repeated to.
fn allowed(verb: &str) -> &'static str {
    match verb.as_bytes().first() {
        Some(b'Y') => "year must either be \"YY\" or \"YYYY\"",
        Some(b'M') => "month must be \"M\", \"MM\", \"MMM\", or \"MMMM\"",
        Some(b'D') => "day of month must either be \"D\" or \"DD\"",
        Some(b'E') => "day of week must either be \"EEE\" or \"EEEE\"",
        Some(b'h') => "24-hour must either be \"h\" or \"hh\"",
        Some(b'H') => "12-hour must either be \"H\" or \"HH\"",
        Some(b'A') => "must be \"AA\"",
        Some(b'a') => "must be \"aa\"",
        Some(b'm') => "minute must either be \"m\" or \"mm\"",
        Some(b's') => "second must either be \"s\" or \"ss\"",
        Some(b'Z') => "timezone must be Z, ZZZZ, or ZZZZZ",
        _ => "",
    }
}
