//! Taking events back: their rows go from the stream to the table of retracted events. What they
//! gave is subtracted from rollups where that can be done ([`crate::subtract`]); others are
//! computed anew for the touched keys and buckets, from the rows that stay.
//!
//! Which rows go is in temporary tables: [`reversals`] (new reversing events) or the blocks of
//! [`crate::reorganise::going`]; the rows that went are in [`gone`]. Batches of a stream that can
//! lose events run one after the other, so nothing comes between.

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{Bucket, Rollup, Stream};

use crate::bucket::{bucket_sql, bucket_type};
use crate::column::{ColumnRole, RollupColumn, columns};
use crate::derive::{self, Captured};
use crate::fold::from_rows;
use crate::history;
use crate::position;
use crate::span;
use crate::staging::{AT, ORD, Staging};
use crate::subtract;
use crate::table::{BUCKET, key, same_key, same_row};

/// The column that says why an event was retracted.
pub const CAUSE: &str = "cause";
/// The column that says when.
pub const RETRACTED_AT: &str = "retracted_at";

/// Reversed by a later or earlier event.
const REVERSED: &str = "reversed";
/// The reversing event itself.
const REVERSAL: &str = "reversal";

/// The temporary table of the rows that a stream lost in this step.
#[must_use]
pub fn gone(stream: &Stream) -> RelName {
    temporary("howdah_gone", stream)
}

/// The temporary table of the reversing events that are new in this step.
#[must_use]
pub fn reversals(stream: &Stream) -> RelName {
    temporary("howdah_reversals", stream)
}

fn temporary(base: &str, stream: &Stream) -> RelName {
    RelName { schema: Ident::new("pg_temp"), name: name::fitting(base, &stream.name) }
}

/// The statements that make the temporary tables of a stream that can lose events.
#[must_use]
pub fn temporary_tables(stream: &Stream) -> Vec<String> {
    if stream.retracted.is_none() {
        return Vec::new();
    }
    let tables = [gone(stream), reversals(stream)];
    let create = |table: &RelName| {
        let columns =
            stream.columns.iter().map(|column| format!("{} {}", column.name, column.type_name));
        format!(
            "create temporary table if not exists {} ({}) on commit delete rows",
            table.name,
            name::list(columns)
        )
    };
    tables.iter().map(create).collect()
}

/// The statement that empties them.
#[must_use]
pub fn empty(stream: &Stream) -> String {
    format!("delete from {}; delete from {}", gone(stream), reversals(stream))
}

pub(crate) fn all_columns(stream: &Stream) -> Vec<&Ident> {
    stream.columns.iter().map(|column| &column.name).collect()
}

pub(crate) fn equal(a: &str, b: &str, columns: &[Ident]) -> String {
    joined(columns.iter().map(|column| format!("{a}.{column} = {b}.{column}")), " and ")
}

pub(crate) fn joined(parts: impl Iterator<Item = String>, by: &str) -> String {
    parts.collect::<Vec<_>>().join(by)
}

/// The condition that the row `reversal` names the row `event` by its reversing columns. Key
/// columns that are not named are the same in both; the time is not asked for unless it is named.
fn names(stream: &Stream, reversal: &str, event: &str) -> String {
    let named =
        stream.reverses.iter().map(|(key, column)| format!("{event}.{key} = {reversal}.{column}"));
    let same = stream
        .key
        .iter()
        .filter(|key| {
            **key != stream.time && stream.reverses.iter().all(|(named, _)| named != *key)
        })
        .map(|key| format!("{event}.{key} = {reversal}.{key}"));
    joined(named.chain(same), " and ")
}

/// The condition that a row is a reversal.
#[must_use]
pub fn is_reversal(stream: &Stream, row: &str) -> String {
    joined(stream.reverses.iter().map(|(_, column)| format!("{row}.{column} is not null")), " and ")
}

/// The columns of the table of retracted events by which a reversal of an event is found.
#[must_use]
pub fn reversal_index(stream: &Stream) -> Vec<Ident> {
    stream.reverses.iter().map(|(_, column)| column.clone()).collect()
}

/// The query for the first staged reversal between `$1` and `$2`, by its order (null: none).
#[must_use]
pub fn first_reversal(stream: &Stream, staging: &Staging) -> Option<String> {
    (!stream.reverses.is_empty()).then(|| {
        format!(
            "select min({ORD}) from {} r where {}",
            staging.as_stream_rows(stream),
            is_reversal(stream, "r")
        )
    })
}

