//! Chunks: which part of time each holds, what it is called, and the SQL that makes one.
//!
//! Times are µs since 2000-01-01 00:00 UTC, PostgreSQL's own epoch.

use std::ops::Range;

use howdah_catalog::name::fitting;
use howdah_catalog::{Bound, Catalog, Ident, Literal, RelName};
use howdah_system::{Bucket, Stream, TimeType};
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::step::{Lock, LockMode, Step};

pub use howdah_rollup::history::CHUNK_SCHEMA;

/// µs between 1970 and 2000.
const EPOCH_2000_US: i64 = 946_684_800_000_000;

/// One chunk of a stream: a half-open range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chunk {
    /// Inclusive.
    pub from_us: i64,
    /// Exclusive.
    pub to_us: i64,
}

impl Chunk {
    /// The chunk of width `bucket` that holds `time_us`; `None` outside years 1 to 9999.
    #[must_use]
    pub fn holding(bucket: Bucket, time_us: i64) -> Option<Self> {
        if let Bucket::Seconds(seconds) = bucket {
            let width = i64::from(seconds) * 1_000_000;
            let from_us = time_us.div_euclid(width).checked_mul(width)?;
            return Some(Self { from_us, to_us: from_us.checked_add(width)? });
        }
        let date = date_of(time_us)?;
        let from = first_day(bucket, date)?;
        let to = next_day(bucket, from)?;
        Some(Self { from_us: us_of(from)?, to_us: us_of(to)? })
    }

    /// The chunk after this one.
    #[must_use]
    pub fn next(self, bucket: Bucket) -> Option<Self> {
        Self::holding(bucket, self.to_us)
    }

    /// Whether any time is in both.
    #[must_use]
    pub fn overlaps(self, other: &Range<i64>) -> bool {
        self.from_us < other.end && other.start < self.to_us
    }

    /// Its table: `howdah_chunks.trades_20251017`, with hour and minute for narrower chunks.
    #[must_use]
    pub fn name(self, stream: &Stream) -> RelName {
        let stamp = timestamp(self.from_us).map_or_else(
            || self.from_us.to_string(),
            |time| {
                let whole = Self::holding(stream.chunk, self.from_us)
                    .is_some_and(|whole| whole.from_us == self.from_us);
                let format = match stream.chunk {
                    _ if !whole => "%Y%m%d_%H%M%S",
                    Bucket::Seconds(n) if n < 60 => "%Y%m%d_%H%M%S",
                    Bucket::Seconds(_) => "%Y%m%d_%H%M",
                    _ => "%Y%m%d",
                };
                time.to_zoned(TimeZone::UTC).strftime(format).to_string()
            },
        );
        chunk_name(&stream.table, &stamp)
    }

    /// The bound as SQL: `from ('…') to ('…')`.
    #[must_use]
    pub fn bound(self, time_type: TimeType) -> String {
        format!(
            "from ({}) to ({})",
            Literal(&time_text(self.from_us, time_type)),
            Literal(&time_text(self.to_us, time_type))
        )
    }
}

/// The name of a chunk in [`CHUNK_SCHEMA`]. Streams of other schemas than public carry it.
pub(crate) fn chunk_name(table: &RelName, stamp: &str) -> RelName {
    let base = table.plain().replace('.', "_");
    RelName { schema: Ident::new(CHUNK_SCHEMA), name: fitting(&base, stamp) }
}

/// A time as the time column's type takes it, in UTC.
#[must_use]
pub fn time_text(time_us: i64, time_type: TimeType) -> String {
    let Some(time) = timestamp(time_us) else { return "infinity".to_owned() };
    let zoned = time.to_zoned(TimeZone::UTC);
    match time_type {
        TimeType::Timestamptz => format!("{}+00", zoned.strftime("%Y-%m-%d %H:%M:%S%.f")),
        TimeType::Timestamp => zoned.strftime("%Y-%m-%d %H:%M:%S%.f").to_string(),
        TimeType::Date => zoned.strftime("%Y-%m-%d").to_string(),
    }
}

