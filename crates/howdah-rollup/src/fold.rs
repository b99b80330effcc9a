//! The one statement of a batch: its new rows into the stream, and folded into every rollup.
//!
//! Only rows that the insert really added are folded (`returning`), so a replay changes nothing.
//! Each target is written in key order, one upsert a key, so two batches never wait for each other
//! in a circle.

use howdah_catalog::{Ident, name};
use howdah_error::{Error, Result};
use howdah_system::{Expr, MeasureKind as Kind, Rollup, Stream};

use crate::bucket::{bucket_sql, feeder};
use crate::column::{ColumnRole, RollupColumn, columns};
use crate::delta::{captured, upsert};
use crate::position;
use crate::span;
use crate::staging::{ORD, Staging};
use crate::table::{BUCKET, key};

/// The statement that inserts the staged rows whose order is between `$1` and `$2` (integers, both
/// inclusive) and folds those that are new. Returns one row: the number of new rows.
pub fn fold(stream: &Stream, rollups: &[&Rollup], staging: &Staging) -> Result<String> {
    statement(stream, rollups, insert_cte(stream, rollups, staging), Stored::No)
}

/// The statement that folds the staged rows whose order is between `$1` and `$2`, all of which were
/// new and are in the stream already. Returns one row: their number.
///
/// A value that a default gives is computed anew here: it must be the same at every time (see
/// [`used_columns`]).
pub fn fold_stored(stream: &Stream, rollups: &[&Rollup], staging: &Staging) -> Result<String> {
    let new = format!(
        "new as materialized (select {} from {} n)",
        name::list(used_columns(stream, rollups)),
        staging.as_stream_rows(stream)
    );
    statement(stream, rollups, new, Stored::Yes)
}

/// Whether a fold finds its new rows in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Yes,
    /// The same statement inserts them: its snapshot does not see them.
    No,
}

fn statement(stream: &Stream, rollups: &[&Rollup], new: String, stored: Stored) -> Result<String> {
    let mut ctes = vec![new];
    ctes.extend(span::came(stream, "new"));
    for (index, rollup) in rollups.iter().enumerate() {
        check_order(stream, rollup)?;
        let prefix = format!("r{index}");
        match position::position_of(rollup) {
            Some(fold) => ctes.extend(position::fold_ctes(stream, rollup, fold, &prefix, stored)),
            None => rollup_ctes(&mut ctes, stream, rollup, &prefix),
        }
    }
    Ok(format!("with {}\nselect count(*) from new", ctes.join(",\n")))
}

/// Whether a batch of this stream must not run beside another: a position is read before it is
/// written, and a check is judged before it is folded.
#[must_use]
pub fn needs_judge_lock(rollups: &[&Rollup]) -> bool {
    rollups.iter().any(|rollup| rollup.check.is_some() || position::position_of(rollup).is_some())
}

/// `first`, `last` and positions need a total order, which only a key or a declared order gives.
fn check_order(stream: &Stream, rollup: &Rollup) -> Result<()> {
    let ordered = position::position_of(rollup).is_some()
        || columns(stream, rollup)
            .stored
            .iter()
            .any(|column| matches!(column.role, ColumnRole::End { .. }));
    if ordered && stream.key.is_empty() && stream.order.len() < 2 {
        return Err(Error::input(format!(
            "rollup \"{}\" uses first, last or position, but stream \"{}\" has no total order",
            rollup.name, stream.name
        ))
        .hint("Declare `key` or `order` for the stream, so that events of one time are ordered."));
    }
    Ok(())
}

fn insert_cte(stream: &Stream, rollups: &[&Rollup], staging: &Staging) -> String {
    let columns: Vec<&Ident> = staging.columns().collect();
    let values = columns.iter().filter_map(|column| staging.value(column));
    let conflict = if stream.key.is_empty() {
        String::new()
    } else {
        format!(" on conflict ({}) do nothing", name::list(&stream.key))
    };
    format!(
        "new as (insert into {} ({}) select {} from {} s \
         where s.{ORD} between $1 and $2 order by s.{ORD}{conflict} returning {})",
        stream.table,
        name::list(&columns),
        name::list(values),
        staging.table(),
        name::list(used_columns(stream, rollups)),
    )
}

/// The columns that folds read, in the stream's order.
#[must_use]
pub fn used_columns<'a>(stream: &'a Stream, rollups: &[&Rollup]) -> Vec<&'a Ident> {
    let used = |name: &Ident| {
        *name == stream.time
            || stream.order.contains(name)
            || stream.key.contains(name)
            || stream.span_key.contains(name)
            || rollups.iter().any(|rollup| {
                rollup.by.iter().any(|key| key.name == *name)
                    || expressions(rollup).any(|expr| expr.columns.contains(name))
            })
    };
    stream.columns.iter().map(|column| &column.name).filter(|name| used(name)).collect()
}

