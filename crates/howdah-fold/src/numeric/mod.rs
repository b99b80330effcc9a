//! Decimal numbers with PostgreSQL's rules of scale (src/backend/utils/adt/numeric.c).
//!
//! Sums and differences have the larger scale, products the sum of both; nothing is ever rounded.
//! NaN and the infinities are not held: whoever meets one leaves the batch to the server.

mod wire;

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::BigInt;

use crate::fault::Fault;

/// The largest display scale of a result (`NUMERIC_DSCALE_MAX`).
const MAX_SCALE: u32 = 16_383;

const SCALE: Fault = Fault("a numeric has more fraction digits than PostgreSQL keeps");

/// A finite decimal.
///
/// Its digits are kept at a scale of their own, mostly smaller than the one that is shown:
/// 106599.75 in a `numeric(38,18)` has 10 digits, not 24, so products of such numbers still fit.
#[derive(Debug, Clone)]
pub struct Decimal {
    digits: Digits,
    /// The value is digits · 10^-scale.
    scale: u16,
    /// PostgreSQL's display scale. Digits beyond it are zeros.
    shown: u16,
}

#[derive(Debug, Clone)]
enum Digits {
    /// Whatever fits.
    Small(i128),
    /// The rest; never a number that fits above.
    Big(Arc<BigInt>),
}

/// 10^n, for n below 39.
const fn powers() -> [i128; 39] {
    let mut out = [1_i128; 39];
    let mut n = 1;
    while n < 39 {
        out[n] = out[n - 1] * 10;
        n += 1;
    }
    out
}

const POWERS: [i128; 39] = powers();

fn power(n: u32) -> Option<i128> {
    POWERS.get(n as usize).copied()
}

impl Decimal {
    /// digits · 10^-scale.
    #[must_use]
    pub const fn new(digits: i128, scale: u16) -> Self {
        Self { digits: Digits::Small(digits), scale, shown: scale }
    }

    const fn shown_as(mut self, shown: u16) -> Self {
        self.shown = shown;
        self
    }

    fn big(digits: BigInt, scale: u16) -> Self {
        let digits = match i128::try_from(&digits) {
            Ok(digits) => Digits::Small(digits),
            Err(_) => Digits::Big(Arc::new(digits)),
        };
        Self { digits, scale, shown: scale }
    }

    fn digits(&self) -> BigInt {
        match &self.digits {
            Digits::Small(digits) => BigInt::from(*digits),
            Digits::Big(digits) => BigInt::clone(digits),
        }
    }

    /// Its digits at a scale that is not smaller than its own.
    fn digits_at(&self, scale: u16) -> BigInt {
        self.digits() * BigInt::from(10).pow(u32::from(scale - self.scale))
    }

    /// The digits of both at the larger scale, while they fit.
    fn aligned(&self, other: &Self) -> Option<(i128, i128)> {
        let (Digits::Small(a), Digits::Small(b)) = (&self.digits, &other.digits) else {
            return None;
        };
        match self.scale.cmp(&other.scale) {
            Ordering::Equal => Some((*a, *b)),
            Ordering::Less => {
                Some((a.checked_mul(power(u32::from(other.scale - self.scale))?)?, *b))
            }
            Ordering::Greater => {
                Some((*a, b.checked_mul(power(u32::from(self.scale - other.scale))?)?))
            }
        }
    }

