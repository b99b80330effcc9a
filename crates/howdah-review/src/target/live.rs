//! A live database, read-only, on one connection.
//!
//! Nothing but catalogs and counters is read, never a row of a table. What the login may not see is
//! told as unseen; it never ends the review.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::future::{join_all, try_join};
use howdah_catalog::{Catalog, Ident, RelName};
use howdah_error::{Error, Kind, Result};
use howdah_pg::server::memory_bytes;
use howdah_pg::{ConnectOptions, Connection, Limits, connect, from_pg, introspect, sqlstate};
use tokio_postgres::Row;

use super::{health, usage};
use crate::build;
use crate::facts::{Facts, FunctionDefinition, InUse, Prepared, Unseen, WorkloadStatement};

/// No query of ours may take longer.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Nor wait longer for a lock; we must never be what others queue behind.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Values of settings that a new session gets; our own session has other timeouts.
const SETTINGS: &str = "select name, reset_val from pg_catalog.pg_settings \
     where name not in ('primary_conninfo', 'ssl_passphrase_command') and reset_val is not null";

/// Materialized views without content.
const NEVER_FILLED: &str = "select n.nspname::text, c.relname::text from pg_catalog.pg_class c \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where c.relkind = 'm' and not c.relispopulated order by 1, 2";

/// What everybody will have on tables that are not made yet.
const DEFAULT_PRIVILEGES: &str = "select pg_catalog.pg_get_userbyid(d.defaclrole)::text, \
     pg_catalog.lower(pg_catalog.string_agg(distinct a.privilege_type, ', ')) \
     from pg_catalog.pg_default_acl d cross join pg_catalog.aclexplode(d.defaclacl) a \
     where d.defaclobjtype = 'r' and a.grantee = 0 group by 1 order by 1";

/// Whether the login sees others, and where the statements that are run are kept.
const FIRST: &str = "select pg_catalog.pg_has_role('pg_monitor', 'usage'), \
     pg_catalog.current_setting('server_version_num')::int8, \
     (select n.nspname::text from pg_catalog.pg_extension e \
      join pg_catalog.pg_namespace n on n.oid = e.extnamespace \
      where e.extname = 'pg_stat_statements')";

/// Reads the catalog, with what the login may see of it.
pub(super) async fn read(options: &ConnectOptions) -> Result<Facts> {
    let limits = Limits {
        statement_timeout: STATEMENT_TIMEOUT,
        lock_timeout: LOCK_TIMEOUT,
        ..*options.get_limits()
    };
    let options = options.clone().limits(limits).application_name("howdah review");
    let connection = connect(&options).await?;
    let read_only = connection.batch_execute("set default_transaction_read_only to on").await;
    read_only.map_err(|error| from_pg("could not make the session read-only", &error))?;
    let mut facts = Facts {
        target: format!("{} on {}", options.get_database(), options.get_host()),
        live: true,
        ..Facts::default()
    };
    let mut look = Look { connection: &connection, unseen: &mut facts.unseen };
    let first = look.rows("rights of the login", FIRST).await?;
    let Some(first) = first.first() else {
        return Err(Error::new(Kind::Unavailable, "the server does not answer"));
    };
    let asked = Asked::new(first.get(1), first.get(2));
    // All are on their way before the first is answered: the server works on one while the answer
    // to another is read, and the catalog's transaction comes behind them.
    let (answers, catalog) = try_join(asked.all(&mut look), introspect(&connection)).await?;
    monitor(&mut facts, first.get(0), &catalog);
    decode(&mut facts, answers, &catalog, &options);
    facts.catalog = Some(catalog);
    connection.close().await;
    Ok(facts)
}

/// The queries, each with what it tells, for people.
struct Asked {
    queries: Vec<(&'static str, Cow<'static, str>)>,
}

/// The answers, in the order of the questions.
pub(super) type Answers = std::vec::IntoIter<Option<Vec<Row>>>;

impl Asked {
    fn new(version: i64, statements: Option<String>) -> Self {
        let mut queries: Vec<(&'static str, Cow<'static, str>)> = vec![
            ("definitions of functions", include_str!("live/functions.sql").into()),
            ("what is published", build::PUBLISHED.into()),
            ("state of the server", include_str!("live/state.sql").into()),
            ("settings", SETTINGS.into()),
            ("replication slots and prepared transactions", include_str!("live/slots.sql").into()),
            ("user mappings", include_str!("live/mappings.sql").into()),
            ("materialized views", NEVER_FILLED.into()),
            ("default privileges", DEFAULT_PRIVILEGES.into()),
        ];
        queries.extend(health::queries(version));
        queries.extend(usage::queries());
        if let Some(schema) = statements {
            let schema = Ident::new(schema);
            let sql = include_str!("live/workload.sql").replace("%SCHEMA%", &schema.to_string());
            queries.push(("the statements that are run", sql.into()));
        }
        Self { queries }
    }

