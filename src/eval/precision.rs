//! The precision of numbers: what a decimal cannot hold exactly is rounded to 512 bits, as Terraform's numbers are, and
//! written with the fewest digits that mean it.
//!
//! A decimal of at most [`DIGITS`] digits is the only one of so few that means its 512 bits, so it stands for them and
//! stays exact. Whatever needs more digits is kept as the exact value of the 512 bits.

use std::cmp::Ordering;

use bigdecimal::num_bigint::{BigInt, BigUint, Sign};
use bigdecimal::{BigDecimal, Signed as _, Zero as _};

/// Bits of a number.
const BITS: u64 = 512;
/// Significant digits that every decimal of so many keeps through 512 bits.
pub(super) const DIGITS: u64 = 153;

/// A whole number of so many bits times a power of two.
struct Binary {
    sign: Sign,
    mantissa: BigUint,
    exponent: i64,
}

/// The number that a decimal means: itself, where it is short.
pub(super) fn kept(decimal: BigDecimal) -> BigDecimal {
    if decimal.digits() <= DIGITS {
        return decimal;
    }
    let decimal = decimal.normalized();
    if decimal.digits() <= DIGITS { decimal } else { binary(&decimal).canonical() }
}

/// The decimal as the operand of an operation that rounds: the exact value of its 512 bits.
pub(super) fn rounded(decimal: &BigDecimal) -> BigDecimal {
    binary(decimal).exact()
}

/// The quotient as the number that is kept of it; the divisor is not zero.
pub(super) fn quotient(dividend: &BigDecimal, divisor: &BigDecimal) -> BigDecimal {
    let (above, above_scale) = rounded(dividend).into_bigint_and_exponent();
    let (below, below_scale) = rounded(divisor).into_bigint_and_exponent();
    let scale = above_scale - below_scale;
    nearest(&(above * power_of_ten(-scale)), &(below * power_of_ten(scale))).canonical()
}

/// The decimal with the fewest digits that means the number.
pub(super) fn shortest(decimal: &BigDecimal) -> BigDecimal {
    if decimal.digits() <= DIGITS { decimal.clone() } else { binary(decimal).shortest() }
}

/// Ten to a power; one where the power is negative.
fn power_of_ten(power: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(power).unwrap_or(0))
}

fn binary(decimal: &BigDecimal) -> Binary {
    let (digits, scale) = decimal.as_bigint_and_exponent();
    nearest(&(digits * power_of_ten(-scale)), &power_of_ten(scale))
}

/// The fraction to so many bits, halves to even.
fn nearest(above: &BigInt, below: &BigInt) -> Binary {
    let sign = if above.is_negative() == below.is_negative() { Sign::Plus } else { Sign::Minus };
    let (above, below) = (above.magnitude(), below.magnitude());
    if above.is_zero() {
        return Binary { sign, mantissa: BigUint::default(), exponent: 0 };
    }
    // One bit more or less comes out, as the leading bits fall.
    let guess = bits(above) - bits(below) - i64::try_from(BITS).unwrap_or(i64::MAX);
    let exponent = if shifted(above, below, guess).0.bits() > BITS { guess + 1 } else { guess };
    let (exponent, (mut mantissa, rest, divisor)) = match shifted(above, below, exponent) {
        short if short.0.bits() < BITS => (exponent - 1, shifted(above, below, exponent - 1)),
        fits => (exponent, fits),
    };
    match (rest * 2_u8).cmp(&divisor) {
        Ordering::Greater => mantissa += 1_u8,
        Ordering::Equal if mantissa.bit(0) => mantissa += 1_u8,
        _ => {}
    }
    Binary { sign, mantissa, exponent }
}

fn bits(number: &BigUint) -> i64 {
    i64::try_from(number.bits()).unwrap_or(i64::MAX)
}

/// `above / (below · 2^exponent)`: the whole part, the rest, and what the rest is a part of.
fn shifted(above: &BigUint, below: &BigUint, exponent: i64) -> (BigUint, BigUint, BigUint) {
    let by = exponent.unsigned_abs();
    let (above, below) = if exponent < 0 { (above << by, below.clone()) } else { (above.clone(), below << by) };
    (&above / &below, &above % &below, below)
}

/// `mantissa · 2^exponent`, exactly.
fn exact(sign: Sign, mantissa: &BigUint, exponent: i64) -> BigDecimal {
    let by = exponent.unsigned_abs();
    if exponent >= 0 {
        return BigDecimal::new(BigInt::from_biguint(sign, mantissa << by), 0);
    }
    let fives = BigUint::from(5_u8).pow(u32::try_from(by).unwrap_or(u32::MAX));
    BigDecimal::new(BigInt::from_biguint(sign, mantissa * fives), -exponent).normalized()
}

impl Binary {
    fn exact(&self) -> BigDecimal {
        exact(self.sign, &self.mantissa, self.exponent)
    }

    /// The form that is kept: the shortest decimal where it is short, else the exact value.
    fn canonical(&self) -> BigDecimal {
        let exact = self.exact();
        if exact.digits() <= DIGITS {
            return exact;
        }
        let short = self.shortest();
        if short.digits() <= DIGITS { short } else { exact }
    }

    /// The decimal with the fewest digits between the halves of the way to the neighbours on both sides.
    fn shortest(&self) -> BigDecimal {
        let halves = &self.mantissa << 1_u8;
        let at = |mantissa: BigUint| Digits::of(&exact(Sign::Plus, &mantissa, self.exponent - 1));
        let (own, lower, upper) = (at(halves.clone()), at(&halves - 1_u8), at(&halves + 1_u8));
        // The halves of the way round to even: to this number where it is even.
        let inclusive = !self.mantissa.bit(0);
        for at in 0..own.digits.len() {
            let down = lower.at(at) != own.at(at) || (inclusive && at + 1 == lower.digits.len());
            let up = own.at(at) != upper.at(at)
                && (inclusive || own.at(at) + 1 < upper.at(at) || at + 1 < upper.digits.len());
            if down || up {
                let upwards = if down && up { own.rounds_up(at + 1) } else { up };
                return own.cut(at + 1, upwards, self.sign);
            }
        }
        self.exact()
    }
}

/// The digits of a number, the first of them not zero, and how many stand behind the point.
struct Digits {
    digits: Vec<u8>,
    scale: i64,
}

impl Digits {
    fn of(decimal: &BigDecimal) -> Self {
        let (number, scale) = decimal.normalized().into_bigint_and_exponent();
        Self { digits: number.magnitude().to_radix_be(10), scale }
    }

    fn at(&self, at: usize) -> u8 {
        self.digits.get(at).copied().unwrap_or(0)
    }

    /// Whether so many digits are nearer to the number when the last of them is raised; of halves the even one is.
    fn rounds_up(&self, count: usize) -> bool {
        match self.at(count).cmp(&5) {
            Ordering::Equal if count + 1 == self.digits.len() => count > 0 && self.at(count - 1) % 2 == 1,
            order => order.is_ge(),
        }
    }

    /// The first so many digits, the last of them raised or not.
    fn cut(&self, count: usize, raised: bool, sign: Sign) -> BigDecimal {
        let number = BigUint::from_radix_be(&self.digits[..count], 10).unwrap_or_default() + u8::from(raised);
        let dropped = i64::try_from(self.digits.len() - count).unwrap_or(0);
        BigDecimal::new(BigInt::from_biguint(sign, number), self.scale - dropped).normalized()
    }
}
