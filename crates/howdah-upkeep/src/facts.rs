//! Reads what a plan needs beyond the catalog.

use howdah_catalog::{Catalog, RelName, RelationKind};
use howdah_error::Result;
use howdah_pg::{Scope, from_pg};
use howdah_plan::chunk::CHUNK_SCHEMA;
use howdah_plan::{Facts, FoldedLayout, InstalledRollup, TableFacts};
use howdah_system::System;
use tokio_postgres::Client;

/// What of a catalog a model is held against. Chunks are like their streams and told by name and
/// bounds alone; whoever has to know their indexes asks for all.
pub const MODEL: Scope = Scope { statistics: false, bare: Some(CHUNK_SCHEMA), without: None };

/// What of a catalog a system is held against, for whoever asks nothing about chunks.
pub const SYSTEM: Scope = Scope { statistics: false, bare: None, without: Some(CHUNK_SCHEMA) };

/// Reads the facts for the tables that `system` names.
pub async fn read_facts(client: &Client, system: &System, catalog: &Catalog) -> Result<Facts> {
    let failed = |error| from_pg("could not read what the plan needs", &error);
    let now_us: i64 = client
        .query_one(
            "select (extract(epoch from now() - timestamptz '2000-01-01 00:00:00+00') \
             * 1000000)::bigint",
            &[],
        )
        .await
        .map_err(failed)?
        .get(0);
    let mut facts = Facts { now_us, ..Facts::default() };
    if catalog.relation(&RelName::new("howdah", "version")).is_some() {
        facts.schema_version = client
            .query_one("select max(version) from howdah.version", &[])
            .await
            .map_err(failed)?
            .get(0);
        let rollups = client
            .query("select relation, definition, ready from howdah.rollups", &[])
            .await
            .map_err(failed)?;
        for row in rollups {
            let installed = InstalledRollup { definition: row.get(1), ready: row.get(2) };
            facts.rollups.insert(row.get(0), installed);
        }
    }
    // Only what is to be made asks whether there is something to fill it with, and thousands of
    // empty chunks take long to ask.
    let complete = system.made_tables().all(|table| catalog.relation(table).is_some());
    for stream in &system.streams {
        let Some(relation) = catalog.relation(&stream.table) else { continue };
        let mut table = TableFacts::default();
        if relation.kind == RelationKind::PartitionedTable {
            let filled = complete || has_row(client, &stream.table).await?;
            table.newest_us = filled.then_some(0);
        } else {
            table.newest_us = newest(client, stream).await?;
        }
        if relation.kind == RelationKind::Table {
            read_dependents(client, &stream.table, &mut table).await?;
        }
        if facts.schema_version.is_some_and(|version| version >= 3) {
            table.layouts = layouts(client, stream).await?;
            // What is folded has to be in a new rollup too.
            let folded = table.layouts.iter().any(|layout| layout.filled);
            table.newest_us = table.newest_us.or(folded.then_some(0));
        }
        facts.tables.insert(stream.table.clone(), table);
    }
    Ok(facts)
}

/// The segment tables of a stream, and whether they hold anything.
pub(crate) async fn layouts(
    client: &Client,
    stream: &howdah_system::Stream,
) -> Result<Vec<FoldedLayout>> {
    let failed = |error| from_pg("could not read the segment tables of a stream", &error);
    let sql = "select n.nspname::text, c.relname::text, array(select p ->> 'name' from \
               jsonb_array_elements(l.columns -> 'plain') with ordinality as e (p, place) \
               order by place) \
               from howdah.layouts l join pg_catalog.pg_class c on c.oid = to_regclass(l.relation) \
               join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
               where l.stream = $1 order by l.layout";
    let rows = client.query(sql, &[&stream.table.to_string()]).await.map_err(failed)?;
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let table = RelName::new(row.get::<_, &str>(0), row.get::<_, &str>(1));
        let holds = format!("select exists (select from {table})");
        let filled = client.query_one(&holds, &[]).await.map_err(failed)?.get(0);
        out.push(FoldedLayout { table, plain: row.get(2), filled });
    }
    Ok(out)
}

/// The newest time of a plain table, which its conversion needs.
async fn newest(client: &Client, stream: &howdah_system::Stream) -> Result<Option<i64>> {
    // Infinite times have no epoch; they are beyond every boundary.
    let sql = format!(
        "select case when isfinite(t) then (extract(epoch from t::timestamp - \
         timestamp '2000-01-01 00:00:00') * 1000000)::bigint else 9223372036854775807 end \
         from (select max({}) as t from {}) m where t is not null",
        stream.time, stream.table
    );
    let row = client
        .query_opt(&sql, &[])
        .await
        .map_err(|error| from_pg("could not read the newest row of a table", &error))?;
    Ok(row.map(|row| row.get(0)))
}

/// Chunks that one statement looks into.
const LOOKED_AT_ONCE: usize = 100;

/// The leaves of a partitioned table ($1) that may have a row. (`pg_partition_tree` would lock each
/// of them, and so would a query of the table itself, which would plan for thousands too.)
const LEAVES: &str = "
    with recursive t (oid) as (
        select to_regclass($1)::oid
        union all
        select i.inhrelid from t join pg_catalog.pg_inherits i on i.inhparent = t.oid
    )
    select n.nspname::text, c.relname::text from t
    join pg_catalog.pg_class c on c.oid = t.oid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind <> 'p'";

/// Whether a partitioned table has a row.
async fn has_row(client: &Client, table: &RelName) -> Result<bool> {
    let failed = |error| from_pg("could not look for a row of a table", &error);
    // Some that had rows when they were last looked at tell it in most cases.
    let likely = format!("{LEAVES} and c.reltuples > 0 limit {LOOKED_AT_ONCE}");
    let any = format!("{LEAVES} and (c.relkind <> 'r' or pg_relation_size(c.oid) > 0)");
    for leaves in [likely, any] {
        let rows = client.query(&leaves, &[&table.to_string()]).await.map_err(failed)?;
        for some in rows.chunks(LOOKED_AT_ONCE) {
            let looks = some.iter().map(|row| {
                let name = RelName::new(row.get::<_, &str>(0), row.get::<_, &str>(1));
                format!("exists (select from only {name})")
            });
            let sql = format!("select {}", looks.collect::<Vec<_>>().join(" or "));
            if client.query_one(&sql, &[]).await.map_err(failed)?.get(0) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn read_dependents(client: &Client, table: &RelName, facts: &mut TableFacts) -> Result<()> {
    let rows = client
        .query(include_str!("dependents.sql"), &[&table.to_string()])
        .await
        .map_err(|error| from_pg("could not read what depends on a table", &error))?;
    for row in rows {
        let kind: String = row.get(0);
        let schema: Option<String> = row.get(1);
        let name: String = row.get(2);
        let detail: Option<String> = row.get(3);
        let Some(schema) = schema else {
            facts.other_dependents.push(format!("the {kind} \"{name}\""));
            continue;
        };
        let relation = RelName::new(schema, name);
        match kind.as_str() {
            "view" => facts.views.push((
                relation,
                detail.unwrap_or_default().trim().trim_end_matches(';').to_owned(),
            )),
            "foreign key" => facts.referenced_by.push(relation),
            "sequence" => facts.sequences.push((detail.unwrap_or_default(), relation)),
            _ => facts.other_dependents.push(format!("the {kind} \"{}\"", relation.plain())),
        }
    }
    Ok(())
}
