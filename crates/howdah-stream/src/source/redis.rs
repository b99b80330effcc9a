//! Redis Streams: plain XREAD from the committed id; a consumer group only for others to look at.
//!
//! A group's own memory of what was delivered cannot be committed together with the rows
//! (<https://redis.io/docs/latest/develop/data-types/streams/>: no exactly-once); the id that
//! PostgreSQL holds can.

mod continuity;
mod group;
mod id;
mod ledger;
mod server;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::RetryPolicy;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError, Value};
use tokio::time::Instant;

use self::continuity::{Below, Info, Known, Verdict, judge};
use self::id::Id;
use self::ledger::Chunk;
use self::server::{BLOCK, client, connect, describe, failed, holds, incarnation, passing};
use super::Opening;
use crate::batch::{Loss, Position};
use crate::progress::{Away, Reporter};
use crate::raw::{Body, Raw};

pub(crate) use group::Group;
pub(crate) use ledger::{Ledger, Taken};
pub(super) use server::lag;

/// The first XREAD asks for this many entries, none for more than the last number.
const FIRST_COUNT: usize = 100;
const MAX_COUNT: usize = 5_000;
/// How often a busy reader looks whether entries were removed before it came to them.
const LOOK: Duration = Duration::from_secs(1);

/// Reads one stream in the order of its ids.
pub(super) struct RedisReader {
    client: Client,
    source: String,
    key: String,
    connection: Option<MultiplexedConnection>,
    known: Known,
    /// Which run of the server `known` is of.
    incarnation: Option<Arc<str>>,
    /// When the stream was last looked at; `None` on a new connection.
    looked: Option<Instant>,
    /// The stream had no more when it was last read.
    idle: bool,
    /// What was lost behind the last entry read.
    losses: Vec<Loss>,
    /// Every stream that is filled has a key, so an event that is read again changes nothing.
    keyed: bool,
    once: bool,
    /// The last entry to read, when the reader shall end there.
    until: Option<Id>,
    /// About how many bytes one XREAD shall bring; the number of entries follows the last reply.
    chunk_bytes: usize,
    count: usize,
    retry: RetryPolicy,
    failed: u32,
    ledger: Ledger,
    reporter: Reporter,
}

impl fmt::Debug for RedisReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReader")
            .field("key", &self.key)
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

/// What one step of a reader brought.
enum Step {
    Looked { info: Info, incarnation: Option<String>, holds_last: bool },
    Read(Value),
}

impl RedisReader {
    /// Opens a stream behind a position; with `once` the reader ends at the stream's last entry.
    pub(super) async fn open(url: &str, opening: &Opening<'_>) -> Result<Self> {
        let key = &opening.shard.shard;
        let last = match opening.position {
            None => Id::default(),
            Some(position) => Id::parse(&position.0).ok_or_else(|| {
                failed(Kind::Conflict, key, "the committed position is not an entry id")
                    .hint("The source was another kind of source before; give it a new name.")
            })?,
        };
        let mut reader = Self {
            client: client(url)?,
            source: opening.shard.source.clone(),
            key: key.clone(),
            connection: None,
            known: Known { last, ordinal: opening.mark.ordinal, ..Known::default() },
            incarnation: opening.mark.incarnation.as_deref().map(Arc::from),
            looked: None,
            idle: false,
            losses: Vec::new(),
            keyed: opening.keyed,
            once: opening.once,
            until: None,
            chunk_bytes: opening.chunk_bytes.max(1),
            count: FIRST_COUNT,
            retry: RetryPolicy::default(),
            failed: 0,
            ledger: Ledger::default(),
            reporter: opening.reporter.clone(),
        };
        while reader.looked.is_none() {
            reader.advance().await?;
        }
        Ok(reader)
    }

