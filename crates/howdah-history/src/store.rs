//! What howdah keeps of history in its own tables.

use howdah_catalog::{Ident, RelName, name};
use howdah_error::{Error, Result};
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::Client;

use crate::chunks::Chunk;
use crate::code::{Column, Shape};
use crate::layout::{Later, Layout};
use crate::read_sql::{Installed, Since};

/// The columns of a stream's table, in their order.
pub(crate) async fn columns(client: &Client, stream: &Stream) -> Result<Vec<Column>> {
    let rows = client
        .query(include_str!("columns.sql"), &[&stream.table.to_string()])
        .await
        .map_err(|error| from_pg("could not read the columns of a stream", &error))?;
    Ok(rows
        .iter()
        .map(|row| Column {
            name: row.get(0),
            type_name: row.get(1),
            array_type: row.get(2),
            shape: shape(row.get(3), row.get(4)),
            modified: row.get(5),
        })
        .collect())
}

fn shape(base: Option<&str>, nested: bool) -> Shape {
    match base {
        _ if nested => Shape::Nested,
        Some("int2") => Shape::Int2,
        Some("int4") => Shape::Int4,
        Some("int8") => Shape::Int8,
        Some("float4") => Shape::Float4,
        Some("float8") => Shape::Float8,
        Some("numeric") => Shape::Numeric,
        Some("date") => Shape::Date,
        Some("timestamptz") => Shape::Timestamptz,
        Some("timestamp") => Shape::Timestamp,
        Some("bytea") => Shape::Bytes,
        _ => Shape::Other,
    }
}

/// The layouts of a stream, in the order of their numbers.
pub(crate) async fn layouts(client: &Client, stream: &Stream) -> Result<Vec<Installed>> {
    let mut out = layouts_as_made(client, stream).await?;
    if !out.is_empty() {
        let now = columns(client, stream).await?;
        for it in &mut out {
            it.since = since(client, stream, &now, &it.layout).await?;
        }
    }
    Ok(out)
}

/// What became of the stream's columns since a layout was made.
async fn since(
    client: &Client,
    stream: &Stream,
    now: &[Column],
    layout: &Layout,
) -> Result<Vec<Since>> {
    let mut out = Vec::new();
    for column in now {
        let mut push = |missing: Option<String>| {
            let (column, type_name) = (column.name.clone(), column.modified.clone());
            out.push(Since { column, missing, type_name });
        };
        match layout.columns().find(|known| known.name == column.name) {
            Some(known) if known.is_of_type(column) => {}
            Some(_) => push(None),
            None => {
                let noted = layout.later.iter().find(|later| later.column == column.name);
                let later = match noted {
                    Some(noted) => noted.clone(),
                    None => missing(client, stream, column).await?,
                };
                push(Some(later.value_as(column)));
            }
        }
    }
    Ok(out)
}

/// What rows of before a column have in it: the server keeps that with the chunks of before, until
/// they are written anew.
async fn missing(client: &Client, stream: &Stream, column: &Column) -> Result<Later> {
    let row = client
        .query_opt(
            "select (a.attmissingval::text::text[])[1] from pg_catalog.pg_attribute a \
             join pg_catalog.pg_inherits i on i.inhrelid = a.attrelid \
             where i.inhparent = $1::text::regclass and a.attname = $2::text \
             and a.atthasmissing limit 1",
            &[&stream.table.to_string(), &column.name],
        )
        .await
        .map_err(|error| from_pg("could not look at a column", &error))?;
    let value = row.and_then(|row| row.get(0));
    Ok(Later { column: column.name.clone(), type_name: column.type_name.clone(), value })
}

