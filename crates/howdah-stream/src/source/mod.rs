//! Where events come from: ordered readers that go on from a committed position.
//!
//! A reader hands over chunks of events with the position of each. It acknowledges nothing: the
//! position that the database has committed is the only truth, and reading on from it repeats
//! nothing and leaves nothing out. A broker of MQTT knows no position; it is told what is
//! committed, and what it repeats falls on a key.

pub mod body;
mod file;
mod mqtt;
mod redis;
mod text;

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use howdah_error::{Code, Error, Result};
use howdah_system::{IngestLimits, Origin, Source, Stream};

use self::mqtt::{Deliveries, MqttReader};
use self::redis::{Group, RedisReader, Taken};
use crate::batch::{Mark, Position, ShardId};
use crate::progress::Reporter;
use crate::raw::Raw;
use crate::run::Run;
use text::TextReader;

/// What a source needs besides the system file; the caller resolves it.
#[derive(Clone, Default)]
pub struct Access {
    /// The folder of the system file: relative paths start here.
    pub folder: PathBuf,
    /// The URL of the Redis server or MQTT broker, out of the source's secret reference.
    pub url: Option<String>,
}

impl fmt::Debug for Access {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// How far a source is ahead of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// Entries of a Redis stream. An estimate when entries were deleted from its middle.
    Entries(u64),
    /// Bytes of a file.
    Bytes(u64),
}

/// The shards of a source: each Redis key, the path as written, `-` for stdin, the client id of an
/// MQTT session.
pub fn shards_of(source: &Source) -> Vec<ShardId> {
    let shards = match &source.origin {
        Origin::Redis { streams, .. } => streams.clone(),
        Origin::File { path } => vec![path.display().to_string()],
        Origin::Stdin => vec!["-".to_owned()],
        Origin::Http => vec!["http".to_owned()],
        Origin::Mqtt(mqtt) => vec![mqtt.client_id.clone()],
    };
    shards.into_iter().map(|shard| ShardId { source: source.name.clone(), shard }).collect()
}

/// Batches of all shards of a process together hold at most so many bytes and rows in each of the
/// two places where batches are: filling, being committed.
const ALL_BYTES: usize = 48 << 20;
const ALL_ROWS: usize = 100_000;
/// About how many bytes all shards read at once, and one of few.
const ALL_CHUNKS: usize = 8 << 20;
const CHUNK_BYTES: usize = 1 << 20;
/// What is left to each of very many.
const LEAST_BYTES: usize = 64 << 10;
const LEAST_ROWS: usize = 100;

/// About how many bytes one of `shards` in one process shall read at once.
#[must_use]
pub fn chunk_bytes(shards: usize) -> usize {
    CHUNK_BYTES.min((ALL_CHUNKS / shards.max(1)).max(LEAST_BYTES))
}

/// The bounds of a batch of one of `shards` in one process, so that the memory of all is bounded.
#[must_use]
pub fn share(limits: IngestLimits, shards: usize) -> IngestLimits {
    let shards = shards.max(1);
    IngestLimits {
        batch_rows: limits.batch_rows.min((ALL_ROWS / shards).max(LEAST_ROWS)),
        batch_bytes: limits.batch_bytes.min((ALL_BYTES / shards).max(LEAST_BYTES)),
        ..limits
    }
}

/// Refuses what cannot be exactly once: stdin, which cannot be read again, into a stream without a
/// key, which cannot tell a repeated event.
pub fn check(source: &Source, stream: &Stream) -> Result<()> {
    if source.origin != Origin::Stdin || !stream.key.is_empty() {
        return Ok(());
    }
    Err(Error::input(format!(
        "source \"{}\" cannot read standard input into a stream without a key",
        source.name
    ))
    .code(Code::SourceFailed)
    .detail(
        "Standard input cannot be read again from a position: after a failure its events come \
         once more, and without a key they would be stored twice.",
    )
    .hint(format!("Give stream \"{}\" a key, or read from a file.", stream.name)))
}

/// How a shard is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'o> {
    /// The source.
    pub source: &'o Source,
    /// Its folder and its secrets.
    pub access: &'o Access,
    /// Which shard of it.
    pub shard: &'o ShardId,
    /// The committed position; `None` starts at the beginning.
    pub position: Option<&'o Position>,
    /// What the source said of that position.
    pub mark: &'o Mark,
    /// End at what is there now.
    pub once: bool,
    /// Every stream that the source fills has a key: an event that is read again changes nothing.
    pub keyed: bool,
    /// About how many bytes are read at once.
    pub chunk_bytes: usize,
    /// Who is told what is away, and what is lost.
    pub reporter: &'o Reporter,
}

/// An open source.
#[derive(Debug)]
pub struct Reader(Inner);

#[derive(Debug)]
enum Inner {
    Redis(Box<RedisReader>),
    Text(Box<TextReader>),
    Mqtt(Box<MqttReader>),
}

/// What is read and not committed, where the source counts it.
#[derive(Debug, Clone)]
pub(crate) enum Ledger {
    Redis(redis::Ledger),
    Mqtt(Deliveries),
}

impl Ledger {
    /// Takes what is to be kept with the batch that ends at `to`.
    pub(crate) fn take(&self, to: &Position) -> Taken {
        match self {
            Self::Redis(ledger) => ledger.take(to),
            Self::Mqtt(deliveries) => Taken { mark: deliveries.take(to), ..Taken::default() },
        }
    }

    /// Events that were read and not taken.
    pub(crate) fn queued(&self) -> u64 {
        match self {
            Self::Redis(ledger) => ledger.queued(),
            Self::Mqtt(deliveries) => deliveries.queued(),
        }
    }
}

