//! What a fold refuses, since history would not be exact: better no segment than a wrong one.

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::from_pg;
use howdah_system::{MeasureKind, Rollup, Stream, System};
use tokio_postgres::Client;

use crate::chunks::Chunk;
use crate::code::Column;

/// Refuses a stream that cannot be folded exactly.
pub(crate) fn check_stream(system: &System, stream: &Stream) -> Result<()> {
    if stream.segment.is_none() {
        return Err(refuse(stream, "it has no segment policy").hint(format!(
            "Add `segment = {{ after = \"7 days\", by = [\"…\"] }}` to [streams.{}].",
            stream.name
        )));
    }
    if stream.retracted.is_some() {
        return Err(refuse(stream, "its events may be taken back")
            .detail(
                "A reversal or a reorganisation finds the events that it takes back in the chunks, \
                 not in segments.",
            )
            .hint("Leave `segment` out for streams with reversals or reorganisations."));
    }
    let positions = |rollup: &Rollup| {
        rollup.measures.iter().any(|measure| matches!(measure.kind, MeasureKind::Position(_)))
    };
    if system.rollups_of(stream).any(positions) {
        return Err(refuse(stream, "a position is kept of it")
            .detail("A late fill changes a position by all fills of its key, read from the chunks.")
            .hint("Leave `segment` out for streams with positions."));
    }
    let declared = system
        .tenants
        .as_ref()
        .is_some_and(|tenants| tenants.visible.iter().any(|it| it.table == stream.table));
    if declared {
        return Err(refuse(stream, "its rows belong to several tenants")
            .detail("Who sees a row is told by columns that a segment keeps as arrays.")
            .hint("Leave `segment` out for streams with owners or a declared visibility."));
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

/// Refuses when the columns are not those that older segments were folded from.
pub(crate) async fn check_columns(
    client: &Client,
    stream: &Stream,
    columns: &[Column],
    older: &[Column],
) -> Result<()> {
    for old in older {
        let same = columns.iter().any(|it| it.name == old.name && it.type_name == old.type_name);
        if !same {
            return Err(refuse(stream, "a column that its segments hold has changed")
                .detail(format!("The column is \"{}\".", old.name))
                .hint("Restore its chunks, then fold them again: howdah history restore."));
        }
    }
    for new in columns.iter().filter(|it| !older.iter().any(|old| old.name == it.name)) {
        let row = client
            .query_one(
                "select exists (select from pg_catalog.pg_attribute a \
                 join pg_catalog.pg_inherits i on i.inhrelid = a.attrelid \
                 where i.inhparent = $1::text::regclass \
                 and a.attname = $2::text and a.atthasmissing)",
                &[&stream.table.to_string(), &new.name],
            )
            .await
            .map_err(|error| from_pg("could not look at a column", &error))?;
        let known = stream.columns.iter().find(|it| it.name.as_str() == new.name);
        if row.get::<_, bool>(0) || known.is_some_and(|it| it.not_null || it.generated) {
            return Err(refuse(
                stream,
                "a column came after its segments, and is not null in them",
            )
            .detail(format!("The column is \"{}\".", new.name))
            .hint("Restore its chunks, then fold them again: howdah history restore."));
        }
    }
    Ok(())
}

fn refuse(stream: &Stream, why: &str) -> Error {
    Error::new(Kind::Conflict, format!("stream \"{}\" cannot be folded: {why}", stream.name))
        .code(Code::CannotFold)
}