/// A time as PostgreSQL prints it (DateStyle ISO, TimeZone UTC), in µs; `None` for infinity, years
/// before 1 and whatever else is no plain time.
#[must_use]
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let timestamp: Timestamp = if text.len() == 10 {
        format!("{text}T00:00:00Z").parse().ok()?
    } else if text.ends_with("+00") {
        format!("{}Z", text.trim_end_matches("+00").replace(' ', "T")).parse().ok()?
    } else if text.contains('+') {
        text.replace(' ', "T").parse().ok()?
    } else {
        format!("{}Z", text.replace(' ', "T")).parse().ok()?
    };
    Some(timestamp.as_microsecond() - EPOCH_2000_US)
}

/// The ranges of time that a stream's partitions hold, in order; unbounded ends are the extremes.
#[must_use]
pub fn covered(catalog: &Catalog, table: &RelName) -> Vec<Range<i64>> {
    let mut out: Vec<Range<i64>> = catalog
        .partitions_of(table)
        .filter_map(|partition| range_of(&partition.partition_of.as_ref()?.bound))
        .collect();
    out.sort_by_key(|range| range.start);
    out
}

/// The times that a range partition holds; unbounded ends are the extremes.
#[must_use]
pub fn range_of(bound: &Bound) -> Option<Range<i64>> {
    let Bound::Range { from, to } = bound else { return None };
    let start = from.as_deref().map_or(Some(i64::MIN), parse_time)?;
    let end = to.as_deref().map_or(Some(i64::MAX), parse_time)?;
    Some(start..end)
}

/// The part of `chunk` that no range of `covered` holds, when that part is one piece; the chunk
/// beside an adopted, wider partition is cut short by it.
#[must_use]
pub fn free_part(chunk: Chunk, covered: &[Range<i64>], time_us: i64) -> Option<Chunk> {
    let mut free = chunk;
    for range in covered {
        if range.contains(&time_us) {
            return None;
        }
        if range.end <= time_us {
            free.from_us = free.from_us.max(range.end);
        } else {
            free.to_us = free.to_us.min(range.start);
        }
    }
    (free.from_us < free.to_us).then_some(free)
}

/// The statements that make a chunk: a table like the stream's, closed to everybody but the owner,
/// then attached. Attaching waits for no reader or writer; creating it as a partition would.
#[must_use]
pub fn create(stream: &Stream, chunk: Chunk) -> Vec<String> {
    let name = chunk.name(stream);
    vec![
        format!(
            "create table {name} (like {} including comments including compression \
             including constraints including defaults including generated including statistics \
             including storage)",
            stream.table
        ),
        close(&name),
        format!(
            "alter table {} attach partition {name} for values {}",
            stream.table,
            chunk.bound(stream.time_type)
        ),
    ]
}

/// Closes a partition: row security without a policy hides every row from all but the owner.
pub(crate) fn close(partition: &RelName) -> String {
    format!("alter table {partition} enable row level security")
}

/// The step that makes a chunk.
pub(crate) fn create_step(stream: &Stream, chunk: Chunk) -> Step {
    let name = chunk.name(stream);
    Step::new(
        format!("chunk {}", name.name.as_str()),
        format!(
            "make the chunk {} of {} ({} to {})",
            name.name.as_str(),
            stream.table.plain(),
            time_text(chunk.from_us, stream.time_type),
            time_text(chunk.to_us, stream.time_type),
        ),
        create(stream, chunk),
    )
    .lock(Lock::moment(LockMode::ShareUpdateExclusive, &stream.table))
    .undo(vec![
        format!("alter table {} detach partition {name}", stream.table),
        format!("drop table {name}"),
    ])
    .check(attached_check(&stream.table, &name))
}

/// Whether `partition` is a partition of `parent`.
pub(crate) fn attached_check(parent: &RelName, partition: &RelName) -> String {
    format!(
        "select exists (select from pg_catalog.pg_inherits where inhparent = to_regclass({}) \
         and inhrelid = to_regclass({}))",
        Literal(&parent.to_string()),
        Literal(&partition.to_string())
    )
}

