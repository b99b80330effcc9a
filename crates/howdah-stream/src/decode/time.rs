//! Times and dates → PostgreSQL's binary form, without a time zone database.
//!
//! Read are RFC 3339 and PostgreSQL's own ISO output (`2025-10-17 13:45:12.337+00`), `infinity`,
//! and epochs. Years are 1 to 294276; compact forms, month names and BC are refused, because a
//! feed that writes them is more likely broken. The binary forms are those of `timestamptz_recv`,
//! `timestamp_recv` (µs since 2000-01-01, src/backend/utils/adt/timestamp.c) and `date_recv`.

use bytes::BufMut as _;
use howdah_system::ReadAs;

use super::decimal::Decimal;
use super::fault::Fault;

/// Seconds between 1970-01-01 and 2000-01-01.
const EPOCH_2000_SECONDS: i64 = 946_684_800;
/// Days between 1970-01-01 and 2000-01-01.
const EPOCH_2000_DAYS: i64 = 10_957;
const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// PostgreSQL's `MIN_TIMESTAMP`: 4714-11-24 BC.
const MIN_TIMESTAMP: i64 = -211_813_488_000_000_000;
/// PostgreSQL's `END_TIMESTAMP`: 294277-01-01, not included.
const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;
/// PostgreSQL's largest year of a timestamp.
const MAX_YEAR: i64 = 294_276;
/// PostgreSQL's largest hour of an offset (`MAX_TZDISP_HOUR`).
const MAX_OFFSET_HOUR: i64 = 15;

/// Whether a text must, may or need not say its offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// `timestamptz`: a time without an offset is refused, it would depend on the session.
    Required,
    /// `timestamp`, taken as UTC: an offset is applied.
    Optional,
}

/// Writes a time; `read_as` says whether it is a text or an epoch.
pub(crate) fn encode(
    text: &str,
    read_as: ReadAs,
    zone: Zone,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let micros = match epoch_shift(read_as) {
        Some(shift) => from_epoch(text, shift)?,
        None => parse(text.trim_ascii(), zone)?,
    };
    out.put_i64(micros);
    Ok(())
}

/// Writes a date; an epoch gives the day in UTC.
pub(crate) fn encode_date(text: &str, read_as: ReadAs, out: &mut Vec<u8>) -> Result<(), Fault> {
    let days = if let Some(shift) = epoch_shift(read_as) {
        from_epoch(text, shift)?.div_euclid(MICROS_PER_DAY) as i32
    } else {
        match text.trim_ascii() {
            text if text.eq_ignore_ascii_case("infinity") => i32::MAX,
            text if text.eq_ignore_ascii_case("-infinity") => i32::MIN,
            text => {
                let (days, rest) = parse_date(text.as_bytes(), not_a_date)?;
                if !rest.is_empty() {
                    return Err(not_a_date());
                }
                days as i32
            }
        }
    };
    out.put_i32(days);
    Ok(())
}

/// The event time in µs since 2000-01-01 UTC, out of the bytes that were written for it; `None`
/// when it is infinite.
pub(crate) fn micros_of(written: &[u8]) -> Option<i64> {
    if let Ok(bytes) = <[u8; 8]>::try_from(written) {
        let micros = i64::from_be_bytes(bytes);
        return (micros != i64::MAX && micros != i64::MIN).then_some(micros);
    }
    let days = i32::from_be_bytes(written.try_into().ok()?);
    (days != i32::MAX && days != i32::MIN).then(|| i64::from(days) * MICROS_PER_DAY)
}

/// The power of ten from the epoch's unit to microseconds.
fn epoch_shift(read_as: ReadAs) -> Option<i64> {
    match read_as {
        ReadAs::EpochSeconds => Some(6),
        ReadAs::EpochMillis => Some(3),
        ReadAs::EpochMicros => Some(0),
        _ => None,
    }
}

