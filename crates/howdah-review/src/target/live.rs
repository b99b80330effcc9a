//! A live database, read-only, on one connection.
//!
//! Nothing but catalogs and counters is read, never a row of a table. What the login may not see is
//! told as unseen; it never ends the review.

use std::time::Duration;

use howdah_catalog::{Catalog, Ident, RelName};
use howdah_error::Result;
use howdah_pg::{ConnectOptions, Connection, Limits, connect, from_pg, introspect, sqlstate};
use tokio_postgres::Row;

use super::{health, usage};
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
    let catalog = introspect(&connection).await?;
    let mut facts = Facts {
        target: format!("{} on {}", options.get_database(), options.get_host()),
        live: true,
        ..Facts::default()
    };
    let mut look = Look { connection: &connection, unseen: &mut facts.unseen };
    look.monitor(&catalog).await?;
    let rows = look.rows("definitions of functions", include_str!("live/functions.sql")).await?;
    facts.function_definitions = rows
        .iter()
        .map(|row| FunctionDefinition {
            name: RelName::new(row.get::<_, String>(0), row.get::<_, String>(1)),
            definition: row.get(2),
        })
        .collect();
    facts.in_use = Some(look.in_use(&catalog, &options).await?);
    facts.catalog = Some(catalog);
    facts.usage = usage::read(&connection).await?;
    connection.close().await;
    Ok(facts)
}

/// Queries that the login may lack the right for.
pub(super) struct Look<'a> {
    connection: &'a Connection,
    unseen: &'a mut Vec<Unseen>,
}

impl Look<'_> {
    /// The rows, or none and a note when the server refuses.
    pub(super) async fn rows(&mut self, what: &str, sql: &str) -> Result<Vec<Row>> {
        Ok(self.try_rows(what, sql).await?.unwrap_or_default())
    }

    /// The rows; `None` and a note when the server refuses.
    pub(super) async fn try_rows(&mut self, what: &str, sql: &str) -> Result<Option<Vec<Row>>> {
        match self.connection.query_typed(sql, &[]).await {
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

    async fn monitor(&mut self, catalog: &Catalog) -> Result<()> {
        let sql = "select pg_catalog.pg_has_role('pg_monitor', 'usage')";
        let rows = self.rows("rights of the login", sql).await?;
        let may = rows.first().is_some_and(|row| row.get(0));
        if !may && !catalog.server.is_superuser {
            let user = catalog.server.user.as_str();
            self.unseen.push(Unseen {
                what: "statements and statistics of other logins".to_owned(),
                why: format!("The login \"{user}\" is not a member of pg_monitor."),
            });
        }
        Ok(())
    }

    async fn in_use(&mut self, catalog: &Catalog, options: &ConnectOptions) -> Result<InUse> {
        let mut found = InUse::default();
        let mut here = false;
        let state = self.rows("state of the server", include_str!("live/state.sql")).await?;
        if let Some(row) = state.first() {
            found.xid_age = row.get(0);
            found.freeze_max_age = row.get(1);
            found.invalid_databases = row.get(2);
            found.pending_restart = row.get(3);
            found.assigned = row.get(4);
            here = row.get::<_, bool>(5) || options.is_unix_socket();
            found.memory = here.then(memory).flatten();
        }
        if found.memory.is_none() {
            self.unseen.push(Unseen {
                what: "memory of the server's machine".to_owned(),
                why: "The server is not on this machine.".to_owned(),
            });
        }
        let rows = self.rows("settings", SETTINGS).await?;
        found.settings = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        found.health = health::read(self, catalog, here).await?;
        let held = "replication slots and prepared transactions";
        for row in &self.rows(held, include_str!("live/slots.sql")).await? {
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
        let mappings = self.rows("user mappings", include_str!("live/mappings.sql")).await?;
        found.mappings_with_password =
            mappings.iter().map(|row| (row.get(0), row.get(1))).collect();
        let never = self.rows("materialized views", NEVER_FILLED).await?;
        let name = |row: &Row| RelName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        found.never_filled = never.iter().map(name).collect();
        let open = self.rows("default privileges", DEFAULT_PRIVILEGES).await?;
        found.default_privileges = open.iter().map(|row| (row.get(0), row.get(1))).collect();
        found.workload = self.workload(catalog).await?;
        Ok(found)
    }

    async fn workload(&mut self, catalog: &Catalog) -> Result<Option<Vec<WorkloadStatement>>> {
        let Some(extension) = catalog.extensions.get(&Ident::new("pg_stat_statements")) else {
            self.unseen.push(Unseen {
                what: "the statements that are run".to_owned(),
                why: "The extension pg_stat_statements is not in this database.".to_owned(),
            });
            return Ok(None);
        };
        let sql =
            include_str!("live/workload.sql").replace("%SCHEMA%", &extension.schema.to_string());
        let Some(rows) = self.try_rows("the statements that are run", &sql).await? else {
            return Ok(None);
        };
        let statements = rows.iter().map(|row| WorkloadStatement {
            query: row.get(0),
            calls: row.get(1),
            rows: row.get(2),
            total_ms: row.get(3),
            share: row.get(4),
            temporary_bytes: row.get(5),
            view: format!("{}.pg_stat_statements", extension.schema),
        });
        Ok(Some(statements.collect()))
    }
}

/// Bytes of memory of this machine.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