fn timestamp(time_us: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(time_us.checked_add(EPOCH_2000_US)?).ok()
}

fn date_of(time_us: i64) -> Option<Date> {
    let date = timestamp(time_us)?.to_zoned(TimeZone::UTC).date();
    (date.year() >= 1).then_some(date)
}

fn us_of(date: Date) -> Option<i64> {
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond() - EPOCH_2000_US)
}

fn first_day(bucket: Bucket, date: Date) -> Option<Date> {
    match bucket {
        Bucket::Seconds(_) | Bucket::Day => Some(date),
        Bucket::Week => {
            let back = i64::from(date.weekday().since(Weekday::Monday));
            date.checked_sub(SignedDuration::from_hours(24 * back)).ok()
        }
        Bucket::Month => Date::new(date.year(), date.month(), 1).ok(),
        Bucket::Quarter => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok(),
        Bucket::Year => Date::new(date.year(), 1, 1).ok(),
    }
}

fn next_day(bucket: Bucket, first: Date) -> Option<Date> {
    use jiff::ToSpan as _;
    let step = match bucket {
        Bucket::Seconds(_) | Bucket::Day => 1.day(),
        Bucket::Week => 7.days(),
        Bucket::Month => 1.month(),
        Bucket::Quarter => 3.months(),
        Bucket::Year => 1.year(),
    };
    first.checked_add(step).ok()
}

/// The chunks from the one that holds `now_us` through `ahead` further ones, those that no
/// partition holds yet.
#[must_use]
pub fn missing_ahead(stream: &Stream, covered: &[Range<i64>], now_us: i64) -> Vec<Chunk> {
    let mut out = Vec::new();
    let Some(mut chunk) = Chunk::holding(stream.chunk, now_us) else { return out };
    for _ in 0..=stream.ahead {
        let mut at = chunk.from_us;
        // A wider adopted partition may hold the beginning of the chunk; what is left is made.
        while at < chunk.to_us {
            match covered.iter().find(|range| range.contains(&at)) {
                Some(range) => at = range.end,
                None => match free_part(chunk, covered, at) {
                    Some(free) => {
                        at = free.to_us;
                        out.push(free);
                    }
                    None => break,
                },
            }
        }
        match chunk.next(stream.chunk) {
            Some(next) => chunk = next,
            None => break,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        parse_time(text).expect("a time")
    }

    #[test]
    fn chunks_hold_their_time_and_follow_each_other() {
        for bucket in [
            Bucket::Seconds(3600),
            Bucket::Day,
            Bucket::Week,
            Bucket::Month,
            Bucket::Quarter,
            Bucket::Year,
        ] {
            for time in ["1969-12-31 23:59:59.999999+00", "2000-01-01 00:00:00+00", "2024-02-29"] {
                let at = us(time);
                let chunk = Chunk::holding(bucket, at).expect("in range");
                assert!(chunk.from_us <= at && at < chunk.to_us, "{bucket} {time}");
                let next = chunk.next(bucket).expect("in range");
                assert_eq!(next.from_us, chunk.to_us);
            }
        }
        let week = Chunk::holding(Bucket::Week, us("2025-10-17")).expect("in range");
        assert_eq!(time_text(week.from_us, TimeType::Date), "2025-10-13");
    }

    #[test]
    fn a_chunk_beside_a_wider_partition_is_cut() {
        let day = Chunk::holding(Bucket::Day, us("2025-10-17 12:00:00+00")).expect("in range");
        let until = us("2025-10-17 06:00:00+00");
        let covered: Vec<Range<i64>> = std::iter::once(i64::MIN..until).collect();
        let free = free_part(day, &covered, us("2025-10-17 12:00:00+00")).expect("free");
        assert_eq!((free.from_us, free.to_us), (until, day.to_us));
        assert_eq!(free_part(day, &covered, us("2025-10-17 01:00:00+00")), None);
    }
}
