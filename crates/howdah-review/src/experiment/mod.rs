//! Experiments: what a rule only supposes is tried on a scratch copy before it is reported.
//!
//! An experiment is a small type with the trait [`Experiment`], in a module of its own. A rule
//! attaches it to a finding; its [`Verdict`] decides whether the finding is reported as PROVED, is
//! dropped, or stays what it was. Locks, rewrites and scans need none: the build has traced them
//! ([`Trace`](crate::facts::Trace)).

mod audit_cost;
mod call_fails;
mod cascade;
mod index_cost;
mod injection;
mod made_up;
mod policy_plan;
mod shown;
mod two_tenants;
mod violations;
mod workload_index;

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use howdah_error::{Error, Kind, Result};
use tokio_postgres::SimpleQueryMessage;

use crate::build::{Scratch, ScratchDatabase, build_before};
use crate::facts::{Facts, StatementId};
use crate::finding::{Expect, Reproducer};

pub use audit_cost::AuditCost;
pub use call_fails::CallFails;
pub use cascade::Cascade;
pub use index_cost::{IndexCost, UpdateCost, holds, is_time_of_update};
pub use injection::Injection;
pub use policy_plan::PolicyPlan;
pub use shown::Shown;
pub use two_tenants::{TenantKey, TwoTenants};
pub use violations::{Contradiction, Orphans};
pub use workload_index::WorkloadIndex;

/// Something to try.
pub trait Experiment: Debug + Send + Sync {
    /// Tries it; an error means that it could not be tried, and is no verdict.
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>>;
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is so: how anybody can see it, and sentences with what was measured.
    Proved(Reproducer, Option<String>),
    /// It is not so; the finding is dropped.
    Disputed,
    /// It could not be told; the finding stays a heuristic.
    Undecided,
}

/// What failed shows nothing: for experiments without which a finding is not reported. A server
/// that is gone is another thing.
fn nothing_shown(error: Error) -> Result<Verdict> {
    if error.kind() == Kind::Unavailable { Err(error) } else { Ok(Verdict::Disputed) }
}

/// Where experiments are made: databases of their own, with what was built.
#[derive(Debug)]
pub struct Lab<'a> {
    scratch: &'a Scratch,
    built: &'a ScratchDatabase,
    facts: &'a Facts,
}

impl<'a> Lab<'a> {
    pub(crate) fn new(scratch: &'a Scratch, built: &'a ScratchDatabase, facts: &'a Facts) -> Self {
        Self { scratch, built, facts }
    }

    /// What was reviewed.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.facts
    }

    /// A copy of the finished database; give it back to [`done`](Self::done).
    pub async fn copy(&self) -> Result<ScratchDatabase> {
        self.scratch.copy(self.built).await
    }

    /// A database as it is just before a statement; give it back to [`done`](Self::done).
    pub async fn before(&self, statement: StatementId) -> Result<ScratchDatabase> {
        let database = self.scratch.database().await?;
        build_before(self.facts, statement, &database).await?;
        Ok(database)
    }

    /// An empty database.
    pub async fn empty(&self) -> Result<ScratchDatabase> {
        self.scratch.database().await
    }

    /// Runs a reproducer, as the owner of the database or as its superuser when it makes roles;
    /// whether it shows what it promises.
    pub async fn reproduce(&self, reproducer: &Reproducer) -> Result<bool> {
        if reproducer.expect == Expect::Written {
            return Ok(reproducer.before.is_some());
        }
        let database = match reproducer.before {
            Some(statement) => self.before(statement).await?,
            None => self.copy().await?,
        };
        let connection = if reproducer.sql.contains("create role") {
            database.admin().await?
        } else {
            database.connect().await?
        };
        let answer = connection.simple_query(&reproducer.sql).await;
        let shown = match (&reproducer.expect, answer) {
            (Expect::Failure(state), Err(error)) => {
                howdah_pg::sqlstate(&error).is_some_and(|found| found.code() == state)
            }
            (Expect::Failure(_) | Expect::Written, Ok(_)) | (_, Err(_)) => false,
            (Expect::Rows, Ok(messages)) => rows(&messages).next().is_some(),
            (Expect::Line(text), Ok(messages)) => {
                rows(&messages).any(|row| row.contains(text.as_str()))
            }
        };
        connection.close().await;
        self.done(database).await?;
        Ok(shown)
    }

    /// Drops a database.
    pub async fn done(&self, database: ScratchDatabase) -> Result<()> {
        self.scratch.drop(database).await
    }
}

/// The rows of all queries of a script, each as the text of its first column.
fn rows(messages: &[SimpleQueryMessage]) -> impl Iterator<Item = &str> {
    messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default()),
        _ => None,
    })
}
