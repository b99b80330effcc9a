//! JSON text: is it well-formed, and would `jsonb` keep it?

use serde::de::IgnoredAny;

use super::decimal::Decimal;
use super::fault::Fault;

/// How deep `jsonb` values may nest. PostgreSQL's own limit is the server's `max_stack_depth`,
/// some thousand levels; one event beyond it would fail the whole batch.
const MAX_DEPTH: usize = 1000;
/// `jsonb` keeps numbers as numeric; these bounds lie within it.
const MAX_NUMBER_EXPONENT: i64 = 100_000;
const MAX_NUMBER_SCALE: i64 = 16_383;

/// Refuses what is not JSON by RFC 8259.
pub(crate) fn check_syntax(text: &str) -> Result<(), Fault> {
    let fault = |_| Fault::wrong_type("is not JSON");
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(fault)
}

/// Refuses well-formed JSON that `jsonb` does not take: the escape of NUL, lone surrogates,
/// numbers beyond numeric, deep nesting.
pub(crate) fn check_jsonb(text: &str) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = check_string(bytes, at + 1)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Fault::out_of_range("is JSON that nests too deep"));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let len = bytes[at..].iter().take_while(|b| is_number_byte(**b)).count();
                check_number(&text[at..at + len])?;
                at += len - 1;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

fn check_number(text: &str) -> Result<(), Fault> {
    // Short numbers without an exponent cannot leave numeric.
    if text.len() < 1000 && !text.bytes().any(|b| matches!(b, b'e' | b'E')) {
        return Ok(());
    }
    let fault = || Fault::out_of_range("holds a number that jsonb cannot keep");
    let decimal = Decimal::parse(text).ok_or_else(fault)?;
    let top = decimal.significant().map_or(0, |(_, _, top)| top);
    if top > MAX_NUMBER_EXPONENT || decimal.scale() > MAX_NUMBER_SCALE {
        return Err(fault());
    }
    Ok(())
}

/// Walks a string from behind its first quote and returns where its last quote is.
fn check_string(bytes: &[u8], mut at: usize) -> Result<usize, Fault> {
    let mut high_surrogate = false;
    while at < bytes.len() {
        let escaped = bytes[at] == b'\\' && bytes.get(at + 1) == Some(&b'u');
        let unit = if escaped { code_unit(bytes, at + 2) } else { 0xFFFF };
        let low_surrogate = escaped && (0xDC00..=0xDFFF).contains(&unit);
        if high_surrogate != low_surrogate {
            return Err(Fault::wrong_type("holds half of a character, which jsonb cannot keep"));
        }
        high_surrogate = escaped && (0xD800..=0xDBFF).contains(&unit);
        match bytes[at] {
            b'"' => return Ok(at),
            b'\\' if escaped => {
                if unit == 0 {
                    return Err(nul());
                }
                at += 6;
            }
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Ok(at)
}

fn code_unit(bytes: &[u8], at: usize) -> u32 {
    let digits = bytes.get(at..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

/// The fault of a text that holds the character NUL.
pub(crate) fn nul() -> Fault {
    Fault::new("nul_character", "holds the character NUL, which PostgreSQL cannot keep")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsonb_takes_what_it_can_keep() {
        for text in [
            r#"{"a":[1,2.5e10,"x\"y\\"],"b":null}"#,
            r#""\ud83d\ude00""#,
            "[]",
            "-1.5E+10",
            r#""{[""#,
        ] {
            assert_eq!(check_syntax(text).and_then(|()| check_jsonb(text)), Ok(()), "{text}");
        }
    }

    #[test]
    fn jsonb_refuses_what_it_cannot_keep() {
        let deep = "[".repeat(2000) + &"]".repeat(2000);
        for text in [
            r#""\u0000""#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83dx""#,
            r#""\ud83d\ud83d\ude00""#,
            "1e200000",
            "1e-20000",
            &deep,
        ] {
            assert_eq!(check_syntax(text), Ok(()), "{text}");
            assert!(check_jsonb(text).is_err(), "{text}");
        }
    }

    #[test]
    fn broken_json_is_refused() {
        for text in ["", "{", "{\"a\":}", "01", "tru", "1 2", "\"\u{1}\"", "'a'"] {
            assert!(check_syntax(text).is_err(), "{text}");
        }
    }
}
