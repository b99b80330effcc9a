//! The one transaction: rows, rollups, states, dead letters and position, together or not at all.
//!
//! A batch is committed so:
//! 1. the locks of its streams are taken (shared), then those of judgement, alone or beside others
//!    ([`beside`]); generation, position and clock are read;
//! 2. events outside the accepted times and of unknown tenants are refused;
//!    segments that may hold the key of a late event are put back into their chunks ([`thaw`]);
//! 3. the rest is applied, stream by stream: straight into the chunks where that can be
//!    ([`direct`]), by the staging table where not ([`staged`]). An event that the database
//!    refuses, or that would break a state's check, is found and left out with its group; the
//!    events before it are applied first, so verdicts follow stream order;
//! 4. dead letters are kept and the position is moved, guarded by the position that the batch
//!    continues: of two processes on one shard, one commits and the other stops;
//! 5. the server is asked what became of the transaction: its word is what counts, not the reply
//!    to `commit`, which an aborted transaction answers without an error.
//!
//! A lost reply is found out by the position: it already stands where the batch ends.

mod beside;
mod chunks;
mod copy;
mod corrections;
mod derive;
mod direct;
mod events;
mod failed;
mod laps;
mod letters;
mod memory;
mod quiet;
mod requests;
mod retract;
mod spans;
mod sql;
mod staged;
mod statistics;
mod suspects;
mod tenants;
mod thaw;
mod tuple;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{ConnectOptions, Connection, RetryPolicy, WatchedLease, connect, from_pg};
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use crate::batch::{
    Batch, Claim, Commit, Grant, Outcome, Phases, Position, Replay, Row, ShardId, events_of,
};
use crate::{failpoint, lease, losses};
use beside::{Company, must_be_alone};
use chunks::Chunks;
use direct::Direct;
use events::{Events, Refused};
use failed::{Again, Failed, Tried, failed};
use laps::Laps;

pub use direct::Ways;
pub use sql::SourceSql;

/// Tries of one batch on one connection.
const TRIES: u32 = 8;
/// The code of an event whose time is outside of what its stream accepts.
const NOT_ACCEPTED: &str = "time_not_accepted";
/// The code of one whose like are gone by retention: nobody can tell whether it is a repetition.
const NO_LONGER_KEPT: &str = "no_longer_kept";
/// Groups of a statement below which it is not cut any more.
const SMALLEST_PIECE: usize = 8;
/// Waits between tries on one connection.
const SOON: RetryPolicy = RetryPolicy {
    attempts: TRIES,
    total: Duration::from_secs(600),
    base: Duration::from_millis(5),
    cap: Duration::from_millis(500),
};

/// Commits the batches of one source, on a connection of its own.
pub struct Writer {
    connection: Connection,
    sql: Arc<SourceSql>,
    statements: sql::Statements,
    /// The chunks of each stream of the source.
    chunks: Vec<Chunks>,
    direct: Direct,
    /// The most groups that one statement may take: less than a batch after one took too long.
    piece: usize,
    /// Derived rollups follow each range of events, so that one whose consequence fails there is
    /// found: after a batch that failed so.
    careful: bool,
    /// Whether batches run beside others.
    company: Company,
    /// The epoch under which this session owns its shard, and how long its lease lasts.
    lease: Option<(i64, Duration)>,
    /// The lease of another owner, while this session waits for the shard.
    watched: Option<WatchedLease>,
    /// The statements of requests, once there was one.
    requests: Option<requests::Statements>,
    /// Prepared statements that take events back, by their text.
    corrections: HashMap<String, Statement>,
    /// Of the batch in hand: the time before which events of each stream may be in segments.
    folded_before: Vec<Option<i64>>,
    /// Of the last attempt to commit a batch.
    laps: Laps,
    /// How many batches were committed.
    batches: u64,
}

/// What the beginning of a transaction found.
struct Opening {
    position: Option<Position>,
    /// The transaction's id.
    transaction: String,
    /// The accepted event times of each stream: µs since 2000-01-01 UTC, both inclusive.
    earliest_us: Vec<i64>,
    latest_us: Vec<i64>,
    /// Before which its events may be folded into segments; `None`: none are.
    fences_us: Vec<Option<i64>>,
    /// Before which its events are gone by retention: everybody's, and some tenant's.
    gone_us: Vec<Option<i64>>,
    tenants_gone_us: Vec<Option<i64>>,
}

