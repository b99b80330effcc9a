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
mod without_path;
mod workload_index;

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use howdah_error::{Error, Kind, Result};
use tokio::sync::OnceCell;
use tokio_postgres::SimpleQueryMessage;

use crate::build::{Scratch, ScratchDatabase, build_before};
use crate::facts::{Facts, StatementId};
use crate::finding::{Expect, Level, Login, Reproducer};

pub use audit_cost::AuditCost;
pub use call_fails::CallFails;
pub use cascade::Cascade;
pub use index_cost::{IndexCost, UpdateCost, holds, is_time_of_update};
pub use injection::Injection;
pub use policy_plan::PolicyPlan;
pub use shown::Shown;
pub use two_tenants::{TenantKey, TwoTenants};
pub use violations::{Contradiction, Orphans};
pub use without_path::WithoutPath;
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
    /// It is so, and matters more here than the rule could know: at least so much.
    Worse(Level, Reproducer, String),
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
    trial: OnceCell<ScratchDatabase>,
}

impl<'a> Lab<'a> {
    pub(crate) fn new(scratch: &'a Scratch, built: &'a ScratchDatabase, facts: &'a Facts) -> Self {
        Self { scratch, built, facts, trial: OnceCell::new() }
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

    /// The copy of the finished database that is shared by all who take back what they do: they
    /// work in a transaction and never commit. A copy for each would take longer than all the rest.
    pub async fn trial(&self) -> Result<&ScratchDatabase> {
        self.trial.get_or_try_init(|| self.copy()).await
    }

    /// Drops the shared copy.
    pub(crate) async fn close(mut self) -> Result<()> {
        match self.trial.take() {
            Some(trial) => self.done(trial).await,
            None => Ok(()),
        }
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

    /// Runs a reproducer; whether it shows what it promises.
    pub async fn reproduce(&self, reproducer: &Reproducer) -> Result<bool> {
        if reproducer.expect == Expect::Written {
            return Ok(reproducer.before.is_some());
        }
        let own = match reproducer.before {
            Some(statement) => Some(self.before(statement).await?),
            None if is_taken_back(&reproducer.sql) => None,
            None => Some(self.copy().await?),
        };
        let database = match &own {
            Some(database) => database,
            None => self.trial().await?,
        };
        let connection = match reproducer.login {
            Login::Owner => database.connect().await?,
            Login::Superuser => database.admin().await?,
        };
        let answer = connection.simple_query(&reproducer.sql).await;
        let shown = match (&reproducer.expect, answer) {
            (Expect::Failure(state), Err(error)) => {
                howdah_pg::sqlstate(&error).is_some_and(|found| found.code() == state)
            }
            (Expect::Failure(_) | Expect::Written, Ok(_)) | (_, Err(_)) => false,
            (Expect::Rows, Ok(messages)) => !last_rows(&messages).is_empty(),
            (Expect::Line(text), Ok(messages)) => {
                last_rows(&messages).iter().any(|row| row.contains(text.as_str()))
            }
        };
        connection.close().await;
        if let Some(own) = own {
            self.done(own).await?;
        }
        Ok(shown)
    }

    /// Drops a database.
    pub async fn done(&self, database: ScratchDatabase) -> Result<()> {
        self.scratch.drop(database).await
    }
}

/// Whether a script is one transaction that is never committed, or reads alone: it ends with its
/// connection and leaves nothing behind.
fn is_taken_back(sql: &str) -> bool {
    let (statements, _) = howdah_sql::split(sql);
    let begins = |word: &str| {
        let first = statements.first().map(|statement| statement.text.trim_start());
        first
            .and_then(|text| text.get(..word.len()))
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    let transaction = begins("begin")
        && !statements.iter().skip(1).any(howdah_sql::Statement::is_transaction_control);
    let query_of_catalog = statements.len() == 1 && begins("select") && sql.contains("from pg_");
    transaction || query_of_catalog
}

/// The rows of the last statement of a script, each as the text of its first column.
fn last_rows(messages: &[SimpleQueryMessage]) -> Vec<&str> {
    let (mut rows, mut last) = (Vec::new(), Vec::new());
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => rows.push(row.get(0).unwrap_or_default()),
            SimpleQueryMessage::CommandComplete(_) => last = std::mem::take(&mut rows),
            _ => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::is_taken_back;

    #[test]
    fn only_what_leaves_nothing_behind_shares_a_copy() {
        for sql in ["begin;\ncreate table a ();\nselect 1", "select relname from pg_class"] {
            assert!(is_taken_back(sql), "{sql}");
        }
        for sql in [
            "begin;\ncreate table a ();\ncommit;\nselect 1",
            "begin;\nselect 1;\nrollback;\ndrop table a",
            "create table a ()",
            "select purge()",
            "select 1 from pg_class; select purge()",
            "",
        ] {
            assert!(!is_taken_back(sql), "{sql}");
        }
    }
}
