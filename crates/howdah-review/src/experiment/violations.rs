//! Rows that a constraint would not allow, and predicates that a constraint rules out.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{Ident, RelName};
use howdah_error::Result;
use howdah_pg::Connection;

use super::made_up::{number, run};
use super::{Experiment, Lab, Verdict};
use crate::finding::{Expect, Level, Login, Reproducer};

/// Counts rows that refer to nothing, and tries the foreign key that would not allow them.
#[derive(Debug)]
pub struct Orphans {
    /// The table.
    pub table: RelName,
    /// The column that looks as if it referred to something.
    pub column: Ident,
    /// What it seems to refer to.
    pub other: RelName,
    /// The other's key.
    pub key: Ident,
}

impl Orphans {
    fn rows(&self) -> String {
        format!(
            "from {} t where t.{column} is not null\n  \
             and not exists (select from {} o where o.{} = t.{column})",
            self.table,
            self.other,
            self.key,
            column = self.column
        )
    }

    async fn count(&self, connection: &Connection) -> Result<Verdict> {
        let orphans = number(connection, &format!("select count(*) {}", self.rows())).await?;
        if orphans > 0 {
            let reproducer = Reproducer::query(format!("select t.{} {}", self.column, self.rows()));
            let found = format!("{orphans} rows refer to no row of \"{}\".", self.other.plain());
            // The key is not only missing: rows have come to be that it would have kept away.
            return Ok(Verdict::Worse(Level::Warning, reproducer, found));
        }
        let sql = format!(
            "begin;\nalter table {} add foreign key ({}) references {} ({})",
            self.table, self.column, self.other, self.key
        );
        match run(connection, &sql).await {
            Ok(()) => Ok(Verdict::Undecided),
            Err(error) if error.kind() == howdah_error::Kind::Unavailable => Err(error),
            // It cannot have this foreign key, so it misses none.
            Err(_) => Ok(Verdict::Disputed),
        }
    }
}

impl Experiment for Orphans {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let database = lab.trial().await?;
            let connection = database.connect().await?;
            let verdict = self.count(&connection).await;
            connection.close().await;
            verdict
        }
        .boxed()
    }
}

/// Asks the planner whether the table's constraints rule a predicate out.
#[derive(Debug)]
pub struct Contradiction {
    /// The table.
    pub table: RelName,
    /// The predicate.
    pub predicate: String,
}

impl Experiment for Contradiction {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let explain = format!(
                "begin;\nset local constraint_exclusion = on;\n\
                 explain (costs off) select from {} where {}",
                self.table, self.predicate
            );
            let expect = Expect::Line("One-Time Filter: false".to_owned());
            let reproducer = Reproducer { before: None, sql: explain, expect, login: Login::Owner };
            if lab.reproduce(&reproducer).await? {
                Ok(Verdict::Proved(reproducer, None))
            } else {
                Ok(Verdict::Disputed)
            }
        }
        .boxed()
    }
}
