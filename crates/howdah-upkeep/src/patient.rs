//! Statements that wait for locks with patience, on the one connection that they have.

use std::fmt;
use std::time::Duration;

use howdah_error::{Code, Error, Kind};
use howdah_pg::{Classified, Fault, RetryPolicy, classify, from_pg, retry};
use tokio_postgres::Client;

/// An error on a connection that is not made anew: when it is lost, another attempt cannot succeed.
struct OnOneConnection(tokio_postgres::Error);

impl Classified for OnOneConnection {
    fn fault(&self) -> Fault {
        match classify(&self.0) {
            Fault::Reconnect => Fault::Other,
            fault => fault,
        }
    }
}

impl fmt::Display for OnOneConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As long as work waits for others.
const PATIENT: RetryPolicy = RetryPolicy {
    attempts: 60,
    total: Duration::from_secs(300),
    base: Duration::from_millis(50),
    cap: Duration::from_secs(5),
};
/// How long it asks so that nobody behind it waits for long either.
const GENTLE: RetryPolicy = RetryPolicy {
    attempts: 40,
    total: Duration::from_secs(20),
    base: Duration::from_millis(50),
    cap: Duration::from_millis(500),
};

/// Runs `sql` and asks again for a lock that is not to be had within `lock_timeout`, for up to five
/// minutes: a long query of somebody else delays the work and never queues others behind it.
pub(crate) async fn execute(
    client: &Client,
    what: &str,
    sql: &str,
) -> Result<(), tokio_postgres::Error> {
    retry(&PATIENT, what, async || client.batch_execute(sql).await.map_err(OnOneConnection))
        .await
        .map_err(|error| error.0)
}

/// The same as [`transaction`], but it waits 50 ms for a lock at first: batches that come behind it
/// wait no longer. Only when that does not help for twenty seconds, it waits as the session does.
pub(crate) async fn gently(
    client: &Client,
    what: &str,
    statements: &str,
) -> Result<(), tokio_postgres::Error> {
    let sql = format!(
        "rollback;\nbegin;\nset local statement_timeout = 0;\nset local lock_timeout = '50ms';\n\
         {statements};\ncommit"
    );
    let ran =
        retry(&GENTLE, what, async || client.batch_execute(&sql).await.map_err(OnOneConnection))
            .await;
    match ran {
        Err(error) if error.0.code().is_some_and(|state| state.code() == "55P03") => {
            transaction(client, what, statements).await
        }
        Err(error) => {
            let _ = client.batch_execute("rollback").await;
            Err(error.0)
        }
        Ok(()) => Ok(()),
    }
}

/// Runs `statements` as one transaction, with the patience of [`execute`]; it may take as long as
/// it takes.
pub(crate) async fn transaction(
    client: &Client,
    what: &str,
    statements: &str,
) -> Result<(), tokio_postgres::Error> {
    // A failed transaction is left first, so that each attempt is the same text.
    let sql = format!("rollback;\nbegin;\nset local statement_timeout = 0;\n{statements};\ncommit");
    let ran = execute(client, what, &sql).await;
    if ran.is_err() {
        let _ = client.batch_execute("rollback").await;
    }
    ran
}

/// The error of work that could not be done with all patience.
pub(crate) fn failed(what: &str, error: &tokio_postgres::Error) -> Error {
    let message = format!("could not {what}");
    let source = from_pg(&message, error);
    Error::new(Kind::Conflict, message).code(Code::StepFailed).source(source)
}
