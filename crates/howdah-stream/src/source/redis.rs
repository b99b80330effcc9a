//! Redis Streams: plain XREAD from the committed id, never a consumer group.
//!
//! A group's own memory of what was delivered cannot be committed together with the rows
//! (<https://redis.io/docs/latest/develop/data-types/streams/>: no exactly-once); the id that
//! PostgreSQL holds can.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::RetryPolicy;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind, Value};

use crate::batch::Position;
use crate::raw::{Body, Raw};

/// How long one XREAD waits for entries.
const BLOCK: Duration = Duration::from_secs(1);
/// How long a reply may take beyond that before the connection counts as dead.
const REPLY: Duration = Duration::from_secs(10);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// About how many bytes one XREAD shall bring; the number of entries follows the last reply.
const CHUNK_BYTES: usize = 1 << 20;
/// The first XREAD asks for this many entries, none for more than the last number.
const FIRST_COUNT: usize = 100;
const MAX_COUNT: usize = 5_000;

/// An entry's id: milliseconds and a sequence number. Ids of a stream only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Id(u64, u64);

impl Id {
    fn parse(text: &str) -> Option<Self> {
        let (ms, sequence) = text.split_once('-')?;
        Some(Self(ms.parse().ok()?, sequence.parse().ok()?))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// Reads one stream in the order of its ids.
pub(super) struct RedisReader {
    client: Client,
    key: String,
    connection: Option<MultiplexedConnection>,
    /// The last entry handed over.
    last: Id,
    /// The last entry to read, when the reader shall end there.
    until: Option<Id>,
    count: usize,
    retry: RetryPolicy,
    failed: u32,
}

impl fmt::Debug for RedisReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReader")
            .field("key", &self.key)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl RedisReader {
    /// Opens a stream behind `from`; with `once` the reader ends at the stream's last entry.
    pub(super) async fn open(
        url: &str,
        key: &str,
        from: Option<&Position>,
        once: bool,
    ) -> Result<Self> {
        let last = match from {
            None => Id::default(),
            Some(position) => Id::parse(&position.0).ok_or_else(|| {
                failed(Kind::Conflict, key, "the committed position is not an entry id")
                    .hint("The source was another kind of source before; give it a new name.")
            })?,
        };
        let mut reader = Self {
            client: client(url)?,
            key: key.to_owned(),
            connection: None,
            last,
            until: None,
            count: FIRST_COUNT,
            retry: RetryPolicy::default(),
            failed: 0,
        };
        let info = reader.connected(|reader| Box::pin(reader.info())).await?;
        if once {
            reader.until = Some(info.last);
        }
        Ok(reader)
    }

    /// The next entries; `None` when the reader shall end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Vec<Raw>>> {
        loop {
            if self.until.is_some_and(|until| self.last >= until) {
                return Ok(None);
            }
            let reply = self.connected(|reader| Box::pin(reader.read())).await?;
            let entries = self.entries(reply)?;
            if entries.is_empty() && self.until.is_some() {
                return Ok(None);
            }
            if !entries.is_empty() {
                return Ok(Some(entries));
            }
        }
    }

    /// Runs `work` on a connection, and again on new ones while the server is away.
    async fn connected<T>(
        &mut self,
        work: impl for<'a> Fn(&'a mut Self) -> Work<'a, T>,
    ) -> Result<T> {
        loop {
            let error = match self.try_connected(&work).await {
                Ok(done) => {
                    if self.failed > 0 {
                        tracing::info!(stream = self.key, "Redis is back");
                    }
                    self.failed = 0;
                    return Ok(done);
                }
                Err(error) if passing(&error) => error,
                Err(error) => return Err(describe(&self.key, error)),
            };
            self.connection = None;
            self.failed += 1;
            if self.failed == 1 {
                tracing::warn!(stream = self.key, %error, "Redis is away; trying again");
            }
            tokio::time::sleep(self.retry.wait(self.failed)).await;
        }
    }

