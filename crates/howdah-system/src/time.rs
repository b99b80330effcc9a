//! Lengths of time: spans for policies, buckets for rollups and chunks.

use std::fmt;

/// A length of time of a policy (`keep`, `accept`, `after`). Months and days are calendar units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Months (12 for a year).
    pub months: u32,
    /// Days (7 for a week).
    pub days: u32,
    /// Seconds below a day.
    pub seconds: u32,
}

impl fmt::Display for Span {
    /// As PostgreSQL's interval input takes it: `14 mons 3 days 30 secs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mons {} days {} secs", self.months, self.days, self.seconds)
    }
}

/// The width of a time bucket or chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// A number of seconds that divides a day; boundaries are counted from midnight UTC.
    Seconds(u32),
    /// A day.
    Day,
    /// A week from Monday.
    Week,
    /// A month.
    Month,
    /// A quarter.
    Quarter,
    /// A year.
    Year,
}

impl Bucket {
    /// The suffix of a table's name: `1m`, `4h`, `1d`, `1w`, `1mo`, `1q`, `1y`, `30s`.
    #[must_use]
    pub fn suffix(self) -> String {
        match self {
            Self::Seconds(n) if n % 3600 == 0 => format!("{}h", n / 3600),
            Self::Seconds(n) if n % 60 == 0 => format!("{}m", n / 60),
            Self::Seconds(n) => format!("{n}s"),
            Self::Day => "1d".into(),
            Self::Week => "1w".into(),
            Self::Month => "1mo".into(),
            Self::Quarter => "1q".into(),
            Self::Year => "1y".into(),
        }
    }

    /// Its longest length in µs: a year has 366 days.
    #[must_use]
    pub fn longest_us(self) -> i64 {
        const DAY: i64 = 86_400_000_000;
        match self {
            Self::Seconds(n) => i64::from(n) * 1_000_000,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 31 * DAY,
            Self::Quarter => 92 * DAY,
            Self::Year => 366 * DAY,
        }
    }

    /// The field name of `date_trunc`, for calendar buckets.
    #[must_use]
    pub fn trunc_field(self) -> Option<&'static str> {
        match self {
            Self::Seconds(_) => None,
            Self::Day => Some("day"),
            Self::Week => Some("week"),
            Self::Month => Some("month"),
            Self::Quarter => Some("quarter"),
            Self::Year => Some("year"),
        }
    }

    /// The width as an interval that PostgreSQL takes: `60 seconds`, `1 day`, `3 months`.
    #[must_use]
    pub fn interval(self) -> String {
        match self {
            Self::Seconds(n) => format!("{n} seconds"),
            Self::Day => "1 day".into(),
            Self::Week => "7 days".into(),
            Self::Month => "1 month".into(),
            Self::Quarter => "3 months".into(),
            Self::Year => "1 year".into(),
        }
    }
}

impl fmt::Display for Bucket {
    /// As the system file writes it: `1 minute`, `4 hours`, `1 day`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match self {
            Self::Seconds(n) if n % 3600 == 0 => (n / 3600, "hour"),
            Self::Seconds(n) if n % 60 == 0 => (n / 60, "minute"),
            Self::Seconds(n) => (*n, "second"),
            Self::Day => (1, "day"),
            Self::Week => (1, "week"),
            Self::Month => (1, "month"),
            Self::Quarter => (1, "quarter"),
            Self::Year => (1, "year"),
        };
        write!(f, "{n} {unit}{}", if n == 1 { "" } else { "s" })
    }
}