    /// `self + other`.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        let sum = match self.aligned(other).and_then(|(a, b)| a.checked_add(b)) {
            Some(digits) => Self::new(digits, scale),
            None => Self::big(self.digits_at(scale) + other.digits_at(scale), scale),
        };
        sum.shown_as(self.shown.max(other.shown))
    }

    /// `self - other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        self.add(&other.negate())
    }

    /// `self * other`.
    pub fn multiply(&self, other: &Self) -> Result<Self, Fault> {
        let shown = u32::from(self.shown) + u32::from(other.shown);
        let scale = self.scale.checked_add(other.scale).ok_or(SCALE)?;
        if shown > MAX_SCALE {
            return Err(SCALE);
        }
        let product = match (&self.digits, &other.digits) {
            (Digits::Small(a), Digits::Small(b)) => a.checked_mul(*b),
            _ => None,
        };
        let product = match product {
            Some(digits) => Self::new(digits, scale),
            None => Self::big(self.digits() * other.digits(), scale),
        };
        Ok(product.shown_as(shown as u16))
    }

    /// `-self`.
    #[must_use]
    pub fn negate(&self) -> Self {
        let negated = match &self.digits {
            Digits::Small(digits) if *digits != i128::MIN => Self::new(-digits, self.scale),
            _ => Self::big(-self.digits(), self.scale),
        };
        negated.shown_as(self.shown)
    }

    /// `abs(self)`.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() { self.negate() } else { self.clone() }
    }

    fn is_negative(&self) -> bool {
        match &self.digits {
            Digits::Small(digits) => *digits < 0,
            Digits::Big(digits) => **digits < BigInt::ZERO,
        }
    }

    /// The order of the values; scales do not matter.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        if let Some((a, b)) = self.aligned(other) {
            return a.cmp(&b);
        }
        let scale = self.scale.max(other.scale);
        self.digits_at(scale).cmp(&other.digits_at(scale))
    }

    /// `round(self, scale)`: halves away from zero.
    #[must_use]
    pub fn round(&self, scale: u16) -> Self {
        if scale >= self.scale {
            return self.clone().shown_as(scale);
        }
        let factor = BigInt::from(10).pow(u32::from(self.scale - scale));
        let half: BigInt = &factor / 2;
        let half = if self.is_negative() { -half } else { half };
        Self::big((self.digits() + half) / factor, scale)
    }

    /// `trim_scale(self)`: the smallest scale that shows the value.
    #[must_use]
    pub fn trim(&self) -> Self {
        let (mut digits, mut scale) = (self.digits(), self.scale);
        while scale > 0 && (&digits % 10) == BigInt::ZERO {
            digits /= 10;
            scale -= 1;
        }
        Self::big(digits, scale)
    }

    /// The value as an integer, when it is one and fits.
    #[must_use]
    pub fn to_whole(&self) -> Option<i64> {
        let trimmed = self.trim();
        match trimmed.digits {
            Digits::Small(digits) if trimmed.scale == 0 => i64::try_from(digits).ok(),
            _ => None,
        }
    }

    /// Whether it has at most `whole` digits before the point.
    #[must_use]
    pub fn is_below(&self, whole: u16) -> bool {
        let limit = Self::big(BigInt::from(10).pow(u32::from(whole)), 0);
        self.abs().compare(&limit) == Ordering::Less
    }

    /// Reads `-12.50`; `None` for anything else (an exponent, for instance).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) =
            text.strip_prefix('-').map_or((false, text), |unsigned| (true, unsigned));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scale = u16::try_from(fraction.len()).ok().filter(|n| u32::from(*n) <= MAX_SCALE)?;
        let digits: BigInt = digits.parse().ok()?;
        Some(Self::big(if negative { -digits } else { digits }, scale))
    }

    /// A float as PostgreSQL casts it: 15 significant digits for `double precision`, 6 for `real`
    /// (`float8_numeric`, `float4_numeric`). `None` when it is not finite.
    #[must_use]
    pub fn from_float(value: f64, significant: usize) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value:.*e}", significant - 1);
        let (mantissa, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let number = Self::parse(mantissa)?;
        let scale = i32::from(number.scale) - exponent;
        let digits = number.digits();
        Some(if scale >= 0 {
            Self::big(digits, u16::try_from(scale).ok()?)
        } else {
            Self::big(digits * BigInt::from(10).pow(scale.unsigned_abs()), 0)
        })
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self::new(i128::from(value), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).expect(text)
    }

    fn shown(number: &Decimal) -> String {
        format!("{}e-{}", number.digits_at(number.scale.max(number.shown)), number.shown)
    }

    #[test]
    fn scales_follow_postgresql() {
        assert_eq!(shown(&number("1.50").add(&number("0.5"))), "200e-2");
        assert_eq!(shown(&number("1.50").multiply(&number("0.5")).expect("fits")), "750e-3");
        assert_eq!(shown(&number("1.5").subtract(&number("1.50"))), "0e-2");
        assert_eq!(shown(&number("1.500").trim()), "15e-1");
        assert_eq!(number("1.0").compare(&number("1.000")), Ordering::Equal);
        assert_eq!(number("-1.0").compare(&number("0.5")), Ordering::Less);
        assert_eq!(number("-7.000").to_whole(), Some(-7));
        assert_eq!(number("7.01").to_whole(), None);
    }

    #[test]
    fn large_numbers_stay_exact_and_come_back() {
        let large = number(&"9".repeat(78));
        let sum = large.add(&number("1"));
        assert_eq!(shown(&sum), format!("1{}e-0", "0".repeat(78)));
        assert_eq!(shown(&sum.subtract(&large)), "1e-0");
        assert!(matches!(sum.subtract(&large).digits, Digits::Small(1)));
        let product = large.multiply(&number("0.10")).expect("fits");
        assert_eq!((product.shown, product.trim().shown), (2, 1));
        assert_eq!(large.compare(&sum), Ordering::Less);
        assert!(large.is_below(78) && !large.is_below(77));
        assert_eq!(shown(&number("-2.50").round(0)), "-3e-0");
        assert_eq!(shown(&number("2.449").round(1)), "24e-1");
    }

    #[test]
    fn floats_have_the_digits_that_postgresql_shows() {
        let from = |value, digits| Decimal::from_float(value, digits).map(|n| shown(&n));
        assert_eq!(from(0.1, 15).as_deref(), Some("1e-1"));
        assert_eq!(from(3.333_333_333_333_333_5, 15).as_deref(), Some("333333333333333e-14"));
        assert_eq!(from(1e300, 15), Some(format!("1{}e-0", "0".repeat(300))));
        assert_eq!(from(-1e-300, 15).as_deref(), Some("-1e-300"));
        assert_eq!(from(-0.0, 15).as_deref(), Some("0e-0"));
        // Halves are rounded to even, as by printf.
        assert_eq!(from(1_000_000_000_000_005.0, 15).as_deref(), Some("1000000000000000e-0"));
        assert_eq!(from(1_000_000_000_000_015.0, 15).as_deref(), Some("1000000000000020e-0"));
        assert_eq!(from(f64::from(16_777_217.0_f32), 6).as_deref(), Some("16777200e-0"));
        assert_eq!(from(f64::NAN, 15), None);
    }
}
