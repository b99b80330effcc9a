//! The loop of one shard: own it → committed position → read → decode → commit, until it ends.
//!
//! A process that does not own the shard stands by. One that finds that it owns it no longer drops
//! what it has read, and stands by again: what it had not committed is read by the new owner.

mod database;

use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::RetryPolicy;
use howdah_system::{IngestLimits, Origin, Source};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Claim, Commit, Grant, Outcome, Position, ShardId, Term};
use crate::batcher::Batches;
use crate::decode::Decoder;
use crate::lease::Keeper;
use crate::pace::Pace;
use crate::progress::{LastBatch, Reporter};
use crate::source::{Access, Ledger, Opening, Reader, Told};
use database::{Answer, Database};

/// What a run of a shard needs to know.
#[derive(Debug, Clone)]
pub struct Run {
    /// The source.
    pub source: Source,
    /// Which shard of it.
    pub shard: ShardId,
    /// Its folder and its secrets.
    pub access: Access,
    /// Bounds of batches.
    pub limits: IngestLimits,
    /// The most events a second.
    pub pace: Pace,
    /// End at what Redis has now, instead of waiting for more.
    pub once: bool,
    /// Waits between attempts while the database is away; `attempts` and `total` bound one outage.
    /// A process that runs for good takes [`PATIENT`].
    pub retry: RetryPolicy,
    /// Who this process is, and how long its lease lasts.
    pub claim: Claim,
    /// Every stream that the source fills has a key: an event that is read again changes nothing.
    pub keyed: bool,
    /// About how many bytes are read at once.
    pub chunk_bytes: usize,
}

/// Tries as long as the run lasts, at least every five seconds.
pub const PATIENT: RetryPolicy = RetryPolicy {
    attempts: u32::MAX,
    total: Duration::MAX,
    base: Duration::from_millis(50),
    cap: Duration::from_secs(5),
};

/// How long giving the shard back may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// A process that stands by looks so many times in the length of a lease.
const LOOKS: u32 = 10;

/// Why a run ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The source has no more events.
    Exhausted,
    /// The caller asked for it; what was not committed is read again by the next run.
    Stopped,
}

/// Owns `run.shard`, reads it from its committed position and commits batch after batch.
///
/// `connect` makes a writer; it is called at the start and again after an error of kind
/// `Unavailable`, with full jitter between the attempts. The batch in hand is kept meanwhile and
/// committed again by the new writer, which knows by the position whether the lost reply was a
/// success. `decoder` is called each time that the shard becomes this process's; `keeper` renews
/// the lease meanwhile. While another process owns the shard this one waits; with `run.once` only
/// for two leases, then HD0503.
///
/// On `shutdown` the batch that is being committed is finished, what was read ahead is dropped,
/// the shard is given back, and the run ends; while the database is away it ends at once. Any other
/// error ends the run; everything before it is committed.
pub async fn run_shard<W, C, F>(
    run: &Run,
    decoder: impl Fn() -> Result<Decoder>,
    connect: C,
    keeper: Option<&Keeper>,
    reporter: &Reporter,
    shutdown: &CancellationToken,
) -> Result<Ended>
where
    W: Commit,
    C: FnMut() -> F,
    F: Future<Output = Result<W>>,
{
    let database = Database::new(connect, keeper, run, reporter, shutdown);
    let mut shard = Shard { run, reporter, shutdown, database };
    let result = shard.go(decoder).await;
    // A database that is away gives the shard to the next one anyway, since the session is gone.
    let _ = tokio::time::timeout(GOODBYE, shard.database.release()).await;
    reporter.ended(result.as_ref().err());
    result
}

/// A shard and what it runs with.
struct Shard<'r, W, C> {
    run: &'r Run,
    reporter: &'r Reporter,
    shutdown: &'r CancellationToken,
    database: Database<'r, W, C>,
}

/// How one owner's time with a shard ended.
enum Served {
    /// With the run.
    Ended(Ended),
    /// With another owner.
    Lost,
}

