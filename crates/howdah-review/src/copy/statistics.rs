//! The target's numbers on the copy: the planner's row counts in it, everything else over it.

use howdah_catalog::{Catalog, Literal, RelName};
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};

/// Bytes of a page, as PostgreSQL is built almost everywhere.
const PAGE: i64 = 8192;

/// Gives the copy's tables the row counts and sizes that the planner of the target knows, and makes
/// the indexes invalid that are invalid there: a fix can make them valid again.
pub(super) async fn pretend(catalog: &Catalog, admin: &Connection) -> Result<()> {
    let mut sql = String::new();
    for table in catalog.relations.values().filter(|table| table.stats.estimated_rows > 0.0) {
        let (rows, pages) = (table.stats.estimated_rows, table.stats.heap_bytes / PAGE);
        sql.push_str(&format!(
            "update pg_catalog.pg_class set reltuples = {rows}, relpages = {pages} \
             where oid = pg_catalog.to_regclass({});\n",
            Literal(&table.name.to_string())
        ));
    }
    for table in catalog.relations.values() {
        for index in table.indexes.iter().filter(|index| !index.valid) {
            let name = RelName { schema: table.name.schema.clone(), name: index.name.clone() };
            sql.push_str(&format!(
                "update pg_catalog.pg_index set indisvalid = false \
                 where indexrelid = pg_catalog.to_regclass({});\n",
                Literal(&name.to_string())
            ));
        }
    }
    let done = admin.batch_execute(&sql).await;
    done.map_err(|error| from_pg("could not copy the statistics", &error))
}

/// Lays what only a database in use has over the catalog of its copy: sizes, counters, statistics
/// of columns, owners, roles and settings. So rules see the same on both.
pub fn overlay(copy: &mut Catalog, target: &Catalog) {
    copy.server = target.server.clone();
    copy.settings = target.settings.clone();
    copy.roles = target.roles.clone();
    copy.extensions = target.extensions.clone();
    for (name, schema) in &mut copy.schemas {
        if let Some(known) = target.schemas.get(name) {
            schema.owner = known.owner.clone();
        }
    }
    for function in &mut copy.functions {
        let same = |known: &&howdah_catalog::Function| {
            known.name == function.name && known.arguments == function.arguments
        };
        if let Some(known) = target.functions.iter().find(same) {
            function.owner = known.owner.clone();
        }
    }
    for (name, relation) in &mut copy.relations {
        let Some(known) = target.relations.get(name) else { continue };
        relation.kind = known.kind;
        relation.owner = known.owner.clone();
        relation.stats = known.stats.clone();
        for column in &mut relation.columns {
            if let Some(known) = known.column(column.name.as_str()) {
                column.null_fraction = known.null_fraction;
                column.n_distinct = known.n_distinct;
                column.correlation = known.correlation;
            }
        }
        for index in &mut relation.indexes {
            if let Some(known) = known.indexes.iter().find(|known| known.name == index.name) {
                index.bytes = known.bytes;
                index.scans = known.scans;
            }
        }
    }
}
