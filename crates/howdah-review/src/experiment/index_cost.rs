//! What the indexes of a table cost its writers: rows are written to a copy with all of them and
//! to one with its keys alone; and whether updates of a column stay in place without an index.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{Column, Index, RelName, Relation};
use howdah_error::Result;
use howdah_pg::Connection;

use super::made_up::{ROUNDS, copy, in_rounds, insert, number, run};
use super::{Experiment, Lab, Verdict};
use crate::finding::Reproducer;

/// Rows of one round of inserts.
const ROWS: u32 = 4_000;

/// Writes to a table with and without its secondary indexes.
#[derive(Debug)]
pub struct IndexCost {
    /// The table.
    pub table: RelName,
}

impl IndexCost {
    fn setup(table: &Relation) -> String {
        copy(table, "howdah_all", &table.indexes)
            + &copy(table, "howdah_keys", table.indexes.iter().filter(|index| index.unique))
    }

    async fn measure(&self, lab: &Lab<'_>, connection: &Connection) -> Result<Verdict> {
        let catalog = lab.facts().catalog.as_ref();
        let Some((catalog, table)) = catalog.and_then(|c| Some((c, c.relation(&self.table)?)))
        else {
            return Ok(Verdict::Undecided);
        };
        run(connection, &format!("begin;\n{}", Self::setup(table))).await?;
        let copies = ["howdah_all", "howdah_keys"];
        let [a, b] = in_rounds(connection, (catalog, table), copies, ROWS).await?;
        let bytes = |name: &str| format!("select pg_total_relation_size('{name}')");
        let all = number(connection, &bytes("howdah_all")).await?;
        let keys = number(connection, &bytes("howdah_keys")).await?;
        // A tenth more than twice, so that the proof holds when it is made again.
        if all * 10 < keys * 21 {
            return Ok(Verdict::Disputed);
        }
        let measured = format!(
            "{ROUNDS} rounds of {ROWS} made-up rows, medians: {:.0} ms and {} kB of WAL with all \
             indexes, {:.0} ms and {} kB with the unique ones alone; {} kB on disk to {} kB.",
            a.ms,
            a.wal / 1024,
            b.ms,
            b.wal / 1024,
            all / 1024,
            keys / 1024
        );
        let rows = ROWS * ROUNDS;
        let reproducer = Reproducer::query(format!(
            "begin;\n{}{};\n{};\nselect 'more than twice' where\n  \
             pg_total_relation_size('howdah_all') > 2 * pg_total_relation_size('howdah_keys')",
            Self::setup(table),
            insert(catalog, table, "howdah_all", 1, rows),
            insert(catalog, table, "howdah_keys", 1, rows),
        ));
        Ok(Verdict::Proved(reproducer, Some(measured)))
    }
}

impl Experiment for IndexCost {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let database = lab.trial().await?;
            let connection = database.connect().await?;
            let verdict = self.measure(lab, &connection).await;
            connection.close().await;
            verdict
        }
        .boxed()
    }
}

/// Rows that are updated once each.
const UPDATED: i64 = 500;

/// Updates a column with and without the indexes that hold it.
#[derive(Debug)]
pub struct UpdateCost {
    /// The table.
    pub table: RelName,
    /// The column: a time, a number, a text or a boolean.
    pub column: String,
}

/// Columns that are written by every update.
const CHANGES: &[&str] = &[
    "changed_at",
    "heartbeat_at",
    "last_activity_at",
    "last_heartbeat",
    "last_modified",
    "last_seen",
    "last_seen_at",
    "last_update",
    "last_updated",
    "last_updated_at",
    "modified_at",
    "updated",
    "updated_at",
    "updated_on",
];

/// Whether its name says that every update writes it.
#[must_use]
pub fn is_time_of_update(column: &Column) -> bool {
    let time = matches!(column.type_base.as_str(), "timestamptz" | "timestamp");
    time && CHANGES.contains(&column.name.as_str())
}

/// SQL for another value than the one that is there.
fn other_value(column: &Column) -> Option<String> {
    let name = &column.name;
    Some(match column.type_base.as_str() {
        "timestamptz" | "timestamp" => format!("{name} + interval '1 second'"),
        "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "date" => {
            format!("{name} + 1")
        }
        "text" => format!("{name} || 'x'"),
        "bool" => format!("not {name}"),
        _ => return None,
    })
}

/// Whether the index has to be written when the column changes.
#[must_use]
pub fn holds(index: &Index, column: &Column) -> bool {
    // A summarizing index does not keep an update from being made in place (PostgreSQL 16).
    index.method != "brin"
        && (index.columns.iter().any(|key| key.column.as_ref() == Some(&column.name))
            || index.include.contains(&column.name))
}

impl UpdateCost {
    fn script<'i>(
        &self,
        lab: &Lab<'_>,
        table: &Relation,
        indexes: impl IntoIterator<Item = &'i Index>,
    ) -> Option<String> {
        let catalog = lab.facts().catalog.as_ref()?;
        let rows = u32::try_from(UPDATED).unwrap_or_default();
        let column = table.column(&self.column)?;
        Some(format!(
            "{}alter table howdah_copy set (fillfactor = 40);\n{};\n\
             update howdah_copy set {name} = {};\n",
            copy(table, "howdah_copy", indexes),
            insert(catalog, table, "howdah_copy", 1, rows),
            other_value(column)?,
            name = column.name,
        ))
    }

    async fn in_place(connection: &Connection, script: &str) -> Result<i64> {
        run(connection, &format!("begin;\n{script}")).await?;
        let sql = "select pg_stat_get_xact_tuples_hot_updated('howdah_copy'::regclass)";
        let count = number(connection, sql).await?;
        run(connection, "rollback").await?;
        Ok(count)
    }

    async fn measure(&self, lab: &Lab<'_>, connection: &Connection) -> Result<Verdict> {
        let catalog = lab.facts().catalog.as_ref();
        let Some(table) = catalog.and_then(|catalog| catalog.relation(&self.table)) else {
            return Ok(Verdict::Undecided);
        };
        let Some(column) = table.column(&self.column) else { return Ok(Verdict::Undecided) };
        let others = table.indexes.iter().filter(|index| !holds(index, column));
        let (Some(with), Some(without)) =
            (self.script(lab, table, &table.indexes), self.script(lab, table, others))
        else {
            return Ok(Verdict::Undecided);
        };
        let hot_with = Self::in_place(connection, &with).await?;
        let hot_without = Self::in_place(connection, &without).await?;
        if hot_with > 0 || hot_without * 10 < UPDATED * 9 {
            return Ok(Verdict::Disputed);
        }
        let reproducer = Reproducer::query(format!(
            "begin;\n{with}select 'not one in place' where \
             pg_stat_get_xact_tuples_hot_updated('howdah_copy'::regclass) = 0"
        ));
        let measured = format!(
            "Of {UPDATED} updates of \"{}\" on a copy, 0 are made in place with the index and \
             {hot_without} without.",
            self.column
        );
        Ok(Verdict::Proved(reproducer, Some(measured)))
    }
}

impl Experiment for UpdateCost {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let database = lab.trial().await?;
            let connection = database.connect().await?;
            let verdict = self.measure(lab, &connection).await;
            connection.close().await;
            verdict
        }
        .boxed()
    }
}
