//! The one transaction: rows, rollups, states, dead letters and position, together or not at all.
//!
//! A batch is committed so:
//! 1. the stream's lock is taken (shared), then generation, position and clock are read;
//! 2. rows are copied into the staging table of the source;
//! 3. rows outside the accepted times and rows of unknown tenants are refused;
//! 4. the rest is applied: one statement inserts what is new and folds it everywhere. A row that
//!    the database refuses, or that would break a state's check, is found and left out; the rows
//!    before it are applied first, so verdicts follow stream order;
//! 5. dead letters are kept and the position is moved, guarded by the position that the batch
//!    continues: of two processes on one shard, one commits and the other stops.
//!
//! A lost reply is found out by the position: it already stands where the batch ends.

mod apply;
mod chunks;
mod letters;
mod sql;

use std::sync::Arc;

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{ConnectOptions, Connection, connect, from_pg};
use tokio_postgres::types::ToSql;

use crate::batch::{Batch, Commit, Outcome, Position, Replay, Row, ShardId};
use apply::Refused;
use chunks::Chunks;

pub use sql::SourceSql;

/// Commits the batches of one source, on a connection of its own.
pub struct Writer {
    connection: Connection,
    sql: Arc<SourceSql>,
    statements: sql::Statements,
    chunks: Chunks,
}

/// What the beginning of a transaction found.
struct Opening {
    position: Option<Position>,
    /// The accepted event times: µs since 2000-01-01 UTC, both inclusive.
    earliest_us: i64,
    latest_us: i64,
}

/// What applying a batch's rows did.
#[derive(Default)]
struct Applied {
    new: u64,
    refused: Vec<Refused>,
}

impl Writer {
    /// Connects and prepares the session: staging table and statements.
    pub async fn open(options: &ConnectOptions, sql: Arc<SourceSql>) -> Result<Self> {
        let connection = connect(options).await?;
        connection
            .batch_execute(&sql.staging.create())
            .await
            .map_err(|error| from_pg("could not make the staging table", &error))?;
        let statements = sql::Statements::prepare(&connection, &sql).await?;
        let chunks = Chunks::load(&connection, &sql.stream).await?;
        Ok(Self { connection, sql, statements, chunks })
    }

    /// The committed position of a shard.
    async fn read_position(&self, shard: &ShardId) -> Result<Option<Position>> {
        let row = self
            .connection
            .query_opt(&self.statements.position, &[&shard.source, &shard.shard])
            .await
            .map_err(|error| from_pg("could not read the position", &error))?;
        Ok(row.map(|row| Position(row.get(0))))
    }

    /// Begins the transaction under the stream's lock; see [`Opening`].
    async fn begin(&self, shard: &ShardId) -> Result<Opening> {
        let failed = |error| from_pg("could not begin a batch", &error);
        // Each statement of this text has a snapshot of its own, so what is read next was
        // committed before the lock was had.
        self.connection.batch_execute(&self.sql.begin).await.map_err(failed)?;
        let keys: [&(dyn ToSql + Sync); 2] = [&shard.source, &shard.shard];
        let (clock, position) = tokio::try_join!(
            self.connection.query_one(&self.statements.clock, &[]),
            self.connection.query_opt(&self.statements.position, &keys),
        )
        .map_err(failed)?;
        let generation: i64 = clock.get(0);
        if generation != self.sql.generation {
            return Err(Error::new(Kind::Conflict, "the system changed while this process ran")
                .code(Code::NotApplied)
                .detail(format!(
                    "Generation {generation} is applied, this process knows {}.",
                    self.sql.generation
                ))
                .hint("Start `howdah run` again with the present system file."));
        }
        Ok(Opening {
            position: position.map(|row| Position(row.get(0))),
            earliest_us: clock.get(1),
            latest_us: clock.get(2),
        })
    }

    /// Ends the transaction without effect. The error of a rollback tells nothing that the next
    /// statement on the connection will not tell.
    async fn rollback(&self) {
        let _ = self.connection.batch_execute("rollback").await;
    }

