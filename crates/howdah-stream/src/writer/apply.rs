//! Staging rows and applying them so that a bad one never takes its neighbours with it.
//!
//! The common case is one statement over the whole batch. When it fails by a row's fault, the range
//! is halved until the row is alone; it is refused and the range grows again. Ranges go from front
//! to back, so a row is always applied upon all accepted rows before it, whatever the cuts.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use howdah_error::{Error, Kind, Result};
use howdah_pg::{Fault, classify, from_pg, sqlstate};

use super::{Applied, Writer};
use crate::batch::Row;

/// A row that was refused after decoding.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    /// Its index among the batch's rows.
    pub(super) index: usize,
    /// Why, as one word.
    pub(super) code: String,
    /// Why, as a sentence without values.
    pub(super) reason: String,
}

/// The signature and header of binary COPY: no flags, no extension (PostgreSQL documentation,
/// COPY, "Binary Format").
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Bytes handed to the driver at once.
const COPY_CHUNK: usize = 256 << 10;

enum Copied {
    All,
    /// The staged row at this place cannot be read by its type.
    Bad(usize, Refused),
}

impl Writer {
    /// Stages the rows at `staged` (indexes into `rows`, ascending) and applies them.
    pub(super) async fn apply(
        &mut self,
        rows: &[Row],
        mut staged: Vec<usize>,
        applied: &mut Applied,
    ) -> Result<()> {
        self.execute("savepoint howdah_copy").await?;
        while let Copied::Bad(place, refused) = self.copy(rows, &staged).await? {
            self.execute("rollback to savepoint howdah_copy").await?;
            staged.remove(place);
            applied.refused.push(refused);
        }
        if staged.is_empty() {
            return Ok(());
        }
        self.refuse_unknown_tenants(&staged, applied).await?;
        self.apply_ranges(&staged, applied).await
    }

    async fn execute(&self, sql: &str) -> Result<()> {
        self.connection
            .batch_execute(sql)
            .await
            .map_err(|error| from_pg("could not write a batch", &error))
    }

    /// Copies the rows into the staging table; `howdah_ord` is the place in `staged`.
    async fn copy(&self, rows: &[Row], staged: &[usize]) -> Result<Copied> {
        let failed = |error: &tokio_postgres::Error| from_pg("could not stage a batch", error);
        let sink = self
            .connection
            .copy_in::<_, Bytes>(&self.sql.staging.copy())
            .await
            .map_err(|error| failed(&error))?;
        futures_util::pin_mut!(sink);
        let mut buffer = BytesMut::with_capacity(COPY_CHUNK + (COPY_CHUNK >> 2));
        buffer.put_slice(COPY_HEADER);
        for (place, index) in staged.iter().enumerate() {
            put_tuple(&mut buffer, place, &rows[*index].copy);
            if buffer.len() >= COPY_CHUNK {
                let full = buffer.split().freeze();
                if sink.send(full).await.is_err() {
                    // The server has stopped reading; `finish` says why.
                    break;
                }
            }
        }
        buffer.put_i16(-1);
        let _ = sink.send(buffer.freeze()).await;
        match sink.finish().await {
            Ok(_) => Ok(Copied::All),
            Err(error) if classify(&error) == Fault::Data => match bad_place(&error) {
                Some(place) if place < staged.len() => {
                    let refused = refused(staged[place], &error);
                    Ok(Copied::Bad(place, refused))
                }
                _ => Err(failed(&error)),
            },
            Err(error) => Err(failed(&error)),
        }
    }

    async fn refuse_unknown_tenants(&self, staged: &[usize], applied: &mut Applied) -> Result<()> {
        let Some(statement) = &self.statements.unknown_tenants else { return Ok(()) };
        let unknown = self
            .connection
            .query(statement, &[])
            .await
            .map_err(|error| from_pg("could not look up the tenants of a batch", &error))?;
        for row in unknown {
            let place: i32 = row.get(0);
            if let Some(index) = usize::try_from(place).ok().and_then(|place| staged.get(place)) {
                applied.refused.push(Refused {
                    index: *index,
                    code: "unknown_tenant".to_owned(),
                    reason: "the tenant is not known".to_owned(),
                });
            }
        }
        Ok(())
    }

