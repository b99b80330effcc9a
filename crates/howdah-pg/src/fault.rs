//! What an error of PostgreSQL means: for the retry, and for the person who reads it.
//!
//! SQLSTATE codes and classes: PostgreSQL documentation, appendix A.

use std::error::Error as _;
use std::fmt::Write as _;

use howdah_error::{Code, Error, Kind};
use tokio_postgres::error::{DbError, SqlState};

/// What can be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A passing conflict: the same transaction on the same connection may succeed
    /// (40001, 40P01, 55P03, 53300).
    Retry,
    /// The connection is gone, or its server is going: a new one may succeed
    /// (class 08, 57P01, 57P02, 57P03, 57P05, 25P03, 25P04, a closed socket).
    Reconnect,
    /// A row is to blame (classes 22 and 23, P0001, 54000): it will fail again.
    Data,
    /// Anything else: trying again does not help.
    Other,
}

/// Something that knows which [`Fault`] it is.
pub trait Classified {
    /// The fault.
    fn fault(&self) -> Fault;
}

impl Classified for tokio_postgres::Error {
    fn fault(&self) -> Fault {
        classify(self)
    }
}

impl Classified for Error {
    /// [`Kind::Unavailable`] is worth another attempt, on a new connection; wrong input is data.
    /// A full or read-only database is left to the caller, who knows how long to wait for it.
    fn fault(&self) -> Fault {
        match self.kind() {
            Kind::Unavailable if self.get_code() == Some(Code::DatabaseFull) => Fault::Other,
            Kind::Unavailable => Fault::Reconnect,
            Kind::Input => Fault::Data,
            _ => Fault::Other,
        }
    }
}

/// The SQLSTATE that the server sent, if the error is the server's.
pub fn sqlstate(error: &tokio_postgres::Error) -> Option<&SqlState> {
    error.code()
}

/// The [`Fault`] that `error` is.
pub fn classify(error: &tokio_postgres::Error) -> Fault {
    if let Some(state) = error.code() {
        return classify_state(state.code());
    }
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>()).is_some();
    // The driver reports values that it cannot encode or decode as I/O errors of their own kinds.
    let text = error.to_string();
    let coding = text.starts_with("error parsing") || text.starts_with("error encoding");
    if error.is_closed() || (io && !coding) || text == "timeout waiting for server" {
        Fault::Reconnect
    } else {
        Fault::Other
    }
}

fn classify_state(state: &str) -> Fault {
    match state {
        "40001" | "40P01" | "55P03" | "53300" => Fault::Retry,
        // 25P03 and 25P04: the server ended a session that was idle in its transaction.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => Fault::Reconnect,
        "P0001" | "54000" => Fault::Data,
        _ if state.starts_with("08") => Fault::Reconnect,
        _ if state.starts_with("22") || state.starts_with("23") => Fault::Data,
        _ => Fault::Other,
    }
}

/// The error for a person; `context` says what was tried: "could not insert into \"trades\"".
///
/// It holds the server's message, the SQLSTATE and the names of what is concerned. The server's
/// DETAIL is kept only for classes where it names objects and processes, never rows, and values
/// that a message of class 22 quotes are left out.
pub fn from_pg(context: &str, error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(db) => from_server(context, db),
        None => from_driver(context, error),
    }
}

fn from_driver(context: &str, error: &tokio_postgres::Error) -> Error {
    let cause = error.source().map(ToString::to_string);
    if classify(error) == Fault::Reconnect {
        let mut sentence = "The connection to the server was lost".to_owned();
        if let Some(cause) = cause {
            let _ = write!(sentence, ": {cause}");
        }
        return Error::new(Kind::Unavailable, format!("{context}: {error}"))
            .code(Code::CannotConnect)
            .detail(format!("{sentence}."))
            .hint("Check that the server runs and the network holds; howdah connects anew.");
    }
    let error = Error::internal(format!("{context}: {error}"));
    match cause {
        Some(cause) => error.detail(format!("The driver says: {cause}.")),
        None => error,
    }
}

