//! The texts of lengths of time and sizes: `7 days`, `1h 30m`, `16 MiB`.

use std::time::Duration;

use crate::time::{Bucket, Span};

/// What is wrong with a value, before it is known where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Lower-case, without a full stop.
    pub(crate) message: String,
    /// As sentences.
    pub(crate) hint: Option<String>,
}

impl Complaint {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Seconds(u32),
    Days(u32),
    Months(u32),
}

impl Unit {
    /// The unit of a word; `m` is a minute, a month is `mo`.
    fn of(word: &str) -> Option<Self> {
        Some(match word.to_lowercase().as_str() {
            "ms" | "millisecond" | "milliseconds" => Self::Milliseconds,
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Seconds(1),
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Seconds(60),
            "h" | "hour" | "hours" => Self::Seconds(3600),
            "d" | "day" | "days" => Self::Days(1),
            "w" | "week" | "weeks" => Self::Days(7),
            "mo" | "mon" | "mons" | "month" | "months" => Self::Months(1),
            "q" | "quarter" | "quarters" => Self::Months(3),
            "y" | "year" | "years" => Self::Months(12),
            _ => return None,
        })
    }
}

/// `1h 30m` as pairs of number and unit; white space is free.
fn parts(text: &str) -> Option<Vec<(u32, Unit)>> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        found.push((number, Unit::of(rest.get(..letters)?)?));
        rest = rest.get(letters..)?.trim_start();
    }
    (!found.is_empty()).then_some(found)
}

fn not_a_length(text: &str, like: &str) -> Complaint {
    Complaint::new(
        format!("\"{text}\" is not a length of time"),
        format!("Write a whole number and a unit, such as {like}."),
    )
}

/// A policy's length of time: `7 days`, `1 year`, `1h 30m`; not zero.
pub(crate) fn span(text: &str) -> Result<Span, Complaint> {
    let like = "\"90 s\", \"5 minutes\", \"7 days\" or \"1 year\"";
    let wrong = || not_a_length(text, like);
    let too_long = || Complaint::new(format!("\"{text}\" is too long"), "At most 1000 years.");
    let mut span = Span::default();
    for (number, unit) in parts(text).ok_or_else(wrong)? {
        let (field, factor) = match unit {
            Unit::Milliseconds => return Err(wrong()),
            Unit::Seconds(factor) => (&mut span.seconds, factor),
            Unit::Days(factor) => (&mut span.days, factor),
            Unit::Months(factor) => (&mut span.months, factor),
        };
        *field = number
            .checked_mul(factor)
            .and_then(|added| field.checked_add(added))
            .ok_or_else(too_long)?;
    }
    if span.months > 12_000 || span.days > 366_000 {
        return Err(too_long());
    }
    if span == Span::default() {
        return Err(Complaint::new("a length of time of nothing", "Leave the key out instead."));
    }
    Ok(span)
}

/// An exact length of time of a limit: `20 ms`, `5 s`, `1 min`; at most a day.
pub(crate) fn duration(text: &str) -> Result<Duration, Complaint> {
    let wrong = || not_a_length(text, "\"20 ms\", \"5 s\" or \"1 min\"");
    let mut total = Duration::ZERO;
    for (number, unit) in parts(text).ok_or_else(wrong)? {
        let part = match unit {
            Unit::Milliseconds => Duration::from_millis(u64::from(number)),
            Unit::Seconds(factor) => Duration::from_secs(u64::from(number) * u64::from(factor)),
            Unit::Days(factor) => {
                Duration::from_secs(u64::from(number) * u64::from(factor) * 86_400)
            }
            Unit::Months(_) => return Err(wrong()),
        };
        total = total.saturating_add(part);
    }
    if total > Duration::from_secs(86_400) {
        return Err(Complaint::new(format!("\"{text}\" is too long"), "At most 1 day."));
    }
    Ok(total)
}