    async fn apply_ranges(&self, staged: &[usize], applied: &mut Applied) -> Result<()> {
        let mut at = 0;
        let mut step = staged.len();
        while at < staged.len() {
            let mut end = (at + step).min(staged.len());
            self.execute("savepoint howdah_range").await?;
            let mut breaking = None;
            let folded = match self.first_breaking(at, end).await {
                Ok(place) => {
                    breaking = place;
                    end = place.unwrap_or(end);
                    if at < end { self.fold(at, end).await } else { Ok(0) }
                }
                // An expression that fails on a row does so in the judgement already.
                Err(error) => Err(error),
            };
            // Each savepoint is released: nested ones would make every row slower.
            match folded {
                Ok(new) => {
                    applied.new += new;
                    if end < staged.len() {
                        self.execute("release savepoint howdah_range").await?;
                    }
                }
                Err(error) if no_chunk(&error) => return Err(chunk_gone(&error)),
                Err(error) if classify(&error) == Fault::Data => {
                    self.execute(
                        "rollback to savepoint howdah_range; release savepoint howdah_range",
                    )
                    .await?;
                    if end - at == 1 {
                        applied.refused.push(refused(staged[at], &error));
                        at += 1;
                    }
                    step = ((end - at) / 2).max(1);
                    continue;
                }
                Err(error) => return Err(from_pg("could not apply a batch", &error)),
            }
            at = end;
            if let Some(place) = breaking {
                applied.refused.push(Refused {
                    index: staged[place],
                    code: "check_refused".to_owned(),
                    reason: "the event would break the check of a state".to_owned(),
                });
                at = place + 1;
            }
            step = step.saturating_mul(2);
        }
        Ok(())
    }

    /// Inserts and folds the staged places `at..end`; gives the number of new rows.
    async fn fold(&self, at: usize, end: usize) -> Result<u64, tokio_postgres::Error> {
        let (first, last) = bounds(at, end);
        let row = self.connection.query_one(&self.statements.fold, &[&first, &last]).await?;
        let new: i64 = row.get(0);
        Ok(new as u64)
    }

    /// The first place in `at..end` whose row would break the check of a state.
    async fn first_breaking(
        &self,
        at: usize,
        end: usize,
    ) -> Result<Option<usize>, tokio_postgres::Error> {
        let (first, last) = bounds(at, end);
        let mut breaking: Option<i32> = None;
        for judge in &self.statements.judges {
            let row = self.connection.query_one(judge, &[&first, &last]).await?;
            let place: Option<i32> = row.get(0);
            breaking = match (breaking, place) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        Ok(breaking.and_then(|place| usize::try_from(place).ok()))
    }
}

/// The inclusive bounds of `howdah_ord` for the places `at..end`.
fn bounds(at: usize, end: usize) -> (i32, i32) {
    let as_ord = |place: usize| i32::try_from(place).unwrap_or(i32::MAX);
    (as_ord(at), as_ord(end) - 1)
}

/// Whether no partition holds a row. Its SQLSTATE is that of a violated check; only the server's
/// function tells it from one whatever the language (`src/backend/executor/execPartition.c`).
fn no_chunk(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| db.routine() == Some("ExecFindPartition"))
}

/// Somebody dropped or detached a chunk after it was seen. Not the row's fault: a new writer sees
/// that the chunk is missing and makes it.
fn chunk_gone(error: &tokio_postgres::Error) -> Error {
    let message = "a chunk that the batch needs is gone";
    Error::new(Kind::Unavailable, message).source(from_pg("could not apply a batch", error))
}

/// One tuple: the order in front of the decoded columns.
fn put_tuple(buffer: &mut BytesMut, place: usize, columns: &Bytes) {
    let count = columns.get(..2).map_or(0, |count| i16::from_be_bytes([count[0], count[1]]));
    buffer.put_i16(count + 1);
    buffer.put_i32(4);
    buffer.put_i32(i32::try_from(place).unwrap_or(i32::MAX));
    buffer.put_slice(columns.get(2..).unwrap_or_default());
}

/// The place of the row that COPY could not read: its context says `line 7` (the first is 1).
fn bad_place(error: &tokio_postgres::Error) -> Option<usize> {
    let context = error.as_db_error()?.where_()?;
    let line = context.split(", line ").nth(1)?;
    let digits: String = line.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<usize>().ok()?.checked_sub(1)
}

/// A refusal by the database: SQLSTATE, and the names that it gives, never its DETAIL.
fn refused(index: usize, error: &tokio_postgres::Error) -> Refused {
    let code = sqlstate(error).map_or("data", |state| state.code()).to_owned();
    let report = from_pg("the database refused the event", error);
    let reason = match report.get_detail() {
        Some(detail) => format!("{}. {detail}", report.message()),
        None => report.message().to_owned(),
    };
    Refused { index, code, reason }
}