async fn layouts_as_made(client: &Client, stream: &Stream) -> Result<Vec<Installed>> {
    let rows = client
        .query(
            "select layout, n.nspname::text, c.relname::text, l.columns::text \
             from howdah.layouts l join pg_catalog.pg_class c on c.oid = to_regclass(l.relation) \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where l.stream = $1 order by layout",
            &[&stream.table.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not read the layouts of a stream", &error))?;
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let layout: Layout = serde_json::from_str(row.get(3)).map_err(|error| {
            Error::internal("a layout in howdah.layouts cannot be read").source(error)
        })?;
        let table = RelName::new(row.get::<_, &str>(1), row.get::<_, &str>(2));
        out.push(Installed { number: row.get(0), table, layout, since: Vec::new() });
    }
    Ok(out)
}

/// Keeps a layout.
pub(crate) async fn keep_layout(client: &Client, stream: &Stream, it: &Installed) -> Result<()> {
    let text = serde_json::to_string(&it.layout)
        .map_err(|error| Error::internal("a layout cannot be written").source(error))?;
    let name = stream.table.to_string();
    let relation = it.table.to_string();
    client
        .execute(
            "insert into howdah.layouts (stream, layout, relation, columns) \
             values ($1, $2, $3, $4::text::jsonb)",
            &[&name, &it.number, &relation, &text],
        )
        .await
        .map_err(|error| from_pg("could not keep a layout", &error))?;
    Ok(())
}

/// Whether batches with events in the chunk look for segments already.
pub(crate) async fn is_fenced(client: &Client, stream: &Stream, chunk: &Chunk) -> Result<bool> {
    let row = client
        .query_one(
            "select exists (select from howdah.folds where stream = $1 and fenced_us >= $2) \
             and exists (select from howdah.folded where stream = $1 and chunk = $3)",
            &[&stream.table.to_string(), &chunk.to_us, &chunk.table.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not read the fence of a stream", &error))?;
    Ok(row.get(0))
}

/// Makes them look.
pub(crate) async fn fence(client: &Client, stream: &Stream, chunk: &Chunk) -> Result<()> {
    let name = stream.table.to_string();
    let failed = |error| from_pg("could not move the fence of a stream", &error);
    client
        .execute(
            "insert into howdah.folds (stream, fenced_us) values ($1, $2) on conflict (stream) \
             do update set fenced_us = greatest(folds.fenced_us, excluded.fenced_us)",
            &[&name, &chunk.to_us],
        )
        .await
        .map_err(failed)?;
    client
        .execute(
            "insert into howdah.folded (stream, chunk, from_us, to_us) values ($1, $2, $3, $4) \
             on conflict do nothing",
            &[&name, &chunk.table.to_string(), &chunk.from_us, &chunk.to_us],
        )
        .await
        .map_err(failed)?;
    Ok(())
}

/// Notes what a fold did.
pub(crate) async fn note(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    (layout, rows, segments): (i32, i64, i64),
) -> Result<()> {
    client
        .execute(
            "update howdah.folded set layout = $3, rows = rows + $4, segments = segments + $5, \
             bytes_before = greatest(bytes_before, $6), folded_at = now() \
             where stream = $1 and chunk = $2",
            &[
                &stream.table.to_string(),
                &chunk.table.to_string(),
                &layout,
                &rows,
                &segments,
                &chunk.bytes,
            ],
        )
        .await
        .map_err(|error| from_pg("could not note a fold", &error))?;
    Ok(())
}

/// Notes that a chunk is no longer folded. It stays behind the fence.
pub(crate) async fn forget(client: &Client, stream: &Stream, chunk: &Chunk) -> Result<()> {
    client
        .execute(
            "update howdah.folded set layout = null, rows = 0, segments = 0, bytes_before = 0, \
             folded_at = null where stream = $1 and chunk = $2",
            &[&stream.table.to_string(), &chunk.table.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not note that a chunk was restored", &error))?;
    Ok(())
}

/// Brings the layouts after the columns of the stream, within a transaction: what segments hold of
/// columns that are gone is dropped, so that a new column of an old name is not taken for them;
/// what older events have in new columns is noted as long as it is known.
pub(crate) async fn follow_columns(
    client: &Client,
    stream: &Stream,
    columns: &[Column],
    layouts: Vec<Installed>,
) -> Result<()> {
    let failed = |error| from_pg("could not drop a column of segments", &error);
    let is_gone = |name: &str| !columns.iter().any(|now| now.name == name);
    for mut it in layouts {
        let before = it.layout.clone();
        let gone = it.layout.without(is_gone);
        if !gone.is_empty() {
            let drops = gone.iter().map(|name| format!("drop column {}", Ident::new(name)));
            let sql = format!("alter table {} {}", it.table, name::list(drops));
            client.batch_execute(&sql).await.map_err(failed)?;
        }
        for column in columns {
            let known = it.layout.columns().any(|known| known.name == column.name)
                || it.layout.later.iter().any(|later| later.column == column.name);
            if !known {
                it.layout.later.push(missing(client, stream, column).await?);
            }
        }
        if it.layout != before {
            let text = serde_json::to_string(&it.layout)
                .map_err(|error| Error::internal("a layout cannot be written").source(error))?;
            client
                .execute(
                    "update howdah.layouts set columns = $3::text::jsonb \
                     where stream = $1 and layout = $2",
                    &[&stream.table.to_string(), &it.number, &text],
                )
                .await
                .map_err(failed)?;
        }
    }
    Ok(())
}