/// The statement that takes the reversals out of the staged rows between `$1` and `$2`, keeps them
/// among the retracted events, and notes the new ones in [`reversals`]. Gives for each row its
/// order and whether it is new.
#[must_use]
pub fn divert_reversals(stream: &Stream, staging: &Staging) -> Option<String> {
    let retracted = stream.retracted.as_ref().filter(|_| !stream.reverses.is_empty())?;
    let list = name::list(all_columns(stream));
    Some(format!(
        "with r as materialized (select r.*, {} as howdah_new from {} r where {}), \
         d as (delete from {staging} s using r where s.ctid = r.{AT}), \
         kept as (insert into {retracted} ({list}, {CAUSE}) \
         select {list}, '{REVERSAL}' from r order by {ORD} on conflict do nothing \
         returning {list}), \
         noted as (insert into {} ({list}) select {list} from kept) \
         select {ORD}, howdah_new from r",
        is_new(stream, retracted),
        staging.as_stream_rows(stream),
        is_reversal(stream, "r"),
        reversals(stream),
        staging = staging.table(),
    ))
}

/// Whether the row `r` is not among the retracted events, and the first of its key.
fn is_new(stream: &Stream, retracted: &RelName) -> String {
    format!(
        "(row_number() over (partition by {keys} order by r.{ORD}) = 1 \
         and not exists (select from {retracted} x where {}))",
        equal("x", "r", &stream.key),
        keys = name::list(stream.key.iter().map(|key| format!("r.{key}"))),
    )
}

/// The statement that takes those events out of the staged rows between `$1` and `$2` that count no
/// more: retracted before, named by a known reversal, or of a block for which `replaced` (a
/// condition on the row `r`) holds. Gives for each row its order and whether it is new.
#[must_use]
pub fn divert_known(stream: &Stream, staging: &Staging, replaced: Option<&str>) -> Option<String> {
    let retracted = stream.retracted.as_ref()?;
    let mut causes = vec![format!(
        "when exists (select from {retracted} x where {}) then 'known'",
        equal("x", "r", &stream.key)
    )];
    if !stream.reverses.is_empty() {
        causes.push(format!(
            "when exists (select from {retracted} x where x.{CAUSE} = '{REVERSAL}' and {}) \
             then '{REVERSED}'",
            names(stream, "x", "r")
        ));
    }
    causes.extend(replaced.map(|replaced| format!("when {replaced} then 'replaced'")));
    let list = name::list(all_columns(stream));
    Some(format!(
        "with c as materialized (select r.*, case {} end as howdah_cause, {} as howdah_new \
         from {} r), \
         known as materialized (select c.*, howdah_new and not exists \
         (select from {stream} x where {}) as howdah_first from c where howdah_cause is not null), \
         d as (delete from {} s using known c where s.ctid = c.{AT}), \
         kept as (insert into {retracted} ({list}, {CAUSE}) select {list}, howdah_cause from known \
         where howdah_cause <> 'known' and howdah_first order by {ORD} on conflict do nothing) \
         select {ORD}, howdah_first from known",
        causes.join(" "),
        is_new(stream, retracted),
        staging.as_stream_rows(stream),
        // One that the stream holds will be taken back there, as it came first.
        equal("x", "c", &stream.key),
        staging.table(),
        stream = stream.table,
    ))
}

/// The statement that moves the events that the new [`reversals`] name from the stream to the
/// retracted ones, and notes them in [`gone`]. Gives no rows; their number is that of its effect.
#[must_use]
pub fn take_reversed(stream: &Stream) -> Option<String> {
    let retracted = stream.retracted.as_ref().filter(|_| !stream.reverses.is_empty())?;
    let using = format!("{} r where {}", reversals(stream), names(stream, "r", "t"));
    Some(take(stream, retracted, &using, &format!("'{REVERSED}'")))
}

/// The statements that put those events back into their chunks that the new [`reversals`] name and
/// that are in segments. Empty: nothing of the stream is folded, or nothing reverses.
#[must_use]
pub fn thaw_reversed(stream: &Stream) -> Vec<String> {
    if stream.segment.is_none() || stream.reverses.is_empty() || stream.retracted.is_none() {
        return Vec::new();
    }
    let keys = stream.key.iter().map(|key| format!("array_agg(h.{key})"));
    vec![
        format!("select {}()", history::hold(stream)),
        format!(
            "select {}({}) from {} r cross join {} where not exists (select from {} x where {})",
            history::thaw(stream),
            name::list(keys),
            reversals(stream),
            history::lateral(stream, &names(stream, "r", "h"), "h"),
            stream.table,
            names(stream, "r", "x"),
        ),
    ]
}