/// What applying the events of a batch did. What is done about the refused ones is the caller's.
#[derive(Debug)]
struct Applied {
    new: u64,
    duplicates: u64,
    /// In stream order; all events of a refused group are here.
    refused: Vec<Refused>,
}

impl Writer {
    /// Connects and prepares the session: staging tables and statements.
    pub async fn open(options: &ConnectOptions, sql: Arc<SourceSql>) -> Result<Self> {
        let connection = connect(options).await?;
        for target in &sql.targets {
            connection
                .batch_execute(&target.staging.create())
                .await
                .map_err(|error| from_pg("could not make the staging table", &error))?;
        }
        for table in sql.changed.iter().chain(&sql.corrections.temporary) {
            connection
                .batch_execute(table)
                .await
                .map_err(|error| from_pg("could not make the tables of old rows", &error))?;
        }
        statistics::keep_plans(&connection, &sql.read_by_keys).await?;
        let statements = sql::Statements::prepare(&connection, &sql).await?;
        let mut chunks = Vec::with_capacity(sql.targets.len());
        for target in &sql.targets {
            chunks.push(Chunks::load(&connection, &target.stream).await?);
        }
        let (direct, piece) = (Direct::default(), usize::MAX);
        Ok(Self {
            connection,
            sql,
            statements,
            chunks,
            direct,
            piece,
            careful: false,
            company: Company::default(),
            lease: None,
            watched: None,
            requests: None,
            corrections: HashMap::new(),
            folded_before: Vec::new(),
            laps: Laps::start(),
            batches: 0,
        })
    }

    /// How often each way into the streams was taken.
    pub fn ways(&self) -> Ways {
        self.direct.ways
    }

    async fn execute(&self, sql: &str) -> Tried<()> {
        self.connection.batch_execute(sql).await.map_err(failed("could not write a batch"))
    }

    /// The committed position of a shard.
    async fn read_position(&self, shard: &ShardId) -> Result<Option<Position>> {
        let row = self
            .connection
            .query_opt(&self.statements.position, &[&shard.source, &shard.shard])
            .await
            .map_err(|error| from_pg("could not read the position", &error))?;
        Ok(position_of(row))
    }

    /// Begins the transaction with the locks of its streams for itself alone; see [`Opening`].
    async fn begin(&mut self, shard: &ShardId) -> Tried<Opening> {
        self.company.beside = false;
        let sql = self.sql.clone();
        self.begin_by(&sql.begin, shard).await
    }

    /// Begins it beside others, where that may be.
    async fn begin_beside(&mut self, shard: &ShardId) -> Tried<Opening> {
        let sql = self.sql.clone();
        match &sql.beside {
            Some(beside) if self.company.may_share() && !self.careful => {
                self.company.beside = true;
                self.begin_by(&beside.begin, shard).await
            }
            _ => self.begin(shard).await,
        }
    }

    async fn begin_by(&self, locks: &str, shard: &ShardId) -> Tried<Opening> {
        let failed = failed("could not begin a batch");
        failpoint::hit("writer.begin").await?;
        // Each statement of this text has a snapshot of its own, so what is read next was
        // committed before the lock was had.
        self.connection.batch_execute(locks).await.map_err(&failed)?;
        let keys: [&(dyn ToSql + Sync); 2] = [&shard.source, &shard.shard];
        let (clock, position) = tokio::try_join!(
            self.connection.query_one(&self.statements.clock, &[]),
            self.connection.query_opt(&self.statements.position, &keys),
        )
        .map_err(&failed)?;
        let generation: i64 = clock.get(0);
        if generation != self.sql.generation {
            return Err(Error::new(Kind::Conflict, "the system changed while this process ran")
                .code(Code::NotApplied)
                .detail(format!(
                    "Generation {generation} is applied, this process knows {}.",
                    self.sql.generation
                ))
                .hint("Start `howdah run` again with the present system file.")
                .into());
        }
        Ok(Opening {
            position: position_of(position),
            transaction: clock.get(1),
            earliest_us: clock.get(2),
            latest_us: clock.get(3),
            fences_us: clock.get(4),
            gone_us: clock.get(5),
            tenants_gone_us: clock.get(6),
        })
    }

