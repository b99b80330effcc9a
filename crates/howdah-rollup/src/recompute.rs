//! Rebuild and proof: the same aggregation as the fold, over the stream's rows instead of a batch.

use howdah_catalog::{Literal, name};
use howdah_system::{Bucket, Level, Rollup, Stream, TimeType};

use crate::bucket::{bucket_sql, bucket_type, nests};
use crate::column::{ColumnRole, RollupColumn, columns};
use crate::fold::from_rows;
use crate::horizon::is_whole;
use crate::position;
use crate::table::{BUCKET, key};

/// A half-open range of buckets, as texts of the bucket's type. A state has no buckets: its range
/// is everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The start of the first bucket.
    pub from: String,
    /// The start of the bucket after the last.
    pub to: String,
}

/// What the table of a level should hold, from the stream's rows; columns: key, then stored.
#[must_use]
pub fn recomputed(stream: &Stream, rollup: &Rollup, index: usize, range: Option<&Range>) -> String {
    if let Some(fold) = position::position_of(rollup) {
        return position::recompute(stream, rollup, fold, &stream.table.to_string());
    }
    let condition = range.map(|range| {
        let ty = bucket_type(stream.time_type);
        format!(
            "{time} >= {from}::{ty} and {time} < {to}::{ty}",
            time = stream.time,
            from = Literal(&range.from),
            to = Literal(&range.to),
        )
    });
    from_rows(stream, rollup, index, &stream.table.to_string(), condition.as_deref())
}

/// The statements that rebuild a range (or all) of a level, to be run in one transaction that holds
/// the stream's lock exclusively. Columns that howdah does not keep are left alone in rows that
/// stay; a state's row whose events are gone is reset if it has such columns, else removed.
#[must_use]
pub fn rebuild(
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    range: Option<&Range>,
    has_foreign_columns: bool,
) -> Vec<String> {
    let level = &rollup.levels[index];
    let table = &level.table;
    let keys = key(rollup, level);
    let key_list = name::list(&keys);
    let stored: Vec<_> = columns(stream, rollup).stored;
    let names = name::list(stored.iter().map(|column| &column.name));
    let fresh = whole(stream, level, recomputed(stream, rollup, index, range));
    // Of a row that reaches before the horizon nothing is taken.
    let within: Vec<String> = range
        .map(|range| in_range(stream, range))
        .into_iter()
        .chain(is_whole(stream, level, "x"))
        .collect();
    let within =
        if within.is_empty() { String::new() } else { format!(" where {}", within.join(" and ")) };
    if has_foreign_columns {
        let sets =
            stored.iter().map(|column| format!("{name} = excluded.{name}", name = column.name));
        return vec![
            format!("update {table} x set {}{within}", emptied(&stored)),
            format!(
                "insert into {table} ({key_list}, {names}) {fresh} order by {key_list} \
                 on conflict ({key_list}) do update set {}",
                name::list(sets)
            ),
        ];
    }
    let mut out = vec![
        format!("delete from {table} x{within}"),
        format!("insert into {table} ({key_list}, {names}) {fresh} order by {key_list}"),
    ];
    if level.bucket.is_none() && stream.horizon.is_some() {
        // A state that is new counts what there is.
        out.push(format!(
            "insert into {table} ({key_list}, {names}) {} order by {key_list} \
             on conflict ({key_list}) do nothing",
            recomputed(stream, rollup, index, range)
        ));
    }
    out
}

/// Those rows of the query `fresh` of which no event is gone.
pub(crate) fn whole(stream: &Stream, level: &Level, fresh: String) -> String {
    match is_whole(stream, level, "f") {
        Some(condition) => format!("select * from ({fresh}) f where {condition}"),
        None => fresh,
    }
}

/// The proof: a query that gives one row `(missing, surplus)`: how many rows the table should hold
/// and does not, and how many it holds and should not (a wrong value counts on both sides).
/// Decimals are equal by value, nulls are equal.
#[must_use]
pub fn proof(stream: &Stream, rollup: &Rollup, index: usize, range: Option<&Range>) -> String {
    let level = &rollup.levels[index];
    let kept = kept(stream, rollup, level, range);
    difference(&fresh(stream, rollup, index, range), &kept)
}

