//! What was applied: sqlx's table, and beside it what howdah needs to know more.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use howdah_catalog::name::RelName;
use howdah_error::Result;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

use super::{Direction, Migration};
use crate::fault::from_pg;

/// sqlx's table of applied migrations; both tools read and write it.
const HISTORY: &str = "_sqlx_migrations";
/// howdah's table beside it: the applied text and the progress of files outside transactions.
const PROGRESS: &str = "_howdah_migrations";

/// The two tables, by schema.
#[derive(Debug, Clone)]
pub(super) struct History {
    history: RelName,
    progress: RelName,
}

/// A migration that the history knows.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub(super) description: String,
    pub(super) at: SystemTime,
    pub(super) success: bool,
    pub(super) checksum: Vec<u8>,
    pub(super) progress: Option<Progress>,
}

/// What howdah knows beyond sqlx.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// The text of the file that was or is being applied.
    pub(super) sql: String,
    pub(super) direction: Direction,
    /// Statements that are done, counted from the first.
    pub(super) done: usize,
    /// The statement behind them was sent and no answer was recorded.
    pub(super) in_flight: bool,
}

impl History {
    /// Finds the tables as sqlx would: by the session's search path. `None` when there is none.
    pub(super) async fn find(client: &Client) -> Result<Option<Self>> {
        let found = client
            .query_typed(
                "select n.nspname::text from pg_catalog.pg_class c \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 where c.oid = pg_catalog.to_regclass($1)",
                &[(&HISTORY, Type::TEXT)],
            )
            .await;
        match found.and_then(|rows| rows.first().map(|row| row.try_get(0)).transpose()) {
            Ok(schema) => Ok(schema.map(Self::in_schema)),
            Err(error) => Err(failed(&error)),
        }
    }

    fn in_schema(schema: String) -> Self {
        let history = RelName::new(schema.as_str(), HISTORY);
        Self { history, progress: RelName::new(schema, PROGRESS) }
    }

    /// Finds the tables or makes them in the current schema.
    pub(super) async fn ensure(client: &Client) -> Result<Self> {
        let found = if let Some(found) = Self::find(client).await? {
            found
        } else {
            let sql = "select coalesce(current_schema(), 'public')::text";
            let rows = client.query_typed(sql, &[]).await;
            let schema = rows.and_then(|rows| {
                rows.first().map_or(Ok("public".to_owned()), |row| row.try_get(0))
            });
            Self::in_schema(schema.map_err(|error| failed(&error))?)
        };
        let Self { history, progress } = &found;
        let sql = format!(
            "set local client_min_messages to warning; \
             create table if not exists {history} (\
               version bigint primary key, description text not null, \
               installed_on timestamptz not null default now(), success boolean not null, \
               checksum bytea not null, execution_time bigint not null); \
             create table if not exists {progress} (\
               version bigint primary key, sql text not null, direction text not null, \
               done integer not null, in_flight boolean not null, \
               updated_at timestamptz not null default now())"
        );
        client.batch_execute(&sql).await.map_err(|error| failed(&error))?;
        Ok(found)
    }

    /// Everything that the history knows, by version.
    pub(super) async fn read(&self, client: &Client) -> Result<BTreeMap<i64, Applied>> {
        self.try_read(client).await.map_err(|error| failed(&error))
    }

    async fn try_read(&self, client: &Client) -> Result<BTreeMap<i64, Applied>, Error> {
        let known = client
            .query_typed(
                "select pg_catalog.to_regclass($1) is not null",
                &[(&self.progress.to_string(), Type::TEXT)],
            )
            .await?;
        let known = known.first().map_or(Ok(false), |row| row.try_get::<_, bool>(0))?;
        let extra = if known {
            format!("left join {} p using (version)", self.progress)
        } else {
            // A history that sqlx alone has kept.
            "cross join (select null::text as sql, null::text as direction, null::int as done, \
             null::boolean as in_flight) p"
                .to_owned()
        };
        let sql = format!(
            "select h.version, h.description, h.installed_on, h.success, h.checksum, \
                    p.sql, p.direction, p.done, p.in_flight \
             from {} h {extra} order by h.version",
            self.history
        );
        let rows = client.query_typed(&sql, &[]).await?;
        rows.iter().map(|row| Ok((row.try_get("version")?, applied(row)?))).collect()
    }

