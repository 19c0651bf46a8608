//! Instants and lengths of time as `cap` keeps them: whole milliseconds, UTC, RFC 3339 in text. No clock is read here.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

/// The first and the last instant that RFC 3339 can write.
const FIRST: OffsetDateTime = datetime!(0000-01-01 00:00:00 UTC);
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59.999 UTC);

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// A length of time in milliseconds; written `90s`, `15m`, `12h`, `30d`, or a sum like `1d12h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Duration(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The calendar's view. Instants outside the years 0 to 9999 become the nearest one within.
    pub fn to_offset(self) -> OffsetDateTime {
        let nearest = if self.0 < 0 { FIRST } else { LAST };
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
        at.map_or(nearest, |at| at.clamp(FIRST, LAST))
    }

    /// From the calendar's view, cut to milliseconds.
    pub fn from_offset(at: OffsetDateTime) -> Self {
        Self((at.unix_timestamp_nanos() / 1_000_000) as i64)
    }

    /// The time from `earlier` to this; negative when it lies before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1000)
    }

    /// From days of 24 hours.
    pub const fn from_days(days: i64) -> Self {
        Self(days * 86_400_000)
    }

    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// As the standard library's length; negative lengths are zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_offset().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

/// A text that is no instant or no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {expected}")]
pub struct TimeError {
    text: String,
    expected: &'static str,
}

impl FromStr for Timestamp {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(Self::from_offset)
            .map_err(|_| TimeError { text: text.to_owned(), expected: "an RFC 3339 time such as 2026-11-24T12:00:00Z" })
    }
}

const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1000)];

impl FromStr for Duration {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let fault = || TimeError { text: text.to_owned(), expected: "a length of time such as 90s, 12h or 30d" };
        let mut rest = text;
        let mut total: i64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fault)?;
            let count: i64 = rest[..digits].parse().map_err(|_| fault())?;
            let (unit, millis) = UNITS.iter().find(|(unit, _)| rest[digits..].starts_with(unit)).ok_or_else(fault)?;
            total = count.checked_mul(*millis).and_then(|part| total.checked_add(part)).ok_or_else(fault)?;
            rest = &rest[digits + unit.len()..];
        }
        if text.is_empty() { Err(fault()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

crate::as_text::serde_as_text!(Timestamp: "A time, RFC 3339 in UTC.", Duration: "A length of time: `90d`, `1h30m`, `250ms`.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_print_as_they_parse() {
        for text in ["90s", "30d", "1d12h", "15m", "250ms", "1d1h1m1s1ms"] {
            let span: Duration = text.parse().unwrap_or_default();
            assert_eq!(text.parse::<Duration>().map(|_| ()), Ok(()));
            assert_eq!(span.to_string().parse::<Duration>(), Ok(span));
        }
        for text in ["", "d", "5", "5 d", "5x", "-5d", "99999999999999999999d"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn instants_beyond_the_calendar_are_the_nearest_within() {
        let printed = |millis| Timestamp::from_millis(millis).to_string();
        assert_eq!(printed(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(printed(i64::MIN), "0000-01-01T00:00:00Z");
        assert_eq!(printed(-70_000_000_000_000), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_millis(i64::MAX).since(Timestamp::from_millis(i64::MIN)).millis(), i64::MAX);
    }

    #[test]
    fn instants_print_as_they_parse() {
        let at: Result<Timestamp, _> = "2026-11-24T12:00:00.5Z".parse();
        assert_eq!(at.map(|at| at.to_string()), Ok("2026-11-24T12:00:00.5Z".to_owned()));
    }
}
