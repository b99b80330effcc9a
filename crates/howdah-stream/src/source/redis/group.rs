//! A consumer group that shows how far howdah is, to people and tools that look at groups.
//!
//! It is told after each commit and never asked: the committed id in PostgreSQL is the truth. The
//! group's last delivered id is the committed one, so that its lag is right, and nothing stays
//! pending that is committed, whoever it was once delivered to. It must be howdah's own group;
//! others on the same stream are not touched. It has a connection of its own, and what goes wrong
//! with it holds up nothing.

use std::time::Duration;

use howdah_error::Result;
use howdah_pg::RetryPolicy;
use howdah_system::RedisGroup;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::id::Id;
use super::server::{client, connect, passing};
use crate::batch::{Mark, Position};
use crate::failpoint;

/// The group is told at most so often.
const EVERY: Duration = Duration::from_millis(100);
/// How long telling it the last time may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// Pending entries are looked through by so many at once.
const PAGE: usize = 1_000;

/// What is committed.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    to: Id,
    ordinal: Option<u64>,
}

/// A group that is told what is committed.
#[derive(Debug)]
pub(crate) struct Group {
    sender: watch::Sender<Done>,
    task: JoinHandle<()>,
}

/// Where the group is, and who howdah is in it.
struct Names {
    key: String,
    group: String,
    consumer: String,
}

impl Group {
    /// Starts to show `position`; `host` names the consumer when the system file does not.
    pub(crate) fn start(
        url: &str,
        key: &str,
        group: &RedisGroup,
        host: &str,
        position: Option<&Position>,
        mark: &Mark,
    ) -> Result<Self> {
        let names = Names {
            key: key.to_owned(),
            group: group.name.clone(),
            consumer: group.consumer.clone().unwrap_or_else(|| host.to_owned()),
        };
        let sender = watch::Sender::new(Done::default());
        let mut receiver = sender.subscribe();
        receiver.mark_changed();
        let task = tokio::spawn(show(client(url)?, names, receiver));
        let this = Self { sender, task };
        if let Some(position) = position {
            this.committed(position, mark);
        }
        Ok(this)
    }

    /// Shows that everything up to `to` is committed.
    pub(crate) fn committed(&self, to: &Position, mark: &Mark) {
        if let Some(to) = Id::parse(&to.0) {
            self.sender.send_replace(Done { to, ordinal: mark.ordinal });
        }
    }

    /// Shows the last of it and ends; at most two seconds.
    pub(crate) async fn finish(self) {
        let Self { sender, mut task } = self;
        drop(sender);
        if tokio::time::timeout(GOODBYE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Tells the group, as long as there is something to tell.
async fn show(client: Client, names: Names, mut receiver: watch::Receiver<Done>) {
    let policy = RetryPolicy::default();
    let (mut connection, mut failed) = (None, 0);
    while receiver.changed().await.is_ok() {
        loop {
            let done = *receiver.borrow_and_update();
            let Err(error) = tell(&client, &mut connection, &names, done).await else { break };
            connection = None;
            failed += 1;
            if !passing(&error) {
                let Names { key, group, .. } = &names;
                tracing::warn!(
                    stream = key, group, %error,
                    "could not show what is committed in the consumer group; events are read and \
                     committed as without it"
                );
                return;
            }
            tracing::debug!(stream = names.key, %error, failed, "the group is not told yet");
            tokio::time::sleep(policy.wait(failed)).await;
        }
        failed = 0;
        tokio::time::sleep(EVERY).await;
    }
}

async fn tell(
    client: &Client,
    connection: &mut Option<MultiplexedConnection>,
    names: &Names,
    done: Done,
) -> Result<(), RedisError> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => connect(client).await?,
    };
    if let Err(error) = failpoint::hit("acknowledge").await {
        let kind = redis::ErrorKind::Io;
        return Err(RedisError::from((kind, "could not show", error.to_string())));
    }
    match move_to(&mut open, names, done).await {
        Ok(()) => settle(&mut open, names, done).await?,
        Err(error) if missing(&error) => {}
        Err(error) => return Err(error),
    }
    *connection = Some(open);
    Ok(())
}

/// Makes the group where it is missing, and moves it to what is committed.
async fn move_to(
    connection: &mut MultiplexedConnection,
    names: &Names,
    done: Done,
) -> Result<(), RedisError> {
    match names.xgroup(connection, "SETID", done).await {
        Err(error) if error.code() == Some("NOGROUP") => {}
        moved => return moved,
    }
    match names.xgroup(connection, "CREATE", done).await {
        Err(error) if error.code() == Some("BUSYGROUP") => {}
        made => made?,
    }
    let Names { key, group, consumer } = names;
    let mut join = redis::cmd("XGROUP");
    join.arg(&["CREATECONSUMER", key, group, consumer]);
    join.query_async::<Value>(connection).await.map(|_| ())
}

impl Names {
    /// Only Redis 7.0 and newer count entries, and take the count; older ones call it a mistake.
    async fn xgroup(
        &self,
        connection: &mut MultiplexedConnection,
        what: &str,
        done: Done,
    ) -> Result<(), RedisError> {
        let mut plain = redis::cmd("XGROUP");
        plain.arg(&[what, &self.key, &self.group, &done.to.to_string()]);
        if let Some(ordinal) = done.ordinal {
            let mut counting = plain.clone();
            counting.arg("ENTRIESREAD").arg(ordinal);
            match counting.query_async::<()>(connection).await {
                Err(error) if error.code() == Some("ERR") && !missing(&error) => {}
                other => return other,
            }
        }
        plain.query_async(connection).await
    }
}

/// The stream comes with its first entry.
fn missing(error: &RedisError) -> bool {
    error.to_string().contains("key to exist")
}

/// Acknowledges what is pending and committed, whoever it was delivered to. What is pending and
/// not committed waits in howdah's name; what was deleted meanwhile, Redis 7.0 and newer drop.
async fn settle(
    connection: &mut MultiplexedConnection,
    names: &Names,
    done: Done,
) -> Result<(), RedisError> {
    let Names { key, group, consumer } = names;
    let mut cursor = "0-0".to_owned();
    loop {
        let mut claim = redis::cmd("XAUTOCLAIM");
        claim.arg(&[key, group, consumer, "0", &cursor]).arg("COUNT").arg(PAGE).arg("JUSTID");
        let reply = claim.query_async::<Value>(connection).await?;
        let (next, ids) = claimed(reply);
        let committed: Vec<String> =
            ids.into_iter().filter(|id| *id <= done.to).map(|id| id.to_string()).collect();
        if !committed.is_empty() {
            let mut acknowledge = redis::cmd("XACK");
            acknowledge.arg(key).arg(group).arg(&committed);
            acknowledge.query_async::<u64>(connection).await?;
        }
        match next {
            Some(next) if next != "0-0" => cursor = next,
            _ => return Ok(()),
        }
    }
}

/// The cursor and the ids of XAUTOCLAIM's reply with JUSTID.
fn claimed(reply: Value) -> (Option<String>, Vec<Id>) {
    let text = |value: Value| match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    };
    let Value::Array(parts) = reply else { return (None, Vec::new()) };
    let mut parts = parts.into_iter();
    let next = parts.next().and_then(text);
    let ids = match parts.next() {
        Some(Value::Array(ids)) => ids,
        _ => Vec::new(),
    };
    (next, ids.into_iter().filter_map(text).filter_map(|id| Id::parse(&id)).collect())
}