/// How many rows of the query `fresh` the query `kept` lacks, and the other way round.
pub(crate) fn difference(fresh: &str, kept: &str) -> String {
    format!(
        "with fresh as materialized ({fresh}), kept as materialized ({kept}) \
         select (select count(*) from (select * from fresh except all select * from kept) m), \
         (select count(*) from (select * from kept except all select * from fresh) s)"
    )
}

/// A query for the keys of up to `limit` rows that differ, as JSON text; for people.
#[must_use]
pub fn differing_keys(
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    range: Option<&Range>,
    limit: u32,
) -> String {
    let level = &rollup.levels[index];
    let kept = kept(stream, rollup, level, range);
    let keys = name::list(key(rollup, level));
    differing(&fresh(stream, rollup, index, range), &kept, &keys, limit)
}

/// The `keys` of up to `limit` rows in which two queries differ, as JSON text.
pub(crate) fn differing(fresh: &str, kept: &str, keys: &str, limit: u32) -> String {
    format!(
        "with fresh as materialized ({fresh}), kept as materialized ({kept}), \
         d as ((select * from fresh except all select * from kept) union all \
         (select * from kept except all select * from fresh)) \
         select distinct row_to_json(howdah_key)::text \
         from (select {keys} from d) howdah_key limit {limit}"
    )
}

/// What the table should hold. A row whose measures are all empty does not count, because in the
/// table it is not told from one that only carries columns of others.
fn fresh(stream: &Stream, rollup: &Rollup, index: usize, range: Option<&Range>) -> String {
    let fresh = whole(stream, &rollup.levels[index], recomputed(stream, rollup, index, range));
    if range.is_some() {
        return fresh;
    }
    format!("select * from ({fresh}) f where {}", is_filled(stream, rollup))
}

/// What the table holds; rows that only carry columns of others do not count.
fn kept(stream: &Stream, rollup: &Rollup, level: &Level, range: Option<&Range>) -> String {
    let stored = columns(stream, rollup).stored;
    let names = name::list(stored.iter().map(|column| &column.name));
    let condition =
        if let Some(range) = range { in_range(stream, range) } else { is_filled(stream, rollup) };
    let whole = is_whole(stream, level, "x").map(|whole| format!(" and {whole}"));
    format!(
        "select {}, {names} from {} x where {condition}{}",
        name::list(key(rollup, level)),
        level.table,
        whole.unwrap_or_default()
    )
}

/// What `set` makes of the stored columns of a row that stays for columns of others alone.
pub(crate) fn emptied(stored: &[RollupColumn]) -> String {
    name::list(stored.iter().map(|column| match column.role {
        ColumnRole::Count(_) => format!("{} = 0", column.name),
        _ => format!("{} = null", column.name),
    }))
}

/// The condition that a row holds any measure.
pub(crate) fn is_filled(stream: &Stream, rollup: &Rollup) -> String {
    let stored = columns(stream, rollup).stored;
    let empty = stored.iter().map(|column| match column.role {
        ColumnRole::Count(_) => format!("{} = 0", column.name),
        _ => format!("{} is null", column.name),
    });
    format!("not ({})", empty.collect::<Vec<_>>().join(" and "))
}

pub(crate) fn in_range(stream: &Stream, range: &Range) -> String {
    let ty = bucket_type(stream.time_type);
    format!(
        "{BUCKET} >= {}::{ty} and {BUCKET} < {}::{ty}",
        Literal(&range.from),
        Literal(&range.to)
    )
}

/// So many ranges are gone through without asking whether anything is in them: that takes a look at
/// the time of every event.
const FEW_RANGES: u32 = 500;

