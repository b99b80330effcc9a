//! A live database, read-only, on one connection.

use std::time::Duration;

use howdah_error::Result;
use howdah_pg::{ConnectOptions, Limits, connect, from_pg, introspect};

use super::usage;
use crate::facts::{Facts, Unseen};

/// No query of ours may take longer.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Nor wait longer for a lock; we must never be what others queue behind.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

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
    let monitor = connection
        .query_one("select pg_catalog.pg_has_role('pg_monitor', 'usage')", &[])
        .await
        .map_err(|error| from_pg("could not read the rights of the login", &error))?;
    let mut facts = Facts {
        target: format!("{} on {}", options.get_database(), options.get_host()),
        live: true,
        ..Facts::default()
    };
    if !monitor.get::<_, bool>(0) && !catalog.server.is_superuser {
        facts.unseen.push(Unseen {
            what: "statistics of other logins".to_owned(),
            why: format!(
                "The login \"{}\" is not a member of pg_monitor.",
                catalog.server.user.as_str()
            ),
        });
    }
    facts.catalog = Some(catalog);
    facts.usage = usage::read(&connection).await?;
    connection.close().await;
    Ok(facts)
}
