//! Reading and decoding ahead of the commit: chunks → batches, bounded.
//!
//! Two tasks: the reader's chunks wait for the batcher, at most [`CHUNKS_AHEAD`] of them, and one
//! batch fills while another is committed. A batch is cut when the commit asks for the next one, so
//! that it has in it what came until then, and no event waits in a batch that waits itself. A slow
//! database so fills batches to their limits and then stops the reading.

use std::collections::VecDeque;
use std::time::Duration;

use howdah_error::{Error, Result};
use howdah_system::IngestLimits;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::batch::{Batch, Mark, Position, ShardId};
use crate::decode::{Decoded, Decoder};
use crate::failpoint;
use crate::pace::{Pace, Pacer};
use crate::raw::Raw;
use crate::source::Reader;

/// How many chunks are read ahead of decoding.
const CHUNKS_AHEAD: usize = 2;

/// Where a batch that was asked for goes, or the error that ended the reading.
type Asked = oneshot::Sender<Result<Batch>>;

/// The batches of an open source, made by tasks that end when it is dropped.
#[derive(Debug)]
pub struct Batches {
    asks: mpsc::Sender<Asked>,
    /// What was asked for and has not come yet.
    awaited: Option<oneshot::Receiver<Result<Batch>>>,
    /// The reader and the batcher, until their end was seen.
    tasks: Vec<JoinHandle<()>>,
}

impl Batches {
    /// Starts reading and decoding; the first batch continues `from`. No more events are decoded
    /// than `pace` lets through.
    pub fn start(
        reader: Reader,
        decoder: Decoder,
        shard: ShardId,
        from: Option<Position>,
        limits: IngestLimits,
        pace: Pace,
    ) -> Self {
        let (chunk_sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let (asks, asked) = mpsc::channel(1);
        let open = Open::new(shard, from, limits);
        let batcher = Batcher {
            chunks,
            ahead: VecDeque::new(),
            pacer: Pacer::new(pace),
            decoder,
            open,
            asks: asked,
            asked: None,
        };
        let tasks = vec![tokio::spawn(read(reader, chunk_sender)), tokio::spawn(batcher.run())];
        Self { asks, awaited: None, tasks }
    }

    /// The next batch, or the error that ended the reading behind the last good batch; `None` when
    /// the source has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Batch>> {
        if self.awaited.is_none() {
            let (sender, receiver) = oneshot::channel();
            if self.asks.send(sender).await.is_ok() {
                self.awaited = Some(receiver);
            }
        }
        if let Some(awaited) = &mut self.awaited {
            // An ask that comes to the channel while the batcher leaves it stays there unheard, as
            // long as this end lives: the end of the batcher is an answer too.
            let came = tokio::select! {
                biased;
                came = &mut *awaited => came.ok(),
                () = self.asks.closed() => awaited.try_recv().ok(),
            };
            self.awaited = None;
            if let Some(item) = came {
                return Some(item);
            }
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

/// Fills batches, and cuts them when they are asked for.
struct Batcher {
    chunks: mpsc::Receiver<Result<Vec<Raw>>>,
    /// What the pace holds back of the last chunk.
    ahead: VecDeque<Raw>,
    pacer: Pacer,
    decoder: Decoder,
    open: Open,
    asks: mpsc::Receiver<Asked>,
    /// Who waits for a batch.
    asked: Option<Asked>,
}

/// What a [`Batcher`] does next.
enum Next {
    /// More events came, or the reading failed or (`None`) ended.
    Chunk(Option<Result<Vec<Raw>>>),
    /// The next batch is asked for; `None`: nobody wants batches any more.
    Asked(Option<Asked>),
    /// The batch has lingered, and somebody waits for it.
    Due,
    /// What was held back may be taken.
    Free,
}

impl Batcher {
    /// Runs until the reading ends or nobody wants batches any more. A batch that is due takes more
    /// events until it is asked for or full: the slower the commits, the larger they are.
    async fn run(mut self) {
        let failure = loop {
            let (due, asked) = (self.open.due, self.asked.is_some());
            let free = (!self.ahead.is_empty()).then(|| self.pacer.due(Instant::now()));
            let next = tokio::select! {
                biased;
                ask = self.asks.recv(), if !asked => Next::Asked(ask),
                () = reached(due), if asked => Next::Due,
                () = reached(free) => Next::Free,
                chunk = self.chunks.recv(), if free.is_none() => Next::Chunk(chunk),
            };
            let wanted = match next {
                Next::Asked(None) => return,
                Next::Asked(Some(ask)) => {
                    self.asked = Some(ask);
                    true
                }
                Next::Due => self.send().await,
                Next::Free => self.fill().await,
                Next::Chunk(Some(Ok(chunk))) => {
                    if let Err(error) = failpoint::hit("decode").await {
                        break Some(error);
                    }
                    self.ahead = chunk.into();
                    self.fill().await
                }
                Next::Chunk(Some(Err(error))) => break Some(error),
                Next::Chunk(None) => break None,
            };
            if !wanted {
                return;
            }
        };
        if self.send().await
            && let Some(error) = failure
        {
            self.give(Err(error)).await;
        }
    }

    /// Decodes what is ahead, as far as the pace allows, and sends each batch that becomes full;
    /// `false` when nobody wants them.
    async fn fill(&mut self) -> bool {
        while self.pacer.is_free(Instant::now)
            && let Some(raw) = self.ahead.pop_front()
        {
            let before = self.open.decoded.events;
            self.open.push(raw, &mut self.decoder);
            self.pacer.took(self.open.decoded.events - before, Instant::now);
            if self.open.is_full() && !self.send().await {
                return false;
            }
        }
        // Decoding a chunk takes a while; others on this thread get their turn.
        tokio::task::yield_now().await;
        true
    }

    /// Sends the open batch, unless it is empty; `false` when nobody wants it.
    async fn send(&mut self) -> bool {
        match self.open.cut() {
            Some(batch) => self.give(Ok(batch)).await,
            None => true,
        }
    }

    /// Waits until a batch is asked for, and gives `item`; `false` when nobody wants it.
    async fn give(&mut self, item: Result<Batch>) -> bool {
        let ask = match self.asked.take() {
            Some(ask) => Some(ask),
            None => self.asks.recv().await,
        };
        // Who has asked and is gone does not ask again.
        ask.is_some_and(|ask| ask.send(item).is_ok())
    }
}

/// Ends at a moment; never without one.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
