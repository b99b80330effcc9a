//! PostgreSQL's binary `numeric` (`numeric_recv`, `numeric_send`): the number of base-10000
//! digits, the weight of the first, sign and display scale, then the digits, two bytes each.

use num_bigint::{BigInt, BigUint, Sign};

use super::{Decimal, Digits, power};
use crate::fault::Fault;

const NEGATIVE: u16 = 0x4000;
const MALFORMED: Fault = Fault("a numeric is not in PostgreSQL's binary form");
const INEXACT: Fault = Fault("a numeric does not fit the scale of its column");
const SPECIAL: Fault = Fault("a numeric is NaN or infinite");
const TOO_LARGE: Fault = Fault("value overflows numeric format");

/// 10^16, four base-10000 digits.
const FOUR_GROUPS: u128 = 10_000_000_000_000_000;
/// More base-10000 digits than `numeric_recv` takes; far beyond real numbers.
const MAX_GROUPS: usize = 3000;

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

impl Decimal {
    /// Reads a value; `scale` is that of its column when the column's type declares one, which is
    /// what the server would store.
    pub fn read(bytes: &[u8], scale: Option<u16>) -> Result<Self, Fault> {
        let header = |at| word(bytes, at).ok_or(MALFORMED);
        let groups = usize::from(header(0)?);
        let weight = i32::from(header(2)? as i16);
        let sign = header(4)?;
        if sign & 0xC000 == 0xC000 {
            return Err(SPECIAL);
        }
        let shown = match scale {
            Some(scale) => scale,
            None => header(6)?,
        };
        let digits = bytes.get(8..).filter(|rest| rest.len() == 2 * groups).ok_or(MALFORMED)?;
        if groups == 0 {
            return Ok(Self::new(0, 0).shown_as(shown));
        }
        let pairs = digits.as_chunks::<2>().0;
        if pairs.iter().any(|pair| u16::from_be_bytes(*pair) > 9999) {
            return Err(MALFORMED);
        }
        // The digits of the groups as they stand; zeros in front of the point are not among them.
        let behind = 4 * (groups as i32 - 1 - weight);
        let scale = u16::try_from(behind.max(0)).map_err(|_| MALFORMED)?;
        let zeros = (-behind).max(0).unsigned_abs();
        let negative = sign & NEGATIVE != 0;
        let number = if let Some(value) = small(pairs, zeros) {
            Self::new(if negative { -value } else { value }, scale)
        } else {
            large(pairs, zeros, scale, negative)?
        };
        // Digits of the last group that are not shown are zeros, or the server would round.
        if scale > shown && !number.is_exact_at(shown) {
            return Err(INEXACT);
        }
        Ok(number.shown_as(shown))
    }

    fn is_exact_at(&self, shown: u16) -> bool {
        let surplus = u32::from(self.scale - shown);
        match (&self.digits, power(surplus)) {
            (Digits::Small(digits), Some(power)) => digits % power == 0,
            _ => (self.digits() % BigInt::from(10).pow(surplus)) == BigInt::ZERO,
        }
    }

    /// Appends the value, without a length in front.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let scale = self.scale;
        // The fraction is filled up to whole groups.
        let fill = u32::from(scale.wrapping_neg() % 4);
        let mut groups: Vec<u16> = Vec::with_capacity(12);
        let magnitude = match &self.digits {
            Digits::Small(digits) => digits.unsigned_abs().checked_mul(10_u128.pow(fill)),
            Digits::Big(_) => None,
        };
        if let Some(magnitude) = magnitude {
            small_groups(magnitude, &mut groups);
        } else {
            let magnitude = self.digits().magnitude() * 10_u32.pow(fill);
            let radix = magnitude.to_radix_le(100);
            groups.extend(radix.chunks(2).map(|pair| {
                u16::from(pair[0]) + 100 * u16::from(pair.get(1).copied().unwrap_or(0))
            }));
        }
        while groups.last() == Some(&0) {
            groups.pop();
        }
        let behind = (u32::from(scale) + fill) as usize / 4;
        let weight = groups.len() as i64 - behind as i64 - 1;
        let zeros = groups.iter().take_while(|group| **group == 0).count();
        let kept = &groups[zeros..];
        if kept.len() > MAX_GROUPS {
            return Err(TOO_LARGE);
        }
        let weight = if kept.is_empty() { 0 } else { weight };
        out.extend_from_slice(&(kept.len() as u16).to_be_bytes());
        out.extend_from_slice(&i16::try_from(weight).map_err(|_| TOO_LARGE)?.to_be_bytes());
        let sign = if self.is_negative() { NEGATIVE } else { 0 };
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&self.shown.to_be_bytes());
        for group in kept.iter().rev() {
            out.extend_from_slice(&group.to_be_bytes());
        }
        Ok(())
    }
}

