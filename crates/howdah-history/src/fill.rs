//! Segments of a chunk's rows: read by a cursor, gathered here, written segment by segment.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use howdah_error::Result;
use howdah_pg::{RawValue, from_pg};
use howdah_system::Stream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use crate::chunks::Chunk;
use crate::gather::{Gatherer, MOST_BYTES, Needed};
use crate::read_sql::Installed;
use crate::session::{self, is_misfit};
use crate::wire::Value;
use crate::write_sql;

/// Rows that are asked for at a time, first and at most. Their segments are held in memory, so wide
/// rows are asked for in smaller numbers.
const AT_ONCE: (usize, usize) = (500, 8_000);

const CONTEXT: &str = "could not fold a chunk";

/// What became of a chunk's rows.
#[derive(Debug)]
pub(crate) enum Filled {
    /// All of them are in segments: their numbers.
    Done { rows: i64, segments: i64 },
    /// Some do not fit; what all of them need of the columns' codes.
    Misfit(Vec<Needed>),
    /// The server refused to compute of them: a sum is too large.
    Refused,
}

/// The value of a column of a row, in binary form.
pub(crate) fn value(row: &Row, at: usize) -> Option<&[u8]> {
    row.get::<_, RawValue<'_>>(at).0
}

/// Within a transaction that reads one moment: writes the segments of all rows of the chunk.
pub(crate) async fn fill(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    it: &Installed,
) -> Result<Filled> {
    let failed = |error| from_pg(CONTEXT, &error);
    let select = write_sql::select(stream, &it.layout, &format!("only {}", chunk.table));
    let cursor = format!("declare howdah_rows no scroll cursor for {select}");
    session::run(client, CONTEXT, &cursor).await?;
    let insert = write_sql::insert(&it.layout, &it.table, &chunk.table);
    let insert = client.prepare(&insert).await.map_err(failed)?;
    let mut gatherer = Gatherer::new(&it.layout);
    let (mut rows, mut segments) = (0, 0);
    let mut at_once = AT_ONCE.0;
    loop {
        let (fetched, bytes, ready) = fetch(client, &mut gatherer, it, at_once).await?;
        rows += fetched;
        segments += ready.len();
        // Behind the first misfit rows are only measured.
        if gatherer.fits() {
            match write(client, &insert, &ready).await {
                Ok(()) => {}
                Err(error) if is_misfit(&error) => return Ok(Filled::Refused),
                Err(error) => return Err(failed(error)),
            }
        }
        if fetched < at_once {
            break;
        }
        if bytes > MOST_BYTES {
            at_once = (at_once / 4).max(1);
        } else if bytes < MOST_BYTES / 4 {
            at_once = (at_once * 2).min(AT_ONCE.1);
        }
    }
    if !gatherer.fits() {
        return Ok(Filled::Misfit(gatherer.needed()));
    }
    session::run(client, CONTEXT, "close howdah_rows").await?;
    Ok(Filled::Done { rows: rows as i64, segments: segments as i64 })
}

/// Gathers the next rows: gives how many, their bytes, and the segments that they end. Fewer than
/// `at_once` are the last.
async fn fetch(
    client: &Client,
    gatherer: &mut Gatherer,
    it: &Installed,
    at_once: usize,
) -> Result<(usize, usize, Vec<Vec<Value>>)> {
    let failed = |error| from_pg(CONTEXT, &error);
    let fetch = format!("fetch {at_once} from howdah_rows");
    let found = client.query_raw(&fetch, std::iter::empty::<&Value>()).await.map_err(failed)?;
    let mut found = pin!(found);
    let (mut fetched, mut bytes, mut ready) = (0, 0, Vec::new());
    while let Some(row) = found.try_next().await.map_err(failed)? {
        fetched += 1;
        bytes += row.raw_size_bytes();
        if gatherer.ends_before(|at| value(&row, at)) {
            ready.extend(gatherer.end(&it.layout));
        }
        gatherer.push(|at| value(&row, at));
    }
    if fetched < at_once {
        ready.extend(gatherer.end(&it.layout));
    }
    Ok((fetched, bytes, ready))
}

/// Writes segments, without waiting for one before the next is sent.
async fn write(
    client: &Client,
    insert: &Statement,
    segments: &[Vec<Value>],
) -> std::result::Result<(), tokio_postgres::Error> {
    let each = segments.iter().map(|segment| async move {
        let parameters = segment.iter().map(|value| value as &(dyn ToSql + Sync));
        client.execute_raw(insert, parameters).await
    });
    try_join_all(each).await.map(drop)
}
