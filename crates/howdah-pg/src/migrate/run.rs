//! Running one file: as one transaction, or statement by statement with its progress recorded.

use std::time::{Duration, Instant};

use howdah_error::{Code, Error, Result};
use howdah_sql::{Lines, Statement};
use tokio_postgres::Client;
use tokio_postgres::error::{ErrorPosition, SqlState};

use super::history::{Applied, History, Progress};
use super::resume::{self, Resume};
use super::session::Session;
use super::{Direction, MigrateOptions, Migration, MigrationEvent, MigrationFile};
use crate::fault::{Fault, classify, from_pg};

/// What running files needs.
pub(super) struct Runner<'a, F> {
    pub(super) client: &'a Client,
    pub(super) history: &'a History,
    pub(super) session: &'a Session,
    pub(super) options: &'a MigrateOptions,
    pub(super) event: F,
}

/// An error of the server, and the statement that it answers.
struct Failed {
    error: tokio_postgres::Error,
    /// Its position within the file; `None` for what howdah adds (history, commit).
    statement: Option<usize>,
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self { error, statement: None }
    }
}

/// One file on its way.
struct Job<'a> {
    migration: &'a Migration,
    direction: Direction,
    file: &'a MigrationFile,
    name: String,
    statements: Vec<Statement<'a>>,
    start: Instant,
}

