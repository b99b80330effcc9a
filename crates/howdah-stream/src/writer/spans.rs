//! Rollups of spans after the streams of a batch; see [`howdah_rollup::span`].
//!
//! The lock of spans is taken when all rows of the batch are in the streams and folded, so batches
//! wait for each other with nothing but that, their derivation and their commit before them. A
//! batch that is tried carefully takes it for each range, with rows of rollups in hand: two batches
//! may then wait for each other, the server ends one, and it is tried again.

use howdah_error::Result;
use howdah_pg::{Connection, Fault, classify};
use howdah_plan::history;
use howdah_rollup::span::{self, Following, History};
use howdah_system::System;
use tokio::sync::OnceCell;
use tokio_postgres::Statement;

use super::Writer;
use super::failed::{Again, Failed, Tried, failed};
use super::sql::{prepare, prepare_all};

/// What follows a batch in the spans of one stream.
#[derive(Debug, Clone)]
pub(super) struct Spans {
    /// The stream among those of the source; `None`: the source only takes its events back.
    target: Option<usize>,
    /// Whether the stream may have segments.
    segmented: bool,
    /// The query whether anything came or went.
    moved: String,
    following: Following,
}

impl Spans {
    /// Those of all streams that a batch into `streams` may change.
    pub(super) fn all(system: &System, streams: &[usize]) -> Vec<Self> {
        let mut out: Vec<Self> = system
            .reach(streams)
            .into_iter()
            .filter_map(|stream| {
                let view = history::view(&system.streams[stream]);
                Some(Self {
                    target: streams.iter().position(|index| *index == stream),
                    segmented: system.streams[stream].segment.is_some(),
                    moved: span::has_moved(&system.streams[stream]),
                    following: span::follow(system, stream, &History { view })?,
                })
            })
            .collect();
        // All batches take the locks in one order.
        out.sort_by(|a, b| a.following.lock.cmp(&b.following.lock));
        out
    }
}

/// The prepared statements of one of [`Spans`].
pub(super) struct SpanStatements {
    moved: Statement,
    pairs: Vec<Statement>,
    /// Prepared when chunks of the stream are folded.
    pairs_in_history: OnceCell<Vec<Statement>>,
    rollups: Vec<Statement>,
}

impl SpanStatements {
    pub(super) async fn prepare(connection: &Connection, spans: &[Spans]) -> Result<Vec<Self>> {
        let mut out = Vec::with_capacity(spans.len());
        for Spans { moved, following, .. } in spans {
            out.push(Self {
                moved: prepare(connection, moved).await?,
                pairs: prepare_all(connection, &following.pairs).await?,
                pairs_in_history: OnceCell::new(),
                rollups: prepare_all(connection, &following.rollups).await?,
            });
        }
        Ok(out)
    }
}

impl Writer {
    /// Brings the rollups of spans after the rows of the batch. When that fails by an event's
    /// fault, the batch is to be tried again, carefully.
    pub(super) async fn follow_all(&mut self) -> Tried<()> {
        let Err(error) = self.follow_spans().await else { return Ok(()) };
        let data = classify(&error) == Fault::Data;
        let failed = failed("could not bring the rollups of spans after a batch")(error);
        if data && !self.careful {
            self.careful = true;
            return Err(Failed { again: Again::Same, ..failed });
        }
        Err(failed)
    }

    pub(super) async fn follow_spans(&self) -> Result<(), tokio_postgres::Error> {
        let connection = &self.connection;
        let mut moved: Vec<(&Spans, &SpanStatements)> = Vec::new();
        for (spans, statements) in self.sql.spans.iter().zip(&self.statements.spans) {
            if connection.query_one(&statements.moved, &[]).await?.get(0) {
                moved.push((spans, statements));
            }
        }
        let locks: Vec<&str> =
            moved.iter().map(|(spans, _)| spans.following.lock.as_str()).collect();
        if locks.is_empty() {
            return Ok(());
        }
        connection.batch_execute(&locks.join("; ")).await?;
        for (spans, statements) in moved {
            let following = &spans.following;
            // Of a stream that the source does not fill no fence was read.
            let fence = |target: usize| self.folded_before.get(target).copied().flatten();
            let folded = spans.target.map_or(spans.segmented, |target| fence(target).is_some());
            let pairs = if folded {
                let prepared = statements.pairs_in_history.get_or_try_init(async || {
                    let mut out = Vec::new();
                    for text in &following.pairs_in_history {
                        out.push(connection.prepare(text).await?);
                    }
                    Ok::<_, tokio_postgres::Error>(out)
                });
                prepared.await?
            } else {
                &statements.pairs
            };
            connection.batch_execute(&following.before_pairs).await?;
            for statement in pairs {
                connection.execute(statement, &[]).await?;
            }
            connection.batch_execute(&following.before_rollups).await?;
            for statement in &statements.rollups {
                connection.execute(statement, &[]).await?;
            }
            connection.batch_execute(&following.after).await?;
        }
        Ok(())
    }
}
