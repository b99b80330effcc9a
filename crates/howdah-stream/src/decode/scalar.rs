//! Numbers, booleans, identifiers, bytes and addresses → PostgreSQL's binary form.
//!
//! Each function reads what the type's own input function reads, unless its comment says less.

use std::net::IpAddr;

use bytes::BufMut as _;
use howdah_system::ReadAs;

use super::fault::Fault;
use super::hex;

/// `bool`: unambiguous beginnings of true, false, yes, no, on, off; 1 and 0 (`parse_bool`).
pub(crate) fn encode_bool(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = text.trim_ascii();
    let begins = |word: &str, least: usize| {
        text.len() >= least
            && text.len() <= word.len()
            && word.as_bytes()[..text.len()].eq_ignore_ascii_case(text.as_bytes())
    };
    let value = if begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == "1" {
        1
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        0
    } else {
        return Err(Fault::wrong_type("is not true or false"));
    };
    out.put_u8(value);
    Ok(())
}

/// `smallint`, `integer`, `bigint`, by width in bytes: digits with a sign, nothing else.
pub(crate) fn encode_integer(text: &str, width: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = text.trim_ascii();
    let value: i64 = text.parse().map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        match error.kind() {
            PosOverflow | NegOverflow => Fault::out_of_range("is too large for the column"),
            _ => Fault::wrong_type("is not an integer"),
        }
    })?;
    let too_large = |_| Fault::out_of_range("is too large for the column");
    match width {
        2 => out.put_i16(i16::try_from(value).map_err(too_large)?),
        4 => out.put_i32(i32::try_from(value).map_err(too_large)?),
        _ => out.put_i64(value),
    }
    Ok(())
}

/// `real`: the nearest one; NaN and Infinity by name.
pub(crate) fn encode_float4(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = text.trim_ascii();
    let value: f32 = text.parse().map_err(|_| Fault::wrong_type("is not a number"))?;
    check_float(text, value.is_infinite(), value == 0.0)?;
    out.put_f32(value);
    Ok(())
}

/// `double precision`: the nearest one; NaN and Infinity by name.
pub(crate) fn encode_float8(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = text.trim_ascii();
    let value: f64 = text.parse().map_err(|_| Fault::wrong_type("is not a number"))?;
    check_float(text, value.is_infinite(), value == 0.0)?;
    out.put_f64(value);
    Ok(())
}

/// A number may become infinite or zero only if the text says so.
fn check_float(text: &str, infinite: bool, zero: bool) -> Result<(), Fault> {
    let named = || text.bytes().any(|b| b.eq_ignore_ascii_case(&b'i'));
    let mantissa = || text.bytes().take_while(|b| !b.eq_ignore_ascii_case(&b'e'));
    if (infinite && !named()) || (zero && mantissa().any(|b| (b'1'..=b'9').contains(&b))) {
        return Err(Fault::out_of_range("is too large or too small for the column"));
    }
    Ok(())
}

/// `uuid`: 32 hexadecimal digits, a hyphen after any fourth, braces around it or not.
pub(crate) fn encode_uuid(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let fault = || Fault::wrong_type("is not a UUID");
    let bytes = text.as_bytes();
    let bytes = match bytes.strip_prefix(b"{") {
        Some(inner) => inner.strip_suffix(b"}").ok_or_else(fault)?,
        None => bytes,
    };
    let mut rest = bytes;
    let mut uuid = [0_u8; 16];
    for (i, byte) in uuid.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else { return Err(fault()) };
        *byte = (hex::digit(*high).ok_or_else(fault)? << 4) | hex::digit(*low).ok_or_else(fault)?;
        rest = match after {
            [b'-', more @ ..] if i % 2 == 1 && i < 15 => more,
            _ => after,
        };
    }
    if !rest.is_empty() {
        return Err(fault());
    }
    out.put_slice(&uuid);
    Ok(())
}

/// `bytea`: hexadecimal with `\x` or `0x`, or base64 with or without padding. PostgreSQL's escape
/// format is not read.
pub(crate) fn encode_bytea(text: &str, read_as: ReadAs, out: &mut Vec<u8>) -> Result<(), Fault> {
    if read_as == ReadAs::Base64 {
        return base64(text.trim_ascii().as_bytes(), out);
    }
    let prefixed = ["\\x", "0x", "0X"].iter().find_map(|prefix| text.strip_prefix(prefix));
    let digits =
        prefixed.ok_or_else(|| Fault::wrong_type("is not hexadecimal with \\x or 0x in front"))?;
    hex::decode(digits, out)
}

