//! The chunks of a stream, as history sees them.

use howdah_catalog::{Literal, RelName};
use howdah_error::{Code, Error, Result};
use howdah_pg::{from_pg, parse_bound};
use howdah_plan::chunk;
use howdah_system::Stream;
use tokio_postgres::Client;

/// A partition of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its table.
    pub table: RelName,
    /// µs since 2000-01-01 UTC, inclusive; `i64::MIN`: unbounded.
    pub from_us: i64,
    /// Exclusive; `i64::MAX`: unbounded.
    pub to_us: i64,
    /// Its size on disk with its indexes.
    pub bytes: i64,
    /// Whether it holds a row.
    pub filled: bool,
    /// Whether it holds pages and no row: what a fold left while somebody could still see its rows.
    pub hollow: bool,
    /// Whether the policy says that it is to be folded: it ends before the age.
    pub due: bool,
}

/// The chunks of a stream, oldest first; default and nested partitions are not among them.
pub async fn read(client: &Client, stream: &Stream) -> Result<Vec<Chunk>> {
    let failed = |error| from_pg("could not read the chunks of a stream", &error);
    let before = stream.segment.as_ref().map_or_else(
        || "null::bigint".to_owned(),
        |segment| {
            format!(
                "(extract(epoch from now() - interval {} - \
                 timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint",
                Literal(&segment.after.to_string())
            )
        },
    );
    let sql = format!("{}, {before} {}", include_str!("chunks_head.sql"), CHUNKS_FROM);
    let rows = client.query(&sql, &[&stream.table.to_string()]).await.map_err(failed)?;
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let bound = parse_bound(row.get(0));
        let Some(range) = chunk::range_of(&bound) else { continue };
        let table = RelName::new(row.get::<_, &str>(1), row.get::<_, &str>(2));
        let bytes: i64 = row.get(3);
        let empty: bool = row.get(4);
        let before: Option<i64> = row.get(5);
        let filled = !empty && holds_rows(client, &table).await?;
        out.push(Chunk {
            table,
            from_us: range.start,
            to_us: range.end,
            bytes,
            filled,
            hollow: !empty && !filled,
            due: before.is_some_and(|before| range.end <= before),
        });
    }
    out.sort_by_key(|chunk| chunk.from_us);
    Ok(out)
}

const CHUNKS_FROM: &str = "from pg_catalog.pg_inherits i \
     join pg_catalog.pg_class c on c.oid = i.inhrelid \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where i.inhparent = $1::text::regclass and c.relkind = 'r'";

async fn holds_rows(client: &Client, table: &RelName) -> Result<bool> {
    let sql = format!("select exists (select from only {table})");
    let row = client
        .query_one(&sql, &[])
        .await
        .map_err(|error| from_pg("could not look into a chunk", &error))?;
    Ok(row.get(0))
}

/// The chunk of that name, with or without its schema.
pub async fn find(client: &Client, stream: &Stream, name: &str) -> Result<Chunk> {
    let chunks = read(client, stream).await?;
    let known = |chunk: &&Chunk| chunk.table.name.as_str() == name || chunk.table.plain() == name;
    chunks.iter().find(known).cloned().ok_or_else(|| {
        Error::input(format!("stream \"{}\" has no chunk \"{name}\"", stream.name))
            .code(Code::UnknownName)
            .hint("`howdah history status` lists them.")
    })
}
