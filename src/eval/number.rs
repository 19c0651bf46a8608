//! Exact numbers: an integer where one fits, else a decimal of any length. No binary floating point shows through.

use bigdecimal::BigDecimal;

/// A number. Integers that fit are always [`Number::Int`], so equality and order are those of the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// An integer of 64 bits.
    Int(i64),
    /// Anything else.
    Decimal(Box<BigDecimal>),
}