impl<F: FnMut(MigrationEvent<'_>)> Runner<'_, F> {
    /// Runs the file of `migration` that leads in `direction`; `half` is what the history knows of
    /// a version that is neither applied nor not.
    pub(super) async fn run(
        &mut self,
        migration: &Migration,
        direction: Direction,
        half: Option<&Applied>,
    ) -> Result<()> {
        let file = match (direction, &migration.down) {
            (Direction::Down, Some(down)) => down,
            _ => &migration.up,
        };
        let (name, statements, start) = (file.name(), file.statements(), Instant::now());
        let job = Job { migration, direction, file, name, statements, start };
        match half {
            Some(applied) => {
                let progress = job.check_half(applied)?;
                self.resume(&job, progress).await?;
            }
            None if file.is_transactional() => {
                (self.event)(MigrationEvent::Started { file: &job.name });
                self.run_whole(&job).await?;
            }
            None => {
                (self.event)(MigrationEvent::Started { file: &job.name });
                self.begin_stepwise(&job).await.map_err(|failed| job.explain(&failed, Some(0)))?;
                self.run_stepwise(&job, 0, Resume::Run).await?;
            }
        }
        self.session.calm(self.client).await.map_err(|error| super::history::failed(&error))?;
        (self.event)(MigrationEvent::Finished { file: &job.name, elapsed: start.elapsed() });
        Ok(())
    }

    async fn resume(&mut self, job: &Job<'_>, progress: &Progress) -> Result<()> {
        let of = job.statements.len();
        let statement = (progress.done + 1).min(of);
        (self.event)(MigrationEvent::Resumed { file: &job.name, statement, of });
        let how = match job.statements.get(progress.done) {
            Some(statement) => {
                let told = self.options.in_flight;
                resume::inspect(self.client, statement, progress, told, &job.name).await?
            }
            None => Resume::Run,
        };
        if let Resume::Rebuild(index) = &how {
            let index = index.to_string();
            (self.event)(MigrationEvent::DroppedInvalidIndex { index: &index });
            let sql = format!("drop index concurrently if exists {index}");
            let dropped = self.client.batch_execute(&sql).await;
            dropped.map_err(|error| job.explain(&error.into(), Some(progress.done)))?;
        }
        self.run_stepwise(job, progress.done, how).await
    }

    /// Tries `attempt` again while it cannot have its locks.
    async fn retry(
        &mut self,
        job: &Job<'_>,
        attempt: impl AsyncFn() -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let start = Instant::now();
        let mut tries = 1;
        loop {
            let failed = match attempt().await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            let _ = self.client.batch_execute("rollback").await;
            let policy = &self.options.retry;
            let again = classify(&failed.error) == Fault::Retry
                && tries < policy.attempts
                && start.elapsed() < policy.total;
            if !again {
                return Err(failed);
            }
            let pause = policy.wait(tries);
            (self.event)(MigrationEvent::Retrying { file: &job.name, attempt: tries, pause });
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    /// The whole file and its history row in one transaction.
    async fn run_whole(&mut self, job: &Job<'_>) -> Result<()> {
        let (client, history, session) = (self.client, self.history, self.session);
        let begin = self.begin();
        let attempt = async || {
            client.batch_execute(&begin).await?;
            for (at, statement) in job.statements.iter().enumerate() {
                job.execute(client, at, statement).await?;
            }
            session.calm(client).await?;
            if job.direction == Direction::Up {
                history.insert(client, job.migration, true, job.start.elapsed()).await?;
                let progress = job.progress(job.statements.len(), false);
                history.put_progress(client, job.migration.version, &progress).await?;
            } else {
                history.delete(client, job.migration.version).await?;
            }
            Ok(client.batch_execute("commit").await?)
        };
        let done = self.retry(job, attempt).await;
        done.map_err(|failed| job.explain(&failed, None))
    }

    fn begin(&self) -> String {
        format!("begin; set local lock_timeout to {}", milliseconds(self.options.lock_timeout))
    }

    /// Announces a file that runs outside a transaction.
    async fn begin_stepwise(&self, job: &Job<'_>) -> Result<(), Failed> {
        let version = job.migration.version;
        self.client.batch_execute("begin").await?;
        if job.direction == Direction::Up {
            self.history.insert(self.client, job.migration, false, Duration::ZERO).await?;
        } else {
            self.history.mark_dirty(self.client, version).await?;
        }
        self.history.put_progress(self.client, version, &job.progress(0, false)).await?;
        Ok(self.client.batch_execute("commit").await?)
    }

    /// The statements from `first` on, one by one; `how` is for the first of them.
    async fn run_stepwise(&mut self, job: &Job<'_>, first: usize, how: Resume) -> Result<()> {
        // The file's own transaction is open: its statements and their progress are one.
        let mut open = false;
        // Where a lost or failed run would go on.
        let mut recorded = first;
        for at in first..job.statements.len() {
            let tolerant = at == first && how == Resume::RunUnlessGone;
            let done = if at == first && how == Resume::Skip {
                self.record(job, at + 1, false).await.map_err(Failed::from)
            } else {
                self.step(job, at, &mut open, tolerant).await
            };
            if let Err(failed) = done {
                let _ = self.client.batch_execute("rollback").await;
                return Err(job.explain(&failed, Some(recorded)));
            }
            if !open {
                recorded = at + 1;
            }
        }
        if open {
            let _ = self.client.batch_execute("rollback").await;
            return Err(job.unfinished());
        }
        let finished = self.finish(job).await;
        finished.map_err(|failed| job.explain(&failed, Some(recorded)))
    }

    async fn finish(&self, job: &Job<'_>) -> Result<(), Failed> {
        let (client, history, version) = (self.client, self.history, job.migration.version);
        self.session.calm(client).await?;
        client.batch_execute("begin").await?;
        if job.direction == Direction::Up {
            history.succeed(client, job.migration, job.start.elapsed()).await?;
            let progress = job.progress(job.statements.len(), false);
            history.put_progress(client, version, &progress).await?;
        } else {
            history.delete(client, version).await?;
        }
        Ok(client.batch_execute("commit").await?)
    }

    async fn record(
        &self,
        job: &Job<'_>,
        done: usize,
        in_flight: bool,
    ) -> Result<(), tokio_postgres::Error> {
        let progress = job.progress(done, in_flight);
        self.history.put_progress(self.client, job.migration.version, &progress).await
    }

    /// Statement `at`. `open` is whether the file has a transaction of its own open.
    async fn step(
        &mut self,
        job: &Job<'_>,
        at: usize,
        open: &mut bool,
        tolerant: bool,
    ) -> Result<(), Failed> {
        let statement = &job.statements[at];
        let client = self.client;
        if statement.is_transaction_control() {
            let words = statement.leading_words();
            match words.first().map(String::as_str) {
                Some("begin" | "start") => {
                    job.execute(client, at, statement).await?;
                    *open = true;
                }
                Some("commit" | "end") => {
                    // Recorded before, so that the commit holds the record too.
                    self.record(job, at + 1, false).await?;
                    job.execute(client, at, statement).await?;
                    *open = words.ends_with(&["and".to_owned(), "chain".to_owned()]);
                }
                _ => {
                    job.execute(client, at, statement).await?;
                    *open = words.ends_with(&["and".to_owned(), "chain".to_owned()]);
                    self.record(job, at + 1, false).await?;
                }
            }
            return Ok(());
        }
        if *open {
            return job.execute(client, at, statement).await;
        }
        if statement.needs_no_transaction() {
            return self.step_alone(job, at, tolerant).await;
        }
        let (begin, history) = (self.begin(), self.history);
        let progress = job.progress(at + 1, false);
        let attempt = async || {
            client.batch_execute(&begin).await?;
            job.execute(client, at, statement).await?;
            history.put_progress(client, job.migration.version, &progress).await?;
            Ok(client.batch_execute("commit").await?)
        };
        self.retry(job, attempt).await
    }

    /// A statement that no transaction may hold: announced before, confirmed after.
    async fn step_alone(&mut self, job: &Job<'_>, at: usize, tolerant: bool) -> Result<(), Failed> {
        let (client, statement) = (self.client, &job.statements[at]);
        self.record(job, at, true).await?;
        let concurrent = statement.text.to_ascii_lowercase().contains("concurrently");
        let timeout = if concurrent { Duration::ZERO } else { self.options.lock_timeout };
        let sql = format!("set lock_timeout to {}", milliseconds(timeout));
        client.batch_execute(&sql).await?;
        let attempt = async || match job.execute(client, at, statement).await {
            Err(failed) if tolerant && failed.error.code() == Some(&SqlState::UNDEFINED_OBJECT) => {
                Ok(())
            }
            done => done,
        };
        let done = self.retry(job, attempt).await;
        // The server has answered, so nothing is in flight, unless the connection is gone, and then
        // this fails too.
        let recorded = self.record(job, at + usize::from(done.is_ok()), false).await;
        done?;
        Ok(recorded?)
    }
}

impl Job<'_> {
    /// HD0204 unless the file can go on where it stopped.
    fn check_half<'p>(&self, applied: &'p Applied) -> Result<&'p Progress> {
        let Some(progress) = &applied.progress else { return Err(resume::dirty(&self.name)) };
        if progress.direction != self.direction {
            return Err(resume::other_way(&self.name, progress.direction.as_str()));
        }
        let (before, _) = howdah_sql::split(&progress.sql);
        // The statement in flight counts as done here: what was sent is the old one.
        let sent = progress.done + usize::from(progress.in_flight);
        let text = |statement: &Statement<'_>| statement.text.to_owned();
        let same =
            before.iter().take(sent).map(text).eq(self.statements.iter().take(sent).map(text));
        if !same || before.len() < sent {
            return Err(resume::changed(&self.name, progress.done));
        }
        Ok(progress)
    }

    async fn execute(
        &self,
        client: &Client,
        at: usize,
        statement: &Statement<'_>,
    ) -> Result<(), Failed> {
        let done = client.batch_execute(statement.text).await;
        done.map_err(|error| Failed { error, statement: Some(at) })
    }

    fn progress(&self, done: usize, in_flight: bool) -> Progress {
        Progress { sql: self.file.text.clone(), direction: self.direction, done, in_flight }
    }

    /// HD0203 with the place in the file; `done` is how many statements stay done when the file is
    /// not one transaction.
    fn explain(&self, failed: &Failed, done: Option<usize>) -> Error {
        let place = match failed.statement {
            Some(at) => {
                let offset = self.offset(at, failed.error.as_db_error());
                format!("{}:{}", self.name, Lines::new(&self.file.text).position(offset))
            }
            None => format!("the end of {}", self.name),
        };
        let error = from_pg(&format!("migration failed at {place}"), &failed.error);
        let mut detail = error.get_detail().unwrap_or_default().to_owned();
        if let Some(at) = failed.statement {
            let statement = &self.statements[at];
            detail = format!("Statement {}: {} … {detail}", at + 1, statement.first_line());
        }
        let hint = match done {
            None => "Nothing of this file is left behind: mend it and migrate again.".to_owned(),
            Some(done) => format!(
                "The file does not run in a transaction: its first {done} statements stay done. \
                 Mend the rest and migrate again; it goes on with statement {}.",
                done + 1
            ),
        };
        // A lost connection and a lock that could not be had have codes and advice of their own.
        let passing = matches!(classify(&failed.error), Fault::Reconnect | Fault::Retry);
        let advice = error.get_hint().filter(|_| passing).map(|own| format!("{own} {hint}"));
        let error = error.detail(detail).hint(advice.unwrap_or(hint));
        if passing && error.get_code().is_some() {
            return error;
        }
        error.code(Code::MigrationFailed)
    }

    /// Where the server says that the error is, else where the statement begins.
    fn offset(&self, at: usize, error: Option<&tokio_postgres::error::DbError>) -> usize {
        let statement = &self.statements[at];
        let within = match error.and_then(|error| error.position()) {
            Some(ErrorPosition::Original(character)) => {
                let before = (*character as usize).saturating_sub(1);
                statement.text.char_indices().nth(before).map_or(0, |(offset, _)| offset)
            }
            _ => 0,
        };
        statement.span.start + within
    }

    fn unfinished(&self) -> Error {
        Error::input(format!(
            "migration \"{}\" begins a transaction and does not end it",
            self.name
        ))
        .code(Code::MigrationFailed)
        .hint("Leave `begin` out, or end the file with `commit`.")
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("'{}ms'", duration.as_millis())
}