    /// Ends the transaction without effect. The error of a rollback tells nothing that the next
    /// statement on the connection will not tell.
    async fn rollback(&self) {
        let _ = self.connection.batch_execute("rollback").await;
    }

    /// Commits, and asks what became of it.
    async fn end(&self, opening: &Opening) -> Tried<()> {
        failpoint::hit("writer.before_commit").await?;
        let transaction: [&(dyn ToSql + Sync); 1] = [&opening.transaction];
        let (committed, fate, cut) = tokio::join!(
            self.connection.batch_execute("commit"),
            self.connection.query_one(&self.statements.fate, &transaction),
            async {
                // Another worker sends meanwhile what was queued.
                tokio::task::yield_now().await;
                failpoint::hit("writer.after_commit_sent").await
            },
        );
        cut?;
        let failed = failed("could not commit a batch");
        committed.map_err(&failed)?;
        let fate: Option<String> = fate.map_err(&failed)?.get(0);
        failpoint::hit("writer.after_commit").await?;
        if fate.as_deref() == Some("committed") {
            return Ok(());
        }
        let error = Error::new(Kind::Unavailable, "the server rolled a batch back at its commit");
        Err(Failed { error, again: Again::Same })
    }

    /// Applies the events within the open transaction.
    async fn apply(&mut self, events: &mut Events<'_>, opening: &Opening) -> Tried<Applied> {
        self.folded_before.clone_from(&opening.fences_us);
        self.refuse_times(events, opening);
        self.refuse_unknown_tenants(events).await?;
        self.refuse_gone_tenants(events, &opening.tenants_gone_us).await?;
        self.thaw(events, &opening.fences_us).await?;
        self.laps.lap(|phases| &mut phases.judge);
        let mut new = 0;
        let parts = self.sql.corrections.joined(events.parts());
        for part in &parts {
            failpoint::hit("writer.before_copy").await?;
            new += if let Some(new) = self.apply_direct(events, part).await? {
                new
            } else if self.company.beside {
                return Err(must_be_alone());
            } else {
                self.company.needs_to_be_alone();
                self.direct.ways.staged += 1;
                self.apply_staged(events, part).await?
            };
            self.laps.lap(|phases| &mut phases.rows);
            failpoint::hit("writer.after_copy").await?;
        }
        self.follow_all().await?;
        self.lock_derivation(events, &parts).await?;
        // Nothing need be new where events are taken back.
        if !self.careful {
            self.derive_all().await?;
            self.laps.lap(|phases| &mut phases.fold);
        }
        let refused = events.refused();
        let accepted = (events.all.len() - refused.len()) as u64;
        Ok(Applied { new, duplicates: accepted.saturating_sub(new), refused })
    }

    /// Refuses the events outside of the accepted times.
    fn refuse_times(&self, events: &mut Events<'_>, opening: &Opening) {
        let mut outside: Vec<(usize, &str, String)> = Vec::new();
        for (event, found) in events.all.iter().enumerate() {
            for row in found.rows.clone() {
                let (target, time) = (events.target_of(row), events.rows[row].time_us);
                let (code, side) = if time < opening.earliest_us[target] {
                    (NOT_ACCEPTED, "before what the stream accepts")
                } else if time > opening.latest_us[target] {
                    (NOT_ACCEPTED, "after what the stream accepts")
                } else if opening.gone_us[target].is_some_and(|gone| time < gone) {
                    (NO_LONGER_KEPT, "before what the stream keeps")
                } else {
                    continue;
                };
                let column = self.sql.targets[target].stream.time.as_str();
                outside.push((event, code, format!("column \"{column}\": the time is {side}")));
            }
        }
        for (event, code, reason) in outside {
            events.refuse(event, code, reason);
        }
    }

    /// The number of the stream that a row goes into.
    fn target_of(&self, row: &Row) -> usize {
        self.sql.routes.get(row.route).map_or(0, |layout| layout.target)
    }

