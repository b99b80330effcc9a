//! Events into Redis Streams: pipelined, and each exactly once over lost connections.
//!
//! Entries get their ids here (the clock's milliseconds and a count), so that after a lost reply
//! the last id of each stream tells which entries have arrived.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use howdah_error::{Code, Error, Kind, Result};
use howdah_feed::Event;
use howdah_pg::RetryPolicy;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamInfoStreamReply;
use redis::{AsyncConnectionConfig, Client, RedisError};
use tokio_util::sync::CancellationToken;

/// How long connecting, or one pipeline, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The id of an entry; larger than all before it in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Id(u64, u64);

impl Id {
    fn parse(text: &str) -> Option<Self> {
        let (ms, count) = text.split_once('-')?;
        Some(Self(ms.parse().ok()?, count.parse().ok()?))
    }

    /// The next one, at this time or, when the clock went back, at the last one.
    fn next(self, now_ms: u64) -> Self {
        if now_ms > self.0 { Self(now_ms, 0) } else { Self(self.0, self.1 + 1) }
    }
}

pub(super) struct RedisSink {
    client: Client,
    connection: Option<MultiplexedConnection>,
    /// The field of an entry that holds the event.
    field: &'static str,
    /// The last id given out in each stream.
    last: HashMap<&'static str, Id>,
    retry: RetryPolicy,
}

impl RedisSink {
    /// Connects once; a server that cannot be reached at the start is an error.
    pub(super) async fn open(url: &str, field: &'static str) -> Result<Self> {
        let client = Client::open(url).map_err(|_| {
            // The crate's own message may quote the URL, which may hold a password.
            Error::input("the URL of the Redis server cannot be used")
                .hint("A URL looks like redis://user:password@host:6379/0.")
        })?;
        let connection = connect(&client).await.map_err(describe)?;
        let retry = RetryPolicy::default();
        Ok(Self { client, connection: Some(connection), field, last: HashMap::new(), retry })
    }

    /// Adds events; `false` when `shutdown` came while the server was away.
    pub(super) async fn send(
        &mut self,
        events: &[Event],
        shutdown: &CancellationToken,
    ) -> Result<bool> {
        let mut entries: Vec<(Id, &Event)> = Vec::with_capacity(events.len());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut failed = 0;
        loop {
            let result = self.try_send(&mut entries, events, now.as_millis() as u64).await;
            let error = match result {
                Ok(()) => return Ok(true),
                Err(error) if away(&error) => error,
                Err(error) => return Err(describe(error)),
            };
            self.connection = None;
            failed += 1;
            if failed == 1 {
                tracing::warn!(%error, "Redis is away; the feed waits");
            }
            tokio::select! {
                () = tokio::time::sleep(self.retry.wait(failed)) => {}
                () = shutdown.cancelled() => return Ok(false),
            }
        }
    }

    async fn try_send<'e>(
        &mut self,
        entries: &mut Vec<(Id, &'e Event)>,
        events: &'e [Event],
        now_ms: u64,
    ) -> Result<(), RedisError> {
        let (mut connection, again) = match &self.connection {
            Some(connection) => (connection.clone(), false),
            None => (connect(&self.client).await?, true),
        };
        self.connection = Some(connection.clone());
        if entries.is_empty() {
            self.number(&mut connection, entries, events, now_ms).await?;
        } else if again {
            // What arrived before the connection was lost is not sent again.
            let mut arrived = HashMap::new();
            for stream in self.last.keys() {
                arrived.insert(*stream, last_id(&mut connection, stream).await?);
            }
            entries.retain(|(id, event)| arrived.get(event.stream).is_none_or(|last| id > last));
        }
        if entries.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for (Id(ms, count), event) in &*entries {
            let id = format!("{ms}-{count}");
            pipe.cmd("XADD").arg(event.stream).arg(id).arg(self.field).arg(&event.json).ignore();
        }
        pipe.query_async::<()>(&mut connection).await
    }

    /// Gives each event its id. The first of a stream goes on behind what the stream holds.
    async fn number<'e>(
        &mut self,
        connection: &mut MultiplexedConnection,
        entries: &mut Vec<(Id, &'e Event)>,
        events: &'e [Event],
        now_ms: u64,
    ) -> Result<(), RedisError> {
        for event in events {
            if !self.last.contains_key(event.stream) {
                let last = last_id(connection, event.stream).await?;
                self.last.insert(event.stream, last);
            }
        }
        for event in events {
            let last = self.last.entry(event.stream).or_default();
            *last = last.next(now_ms);
            entries.push((*last, event));
        }
        Ok(())
    }
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The last id that a stream has given; of one that is not there, the first of all.
async fn last_id(connection: &mut MultiplexedConnection, stream: &str) -> Result<Id, RedisError> {
    let there: bool = redis::cmd("EXISTS").arg(stream).query_async(connection).await?;
    if !there {
        return Ok(Id::default());
    }
    let info: StreamInfoStreamReply =
        redis::cmd("XINFO").arg("STREAM").arg(stream).query_async(connection).await?;
    Ok(Id::parse(&info.last_generated_id).unwrap_or_default())
}

fn away(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || matches!(error.code(), Some("LOADING" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN"))
}

fn describe(error: RedisError) -> Error {
    let code = error.code().unwrap_or_default().to_owned();
    let (kind, message, hint) = match code.as_str() {
        "NOAUTH" | "WRONGPASS" => (
            Kind::Refused,
            "Redis asks for a password, or refused the one given",
            "Put user and password into the URL.",
        ),
        "OOM" => (
            Kind::Refused,
            "Redis has no memory left for the feed",
            "Let `howdah run` read along and trim, or raise maxmemory.",
        ),
        "WRONGTYPE" => (
            Kind::Conflict,
            "a key of the feed holds something else than a stream",
            "Use another Redis database: the number at the end of the URL.",
        ),
        _ if away(&error) => {
            (Kind::Unavailable, "Redis could not be reached", "Check the URL, and that Redis runs.")
        }
        _ => (Kind::Refused, "Redis refused an event", "Redis 5.0 or newer is needed."),
    };
    Error::new(kind, message).code(Code::SourceFailed).hint(hint).source(error)
}