impl<W, C, F> Shard<'_, W, C>
where
    W: Commit,
    C: FnMut() -> F,
    F: Future<Output = Result<W>>,
{
    async fn go(&mut self, decoder: impl Fn() -> Result<Decoder>) -> Result<Ended> {
        let ShardId { source, shard } = &self.run.shard;
        loop {
            let Some(term) = self.stand_by().await? else { return Ok(Ended::Stopped) };
            match self.serve(term, decoder()?).await? {
                Served::Ended(ended) => return Ok(ended),
                // What was read of standard input cannot be read again.
                Served::Lost if self.run.source.origin == Origin::Stdin => {
                    return Err(lost(&self.run.shard));
                }
                Served::Lost => tracing::warn!(
                    source,
                    shard,
                    "the shard is another process's by now; what was read ahead is dropped"
                ),
            }
            if !self.pause(self.run.retry.wait(1)).await {
                return Ok(Ended::Stopped);
            }
        }
    }

    /// Waits until the shard is this process's; `None` when the run shall end.
    async fn stand_by(&mut self) -> Result<Option<Term>> {
        let started = Instant::now();
        let lease = self.run.claim.lease;
        let mut told: Option<String> = None;
        loop {
            let (owner, left) = match self.database.acquire().await? {
                None => return Ok(None),
                Some(Grant::Held(term)) => {
                    self.reporter.owned(term.epoch, term.position.as_ref());
                    return Ok(Some(term));
                }
                Some(Grant::Owned { owner, left }) => (owner, left),
            };
            if self.run.once && started.elapsed() > lease * 2 {
                return Err(owned(&self.run.shard, &owner));
            }
            if told.as_ref() != Some(&owner) {
                let ShardId { source, shard } = &self.run.shard;
                tracing::info!(source, shard, owner, "the shard is another process's; standing by");
                self.reporter.stands_by(&owner);
                told = Some(owner);
            }
            // Never later than the end of the lease, and not in step with others who wait.
            let look = RetryPolicy { base: lease / LOOKS * 2, cap: lease / LOOKS * 2, ..PATIENT };
            if !self.pause(look.wait(1).min(left + lease / 100)).await {
                return Ok(None);
            }
        }
    }

    /// Waits; `false` when the run shall end.
    async fn pause(&self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = self.shutdown.cancelled() => false,
        }
    }

    /// Reads and commits as long as the shard is this process's.
    async fn serve(&mut self, term: Term, decoder: Decoder) -> Result<Served> {
        let run = self.run;
        let opening = Opening {
            source: &run.source,
            access: &run.access,
            shard: &run.shard,
            position: term.position.as_ref(),
            mark: &term.mark,
            once: run.once,
            keyed: run.keyed,
            chunk_bytes: run.chunk_bytes,
            reporter: self.reporter,
        };
        let reader = tokio::select! {
            reader = Reader::open(&opening) => reader?,
            () = self.database.lost() => return Ok(Served::Lost),
            () = self.shutdown.cancelled() => return Ok(Served::Ended(Ended::Stopped)),
        };
        let told = reader.told(run, term.position.as_ref(), &term.mark)?;
        let served = self.commit_all(reader, decoder, term.position, told.as_ref()).await;
        if let Some(told) = told {
            told.finish().await;
        }
        served
    }

    async fn commit_all(
        &mut self,
        reader: Reader,
        mut decoder: Decoder,
        from: Option<Position>,
        told: Option<&Told>,
    ) -> Result<Served> {
        if let Some(header) = reader.header() {
            decoder.set_header(header)?;
        }
        let ledger = reader.ledger();
        let Run { shard, limits, pace, .. } = self.run;
        let mut batches =
            Batches::start(reader, decoder, shard.clone(), from, *limits, pace.clone());
        loop {
            let mut batch = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Ok(Served::Ended(Ended::Stopped)),
                () = self.database.lost() => return Ok(Served::Lost),
                next = batches.next() => match next {
                    None => return Ok(Served::Ended(Ended::Exhausted)),
                    Some(batch) => batch?,
                },
            };
            let taken = ledger.as_ref().map(|ledger| ledger.take(&batch.to)).unwrap_or_default();
            batch.mark = taken.mark;
            let started = Instant::now();
            let outcome = match self.database.commit(&batch).await? {
                Answer::Done(outcome) => outcome,
                Answer::Lost => return Ok(Served::Lost),
                Answer::Stop => return Ok(Served::Ended(Ended::Stopped)),
            };
            log(&batch, &outcome);
            if let Some(told) = told {
                told.committed(&batch.to, &batch.mark).await;
            }
            let took = started.elapsed();
            let last = (LastBatch { events: batch.events, took }, self.database.phases());
            let queued = ledger.as_ref().map(Ledger::queued);
            self.reporter.committed(&batch, &outcome, last, queued, &taken.added_ms);
        }
    }
}

fn log(batch: &Batch, outcome: &Outcome) {
    let Position(to) = &batch.to;
    let Outcome { rows, duplicates, dead_letters, already_committed } = *outcome;
    let source = &batch.shard.source;
    tracing::debug!(source, to, rows, duplicates, dead_letters, already_committed, "committed");
}

fn owned(shard: &ShardId, owner: &str) -> Error {
    let ShardId { source, shard } = shard;
    Error::new(
        Kind::Conflict,
        format!("shard \"{shard}\" of source \"{source}\" is another process's"),
    )
    .code(Code::ShardTaken)
    .detail(format!("Its owner is {owner}, who keeps renewing the lease."))
    .hint("That process reads on; without --once this one would wait to take over.")
}

fn lost(shard: &ShardId) -> Error {
    let ShardId { source, shard } = shard;
    Error::new(
        Kind::Conflict,
        format!("shard \"{shard}\" of source \"{source}\" was taken by another process"),
    )
    .code(Code::ShardTaken)
    .detail("What was read of standard input, and was not committed, cannot be read again.")
    .hint("Feed it again: the key of the stream passes over what is there.")
}
