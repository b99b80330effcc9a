//! Bringing events of an export back: they are loaded into a table that nobody reads, checked
//! there, and seen in one moment, without a rollup being touched: rollups never lost them.

use howdah_catalog::name::fitting;
use howdah_catalog::{Ident, RelName, name};
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{failpoint, from_pg};
use howdah_plan::chunk::{Chunk, create};
use howdah_system::Stream;
use tokio_postgres::Client;

use super::part::Part;
use super::remove::patiently;
use super::source::hashes;
use crate::fold::{disown, own};
use crate::{session, store};

/// A table that is being filled with the events of an export.
#[derive(Debug, Clone)]
pub struct Room {
    /// The table; its name may be of this session alone.
    pub table: RelName,
    /// Whether it becomes the chunk; else its rows are inserted into the chunks that are there.
    whole: bool,
}

/// What the events must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The columns that the export has, with their types as it says.
    pub columns: &'a [(String, String)],
    /// How many events.
    pub rows: i64,
    /// The sum of their hashes.
    pub row_hashes: &'a str,
}

/// Takes the right to work on the stream's history, and makes room for the events of a part.
///
/// # Errors
/// The stream's columns are no longer those of the export, or another session is at it.
pub async fn make_room(
    client: &Client,
    stream: &Stream,
    part: &Part,
    expected: &Expected<'_>,
) -> Result<Room> {
    check_columns(client, stream, expected).await?;
    own(client, stream).await?;
    let made = make(client, stream, part).await;
    if made.is_err() {
        disown(client, stream).await;
    }
    made
}

async fn make(client: &Client, stream: &Stream, part: &Part) -> Result<Room> {
    let context = "could not make room for events of an export";
    let failed = |error| from_pg(context, &error);
    let bounded = part.from_us > i64::MIN && part.to_us < i64::MAX;
    let held: bool = client
        .query_one(
            "select exists (select from pg_catalog.pg_inherits where inhparent = to_regclass($1) \
             and inhrelid = to_regclass($2))",
            &[&stream.table.to_string(), &part.chunk.to_string()],
        )
        .await
        .map_err(failed)?
        .get(0);
    if part.tenant.is_some() || held || !bounded {
        let table = RelName::new("pg_temp", "howdah_brought");
        let sql = format!(
            "drop table if exists {table}; create temporary table howdah_brought (like {} \
             including generated)",
            stream.table
        );
        session::run(client, context, &sql).await?;
        return Ok(Room { table, whole: false });
    }
    let table = RelName {
        schema: Ident::new(howdah_plan::chunk::CHUNK_SCHEMA),
        name: fitting(part.chunk.name.as_str(), "back"),
    };
    let statements = statements(stream, part, &table);
    // What a killed process left there is ours: its name says so, and it is attached to nothing.
    let sql = format!("drop table if exists {table}; {}", statements[..2].join("; "));
    session::run(client, context, &sql).await?;
    Ok(Room { table, whole: true })
}

/// What makes the chunk, closes it and attaches it, under another name.
fn statements(stream: &Stream, part: &Part, table: &RelName) -> Vec<String> {
    let chunk = Chunk { from_us: part.from_us, to_us: part.to_us };
    let usual = chunk.name(stream).to_string();
    create(stream, chunk).iter().map(|sql| sql.replacen(&usual, &table.to_string(), 1)).collect()
}

async fn check_columns(client: &Client, stream: &Stream, expected: &Expected<'_>) -> Result<()> {
    let refuse = |what: &str, column: &str| {
        Error::new(Kind::Conflict, "the columns of the stream are not those of the export")
            .code(Code::CannotBringBack)
            .detail(format!("Column \"{column}\" {what}."))
            .hint("Read the Parquet files by another program, or bring the column back first.")
    };
    let now = store::columns(client, stream).await?;
    for (column, type_name) in expected.columns {
        match now.iter().find(|it| it.name == *column) {
            None => return Err(refuse("is no longer there", column)),
            Some(it) if it.type_name != *type_name => {
                return Err(refuse("is of another type now", column));
            }
            Some(_) => {}
        }
    }
    for it in &now {
        let known = expected.columns.iter().any(|(column, _)| *column == it.name);
        let column = stream.columns.iter().find(|known| known.name.as_str() == it.name);
        if !known && column.is_some_and(|column| column.not_null && !column.generated) {
            return Err(refuse("came later and is not null", &it.name));
        }
    }
    Ok(())
}

