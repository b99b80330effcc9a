//! Whole numbers from 0 to 2²⁵⁶−1, as `0x` and hexadecimal digits or as decimal ones.
//!
//! So blockchains write their numbers: a quantity of JSON-RPC is hexadecimal, an amount is decimal
//! and in quotes. A JSON number is taken when it has digits only.

use bytes::BufMut as _;
use howdah_system::{ColumnType, ReadAs};

use super::fault::Fault;
use super::value::Value;
use super::{hex, numeric, scalar, time};

/// 2²⁵⁶−1.
const MAX: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
const MAX_HEX_DIGITS: usize = 64;

/// Writes the number as the column has it: a number, a text of decimal digits, or a time as
/// seconds since 1970.
pub(super) fn encode(kind: &ColumnType, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let scalar = value.scalar()?;
    let text = scalar.text("is not a whole number")?;
    let mut buffer = [0; MAX.len()];
    let digits = canonical(text, &mut buffer)?;
    match kind {
        ColumnType::Int2 => scalar::encode_integer(digits, 2, out),
        ColumnType::Int4 => scalar::encode_integer(digits, 4, out),
        ColumnType::Int8 => scalar::encode_integer(digits, 8, out),
        ColumnType::Numeric(limit) => numeric::encode(digits, *limit, out),
        ColumnType::Timestamptz | ColumnType::Timestamp => {
            time::encode(digits, ReadAs::EpochSeconds, time::Zone::Optional, out)
        }
        ColumnType::Date => time::encode_date(digits, ReadAs::EpochSeconds, out),
        _ => {
            out.put_slice(digits.as_bytes());
            Ok(())
        }
    }
}

/// The decimal digits without leading zeros.
fn canonical<'b>(text: &'b str, buffer: &'b mut [u8; MAX.len()]) -> Result<&'b str, Fault> {
    let fault = || Fault::wrong_type("is neither decimal digits nor 0x and hexadecimal ones");
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return from_hex(digits, buffer);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let digits = text.trim_start_matches('0');
    if digits.len() > MAX.len() || (digits.len() == MAX.len() && digits > MAX) {
        return Err(too_large());
    }
    Ok(if digits.is_empty() { "0" } else { digits })
}

fn too_large() -> Fault {
    Fault::out_of_range("is larger than 2^256-1")
}

fn from_hex<'b>(digits: &str, buffer: &'b mut [u8; MAX.len()]) -> Result<&'b str, Fault> {
    let fault = || Fault::wrong_type("is not hexadecimal digits behind 0x");
    let significant = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Err(fault());
    }
    if let Ok(value) = u64::from_str_radix(significant, 16)
        && !significant.starts_with('+')
    {
        return Ok(from_u64(value, buffer));
    }
    // Nine decimal digits in each, the lowest first.
    let mut parts = [0_u64; 9];
    let mut used = 1;
    for (i, byte) in significant.bytes().enumerate() {
        let mut carry = u64::from(hex::digit(byte).ok_or_else(fault)?);
        if i == MAX_HEX_DIGITS {
            return Err(too_large());
        }
        for part in &mut parts[..used] {
            let value = *part * 16 + carry;
            (*part, carry) = (value % 1_000_000_000, value / 1_000_000_000);
        }
        if carry > 0 {
            parts[used] = carry;
            used += 1;
        }
    }
    let mut at = buffer.len();
    for (i, part) in parts[..used].iter().enumerate() {
        let mut rest = *part;
        let last = i + 1 == used;
        for place in 0..9 {
            if last && rest == 0 && place > 0 {
                break;
            }
            at -= 1;
            buffer[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    std::str::from_utf8(&buffer[at..]).map_err(|_| fault())
}

fn from_u64(value: u64, buffer: &mut [u8; MAX.len()]) -> &str {
    let mut at = buffer.len();
    let mut rest = value;
    while rest > 0 || at == buffer.len() {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    std::str::from_utf8(&buffer[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

    use super::*;

    fn read(text: &str) -> Result<String, &'static str> {
        let mut buffer = [0; MAX.len()];
        canonical(text, &mut buffer).map(str::to_owned).map_err(|fault| fault.code)
    }

    #[test]
    fn both_notations_give_the_same_digits() {
        for (hex, decimal) in [
            ("0x1b778a2", "28801186"),
            ("0xd6", "214"),
            ("0x10", "16"),
            ("0x0", "0"),
            ("0XfF", "255"),
            ("0x68b18674", "1756464756"),
            ("0x3b9aca00", "1000000000"),
            ("0xde0b6b3a7640000", "1000000000000000000"),
            (&format!("0x{}1", "0".repeat(63)), "1"),
            (&format!("0x{}", "f".repeat(64)), MAX),
            (&format!("0x00{}", "f".repeat(64)), MAX),
        ] {
            assert_eq!(read(hex).unwrap(), decimal, "{hex}");
            assert_eq!(read(decimal).unwrap(), decimal);
            assert_eq!(read(&format!("00{decimal}")).unwrap(), decimal);
        }
    }

    #[test]
    fn what_is_no_such_number_is_refused() {
        for text in ["", "-1", "+1", "1.0", "1e3", "0x", "0xg", "1 ", " 1", "abc", "x10"] {
            assert_eq!(read(text), Err("wrong_type"), "{text}");
        }
        let above = MAX.replace("9935", "9936");
        for text in [&above, &format!("1{MAX}"), &format!("0x1{}", "0".repeat(64))] {
            assert_eq!(read(text), Err("out_of_range"), "{text}");
        }
    }
}
