//! Migrations: the files of a folder, applied in order, once, by one runner at a time.
//!
//! The convention and the history table are sqlx's, so a database whose history sqlx keeps is
//! adopted as it is, and both tools may go on working on it: same names, same checksums, same
//! table, same advisory lock. A table beside it (`_howdah_migrations`) keeps what sqlx does not:
//! the applied text, and how far a file outside a transaction has come.
//!
//! A file is one transaction with its history row, unless a statement refuses that or the first
//! line is `-- no-transaction`. Then its statements run one by one, each recorded together with its
//! effect where PostgreSQL allows that, and announced before and confirmed after where it does not.
//!
//! Everything here wants a connection of its own, outside a transaction, and needs no more rights
//! than the files themselves and `create` on the schema of the history. A caller that drops a
//! future half-way must drop the connection too: it holds the lock and may be in a transaction.

mod difference;
mod files;
mod history;
mod lock;
mod resume;
mod run;
mod session;
mod status;

use std::fmt;
use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};
use tokio_postgres::Client;

use crate::RetryPolicy;
use history::{Applied, History};
use run::Runner;

pub use difference::Difference;
pub use files::{Migration, MigrationFile, Migrations};
pub use resume::InFlight;
pub use status::{MigrationState, MigrationStatus, status};

/// How to migrate.
#[derive(Debug, Clone)]
pub struct MigrateOptions {
    /// Up to this version, itself included; `None` for all. Only for [`up`].
    pub target: Option<i64>,
    /// `lock_timeout` of a statement that waits for a lock on a table. Statements that work
    /// concurrently block nobody while they wait and so have none.
    pub lock_timeout: Duration,
    /// How often a file (or a statement outside a transaction) is tried when it cannot have its
    /// locks in time.
    pub retry: RetryPolicy,
    /// How long to wait for another runner of migrations.
    pub wait: Duration,
    /// What became of a statement of which nobody knows, when howdah cannot find out (HD0204).
    pub in_flight: Option<InFlight>,
}

impl Default for MigrateOptions {
    fn default() -> Self {
        Self {
            target: None,
            lock_timeout: Duration::from_secs(3),
            retry: RetryPolicy {
                attempts: 10,
                total: Duration::from_secs(300),
                base: Duration::from_millis(500),
                cap: Duration::from_secs(10),
            },
            wait: Duration::from_secs(600),
            in_flight: None,
        }
    }
}

/// What a runner tells while it works; `Display` gives a line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationEvent<'a> {
    /// Another runner is at work.
    WaitingForLock,
    /// The version is lower than one that is applied already. It is applied, as sqlx does.
    OutOfOrder {
        /// The file.
        file: &'a str,
        /// The highest applied version.
        last: i64,
    },
    /// A file begins.
    Started {
        /// The file.
        file: &'a str,
    },
    /// A file that stopped half-way goes on.
    Resumed {
        /// The file.
        file: &'a str,
        /// The statement that it goes on with, from 1.
        statement: usize,
        /// How many it has.
        of: usize,
    },
    /// An invalid index that an interrupted `create index concurrently` left is dropped.
    DroppedInvalidIndex {
        /// Its name as SQL.
        index: &'a str,
    },
    /// A lock could not be had in time; another try follows.
    Retrying {
        /// The file.
        file: &'a str,
        /// The tries so far.
        attempt: u32,
        /// The pause before the next.
        pause: Duration,
    },
    /// A file is done.
    Finished {
        /// The file.
        file: &'a str,
        /// How long it took.
        elapsed: Duration,
    },
}

impl fmt::Display for MigrationEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitingForLock => f.write_str("waiting for another process that migrates"),
            Self::OutOfOrder { file, last } => {
                write!(f, "{file} is older than version {last}, which is applied; applying it now")
            }
            Self::Started { file } => write!(f, "{file}"),
            Self::Resumed { file, statement, of } => {
                write!(f, "{file}: going on with statement {statement} of {of}")
            }
            Self::DroppedInvalidIndex { index } => {
                write!(f, "dropping the unfinished index {index}")
            }
            Self::Retrying { file, attempt, pause } => write!(
                f,
                "{file}: a lock could not be had (try {attempt}), next try in {:.1} s",
                pause.as_secs_f64()
            ),
            Self::Finished { file, elapsed } => {
                write!(f, "{file}: done in {:.3} s", elapsed.as_secs_f64())
            }
        }
    }
}