    fn events<'b>(&self, rows: &'b [Row]) -> Events<'b> {
        Events::new(rows, self.sql.routes.iter().map(|layout| layout.target).collect())
    }

    /// Makes the chunks that `rows` need and no partition holds, each in its own transaction.
    /// Rows outside the accepted times get none.
    async fn make_chunks(&mut self, rows: &[Row]) -> Tried<()> {
        let held = |row: &Row| self.chunks[self.target_of(row)].hold(row.time_us);
        if rows.iter().all(held) {
            return Ok(());
        }
        let clock = self
            .connection
            .query_one(&self.statements.clock, &[])
            .await
            .map_err(failed("could not read the clock"))?;
        let (earliest, latest): (Vec<i64>, Vec<i64>) = (clock.get(2), clock.get(3));
        let gone: Vec<Option<i64>> = clock.get(5);
        for row in rows {
            let target = self.target_of(row);
            let first = gone[target].map_or(earliest[target], |gone| gone.max(earliest[target]));
            let accepted = (first..=latest[target]).contains(&row.time_us);
            if accepted && !self.chunks[target].hold(row.time_us) {
                self.direct.forget_chunks();
                let stream = &self.sql.targets[target].stream;
                self.chunks[target].make(&self.connection, stream, row.time_us).await?;
            }
        }
        Ok(())
    }

    async fn commit_batch(&mut self, batch: &Batch) -> Tried<Outcome> {
        self.laps = Laps::start();
        self.make_chunks(&batch.rows).await?;
        self.laps.lap(|phases| &mut phases.chunks);
        let opening = self.begin_beside(&batch.shard).await?;
        self.laps.lap(|phases| &mut phases.begin);
        // A batch of standard input may begin, by what was read there before, where it ends.
        if opening.position.as_ref() == Some(&batch.to) && batch.from != opening.position {
            self.rollback().await;
            return Ok(Outcome { already_committed: true, ..Outcome::default() });
        }
        if opening.position != batch.from {
            return Err(shard_taken(&batch.shard).into());
        }
        let mut events = self.events(&batch.rows);
        let applied = self.apply(&mut events, &opening).await?;
        let outcome = Outcome {
            rows: applied.new,
            duplicates: applied.duplicates,
            dead_letters: (applied.refused.len() + batch.refusals.len()) as u64,
            already_committed: false,
        };
        failpoint::hit("writer.before_letters").await?;
        letters::keep(&self.connection, &self.sql, batch, &events, &applied.refused).await?;
        losses::keep(&self.connection, batch).await?;
        failpoint::hit("writer.before_position").await?;
        self.move_position(batch, &outcome).await?;
        self.laps.lap(|phases| &mut phases.position);
        self.end(&opening).await?;
        self.laps.lap(|phases| &mut phases.commit);
        Ok(outcome)
    }

    async fn move_position(&self, batch: &Batch, outcome: &Outcome) -> Tried<()> {
        let from = batch.from.as_ref().map(|position| position.0.as_str());
        let counts = [batch.events, outcome.rows, outcome.duplicates, outcome.dead_letters]
            .map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let epoch = self.lease.map(|(epoch, _)| epoch);
        let seconds = self.lease.map(|(_, lease)| lease.as_secs_f64());
        let ordinal = batch.mark.ordinal.and_then(|ordinal| i64::try_from(ordinal).ok());
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
                    &epoch,
                    &seconds,
                    &ordinal,
                    &batch.mark.incarnation,
                ],
            )
            .await
            .map_err(failed("could not move the position"))?;
        if moved == 1 { Ok(()) } else { Err(shard_taken(&batch.shard).into()) }
    }

    /// Commits dead letters that decode now, and removes them; those that the database refuses
    /// again stay, with the new reason.
    pub async fn commit_replay(&mut self, replay: &Replay) -> Result<Outcome> {
        let mut tries = 0;
        loop {
            let failed = match self.try_replay(replay).await {
                Ok(outcome) => {
                    self.careful = false;
                    return Ok(outcome);
                }
                Err(failed) => failed,
            };
            self.rollback().await;
            tries += 1;
            self.wait_for_another(failed, tries, replay.batch.rows.len()).await?;
        }
    }

    async fn try_replay(&mut self, replay: &Replay) -> Tried<Outcome> {
        self.make_chunks(&replay.batch.rows).await?;
        let opening = self.begin(&replay.batch.shard).await?;
        // Of two replays of one letter, the second finds it gone.
        let kept = letters::lock(&self.connection, &replay.letters).await?;
        let (mut rows, mut ids): (Vec<Row>, Vec<i64>) = (Vec::new(), Vec::new());
        for (event, id) in events_of(&replay.batch.rows).zip(&replay.letters) {
            if kept.contains(id) {
                ids.push(*id);
                rows.extend_from_slice(&replay.batch.rows[event]);
            }
        }
        let mut events = self.events(&rows);
        let applied = self.apply(&mut events, &opening).await?;
        letters::settle(&self.connection, &ids, &applied.refused).await?;
        self.end(&opening).await?;
        Ok(Outcome {
            rows: applied.new,
            duplicates: applied.duplicates,
            dead_letters: applied.refused.len() as u64,
            already_committed: false,
        })
    }

    /// Waits for another try on this connection after `tries` failed ones, of which `failed` was
    /// the last; gives its error when none is worth it here.
    async fn wait_for_another(&mut self, failed: Failed, tries: u32, groups: usize) -> Result<()> {
        let Failed { error, again } = failed;
        if again == Again::No {
            return Err(error);
        }
        if again == Again::Alone {
            self.company.needs_to_be_alone();
            return Ok(());
        }
        if again == Again::Smaller {
            let smaller = self.piece.min(groups) / 4;
            if smaller < SMALLEST_PIECE {
                // Whatever holds it up may go away: the caller waits longer than this writer does.
                let message = "a statement takes too long however small it is";
                return Err(Error::new(Kind::Unavailable, message).source(error));
            }
            self.piece = smaller;
        }
        if tries >= TRIES {
            return Err(error);
        }
        tracing::debug!(%error, tries, piece = self.piece, "a batch is tried again");
        tokio::time::sleep(SOON.wait(tries)).await;
        Ok(())
    }
}

