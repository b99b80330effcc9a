//! The tables of rollups and states.

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{KeyColumn, Level, Rollup, Stream};

use crate::bucket::bucket_type;
use crate::column::{GeneratedColumn, RollupColumns, columns};

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

/// The condition that the rows of aliases `a` and `b` have one key and bucket of a level.
pub(crate) fn same_row(a: &str, b: &str, rollup: &Rollup, level: &Level) -> String {
    let by = (!rollup.by.is_empty()).then(|| same_key(a, b, &rollup.by));
    let bucket = level.bucket.map(|_| format!("{a}.{BUCKET} = {b}.{BUCKET}"));
    let both: Vec<String> = by.into_iter().chain(bucket).collect();
    if both.is_empty() { "true".to_owned() } else { both.join(" and ") }
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
    let RollupColumns { stored, generated } = columns(stream, rollup);
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
    out.extend(generated.into_iter().map(TableColumn::generated));
    out
}

impl TableColumn {
    pub(crate) fn generated(column: GeneratedColumn) -> Self {
        Self {
            definition: format!(
                "{} generated always as ({}) stored",
                column.type_name, column.expression
            ),
            name: column.name,
            type_name: column.type_name,
        }
    }
}

/// The shape of a table that howdah fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its name.
    pub table: RelName,
    /// The columns of its key.
    pub key: Vec<Ident>,
    /// All columns, key first.
    pub columns: Vec<TableColumn>,
    /// Whether no key column can be null.
    pub whole_key: bool,
    /// Percent of a page that is filled: rows are updated in place at every batch, so pages keep
    /// room for it.
    pub fillfactor: u8,
}

impl Shape {
    /// The shape of a level: half of a page is free for states, which a batch may touch all of; a
    /// fifth for buckets, of which only the newest are hot.
    #[must_use]
    pub fn of(stream: &Stream, rollup: &Rollup, level: &Level) -> Self {
        Self {
            table: level.table.clone(),
            key: key(rollup, level),
            columns: table_columns(stream, rollup, level),
            whole_key: rollup.by.iter().all(|key| key.not_null),
            fillfactor: if level.bucket.is_some() { 80 } else { 50 },
        }
    }

    /// `create table`.
    #[must_use]
    pub fn create(&self) -> String {
        let columns = self.columns.iter();
        let columns = columns.map(|column| format!("\n    {} {}", column.name, column.definition));
        format!(
            "create table {} ({},\n    {}\n) with (fillfactor = {})",
            self.table,
            columns.collect::<Vec<_>>().join(","),
            self.key_constraint(),
            self.fillfactor,
        )
    }

    /// The key as a table constraint. A `by` column that may be null cannot be in a primary key;
    /// then nulls are one group, as in `group by`.
    #[must_use]
    pub fn key_constraint(&self) -> String {
        let columns = name::list(&self.key);
        if self.whole_key {
            format!("primary key ({columns})")
        } else {
            format!("unique nulls not distinct ({columns})")
        }
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
    for computed in &rollup.computed {
        out.push_str(&format!("; {} = {}", computed.name, computed.expr.text));
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
