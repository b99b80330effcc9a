//! What passes between reading and committing: rows, refusals, batches, and the writer's contract.

use std::future::Future;
use std::ops::{AddAssign, Range};
use std::time::Duration;

use bytes::Bytes;
use howdah_error::Result;

use crate::payload::Payload;

/// Which ordered part of which source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ShardId {
    /// The source's name in the system file.
    pub source: String,
    /// The part of it: the Redis key, the path as the system file writes it, `-` for stdin, the
    /// client id of an MQTT session.
    pub shard: String,
}

/// How far a shard is read or committed: an opaque text of the source (a Redis entry id,
/// `offset:line:fingerprint` of a file). Reading on from it gives the event after it. Of MQTT it is
/// the number of messages that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position(pub String);

/// One decoded event, or one leg of it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The position of this event: reading on from it gives the next one.
    pub position: Position,
    /// The tuple in PostgreSQL's binary COPY format: an `i16` field count, then per field an `i32`
    /// length (-1 for null) and the bytes, for the columns of
    /// [`Decoder::columns`](crate::decode::Decoder::columns) of its route.
    pub copy: Bytes,
    /// Which of the source's routes it took: finds the stream and the columns.
    pub route: usize,
    /// The rows of a batch with the same number stand or fall together: the legs of one event, the
    /// events of one HTTP request. Rises with the stream order, from 0 in each batch.
    pub group: u32,
    /// The event as it came, for a dead letter if the database refuses the row.
    pub raw: Payload,
    /// The event time in microseconds since 2000-01-01 UTC; finds the chunk.
    pub time_us: i64,
}

/// An event that could not be decoded.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The position of this event: reading on from it gives the next one.
    pub position: Position,
    /// Which of the source's routes it took; `None` when that could not be found out.
    pub route: Option<usize>,
    /// Why, as one word: see [`crate::decode`], or an SQLSTATE when the database refused the row.
    pub code: String,
    /// Why, as a sentence without values of the event.
    pub reason: String,
    /// The column of the stream to blame, if it is one.
    pub column: Option<String>,
    /// The event as it came, cut when `raw_bytes` is larger.
    pub raw: Payload,
    /// How large the event was, in bytes.
    pub raw_bytes: u64,
}

/// The rows of each event: the legs of an event follow each other and share its position, its
/// group and the memory of `raw`.
pub fn events_of(rows: &[Row]) -> impl Iterator<Item = Range<usize>> + '_ {
    let same =
        |a: &Row, b: &Row| a.group == b.group && a.raw.shares(&b.raw) && a.position == b.position;
    let mut at = 0;
    rows.chunk_by(same).map(move |event| {
        at += event.len();
        at - event.len()..at
    })
}

/// Entries that a source had and lost before they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// How: `trimmed` (removed from the stream) or `reset` (the server lost its state).
    pub kind: &'static str,
    /// The last entry read before the gap.
    pub after: Position,
    /// The entry at which the gap is known to have ended.
    pub before: Position,
    /// How many; a lower bound unless `exact`.
    pub entries: u64,
    /// Whether the source counts what it ever had.
    pub exact: bool,
}

/// What the source itself says of a position; kept with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// How many entries the shard ever had up to the position; `None` when that is not known.
    pub ordinal: Option<u64>,
    /// Which run of the source's server it was read from.
    pub incarnation: Option<String>,
    /// What the source lost within the batch that ends here.
    pub losses: Vec<Loss>,
}

/// The events that one transaction commits, in stream order.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Which shard it is of.
    pub shard: ShardId,
    /// The committed position that it continues; `None` at the start of the shard.
    pub from: Option<Position>,
    /// The position of its last event.
    pub to: Position,
    /// The decoded events, in stream order.
    pub rows: Vec<Row>,
    /// The refused events, in stream order.
    pub refusals: Vec<Refusal>,
    /// How many events it holds: groups of rows, and refusals.
    pub events: u64,
    /// What the source says of `to`.
    pub mark: Mark,
}

