//! The upsert of a level: merged with what a batch adds to it, wherever that was aggregated.
//!
//! Either a common table expression of the fold ([`crate::fold`]) or the writer's memory gives the
//! delta, a row for each key; the merge is the same.

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{Level, Rollup, Stream};

use crate::bucket::bucket_type;
use crate::column::{RollupColumn, columns};
use crate::derive::{self, Captured};
use crate::judge::ForeignColumn;
use crate::table::{BUCKET, key, same_key};

/// A column of a delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaColumn {
    /// Its name in the level's table.
    pub name: Ident,
    /// Its type without modifiers; the table's own are applied on the way in.
    pub type_name: String,
}

/// The columns of a level's delta: the key, the bucket if there is one, the stored columns.
#[must_use]
pub fn delta_columns(stream: &Stream, rollup: &Rollup, level: &Level) -> Vec<DeltaColumn> {
    let column = |name: &Ident, type_name: &str| DeltaColumn {
        name: name.clone(),
        type_name: without_modifiers(type_name),
    };
    let bucket = level.bucket.map(|_| column(&Ident::new(BUCKET), bucket_type(stream.time_type)));
    let stored = columns(stream, rollup).stored;
    key_columns(rollup)
        .into_iter()
        .chain(bucket)
        .chain(stored.iter().map(|stored| column(&stored.name, &stored.type_name)))
        .collect()
}

/// The statement that merges a delta into a level: `$1`, `$2`, … are arrays of the columns of
/// [`delta_columns`], of one length, and no key comes twice. Keys are written in their order, so
/// that two batches never wait for each other in a circle. A state that derived rollups read keeps
/// its old rows, as in the fold.
#[must_use]
pub fn upsert_arrays(stream: &Stream, rollup: &Rollup, index: usize) -> String {
    let level = &rollup.levels[index];
    let delta = delta_columns(stream, rollup, level);
    let source = "howdah_delta";
    let ctes = Some(arrays(source, &delta)).into_iter().chain(captured(stream, rollup, source));
    let stored = columns(stream, rollup).stored;
    let upsert = upsert(&level.table, &key(rollup, level), &stored, source);
    format!("with {} {upsert}", name::list(ctes))
}

/// The CTEs that keep what the merge of `delta` (a relation) changes of a state, for the derived
/// rollups that read it.
pub(crate) fn captured(stream: &Stream, rollup: &Rollup, delta: &str) -> Vec<String> {
    let Some(first) = rollup.by.first().map(|key| &key.name) else { return Vec::new() };
    let new = |column: &RollupColumn| {
        let merged = column.merge("s", "d");
        format!("case when s.{first} is null then d.{} else {merged} end", column.name)
    };
    let from = format!("{delta} d");
    let captured = Captured { name: delta, from: &from, stays: "true", new: &new };
    derive::capture(stream, rollup, &captured)
}

/// `insert … select … from delta … on conflict do update`: the one merge of a level, from a
/// relation `delta` of its key and stored columns.
pub(crate) fn upsert(
    table: &RelName,
    key: &[Ident],
    stored: &[RollupColumn],
    delta: &str,
) -> String {
    let key = name::list(key);
    let names = name::list(stored.iter().map(|column| &column.name));
    let sets =
        stored.iter().map(|column| format!("{} = {}", column.name, column.merge("t", "excluded")));
    format!(
        "insert into {table} as t ({key}, {names}) \
         select {key}, {names} from {delta} order by {key} \
         on conflict ({key}) do update set {}",
        name::list(sets),
    )
}

/// The query that reads the rows of a state for keys: `$1`, `$2`, … are arrays of its key columns.
/// It gives key, stored columns and those of `foreign` whose place is in `wanted`, of the keys that
/// have a row.
#[must_use]
pub fn states(
    stream: &Stream,
    rollup: &Rollup,
    foreign: &[ForeignColumn],
    wanted: &[usize],
) -> String {
    let keys = key_columns(rollup);
    let stored = columns(stream, rollup).stored;
    let names = keys
        .iter()
        .map(|key| &key.name)
        .chain(stored.iter().map(|column| &column.name))
        .chain(wanted.iter().filter_map(|at| foreign.get(*at)).map(|column| &column.name));
    format!(
        "with {} select {} from howdah_keys k join {} s on {}",
        arrays("howdah_keys", &keys),
        name::list(names.map(|name| format!("s.{name}"))),
        rollup.levels[0].table,
        same_key("s", "k", &rollup.by),
    )
}

fn key_columns(rollup: &Rollup) -> Vec<DeltaColumn> {
    let column = |key: &howdah_system::KeyColumn| DeltaColumn {
        name: key.name.clone(),
        type_name: without_modifiers(&key.type_name),
    };
    rollup.by.iter().map(column).collect()
}

/// `name (a, b) as (select * from unnest($1::text[], $2::bigint[]))`.
fn arrays(relation: &str, columns: &[DeltaColumn]) -> String {
    let parameters = columns
        .iter()
        .enumerate()
        .map(|(index, column)| format!("${}::{}[]", index + 1, column.type_name));
    format!(
        "{relation} ({}) as (select * from unnest({}))",
        name::list(columns.iter().map(|column| &column.name)),
        name::list(parameters),
    )
}

/// `numeric(38,18)` is `numeric`, `timestamp(3) with time zone` is `timestamp with time zone`.
/// Cutting each element of an array to the modifiers would cost a call for each.
pub(crate) fn without_modifiers(type_name: &str) -> String {
    // A quoted name may hold brackets of its own.
    let (before, after) = match (type_name.split_once('('), type_name.rsplit_once(')')) {
        (Some((before, _)), Some((_, after))) if !type_name.contains('"') => (before, after),
        _ => (type_name, ""),
    };
    // Without a length `character` would be one character.
    if before == "character" { "bpchar".to_owned() } else { format!("{before}{after}") }
}
