//! The tables of rollups and states.

use howdah_catalog::{Ident, name};
use howdah_system::{KeyColumn, Level, Rollup, Stream};

use crate::bucket::bucket_type;
use crate::column::{RollupColumns, columns};

/// The bucket column of every rollup table.
pub const BUCKET: &str = "bucket";

/// The columns of the primary key of a level: `by`, then the bucket.
#[must_use]
pub fn key(rollup: &Rollup, level: &Level) -> Vec<Ident> {
    let bucket = level.bucket.map(|_| Ident::new(BUCKET));
    rollup.by.iter().map(|key| key.name.clone()).chain(bucket).collect()
}

/// The condition that the rows of aliases `a` and `b` have one key. Plain equality where no null
/// can be, because `is not distinct from` uses neither an index nor a hash.
pub(crate) fn same_key(a: &str, b: &str, keys: &[KeyColumn]) -> String {
    let conditions = keys.iter().map(|key| {
        let operator = if key.not_null { "=" } else { "is not distinct from" };
        format!("{a}.{name} {operator} {b}.{name}", name = key.name)
    });
    conditions.collect::<Vec<_>>().join(" and ")
}

/// A column of a rollup's table as `create table` and `add column` take it, and as a catalog shows
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub type_name: String,
    /// What follows the name: type, collation, null, default, generation.
    pub definition: String,
}

/// All columns of a level's table, key first.
#[must_use]
pub fn table_columns(stream: &Stream, rollup: &Rollup, level: &Level) -> Vec<TableColumn> {
    let mut out = Vec::new();
    for key in &rollup.by {
        let collation = stream.column(&key.name).and_then(|column| column.collation.as_ref());
        let collate = collation.map(|name| format!(" collate {name}")).unwrap_or_default();
        let null = if key.not_null { " not null" } else { "" };
        out.push(TableColumn {
            name: key.name.clone(),
            type_name: key.type_name.clone(),
            definition: format!("{}{collate}{null}", key.type_name),
        });
    }
    if level.bucket.is_some() {
        let type_name = bucket_type(stream.time_type);
        out.push(TableColumn {
            name: Ident::new(BUCKET),
            type_name: type_name.to_owned(),
            definition: format!("{type_name} not null"),
        });
    }
    let RollupColumns { stored, averages } = columns(stream, rollup);
    for column in stored {
        let collate =
            column.collation.as_ref().map(|name| format!(" collate {name}")).unwrap_or_default();
        let default = match column.role {
            crate::column::ColumnRole::Count(_) => " not null default 0",
            _ => "",
        };
        out.push(TableColumn {
            definition: format!("{}{collate}{default}", column.type_name),
            name: column.name,
            type_name: column.type_name,
        });
    }
    for average in averages {
        out.push(TableColumn {
            definition: format!(
                "{} generated always as ({}) stored",
                average.type_name, average.expression
            ),
            name: average.name,
            type_name: average.type_name.to_owned(),
        });
    }
    out
}

/// `create table` of a level.
///
/// Rows are updated in place at every batch, so pages keep room for it: half for states, which a
/// batch may touch all of; a fifth for buckets, of which only the newest are hot.
#[must_use]
pub fn create(stream: &Stream, rollup: &Rollup, level: &Level) -> String {
    let columns = table_columns(stream, rollup, level);
    let columns =
        columns.iter().map(|column| format!("\n    {} {}", column.name, column.definition));
    let fillfactor = if level.bucket.is_some() { 80 } else { 50 };
    format!(
        "create table {} ({},\n    {}\n) with (fillfactor = {fillfactor})",
        level.table,
        columns.collect::<Vec<_>>().join(","),
        key_constraint(rollup, level),
    )
}

/// The key as a table constraint. A `by` column that may be null cannot be in a primary key; then
/// nulls are one group, as in `group by`.
#[must_use]
pub fn key_constraint(rollup: &Rollup, level: &Level) -> String {
    let columns = name::list(key(rollup, level));
    if rollup.by.iter().all(|key| key.not_null) {
        format!("primary key ({columns})")
    } else {
        format!("unique nulls not distinct ({columns})")
    }
}

/// What a rollup table is made from, as text: a change of it means a rebuild.
#[must_use]
pub fn definition(stream: &Stream, rollup: &Rollup, level: &Level) -> String {
    let mut out = format!("from {}", stream.table);
    if let Some(bucket) = level.bucket {
        out.push_str(&format!(" every {bucket} {}", rollup.timezone));
    }
    out.push_str(&format!(" by {}", name::list(rollup.by.iter().map(|key| &key.name))));
    if let Some(filter) = &rollup.filter {
        out.push_str(&format!(" where {}", filter.text));
    }
    let order = stream.total_order(&rollup.by);
    for column in columns(stream, rollup).stored {
        let aggregate = column.aggregate(&order, false);
        out.push_str(&format!("; {} = {aggregate}", column.name));
    }
    for measure in &rollup.measures {
        if let howdah_system::MeasureKind::Position(fold) = &measure.kind {
            out.push_str("; ");
            out.push_str(&crate::position::definition(fold));
        }
    }
    // A rebuild judges nothing again, but writers must take up the new check.
    if let Some(check) = &rollup.check {
        out.push_str(&format!("; check {}", check.text));
    }
    out
}