/// The statement that moves rows `t` of the stream (`using … where …`) to the retracted events;
/// `cause` is SQL over `t` and what is used.
pub(crate) fn take(stream: &Stream, retracted: &RelName, using: &str, cause: &str) -> String {
    let columns = all_columns(stream);
    let list = name::list(&columns);
    let of_row = name::list(columns.iter().map(|column| format!("t.{column}")));
    let went = span::went(stream, "taken").map(|went| format!(", {went}")).unwrap_or_default();
    format!(
        "with taken as (delete from {table} t using {using} \
         returning {of_row}, {cause} as howdah_cause), \
         kept as (insert into {retracted} ({list}, {CAUSE}) select {list}, howdah_cause from taken \
         on conflict do nothing){went} \
         insert into {gone} ({list}) select {list} from taken",
        table = stream.table,
        gone = gone(stream),
    )
}

/// The statements that bring every rollup of the stream after the rows that are [`gone`];
/// `has_foreign` tells of a rollup whether its table has columns of the application's own.
#[must_use]
pub fn recompute(
    stream: &Stream,
    rollups: &[&Rollup],
    has_foreign: impl Fn(&Rollup) -> bool,
) -> Vec<String> {
    let mut out = Vec::new();
    for rollup in rollups {
        for index in 0..rollup.levels.len() {
            out.push(recompute_level(stream, rollup, index, has_foreign(rollup)));
        }
    }
    out
}

fn recompute_level(stream: &Stream, rollup: &Rollup, index: usize, has_foreign: bool) -> String {
    let level = &rollup.levels[index];
    let keys = key(rollup, level);
    let key_list = name::list(&keys);
    let stored = columns(stream, rollup).stored;
    let names = name::list(stored.iter().map(|column| &column.name));
    let by = rollup.by.iter().map(|key| key.name.to_string());
    let bucket = level.bucket.map(|bucket| {
        bucket_sql(bucket, &stream.time.to_string(), stream.time_type, &rollup.timezone)
    });
    let touched = by.chain(bucket.iter().map(|bucket| format!("{bucket} as {BUCKET}")));
    let filter =
        rollup.filter.as_ref().map(|filter| format!(" where {}", filter.text)).unwrap_or_default();
    let same = |a: &str, b: &str| same_row(a, b, rollup, level);
    let without = if has_foreign {
        let reset = stored.iter().map(|column| {
            let empty = if matches!(column.role, ColumnRole::Count(_)) { "0" } else { "null" };
            format!("{} = {empty}", column.name)
        });
        format!(
            "update {} x set {} from touched t where {}",
            level.table,
            name::list(reset),
            same("x", "t")
        )
    } else {
        format!("delete from {} x using touched t where {}", level.table, same("x", "t"))
    };
    let mut ctes = vec![format!(
        "touched as materialized (select distinct {} from {}{filter})",
        name::list(touched),
        gone(stream)
    )];
    let from_stream = |touched: &str| fresh(stream, rollup, index, touched);
    ctes.extend(
        subtract::fresh(stream, rollup, index, from_stream)
            .unwrap_or_else(|| vec![format!("fresh as materialized ({})", from_stream("touched"))]),
    );
    let from = format!("touched d left join fresh f on {}", same("f", "d"));
    let stays = match rollup.by.first() {
        Some(first) if !has_foreign => format!("f.{} is not null", first.name),
        _ => "true".to_owned(),
    };
    let new = |column: &RollupColumn| match column.role {
        ColumnRole::Count(_) => format!("coalesce(f.{}, 0)", column.name),
        _ => format!("f.{}", column.name),
    };
    let captured = Captured { name: "touched", from: &from, stays: &stays, new: &new };
    ctes.extend(derive::capture(stream, rollup, &captured));
    ctes.push(format!(
        "emptied as ({without} and not exists (select from fresh f where {}))",
        same("f", "x")
    ));
    let sets = stored.iter().map(|column| format!("{name} = excluded.{name}", name = column.name));
    format!(
        "with {} insert into {} ({key_list}, {names}) select {key_list}, {names} from fresh \
         order by {key_list} on conflict ({key_list}) do update set {}",
        ctes.join(",\n"),
        level.table,
        name::list(sets)
    )
}

/// The level's rows for the keys and buckets in the relation `touched`, from the stream's rows.
fn fresh(stream: &Stream, rollup: &Rollup, index: usize, touched: &str) -> String {
    let width = rollup.levels[index].bucket;
    let rows = if stream.segment.is_some() {
        format!(
            "(select s.* from {touched} t cross join {}) howdah_rows",
            folded_too(stream, rollup, width)
        )
    } else {
        let by = (!rollup.by.is_empty()).then(|| same_key("s", "t", &rollup.by));
        let bucket = width.map(|width| within_bucket(stream, rollup, width, "s"));
        format!(
            "(select s.* from {touched} t join {} s on {}) howdah_rows",
            stream.table,
            joined(by.into_iter().chain(bucket), " and ")
        )
    };
    match position::position_of(rollup) {
        Some(fold) => position::recompute(stream, rollup, fold, &rows),
        None => from_rows(stream, rollup, index, &rows, None),
    }
}