/// The whole number of the groups and of as many zeros behind them, when it fits.
fn small(pairs: &[[u8; 2]], zeros: u32) -> Option<i128> {
    if pairs.len() > 8 {
        return None;
    }
    let group = |pair: &[u8; 2]| u64::from(u16::from_be_bytes(*pair));
    let (head, tail) = pairs.split_at(pairs.len().min(4));
    let high = head.iter().fold(0, |value, pair| value * 10_000 + group(pair));
    let mut whole = i128::from(high);
    if !tail.is_empty() {
        let low = tail.iter().fold(0, |value, pair| value * 10_000 + group(pair));
        whole = whole * power(4 * tail.len() as u32)? + i128::from(low);
    }
    if zeros == 0 { Some(whole) } else { whole.checked_mul(power(zeros)?) }
}

fn large(pairs: &[[u8; 2]], zeros: u32, scale: u16, negative: bool) -> Result<Decimal, Fault> {
    let radix: Vec<u8> = pairs
        .iter()
        .flat_map(|pair| {
            let group = u16::from_be_bytes(*pair);
            [(group / 100) as u8, (group % 100) as u8]
        })
        .collect();
    let magnitude = BigUint::from_radix_be(&radix, 100).ok_or(MALFORMED)?;
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    let whole = BigInt::from_biguint(sign, magnitude);
    Ok(Decimal::big(whole * BigInt::from(10).pow(zeros), scale))
}

/// The groups of a number, the lowest first.
fn small_groups(mut magnitude: u128, groups: &mut Vec<u16>) {
    while magnitude > u128::from(u64::MAX) {
        let mut four = (magnitude % FOUR_GROUPS) as u64;
        magnitude /= FOUR_GROUPS;
        for _ in 0..4 {
            groups.push((four % 10_000) as u16);
            four /= 10_000;
        }
    }
    let mut rest = magnitude as u64;
    while rest > 0 {
        groups.push((rest % 10_000) as u16);
        rest /= 10_000;
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    fn round_trip(text: &str) {
        let number = Decimal::parse(text).expect(text);
        let mut out = Vec::new();
        number.write(&mut out).expect(text);
        let read = Decimal::read(&out, None).expect(text);
        assert_eq!(read.compare(&number), Ordering::Equal, "{text}");
        assert_eq!(read.shown, number.shown, "{text}");
    }

    fn words(text: &str) -> Vec<u16> {
        let mut out = Vec::new();
        Decimal::parse(text).expect(text).write(&mut out).expect(text);
        out.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn groups_are_those_of_the_server() {
        assert_eq!(words("0"), [0, 0, 0, 0]);
        assert_eq!(words("0.00"), [0, 0, 0, 2]);
        assert_eq!(words("12345.678"), [3, 1, 0, 3, 1, 2345, 6780]);
        assert_eq!(words("-0.00012"), [2, 0xFFFF, 0x4000, 5, 1, 2000]);
        assert_eq!(words("10000"), [1, 1, 0, 0, 1]);
        assert_eq!(words("120000.0"), [1, 1, 0, 1, 12]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "1",
            "-1",
            "9999",
            "10000",
            "0.0001",
            "0.00001",
            "123456789012345678.123456789",
            "170141183460469231731687303715884105727",
            "-170141183460469231731687303715884105728",
            "18446744073709551615",
            "18446744073709551616",
            "100000000000000000000000000000000000",
            "340282366920938463463374607431768211456.5",
            "10000000000000000",
            "0.10000000000000000",
            "1000000000000000000000000000000000000000000000000000000000000000000000000000",
        ] {
            round_trip(text);
        }
        round_trip(&format!("{}.{}", "7".repeat(60), "3".repeat(41)));
    }

    #[test]
    fn a_column_s_scale_is_taken_up() {
        let read = |text: &str, scale| {
            let mut out = Vec::new();
            Decimal::parse(text).expect(text).write(&mut out).expect(text);
            Decimal::read(&out, Some(scale))
        };
        assert_eq!(read("0.5", 18).expect("fits").shown, 18);
        assert_eq!(read("0.500", 1).expect("fits").shown, 1);
        assert!(read("0.55", 1).is_err());
        assert!(Decimal::read(&[0, 0, 0, 0, 0xC0, 0, 0, 0], None).is_err());
        assert!(Decimal::read(&[0, 1, 0, 0], None).is_err());
    }
}