    /// Asks all; what the server refuses is `None` and a note.
    async fn all(&self, look: &mut Look<'_>) -> Result<Answers> {
        let connection = look.connection;
        let asked = self.queries.iter().map(|(_, sql)| connection.query_typed(sql, &[]));
        let answers = join_all(asked).await;
        let mut taken = Vec::with_capacity(answers.len());
        for ((what, _), answer) in self.queries.iter().zip(answers) {
            taken.push(look.take(what, answer)?);
        }
        Ok(taken.into_iter())
    }
}

/// The rows of the next answer; none when it was refused.
pub(super) fn rows(answers: &mut Answers) -> Vec<Row> {
    answers.next().flatten().unwrap_or_default()
}

/// What the login may ask.
struct Look<'a> {
    connection: &'a Connection,
    unseen: &'a mut Vec<Unseen>,
}

impl Look<'_> {
    /// The rows, or none and a note when the server refuses.
    async fn rows(&mut self, what: &str, sql: &str) -> Result<Vec<Row>> {
        let answer = self.connection.query_typed(sql, &[]).await;
        Ok(self.take(what, answer)?.unwrap_or_default())
    }

    /// The rows; `None` and a note when the server refused.
    fn take(
        &mut self,
        what: &str,
        answer: std::result::Result<Vec<Row>, tokio_postgres::Error>,
    ) -> Result<Option<Vec<Row>>> {
        match answer {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if sqlstate(&error).is_some() && !self.connection.is_closed() => {
                let why = error.as_db_error().map_or("", |db| db.message());
                self.unseen.push(Unseen {
                    what: what.to_owned(),
                    why: format!("The server answered: {why}."),
                });
                Ok(None)
            }
            Err(error) => Err(from_pg("could not read the database", &error)),
        }
    }
}

fn monitor(facts: &mut Facts, may: bool, catalog: &Catalog) {
    if !may && !catalog.server.is_superuser {
        let user = catalog.server.user.as_str();
        facts.unseen.push(Unseen {
            what: "statements and statistics of other logins".to_owned(),
            why: format!("The login \"{user}\" is not a member of pg_monitor."),
        });
    }
}

/// Takes the answers in the order in which they were asked for.
fn decode(facts: &mut Facts, mut answers: Answers, catalog: &Catalog, options: &ConnectOptions) {
    let answers = &mut answers;
    let name = |row: &Row| RelName::new(row.get::<_, String>(0), row.get::<_, String>(1));
    facts.function_definitions = rows(answers)
        .iter()
        .map(|row| FunctionDefinition { name: name(row), definition: row.get(2) })
        .collect();
    facts.published = rows(answers).iter().map(name).collect();
    let mut found = InUse::default();
    let mut here = false;
    if let Some(row) = rows(answers).first() {
        found.xid_age = row.get(0);
        found.freeze_max_age = row.get(1);
        found.invalid_databases = row.get(2);
        found.pending_restart = row.get(3);
        found.assigned = row.get(4);
        here = row.get::<_, bool>(5) || options.is_unix_socket();
        found.memory = here.then(|| memory_bytes("MemTotal")).flatten();
    }
    if found.memory.is_none() {
        facts.unseen.push(Unseen {
            what: "memory of the server's machine".to_owned(),
            why: "The server is not on this machine.".to_owned(),
        });
    }
    found.settings = rows(answers).iter().map(|row| (row.get(0), row.get(1))).collect();
    for row in &rows(answers) {
        let (name, about, amount): (String, String, i64) = (row.get(1), row.get(2), row.get(3));
        match row.get::<_, String>(0).as_str() {
            "slot" => found.slots.push((name, about == "true", amount)),
            _ => found.prepared.push(Prepared {
                name,
                owner: about,
                seconds: amount,
                age: row.get(4),
            }),
        }
    }
    let pairs = |rows: Vec<Row>| rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    found.mappings_with_password = pairs(rows(answers));
    found.never_filled = rows(answers).iter().map(name).collect();
    found.default_privileges = pairs(rows(answers));
    found.health = health::decode(answers, here);
    facts.usage = usage::decode(answers);
    found.workload = workload(facts, answers, catalog);
    facts.in_use = Some(found);
}

fn workload(
    facts: &mut Facts,
    answers: &mut Answers,
    catalog: &Catalog,
) -> Option<Vec<WorkloadStatement>> {
    let Some(extension) = catalog.extensions.get(&Ident::new("pg_stat_statements")) else {
        facts.unseen.push(Unseen {
            what: "the statements that are run".to_owned(),
            why: "The extension pg_stat_statements is not in this database.".to_owned(),
        });
        return None;
    };
    let rows = answers.next().flatten()?;
    let statements = rows.iter().map(|row| WorkloadStatement {
        query: row.get(0),
        calls: row.get(1),
        rows: row.get(2),
        total_ms: row.get(3),
        share: row.get(4),
        temporary_bytes: row.get(5),
        view: format!("{}.pg_stat_statements", extension.schema),
    });
    Some(statements.collect())
}
