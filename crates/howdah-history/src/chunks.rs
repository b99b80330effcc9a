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

/// A partition of a stream as the catalog knows it: nobody has looked whether it holds a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its table.
    pub table: RelName,
    /// µs since 2000-01-01 UTC, inclusive; `i64::MIN`: unbounded.
    pub from_us: i64,
    /// Exclusive; `i64::MAX`: unbounded.
    pub to_us: i64,
    /// Whether it has pages: of its heap, without which it holds no row, or left in its indexes.
    pub paged: bool,
    /// Whether the policy says that it is to be folded.
    pub due: bool,
}

/// The chunks of a stream, oldest first, by the catalog and the sizes of files alone; default and
/// nested partitions are not among them.
pub async fn list(client: &Client, stream: &Stream) -> Result<Vec<Listed>> {
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
        let before: Option<i64> = row.get(4);
        out.push(Listed {
            table: RelName::new(row.get::<_, &str>(1), row.get::<_, &str>(2)),
            from_us: range.start,
            to_us: range.end,
            paged: !row.get::<_, bool>(3),
            due: before.is_some_and(|before| range.end <= before),
        });
    }
    out.sort_by_key(|chunk| chunk.from_us);
    Ok(out)
}

/// The chunks of a stream, oldest first, each looked into.
pub async fn read(client: &Client, stream: &Stream) -> Result<Vec<Chunk>> {
    let listed = list(client, stream).await?;
    let mut out = Vec::with_capacity(listed.len());
    for some in listed.chunks(LOOKED_AT_ONCE) {
        out.extend(look(client, some).await?);
    }
    Ok(out)
}

const CHUNKS_FROM: &str = "from pg_catalog.pg_inherits i \
     join pg_catalog.pg_class c on c.oid = i.inhrelid \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where i.inhparent = $1::text::regclass and c.relkind = 'r' and not i.inhdetachpending";

/// Chunks that one statement looks into.
const LOOKED_AT_ONCE: usize = 200;

/// Looks into chunks, by one statement.
pub async fn look(client: &Client, listed: &[Listed]) -> Result<Vec<Chunk>> {
    let looks = listed.iter().enumerate().map(|(place, it)| {
        let holds = if it.paged {
            format!("exists (select from only {})", it.table)
        } else {
            "false".to_owned()
        };
        let name = it.table.to_string();
        format!("select {holds}, pg_total_relation_size({}::regclass), {place}", Literal(&name))
    });
    let sql: Vec<String> = looks.collect();
    if sql.is_empty() {
        return Ok(Vec::new());
    }
    let rows = client
        .query(&format!("{} order by 3", sql.join(" union all ")), &[])
        .await
        .map_err(|error| from_pg("could not look into the chunks of a stream", &error))?;
    let chunk = |(it, row): (&Listed, tokio_postgres::Row)| {
        let filled: bool = row.get(0);
        Chunk {
            table: it.table.clone(),
            from_us: it.from_us,
            to_us: it.to_us,
            bytes: row.get(1),
            filled,
            hollow: it.paged && !filled,
            due: it.due,
        }
    };
    Ok(listed.iter().zip(rows).map(chunk).collect())
}

/// The chunk of that name, with or without its schema.
pub async fn find(client: &Client, stream: &Stream, name: &str) -> Result<Chunk> {
    let chunks = list(client, stream).await?;
    let known = |it: &&Listed| it.table.name.as_str() == name || it.table.plain() == name;
    let unknown = || {
        Error::input(format!("stream \"{}\" has no chunk \"{name}\"", stream.name))
            .code(Code::UnknownName)
            .hint("`howdah history status` lists them.")
    };
    let listed = chunks.iter().find(known).ok_or_else(unknown)?;
    look(client, std::slice::from_ref(listed)).await?.pop().ok_or_else(unknown)
}