/// RFC 4648 §4; the unused bits of the last digit are ignored, as by most readers.
fn base64(text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let fault = || Fault::wrong_type("is not base64");
    let padding = text.iter().rev().take_while(|b| **b == b'=').count();
    let digits = &text[..text.len() - padding];
    if digits.len() % 4 == 1 || padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return Err(fault());
    }
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return Err(fault()),
            };
            bits = (bits << 6) | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        out.put_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Ok(())
}

/// `inet` and `cidr`: an address, perhaps with `/bits`; `cidr` without bits right of the mask.
/// PostgreSQL's abbreviated networks (`10.1`) are not read. The format is that of `network_recv`
/// (src/backend/utils/adt/network.c).
pub(crate) fn encode_inet(text: &str, cidr: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    let fault = || Fault::wrong_type("is not an IP address");
    let text = text.trim_ascii();
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| fault())?;
    let (family, width, value) = match address {
        IpAddr::V4(v4) => (2, 32, u128::from(v4.to_bits()) << 96),
        IpAddr::V6(v6) => (3, 128, v6.to_bits()),
    };
    let bits = match bits {
        Some(bits) if !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) => {
            bits.parse().ok().filter(|bits| *bits <= width).ok_or_else(fault)?
        }
        Some(_) => return Err(fault()),
        None => width,
    };
    if cidr && value.checked_shl(u32::from(bits)).unwrap_or(0) != 0 {
        return Err(Fault::wrong_type("has bits set to the right of the network's mask"));
    }
    let len = width / 8;
    out.put_slice(&[family, bits, u8::from(cidr), len]);
    out.put_slice(&value.to_be_bytes()[..usize::from(len)]);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed encode fails the test")]

    use super::*;

    fn bytes(text: &str, read_as: ReadAs) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        encode_bytea(text, read_as, &mut out).map(|()| out)
    }

    #[test]
    fn bytes_are_read_in_two_ways() {
        assert_eq!(bytes("\\xDEad", ReadAs::Type).unwrap(), [0xDE, 0xAD]);
        assert_eq!(bytes("0xdead", ReadAs::Type).unwrap(), [0xDE, 0xAD]);
        assert_eq!(bytes("3q0=", ReadAs::Base64).unwrap(), [0xDE, 0xAD]);
        assert_eq!(bytes("3q0", ReadAs::Base64).unwrap(), [0xDE, 0xAD]);
        assert_eq!(bytes("3q2+7w==", ReadAs::Base64).unwrap(), [0xDE, 0xAD, 0xBE, 0xEF]);
        assert_eq!(bytes("", ReadAs::Base64).unwrap(), [0; 0]);
        for (text, read_as) in [
            ("dead", ReadAs::Type),
            ("0xabc", ReadAs::Type),
            ("0xyz", ReadAs::Type),
            ("a", ReadAs::Base64),
            ("ab=", ReadAs::Base64),
            ("a b=", ReadAs::Base64),
        ] {
            assert_eq!(bytes(text, read_as).unwrap_err().code, "wrong_type", "{text}");
        }
    }

    #[test]
    fn integers_are_digits_within_the_width() {
        let code = |text, width| {
            encode_integer(text, width, &mut Vec::new()).err().map(|fault| fault.code)
        };
        assert_eq!(code("32767", 2), None);
        assert_eq!(code("32768", 2), Some("out_of_range"));
        assert_eq!(code("99999999999999999999", 8), Some("out_of_range"));
        assert_eq!(code(" +7 ", 4), None);
        for text in ["1.0", "1e3", "", "0x10", "seven"] {
            assert_eq!(code(text, 4), Some("wrong_type"), "{text}");
        }
    }

    #[test]
    fn floats_neither_overflow_nor_vanish() {
        let code = |text| encode_float8(text, &mut Vec::new()).err().map(|fault| fault.code);
        assert_eq!(code("1e308"), None);
        assert_eq!(code("-Infinity"), None);
        assert_eq!(code("NaN"), None);
        assert_eq!(code("0e999"), None);
        assert_eq!(code("1e309"), Some("out_of_range"));
        assert_eq!(code("1e-400"), Some("out_of_range"));
        assert_eq!(code("1,5"), Some("wrong_type"));
    }
}
