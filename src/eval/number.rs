//! Numbers: an integer where one fits, else a decimal, exact up to 153 digits: no binary floating point shows through.
//! Quotients, and what needs more digits, are rounded to 512 bits as Terraform's numbers are (see `precision`).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr as _;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive as _, Zero as _};

use super::precision;

/// Characters of a number that is read: beyond them only memory is spent.
const WRITTEN: usize = 8192;
/// The largest power of ten, up or down, that a number may reach: its text is printed in full.
const EXPONENT: i64 = 4096;

/// A number. Integers that fit are always [`Number::Int`], so equality and order are those of the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// An integer of 64 bits.
    Int(i64),
    /// Anything else.
    Decimal(Box<BigDecimal>),
}

impl Number {
    /// Reads a number as the language writes it: `12`, `-0.5`, `1e3`. `None` if it is no number or out of range.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(int) = text.parse() {
            // Rust takes a leading plus sign, the language does not.
            return (!text.starts_with('+')).then_some(Self::Int(int));
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let shaped = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
            && !digits.ends_with('.')
            && !digits.contains("_");
        if !shaped || text.len() > WRITTEN {
            return None;
        }
        Self::from_decimal(BigDecimal::from_str(text).ok()?)
    }

    /// The number of that value in its canonical form; `None` beyond what numbers may reach.
    pub fn from_decimal(decimal: BigDecimal) -> Option<Self> {
        if decimal.is_zero() {
            return Some(Self::Int(0));
        }
        let decimal = precision::kept(decimal);
        let (_, scale) = decimal.as_bigint_and_exponent();
        let magnitude = decimal.digits() as i64 - scale;
        if !(-EXPONENT..=EXPONENT).contains(&magnitude) {
            return None;
        }
        // Small integers come back to the small form, so that equal numbers are equal values.
        if magnitude <= 19
            && decimal.is_integer()
            && let Some(int) = decimal.to_i64()
        {
            return Some(Self::Int(int));
        }
        Some(Self::Decimal(Box::new(decimal.normalized())))
    }

    /// Reads a number as a string may hold one: besides what [`Number::parse`] takes, `+1`, `.5` and `5.`.
    pub fn from_text(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first() {
            Some(b'-') => ("-", &text[1..]),
            Some(b'+') => ("", &text[1..]),
            _ => ("", text),
        };
        if digits.starts_with(['+', '-']) {
            return None;
        }
        if let Some((mantissa, power)) =
            digits.split_once(['p', 'P']).filter(|(mantissa, _)| !mantissa.contains(['e', 'E']))
        {
            return Self::from_text(&[sign, mantissa].concat())?.times_power_of_two(power);
        }
        let (mantissa, exponent) = digits.split_at(digits.find(['e', 'E']).unwrap_or(digits.len()));
        let zero = if mantissa.starts_with('.') && mantissa.len() > 1 { "0" } else { "" };
        Self::parse(&[sign, zero, mantissa.strip_suffix('.').unwrap_or(mantissa), exponent].concat())
    }

    /// `1p3`: the number times a power of two, as Go reads numbers.
    fn times_power_of_two(&self, power: &str) -> Option<Self> {
        let exponent: i64 = power.parse().ok().filter(|exponent: &i64| exponent.abs() <= EXPONENT)?;
        let factor = Self::from(2).pow(&Self::Int(exponent.abs()))?;
        if exponent < 0 { self.div(&factor) } else { self.mul(&factor) }
    }

    /// The result of an operation on two decimals: where one of them is rounded already, on 512 bits of both.
    fn operate(&self, other: &Self, operation: impl Fn(BigDecimal, BigDecimal) -> BigDecimal) -> Option<Self> {
        let (a, b) = (self.to_decimal(), other.to_decimal());
        let exact = a.digits().max(b.digits()) <= precision::DIGITS;
        Self::from_decimal(if exact {
            operation(a, b)
        } else {
            operation(precision::rounded(&a), precision::rounded(&b))
        })
    }

    /// The number with the shortest decimal text of `float`; `None` if it is not finite.
    pub fn from_f64(float: f64) -> Option<Self> {
        if float.is_finite() { Self::parse(&float.to_string()) } else { None }
    }

    /// The value as a decimal.
    pub fn to_decimal(&self) -> BigDecimal {
        match self {
            Self::Int(int) => BigDecimal::from(*int),
            Self::Decimal(decimal) => (**decimal).clone(),
        }
    }

    /// The decimal with the fewest digits that means the number.
    pub fn to_shortest(&self) -> BigDecimal {
        precision::shortest(&self.to_decimal())
    }

    /// The integer, if it is one of 64 bits.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Decimal(_) => None,
        }
    }

    /// The nearest binary floating point number: only for functions that are defined on those.
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Int(int) => *int as f64,
            Self::Decimal(decimal) => decimal.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// Whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Decimal(decimal) => decimal.is_integer(),
        }
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        *self < Self::Int(0)
    }

    /// The sum; `None` beyond what numbers may reach. The other operations likewise.
    pub fn add(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) if let Some(sum) = a.checked_add(*b) => Some(Self::Int(sum)),
            _ => self.operate(other, |a, b| a + b),
        }
    }

    /// The difference.
    pub fn sub(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) if let Some(difference) = a.checked_sub(*b) => Some(Self::Int(difference)),
            _ => self.operate(other, |a, b| a - b),
        }
    }

    /// The product.
    pub fn mul(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) if let Some(product) = a.checked_mul(*b) => Some(Self::Int(product)),
            _ => self.operate(other, |a, b| a * b),
        }
    }

    /// The quotient, to 512 bits; `None` for division by zero too.
    pub fn div(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (_, Self::Int(0)) => None,
            (Self::Int(a), Self::Int(b)) if a.checked_rem(*b) == Some(0) => Some(Self::Int(a / b)),
            _ => Self::from_decimal(precision::quotient(&self.to_decimal(), &other.to_decimal())),
        }
    }

    /// The remainder of the truncated quotient: it has the sign of `self`. `None` for division by zero.
    pub fn rem(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (_, Self::Int(0)) => None,
            (Self::Int(a), Self::Int(b)) => Some(Self::Int(a.checked_rem(*b).unwrap_or(0))),
            _ => self.operate(other, |a, b| a % b),
        }
    }

    /// The power: exact for whole exponents up to 4096 as far as products are, else by binary floating point as in Terraform.
    pub fn pow(&self, exponent: &Self) -> Option<Self> {
        match exponent.to_i64() {
            Some(times @ 0..=EXPONENT) => {
                let mut result = Self::Int(1);
                let (mut base, mut times) = (self.clone(), times);
                while times > 0 {
                    if times & 1 == 1 {
                        result = result.mul(&base)?;
                    }
                    times >>= 1;
                    if times > 0 {
                        base = base.mul(&base)?;
                    }
                }
                Some(result)
            }
            _ => Self::from_f64(self.to_f64().powf(exponent.to_f64())),
        }
    }

    /// The negative.
    #[must_use]
    pub fn neg(&self) -> Self {
        match self {
            Self::Int(int) if let Some(negative) = int.checked_neg() => Self::Int(negative),
            // The negative of the smallest integer is within range, and so is that of every decimal.
            _ => Self::from_decimal(-self.to_decimal()).unwrap_or(Self::Int(0)),
        }
    }

    /// The largest integer that is not above it.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.rounded(RoundingMode::Floor)
    }

    /// The smallest integer that is not below it.
    #[must_use]
    pub fn ceil(&self) -> Self {
        self.rounded(RoundingMode::Ceiling)
    }

    fn rounded(&self, mode: RoundingMode) -> Self {
        match self {
            Self::Int(_) => self.clone(),
            Self::Decimal(decimal) => {
                Self::from_decimal(decimal.with_scale_round(0, mode)).unwrap_or_else(|| self.clone())
            }
        }
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<i32> for Number {
    fn from(int: i32) -> Self {
        Self::Int(int.into())
    }
}

impl From<usize> for Number {
    fn from(count: usize) -> Self {
        i64::try_from(count).map_or_else(|_| Self::Decimal(Box::new(BigInt::from(count).into())), Self::Int)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            _ => self.to_decimal().cmp(&other.to_decimal()),
        }
    }
}

