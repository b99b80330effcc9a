//! Writers of the benchmark: batches through the real writer, as fast as they go or at a pace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use howdah_error::{Error, Result};
use howdah_stream::{
    Batch, Body, Commit as _, Decoded, Decoder, Mark, Position, Raw, ShardId, SourceSql, Writer,
};
use tokio_util::sync::CancellationToken;

use crate::command::run::{decoder, generation, source_sql};
use crate::session::{Model, Session};

/// Events of a batch.
pub const BATCH: u64 = 1_000;
/// One event in so many is late, by hours.
const LATE: u64 = 200;
/// One batch in so many has late events.
const LATE_BATCH: u64 = 10;

/// What a batch took.
#[derive(Debug, Clone, Copy)]
pub struct Commit {
    /// In milliseconds, tries that failed included.
    pub ms: f64,
    /// Whether it held late events of chunks that may be folded.
    pub late: bool,
}

/// What a writer did.
#[derive(Debug, Default)]
pub struct Written {
    /// Its batches.
    pub commits: Vec<Commit>,
    /// Batches that failed for good.
    pub failed: u64,
    /// Events that are there.
    pub rows: u64,
    /// Events that became dead letters.
    pub dead_letters: u64,
}

/// A writer with a shard of its own.
pub struct Feed {
    writer: Writer,
    decoder: Decoder,
    shard: ShardId,
    number: u64,
    /// Events committed.
    at: u64,
    /// How far late events go back.
    hours: u64,
}

impl Feed {
    /// Connects; `number` tells it from other writers.
    pub async fn open(session: &Session, model: &Model, number: u64, hours: u64) -> Result<Self> {
        let source = &model.system.sources[0];
        let connection = session.connect().await?;
        let generation = generation(&connection).await?;
        let sql: Arc<SourceSql> = source_sql(model, source, generation)?;
        let options = session.options.clone().application_name("howdah bench writer");
        Ok(Self {
            writer: Writer::open(&options, sql).await?,
            decoder: decoder(&model.system, source)?,
            shard: ShardId { source: source.name.clone(), shard: format!("writer {number}") },
            number,
            at: 0,
            hours,
        })
    }

    /// Commits batches until `end`, one each `pace`; without a pace as fast as they go.
    pub async fn run(
        &mut self,
        pace: Option<Duration>,
        end: &CancellationToken,
    ) -> Result<Written> {
        let mut written = Written::default();
        let mut clock = pace.map(tokio::time::interval);
        let mut count = 0;
        while !end.is_cancelled() {
            if let Some(clock) = &mut clock {
                clock.tick().await;
            }
            count += 1;
            let late = count % LATE_BATCH == 0;
            let batch = self.batch(late)?;
            let start = Instant::now();
            match self.writer.commit(&batch).await {
                Ok(outcome) => {
                    self.at += BATCH;
                    written.rows += outcome.rows;
                    written.dead_letters += outcome.dead_letters;
                }
                Err(error) => {
                    written.failed += 1;
                    tracing::error!("a batch failed: {}", error.report());
                    if written.failed > 100 {
                        return Err(error);
                    }
                    // A connection that is gone is made anew by the loop that howdah has around a
                    // writer; here a failure is what is measured.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            written.commits.push(Commit { ms: start.elapsed().as_secs_f64() * 1_000.0, late });
        }
        Ok(written)
    }

    fn batch(&mut self, late: bool) -> Result<Batch> {
        let now = jiff::Timestamp::now();
        let mut decoded = Decoded::default();
        for n in 0..BATCH {
            let id = 1_000_000_000 * (1 + self.number) + self.at + n;
            let back = if late && n % LATE == LATE - 1 {
                Duration::from_secs(3_600 * (3 + (self.at / BATCH * 7 + n) % (self.hours - 3)))
            } else {
                Duration::from_millis(BATCH - n)
            };
            let at = now.checked_sub(back).map_err(|error| {
                Error::internal("the benchmark's times are out of range").source(error)
            })?;
            let text = format!(
                "{{\"tenant_id\":\"11111111-1111-4111-8111-111111111111\",\"machine_id\":{},\
                 \"n\":{id},\"at\":\"{at}\",\"temperature\":\"{}.25\",\"flow\":{}.5,\
                 \"state\":\"automatic\"}}",
                id % 40,
                60 + id % 20,
                id % 7
            );
            let position = Position((self.at + n + 1).to_string());
            self.decoder
                .decode(Raw { position, body: Body::Text(Bytes::from(text)) }, &mut decoded);
        }
        Ok(Batch {
            shard: self.shard.clone(),
            from: (self.at > 0).then(|| Position(self.at.to_string())),
            to: Position((self.at + BATCH).to_string()),
            rows: decoded.rows,
            refusals: decoded.refusals,
            events: decoded.events,
            mark: Mark::default(),
        })
    }
}
