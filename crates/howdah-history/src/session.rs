//! Statements and transactions of this crate.

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{from_pg, sqlstate};
use tokio_postgres::Client;

/// What a transaction that folds needs: time, memory for sorting one key's rows at a time, a plan
/// for all rows of a cursor, and texts that mean the same to everybody.
const SETTINGS: &str = "set local statement_timeout = 0; set local cursor_tuple_fraction = 1; \
     set local work_mem = '64MB'; set local timezone = 'UTC'; \
     set local datestyle = 'ISO'; set local intervalstyle = 'postgres'; \
     set local extra_float_digits = 1; set local default_toast_compression = 'pglz'";

/// Begins a transaction that reads one moment.
pub(crate) async fn begin(client: &Client) -> Result<()> {
    run(client, "could not begin a fold", "begin isolation level repeatable read").await?;
    run(client, "could not begin a fold", SETTINGS).await
}

/// Begins a transaction in which each statement sees what was committed before it.
pub(crate) async fn begin_read_committed(client: &Client) -> Result<()> {
    run(client, "could not begin", "begin isolation level read committed").await?;
    run(client, "could not begin", SETTINGS).await
}

/// Ends the transaction with `result`: commits what is fine, takes back what is not.
pub(crate) async fn end<T>(client: &Client, result: Result<T>) -> Result<T> {
    match result {
        Ok(value) => {
            run(client, "could not commit", "commit").await?;
            Ok(value)
        }
        Err(error) => {
            // Its error would tell nothing that the first one does not.
            let _ = client.batch_execute("rollback").await;
            Err(error)
        }
    }
}

/// Fails when this is a session of upkeep that has another owner by now; until the transaction ends
/// nobody else can take the upkeep. To be called before what is changed for upkeep is committed.
pub(crate) async fn hold(client: &Client) -> Result<()> {
    match client.batch_execute("select howdah.hold_upkeep()").await {
        Ok(()) => Ok(()),
        Err(error) if state(&error) == Some("HD407") => {
            Err(Error::new(Kind::Conflict, "the upkeep has another owner")
                .code(Code::UpkeepTaken)
                .detail("What this process had begun was taken back."))
        }
        Err(error) => Err(from_pg("could not hold the upkeep", &error)),
    }
}

/// Runs statements.
pub(crate) async fn run(client: &Client, context: &str, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| from_pg(context, &error))
}

/// Whether a statement failed by a value that a code cannot keep: class 22 (data), or a type's
/// refusal to be cast.
pub(crate) fn is_misfit(error: &tokio_postgres::Error) -> bool {
    state(error).is_some_and(|state| state.starts_with("22") || state == "0A000")
}

/// The SQLSTATE of an error of the server.
pub(crate) fn state(error: &tokio_postgres::Error) -> Option<&str> {
    sqlstate(error).map(tokio_postgres::error::SqlState::code)
}

/// Whether a lock was not to be had in time.
pub(crate) fn is_locked(error: &tokio_postgres::Error) -> bool {
    state(error) == Some("55P03")
}

/// An error of a state that cannot be.
pub(crate) fn lost(what: &str) -> Error {
    Error::internal(format!("{what}; nothing was changed"))
}
