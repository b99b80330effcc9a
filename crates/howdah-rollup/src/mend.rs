//! A rebuild that writers do not notice: what differs is found by a snapshot, without a lock, and
//! mended a few rows at a time under it.
//!
//! A batch commits its events together with what it adds to rollups, so every snapshot shows both
//! as they belong together, and each of its events writes the row that it counts in. A row that is
//! the same version still is therefore owed what the snapshot says; one that was written since is
//! left for the next look.

use howdah_catalog::name;
use howdah_system::{Level, Rollup, Stream};

use crate::bucket::bucket_sql;
use crate::column::columns;
use crate::horizon::is_whole;
use crate::recompute::{Range, emptied, in_range, is_filled, recomputed, whole};
use crate::table::{BUCKET, key};

/// What the rows should be, of the types of the table.
const FRESH: &str = "pg_temp.howdah_fresh";
/// The rows that differ: key and stored columns as they should be, [`PLACE`], [`VERSION`],
/// [`IS_ROW`] and [`NUMBER`].
pub const DIFFERING: &str = "pg_temp.howdah_differing";
/// Where the snapshot saw the row; null: it saw none.
const PLACE: &str = "howdah_place";
/// Which transaction had written it.
const VERSION: &str = "howdah_version";
/// Whether the row that was seen holds a measure, or is not there for columns of others.
const HOLDS: &str = "howdah_holds";
/// Whether there should be a row.
const IS_ROW: &str = "howdah_is_row";
/// 1, 2, … in no particular order.
const NUMBER: &str = "howdah_number";

/// Whether rows of the level can be mended so. Events that go again may leave no row behind that
/// tells of it, and keys that may be null are not joined.
#[must_use]
pub fn can_mend(stream: &Stream, rollup: &Rollup, level: &Level) -> bool {
    level.bucket.is_some()
        && stream.retracted.is_none()
        && rollup.by.iter().all(|column| column.not_null)
}

/// The query for the rows of a level that can be told from events, each with where it was seen. A
/// row that is there for columns of others alone is as it should be, where there are such columns.
fn seen(stream: &Stream, rollup: &Rollup, level: &Level, has_foreign_columns: bool) -> String {
    let holds = if has_foreign_columns { is_filled(stream, rollup) } else { "true".to_owned() };
    let whole = is_whole(stream, level, "x").map(|whole| format!(" where {whole}"));
    format!(
        "select x.ctid as {PLACE}, x.xmin as {VERSION}, {holds} as {HOLDS}, {keys}, {names} \
         from {table} x{whole}",
        keys = name::list(key(rollup, level)),
        names = name::list(columns(stream, rollup).stored.iter().map(|column| &column.name)),
        table = level.table,
        whole = whole.unwrap_or_default(),
    )
}

/// The statements that leave in [`DIFFERING`] what is to be mended in a range, to be run in one
/// transaction of one snapshot.
#[must_use]
pub fn look(
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    range: &Range,
    has_foreign_columns: bool,
) -> Vec<String> {
    let level = &rollup.levels[index];
    let keys = name::list(key(rollup, level));
    let stored = columns(stream, rollup).stored;
    let names = name::list(stored.iter().map(|column| &column.name));
    let of =
        |alias: &str| name::list(stored.iter().map(|column| format!("{alias}.{}", column.name)));
    vec![
        format!("drop table if exists {FRESH}, {DIFFERING}"),
        format!(
            "create temporary table {} as select {keys}, {names} from {} with no data",
            unqualified(FRESH),
            level.table
        ),
        format!(
            "insert into {FRESH} ({keys}, {names}) {}",
            whole(stream, level, recomputed(stream, rollup, index, Some(range)))
        ),
        format!("analyze {FRESH}"),
        format!(
            // Compared as they are kept, so that 1.0 is mended where 1.00 should be.
            "create temporary table {table} as select {keys}, {fresh}, x.{PLACE}, x.{VERSION}, \
             f.{IS_ROW} is not null as {IS_ROW}, row_number() over () as {NUMBER} \
             from (select *, true as {IS_ROW} from {FRESH}) f full join \
             (select * from ({seen}) x where {within}) x using ({keys}) \
             where f.{IS_ROW} is null and x.{HOLDS} or x.{PLACE} is null \
             or f.{IS_ROW} and row({fresh})::record *<> row({kept})::record",
            table = unqualified(DIFFERING),
            fresh = of("f"),
            kept = of("x"),
            seen = seen(stream, rollup, level, has_foreign_columns),
            within = in_range(stream, range),
        ),
        format!("create index on {DIFFERING} ({NUMBER})"),
        format!("drop table {FRESH}"),
    ]
}

