//! The loop of one source: committed position → read → decode → commit, until it ends.

use std::future::Future;
use std::time::Duration;

use howdah_error::{Error, Kind, Result};
use howdah_pg::RetryPolicy;
use howdah_system::{IngestLimits, Source};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Commit, Outcome, Position, ShardId};
use crate::batcher::Batches;
use crate::decode::Decoder;
use crate::progress::Reporter;
use crate::source::{Access, Reader, shard_of};

/// What a run of a source needs to know.
#[derive(Debug, Clone)]
pub struct Run {
    /// The source.
    pub source: Source,
    /// Its folder and its secrets.
    pub access: Access,
    /// Bounds of batches.
    pub limits: IngestLimits,
    /// End at what Redis has now, instead of waiting for more.
    pub once: bool,
    /// Waits between attempts while the database is away; `attempts` and `total` bound one outage.
    /// A process that runs for good takes [`PATIENT`].
    pub retry: RetryPolicy,
}

/// Tries as long as the run lasts, at least every five seconds.
pub const PATIENT: RetryPolicy = RetryPolicy {
    attempts: u32::MAX,
    total: Duration::MAX,
    base: Duration::from_millis(50),
    cap: Duration::from_secs(5),
};

/// Why a run ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The source has no more events.
    Exhausted,
    /// The caller asked for it; what was not committed is read again by the next run.
    Stopped,
}

/// Reads `run.source` from its committed position and commits batch after batch.
///
/// `connect` makes a writer; it is called at the start and again after an error of kind
/// `Unavailable`, with full jitter between the attempts. The batch in hand is kept meanwhile and
/// committed again by the new writer, which knows by the position whether the lost reply was a
/// success. On `shutdown` the batch that is being committed is finished, what was read ahead is
/// dropped, and the run ends; while the database is away it ends at once. Any other error ends the
/// run; everything before it is committed.
pub async fn run_source<W, C, F>(
    run: &Run,
    mut decoder: Decoder,
    connect: C,
    reporter: &Reporter,
    shutdown: &CancellationToken,
) -> Result<Ended>
where
    W: Commit,
    C: FnMut() -> F,
    F: Future<Output = Result<W>>,
{
    let shard = shard_of(&run.source);
    let mut database = Database { connect, writer: None, run, reporter, shutdown, failed: 0 };
    let Some(from) = database.position(&shard).await? else { return Ok(Ended::Stopped) };
    reporter.started(from.as_ref());
    let opening = Reader::open(&run.source, &run.access, from.as_ref(), run.once);
    let reader = tokio::select! {
        reader = opening => reader?,
        () = shutdown.cancelled() => return Ok(Ended::Stopped),
    };
    if let Some(header) = reader.header() {
        decoder.set_header(header)?;
    }
    let mut batches = Batches::start(reader, decoder, shard, from, run.limits);
    loop {
        let batch = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(Ended::Stopped),
            next = batches.next() => match next {
                None => return Ok(Ended::Exhausted),
                Some(batch) => batch?,
            },
        };
        let Some(outcome) = database.commit(&batch).await? else { return Ok(Ended::Stopped) };
        log(&batch, &outcome);
        reporter.committed(&batch, &outcome);
    }
}

fn log(batch: &Batch, outcome: &Outcome) {
    let Position(to) = &batch.to;
    let Outcome { rows, duplicates, dead_letters, already_committed } = *outcome;
    let source = &batch.shard.source;
    tracing::debug!(source, to, rows, duplicates, dead_letters, already_committed, "committed");
}

/// The writer, made anew as often as the database goes away.
struct Database<'r, W, C> {
    connect: C,
    writer: Option<W>,
    run: &'r Run,
    reporter: &'r Reporter,
    shutdown: &'r CancellationToken,
    failed: u32,
}

impl<W, C, F> Database<'_, W, C>
where
    W: Commit,
    C: FnMut() -> F,
    F: Future<Output = Result<W>>,
{
    /// The committed position, once the database gives it; `None` when the run shall end.
    async fn position(&mut self, shard: &ShardId) -> Result<Option<Option<Position>>> {
        let started = Instant::now();
        loop {
            let answer = match self.writer().await {
                Ok(writer) => writer.position(shard).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(position) => return Ok(Some(self.answered(position))),
                Err(error) => {
                    if !self.wait_after(error, started).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Commits a batch, again and again while the database is away; `None` when the run shall end.
    async fn commit(&mut self, batch: &Batch) -> Result<Option<Outcome>> {
        let started = Instant::now();
        loop {
            let answer = match self.writer().await {
                Ok(writer) => writer.commit(batch).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(outcome) => return Ok(Some(self.answered(outcome))),
                Err(error) => {
                    if !self.wait_after(error, started).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn writer(&mut self) -> Result<&mut W> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => (self.connect)().await?,
        };
        Ok(self.writer.insert(writer))
    }

    fn answered<T>(&mut self, answer: T) -> T {
        if self.failed > 0 {
            tracing::info!(source = self.run.source.name, "the database is back");
        }
        self.failed = 0;
        self.reporter.waiting(false);
        answer
    }

    /// Waits before the next attempt of the outage that `started`; `false` when the run shall end.
    /// An error that is not worth another attempt comes back.
    async fn wait_after(&mut self, error: Error, started: Instant) -> Result<bool> {
        self.writer = None;
        self.failed += 1;
        let retry = &self.run.retry;
        let wait = retry.wait(self.failed);
        let given_up = self.failed >= retry.attempts || started.elapsed() + wait > retry.total;
        if error.kind() != Kind::Unavailable || given_up {
            return Err(error);
        }
        self.report(&error);
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(true),
            () = self.shutdown.cancelled() => Ok(false),
        }
    }

    /// Says it once an outage; the attempts that follow are for the debug log.
    fn report(&self, error: &Error) {
        self.reporter.waiting(true);
        let source = &self.run.source.name;
        if self.failed == 1 {
            tracing::warn!(source, %error, "the database is away; the batch in hand waits");
        } else {
            tracing::debug!(source, %error, failed = self.failed, "the database is still away");
        }
    }
}
