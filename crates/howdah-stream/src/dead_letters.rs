//! Dead letters: listed, counted, shown, dropped, and replayed with the mapping of today.

mod replay;

use howdah_error::{Error, Result};
use howdah_pg::{Connection, from_pg};
use tokio_postgres::Row as PgRow;
use tokio_postgres::types::ToSql;

pub use replay::{Replayed, StillBad, next_replay};

const LIST: &str = include_str!("dead_letters/list.sql");
const COUNT: &str = include_str!("dead_letters/count.sql");
const SHOW: &str = include_str!("dead_letters/show.sql");
const DROP: &str = include_str!("dead_letters/drop.sql");

/// Which dead letters; a field that is `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this source.
    pub source: Option<String>,
    /// For this stream.
    pub stream: Option<String>,
    /// With this code.
    pub code: Option<String>,
    /// With one of these ids.
    pub ids: Option<Vec<i64>>,
}

impl Filter {
    /// Whether it restricts nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.source, &self.stream, &self.code, &self.ids]
    }
}

/// A dead letter without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its number, in the order of refusal.
    pub id: i64,
    /// The source that the event came from.
    pub source: String,
    /// The shard of the source.
    pub shard: String,
    /// The position of the event.
    pub position: String,
    /// The stream that it was meant for.
    pub stream: String,
    /// Why it was refused, as one word or SQLSTATE.
    pub code: String,
    /// Why, as a sentence.
    pub reason: String,
    /// How large the event was, in bytes.
    pub payload_bytes: i64,
    /// When it was refused, as PostgreSQL prints a `timestamptz` in UTC.
    pub refused_at: String,
}

/// How many letters have one source, stream and code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The source.
    pub source: String,
    /// The stream.
    pub stream: String,
    /// The code.
    pub code: String,
    /// How many.
    pub letters: i64,
}

/// The oldest letters that match, at most `limit`, in order of their ids.
pub async fn list(connection: &Connection, filter: &Filter, limit: i64) -> Result<Vec<Letter>> {
    let [source, stream, code, ids] = filter.parameters();
    let rows = connection.query(LIST, &[source, stream, code, ids, &limit]).await;
    Ok(rows.map_err(|error| could_not_read(&error))?.iter().map(letter).collect())
}

/// How many letters match, by source, stream and code.
pub async fn count(connection: &Connection, filter: &Filter) -> Result<Vec<Count>> {
    let rows = connection
        .query(COUNT, &filter.parameters())
        .await
        .map_err(|error| could_not_read(&error))?;
    let count = |row: &PgRow| Count {
        source: row.get(0),
        stream: row.get(1),
        code: row.get(2),
        letters: row.get(3),
    };
    Ok(rows.iter().map(count).collect())
}

/// One letter and its payload: the event as it came, cut when `payload_bytes` is larger.
pub async fn show(connection: &Connection, id: i64) -> Result<(Letter, Vec<u8>)> {
    let row = connection.query_opt(SHOW, &[&id]).await.map_err(|error| could_not_read(&error))?;
    let row = row.ok_or_else(|| no_such_letter(id))?;
    Ok((letter(&row), row.get(9)))
}

/// Removes the letters that match for good and says how many; refuses an empty filter, because
/// their events are nowhere else.
pub async fn drop(connection: &Connection, filter: &Filter) -> Result<u64> {
    if filter.is_empty() {
        return Err(Error::input("which dead letters to drop was not said")
            .hint("Give ids, or a source, stream or code."));
    }
    let dropped = connection.execute(DROP, &filter.parameters()).await;
    dropped.map_err(|error| from_pg("could not drop dead letters", &error))
}

fn letter(row: &PgRow) -> Letter {
    Letter {
        id: row.get(0),
        source: row.get(1),
        shard: row.get(2),
        position: row.get(3),
        stream: row.get(4),
        code: row.get(5),
        reason: row.get(6),
        payload_bytes: row.get(7),
        refused_at: row.get(8),
    }
}

fn could_not_read(error: &tokio_postgres::Error) -> Error {
    from_pg("could not read dead letters", error)
}

fn no_such_letter(id: i64) -> Error {
    Error::input(format!("there is no dead letter {id}"))
        .hint("`howdah dead-letters list` shows them.")
}