/// The same for the buckets before the first and after the last event of the stream, or all when it
/// has none: they should not be there.
#[must_use]
pub fn look_outside(
    stream: &Stream,
    rollup: &Rollup,
    level: &Level,
    has_foreign_columns: bool,
) -> Option<Vec<String>> {
    let bucket = level.bucket?;
    let cut = |time: &str| bucket_sql(bucket, time, stream.time_type, &rollup.timezone);
    Some(vec![
        format!("drop table if exists {DIFFERING}"),
        format!(
            "create temporary table {} as select x.*, false as {IS_ROW}, \
             row_number() over () as {NUMBER} from ({seen}) x, \
             (select {lo} as lo, {hi} as hi from {table}) e \
             where x.{HOLDS} and (e.lo is null or x.{BUCKET} < e.lo or x.{BUCKET} > e.hi)",
            unqualified(DIFFERING),
            seen = seen(stream, rollup, level, has_foreign_columns),
            lo = cut(&format!("min({})", stream.time)),
            hi = cut(&format!("max({})", stream.time)),
            table = stream.table,
        ),
        format!("create index on {DIFFERING} ({NUMBER})"),
    ])
}

/// The statements that mend the rows of [`DIFFERING`] after number `after` up to `to`, to be run in
/// one transaction that holds the stream's lock exclusively. What was mended is taken out of
/// [`DIFFERING`]; what stays was written since the look. Columns that howdah does not keep are left
/// alone.
#[must_use]
pub fn page(
    stream: &Stream,
    rollup: &Rollup,
    level: &Level,
    (after, to): (i64, i64),
    has_foreign_columns: bool,
) -> Vec<String> {
    let table = &level.table;
    let keys = key(rollup, level);
    let stored = columns(stream, rollup).stored;
    let names: Vec<String> = stored.iter().map(|column| column.name.to_string()).collect();
    let all: Vec<String> = keys.iter().map(ToString::to_string).chain(names.clone()).collect();
    let values = name::list(all.iter().map(|name| format!("p.{name}")));
    let all = name::list(all);
    let same_key: Vec<String> = keys.iter().map(|key| format!("x.{key} = p.{key}")).collect();
    let same_key = same_key.join(" and ");
    let same = format!("x.ctid = p.{PLACE} and x.xmin = p.{VERSION} returning p.{NUMBER}");
    let sets = names.iter().map(|name| format!("{name} = p.{name}"));
    let surplus = if has_foreign_columns {
        format!("update {table} x set {} from page p", emptied(&stored))
    } else {
        format!("delete from {table} x using page p")
    };
    vec![
        // By place and by key: a page must not read the whole table.
        "set local enable_hashjoin = off".to_owned(),
        "set local enable_mergejoin = off".to_owned(),
        "set local enable_seqscan = off".to_owned(),
        format!(
            "with page as materialized (select * from {DIFFERING} \
             where {NUMBER} > {after} and {NUMBER} <= {to}), \
             changed as (update {table} x set {sets} from page p where p.{IS_ROW} and {same}), \
             gone as ({surplus} where not p.{IS_ROW} and {same}), \
             made as (insert into {table} ({all}) select {values} from page p \
             where p.{PLACE} is null and not exists (select from {table} x where {same_key}) \
             returning {made}), \
             mended as (select {NUMBER} from changed union all select {NUMBER} from gone \
             union all select p.{NUMBER} from made x join page p on {same_key}) \
             delete from {DIFFERING} d using mended m where d.{NUMBER} = m.{NUMBER}",
            sets = name::list(sets),
            made = name::list(&keys),
        ),
    ]
}

/// The name without the schema, as `create temporary table` takes it.
fn unqualified(name: &str) -> &str {
    name.trim_start_matches("pg_temp.")
}
