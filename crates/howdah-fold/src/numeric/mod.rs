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
const INEXACT: Fault = Fault("a numeric does not fit the scale of its column");

/// A finite decimal: digits · 10^-scale.
#[derive(Debug, Clone)]
pub struct Decimal(Digits);

#[derive(Debug, Clone)]
enum Digits {
    /// Whatever fits.
    Small { digits: i128, scale: u16 },
    /// The rest; never a number that fits above.
    Big(Arc<Big>),
}

#[derive(Debug)]
struct Big {
    digits: BigInt,
    scale: u16,
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
        Self(Digits::Small { digits, scale })
    }

    fn big(digits: BigInt, scale: u16) -> Self {
        match i128::try_from(&digits) {
            Ok(digits) => Self::new(digits, scale),
            Err(_) => Self(Digits::Big(Arc::new(Big { digits, scale }))),
        }
    }

    /// The number of fraction digits that it is shown with.
    #[must_use]
    pub fn scale(&self) -> u16 {
        match &self.0 {
            Digits::Small { scale, .. } => *scale,
            Digits::Big(big) => big.scale,
        }
    }

    fn digits(&self) -> BigInt {
        match &self.0 {
            Digits::Small { digits, .. } => BigInt::from(*digits),
            Digits::Big(big) => big.digits.clone(),
        }
    }

    /// Its digits at a scale that is not smaller than its own.
    fn digits_at(&self, scale: u16) -> BigInt {
        self.digits() * BigInt::from(10).pow(u32::from(scale - self.scale()))
    }

    /// The digits of both at the larger scale, while they fit.
    fn aligned(&self, other: &Self) -> Option<(i128, i128, u16)> {
        let (Digits::Small { digits: a, scale: s }, Digits::Small { digits: b, scale: t }) =
            (&self.0, &other.0)
        else {
            return None;
        };
        match s.cmp(t) {
            Ordering::Equal => Some((*a, *b, *s)),
            Ordering::Less => Some((a.checked_mul(power(u32::from(t - s))?)?, *b, *t)),
            Ordering::Greater => Some((*a, b.checked_mul(power(u32::from(s - t))?)?, *s)),
        }
    }

    /// `self + other`.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        if let Some((a, b, scale)) = self.aligned(other)
            && let Some(digits) = a.checked_add(b)
        {
            return Self::new(digits, scale);
        }
        let scale = self.scale().max(other.scale());
        Self::big(self.digits_at(scale) + other.digits_at(scale), scale)
    }

    /// `self - other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        self.add(&other.negate())
    }

    /// `self * other`.
    pub fn multiply(&self, other: &Self) -> Result<Self, Fault> {
        let scale = u32::from(self.scale()) + u32::from(other.scale());
        if scale > MAX_SCALE {
            return Err(SCALE);
        }
        let scale = scale as u16;
        if let (Digits::Small { digits: a, .. }, Digits::Small { digits: b, .. }) =
            (&self.0, &other.0)
            && let Some(digits) = a.checked_mul(*b)
        {
            return Ok(Self::new(digits, scale));
        }
        Ok(Self::big(self.digits() * other.digits(), scale))
    }

    /// `-self`.
    #[must_use]
    pub fn negate(&self) -> Self {
        match &self.0 {
            Digits::Small { digits, scale } if *digits != i128::MIN => Self::new(-digits, *scale),
            _ => Self::big(-self.digits(), self.scale()),
        }
    }

    /// `abs(self)`.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() { self.negate() } else { self.clone() }
    }

    fn is_negative(&self) -> bool {
        match &self.0 {
            Digits::Small { digits, .. } => *digits < 0,
            Digits::Big(big) => big.digits < BigInt::ZERO,
        }
    }

    /// The order of the values; scales do not matter.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        if let Some((a, b, _)) = self.aligned(other) {
            return a.cmp(&b);
        }
        let scale = self.scale().max(other.scale());
        self.digits_at(scale).cmp(&other.digits_at(scale))
    }

    /// The same value at another scale; an error when digits would be lost.
    pub fn rescale(&self, scale: u16) -> Result<Self, Fault> {
        if scale == self.scale() {
            return Ok(self.clone());
        }
        if scale > self.scale() {
            if let Digits::Small { digits, scale: own } = &self.0
                && let Some(factor) = power(u32::from(scale - own))
                && let Some(digits) = digits.checked_mul(factor)
            {
                return Ok(Self::new(digits, scale));
            }
            return Ok(Self::big(self.digits_at(scale), scale));
        }
        let less = u32::from(self.scale() - scale);
        if let Digits::Small { digits, .. } = &self.0
            && let Some(factor) = power(less)
        {
            let exact = digits % factor == 0;
            return if exact { Ok(Self::new(digits / factor, scale)) } else { Err(INEXACT) };
        }
        let factor = BigInt::from(10).pow(less);
        let digits = self.digits();
        if (&digits % &factor) != BigInt::ZERO {
            return Err(INEXACT);
        }
        Ok(Self::big(digits / factor, scale))
    }

    /// `round(self, scale)`: halves away from zero.
    #[must_use]
    pub fn round(&self, scale: u16) -> Self {
        if scale >= self.scale() {
            return self.rescale(scale).unwrap_or_else(|_| self.clone());
        }
        let factor = BigInt::from(10).pow(u32::from(self.scale() - scale));
        let digits = self.digits();
        let half: BigInt = &factor / 2;
        let half = if self.is_negative() { -half } else { half };
        Self::big((digits + half) / factor, scale)
    }

    /// `trim_scale(self)`: the smallest scale that shows the value.
    #[must_use]
    pub fn trim(&self) -> Self {
        let mut out = self.clone();
        if let Digits::Small { digits, scale } = &mut out.0 {
            while *scale > 0 && *digits % 10 == 0 {
                *digits /= 10;
                *scale -= 1;
            }
            return out;
        }
        while out.scale() > 0
            && let Ok(less) = out.rescale(out.scale() - 1)
        {
            out = less;
        }
        out
    }

    /// The value as a whole number, when it is one and fits.
    #[must_use]
    pub fn to_whole(&self) -> Option<i64> {
        match self.rescale(0).ok()?.0 {
            Digits::Small { digits, .. } => i64::try_from(digits).ok(),
            Digits::Big(_) => None,
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
        let scale = i32::from(number.scale()) - exponent;
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
        format!("{}e-{}", number.digits(), number.scale())
    }

    #[test]
    fn scales_follow_postgresql() {
        assert_eq!(shown(&number("1.50").add(&number("0.5"))), "200e-2");
        assert_eq!(shown(&number("1.50").multiply(&number("0.5")).expect("fits")), "750e-3");
        assert_eq!(shown(&number("1.5").subtract(&number("1.50"))), "0e-2");
        assert_eq!(shown(&number("1.500").trim()), "15e-1");
        assert_eq!(number("1.0").compare(&number("1.000")), Ordering::Equal);
        assert_eq!(number("-1.0").compare(&number("0.5")), Ordering::Less);
        assert!(number("1.25").rescale(1).is_err());
    }

    #[test]
    fn large_numbers_stay_exact_and_come_back() {
        let large = number(&"9".repeat(78));
        let sum = large.add(&number("1"));
        assert_eq!(shown(&sum), format!("1{}e-0", "0".repeat(78)));
        assert_eq!(shown(&sum.subtract(&large)), "1e-0");
        assert!(matches!(sum.subtract(&large).0, Digits::Small { .. }));
        let product = large.multiply(&number("0.10")).expect("fits");
        assert_eq!(product.scale(), 2);
        assert_eq!(product.trim().scale(), 1);
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
