//! Constants in quotes, read by the type that they stand for.
//!
//! Only the plain spellings are read; a constant in another one leaves its rollup to the server.

use jiff::civil;

use crate::numeric::Decimal;
use crate::types::{Type, Width};
use crate::value::Constant;

/// 2000-01-01 in days and microseconds since 1970-01-01.
pub(crate) const EPOCH_DAYS: i64 = 10_957;
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// The value of `'text'::kind`.
pub(crate) fn read(kind: &Type, text: &str) -> Option<Constant> {
    match kind {
        Type::Bool => match text {
            "true" | "t" => Some(Constant::Bool(true)),
            "false" | "f" => Some(Constant::Bool(false)),
            _ => None,
        },
        Type::Int(width) => {
            let value: i64 = text.parse().ok()?;
            in_width(value, *width).then_some(Constant::Int(value))
        }
        Type::Numeric => Decimal::parse(text).map(Constant::Number),
        Type::Text(_) => Some(Constant::Bytes(text.as_bytes().into())),
        Type::Char(_) => Some(Constant::Bytes(text.trim_end_matches(' ').as_bytes().into())),
        Type::Enum(labels) => labels
            .iter()
            .any(|label| label == text)
            .then(|| Constant::Bytes(text.as_bytes().into())),
        Type::Uuid => uuid(text).map(Constant::Bytes),
        Type::Bytea => hex(text.strip_prefix("\\x")?).map(|bytes| Constant::Bytes(bytes.into())),
        Type::Date => {
            let date: civil::Date = plain_date(text)?.parse().ok()?;
            Some(Constant::Int(days(date)))
        }
        Type::Timestamp => {
            let time: civil::DateTime = plain_time(text)?.parse().ok()?;
            micros(time).map(Constant::Int)
        }
        Type::Timestamptz => {
            let (time, hours) = text.rsplit_once('+')?;
            (hours == "00" || hours == "00:00").then_some(())?;
            let time: civil::DateTime = plain_time(time)?.parse().ok()?;
            micros(time).map(Constant::Int)
        }
        _ => None,
    }
}

pub(crate) fn in_width(value: i64, width: Width) -> bool {
    match width {
        Width::Two => i16::try_from(value).is_ok(),
        Width::Four => i32::try_from(value).is_ok(),
        Width::Eight => true,
    }
}

/// Days since 2000-01-01.
pub(crate) fn days(date: civil::Date) -> i64 {
    let epoch = civil::date(1970, 1, 1);
    i64::from((date - epoch).get_days()) - EPOCH_DAYS
}

/// Microseconds since 2000-01-01; `None` when there are finer digits.
pub(crate) fn micros(time: civil::DateTime) -> Option<i64> {
    let nanos = i64::from(time.subsec_nanosecond());
    if nanos % 1000 != 0 {
        return None;
    }
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Some(days(time.date()) * DAY_US + seconds * 1_000_000 + nanos / 1000)
}

/// `2026-11-21` and nothing else.
fn plain_date(text: &str) -> Option<&str> {
    let shape: Vec<usize> = text.split('-').map(str::len).collect();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    (digits && shape == [4, 2, 2]).then_some(text)
}

/// `2026-11-21 10:00:00`, perhaps with a fraction, and nothing else.
fn plain_time(text: &str) -> Option<&str> {
    let (date, time) = text.split_once([' ', 'T'])?;
    plain_date(date)?;
    let whole = time.split_once('.').map_or(time, |(whole, _)| whole);
    let shape: Vec<usize> = whole.split(':').map(str::len).collect();
    // PostgreSQL takes 24:00:00 and second 60 to mean the next day and minute.
    (shape == [2, 2, 2] && !time.starts_with("24") && !whole.ends_with("60")).then_some(text)
}

fn uuid(text: &str) -> Option<Box<[u8]>> {
    let shape: Vec<usize> = text.split('-').map(str::len).collect();
    if shape != [8, 4, 4, 4, 12] {
        return None;
    }
    hex(&text.replace('-', "")).map(Into::into)
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    odd.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
