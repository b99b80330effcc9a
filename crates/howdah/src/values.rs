//! What the texts of arguments mean: times, spans, rates, names with paths.

use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};

/// A time as milliseconds since 1970: RFC 3339, or a date, which means its first moment in UTC.
pub fn time_ms(text: &str) -> Result<i64, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    text.parse::<Date>()
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map(|time| time.timestamp().as_millisecond())
        .map_err(|_| "a time looks like 2026-11-21T12:00:00Z, or 2026-11-21".to_owned())
}

/// A span as milliseconds: "24h", "90 min", "7 days" (days of 24 hours).
pub fn span_ms(text: &str) -> Result<i64, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|span| i64::try_from(span.as_millis()).ok())
        .filter(|ms| *ms > 0)
        .ok_or_else(|| "a span looks like 24h, \"90 min\" or \"7 days\"".to_owned())
}

/// A rate as events a second: "5000/s" or "5000".
pub fn rate(text: &str) -> Result<u64, String> {
    text.strip_suffix("/s")
        .unwrap_or(text)
        .parse()
        .ok()
        .filter(|rate| *rate > 0)
        .ok_or_else(|| "a rate looks like 5000/s".to_owned())
}

/// "trades=day.ndjson": a name and a path.
pub fn name_and_path(text: &str) -> Result<(String, PathBuf), String> {
    text.split_once('=')
        .filter(|(name, path)| !name.is_empty() && !path.is_empty())
        .map(|(name, path)| (name.to_owned(), PathBuf::from(path)))
        .ok_or_else(|| "it looks like trades=day.ndjson".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_spans_and_rates_are_read() {
        assert_eq!(time_ms("1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(time_ms("1970-01-02"), Ok(86_400_000));
        assert!(time_ms("yesterday").is_err());
        assert_eq!(span_ms("90 min"), Ok(5_400_000));
        assert_eq!(span_ms("7 days"), Ok(7 * 86_400_000));
        assert!(span_ms("0s").is_err());
        assert_eq!(rate("5000/s"), Ok(5_000));
        assert!(rate("0").is_err());
        assert_eq!(name_and_path("a=b=c"), Ok(("a".to_owned(), PathBuf::from("b=c"))));
        assert!(name_and_path("a=").is_err());
    }
}
