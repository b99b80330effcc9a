//! Decimal text, taken apart without losing a digit: numbers and epochs are read through it.

use std::cmp::Ordering;

/// Exponents beyond this are out of range of everything; it keeps sums of exponents small.
const MAX_EXPONENT: i64 = 1_000_000;

/// The parts of a decimal text: sign, digits before and after the point, exponent of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal<'a> {
    /// Whether a minus sign stands in front.
    pub(crate) negative: bool,
    /// Digits before the point, as ASCII.
    pub(crate) whole: &'a [u8],
    /// Digits after the point, as ASCII.
    pub(crate) fraction: &'a [u8],
    /// The exponent after `e`; 0 when there is none, held within a million either way.
    pub(crate) exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Takes `[+-]digits[.digits][e[+-]digits]` apart; one side of the point may be empty, as in
    /// PostgreSQL. `None` when the text is anything else.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, bytes) = sign(bytes);
        let (whole, rest) = digits(bytes);
        let (fraction, rest) = match rest.split_first() {
            Some((b'.', rest)) => digits(rest),
            _ => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest.split_first() {
            None => 0,
            Some((b'e' | b'E', rest)) => exponent(rest)?,
            Some(_) => return None,
        };
        Some(Self { negative, whole, fraction, exponent })
    }

    /// The digits without the point, from the first that is not zero, and the power of ten of that
    /// first digit; `None` for zero.
    pub(crate) fn significant(&self) -> Option<(impl Iterator<Item = u8> + 'a, usize, i64)> {
        let all = self.whole.len() + self.fraction.len();
        let (whole, fraction) = (self.whole, self.fraction);
        let at = move |i: usize| {
            if i < whole.len() { whole[i] } else { fraction[i - whole.len()] }
        };
        let first = (0..all).find(|i| at(*i) != b'0')?;
        let top = whole.len() as i64 - 1 - first as i64 + self.exponent;
        let digits = (first..all).map(move |i| at(i) - b'0');
        Some((digits, all - first, top))
    }

    /// How many digits stand after the point once the exponent is applied.
    pub(crate) fn scale(&self) -> i64 {
        (self.fraction.len() as i64 - self.exponent).max(0)
    }

    /// The value times `10^shift`, rounded to the nearest integer, halves to even; `None` when it
    /// leaves `i128`.
    pub(crate) fn scaled(&self, shift: i64) -> Option<i128> {
        let Some((digits, count, top)) = self.significant() else { return Some(0) };
        let top = top + shift;
        if top >= 38 {
            return None;
        }
        if top < -1 {
            return Some(0);
        }
        let kept = (top + 1) as usize;
        let mut value: i128 = 0;
        let (mut half, mut beyond) = (0_u8, false);
        for (i, digit) in digits.enumerate() {
            match i.cmp(&kept) {
                Ordering::Less => value = value * 10 + i128::from(digit),
                Ordering::Equal => half = digit,
                Ordering::Greater => beyond |= digit != 0,
            }
        }
        for _ in count..kept {
            value *= 10;
        }
        if half > 5 || (half == 5 && (beyond || value % 2 == 1)) {
            value += 1;
        }
        Some(if self.negative { -value } else { value })
    }
}

fn sign(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, bytes),
    }
}

fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len());
    bytes.split_at(end)
}

fn exponent(bytes: &[u8]) -> Option<i64> {
    let (negative, bytes) = sign(bytes);
    let (digits, rest) = digits(bytes);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let value = digits
        .iter()
        .fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(MAX_EXPONENT));
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed parse fails the test")]

    use super::Decimal;

    #[test]
    fn takes_what_postgresql_takes() {
        for text in ["1", "+1", "-1.5", ".5", "5.", "1e3", "1.25E-7", "000.100"] {
            assert!(Decimal::parse(text).is_some(), "{text}");
        }
        for text in ["", ".", "-", "1e", "1e+", "e5", "1 ", "0x1", "1_000", "1.2.3", "--1"] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn scaled_rounds_halves_to_even() {
        let scaled = |text: &str, shift| Decimal::parse(text).unwrap().scaled(shift);
        assert_eq!(scaled("1723161255.342", 6), Some(1_723_161_255_342_000));
        assert_eq!(scaled("1.5", 0), Some(2));
        assert_eq!(scaled("2.5", 0), Some(2));
        assert_eq!(scaled("2.51", 0), Some(3));
        assert_eq!(scaled("-0.5", 0), Some(0));
        assert_eq!(scaled("0.6", 0), Some(1));
        assert_eq!(scaled("0.04", 0), Some(0));
        assert_eq!(scaled("1.7e9", 6), Some(1_700_000_000_000_000));
        assert_eq!(scaled("1e40", 0), None);
        assert_eq!(scaled("0e999999999999", 0), Some(0));
    }
}
