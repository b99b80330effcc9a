//! Reading and decoding ahead of the commit: chunks → batches, bounded.
//!
//! Two tasks and two bounded channels: the reader's chunks wait for the batcher, at most
//! [`CHUNKS_AHEAD`] of them, and one cut batch waits for the commit while the next one fills. A
//! slow database so fills batches to their limits and then stops the reading.

use std::time::Duration;

use howdah_error::{Error, Result};
use howdah_system::IngestLimits;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::batch::{Batch, Mark, Position, ShardId};
use crate::decode::{Decoded, Decoder};
use crate::failpoint;
use crate::raw::Raw;
use crate::source::Reader;

/// How many chunks are read ahead of decoding.
const CHUNKS_AHEAD: usize = 2;
/// How many batches are cut ahead of the commit.
const BATCHES_AHEAD: usize = 1;

/// The batches of an open source, made by tasks that end when it is dropped.
#[derive(Debug)]
pub struct Batches {
    batches: mpsc::Receiver<Result<Batch>>,
    /// The reader and the batcher, until their end was seen.
    tasks: Vec<JoinHandle<()>>,
}

impl Batches {
    /// Starts reading and decoding; the first batch continues `from`.
    pub fn start(
        reader: Reader,
        decoder: Decoder,
        shard: ShardId,
        from: Option<Position>,
        limits: IngestLimits,
    ) -> Self {
        let (chunk_sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let (batch_sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let open = Open::new(shard, from, limits);
        let tasks = vec![
            tokio::spawn(read(reader, chunk_sender)),
            tokio::spawn(cut(chunks, decoder, open, batch_sender)),
        ];
        Self { batches, tasks }
    }

    /// The next batch, or the error that ended the reading behind the last good batch; `None` when
    /// the source has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Batch>> {
        if let Some(item) = self.batches.recv().await {
            return Some(item);
        }
        // A task that panicked must not look like the end of the source. The batcher comes first:
        // without it the reader ends too, but perhaps only after a wait.
        while let Some(task) = self.tasks.last_mut() {
            let ended = task.await;
            self.tasks.pop();
            if ended.is_err_and(|error| error.is_panic()) {
                return Some(Err(Error::internal("reading or decoding a source panicked")));
            }
        }
        None
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn read(mut reader: Reader, chunks: mpsc::Sender<Result<Vec<Raw>>>) {
    loop {
        let item = match next(&mut reader).await {
            Ok(Some(chunk)) => Ok(chunk),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let last = item.is_err();
        if chunks.send(item).await.is_err() || last {
            return;
        }
    }
}

async fn next(reader: &mut Reader) -> Result<Option<Vec<Raw>>> {
    failpoint::hit("reader.next").await?;
    reader.next_chunk().await
}

/// The batch that is being filled.
#[derive(Debug)]
struct Open {
    shard: ShardId,
    limits: IngestLimits,
    from: Option<Position>,
    to: Option<Position>,
    decoded: Decoded,
    /// When its linger ends.
    due: Option<Instant>,
}

impl Open {
    fn new(shard: ShardId, from: Option<Position>, limits: IngestLimits) -> Self {
        Self { shard, limits, from, to: None, decoded: Decoded::default(), due: None }
    }

    /// Takes the events of one position, all of them: a batch never ends within an entry, so a
    /// batch may be larger than its limits by one entry.
    fn push(&mut self, raw: Raw, decoder: &mut Decoder) {
        self.to = Some(raw.position.clone());
        decoder.decode(raw, &mut self.decoded);
        if self.due.is_none() {
            self.due = Some(Instant::now() + Duration::from_millis(self.limits.linger_ms));
        }
    }

    fn is_full(&self) -> bool {
        let rows = self.decoded.rows.len() + self.decoded.refusals.len();
        rows >= self.limits.batch_rows.max(1) || self.decoded.bytes >= self.limits.batch_bytes
    }

    /// Cuts the batch; `None` when nothing is in it. The next one continues it.
    fn cut(&mut self) -> Option<Batch> {
        let to = self.to.take()?;
        let Decoded { rows, refusals, events, .. } = std::mem::take(&mut self.decoded);
        self.decoded.rows.reserve(rows.len());
        self.due = None;
        Some(Batch {
            shard: self.shard.clone(),
            from: self.from.replace(to.clone()),
            to,
            events,
            rows,
            refusals,
            mark: Mark::default(),
        })
    }
}

/// What [`cut`] does next.
enum Next<'s> {
    /// More events came, or the reading failed or (`None`) ended.
    Chunk(Option<Result<Vec<Raw>>>),
    /// The batch has lingered, and the commit is ready for it.
    Send(mpsc::Permit<'s, Result<Batch>>),
    /// Nobody wants batches any more.
    Closed,
}

/// Fills and cuts batches until the reading ends. A batch that is due waits for the commit, but
/// takes more events until it is full.
async fn cut(
    mut chunks: mpsc::Receiver<Result<Vec<Raw>>>,
    mut decoder: Decoder,
    mut open: Open,
    batches: mpsc::Sender<Result<Batch>>,
) {
    loop {
        let due = open.due;
        let next = tokio::select! {
            biased;
            chunk = chunks.recv() => Next::Chunk(chunk),
            permit = permit_when(due, &batches) => permit.map_or(Next::Closed, Next::Send),
        };
        let failure = match next {
            Next::Closed => return,
            Next::Send(permit) => {
                if let Some(batch) = open.cut() {
                    permit.send(Ok(batch));
                }
                continue;
            }
            Next::Chunk(Some(Ok(chunk))) => {
                if !fill(chunk, &mut decoder, &mut open, &batches).await {
                    return;
                }
                continue;
            }
            Next::Chunk(Some(Err(error))) => Some(error),
            Next::Chunk(None) => None,
        };
        finish(open, failure, &batches).await;
        return;
    }
}

/// A permit to send, once the linger has ended; never without an open batch.
async fn permit_when(
    due: Option<Instant>,
    batches: &mpsc::Sender<Result<Batch>>,
) -> Option<mpsc::Permit<'_, Result<Batch>>> {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
    batches.reserve().await.ok()
}

/// Decodes a chunk and sends each batch that becomes full; `false` when nobody wants them, or when
/// a failpoint said so.
async fn fill(
    chunk: Vec<Raw>,
    decoder: &mut Decoder,
    open: &mut Open,
    batches: &mpsc::Sender<Result<Batch>>,
) -> bool {
    if let Err(error) = failpoint::hit("decode").await {
        let _ = batches.send(Err(error)).await;
        return false;
    }
    for raw in chunk {
        open.push(raw, decoder);
        if open.is_full()
            && let Some(batch) = open.cut()
            && batches.send(Ok(batch)).await.is_err()
        {
            return false;
        }
    }
    // Decoding a chunk takes a while; others on this thread get their turn.
    tokio::task::yield_now().await;
    true
}

async fn finish(mut open: Open, failure: Option<Error>, batches: &mpsc::Sender<Result<Batch>>) {
    let last = open.cut().map(Ok).into_iter();
    for item in last.chain(failure.map(Err)) {
        if batches.send(item).await.is_err() {
            return;
        }
    }
}
