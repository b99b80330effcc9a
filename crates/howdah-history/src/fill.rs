//! Segments of a chunk's rows: read by a cursor, gathered here, written segment by segment.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use howdah_catalog::name;
use howdah_error::Result;
use howdah_pg::{RawValue, from_pg};
use howdah_system::Stream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use crate::chunks::Chunk;
use crate::code::Column;
use crate::gather::{Gatherer, MOST_BYTES, MOST_HELD, Needed, Order};
use crate::layout::SEGMENT_ROWS;
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
    /// They are of more keys than can have segments open side by side.
    Crowded,
}

/// The value of a column of a row, in binary form.
pub(crate) fn value(row: &Row, at: usize) -> Option<&[u8]> {
    row.get::<_, RawValue<'_>>(at).0
}

/// Within a transaction that reads one moment: writes the segments of all rows of the chunk, whose
/// keys are known to be too many to be open side by side when it is `crowded`.
pub(crate) async fn fill(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    it: &Installed,
    crowded: bool,
) -> Result<Filled> {
    let failed = |error| from_pg(CONTEXT, &error);
    let rows = format!("only {}", chunk.table);
    let order = if crowded { Order::Key } else { order(client, stream, it, &rows).await? };
    let select = write_sql::select(stream, &it.layout, &rows, order);
    let cursor = format!("declare howdah_rows no scroll cursor for {select}");
    session::run(client, CONTEXT, &cursor).await?;
    let insert = write_sql::insert(&it.layout, &it.table, &chunk.table);
    let insert = client.prepare(&insert).await.map_err(failed)?;
    let mut gatherer = Gatherer::new(&it.layout, order);
    let (mut rows, mut segments) = (0, 0);
    let mut at_once = AT_ONCE.0;
    loop {
        let (fetched, bytes, ready) = fetch(client, &mut gatherer, at_once).await?;
        rows += fetched;
        segments += ready.len();
        if gatherer.is_crowded() {
            return Ok(Filled::Crowded);
        }
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
        return Ok(Filled::Misfit(gatherer.needed().to_vec()));
    }
    session::run(client, CONTEXT, "close howdah_rows").await?;
    Ok(Filled::Done { rows: rows as i64, segments: segments as i64 })
}

/// The order in which to read rows, as the server estimates: by time, unless an index gives them by
/// key for less, or the open segments of all keys would not fit into memory. Where it is wrong
/// about the latter the fold finds out.
async fn order(client: &Client, stream: &Stream, it: &Installed, rows: &str) -> Result<Order> {
    let keys = name::list(it.layout.plain.iter().map(Column::ident));
    let keys = if keys.is_empty() {
        1.0
    } else {
        let sql = format!("select from {rows} group by {keys}");
        estimate(client, &sql).await?.rows
    };
    let one = SEGMENT_ROWS as usize * it.layout.coded.len() * size_of::<Option<i64>>();
    if keys * one as f64 > MOST_HELD as f64 {
        return Ok(Order::Key);
    }
    let select = |order| write_sql::select(stream, &it.layout, rows, order);
    let by_key = estimate(client, &select(Order::Key)).await?;
    let by_time = estimate(client, &select(Order::Time)).await?;
    Ok(if by_time.cost <= by_key.cost { Order::Time } else { Order::Key })
}

/// What the server's planner says of a query.
struct Estimate {
    cost: f64,
    rows: f64,
}

async fn estimate(client: &Client, query: &str) -> Result<Estimate> {
    let told = client.query_typed(&format!("explain (format json) {query}"), &[]).await;
    let told = told.map_err(|error| from_pg(CONTEXT, &error))?;
    let text = told.first().and_then(|row| row.try_get::<_, RawValue<'_>>(0).ok()?.0);
    let told: serde_json::Value =
        text.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default();
    let of = |what: &str| told[0]["Plan"][what].as_f64().unwrap_or(f64::MAX);
    Ok(Estimate { cost: of("Total Cost"), rows: of("Plan Rows") })
}

/// Gathers the next rows: gives how many, their bytes, and the segments that they end. Fewer than
/// `at_once` are the last.
async fn fetch(
    client: &Client,
    gatherer: &mut Gatherer<'_>,
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
        gatherer.push(|at| value(&row, at), &mut ready);
    }
    if fetched < at_once {
        gatherer.end(&mut ready);
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
