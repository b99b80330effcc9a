//! The server: connecting, what it says of a stream and of itself, what its errors mean.

use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind, Value};

use super::continuity::Info;
use super::id::Id;
use crate::batch::Position;

/// How long one XREAD waits for entries.
pub(super) const BLOCK: Duration = Duration::from_secs(1);
/// How long a reply may take beyond that before the connection counts as dead.
const REPLY: Duration = Duration::from_secs(10);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A client by a URL, which no message repeats.
pub(super) fn client(url: &str) -> Result<Client> {
    Client::open(url).map_err(|error| {
        // The crate's own message may quote the URL, which may hold a password.
        let hint = if url.starts_with("rediss:") && error.kind() == ErrorKind::InvalidClientConfig {
            "TLS to Redis (rediss://) is not built in yet; use redis:// or a local tunnel."
        } else {
            "A URL looks like redis://user:password@host:6379/0."
        };
        Error::input("the URL of the Redis server cannot be used")
            .code(Code::SourceFailed)
            .hint(hint)
    })
}

/// A connection of its own: a blocking read must not hold up anything else.
pub(super) async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(BLOCK + REPLY));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// What XINFO STREAM says of a stream.
pub(super) async fn info(
    connection: &mut MultiplexedConnection,
    key: &str,
) -> Result<Info, RedisError> {
    let reply = redis::cmd("XINFO").arg("STREAM").arg(key).query_async::<Value>(connection).await;
    let reply = match reply {
        Err(error) if error.detail().is_some_and(|detail| detail.contains("no such key")) => {
            return Ok(Info::default());
        }
        other => other?,
    };
    let mut info = Info::default();
    let Some(pairs) = reply.as_map_iter() else { return Ok(info) };
    for (name, value) in pairs {
        let Value::BulkString(name) = name else { continue };
        match (name.as_slice(), value) {
            (b"length", Value::Int(length)) => info.length = *length as u64,
            (b"entries-added", Value::Int(added)) => info.added = Some(*added as u64),
            (b"last-generated-id", id) => info.last = id_of(id).unwrap_or_default(),
            (b"first-entry", Value::Array(parts)) => info.first = parts.first().and_then(id_of),
            (b"last-entry", Value::Array(parts)) => info.newest = parts.first().and_then(id_of),
            _ => {}
        }
    }
    Ok(info)
}

fn id_of(value: &Value) -> Option<Id> {
    match value {
        Value::BulkString(id) => std::str::from_utf8(id).ok().and_then(Id::parse),
        _ => None,
    }
}

/// Which run of the server this is (`run_id` of INFO server); `None` when the user may not ask.
pub(super) async fn incarnation(
    connection: &mut MultiplexedConnection,
) -> Result<Option<String>, RedisError> {
    match redis::cmd("INFO").arg("server").query_async::<String>(connection).await {
        Ok(text) => {
            let run = text.lines().find_map(|line| line.trim_end().strip_prefix("run_id:"));
            Ok(run.map(str::to_owned))
        }
        Err(error) if passing(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether an entry is still there.
pub(super) async fn holds(
    connection: &mut MultiplexedConnection,
    key: &str,
    id: Id,
) -> Result<bool, RedisError> {
    let id = id.to_string();
    let mut range = redis::cmd("XRANGE");
    let reply = range.arg(&[key, &id, &id]).query_async::<Value>(connection).await?;
    Ok(matches!(reply, Value::Array(entries) if !entries.is_empty()))
}

/// How many entries stand behind a committed position of which `events` entries are committed.
pub(in crate::source) async fn lag(
    url: &str,
    key: &str,
    position: Option<&Position>,
    events: u64,
) -> Result<Option<u64>> {
    let client = client(url)?;
    let describe = |error| describe(key, error);
    let mut connection = connect(&client).await.map_err(describe)?;
    let info = info(&mut connection, key).await.map_err(describe)?;
    let committed = position.and_then(|position| Id::parse(&position.0)).unwrap_or_default();
    Ok(if info.last <= committed {
        Some(0)
    } else if info.first.is_some_and(|first| first > committed) {
        Some(info.length)
    } else {
        // Counting the entries behind an id would mean to read them.
        info.added.and_then(|added| added.checked_sub(events)).map(|lag| lag.min(info.length))
    })
}

/// Whether the server is away or not ready, so that trying again may help.
pub(super) fn passing(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ClusterDown
            )
        )
}

/// The error for what a stream gives that it should not.
pub(super) fn failed(kind: Kind, key: &str, why: &str) -> Error {
    Error::new(kind, format!("could not read Redis stream \"{key}\""))
        .code(Code::SourceFailed)
        .detail(format!("{}{}.", why[..1].to_uppercase(), &why[1..]))
}

/// What an error of the server means for people.
pub(super) fn describe(key: &str, error: RedisError) -> Error {
    let code = error.code().unwrap_or_default().to_owned();
    let (kind, why, hint) = match code.as_str() {
        "WRONGTYPE" => (
            Kind::Conflict,
            "the key holds another type of value than a stream",
            "Check `stream` in the system file, and with `TYPE` what the key holds.",
        ),
        "NOAUTH" | "WRONGPASS" => (
            Kind::Refused,
            "the server asks for a password, or refused the one given",
            "Put user and password into the URL that `url` refers to.",
        ),
        "NOPERM" => (
            Kind::Refused,
            "the user may not run XREAD, XRANGE and XINFO on the key",
            "Grant it: `ACL SETUSER … ~key +xread +xrange +xinfo +info`.",
        ),
        _ if error.kind() == ErrorKind::AuthenticationFailed => (
            Kind::Refused,
            "the server refused the login",
            "Check user and password in the URL that `url` refers to.",
        ),
        _ if passing(&error) => {
            (Kind::Unavailable, "the server could not be reached", "Check that Redis runs.")
        }
        _ => (Kind::Refused, "the server refused the command", "Redis 5.0 or newer is needed."),
    };
    failed(kind, key, why).hint(hint).source(error)
}