/// The width of a bucket or chunk: a part of a day, a day, a week, a month, a quarter or a year.
pub(crate) fn bucket(text: &str) -> Result<Bucket, Complaint> {
    let possible = "Possible are seconds, minutes and hours that divide a day evenly (such as \
                    \"5 minutes\" or \"4 hours\"), \"1 day\", \"1 week\", \"1 month\", \
                    \"1 quarter\" and \"1 year\".";
    let wrong = |what: &str| Complaint::new(format!("\"{text}\" {what}"), possible);
    let (number, unit) = match parts(text).as_deref() {
        Some([one]) => *one,
        _ => return Err(wrong("is not the width of a bucket")),
    };
    match unit {
        Unit::Milliseconds => Err(wrong("is not the width of a bucket")),
        Unit::Seconds(factor) => match number.checked_mul(factor) {
            Some(86_400) => Ok(Bucket::Day),
            Some(n) if n > 0 && 86_400 % n == 0 => Ok(Bucket::Seconds(n)),
            _ => Err(wrong("does not divide a day evenly")),
        },
        Unit::Days(factor) => match number.saturating_mul(factor) {
            1 => Ok(Bucket::Day),
            7 => Ok(Bucket::Week),
            _ => Err(wrong("is not a whole unit of the calendar")),
        },
        Unit::Months(factor) => match number.saturating_mul(factor) {
            1 => Ok(Bucket::Month),
            3 => Ok(Bucket::Quarter),
            12 => Ok(Bucket::Year),
            _ => Err(wrong("is not a whole unit of the calendar")),
        },
    }
}

/// A size in bytes: `16 MiB`, `8MB`, `512 kB`, `100 B`. k, M and G are powers of 1000; Ki, Mi and
/// Gi are powers of 1024 (IEC 80000-13).
pub(crate) fn size(text: &str) -> Result<usize, Complaint> {
    let wrong = || {
        Complaint::new(
            format!("\"{text}\" is not a size"),
            "Write a whole number and a unit, such as \"16 MiB\", \"8 MB\" or \"512 kB\".",
        )
    };
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at_checked(digits).ok_or_else(wrong)?;
    let number: usize = number.parse().map_err(|_| wrong())?;
    let factor = match unit.trim().to_lowercase().as_str() {
        "b" | "byte" | "bytes" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        for (text, months, days, seconds) in [
            ("7 days", 0, 7, 0),
            ("1 year", 12, 0, 0),
            ("90 s", 0, 0, 90),
            ("1h 30m", 0, 0, 5400),
            ("2weeks 1 mo", 1, 14, 0),
            ("1 quarter", 3, 0, 0),
        ] {
            assert_eq!(span(text), Ok(Span { months, days, seconds }), "{text}");
        }
        for text in [
            "",
            "7",
            "days",
            "1.5 h",
            "-1 day",
            "7 dayz",
            "20 ms",
            "0 s",
            "9999999999 d",
            "4000 years",
            "1 day 2",
            "ä",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("20 ms"), Ok(Duration::from_millis(20)));
        assert_eq!(duration("1 min 5 s"), Ok(Duration::from_secs(65)));
        assert_eq!(duration("0 s"), Ok(Duration::ZERO));
        for text in ["1 month", "5", "2 days", ""] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn buckets_are_read() {
        for (text, wanted) in [
            ("1 minute", Bucket::Seconds(60)),
            ("30 s", Bucket::Seconds(30)),
            ("4 hours", Bucket::Seconds(14_400)),
            ("24 hours", Bucket::Day),
            ("1 day", Bucket::Day),
            ("7 days", Bucket::Week),
            ("1 week", Bucket::Week),
            ("1 month", Bucket::Month),
            ("3 months", Bucket::Quarter),
            ("1 year", Bucket::Year),
        ] {
            assert_eq!(bucket(text), Ok(wanted), "{text}");
            assert_eq!(bucket(&wanted.to_string()), Ok(wanted), "{wanted}");
        }
        for text in ["7 minutes", "2 days", "5 hours", "2 months", "0 s", "1h 30m", "x", ""] {
            assert!(bucket(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read() {
        for (text, wanted) in [
            ("16 MiB", 16 << 20),
            ("8MB", 8_000_000),
            ("512 kB", 512_000),
            ("100 B", 100),
            ("1 GiB", 1 << 30),
        ] {
            assert_eq!(size(text), Ok(wanted), "{text}");
        }
        for text in ["16", "MB", "-1 MB", "1.5 MB", "99999999999999999999 B", "ä 1"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
