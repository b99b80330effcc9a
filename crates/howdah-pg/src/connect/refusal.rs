//! Why a connection could not be had, as an error that says what to check.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use howdah_error::{Code, Error, Kind};
use tokio_postgres::error::DbError;

use crate::fault::from_pg;
use crate::options::ConnectOptions;

/// Whether a failed `prefer` connection deserves the plain attempt that libpq makes: the TLS
/// handshake failed, or `pg_hba.conf` refused the encrypted one (class 28).
pub(super) fn may_work_without_tls(error: &tokio_postgres::Error) -> bool {
    is_tls(error) || error.code().is_some_and(|state| state.code().starts_with("28"))
}

/// The driver keeps the kind of an error private, its text is the only mark.
fn is_tls(error: &tokio_postgres::Error) -> bool {
    error.to_string() == "error performing TLS handshake"
}

/// The server did not answer within `limit`.
pub(super) fn timed_out(options: &ConnectOptions, limit: Duration) -> Error {
    Error::new(Kind::Unavailable, "could not connect to PostgreSQL")
        .code(Code::CannotConnect)
        .detail(format!(
            "The server at {} did not answer within {} s.",
            options.address(),
            limit.as_secs_f32()
        ))
        .hint("Check host and port, the firewall, and that the server is not stuck.")
}

/// The error of a failed attempt to connect as `options` say.
pub(super) fn refused(options: &ConnectOptions, error: &tokio_postgres::Error) -> Error {
    if let Some(db) = error.as_db_error() {
        return refused_by_server(options, db, error);
    }
    if is_tls(error) {
        return tls_failed(options, error);
    }
    let cause = error.source().map(ToString::to_string);
    let text = error.to_string();
    if text == "authentication error" || text == "invalid configuration" {
        return Error::new(Kind::Refused, format!("cannot log in as \"{}\"", options.user))
            .code(Code::LoginRefused)
            .detail(format!(
                "The server at {} asked for a password or a method that cannot be given: {}.",
                options.address(),
                cause.unwrap_or(text)
            ))
            .hint("Check that the database URL has the right password.");
    }
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    Error::new(Kind::Unavailable, "could not connect to PostgreSQL")
        .code(Code::CannotConnect)
        .detail(format!(
            "The server at {} could not be reached: {}.",
            options.address(),
            cause.unwrap_or(text)
        ))
        .hint(what_to_check(options, io.map(io::Error::kind)))
}

fn what_to_check(options: &ConnectOptions, kind: Option<io::ErrorKind>) -> String {
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => format!(
            "Nothing listens at {}: check that the server runs, its port, and its \
             listen_addresses.",
            options.address()
        ),
        Some(io::ErrorKind::NotFound) if options.is_unix_socket() => {
            "There is no such socket: check that the server runs, its port, and its \
             unix_socket_directories."
                .to_owned()
        }
        Some(io::ErrorKind::PermissionDenied) => {
            "This user may not enter the socket's folder: check its permissions.".to_owned()
        }
        _ => "Check the host name, the port, the network, and that the server runs.".to_owned(),
    }
}

fn refused_by_server(
    options: &ConnectOptions,
    db: &DbError,
    error: &tokio_postgres::Error,
) -> Error {
    let state = db.code().code();
    let (kind, code, hint) = match state {
        "3D000" => (
            Kind::Refused,
            Code::CannotConnect,
            format!("Check the name, or create it: create database \"{}\".", options.database),
        ),
        "28P01" => (
            Kind::Refused,
            Code::LoginRefused,
            "Check user and password of the database URL.".to_owned(),
        ),
        _ if state.starts_with("28") => (
            Kind::Refused,
            Code::LoginRefused,
            "Check that the login exists and may log in, and the server's pg_hba.conf; hostssl \
             lines there need sslmode=require or stronger."
                .to_owned(),
        ),
        // What goes wrong within the server before the session began is nobody's mistake: on a full
        // disk it cannot write its cache of the catalog, say (XX000 "could not write init file").
        _ if state.starts_with("XX") || state.starts_with("58") => (
            Kind::Unavailable,
            Code::CannotConnect,
            "The server could not begin a session: see its log, and whether its disk is full."
                .to_owned(),
        ),
        _ => return from_pg("could not connect to PostgreSQL", error),
    };
    // The server's own words name login, database and host, and nothing secret.
    Error::new(kind, format!("could not connect to PostgreSQL: {}", db.message()))
        .code(code)
        .detail(format!("The server at {} answered with SQLSTATE {state}.", options.address()))
        .hint(hint)
}

fn tls_failed(options: &ConnectOptions, error: &tokio_postgres::Error) -> Error {
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let hint = if cause.contains("does not support TLS") {
        "Turn ssl on at the server, or use sslmode=prefer if the network is trusted."
    } else if cause.contains("not valid for name") {
        "Use the host name that the certificate names, or sslmode=verify-ca."
    } else {
        "Check that sslrootcert holds the authority that signed the server's certificate."
    };
    Error::new(Kind::Refused, "the TLS connection could not be made")
        .code(Code::TlsFailed)
        .detail(format!(
            "With sslmode={} at {}: {cause}.",
            options.ssl_mode.as_str(),
            options.address()
        ))
        .hint(hint)
}