/// Every expression over the stream's rows that a rollup reads.
pub(crate) fn expressions(rollup: &Rollup) -> impl Iterator<Item = &Expr> {
    rollup.filter.iter().chain(rollup.measures.iter().flat_map(|measure| {
        let mut out: Vec<&Expr> = measure.filter.iter().collect();
        match &measure.kind {
            Kind::CountAll => {}
            Kind::Count(x)
            | Kind::Sum(x)
            | Kind::Avg(x)
            | Kind::Min(x)
            | Kind::Max(x)
            | Kind::First(x)
            | Kind::Last(x)
            | Kind::Stddev(x)
            | Kind::Variance(x)
            | Kind::Quantile(_, x)
            | Kind::ApproxDistinct(x) => out.push(x),
            Kind::Position(fold) => {
                out.extend([&fold.side, &fold.quantity, &fold.price]);
                out.extend(&fold.fee);
            }
        }
        out
    }))
}

fn rollup_ctes(ctes: &mut Vec<String>, stream: &Stream, rollup: &Rollup, prefix: &str) {
    let stored = columns(stream, rollup).stored;
    for (index, level) in rollup.levels.iter().enumerate() {
        let delta = format!("{prefix}_{index}");
        let query = match feeder(rollup, index) {
            Some(finer) => from_finer(stream, rollup, index, &format!("{prefix}_{finer}"), &stored),
            None => from_rows(stream, rollup, index, "new", None),
        };
        ctes.push(format!("{delta} as materialized ({query})"));
        ctes.extend(captured(stream, rollup, &delta));
        let upsert = upsert(&level.table, &key(rollup, level), &stored, &delta);
        ctes.push(format!("{delta}_upsert as ({upsert})"));
    }
}

/// The aggregation of a level from rows of the stream (`source`: a relation or CTE with the
/// stream's columns), perhaps only those for which `condition` holds.
pub(crate) fn from_rows(
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    source: &str,
    condition: Option<&str>,
) -> String {
    let level = &rollup.levels[index];
    let stored = columns(stream, rollup).stored;
    let order = stream.total_order(&rollup.by);
    let keys: Vec<&Ident> = rollup.by.iter().map(|key| &key.name).collect();
    let bucket = level.bucket.map(|bucket| {
        bucket_sql(bucket, &stream.time.to_string(), stream.time_type, &rollup.timezone)
    });
    let marks = stored
        .iter()
        .any(|column| column.filter.is_none() && matches!(column.role, ColumnRole::End { .. }));
    let group: Vec<String> = keys
        .iter()
        .map(ToString::to_string)
        .chain(bucket.as_ref().map(|_| "howdah_bucket".to_owned()))
        .collect();
    let conditions: Vec<&str> =
        rollup.filter.iter().map(|filter| filter.text.as_str()).chain(condition).collect();
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" where ({})", conditions.join(") and ("))
    };
    let mut extra = String::new();
    if let Some(bucket) = &bucket {
        extra.push_str(&format!(", {bucket} as howdah_bucket"));
    }
    let mut rows = format!("select *{extra} from {source}{filter}");
    if marks {
        let window = if group.is_empty() {
            String::new()
        } else {
            format!("partition by {} ", group.join(", "))
        };
        rows = format!(
            "select b.*, row_number() over w = 1 as howdah_first, \
             lead(1) over w is null as howdah_last from ({rows}) b \
             window w as ({window}order by {})",
            name::list(&order)
        );
    }
    let measures = stored
        .iter()
        .map(|column| format!("{} as {}", column.aggregate(&order, marks), column.name));
    let selected = keys
        .iter()
        .map(ToString::to_string)
        .chain(bucket.as_ref().map(|_| format!("howdah_bucket as {BUCKET}")))
        .chain(measures);
    format!("select {} from ({rows}) r group by {}", name::list(selected), group.join(", "))
}

/// The aggregation of a level from the batch's aggregation of a finer one.
fn from_finer(
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    finer: &str,
    stored: &[RollupColumn],
) -> String {
    let keys = rollup.by.iter().map(|key| key.name.to_string());
    let bucket = rollup.levels[index].bucket.map_or_else(String::new, |bucket| {
        bucket_sql(bucket, BUCKET, stream.time_type, &rollup.timezone)
    });
    let group = name::list(keys.clone().chain(Some(bucket.clone())));
    let measures =
        stored.iter().map(|column| format!("{} as {}", column.aggregate_level(), column.name));
    let selected = keys.chain(Some(format!("{bucket} as {BUCKET}"))).chain(measures);
    format!("select {} from {finer} group by {group}", name::list(selected))
}