/// Who is told what is committed.
#[derive(Debug)]
pub(crate) enum Told {
    /// A consumer group, for people to look at.
    Group(Group),
    /// A broker, which forgets it then.
    Broker(Deliveries),
}

impl Told {
    /// Tells that everything up to `to` is committed.
    pub(crate) async fn committed(&self, to: &Position, mark: &Mark) {
        match self {
            Self::Group(group) => group.committed(to, mark),
            Self::Broker(deliveries) => deliveries.committed(to).await,
        }
    }

    /// Tells the last of it.
    pub(crate) async fn finish(self) {
        match self {
            Self::Group(group) => group.finish().await,
            Self::Broker(_) => {}
        }
    }
}

impl Reader {
    /// Opens a shard behind a position.
    ///
    /// With `once` a Redis stream ends at the last entry that it has now; without it the reader
    /// waits for more. Files and stdin end in both cases. While Redis cannot be reached this waits
    /// and tries again. Fails with HD0501 when the source cannot be used, with HD0502 when a file
    /// is not the one that was read, with HD0506 when Redis lost what it had and some of it cannot
    /// be told from what is new.
    pub async fn open(opening: &Opening<'_>) -> Result<Self> {
        let Opening { source, access, .. } = *opening;
        let inner = match &source.origin {
            Origin::Redis { .. } => {
                let reader = RedisReader::open(redis_url(source, access)?, opening);
                Inner::Redis(Box::new(reader.await?))
            }
            Origin::File { path } => {
                let path = access.folder.join(path);
                let reader = file::open(&path, source.format, opening.position);
                Inner::Text(Box::new(reader.await?))
            }
            Origin::Stdin => {
                let mut reader = TextReader::new(Box::pin(tokio::io::stdin()), source.format);
                reader.read_header().await?;
                Inner::Text(Box::new(reader))
            }
            Origin::Mqtt(mqtt) => Inner::Mqtt(Box::new(MqttReader::open(mqtt, opening)?)),
            Origin::Http => return Err(Error::internal("requests are not read, they come")),
        };
        Ok(Self(inner))
    }

    /// What is read and not committed, where the source counts it.
    pub(crate) fn ledger(&self) -> Option<Ledger> {
        match &self.0 {
            Inner::Redis(reader) => Some(Ledger::Redis(reader.ledger())),
            Inner::Mqtt(reader) => Some(Ledger::Mqtt(reader.deliveries())),
            Inner::Text(_) => None,
        }
    }

    /// Who is told what of the shard is committed, `position` to begin with.
    pub(crate) fn told(
        &self,
        run: &Run,
        position: Option<&Position>,
        mark: &Mark,
    ) -> Result<Option<Told>> {
        match &self.0 {
            Inner::Redis(_) => Ok(show(run, position, mark)?.map(Told::Group)),
            Inner::Mqtt(reader) => Ok(Some(Told::Broker(reader.deliveries()))),
            Inner::Text(_) => Ok(None),
        }
    }

    /// The header line of a CSV source, for [`Decoder::set_header`](crate::Decoder::set_header).
    pub fn header(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Redis(_) | Inner::Mqtt(_) => None,
            Inner::Text(reader) => reader.header(),
        }
    }

    /// The next events in order, at least one; `None` when the source has ended.
    ///
    /// A chunk holds at most a few MiB, or one larger event. Not cancel-safe: a dropped call may
    /// lose what it has read; open a new reader then.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<Raw>>> {
        match &mut self.0 {
            Inner::Redis(reader) => reader.next_chunk().await,
            Inner::Text(reader) => reader.next_chunk().await,
            Inner::Mqtt(reader) => reader.next_chunk().await,
        }
    }
}

/// Whether an MQTT broker listens where the source says; other sources tell it by their lag.
pub async fn reach(source: &Source, access: &Access) -> Result<()> {
    match &source.origin {
        Origin::Mqtt(broker) => mqtt::reach(source, broker, access).await,
        _ => Ok(()),
    }
}

/// How far the source is ahead of a committed position; `None` when that cannot be known.
///
/// `events` is how many events of the shard are committed. Redis is asked on a connection of its
/// own and once only: an unreachable server is an error of kind `Unavailable`.
pub async fn lag(
    source: &Source,
    access: &Access,
    shard: &ShardId,
    position: Option<&Position>,
    events: u64,
) -> Result<Option<Lag>> {
    match &source.origin {
        Origin::Redis { .. } => {
            redis::lag(redis_url(source, access)?, &shard.shard, position, events)
                .await
                .map(|entries| entries.map(Lag::Entries))
        }
        Origin::File { path } => file::lag(&access.folder.join(path), position).await.map(Some),
        // A broker does not tell what it keeps for a session.
        Origin::Stdin | Origin::Http | Origin::Mqtt(_) => Ok(None),
    }
}

/// Shows what is committed of a shard in the consumer group of its source, if it names one.
fn show(run: &Run, position: Option<&Position>, mark: &Mark) -> Result<Option<Group>> {
    let Origin::Redis { group: Some(group), .. } = &run.source.origin else { return Ok(None) };
    let url = redis_url(&run.source, &run.access)?;
    // An owner begins with its host.
    let host = run.claim.owner.split(' ').next().unwrap_or_default();
    Group::start(url, &run.shard.shard, group, host, position, mark).map(Some)
}

fn redis_url<'a>(source: &Source, access: &'a Access) -> Result<&'a str> {
    access.url.as_deref().ok_or_else(|| {
        Error::internal(format!("the URL of source \"{}\" was not resolved", source.name))
    })
}
