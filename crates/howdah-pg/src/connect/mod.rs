//! One connection: reach the server, set the session up, drive it, cancel on it.

mod refusal;
mod tls;

use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use howdah_catalog::name::Literal;
use howdah_error::{Code, Error, Kind, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, CancelToken, Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use tls::tls_client;

use crate::fault::from_pg;
use crate::options::{ConnectOptions, Limits, SslMode};

/// The oldest server that howdah works with, as `server_version_num`.
pub const MIN_SERVER_VERSION_NUM: u32 = 150_000;

/// How long the network may swallow what was sent before a connection counts as dead.
const DEAD_PEER: Duration = Duration::from_secs(30);

/// Undoes what a previous user of a pooled session may have left: transaction, cursors, role,
/// settings, locks, listening, temporary tables. Prepared statements stay, the driver knows them.
const RESET: &str = "rollback; close all; set session authorization default; reset all; \
                     unlisten *; select pg_advisory_unlock_all(); discard temp; \
                     discard sequences;";

/// A connection with its session set up; dropping it ends its driver task and closes the socket.
pub struct Connection {
    client: Client,
    driver: Driver,
    tls: MakeRustlsConnect,
    setup: String,
    version_num: u32,
}

/// The task that moves bytes for a [`Client`]; it ends with its owner.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    /// The server's `server_version_num`, such as 150008.
    pub fn server_version_num(&self) -> u32 {
        self.version_num
    }

    /// A handle that can cancel what runs on this connection, from another task.
    pub fn canceller(&self) -> Canceller {
        Canceller { token: self.client.cancel_token(), tls: self.tls.clone() }
    }

    /// Says goodbye and waits until the socket is closed, at most one second.
    pub async fn close(self) {
        let Self { client, mut driver, .. } = self;
        // Without its client the driver sends Terminate and ends.
        drop(client);
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut driver.0).await;
    }

    /// Puts the session back to how [`connect`] made it; see [`RESET`].
    pub(crate) async fn reset(&self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(&format!("{RESET}{}", self.setup)).await
    }
}

impl Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("version_num", &self.version_num).finish_non_exhaustive()
    }
}

/// Cancels the statement that runs on one connection.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: MakeRustlsConnect,
}

impl Canceller {
    /// Asks the server to cancel; the statement then fails with 57014, unless it ended just before.
    pub async fn cancel(&self) -> Result<()> {
        self.token
            .cancel_query(self.tls.clone())
            .await
            .map_err(|error| from_pg("could not cancel the statement", &error))
    }
}

/// Connects, sets the session up, and checks that the server is PostgreSQL 15 or newer.
///
/// The session gets its settings by `set` rather than by start-up options, which PgBouncer
/// refuses: `application_name`, `timezone` UTC, `datestyle` ISO, `intervalstyle` postgres, the
/// three timeouts of the [`Limits`], `client_min_messages` warning. Everything together takes at
/// most `connect_timeout`.
///
/// Errors: HD0101 not reached, HD0102 login refused, HD0103 too old, HD0104 no right to connect,
/// HD0107 wrong options, HD0108 TLS.
pub async fn connect(options: &ConnectOptions) -> Result<Connection> {
    let limit = options.limits.connect_timeout;
    match tokio::time::timeout(limit, establish(options)).await {
        Ok(result) => result,
        Err(_) => Err(refusal::timed_out(options, limit)),
    }
}

async fn establish(options: &ConnectOptions) -> Result<Connection> {
    let tls = tls::connector(options)?;
    let mode = options.effective_ssl_mode();
    let first = match mode {
        SslMode::Disable => tokio_postgres::config::SslMode::Disable,
        SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            tokio_postgres::config::SslMode::Require
        }
    };
    let mut result = open(options, first, &tls).await;
    if let Err(error) = &result
        && mode == SslMode::Prefer
        && refusal::may_work_without_tls(error)
    {
        result = open(options, tokio_postgres::config::SslMode::Disable, &tls).await;
    }
    let (client, driver) = result.map_err(|error| refusal::refused(options, &error))?;
    let setup = session_setup(&options.application_name, &options.limits);
    let version_num = set_up(&client, &setup)
        .await
        .map_err(|error| from_pg("could not set the session up", &error))?;
    if version_num < MIN_SERVER_VERSION_NUM {
        return Err(too_old(options, version_num));
    }
    Ok(Connection { client, driver, tls, setup, version_num })
}