/// A query that cuts the whole stream into ranges of whole buckets, at least as wide as a chunk:
/// rows `(from, to)` as text, in order. Empty for an empty stream.
///
/// Of many ranges those are left out in which there is neither an event nor a row: one event of
/// another decade brings thousands.
#[must_use]
pub fn ranges(stream: &Stream, rollup: &Rollup, level: &Level) -> Option<String> {
    let bucket = level.bucket?;
    let utc = zone_of(rollup, bucket) == "UTC";
    let wide = if nests(bucket, stream.chunk, utc) { stream.chunk } else { bucket };
    let cut = Cut::new(stream, rollup, bucket, wide);
    let (time, table) = (&stream.time, &stream.table);
    let of = |time: &str| cut.stored(&cut.local(&cut.floor(time)));
    Some(format!(
        "with cuts as materialized (select {from} as starts, {to} as ends \
         from (select {lo} as lo, {hi} as hi from {table} having count(*) > 0) b, \
         generate_series({lo_local}, {hi_local}, interval '{step}') l) \
         select starts::text, ends::text from cuts \
         where case when (select count(*) from cuts) <= {FEW_RANGES} then true else \
         starts in (select {of_event} from {table} union select {of_row} from {rows}) end \
         order by starts",
        of_event = of(&time.to_string()),
        of_row = of(BUCKET),
        rows = level.table,
        from = cut.stored("l"),
        to = cut.stored(&format!("l + interval '{}'", wide.interval())),
        lo = cut.floor(&format!("min({time})")),
        hi = cut.floor(&format!("max({time})")),
        lo_local = cut.local("b.lo"),
        hi_local = cut.local("b.hi"),
        step = wide.interval(),
    ))
}

/// A query that gives the whole buckets from that of the time `first` to that of `last`: one row
/// `(from, to)` as text. `None`: the level has no buckets.
#[must_use]
pub fn around(
    stream: &Stream,
    rollup: &Rollup,
    level: &Level,
    (first, last): (&str, &str),
) -> Option<String> {
    let bucket = level.bucket?;
    let cut = Cut::new(stream, rollup, bucket, bucket);
    let ty = bucket_type(stream.time_type);
    let floor = |time: &str| cut.local(&cut.floor(&format!("{}::{ty}", Literal(time))));
    Some(format!(
        "select {}::text, {}::text",
        cut.stored(&floor(first)),
        cut.stored(&format!("{} + interval '{}'", floor(last), bucket.interval()))
    ))
}

/// Buckets below a day are counted in UTC whatever the zone; local hours, of which one comes twice
/// in autumn, would leave gaps.
fn zone_of(rollup: &Rollup, bucket: Bucket) -> &str {
    match bucket {
        Bucket::Seconds(_) => "UTC",
        _ => rollup.timezone.as_str(),
    }
}

/// How times are cut to buckets of a width. Steps are taken in local time, so that a day of 23 or
/// 25 hours is one step.
struct Cut<'c> {
    time_type: TimeType,
    timezone: &'c str,
    wide: Bucket,
}

impl<'c> Cut<'c> {
    /// Of a level with buckets of `bucket`, in steps of `wide`.
    fn new(stream: &Stream, rollup: &'c Rollup, bucket: Bucket, wide: Bucket) -> Self {
        Self { time_type: stream.time_type, timezone: zone_of(rollup, bucket), wide }
    }

    /// Where the step begins that holds a time.
    fn floor(&self, time: &str) -> String {
        bucket_sql(self.wide, time, self.time_type, self.timezone)
    }

    /// Such a time in local time.
    fn local(&self, time: &str) -> String {
        match self.time_type {
            TimeType::Timestamptz => format!("({time}) at time zone {}", Literal(self.timezone)),
            _ => format!("({time})::timestamp"),
        }
    }

    /// A local time as buckets are stored.
    fn stored(&self, local: &str) -> String {
        let ty = bucket_type(self.time_type);
        match self.time_type {
            TimeType::Timestamptz => {
                format!("(({local}) at time zone {})::{ty}", Literal(self.timezone))
            }
            _ => format!("({local})::{ty}"),
        }
    }
}
