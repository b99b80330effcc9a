//! Decimal text → PostgreSQL's binary `numeric`, digit by digit.
//!
//! The format is that of `numeric_recv` (src/backend/utils/adt/numeric.c): number of base-10000
//! digits, weight of the first one, sign, display scale, then the digits, each two bytes.

use bytes::BufMut as _;

use super::decimal::Decimal;
use super::fault::Fault;

/// `numeric_recv` takes at most this many base-10000 digits.
const MAX_GROUPS: i64 = 3000;
/// The largest display scale that fits into a stored numeric.
const MAX_SCALE: i64 = 16_383;
/// The largest weight of a base-10000 digit.
const MAX_WEIGHT: i64 = 32_767;

/// Longer texts of digits are read like any other number.
const MAX_SHORT: usize = 80;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// Writes `text` as numeric; `limit` is the column's precision and scale.
///
/// PostgreSQL would round surplus fraction digits away in silence; a system of record must not, so
/// they are refused (`lossy_numeric`) unless they are zeros.
pub(crate) fn encode(
    text: &str,
    limit: Option<(u16, i16)>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let text = text.trim_ascii();
    if is_short_integer(text, limit) {
        encode_digits(text.as_bytes(), out);
        return Ok(());
    }
    let Some(decimal) = Decimal::parse(text) else { return encode_special(text, limit, out) };
    let scale = decimal.scale();
    let Some((digits, count, top)) = decimal.significant() else {
        put_header(out, 0, 0, 0, scale.min(MAX_SCALE) as u16);
        return Ok(());
    };
    // The power of ten of the last digit that is not zero is only needed against a limit.
    if let Some((precision, column_scale)) = limit {
        check_limit(&decimal, top, i64::from(precision), i64::from(column_scale))?;
    }
    if scale > MAX_SCALE && limit.is_none() {
        return Err(Fault::out_of_range("has more fraction digits than numeric can hold"));
    }
    let weight = top.div_euclid(4);
    if weight > MAX_WEIGHT {
        return Err(Fault::out_of_range("is larger than numeric can hold"));
    }
    let header = out.len();
    let sign = if decimal.negative { NEGATIVE } else { 0 };
    put_header(out, 0, weight, sign, scale.min(MAX_SCALE) as u16);
    let groups = put_groups(digits, count, (top.rem_euclid(4) + 1) as u32, out)?;
    out[header..header + 2].copy_from_slice(&(groups as u16).to_be_bytes());
    Ok(())
}