/// The columns to load: those of the export that are not computed by the table.
#[must_use]
pub fn loaded(stream: &Stream, column: &str) -> bool {
    let known = stream.columns.iter().find(|known| known.name.as_str() == column);
    !known.is_some_and(|known| known.generated)
}

/// Checks what was loaded, and makes it part of the stream for `stay` (an interval). Whatever comes
/// of it, the right to work on the history is given back.
pub async fn settle(
    client: &Client,
    stream: &Stream,
    part: &Part,
    (room, expected, stay): (&Room, &Expected<'_>, &str),
) -> Result<()> {
    let result = settle_owned(client, stream, part, (room, expected, stay)).await;
    if result.is_err() {
        give_up(client, stream, room).await;
    } else {
        disown(client, stream).await;
    }
    result
}

/// Drops what was loaded.
pub async fn give_up(client: &Client, stream: &Stream, room: &Room) {
    // What stays is dropped by whoever brings the part back later.
    let _ = client.batch_execute(&format!("drop table if exists {}", room.table)).await;
    disown(client, stream).await;
}

async fn settle_owned(
    client: &Client,
    stream: &Stream,
    part: &Part,
    (room, expected, stay): (&Room, &Expected<'_>, &str),
) -> Result<()> {
    let context = "could not bring events of an export back";
    let failed = |error| from_pg(context, &error);
    let idents = expected.columns.iter().map(|(column, _)| Ident::new(column.as_str()));
    let idents: Vec<Ident> = idents.collect();
    check_rows(client, room, &idents, expected).await?;
    failpoint::hit("keep.brought").await?;
    let into = if room.whole {
        statements(stream, part, &room.table)[2..].join("; ")
    } else {
        let list = name::list(idents.iter().filter(|it| loaded(stream, it.as_str())));
        format!(
            "insert into {} ({list}) overriding system value select {list} from {}",
            stream.table, room.table
        )
    };
    patiently(client, context, async || {
        session::run(client, context, &into).await?;
        let chunk = if room.whole { room.table.to_string() } else { part.chunk.to_string() };
        client
            .execute(
                "update howdah.drops set chunk = $2, restored_at = now(), \
                 kept_until = now() + $3::text::interval where id = $1",
                &[&part.id, &chunk, &stay],
            )
            .await
            .map_err(failed)?;
        Ok(())
    })
    .await?;
    if !room.whole {
        session::run(client, context, &format!("drop table if exists {}", room.table)).await?;
    }
    Ok(())
}

async fn check_rows(
    client: &Client,
    room: &Room,
    columns: &[Ident],
    expected: &Expected<'_>,
) -> Result<()> {
    session::begin_read_committed(client).await?;
    let list = name::list(columns.iter().map(|column| format!("r.{column}")));
    let sql = format!("select count(*), {} from {} r", hashes(&list), room.table);
    let row = client.query_one(&sql, &[]).await;
    let _ = client.batch_execute("rollback").await;
    let row = row.map_err(|error| from_pg("could not check events of an export", &error))?;
    let (rows, found): (i64, String) = (row.get(0), row.get(1));
    if rows == expected.rows && found == expected.row_hashes {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, "the events of an export are not those that were exported")
        .code(Code::ExportDamaged)
        .detail(format!(
            "The manifest says {} events, {rows} came; {}.",
            expected.rows,
            if rows == expected.rows { "their hashes differ" } else { "some are missing" }
        ))
        .hint("Nothing was brought back."))
}
