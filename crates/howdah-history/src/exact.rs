//! What a fold refuses, since history would not be exact: better no segment than a wrong one.

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::Client;

use crate::chunks::Chunk;
use crate::code::Column;
use crate::read_sql::Installed;

/// Refuses a stream that cannot be folded exactly.
pub(crate) fn check_stream(stream: &Stream) -> Result<()> {
    if stream.segment.is_none() {
        return Err(refuse(stream, "it has no segment policy").hint(format!(
            "Add `segment = {{ after = \"7 days\", by = [\"…\"] }}` to [streams.{}].",
            stream.name
        )));
    }
    Ok(())
}

/// Refuses a login that does not own the stream: it can neither detach nor drop a chunk.
pub(crate) async fn check_owner(client: &Client, stream: &Stream) -> Result<()> {
    let row = client
        .query_one(
            "select pg_has_role(current_user, relowner, 'usage') from pg_catalog.pg_class \
             where oid = $1::text::regclass",
            &[&stream.table.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not look at a stream", &error))?;
    if row.get(0) {
        return Ok(());
    }
    let message = format!("this login does not own stream \"{}\"", stream.name);
    Err(Error::new(Kind::Conflict, message)
        .code(Code::CannotDrop)
        .detail("Only the owner of its table can drop chunks.")
        .hint("Use the login that applies; it owns the stream, its chunks and its segments."))
}

/// Refuses a chunk that something else hangs on.
pub(crate) async fn check_chunk(client: &Client, stream: &Stream, chunk: &Chunk) -> Result<()> {
    let row = client
        .query_one(
            include_str!("exact.sql"),
            &[&chunk.table.to_string(), &stream.table.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not look at a chunk", &error))?;
    let (owned, triggers, referenced): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
    if !owned {
        return Err(refuse(stream, "this login does not own its chunks").hint(
            "Fold as the login that applies; it owns the stream, its chunks and its segments.",
        ));
    }
    if triggers {
        return Err(refuse(stream, "its chunks have a trigger")
            .detail(format!("It is on \"{}\".", chunk.table.plain()))
            .hint("Drop it: folding moves rows, which a trigger would take for changes."));
    }
    if referenced {
        return Err(refuse(stream, "a foreign key refers to it")
            .hint("Drop that foreign key: events that are folded have no row to refer to."));
    }
    Ok(())
}

/// Refuses when columns that came after older segments have values in them that nobody knows, or
/// when what finds segments has changed.
pub(crate) fn check_columns(
    stream: &Stream,
    columns: &[Column],
    layouts: &[Installed],
) -> Result<()> {
    for it in layouts {
        let found = it.layout.plain.iter().chain([&it.layout.time]);
        for old in found {
            let same =
                columns.iter().any(|it| it.name == old.name && it.type_name == old.type_name);
            if !same {
                return Err(refuse(stream, "a column that its segments are found by has changed")
                    .detail(format!("The column is \"{}\".", old.name))
                    .hint("Restore its chunks, then fold them again: howdah history restore."));
            }
        }
        for since in &it.since {
            let known = stream.columns.iter().find(|known| known.name.as_str() == since.column);
            let empty = since.missing.as_ref().is_some_and(|value| value.starts_with("null::"));
            if empty && known.is_some_and(|known| known.not_null || known.generated) {
                return Err(refuse(
                    stream,
                    "a column came after its segments, and is not null in them",
                )
                .detail(format!("The column is \"{}\".", since.column))
                .hint("Restore its chunks, then fold them again: howdah history restore."));
            }
        }
    }
    Ok(())
}

fn refuse(stream: &Stream, why: &str) -> Error {
    Error::new(Kind::Conflict, format!("stream \"{}\" cannot be folded: {why}", stream.name))
        .code(Code::CannotFold)
}