/// Dead letters on their way back: the transaction that commits `batch` also removes `letters`.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Ids in `howdah.dead_letters` of the events that now decode, one for each event, in the order
    /// of `batch.rows`. The events of one letter are one group: a letter goes or stays.
    pub letters: Vec<i64>,
    /// Their rows. `from` is `None`, `to` is the position of the last letter, and neither moves the
    /// shard's committed position; `refusals` is empty.
    pub batch: Batch,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Events that are new: of which a row was not in its stream.
    pub rows: u64,
    /// Events whose key was there already.
    pub duplicates: u64,
    /// Events that became dead letters: refusals of decoding and of the database.
    pub dead_letters: u64,
    /// The batch was committed by an earlier try whose reply was lost; nothing was written now.
    pub already_committed: bool,
}

/// Who wants to own a shard, and for how long at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The process, as people know it and unlike every other: `host pid nonce`.
    pub owner: String,
    /// How long a lease lasts unless it is renewed.
    pub lease: Duration,
}

/// The answer to a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The shard is the claimant's until it is taken or released.
    Held(Term),
    /// Somebody else owns it.
    Owned {
        /// Who.
        owner: String,
        /// How long his lease lasts yet, unless he renews it.
        left: Duration,
    },
}

/// One owner's time with a shard, and where the shard stands at its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Term {
    /// Which owner, counted from the first. Only this one may move the position.
    pub epoch: i64,
    /// The committed position; `None` when nothing of the shard is committed.
    pub position: Option<Position>,
    /// What the source said of it; without losses.
    pub mark: Mark,
}

/// Where the time of a commit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Chunks made ahead of the batch.
    pub chunks: Duration,
    /// The transaction begun and its locks had.
    pub begin: Duration,
    /// Events refused by their time, their tenant or a check, and repeated ones looked up.
    pub judge: Duration,
    /// Rows written into the streams.
    pub rows: Duration,
    /// Rollups and states folded; zero where one statement does both.
    pub fold: Duration,
    /// Dead letters kept and the position moved.
    pub position: Duration,
    /// The commit itself, until it is durable.
    pub commit: Duration,
}

impl Phases {
    /// The phases by their names, in the order of a commit.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Duration); 7] {
        [
            ("chunks", self.chunks),
            ("begin", self.begin),
            ("judge", self.judge),
            ("rows", self.rows),
            ("fold", self.fold),
            ("position", self.position),
            ("commit", self.commit),
        ]
    }
}

impl AddAssign for Phases {
    fn add_assign(&mut self, more: Self) {
        self.chunks += more.chunks;
        self.begin += more.begin;
        self.judge += more.judge;
        self.rows += more.rows;
        self.fold += more.fold;
        self.position += more.position;
        self.commit += more.commit;
    }
}

/// The one transaction: rows, rollups, dead letters and position together.
///
/// Batches of a shard come one at a time and in order, each continuing where the last one ended.
/// After an error of kind `Unavailable` the caller drops the writer, makes a new one, acquires the
/// shard again and commits the same batch again: the writer must find out by the position whether
/// the first try was committed. Success means that the batch is durable.
pub trait Commit {
    /// Takes the shard, if it is free, the claimant's own, or its owner is gone. A session of the
    /// former owner that is still there is ended first.
    fn acquire(
        &mut self,
        shard: &ShardId,
        claim: &Claim,
    ) -> impl Future<Output = Result<Grant>> + Send;

    /// Gives the shard back, so that the next owner need not wait.
    fn release(&mut self, shard: &ShardId) -> impl Future<Output = Result<()>> + Send;

    /// Commits one batch, under the lease that was acquired. HD0503 when the shard is another's by
    /// now, or stands elsewhere than where the batch begins: nothing of it is written then.
    fn commit(&mut self, batch: &Batch) -> impl Future<Output = Result<Outcome>> + Send;

    /// Where the time of the last commit went, in its last attempt.
    fn phases(&self) -> Phases {
        Phases::default()
    }
}