/// Whether the text is digits only, not many, and as many as the column holds.
fn is_short_integer(text: &str, limit: Option<(u16, i16)>) -> bool {
    let room = match limit {
        None => MAX_SHORT,
        Some((precision, scale)) if scale >= 0 => precision.saturating_sub(scale as u16).into(),
        Some(_) => 0,
    };
    (1..=room.min(MAX_SHORT)).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Writes a text of at most [`MAX_SHORT`] digits, which is most of what counters and blockchains
/// send.
fn encode_digits(digits: &[u8], out: &mut Vec<u8>) {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let significant = &digits[zeros..];
    let (lead, rest) = significant.split_at(significant.len() % 4);
    let (fours, _) = rest.as_chunks::<4>();
    let value = |digits: &[u8]| digits.iter().fold(0, |sum, d| sum * 10 + u16::from(d - b'0'));
    let mut groups = [0_u16; MAX_SHORT / 4 + 1];
    let mut count = 0;
    if !lead.is_empty() {
        groups[0] = value(lead);
        count = 1;
    }
    for four in fours {
        groups[count] = value(four);
        count += 1;
    }
    let weight = count as i64 - 1;
    while count > 0 && groups[count - 1] == 0 {
        count -= 1;
    }
    put_header(out, count as u16, weight.max(0), 0, 0);
    for group in &groups[..count] {
        out.put_u16(*group);
    }
}

/// Writes the base-10000 digits without trailing zeros and returns how many there are; the first
/// group has `lead` decimal digits.
fn put_groups(
    digits: impl Iterator<Item = u8>,
    count: usize,
    lead: u32,
    out: &mut Vec<u8>,
) -> Result<i64, Fault> {
    let start = out.len();
    let mut kept = start;
    let mut missing = lead;
    let mut group = 0_u16;
    let mut put = |group: u16, out: &mut Vec<u8>| {
        out.put_u16(group);
        if group != 0 {
            kept = out.len();
        }
    };
    for digit in digits {
        group = group * 10 + u16::from(digit);
        missing -= 1;
        if missing == 0 {
            put(group, out);
            (group, missing) = (0, 4);
        }
    }
    if missing < 4 && count > 0 {
        put(group * 10_u16.pow(missing), out);
    }
    out.truncate(kept);
    let groups = (kept - start) as i64 / 2;
    if groups > MAX_GROUPS {
        return Err(Fault::out_of_range("has more digits than numeric takes in binary form"));
    }
    Ok(groups)
}

fn check_limit(decimal: &Decimal<'_>, top: i64, precision: i64, scale: i64) -> Result<(), Fault> {
    if top + 1 > precision - scale {
        return Err(Fault::out_of_range("has more digits before the point than the column holds"));
    }
    if decimal.fraction.len() as i64 - decimal.exponent <= scale {
        return Ok(());
    }
    // The lowest digit stands for 10^-scale in the column; all below it must be zero.
    let below = (decimal.fraction.len() as i64 - decimal.exponent - scale) as usize;
    let digits = decimal.whole.iter().chain(decimal.fraction);
    if digits.rev().take(below).any(|digit| *digit != b'0') {
        return Err(Fault::new("lossy_numeric", "has more fraction digits than the column holds"));
    }
    Ok(())
}

fn encode_special(text: &str, limit: Option<(u16, i16)>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (negative, name) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let infinite = ["inf", "infinity"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let sign = match (infinite, negative) {
        (true, true) => NEGATIVE_INFINITY,
        (true, false) => INFINITY,
        (false, _) if text.eq_ignore_ascii_case("nan") => NAN,
        (false, _) => return Err(Fault::wrong_type("is not a number")),
    };
    if infinite && limit.is_some() {
        return Err(Fault::out_of_range(
            "is infinite, which a column with a precision cannot hold",
        ));
    }
    put_header(out, 0, 0, sign, 0);
    Ok(())
}

fn put_header(out: &mut Vec<u8>, groups: u16, weight: i64, sign: u16, scale: u16) {
    out.put_u16(groups);
    out.put_i16(weight as i16);
    out.put_u16(sign);
    out.put_u16(scale);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed encode fails the test")]

    use super::*;

    fn words(text: &str, limit: Option<(u16, i16)>) -> Result<Vec<u16>, Fault> {
        let mut out = Vec::new();
        encode(text, limit, &mut out)?;
        Ok(out.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
    }

    #[test]
    fn digits_are_grouped_by_ten_thousand_from_the_point() {
        assert_eq!(words("0", None).unwrap(), [0, 0, 0, 0]);
        assert_eq!(words("0.00", None).unwrap(), [0, 0, 0, 2]);
        assert_eq!(words("12345.678", None).unwrap(), [3, 1, 0, 3, 1, 2345, 6780]);
        assert_eq!(words("-0.00012", None).unwrap(), [2, 0xFFFF, 0x4000, 5, 1, 2000]);
        assert_eq!(words("10000", None).unwrap(), [1, 1, 0, 0, 1]);
        assert_eq!(words("1e4", None).unwrap(), [1, 1, 0, 0, 1]);
        assert_eq!(words("1.5e-3", None).unwrap(), [1, 0xFFFF, 0, 4, 15]);
        assert_eq!(words("000120000.0", None).unwrap(), [1, 1, 0, 1, 12]);
    }

    #[test]
    fn what_the_column_cannot_hold_is_refused() {
        let code = |text, limit| words(text, Some(limit)).unwrap_err().code;
        assert_eq!(code("0.123456789", (18, 8)), "lossy_numeric");
        assert_eq!(code("12345678901.0", (18, 8)), "out_of_range");
        assert_eq!(code("0.01", (3, 5)), "out_of_range");
        assert_eq!(code("149", (3, -1)), "lossy_numeric");
        assert!(words("0.123456780000", Some((18, 8))).is_ok());
        assert!(words("0.00999", Some((3, 5))).is_ok());
        assert!(words("140", Some((3, -1))).is_ok());
        assert_eq!(words("1,5", None).unwrap_err().code, "wrong_type");
        assert_eq!(words("Infinity", Some((3, 1))).unwrap_err().code, "out_of_range");
    }

    #[test]
    fn seventy_eight_digits_stay_exact() {
        let text = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        let words = words(text, Some((78, 0))).unwrap();
        assert_eq!(words[0], 20);
        assert_eq!(&words[4..7], [11, 5792, 892]);
        assert_eq!(words[23], 9935);
    }
}
