//! Hexadecimal digits → bytes: of an exact length, as text when they are one, hashed.

use bytes::BufMut as _;
use sha3::{Digest as _, Keccak256};

use super::fault::Fault;
use super::value::{Scalar, Value};

/// The value of each byte as a digit; 0xFF for what is none.
const DIGITS: [u8; 256] = digits();

const fn digits() -> [u8; 256] {
    let mut table = [0xFF; 256];
    let mut i = 0;
    while i < 16 {
        let digit = i as u8;
        table[b"0123456789abcdef"[i] as usize] = digit;
        table[b"0123456789ABCDEF"[i] as usize] = digit;
        i += 1;
    }
    table
}

/// The value of a digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    let digit = DIGITS[usize::from(byte)];
    (digit != 0xFF).then_some(digit)
}

/// The bytes of an even number of digits, appended to `out`.
pub(super) fn decode(digits: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let fault = || Fault::wrong_type("is not an even number of hexadecimal digits");
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return Err(fault());
    }
    let start = out.len();
    out.resize(start + pairs.len(), 0);
    let mut wrong = 0;
    for (byte, [high, low]) in out[start..].iter_mut().zip(pairs) {
        let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
        wrong |= (high | low) & 0xF0;
        *byte = (high << 4) | low;
    }
    if wrong == 0 { Ok(()) } else { Err(fault()) }
}

/// The digits of a text, behind `0x`, `0X` or `\x` when it has one; a JSON number is no text.
pub(super) fn digits_of<'v>(scalar: &'v Scalar<'v>, value: &Value<'_>) -> Result<&'v str, Fault> {
    let not_a_text = "is not a text of hexadecimal digits";
    if matches!(value, Value::Json(raw) if !raw.starts_with('"')) {
        return Err(Fault::wrong_type(not_a_text));
    }
    let text = scalar.text(not_a_text)?;
    let prefixed = ["0x", "0X", "\\x"].iter().find_map(|prefix| text.strip_prefix(prefix));
    Ok(prefixed.unwrap_or(text))
}

/// The bytes, of exactly this many when given.
pub(super) fn encode(
    value: &Value<'_>,
    bytes: Option<u32>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let scalar = value.scalar()?;
    let digits = digits_of(&scalar, value)?;
    if let Some(bytes) = bytes
        && digits.len() != bytes as usize * 2
    {
        return Err(Fault::out_of_range(format!("is not {} hexadecimal digits", bytes * 2)));
    }
    decode(digits, out)
}

/// The bytes when they are a text, UTF-8 without NUL (`text`), or when they are not; otherwise
/// nothing is appended and the value is null.
pub(super) fn encode_if(text: bool, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool, Fault> {
    let start = out.len();
    encode(value, None, out)?;
    let bytes = &out[start..];
    let is_text = memchr::memchr(0, bytes).is_none() && std::str::from_utf8(bytes).is_ok();
    if is_text != text {
        out.truncate(start);
    }
    Ok(is_text == text)
}

/// A Keccak-256 hash in the making (the padding of the first submission, as in Ethereum, not that
/// of SHA-3).
#[derive(Default)]
pub(super) struct Hash {
    hasher: Keccak256,
    part: Vec<u8>,
}

impl Hash {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    pub(super) fn add_hex(&mut self, value: &Value<'_>) -> Result<(), Fault> {
        self.part.clear();
        encode(value, None, &mut self.part)?;
        self.hasher.update(&self.part);
        Ok(())
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) {
        out.put_slice(&self.hasher.finalize());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed encode fails the test")]

    use std::borrow::Cow;

    use super::*;

    fn bytes(text: &str, exact: Option<u32>) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        encode(&Value::Plain(Cow::Borrowed(text)), exact, &mut out).map(|()| out)
    }

    #[test]
    fn digits_of_any_case_with_or_without_a_prefix() {
        for text in ["dead", "0xDEAD", "0Xdead", "\\xdEaD"] {
            assert_eq!(bytes(text, Some(2)).unwrap(), [0xDE, 0xAD]);
        }
        assert_eq!(bytes("", None).unwrap(), [0; 0]);
        assert_eq!(bytes("0x1234", Some(20)).unwrap_err().code, "out_of_range");
        for text in ["abc", "0xgg", "0x 1", "é", "x0"] {
            assert_eq!(bytes(text, None).unwrap_err().code, "wrong_type", "{text}");
        }
        let mut out = Vec::new();
        assert!(encode(&Value::Json("1234"), None, &mut out).is_err(), "a number");
        assert!(encode(&Value::Json("\"1234\""), None, &mut out).is_ok());
    }

    #[test]
    fn bytes_are_a_text_or_not() {
        let check = |text: &'static str, wanted| {
            let mut out = Vec::new();
            let value = Value::Plain(Cow::Borrowed(text));
            encode_if(wanted, &value, &mut out).unwrap().then_some(out)
        };
        assert_eq!(check("0x6162", true).as_deref(), Some(&b"ab"[..]));
        assert_eq!(check("", true).as_deref(), Some(&b""[..]));
        assert_eq!(check("6100620a", true), None);
        assert_eq!(check("6100620a", false).as_deref(), Some(&b"a\0b\n"[..]));
        assert_eq!(check("ff", false).as_deref(), Some(&[0xFF][..]));
        assert_eq!(check("6162", false), None);
    }

    #[test]
    fn keccak_is_that_of_ethereum() {
        let mut hash = Hash::default();
        hash.add(b"");
        let mut out = Vec::new();
        hash.finish(&mut out);
        let empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(out, bytes(empty, Some(32)).unwrap());
    }
}