/// The rows of the key and bucket of the row `t`, those in segments too, as `s`.
fn folded_too(stream: &Stream, rollup: &Rollup, width: Option<Bucket>) -> String {
    // The filter too: it finds an index of such rows alone.
    let filter = rollup.filter.as_ref().map(|filter| format!("({})", filter.text));
    let by = (!rollup.by.is_empty()).then(|| same_key("h", "t", &rollup.by));
    let by: Vec<String> = by.into_iter().chain(filter).collect();
    let Some(width) = width else {
        return history::lateral(stream, &joined(by.into_iter(), " and "), "s");
    };
    let ty = bucket_type(stream.time_type);
    let (from, to) = (format!("t.{BUCKET}"), format!("({})::{ty}", end_of(width)));
    let condition =
        joined(by.into_iter().chain([within_bucket(stream, rollup, width, "h")]), " and ");
    history::lateral_between(stream, (&from, &to), &condition, "s")
}

/// A time at or behind the end of the bucket of the row `t`: local days are not of one length.
fn end_of(width: Bucket) -> String {
    let slack = match width {
        Bucket::Seconds(_) => "",
        _ => " + interval '1 day'",
    };
    format!("t.{BUCKET} + interval '{}'{slack}", width.interval())
}

/// The condition that a row of the stream is in the bucket of the row `t`. The range of times finds
/// the chunk and the index.
fn within_bucket(stream: &Stream, rollup: &Rollup, width: Bucket, row: &str) -> String {
    let time = format!("{row}.{}", stream.time);
    format!(
        "{time} >= t.{BUCKET} and {time} < {} and {} = t.{BUCKET}",
        end_of(width),
        bucket_sql(width, &time, stream.time_type, &rollup.timezone),
    )
}

/// The query whether one of the states of `stream` breaks its check after events were taken back;
/// columns of the event are those of the new reversal. `None`: no state has a check.
#[must_use]
pub fn breaks_check(stream: &Stream, rollups: &[&Rollup]) -> Option<String> {
    let judged =
        rollups.iter().filter_map(|rollup| rollup.check.as_ref().map(|check| (rollup, check)));
    let broken: Vec<String> = judged
        .map(|(rollup, check)| {
            let keys = name::list(rollup.by.iter().map(|key| &key.name));
            let table = &rollup.levels[0].table;
            // What the state does not have is the event's.
            let of_event = check.columns.iter().filter(|column| {
                stream.column(column).is_some()
                    && rollup.by.iter().all(|key| key.name != **column)
                    && rollup.measures.iter().all(|measure| measure.name != **column)
                    && rollup.computed.iter().all(|computed| computed.name != **column)
            });
            let of_event = of_event.map(|column| format!(", e.{column}")).collect::<String>();
            format!(
                "exists (select from (select s.*{of_event} from (select distinct {keys} from {}) t \
                 join {table} s on {} cross join {} e) v where not ({}))",
                gone(stream),
                same_key("s", "t", &rollup.by),
                reversals(stream),
                check.text
            )
        })
        .collect();
    (!broken.is_empty()).then(|| format!("select {}", broken.join(" or ")))
}

/// The query for the order of those staged rows between `$1` and `$2` whose key the stream has with
/// another content; to be run when all that are new are in the stream.
#[must_use]
pub fn in_conflict(stream: &Stream, staging: &Staging) -> Option<String> {
    if !stream.refuse_conflicts {
        return None;
    }
    let given: Vec<&Ident> =
        staging.columns().filter(|column| !stream.key.contains(column)).collect();
    // A default stands for what the event does not say, and may be another each time.
    let said = |column: &Ident| {
        let has_default = stream.column(column).is_some_and(|column| column.has_default);
        let staged = staging.table();
        has_default.then(|| {
            format!(
                "exists (select from {staged} s where s.ctid = r.{AT} \
                 and s.{column} is not null) and "
            )
        })
    };
    let differ = |table: &str| {
        let pairs = given.iter().map(|column| {
            let said = said(column).unwrap_or_default();
            format!("({said}{table}.{column} is distinct from r.{column})")
        });
        joined(pairs, " or ")
    };
    if given.is_empty() {
        return None;
    }
    let other = |table: &RelName| {
        format!(
            "exists (select from {table} t where {} and ({}))",
            equal("t", "r", &stream.key),
            differ("t")
        )
    };
    let tables = std::iter::once(&stream.table).chain(&stream.retracted);
    Some(format!(
        "select distinct {ORD} from {} r where {} order by {ORD}",
        staging.as_stream_rows(stream),
        joined(tables.map(other), " or ")
    ))
}