async fn open(
    options: &ConnectOptions,
    mode: tokio_postgres::config::SslMode,
    tls: &MakeRustlsConnect,
) -> Result<(Client, Driver), tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config
        .host(&options.host)
        .port(options.port)
        .user(&options.user)
        .dbname(&options.database)
        .ssl_mode(mode)
        .connect_timeout(options.limits.connect_timeout)
        .keepalives_idle(DEAD_PEER)
        .tcp_user_timeout(DEAD_PEER);
    if let Some(password) = &options.password {
        config.password(password);
    }
    let (client, connection) = config.connect(tls.clone()).await?;
    Ok((client, Driver(tokio::spawn(drive(connection)))))
}

/// Moves bytes until the connection ends, and logs what the server says unasked.
async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            // `rollback` in RESET outside a transaction warns each time; that is its normal case.
            Ok(AsyncMessage::Notice(notice))
                if *notice.code() == SqlState::NO_ACTIVE_SQL_TRANSACTION => {}
            Ok(AsyncMessage::Notice(notice)) => tracing::debug!(
                severity = notice.severity(),
                code = notice.code().code(),
                "{}",
                notice.message()
            ),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(
                    code = error.code().map(SqlState::code),
                    "the connection to PostgreSQL ended: {error}"
                );
                return;
            }
        }
    }
}

/// Everything howdah asks is short or bound by its rows: a compilation, which costs more where a
/// catalog of thousands of chunks makes an estimate large, is never earned back.
fn session_setup(application_name: &str, limits: &Limits) -> String {
    format!(
        "set application_name = {}; set timezone = 'UTC'; set datestyle = 'ISO, YMD'; \
         set intervalstyle = 'postgres'; set client_min_messages = 'warning'; set jit = off; \
         set statement_timeout = {}; set lock_timeout = {}; \
         set idle_in_transaction_session_timeout = {};",
        Literal(application_name),
        milliseconds(limits.statement_timeout),
        milliseconds(limits.lock_timeout),
        milliseconds(limits.idle_in_transaction_timeout),
    )
}

/// Whole milliseconds for a PostgreSQL timeout: at most its maximum, and never zero ("off") for
/// a duration that is not zero.
fn milliseconds(duration: Duration) -> i32 {
    let whole = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    if duration.is_zero() { 0 } else { whole.max(1) }
}

/// Runs the set-up in one round trip; gives `server_version_num`.
async fn set_up(client: &Client, setup: &str) -> Result<u32, tokio_postgres::Error> {
    let answers = client.simple_query(&format!("{setup} show server_version_num")).await?;
    let version = answers.iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    // A server that does not tell is treated as too old.
    Ok(version.unwrap_or(0))
}

fn too_old(options: &ConnectOptions, version_num: u32) -> Error {
    Error::new(Kind::Refused, "the server is too old")
        .code(Code::ServerTooOld)
        .detail(format!(
            "The server at {} is PostgreSQL {}.{}; howdah needs 15 or newer.",
            options.address(),
            version_num / 10_000,
            version_num % 10_000
        ))
        .hint("Upgrade the server, or name another one.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_whole_milliseconds_and_never_off_by_rounding() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_micros(1)), 1);
        assert_eq!(milliseconds(Duration::from_secs(3)), 3000);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX);
    }

    #[test]
    fn names_are_quoted_in_the_set_up() {
        let setup = session_setup("it's \\ howdah", &Limits::default());
        assert!(setup.starts_with("set application_name = E'it''s \\\\ howdah';"), "{setup}");
    }

    #[test]
    fn an_old_server_is_named() {
        let options = ConnectOptions::new("db", 5432, "u", "d");
        let error = too_old(&options, 140_011);
        assert_eq!(error.get_code(), Some(Code::ServerTooOld));
        assert!(error.get_detail().is_some_and(|d| d.contains("PostgreSQL 14.11")), "{error:?}");
    }
}