    /// SQL that records an applied file; part of the file's own transaction.
    pub(super) async fn insert(
        &self,
        client: &Client,
        migration: &Migration,
        success: bool,
        elapsed: Duration,
    ) -> Result<(), Error> {
        let Migration { version, description, up, .. } = migration;
        let nanoseconds = i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX);
        let sql = format!(
            "insert into {} (version, description, success, checksum, execution_time) \
             values ($1, $2, $3, $4, $5)",
            self.history
        );
        let checksum = up.checksum();
        client
            .execute_typed(
                &sql,
                &[
                    (version, Type::INT8),
                    (description, Type::TEXT),
                    (&success, Type::BOOL),
                    (&checksum, Type::BYTEA),
                    (&nanoseconds, Type::INT8),
                ],
            )
            .await?;
        Ok(())
    }

    /// Records that a file outside a transaction has ended well.
    pub(super) async fn succeed(
        &self,
        client: &Client,
        migration: &Migration,
        elapsed: Duration,
    ) -> Result<(), Error> {
        let nanoseconds = i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX);
        let sql = format!(
            "update {} set success = true, checksum = $2, execution_time = $3 where version = $1",
            self.history
        );
        let checksum = migration.up.checksum();
        client
            .execute_typed(
                &sql,
                &[
                    (&migration.version, Type::INT8),
                    (&checksum, Type::BYTEA),
                    (&nanoseconds, Type::INT8),
                ],
            )
            .await?;
        Ok(())
    }

    /// Marks a version as neither applied nor not: sqlx refuses to work until it is cleared.
    pub(super) async fn mark_dirty(&self, client: &Client, version: i64) -> Result<(), Error> {
        let sql = format!("update {} set success = false where version = $1", self.history);
        client.execute_typed(&sql, &[(&version, Type::INT8)]).await.map(|_| ())
    }

    /// Keeps the text and the progress of a version.
    pub(super) async fn put_progress(
        &self,
        client: &Client,
        version: i64,
        progress: &Progress,
    ) -> Result<(), Error> {
        let done = i32::try_from(progress.done).unwrap_or(i32::MAX);
        let sql = format!(
            "insert into {} (version, sql, direction, done, in_flight) values ($1, $2, $3, $4, $5) \
             on conflict (version) do update set sql = excluded.sql, \
             direction = excluded.direction, done = excluded.done, \
             in_flight = excluded.in_flight, updated_at = now()",
            self.progress
        );
        client
            .execute_typed(
                &sql,
                &[
                    (&version, Type::INT8),
                    (&progress.sql, Type::TEXT),
                    (&progress.direction.as_str(), Type::TEXT),
                    (&done, Type::INT4),
                    (&progress.in_flight, Type::BOOL),
                ],
            )
            .await?;
        Ok(())
    }

    /// Forgets a version that was reverted.
    pub(super) async fn delete(&self, client: &Client, version: i64) -> Result<(), Error> {
        for table in [&self.history, &self.progress] {
            let sql = format!("delete from {table} where version = $1");
            client.execute_typed(&sql, &[(&version, Type::INT8)]).await?;
        }
        Ok(())
    }
}

fn applied(row: &Row) -> Result<Applied, Error> {
    let sql: Option<String> = row.try_get("sql")?;
    let progress = match sql {
        Some(sql) => Some(Progress {
            sql,
            direction: Direction::read(&row.try_get::<_, String>("direction")?),
            done: usize::try_from(row.try_get::<_, i32>("done")?).unwrap_or(0),
            in_flight: row.try_get("in_flight")?,
        }),
        None => None,
    };
    Ok(Applied {
        description: row.try_get("description")?,
        at: row.try_get("installed_on")?,
        success: row.try_get("success")?,
        checksum: row.try_get("checksum")?,
        progress,
    })
}

pub(super) fn failed(error: &Error) -> howdah_error::Error {
    from_pg("could not read or write the history of migrations", error)
}
