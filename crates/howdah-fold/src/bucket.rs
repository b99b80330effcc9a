//! Time buckets, as `howdah_rollup::bucket_sql` has the server cut them.

use howdah_system::{Bucket, TimeType};
use jiff::civil;
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Span, Timestamp};

use crate::fault::Fault;
use crate::literal::{DAY_US, EPOCH_DAYS, days};

const RANGE: Fault = Fault("a time is outside of the years 1 to 9999");
/// `date_bin` puts times before its origin that are starts of a bucket one bucket too early in
/// PostgreSQL 15.5, 16.1 and before; newer servers do not. The server at hand decides.
const BEFORE_ORIGIN: Fault = Fault("a bucket begins before the year 2000");

/// The first and last time that is cut, in microseconds since 2000-01-01.
const FIRST: i64 = -63_082_281_600_000_000;
const LAST: i64 = 252_455_615_999_999_999;

/// Widths of the remembered slots; offsets of time zones change at multiples of it, and where one
/// does not, nothing is remembered.
const SLOT_US: i64 = 900_000_000;
const SLOTS: usize = 256;

/// Cuts times into the buckets of one level.
#[derive(Debug, Clone)]
pub(crate) struct Cutter {
    bucket: Bucket,
    date: bool,
    zone: Option<TimeZone>,
}

/// The buckets of quarters of an hour that were cut before, in a zone of changing offsets.
#[derive(Debug)]
pub(crate) struct Remembered(Vec<(i64, i64)>);

impl Remembered {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }
}

impl Cutter {
    /// `None` for a zone that is not known here.
    pub(crate) fn new(bucket: Bucket, time: TimeType, timezone: &str) -> Option<Self> {
        let local = bucket.trunc_field().is_some() && time == TimeType::Timestamptz;
        let zone =
            if local && timezone != "UTC" { Some(TimeZone::get(timezone).ok()?) } else { None };
        Some(Self { bucket, date: time == TimeType::Date, zone })
    }

    /// Whether it cuts by the offsets of a time zone.
    pub(crate) fn is_local(&self) -> bool {
        self.zone.is_some()
    }

    /// The start of the bucket that holds `time`; both in the unit of the time column:
    /// microseconds, or days, since 2000-01-01.
    pub(crate) fn cut(&self, time: i64, remembered: &mut Remembered) -> Result<i64, Fault> {
        let unit = if self.date { DAY_US } else { 1 };
        let micros = time.checked_mul(unit).filter(|us| (FIRST..=LAST).contains(us));
        let micros = micros.ok_or(RANGE)?;
        match (&self.zone, self.bucket) {
            (_, Bucket::Seconds(width)) => {
                let width = i64::from(width) * 1_000_000;
                if micros < 0 && micros % width == 0 {
                    return Err(BEFORE_ORIGIN);
                }
                Ok(micros.div_euclid(width) * width / unit)
            }
            (None, bucket) => {
                let start = start_of(micros.div_euclid(DAY_US), bucket).ok_or(RANGE)?;
                Ok(if self.date { start } else { start * DAY_US })
            }
            (Some(zone), _) => self.cut_local(micros, zone, remembered),
        }
    }

    fn cut_local(
        &self,
        time: i64,
        zone: &TimeZone,
        remembered: &mut Remembered,
    ) -> Result<i64, Fault> {
        let slot = time.div_euclid(SLOT_US);
        let place = slot.rem_euclid(SLOTS as i64) as usize;
        if remembered.0.is_empty() {
            remembered.0 = vec![(i64::MIN, 0); SLOTS];
        }
        if remembered.0[place].0 == slot {
            return Ok(remembered.0[place].1);
        }
        let (start, _) = self.local(time, zone)?;
        // Local time runs evenly in a slot whose ends have one offset; if they also have one
        // bucket, so has all between.
        let begin = self.local(slot * SLOT_US, zone)?;
        let end = self.local(slot * SLOT_US + SLOT_US - 1, zone)?;
        if begin == end {
            remembered.0[place] = (slot, start);
        }
        Ok(start)
    }