    /// What was read and is not committed.
    pub(super) fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// The next entries; `None` when the reader shall end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Vec<Raw>>> {
        loop {
            if self.once && (self.idle || self.until.is_some_and(|until| self.known.last >= until))
            {
                return Ok(None);
            }
            if let Some(entries) = self.advance().await? {
                return Ok(Some(entries));
            }
        }
    }

    /// Takes one step, or waits after one that failed because the server is away.
    async fn advance(&mut self) -> Result<Option<Vec<Raw>>> {
        match self.step().await {
            Ok(step) => {
                if self.failed > 0 {
                    tracing::info!(stream = self.key, "Redis is back");
                    self.reporter.back(Away::Source);
                }
                self.failed = 0;
                match step {
                    Step::Looked { info, incarnation, holds_last } => {
                        self.look(info, incarnation.as_deref(), holds_last)?;
                        Ok(None)
                    }
                    Step::Read(reply) => {
                        let full = self.count;
                        let entries = self.entries(reply)?;
                        self.idle = entries.is_empty();
                        if self.once && !self.idle && entries.len() < full {
                            self.look_back().await;
                        }
                        Ok((!self.idle).then_some(entries))
                    }
                }
            }
            Err(error) if passing(&error) => {
                self.connection = None;
                self.looked = None;
                self.failed += 1;
                self.reporter.away(Away::Source, Some(Code::SourceFailed));
                if self.failed == 1 {
                    tracing::warn!(stream = self.key, %error, "Redis is away; trying again");
                }
                tokio::time::sleep(self.retry.wait(self.failed)).await;
                Ok(None)
            }
            Err(error) => Err(describe(&self.key, error)),
        }
    }

    /// Looks at the stream now and then, else reads.
    async fn step(&mut self) -> Result<Step, RedisError> {
        let due = self.looked.is_none_or(|looked| self.idle || looked.elapsed() > LOOK);
        let (last, key) = (self.known.last, &self.key);
        let new = self.connection.is_none();
        let mut opened = None;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => opened.insert(connect(&self.client).await?),
        };
        let step = if due || new {
            let info = server::info(connection, key).await?;
            // What a run of the server is, and holds, does not change while it is connected.
            let (incarnation, holds_last) = if self.looked.is_some() {
                (self.incarnation.as_deref().map(str::to_owned), true)
            } else if last == Id::default() {
                (incarnation(connection).await?, true)
            } else {
                (incarnation(connection).await?, holds(connection, key, last).await?)
            };
            Step::Looked { info, incarnation, holds_last }
        } else {
            let mut command = redis::cmd("XREAD");
            command.arg("COUNT").arg(self.count);
            if !self.once {
                command.arg("BLOCK").arg(BLOCK.as_millis() as u64);
            }
            command.arg("STREAMS").arg(key).arg(last.to_string());
            Step::Read(command.query_async(connection).await?)
        };
        if let Some(opened) = opened {
            self.connection = Some(opened);
        }
        Ok(step)
    }

    /// Holds what the stream is against what was read of it.
    fn look(&mut self, info: Info, incarnation: Option<&str>, holds_last: bool) -> Result<()> {
        let another = match (&self.incarnation, incarnation) {
            (Some(known), Some(now)) => **known != *now,
            _ => false,
        };
        self.known.unsure = !holds_last && (another || info.added.is_none());
        let after = self.known.last;
        match judge(&self.known, &info) {
            Verdict::Whole { ordinal } => self.known.ordinal = ordinal,
            Verdict::Removed { entries, exact, before, ordinal } => {
                self.known.ordinal = ordinal;
                self.lose("removed", after, before, entries, exact);
            }
            Verdict::Reset { entries, below, ordinal } => {
                if below == Below::Entries && !self.keyed {
                    return Err(self.reset(info.last));
                }
                if below != Below::Nothing {
                    self.known.last = Id::default();
                }
                self.known.ordinal = ordinal;
                self.known.seen = None;
                self.lose("reset", after, info.last, entries, false);
            }
        }
        self.known.seen = self.known.seen.max(info.added);
        self.known.unsure = false;
        self.incarnation = incarnation.map(Arc::from).or(self.incarnation.take());
        self.idle = false;
        self.looked = Some(Instant::now());
        if self.once && (self.until.is_none() || self.known.last < after) {
            self.until = Some(info.last);
        }
        self.report(&info);
        Ok(())
    }

    /// A single run ends where the stream does, and no batch follows that could keep what was lost
    /// before its end: the last one does.
    async fn look_back(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        // When it fails, the next run finds the same.
        let Ok(info) = server::info(connection, &self.key).await else { return };
        if let Verdict::Removed { entries, exact, before, ordinal } = judge(&self.known, &info) {
            let after = self.known.last;
            self.known.ordinal = ordinal;
            self.lose("removed", after, before, entries, exact);
            self.losses.drain(..).for_each(|loss| self.ledger.amend(loss));
        }
    }

    fn report(&self, info: &Info) {
        let behind =
            info.added.zip(self.known.ordinal).map(|(added, read)| added - read.min(added));
        self.reporter.read(self.ledger.queued(), behind);
    }

    /// Notes a loss, and says it once.
    fn lose(&mut self, kind: &'static str, after: Id, before: Id, entries: u64, exact: bool) {
        let (source, stream) = (&self.source, &self.key);
        let at_least = if exact { "" } else { "at least " };
        if kind == "reset" {
            let on = if self.known.last == Id::default() { "the beginning" } else { "there" };
            tracing::error!(
                source, stream, last_read = %after, last_there = %before,
                "Redis lost the state of the stream: {at_least}{entries} entries were lost before \
                 they were read; reading goes on from {on}"
            );
        } else {
            tracing::error!(
                source, stream, after = %after, before = %before,
                "{at_least}{entries} entries were removed from the stream before they were read"
            );
        }
        self.reporter.lost(entries);
        let (after, before) = (Position(after.to_string()), Position(before.to_string()));
        self.losses.push(Loss { kind, after, before, entries, exact });
    }

    /// Nothing tells entries that were committed from new ones.
    fn reset(&self, last: Id) -> Error {
        let (key, source) = (&self.key, &self.source);
        Error::new(Kind::Conflict, format!("Redis lost the state of stream \"{key}\""))
            .code(Code::SourceReset)
            .detail(format!(
                "Entry {} is committed, and the stream now ends at {last}. It holds entries with \
                 smaller ids, of which some may be new, and source \"{source}\" fills a stream \
                 without a key, which could not tell.",
                self.known.last
            ))
            .hint("`howdah explain HD0506` says how to go on.")
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
        let mut ids = Vec::with_capacity(listed.len());
        let mut last = self.known.last;
        for entry in listed {
            let (text, body) = entry_of(entry).ok_or_else(|| odd("XREAD gave an odd entry"))?;
            let id = Id::parse(&text).ok_or_else(|| odd("an entry has an odd id"))?;
            if id <= last {
                return Err(odd("entries do not come in the order of their ids"));
            }
            last = id;
            ids.push(id);
            bytes += body.size() as usize;
            entries.push(Raw { position: Position(text), body });
        }
        if !entries.is_empty() {
            let each = (bytes / entries.len()).max(1);
            self.count = (self.chunk_bytes / each).clamp(1, MAX_COUNT);
            self.note(ids, last);
        }
        Ok(entries)
    }

    /// Notes what was read.
    fn note(&mut self, ids: Vec<Id>, last: Id) {
        let (before, many) = (self.known.ordinal, ids.len() as u64);
        self.known.last = last;
        self.known.ordinal = before.map(|before| before + many);
        self.ledger.push(Chunk {
            ids,
            taken: 0,
            before,
            incarnation: self.incarnation.clone(),
            losses: std::mem::take(&mut self.losses),
        });
    }
}

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