    /// Stages and applies `rows` within the open transaction, or finds that chunks are missing.
    async fn write_rows(&mut self, rows: &[Row], opening: &Opening) -> Result<Applied> {
        let mut applied = Applied::default();
        let mut staged = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            if row.time_us < opening.earliest_us || row.time_us > opening.latest_us {
                let side = if row.time_us < opening.earliest_us { "before" } else { "after" };
                applied.refused.push(Refused {
                    index,
                    code: "time_not_accepted".to_owned(),
                    reason: format!(
                        "column \"{}\": the time is {side} what the stream accepts",
                        self.sql.stream.time.as_str()
                    ),
                });
            } else {
                staged.push(index);
            }
        }
        if !staged.is_empty() {
            self.apply(rows, staged, &mut applied).await?;
        }
        applied.refused.sort_by_key(|refused| refused.index);
        Ok(applied)
    }

    /// Makes the chunks that `rows` need and no partition holds, each in its own transaction.
    /// Rows outside the accepted times get none.
    async fn make_chunks(&mut self, rows: &[Row]) -> Result<()> {
        if rows.iter().all(|row| self.chunks.hold(row.time_us)) {
            return Ok(());
        }
        let clock = self
            .connection
            .query_one(&self.statements.clock, &[])
            .await
            .map_err(|error| from_pg("could not read the clock", &error))?;
        let (earliest, latest): (i64, i64) = (clock.get(1), clock.get(2));
        for row in rows {
            let accepted = row.time_us >= earliest && row.time_us <= latest;
            if accepted && !self.chunks.hold(row.time_us) {
                self.chunks.make(&self.connection, &self.sql.stream, row.time_us).await?;
            }
        }
        Ok(())
    }

    async fn commit_batch(&mut self, batch: &Batch) -> Result<Outcome> {
        self.make_chunks(&batch.rows).await?;
        let opening = self.begin(&batch.shard).await?;
        if opening.position.as_ref() == Some(&batch.to) {
            self.rollback().await;
            return Ok(Outcome { already_committed: true, ..Outcome::default() });
        }
        if opening.position != batch.from {
            return Err(shard_taken(&batch.shard));
        }
        let applied = self.write_rows(&batch.rows, &opening).await?;
        let refused = applied.refused.len() + batch.refusals.len();
        let outcome = Outcome {
            rows: applied.new,
            duplicates: (batch.rows.len() - applied.refused.len()) as u64 - applied.new,
            dead_letters: refused as u64,
            already_committed: false,
        };
        letters::keep(&self.connection, &self.sql, batch, &applied.refused).await?;
        self.move_position(batch, &outcome).await?;
        self.connection
            .batch_execute("commit")
            .await
            .map_err(|error| from_pg("could not commit a batch", &error))?;
        Ok(outcome)
    }

    async fn move_position(&self, batch: &Batch, outcome: &Outcome) -> Result<()> {
        let from = batch.from.as_ref().map(|position| position.0.as_str());
        let counts = [batch.events, outcome.rows, outcome.duplicates, outcome.dead_letters]
            .map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let moved = self
            .connection
            .execute(
                &self.statements.move_position,
                &[
                    &batch.shard.source,
                    &batch.shard.shard,
                    &batch.to.0,
                    &counts[0],
                    &counts[1],
                    &counts[2],
                    &counts[3],
                    &from,
                ],
            )
            .await
            .map_err(|error| from_pg("could not move the position", &error))?;
        if moved == 1 { Ok(()) } else { Err(shard_taken(&batch.shard)) }
    }

    /// Commits dead letters that decode now, and removes them; those that the database refuses
    /// again stay, with the new reason.
    pub async fn commit_replay(&mut self, replay: &Replay) -> Result<Outcome> {
        let result = self.try_replay(replay).await;
        if result.is_err() {
            self.rollback().await;
        }
        result
    }

    async fn try_replay(&mut self, replay: &Replay) -> Result<Outcome> {
        self.make_chunks(&replay.batch.rows).await?;
        let opening = self.begin(&replay.batch.shard).await?;
        // Of two replays of one letter, the second finds it gone.
        let kept = letters::lock(&self.connection, &replay.letters).await?;
        let (rows, ids): (Vec<Row>, Vec<i64>) = replay
            .batch
            .rows
            .iter()
            .cloned()
            .zip(replay.letters.iter().copied())
            .filter(|(_, id)| kept.contains(id))
            .unzip();
        let applied = self.write_rows(&rows, &opening).await?;
        letters::settle(&self.connection, &ids, &applied.refused).await?;
        self.connection
            .batch_execute("commit")
            .await
            .map_err(|error| from_pg("could not commit a replay", &error))?;
        let refused = applied.refused.len() as u64;
        Ok(Outcome {
            rows: applied.new,
            duplicates: rows.len() as u64 - refused - applied.new,
            dead_letters: refused,
            already_committed: false,
        })
    }
}

impl Commit for Writer {
    async fn position(&mut self, shard: &ShardId) -> Result<Option<Position>> {
        self.read_position(shard).await
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Outcome> {
        let result = self.commit_batch(batch).await;
        let Err(error) = result else { return result };
        self.rollback().await;
        // A first try whose connection broke may have been committing while this one began.
        if error.get_code() == Some(Code::ShardTaken)
            && self.read_position(&batch.shard).await?.as_ref() == Some(&batch.to)
        {
            return Ok(Outcome { already_committed: true, ..Outcome::default() });
        }
        Err(error)
    }
}

fn shard_taken(shard: &ShardId) -> Error {
    Error::new(
        Kind::Conflict,
        format!(
            "shard \"{}\" of source \"{}\" was moved by another process",
            shard.shard, shard.source
        ),
    )
    .code(Code::ShardTaken)
    .hint("Let one process read a shard; look in pg_stat_activity for another howdah.")
}