fn from_epoch(text: &str, shift: i64) -> Result<i64, Fault> {
    if (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let parts = i128::from(number(text.as_bytes())) * 10_i128.pow(shift as u32);
        let micros = parts - i128::from(EPOCH_2000_SECONDS * MICROS_PER_SECOND);
        return in_range(i64::try_from(micros).map_err(|_| outside())?);
    }
    let decimal = Decimal::parse(text.trim_ascii())
        .ok_or_else(|| Fault::wrong_type("is not a number of seconds since 1970 or parts of it"))?;
    let micros = decimal.scaled(shift).ok_or_else(outside)?;
    let micros = micros - i128::from(EPOCH_2000_SECONDS * MICROS_PER_SECOND);
    in_range(i64::try_from(micros).map_err(|_| outside())?)
}

fn in_range(micros: i64) -> Result<i64, Fault> {
    if (MIN_TIMESTAMP..END_TIMESTAMP).contains(&micros) { Ok(micros) } else { Err(outside()) }
}

fn outside() -> Fault {
    Fault::out_of_range("is outside the times that PostgreSQL keeps")
}

fn not_a_time() -> Fault {
    Fault::wrong_type("is not a time like 2025-10-17T13:45:12.337Z")
}

fn not_a_date() -> Fault {
    Fault::wrong_type("is not a date like 2025-10-17")
}

fn parse(text: &str, zone: Zone) -> Result<i64, Fault> {
    if text.eq_ignore_ascii_case("infinity") {
        return Ok(i64::MAX);
    }
    if text.eq_ignore_ascii_case("-infinity") {
        return Ok(i64::MIN);
    }
    let (days, rest) = parse_date(text.as_bytes(), not_a_time)?;
    let Some((b'T' | b't' | b' ', rest)) = rest.split_first() else { return Err(not_a_time()) };
    let (time, rest) = parse_time(rest)?;
    let offset = match (rest.is_empty(), zone) {
        (false, _) => parse_offset(rest).ok_or_else(not_a_time)?,
        (true, Zone::Optional) => 0,
        (true, Zone::Required) => {
            return Err(Fault::wrong_type("is a time without an offset from UTC"));
        }
    };
    // The year is at most 294276, so days in µs cannot overflow; the rest is less than two days.
    let micros = (days * MICROS_PER_DAY).checked_add(time - offset * MICROS_PER_SECOND);
    in_range(micros.ok_or_else(outside)?)
}

/// `YYYY-MM-DD` → days since 2000-01-01, and the rest; `malformed` when it is not of that form.
fn parse_date(bytes: &[u8], malformed: fn() -> Fault) -> Result<(i64, &[u8]), Fault> {
    let year_len = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(4..=6).contains(&year_len) {
        return Err(malformed());
    }
    let year = number(&bytes[..year_len]);
    let (month, rest) = after(&bytes[year_len..], b'-').and_then(two).ok_or_else(malformed)?;
    let (day, rest) = after(rest, b'-').and_then(two).ok_or_else(malformed)?;
    let month_exists = (1..=MAX_YEAR).contains(&year) && (1..=12).contains(&month);
    if !month_exists || day < 1 || day > days_in_month(year, month) {
        return Err(Fault::out_of_range("is not a day of the calendar"));
    }
    Ok((days_from_civil(year, month, day) - EPOCH_2000_DAYS, rest))
}

/// `hh:mm[:ss[.fraction]]` → µs since midnight, and the rest.
///
/// As in PostgreSQL, second 60 is the next minute, 24:00:00 the next day, and what is finer than a
/// microsecond is rounded as a double, halves to even.
fn parse_time(bytes: &[u8]) -> Result<(i64, &[u8]), Fault> {
    let (hour, rest) = two(bytes).ok_or_else(not_a_time)?;
    let (minute, mut rest) = after(rest, b':').and_then(two).ok_or_else(not_a_time)?;
    let (mut second, mut micros) = (0, 0);
    if let Some(more) = after(rest, b':') {
        (second, rest) = two(more).ok_or_else(not_a_time)?;
        if let Some(digits) = after(rest, b'.') {
            let len = digits.iter().take_while(|b| b.is_ascii_digit()).count();
            if len == 0 {
                return Err(not_a_time());
            }
            micros = fraction_micros(&digits[..len]);
            rest = &digits[len..];
        }
    }
    let whole = (hour * 60 + minute) * 60 + second;
    let fits = hour <= 24 && minute <= 59 && second <= 60;
    if !fits || (hour == 24 && (minute > 0 || second > 0 || micros > 0)) {
        return Err(Fault::out_of_range("is not a time of the day"));
    }
    Ok((whole * MICROS_PER_SECOND + micros, rest))
}