impl fmt::Display for Number {
    /// The fewest digits that mean the number, never an exponent, as Terraform prints numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => int.fmt(f),
            Self::Decimal(decimal) => f.write_str(&precision::shortest(decimal).to_plain_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect(text)
    }

    #[test]
    fn numbers_print_all_digits_and_no_more() {
        for (text, expected) in [
            ("007", "7"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1E-2", "0.01"),
            ("-0", "0"),
            ("1e20", "100000000000000000000"),
            ("9223372036854775808", "9223372036854775808"),
            ("-0.0", "0"),
        ] {
            assert_eq!(number(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "+1", ".5", "1.", "0x10", "1_000", "NaN", "inf", " 1", "1e999999999", "--1"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn arithmetic_is_exact() {
        let op = |f: fn(&Number, &Number) -> Option<Number>, a: &str, b: &str| f(&number(a), &number(b));
        assert_eq!(op(Number::add, "0.1", "0.2"), Some(number("0.3")));
        assert_eq!(op(Number::add, "9223372036854775807", "1"), Some(number("9223372036854775808")));
        assert_eq!(op(Number::sub, "9223372036854775808", "1"), Some(Number::Int(i64::MAX)));
        assert_eq!(op(Number::mul, "1.5", "2"), Some(Number::Int(3)));
        assert_eq!(op(Number::div, "1", "8"), Some(number("0.125")));
        assert_eq!(op(Number::div, "1", "0"), None);
        assert_eq!(op(Number::rem, "-10", "3"), Some(Number::Int(-1)));
        assert_eq!(op(Number::rem, "10.5", "3"), Some(number("1.5")));
        assert_eq!(op(Number::pow, "2", "100"), Some(number("1267650600228229401496703205376")));
        assert_eq!(op(Number::pow, "2", "0.5"), Some(number("1.4142135623730951")));
        assert_eq!(op(Number::pow, "10", "5000"), None);
    }

    #[test]
    fn quotients_are_those_of_512_bits() {
        let third = number("1").div(&number("3")).expect("a quotient");
        let shown = format!("0.{}5", "3".repeat(154));
        assert_eq!(third.to_string(), shown);
        assert_eq!(number(&shown), third);
        assert_eq!(third.add(&third).and_then(|sum| sum.add(&third)), Some(number("1")));
        let tenth = number("0.1").div(&number("0.3")).expect("a quotient").to_string();
        assert_eq!(tenth, format!("0.{}", "3".repeat(154)));
        for (dividend, divisor) in [("10", "3"), ("2", "3"), ("1", "7"), ("1e30", "9"), ("-5", "11")] {
            let quotient = number(dividend).div(&number(divisor)).expect("a quotient");
            assert_eq!(quotient.mul(&number(divisor)), Some(number(dividend)), "{dividend} / {divisor}");
        }
        for (dividend, divisor, expected) in [("1", "10", "0.1"), ("3", "10", "0.3"), ("7", "8", "0.875")] {
            assert_eq!(number(dividend).div(&number(divisor)), Some(number(expected)));
        }
    }

    #[test]
    fn results_keep_as_many_digits_as_terraform_tells_apart() {
        let large = number("1e200");
        assert_eq!(large.add(&number("1")), Some(large.clone()));
        assert_eq!(large.mul(&number("10")), Some(number("1e201")));
        assert_eq!(number("1e100").add(&number("1")).map(|sum| sum == number("1e100")), Some(false));
        let long = format!("0.{}", "123456789".repeat(20));
        assert_eq!(number(&long).to_string().len(), "0.".len() + 155);
        assert_eq!(number(&long), number(&number(&long).to_string()));
    }

    #[test]
    fn strings_hold_numbers_with_less_care() {
        for (text, expected) in [("+1", "1"), (".5", "0.5"), ("-.5", "-0.5"), ("5.", "5"), ("5.e2", "500"), ("7", "7")]
        {
            assert_eq!(Number::from_text(text), Some(number(expected)), "{text}");
        }
        for text in ["", ".", "+", "-", "+-1", "-+1", "++1", "e5", ".e5", "1..", " 1", "0x1", "1_000"] {
            assert_eq!(Number::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn order_is_that_of_the_numbers() {
        assert!(number("1.5") < number("2") && number("1e30") > number("3") && number("-1e30") < number("-3"));
    }
}
