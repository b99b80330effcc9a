//! The writer of a shard, made anew as often as the database goes away.

use howdah_error::{Code, Error, Kind, Result};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::batch::{Batch, Commit, Grant, Outcome, Phases, Term};
use crate::lease::{Held, Keeper};
use crate::progress::{Away, Reporter};

/// What became of a batch.
pub(super) enum Answer {
    /// It is durable.
    Done(Outcome),
    /// The shard is another's, or stands elsewhere; nothing was written.
    Lost,
    /// The run shall end.
    Stop,
}

pub(super) struct Database<'r, W, C> {
    connect: C,
    writer: Option<W>,
    /// The writer has the shard.
    owns: bool,
    /// The lease, as long as it is renewed.
    held: Option<Held>,
    keeper: Option<&'r Keeper>,
    run: &'r Run,
    reporter: &'r Reporter,
    shutdown: &'r CancellationToken,
    failed: u32,
}

impl<'r, W, C, F> Database<'r, W, C>
where
    W: Commit,
    C: FnMut() -> F,
    F: Future<Output = Result<W>>,
{
    pub(super) fn new(
        connect: C,
        keeper: Option<&'r Keeper>,
        run: &'r Run,
        reporter: &'r Reporter,
        shutdown: &'r CancellationToken,
    ) -> Self {
        Self {
            connect,
            writer: None,
            owns: false,
            held: None,
            keeper,
            run,
            reporter,
            shutdown,
            failed: 0,
        }
    }

    /// Asks for the shard, once the database answers; `None` when the run shall end.
    pub(super) async fn acquire(&mut self) -> Result<Option<Grant>> {
        let started = Instant::now();
        loop {
            match self.try_acquire().await {
                Ok(grant) => return Ok(Some(self.answered(grant))),
                Err(error) => {
                    if !self.wait_after(error, started).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn try_acquire(&mut self) -> Result<Grant> {
        (self.owns, self.held) = (false, None);
        let run = self.run;
        let grant = self.writer().await?.acquire(&run.shard, &run.claim).await?;
        if let Grant::Held(term) = &grant {
            self.owns = true;
            self.held = self.keeper.map(|keeper| keeper.hold(&run.shard, term.epoch));
        }
        Ok(grant)
    }

    /// Waits until the lease is lost; for ever when nobody keeps it.
    pub(super) async fn lost(&self) {
        match &self.held {
            Some(held) => held.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Commits a batch, again and again while the database is away.
    pub(super) async fn commit(&mut self, batch: &Batch) -> Result<Answer> {
        let started = Instant::now();
        loop {
            match self.try_commit(batch).await {
                Ok(Some(outcome)) => return Ok(Answer::Done(self.answered(outcome))),
                Ok(None) => return Ok(self.answered(Answer::Lost)),
                Err(error) if error.get_code() == Some(Code::ShardTaken) => {
                    return Ok(self.answered(Answer::Lost));
                }
                Err(error) => {
                    if !self.wait_after(error, started).await? {
                        return Ok(Answer::Stop);
                    }
                }
            }
        }
    }

    /// One attempt; `None` when a new writer finds the shard elsewhere or another's.
    async fn try_commit(&mut self, batch: &Batch) -> Result<Option<Outcome>> {
        if !self.owns || self.writer.is_none() {
            let Grant::Held(Term { position, .. }) = self.try_acquire().await? else {
                return Ok(None);
            };
            // Where the batch ends: the reply of its commit was lost, which the writer finds out.
            if position != batch.from && position.as_ref() != Some(&batch.to) {
                return Ok(None);
            }
        }
        self.writer().await?.commit(batch).await.map(Some)
    }

    pub(super) fn phases(&self) -> Phases {
        self.writer.as_ref().map(Commit::phases).unwrap_or_default()
    }

    /// Gives the shard back, if this process has it and the database is there.
    pub(super) async fn release(&mut self) {
        self.held = None;
        if let Some(writer) = self.writer.as_mut().filter(|_| self.owns)
            && let Err(error) = writer.release(&self.run.shard).await
        {
            tracing::debug!(source = self.run.source.name, %error, "could not release the shard");
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
        self.reporter.back(Away::Database);
        answer
    }

    /// Waits before the next attempt of the outage that `started`; `false` when the run shall end.
    /// An error that is not worth another attempt comes back.
    async fn wait_after(&mut self, error: Error, started: Instant) -> Result<bool> {
        let retry = &self.run.retry;
        let wait = retry.wait(self.failed + 1);
        let given_up = self.failed + 1 >= retry.attempts || started.elapsed() + wait > retry.total;
        if error.kind() != Kind::Unavailable || given_up {
            return Err(error);
        }
        self.writer = None;
        self.failed += 1;
        self.report(&error);
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(true),
            () = self.shutdown.cancelled() => Ok(false),
        }
    }

    /// Says it once an outage; the attempts that follow are for the debug log.
    fn report(&self, error: &Error) {
        self.reporter.away(Away::Database, error.get_code());
        let source = &self.run.source.name;
        if self.failed == 1 {
            tracing::warn!(source, %error, "the database is away; the batch in hand waits");
        } else {
            tracing::debug!(source, %error, failed = self.failed, "the database is still away");
        }
    }
}
