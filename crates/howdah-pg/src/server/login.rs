//! The plain login of a private server, and its database.

use howdah_catalog::name::{Ident, Literal};
use howdah_error::Result;

use crate::connect::connect;
use crate::fault::from_pg;
use crate::options::ConnectOptions;

/// Login and database have this name.
pub(super) const NAME: &str = "howdah";

/// Creates login and database unless they are there: neither superuser nor past row security, so
/// that howdah works for others as it does here.
pub(super) async fn ensure(admin: &ConnectOptions, password: &str) -> Result<()> {
    let connection = connect(admin).await?;
    let failed = |error| from_pg("could not create the login of the private server", &error);
    let row = connection
        .query_one(
            "select exists (select from pg_catalog.pg_roles where rolname = $1), \
             exists (select from pg_catalog.pg_database where datname = $1)",
            &[&NAME],
        )
        .await
        .map_err(failed)?;
    let (has_role, has_database): (bool, bool) = (row.get(0), row.get(1));
    let name = Ident::new(NAME);
    if !has_role {
        // The login is called like howdah's own schema, which "$user" in the default search path
        // would put before the user's.
        let sql = format!(
            "create role {name} login nosuperuser nobypassrls createrole password {}; \
             alter role {name} set search_path = public",
            Literal(password)
        );
        connection.batch_execute(&sql).await.map_err(failed)?;
    }
    if !has_database {
        let sql = format!("create database {name} owner {name}");
        connection.batch_execute(&sql).await.map_err(failed)?;
    }
    connection.close().await;
    Ok(())
}
