//! The session that runs the statements under review, with the superuser's helping hand beside it.

use futures_util::future;
use howdah_catalog::Ident;
use howdah_error::{Error, Kind, Result};
use howdah_pg::{Connection, from_pg, sqlstate};
use tokio_postgres::error::{DbError, ErrorPosition};

use super::ScratchDatabase;
use crate::facts::Failure;

/// Extensions that reach files, programs or other servers; they are not made by the superuser.
pub(crate) const REACHING: &[&str] = &["adminpack", "dblink", "file_fdw", "postgres_fdw", "xml2"];

/// Within a transaction a session hears of what others committed only when it locks a table anew;
/// the savepoint gives the lock back, so that the next time is anew too.
const NOTICE_OTHERS: &str = "savepoint howdah_look; select from pg_catalog.pg_roles limit 0; \
                             rollback to savepoint howdah_look; release savepoint howdah_look";

/// The counters of a transaction hold what earlier ones have not handed on yet; handed on, they
/// begin at zero.
const COUNT_ANEW: &str = "select pg_catalog.pg_stat_force_next_flush()";

/// A session as the owner of the scratch database.
pub(crate) struct Session<'a> {
    database: &'a ScratchDatabase,
    connection: Connection,
    in_transaction: bool,
}

impl<'a> Session<'a> {
    pub(crate) async fn open(database: &'a ScratchDatabase) -> Result<Self> {
        Ok(Self { database, connection: database.connect().await?, in_transaction: false })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) async fn close(self) {
        self.connection.close().await;
    }

    /// Begins a transaction, when none is open.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            let (counted, begun) = future::join(self.own(COUNT_ANEW), self.own("begin")).await;
            counted.and(begun)?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits, when a transaction is open; the failure is that of a deferred constraint.
    pub(crate) async fn commit(&mut self) -> Result<Option<Failure>> {
        if !std::mem::take(&mut self.in_transaction) {
            return Ok(None);
        }
        self.try_run("commit").await
    }

    /// Takes back what the open transaction did, when one is open.
    pub(crate) async fn roll_back(&mut self) -> Result<()> {
        if std::mem::take(&mut self.in_transaction) {
            self.own("rollback").await?;
        }
        Ok(())
    }

    /// Runs a statement under review; within a transaction it fails without taking the transaction
    /// with it. What stands around it is sent along, without waiting for answers between.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<Option<Failure>> {
        if !self.in_transaction {
            return self.try_run(sql).await;
        }
        let (saved, failure, released) = future::join3(
            self.own("savepoint howdah_step"),
            self.try_run(sql),
            self.own("release savepoint howdah_step"),
        )
        .await;
        saved?;
        let failure = failure?;
        if failure.is_none() {
            released?;
        } else {
            // In the transaction that failed the release was refused.
            let back = "rollback to savepoint howdah_step; release savepoint howdah_step";
            self.own(back).await?;
        }
        Ok(failure)
    }

    /// Runs a statement outside of any transaction; one that is open is committed before.
    pub(crate) async fn run_outside(&mut self, sql: &str) -> Result<Option<Failure>> {
        let was_open = self.in_transaction;
        self.commit().await?;
        let failure = self.try_run(sql).await?;
        if was_open {
            self.begin().await?;
        }
        Ok(failure)
    }

    /// Makes an extension as the superuser; false for one that reaches out of the database.
    pub(crate) async fn make_extension(&mut self, name: &str, sql: &str) -> Result<bool> {
        if REACHING.contains(&name) || name.ends_with('u') {
            return Ok(false);
        }
        let was_open = self.in_transaction;
        self.commit().await?;
        let admin = self.database.admin().await?;
        let made = admin.batch_execute(sql).await.is_ok();
        admin.close().await;
        if was_open {
            self.begin().await?;
        }
        Ok(made)
    }

    /// Makes a role that can do nothing, of which the owner is a member.
    pub(crate) async fn make_role(&mut self, role: &str) -> Result<()> {
        let admin = self.database.admin().await?;
        let (role, owner) = (Ident::new(role), Ident::new(self.database.owner()));
        // Another review on the same server may make the same role at this moment.
        let _ = admin.batch_execute(&format!("create role {role}")).await;
        let granted = admin.batch_execute(&format!("grant {role} to {owner}")).await;
        admin.close().await;
        granted.map_err(|error| from_pg("could not make a role on the scratch server", &error))?;
        if self.in_transaction {
            self.own(NOTICE_OTHERS).await?;
        }
        Ok(())
    }

    /// Gives the session back what a dump takes away, and keeps the limits of the session.
    pub(super) async fn set_back(&mut self) -> Result<()> {
        self.own("reset search_path; reset check_function_bodies; reset row_security").await
    }

    /// Makes a schema that the files take as given.
    pub(super) async fn make_schema(&mut self, name: &str) -> Result<()> {
        self.own(&format!("create schema if not exists {}", Ident::new(name))).await
    }

    /// Makes the schemas that the search path names.
    pub(super) async fn make_search_path(&mut self) -> Result<()> {
        let path = "select btrim(btrim(name), '\"') from pg_catalog.regexp_split_to_table( \
                    pg_catalog.current_setting('search_path'), ',') as names(name) \
                    where name !~ '[$]' and btrim(name) <> ''";
        let rows = self.connection.query_typed(path, &[]).await;
        let rows = rows.map_err(|error| from_pg("could not read the search path", &error))?;
        for row in rows {
            self.make_schema(row.get(0)).await?;
        }
        Ok(())
    }

    async fn try_run(&self, sql: &str) -> Result<Option<Failure>> {
        match self.connection.batch_execute(sql).await {
            Ok(()) => Ok(None),
            Err(error) => match error.as_db_error() {
                Some(db) if !self.connection.is_closed() => Ok(Some(failure(db, sql))),
                _ if sqlstate(&error).is_none() && !self.connection.is_closed() => {
                    Err(Error::internal("the scratch server gave an unexpected answer")
                        .source(error))
                }
                _ => Err(Error::new(
                    Kind::Unavailable,
                    "the scratch server ended during a statement",
                )
                .source(error)),
            },
        }
    }

    async fn own(&self, sql: &str) -> Result<()> {
        let done = self.connection.batch_execute(sql).await;
        done.map_err(|error| from_pg("could not run a statement on the scratch server", &error))
    }
}

fn failure(error: &DbError, sql: &str) -> Failure {
    let offset = match error.position() {
        // Characters from 1.
        Some(ErrorPosition::Original(at)) => {
            sql.char_indices().nth((*at as usize).saturating_sub(1)).map(|(byte, _)| byte)
        }
        _ => None,
    };
    Failure {
        hint: error.hint().map(ToOwned::to_owned),
        offset,
        ..Failure::new(error.code().code(), error.message())
    }
}
