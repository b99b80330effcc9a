//! Time buckets in SQL, and which bucket width may be folded from which finer one.

use howdah_catalog::Literal;
use howdah_system::{Bucket, Level, Rollup, TimeType};

/// The SQL that gives the start of the bucket that holds `time` (a SQL expression of the time
/// column's type).
///
/// Widths below a day are counted from midnight UTC; days and larger start at local midnight of
/// `timezone`, daylight saving included, as `date_trunc(field, time, zone)` defines it.
#[must_use]
pub fn bucket_sql(bucket: Bucket, time: &str, time_type: TimeType, timezone: &str) -> String {
    match (bucket.trunc_field(), time_type) {
        (None, TimeType::Timestamptz) => format!(
            "date_bin('{}', {time}, timestamptz '2000-01-01 00:00:00+00')",
            bucket.interval()
        ),
        (None, TimeType::Timestamp | TimeType::Date) => format!(
            "date_bin('{}', {time}::timestamp, timestamp '2000-01-01 00:00:00')",
            bucket.interval()
        ),
        (Some(field), TimeType::Timestamptz) => {
            format!("date_trunc('{field}', {time}, {})", Literal(timezone))
        }
        (Some(field), TimeType::Timestamp) => format!("date_trunc('{field}', {time})"),
        (Some(field), TimeType::Date) => format!("date_trunc('{field}', {time}::timestamp)::date"),
    }
}

/// The type of the `bucket` column: that of the time column.
#[must_use]
pub fn bucket_type(time_type: TimeType) -> &'static str {
    match time_type {
        TimeType::Timestamptz => "timestamp with time zone",
        TimeType::Timestamp => "timestamp without time zone",
        TimeType::Date => "date",
    }
}

/// The finer level that `rollup.levels[index]` may be folded from, if any: each of its buckets must
/// lie within one bucket of the coarser level.
///
/// Buckets of another zone than UTC are not cut where UTC hours are, so they come from the rows.
#[must_use]
pub fn feeder(rollup: &Rollup, index: usize) -> Option<usize> {
    let coarse = rollup.levels[index].bucket?;
    rollup.levels[..index].iter().rposition(|Level { bucket, .. }| {
        bucket.is_some_and(|fine| nests(fine, coarse, rollup.timezone == "UTC"))
    })
}

/// Whether every bucket of `fine` lies within one bucket of `coarse`.
pub(crate) fn nests(fine: Bucket, coarse: Bucket, utc: bool) -> bool {
    match (fine, coarse) {
        (Bucket::Seconds(fine), Bucket::Seconds(coarse)) => coarse % fine == 0,
        // A width below a day divides a day (the model holds that), so UTC days hold it.
        (Bucket::Seconds(_), _) => utc,
        (Bucket::Day, Bucket::Week | Bucket::Month | Bucket::Quarter | Bucket::Year)
        | (Bucket::Month, Bucket::Quarter | Bucket::Year)
        | (Bucket::Quarter, Bucket::Year) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_do_not_nest_in_months() {
        assert!(!nests(Bucket::Week, Bucket::Month, true));
        assert!(nests(Bucket::Day, Bucket::Week, false));
        assert!(!nests(Bucket::Seconds(3600), Bucket::Day, false));
        assert!(nests(Bucket::Seconds(60), Bucket::Seconds(3600), false));
        assert!(!nests(Bucket::Seconds(7200), Bucket::Seconds(10_800), true));
    }
}