    async fn try_connected<T>(
        &mut self,
        work: &impl for<'a> Fn(&'a mut Self) -> Work<'a, T>,
    ) -> Result<T, RedisError> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.client).await?);
            let info = self.info().await?;
            self.warn_of_gaps(&info);
        }
        work(self).await
    }

    async fn info(&mut self) -> Result<Info, RedisError> {
        match &mut self.connection {
            Some(connection) => info(connection, &self.key).await,
            None => Err(RedisError::from((ErrorKind::Io, "not connected"))),
        }
    }

    async fn read(&mut self) -> Result<Value, RedisError> {
        let Some(connection) = &mut self.connection else {
            return Err(RedisError::from((ErrorKind::Io, "not connected")));
        };
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(self.count);
        if self.until.is_none() {
            command.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        }
        command.arg("STREAMS").arg(&self.key).arg(self.last.to_string());
        command.query_async(connection).await
    }

    /// Says what Redis has lost, as far as it can be known; reading goes on behind the position.
    fn warn_of_gaps(&self, info: &Info) {
        let (stream, committed) = (&self.key, self.last);
        if committed == Id::default() {
            return;
        }
        if info.last < committed {
            tracing::warn!(
                stream, %committed, last = %info.last,
                "the stream ends before the committed position: Redis lost entries or the stream \
                 was made anew; only entries with larger ids are read"
            );
        } else if info.first.is_some_and(|first| first > committed) && info.last > committed {
            tracing::warn!(
                stream, %committed,
                "the stream was trimmed up to or beyond the committed position: entries may have \
                 been lost before they were read"
            );
        }
    }

    /// The entries of XREAD's reply, `[[key, [[id, [field, value, …]], …]]]` or nil.
    fn entries(&mut self, reply: Value) -> Result<Vec<Raw>> {
        let odd = |what: &str| failed(Kind::Internal, &self.key, what);
        let listed = match reply {
            Value::Nil => return Ok(vec![]),
            Value::Array(streams) => streams.into_iter().next().and_then(|stream| match stream {
                Value::Array(parts) => parts.into_iter().nth(1),
                _ => None,
            }),
            Value::Map(streams) => streams.into_iter().next().map(|(_, entries)| entries),
            _ => None,
        };
        let Some(Value::Array(listed)) = listed else {
            return Err(odd("XREAD gave an unknown reply"));
        };
        let (mut entries, mut bytes) = (Vec::with_capacity(listed.len()), 0);
        let mut last = self.last;
        for entry in listed {
            let (text, body) = entry_of(entry).ok_or_else(|| odd("XREAD gave an odd entry"))?;
            let id = Id::parse(&text).ok_or_else(|| odd("an entry has an odd id"))?;
            if id <= last {
                return Err(odd("entries do not come in the order of their ids"));
            }
            last = id;
            bytes += body.size() as usize;
            entries.push(Raw { position: Position(text), body });
        }
        self.last = last;
        if !entries.is_empty() {
            let each = (bytes / entries.len()).max(1);
            self.count = (CHUNK_BYTES / each).clamp(1, MAX_COUNT);
        }
        Ok(entries)
    }
}

/// A boxed step of work on a reader's connection.
type Work<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, RedisError>> + Send + 'a>>;

fn entry_of(entry: Value) -> Option<(String, Body)> {
    let Value::Array(parts) = entry else { return None };
    let mut parts = parts.into_iter();
    let Value::BulkString(id) = parts.next()? else { return None };
    let Value::Array(flat) = parts.next()? else { return None };
    let mut fields = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        fields.push((bytes_of(name)?, bytes_of(value)?));
    }
    Some((String::from_utf8(id).ok()?, Body::Entry(fields)))
}

fn bytes_of(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        Value::SimpleString(text) => Some(text.into()),
        _ => None,
    }
}

/// What XINFO STREAM says; all zero for a stream that does not exist yet.
#[derive(Debug, Clone, Copy, Default)]
struct Info {
    length: u64,
    last: Id,
    first: Option<Id>,
    /// Entries ever added; Redis 7.0 and newer.
    added: Option<u64>,
}

async fn info(connection: &mut MultiplexedConnection, key: &str) -> Result<Info, RedisError> {
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
        let id = || match value {
            Value::BulkString(id) => std::str::from_utf8(id).ok().and_then(Id::parse),
            _ => None,
        };
        match (name.as_slice(), value) {
            (b"length", Value::Int(length)) => info.length = *length as u64,
            (b"entries-added", Value::Int(added)) => info.added = Some(*added as u64),
            (b"last-generated-id", _) => info.last = id().unwrap_or_default(),
            (b"first-entry", Value::Array(parts)) => {
                info.first = match parts.first() {
                    Some(Value::BulkString(id)) => std::str::from_utf8(id).ok().and_then(Id::parse),
                    _ => None,
                };
            }
            _ => {}
        }
    }
    Ok(info)
}

/// How many entries stand behind a committed position of which `events` entries are committed.
pub(super) async fn lag(
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

fn client(url: &str) -> Result<Client> {
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

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(BLOCK + REPLY));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Whether the server is away or not ready, so that trying again may help.
fn passing(error: &RedisError) -> bool {
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

fn failed(kind: Kind, key: &str, why: &str) -> Error {
    Error::new(kind, format!("could not read Redis stream \"{key}\""))
        .code(Code::SourceFailed)
        .detail(format!("{}{}.", why[..1].to_uppercase(), &why[1..]))
}

fn describe(key: &str, error: RedisError) -> Error {
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
            "the user may not run XREAD and XINFO on the key",
            "Grant it: `ACL SETUSER … ~key +xread +xinfo`.",
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

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn ids_are_ordered_by_time_and_sequence() {
        let id = |text| Id::parse(text);
        assert!(id("2-0") < id("10-0") && id("2-9") < id("2-10"));
        assert_eq!(
            id("1723161255342-7").map(|id| id.to_string()).as_deref(),
            Some("1723161255342-7")
        );
        for text in ["", "-", "1", "1-", "a-b", "1-2-3"] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}
