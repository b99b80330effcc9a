//! Replay: payloads → decoded again → batches that the writer commits as it removes the letters.

use bytes::Bytes;
use howdah_error::{Code, Error, Result};
use howdah_pg::{Connection, from_pg};
use howdah_system::Source;
use tokio_postgres::Row as PgRow;

use super::Filter;
use crate::batch::{Batch, Mark, Position, Replay, Row, ShardId};
use crate::decode::{Decoded, Decoder};

const PAGE: &str = include_str!("page.sql");
const EXPLAIN: &str = include_str!("explain.sql");

/// A letter that still does not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillBad {
    /// Its id.
    pub id: i64,
    /// Why, as one word.
    pub code: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// One page of letters, decoded again.
#[derive(Debug)]
pub struct Replayed {
    /// The last id of the page: the next page is behind it.
    pub last: i64,
    /// What now decodes; `None` when nothing of the page does.
    pub replay: Option<Replay>,
    /// What does not, in order of ids; [`Self::explain`] writes the new reasons down.
    pub still_bad: Vec<StillBad>,
}

impl Replayed {
    /// Gives the letters that still do not decode the reason of today.
    pub async fn explain(&self, connection: &Connection) -> Result<()> {
        let ids: Vec<i64> = self.still_bad.iter().map(|bad| bad.id).collect();
        let codes: Vec<&str> = self.still_bad.iter().map(|bad| bad.code.as_str()).collect();
        let reasons: Vec<&str> = self.still_bad.iter().map(|bad| bad.reason.as_str()).collect();
        let done = connection.execute(EXPLAIN, &[&ids, &codes, &reasons]).await;
        done.map(|_| ()).map_err(|error| from_pg("could not update dead letters", &error))
    }
}

/// Decodes the next letters of a source: those behind id `after`, up to id `until`, at most
/// `rows`. `None` when there are no more.
///
/// The caller takes `until` once, as the largest id at the start: a letter that the writer refuses
/// again gets a new id and would otherwise come round for ever. Events that were cut when they were
/// refused stay.
pub async fn next_replay(
    connection: &Connection,
    source: &Source,
    decoder: &mut Decoder,
    filter: &Filter,
    (after, until): (i64, i64),
    rows: i64,
) -> Result<Option<Replayed>> {
    if filter.source.as_ref().is_some_and(|name| *name != source.name) {
        return Err(Error::internal("the filter names another source").code(Code::CannotReplay));
    }
    let page = connection
        .query(PAGE, &[&source.name, &after, &until, &filter.code, &filter.ids, &rows])
        .await
        .map_err(|error| from_pg("could not read dead letters", &error))?;
    let Some(last) = page.last().map(|row| row.get::<_, i64>(0)) else { return Ok(None) };
    let (mut letters, mut good, mut still_bad) = (vec![], vec![], vec![]);
    for row in &page {
        let id: i64 = row.get(0);
        match decode(row, decoder) {
            Ok(found) => {
                let group = u32::try_from(good.len()).unwrap_or(u32::MAX);
                letters.extend((0..found.events).map(|_| id));
                good.extend(found.rows.into_iter().map(|row| Row { group, ..row }));
            }
            Err((code, reason)) => still_bad.push(StillBad { id, code, reason }),
        }
    }
    let to = good.last().map(|row| row.position.clone());
    let replay = to.map(|to| Replay {
        batch: Batch {
            // The events of a page may be of several shards; none of their positions is moved.
            shard: ShardId { source: source.name.clone(), shard: page[0].get(1) },
            from: None,
            to,
            events: letters.len() as u64,
            rows: good,
            refusals: vec![],
            mark: Mark::default(),
        },
        letters,
    });
    Ok(Some(Replayed { last, replay, still_bad }))
}

/// Decodes the payload of a letter: all of it or nothing.
fn decode(row: &PgRow, decoder: &mut Decoder) -> Result<Decoded, (String, String)> {
    let position = Position(row.get(2));
    let payload: Vec<u8> = row.get(3);
    let whole: i64 = row.get(4);
    if payload.len() as i64 != whole {
        let reason = format!("the event was cut to {} of {whole} bytes", payload.len());
        return Err(("too_large".to_owned(), reason));
    }
    let mut found = Decoded::default();
    decoder.decode_payload(position, &Bytes::from(payload), &mut found);
    if let Some(refusal) = found.refusals.pop() {
        return Err((refusal.code, refusal.reason));
    }
    if found.rows.is_empty() {
        return Err(("missing_field".to_owned(), "the letter holds no event".to_owned()));
    }
    Ok(found)
}