fn from_server(context: &str, db: &DbError) -> Error {
    let state = db.code().code();
    let (kind, code, hint) = advice(state);
    let mut error = Error::new(kind, format!("{context}: {}", safe_message(state, db.message())))
        .detail(concerned(db));
    if let Some(code) = code {
        error = error.code(code);
    }
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Kind, code and hint by SQLSTATE.
fn advice(state: &str) -> (Kind, Option<Code>, Option<&'static str>) {
    match state {
        "42501" => (
            Kind::Refused,
            Some(Code::MissingRight),
            Some(
                "Let the owner or a superuser grant it: grant PRIVILEGE on OBJECT to LOGIN, or \
                 make this login the owner.",
            ),
        ),
        "55P03" => (
            Kind::Unavailable,
            Some(Code::LockTimeout),
            Some("Look in pg_stat_activity and pg_locks for the transaction that holds the lock."),
        ),
        "53100" => (
            Kind::Unavailable,
            Some(Code::DatabaseFull),
            Some("Free space on the server's disk, or give it a larger one."),
        ),
        "25006" => (
            Kind::Unavailable,
            Some(Code::DatabaseFull),
            Some("The server is read-only: connect to the primary, or end the read-only mode."),
        ),
        "53000" | "53200" | "58030" => (
            Kind::Unavailable,
            Some(Code::DatabaseFull),
            Some("The server lacks memory or cannot read or write its disk: see its log."),
        ),
        "53300" => (
            Kind::Unavailable,
            Some(Code::CannotConnect),
            Some("Raise max_connections at the server, or lower the pool size."),
        ),
        // A server under load, or a lock held too long: it may pass.
        "57014" => (
            Kind::Unavailable,
            None,
            Some("It was cancelled, or statement_timeout is too short for this work."),
        ),
        _ => match classify_state(state) {
            Fault::Reconnect => (Kind::Unavailable, Some(Code::CannotConnect), None),
            Fault::Retry => (Kind::Unavailable, None, None),
            Fault::Data => (Kind::Input, None, None),
            Fault::Other => (Kind::Refused, None, None),
        },
    }
}

/// The message without the values that class 22 quotes (`invalid input syntax …: "secret"`).
fn safe_message(state: &str, message: &str) -> String {
    if !state.starts_with("22") {
        return message.to_owned();
    }
    let mut out = String::with_capacity(message.len());
    // A value may hold quotes itself, so everything from the first to the last one goes.
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            out.push_str(&message[..first]);
            out.push_str("\"…\"");
            out.push_str(&message[last + 1..]);
        }
        _ => out.push_str(message),
    }
    out
}

/// SQLSTATE and the names that the server gives, as sentences.
fn concerned(db: &DbError) -> String {
    let state = db.code().code();
    let mut out = format!("SQLSTATE {state}");
    for (what, name) in [
        ("schema", db.schema()),
        ("table", db.table()),
        ("column", db.column()),
        ("type", db.datatype()),
        ("constraint", db.constraint()),
    ] {
        if let Some(name) = name {
            let _ = write!(out, ", {what} \"{name}\"");
        }
    }
    out.push('.');
    let names_no_rows =
        ["08", "0A", "28", "2B", "3D", "40", "42", "53", "55", "57"].contains(&&state[..2]);
    if let Some(detail) = db.detail().filter(|_| names_no_rows) {
        let _ = write!(out, " {detail}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_classified() {
        for (states, fault) in [
            (&["40001", "40P01", "55P03", "53300"][..], Fault::Retry),
            (&["08006", "08P01", "57P01", "57P02", "57P03", "57P05", "25P03"], Fault::Reconnect),
            (&["22P02", "22003", "23505", "23514", "P0001", "54000"], Fault::Data),
            (&["42501", "42P01", "57014", "53100", "XX000", "25006", "0A000"], Fault::Other),
        ] {
            for state in states {
                assert_eq!(classify_state(state), fault, "{state}");
            }
        }
    }

    #[test]
    fn values_are_left_out_of_data_errors() {
        assert_eq!(
            safe_message("22P02", "invalid input syntax for type integer: \"se\"cr\"et\""),
            "invalid input syntax for type integer: \"…\""
        );
        assert_eq!(
            safe_message("22003", "value \"99999999999\" is out of range for type integer"),
            "value \"…\" is out of range for type integer"
        );
        assert_eq!(
            safe_message("42P01", "relation \"t\" does not exist"),
            "relation \"t\" does not exist"
        );
    }

    #[test]
    fn kinds_tell_the_fault_again() {
        let unavailable = Error::new(Kind::Unavailable, "x");
        assert_eq!(unavailable.fault(), Fault::Reconnect);
        assert_eq!(unavailable.code(Code::DatabaseFull).fault(), Fault::Other);
        assert_eq!(Error::input("x").fault(), Fault::Data);
        assert_eq!(Error::internal("x").fault(), Fault::Other);
    }
}