impl Commit for Writer {
    async fn acquire(&mut self, shard: &ShardId, claim: &Claim) -> Result<Grant> {
        let grant = lease::acquire(&self.connection, shard, claim, &mut self.watched).await?;
        self.lease = match &grant {
            Grant::Held(term) => Some((term.epoch, claim.lease)),
            Grant::Owned { .. } => None,
        };
        Ok(grant)
    }

    fn phases(&self) -> Phases {
        self.laps.phases()
    }

    async fn release(&mut self, shard: &ShardId) -> Result<()> {
        match self.lease.take() {
            Some((epoch, _)) => lease::release(&self.connection, shard, epoch).await,
            None => Ok(()),
        }
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Outcome> {
        let mut tries = 0;
        loop {
            let failed = match self.commit_batch(batch).await {
                Ok(outcome) => {
                    self.piece = self.piece.saturating_mul(2);
                    self.careful = false;
                    self.direct.ways.beside += u64::from(self.company.beside);
                    self.company.committed();
                    self.keep_statistics().await;
                    return Ok(outcome);
                }
                Err(failed) => failed,
            };
            self.rollback().await;
            // A first try whose connection broke may have been committing while this one began.
            if failed.error.get_code() == Some(Code::ShardTaken)
                && self.read_position(&batch.shard).await?.as_ref() == Some(&batch.to)
            {
                return Ok(Outcome { already_committed: true, ..Outcome::default() });
            }
            tries += 1;
            self.wait_for_another(failed, tries, batch.rows.len()).await?;
        }
    }
}

fn position_of(row: Option<tokio_postgres::Row>) -> Option<Position> {
    row.and_then(|row| row.get::<_, Option<String>>(0)).map(Position)
}

fn shard_taken(shard: &ShardId) -> Error {
    Error::new(
        Kind::Conflict,
        format!("shard \"{}\" of source \"{}\" is another's by now", shard.shard, shard.source),
    )
    .code(Code::ShardTaken)
    .hint("`howdah status` shows who owns it.")
}
