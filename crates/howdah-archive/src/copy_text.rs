//! Values as the text format of COPY takes them.

use std::fmt::Write as _;

use howdah_plan::chunk::time_text;
use howdah_system::TimeType;

use crate::column::Stored;

/// µs, and days, between 1970 and 2000.
const EPOCH_2000_US: i64 = 946_684_800_000_000;
const DAY_US: i64 = 86_400_000_000;

/// Adds a row of fields.
pub(crate) fn put_row(out: &mut Vec<u8>, fields: impl Iterator<Item = Option<String>>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(b'\t');
        }
        match field {
            None => out.extend_from_slice(b"\\N"),
            Some(text) => put_escaped(out, text.as_bytes()),
        }
    }
    out.push(b'\n');
}

fn put_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.push(*byte),
        }
    }
}

/// The text of a value that is kept as a whole number.
pub(crate) fn of_int(value: i64, stored: Stored) -> Option<String> {
    let time = |us: i64, time_type| {
        let us = us.checked_sub(EPOCH_2000_US)?;
        Some(time_text(us, time_type)).filter(|text| text != "infinity")
    };
    match stored {
        Stored::Date => time(value.checked_mul(DAY_US)?, TimeType::Date),
        Stored::Timestamptz => time(value, TimeType::Timestamptz),
        Stored::Timestamp => time(value, TimeType::Timestamp),
        Stored::Decimal { scale, .. } => Some(decimal(value.into(), scale)),
        _ => Some(value.to_string()),
    }
}

/// The text of a value that is kept as bytes.
pub(crate) fn of_bytes(value: &[u8], stored: Stored) -> Option<String> {
    match stored {
        Stored::Decimal { scale, .. } => {
            Some(decimal(i128::from_be_bytes(value.try_into().ok()?), scale))
        }
        Stored::Uuid | Stored::Bytes => {
            let mut out = String::with_capacity(value.len() * 2 + 2);
            if stored == Stored::Bytes {
                out.push_str("\\x");
            }
            for byte in value {
                let _ = write!(out, "{byte:02x}");
            }
            Some(out)
        }
        _ => String::from_utf8(value.to_vec()).ok(),
    }
}

/// A whole number as a decimal of `scale` decimals.
fn decimal(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (left, right) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{left}") } else { format!("{sign}{left}.{right}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_come_back_as_they_were() {
        for (value, scale, text) in
            [(6_100_010, 2, "61000.10"), (-5, 2, "-0.05"), (7, 0, "7"), (0, 3, "0.000")]
        {
            assert_eq!(decimal(value, scale), text);
            assert_eq!(crate::parquet_write::whole(text, scale), Some(value));
        }
    }

    #[test]
    fn fields_are_escaped() {
        let mut out = Vec::new();
        let fields = [Some("a\tb\\".to_owned()), None, Some(String::new())];
        put_row(&mut out, fields.into_iter());
        assert_eq!(out, b"a\\tb\\\\\t\\N\t\n");
    }

    #[test]
    fn times_are_of_their_types() {
        assert_eq!(of_int(0, Stored::Date).as_deref(), Some("1970-01-01"));
        let at = of_int(1, Stored::Timestamptz);
        assert_eq!(at.as_deref(), Some("1970-01-01 00:00:00.000001+00"));
    }
}
