//! Rebuild and proof: the same aggregation as the fold, over the stream's rows instead of a batch.

use howdah_catalog::{Literal, name};
use howdah_system::{Bucket, Level, Rollup, Stream};

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

/// A query that cuts the whole stream into ranges of whole buckets, at least as wide as a chunk:
/// rows `(from, to)` as text, in order. Empty for an empty stream.
#[must_use]
pub fn ranges(stream: &Stream, rollup: &Rollup, level: &Level) -> Option<String> {
    let bucket = level.bucket?;
    // Buckets below a day are counted in UTC whatever the zone; local hours, of which one comes
    // twice in autumn, would leave gaps.
    let timezone = match bucket {
        Bucket::Seconds(_) => "UTC",
        _ => rollup.timezone.as_str(),
    };
    let wide = if nests(bucket, stream.chunk, timezone == "UTC") { stream.chunk } else { bucket };
    let ty = bucket_type(stream.time_type);
    let cut = |time: &str| bucket_sql(wide, time, stream.time_type, timezone);
    let time = &stream.time;
    let zone = match stream.time_type {
        howdah_system::TimeType::Timestamptz => {
            format!(" at time zone {}", Literal(timezone))
        }
        _ => "::timestamp".to_owned(),
    };
    // Steps are taken in local time, so that a day of 23 or 25 hours is one step.
    let back = match stream.time_type {
        howdah_system::TimeType::Timestamptz => {
            format!(" at time zone {}", Literal(timezone))
        }
        _ => format!("::{ty}"),
    };
    let step = wide.interval();
    Some(format!(
        "select ((l){back})::{ty}::text, ((l + interval '{step}'){back})::{ty}::text \
         from (select {lo} as lo, {hi} as hi from {table} having count(*) > 0) b, \
         generate_series((b.lo){zone}, (b.hi){zone}, interval '{step}') l order by l",
        lo = cut(&format!("min({time})")),
        hi = cut(&format!("max({time})")),
        table = stream.table,
    ))
}