    /// The bucket's start and the offset at `time`.
    fn local(&self, time: i64, zone: &TimeZone) -> Result<(i64, i32), Fault> {
        let unix = time + EPOCH_DAYS * DAY_US;
        let at = Timestamp::from_microsecond(unix).map_err(|_| RANGE)?;
        let offset = zone.to_offset(at);
        let day = days(offset.to_datetime(at).date());
        let start = start_of(day, self.bucket).and_then(civil_date).ok_or(RANGE)?;
        // `DetermineTimeZoneOffset`: a local time that does not exist is taken by the offset
        // before, one that exists twice by the offset after.
        let start = zone
            .to_ambiguous_timestamp(start.to_datetime(civil::Time::midnight()))
            .disambiguate(Disambiguation::Later)
            .map_err(|_| RANGE)?;
        Ok((start.as_microsecond() - EPOCH_DAYS * DAY_US, offset.seconds()))
    }
}

fn civil_date(day: i64) -> Option<civil::Date> {
    let span = Span::new().try_days(day + EPOCH_DAYS).ok()?;
    civil::date(1970, 1, 1).checked_add(span).ok()
}

/// The first day of the bucket that holds a day, both in days since 2000-01-01.
fn start_of(day: i64, bucket: Bucket) -> Option<i64> {
    if bucket == Bucket::Day {
        return Some(day);
    }
    if bucket == Bucket::Week {
        // 2000-01-03 was a Monday.
        return Some((day - 2).div_euclid(7) * 7 + 2);
    }
    let date = civil_date(day)?;
    let month = match bucket {
        Bucket::Month => date.month(),
        Bucket::Quarter => (date.month() - 1) / 3 * 3 + 1,
        _ => 1,
    };
    civil::Date::new(date.year(), month, 1).ok().map(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let time: Timestamp = text.parse().expect(text);
        time.as_microsecond() - EPOCH_DAYS * DAY_US
    }

    fn cut(bucket: Bucket, zone: &str, time: &str) -> String {
        let cutter = Cutter::new(bucket, TimeType::Timestamptz, zone).expect("known");
        let mut remembered = Remembered::new();
        let start = cutter.cut(at(time), &mut remembered).expect(time);
        assert_eq!(cutter.cut(at(time), &mut remembered), Ok(start), "remembered");
        Timestamp::from_microsecond(start + EPOCH_DAYS * DAY_US).expect("in range").to_string()
    }

    #[test]
    fn widths_are_counted_from_midnight_utc() {
        let time = "2026-11-21T10:07:33.123456Z";
        assert_eq!(cut(Bucket::Seconds(60), "UTC", time), "2026-11-21T10:07:00Z");
        assert_eq!(cut(Bucket::Seconds(14_400), "UTC", time), "2026-11-21T08:00:00Z");
        assert_eq!(
            cut(Bucket::Seconds(60), "UTC", "1999-12-31T23:59:59.5Z"),
            "1999-12-31T23:59:00Z"
        );
    }

    #[test]
    fn calendar_buckets_begin_at_midnight() {
        let time = "2026-11-21T10:07:33Z";
        for (bucket, start) in [
            (Bucket::Day, "2026-11-21T00:00:00Z"),
            (Bucket::Week, "2026-11-16T00:00:00Z"),
            (Bucket::Month, "2026-11-01T00:00:00Z"),
            (Bucket::Quarter, "2026-10-01T00:00:00Z"),
            (Bucket::Year, "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(cut(bucket, "UTC", time), start);
        }
    }

    #[test]
    fn local_midnight_follows_daylight_saving() {
        let ny = |time| cut(Bucket::Day, "America/New_York", time);
        assert_eq!(ny("2026-11-01T12:00:00Z"), "2026-11-01T04:00:00Z");
        assert_eq!(ny("2026-11-02T04:59:59Z"), "2026-11-01T04:00:00Z");
        assert_eq!(ny("2026-11-02T05:00:00Z"), "2026-11-02T05:00:00Z");
        // Havana has two midnights on the day that summer ends; PostgreSQL takes the second.
        assert_eq!(
            cut(Bucket::Day, "America/Havana", "2025-11-02T04:30:00Z"),
            "2025-11-02T05:00:00Z"
        );
        // Santiago had no midnight on the day that summer began.
        assert_eq!(
            cut(Bucket::Day, "America/Santiago", "2025-09-07T12:00:00Z"),
            "2025-09-07T04:00:00Z"
        );
    }
}