fn fraction_micros(digits: &[u8]) -> i64 {
    if digits.len() <= 6 {
        return number(digits) * 10_i64.pow(6 - digits.len() as u32);
    }
    let text = std::str::from_utf8(digits).unwrap_or_default();
    let fraction: f64 = format!("0.{text}").parse().unwrap_or_default();
    (fraction * 1e6).round_ties_even() as i64
}

/// The offset at the end of a time, `Z`, `+hh`, `-hhmm`, `+hh:mm:ss`, in seconds east of UTC.
fn parse_offset(bytes: &[u8]) -> Option<i64> {
    let bytes = bytes.trim_ascii_start();
    if [&b"z"[..], b"utc", b"gmt"].iter().any(|name| bytes.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let (sign, mut rest) = match bytes.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let mut parts = [0; 3];
    for (i, part) in parts.iter_mut().enumerate() {
        if i > 0 && rest.is_empty() {
            break;
        }
        let digits = if i > 0 { after(rest, b':').unwrap_or(rest) } else { rest };
        (*part, rest) = two(digits)?;
    }
    let [hours, minutes, seconds] = parts;
    let fits = rest.is_empty() && hours <= MAX_OFFSET_HOUR && minutes <= 59 && seconds <= 59;
    fits.then_some(sign * ((hours * 60 + minutes) * 60 + seconds))
}

/// What follows `mark` at the beginning.
fn after(bytes: &[u8], mark: u8) -> Option<&[u8]> {
    bytes.strip_prefix(&[mark])
}

fn number(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
}

fn two(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let digits = bytes.get(..2).filter(|pair| pair.iter().all(u8::is_ascii_digit))?;
    Some((number(digits), &bytes[2..]))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a day in the Gregorian calendar, after Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed parse fails the test")]

    use super::*;

    fn micros(text: &str) -> Result<i64, Fault> {
        parse(text, Zone::Required)
    }

    #[test]
    fn forms_of_one_time_agree() {
        let expected = 814_023_912_337_000;
        for text in [
            "2025-10-17T13:45:12.337Z",
            "2025-10-17t13:45:12.337z",
            "2025-10-17 13:45:12.337+00",
            "2025-10-17 15:45:12.337000+02:00",
            "2025-10-17T08:15:12.337-0530",
            "2025-10-17 13:45:12.337 UTC",
        ] {
            assert_eq!(micros(text), Ok(expected), "{text}");
        }
        assert_eq!(parse("2025-10-17T13:45:12.337", Zone::Optional), Ok(expected));
        for (text, read_as) in [
            ("1760708712.337", ReadAs::EpochSeconds),
            ("1.760708712337e9", ReadAs::EpochSeconds),
            ("1760708712337", ReadAs::EpochMillis),
            ("1760708712337000", ReadAs::EpochMicros),
        ] {
            let mut out = Vec::new();
            encode(text, read_as, Zone::Required, &mut out).unwrap();
            assert_eq!(micros_of(&out), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "now", "2025-10-17", "20251017T134512Z", "2025-10-17T13:45:12.Z"] {
            assert_eq!(micros(text).unwrap_err().code, "wrong_type", "{text}");
        }
        assert_eq!(micros("2025-10-17T13:45:12").unwrap_err().code, "wrong_type");
        for text in [
            "2025-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-10-17T24:00:01Z",
            "2025-10-17T12:60:00Z",
            "294277-01-01T00:00:00Z",
        ] {
            assert_eq!(micros(text).unwrap_err().code, "out_of_range", "{text}");
        }
    }

    #[test]
    fn leap_seconds_and_midnight_carry() {
        assert_eq!(micros("2016-12-31T23:59:60Z"), micros("2017-01-01T00:00:00Z"));
        assert_eq!(micros("2016-12-31T24:00:00Z"), micros("2017-01-01T00:00:00Z"));
        assert_eq!(micros("2016-12-31T23:59:59.9999999Z"), micros("2017-01-01T00:00:00Z"));
    }
}