/// Which way a file leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Applying.
    Up,
    /// Reverting.
    Down,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    fn read(text: &str) -> Self {
        if text == "down" { Self::Down } else { Self::Up }
    }
}

/// Applies what is pending, lowest version first; gives the versions applied.
///
/// A file that stopped half-way is finished first. Nothing is begun when the history and the folder
/// contradict each other: HD0202 (edited, with the difference), HD0204 (half done and not to be
/// resumed), HD0205 (applied, but without a file). HD0203 names file, line and column of what
/// failed; a file in a transaction then has left nothing behind. HD0109: another runner did not
/// end.
pub async fn up(
    client: &Client,
    migrations: &Migrations,
    options: &MigrateOptions,
    mut event: impl FnMut(MigrationEvent<'_>),
) -> Result<Vec<i64>> {
    let key = lock::acquire(client, options.wait, &mut event).await?;
    let done = up_locked(client, migrations, options, &mut event).await;
    lock::release(client, key).await;
    done
}

async fn up_locked(
    client: &Client,
    migrations: &Migrations,
    options: &MigrateOptions,
    event: &mut impl FnMut(MigrationEvent<'_>),
) -> Result<Vec<i64>> {
    let history = History::ensure(client).await?;
    let applied = history.read(client).await?;
    status::check_missing(&applied, migrations)?;
    status::check_edited(&applied, migrations)?;
    let last = applied.iter().rev().find(|(_, a)| a.success).map(|(version, _)| *version);

    let session = session::Session::enter(client).await?;
    let mut runner = Runner { client, history: &history, session: &session, options, event };
    let mut versions = Vec::new();
    let mut result = Ok(());
    for migration in migrations.iter() {
        let half = match applied.get(&migration.version) {
            Some(Applied { success: true, .. }) => continue,
            half => half,
        };
        if half.is_none() && options.target.is_some_and(|target| migration.version > target) {
            continue;
        }
        if let Some(last) = last.filter(|last| half.is_none() && migration.version < *last) {
            (runner.event)(MigrationEvent::OutOfOrder { file: &migration.up.name(), last });
        }
        result = runner.run(migration, Direction::Up, half).await;
        if result.is_err() {
            break;
        }
        versions.push(migration.version);
    }
    session.leave(client).await;
    result.map(|()| versions)
}

/// Reverts every applied version above `to`, highest first; gives the versions reverted.
///
/// Nothing is begun when one of them has no down file (HD0206) or no file at all (HD0205).
pub async fn down(
    client: &Client,
    migrations: &Migrations,
    to: i64,
    options: &MigrateOptions,
    mut event: impl FnMut(MigrationEvent<'_>),
) -> Result<Vec<i64>> {
    let key = lock::acquire(client, options.wait, &mut event).await?;
    let done = down_locked(client, migrations, to, options, &mut event).await;
    lock::release(client, key).await;
    done
}

async fn down_locked(
    client: &Client,
    migrations: &Migrations,
    to: i64,
    options: &MigrateOptions,
    event: &mut impl FnMut(MigrationEvent<'_>),
) -> Result<Vec<i64>> {
    let history = History::ensure(client).await?;
    let applied = history.read(client).await?;
    status::check_missing(&applied, migrations)?;
    let chosen: Vec<_> = applied
        .range(to.saturating_add(1)..)
        .rev()
        .filter_map(|(version, applied)| Some((migrations.get(*version)?, applied)))
        .collect();
    let without: Vec<_> =
        chosen.iter().filter(|(m, _)| m.down.is_none()).map(|(m, _)| m.up.name()).collect();
    if !without.is_empty() {
        return Err(Error::new(Kind::Conflict, "there is no down file for an applied migration")
            .code(Code::NoDownMigration)
            .detail(format!("Without a down file: {}.", without.join(", ")))
            .hint("Write NNNN_name.down.sql beside it, or write a new migration that undoes it."));
    }
    let session = session::Session::enter(client).await?;
    let mut runner = Runner { client, history: &history, session: &session, options, event };
    let mut versions = Vec::new();
    let mut result = Ok(());
    for (migration, applied) in chosen {
        let half = Some(applied).filter(|applied| !applied.success);
        result = runner.run(migration, Direction::Down, half).await;
        if result.is_err() {
            break;
        }
        versions.push(migration.version);
    }
    session.leave(client).await;
    result.map(|()| versions)
}
