//! The load as it comes: a trickle, and a burst, each from the entry in Redis to its commit.

use std::time::Duration;

use howdah_error::{Error, Result};
use howdah_feed::{Feed, Options};
use howdah_pg::{Connection, connect};
use howdah_stream::Progress;
use howdah_stream::progress::{BOUNDS_MS, Histogram};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::usage::Usage;
use super::UNTIL_MS;
use crate::cli::RunArgs;
use crate::command::apply::apply_told;
use crate::command::demo::stage::Stage;
use crate::command::run::ingest;
use crate::feeder::{Sending, Target, send};

/// The load of the feed that is played so.
pub const LOAD: &str = "L4";
/// What flows, in events a second, and for how many seconds; nothing at first.
const PHASES: [(u64, u64); 3] = [(0, 15), (20, 60), (1_000, 30)];
/// How long the last events may take to be committed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one rate gave.
#[derive(Debug, Serialize)]
pub struct Phase {
    /// Events a second that were sent.
    pub rate: u64,
    /// Events that were committed meanwhile.
    pub events: u64,
    /// Half of the entries took at most so long from Redis to their commit, by the bounds of the
    /// metrics: 1, 2, 5, 10, 20, 50, …
    pub p50_at_most_ms: Option<u64>,
    pub p99_at_most_ms: Option<u64>,
    /// Processor use of howdah, of one core.
    pub cpu: f64,
    /// The same of the server.
    pub server_cpu: f64,
}

/// Plays the load once.
pub async fn measure(stage: &Stage) -> Result<Vec<Phase>> {
    let admin = connect(&stage.session.admin_options()?).await?;
    Box::pin(apply_told(&stage.session, &[], &|_| {})).await?;
    let events = PHASES.iter().map(|(rate, seconds)| rate * seconds).sum();
    let options = Options { profile: LOAD.to_owned(), ..Options::new(events, 1, UNTIL_MS) };
    let mut feed = howdah_feed::events("chain", &options)?;
    let end = CancellationToken::new();
    let (shards, seen) = watch::channel(Vec::new());
    let args = RunArgs { once: false, source: Vec::new() };
    let running = Box::pin(ingest(&stage.session, &args, &end, |progress| {
        shards.send_modify(|all: &mut Vec<watch::Receiver<Progress>>| all.push(progress));
    }));
    let playing = async {
        let mut phases = Vec::new();
        for (rate, seconds) in PHASES {
            phases.push(play(stage, &admin, &seen, &mut feed, rate, seconds).await?);
        }
        end.cancel();
        Ok(phases)
    };
    tokio::pin!(playing);
    tokio::select! {
        ended = running => ended.and_then(|()| Err(Error::internal("the run ended too early"))),
        phases = &mut playing => phases,
    }
}

type Seen = watch::Receiver<Vec<watch::Receiver<Progress>>>;

async fn play(
    stage: &Stage,
    admin: &Connection,
    seen: &Seen,
    feed: &mut Feed,
    rate: u64,
    seconds: u64,
) -> Result<Phase> {
    let (before, latency_before) = totals(seen);
    let (usage, started) = (Usage::now(admin).await?, Instant::now());
    let lasting = Duration::from_secs(seconds);
    let mut sent = 0;
    if rate == 0 {
        tokio::time::sleep(lasting).await;
    } else {
        let field = howdah_feed::redis_field("chain");
        let target = Target::Redis { url: stage.redis.url.clone(), field };
        let sending =
            Sending { rate: Some(rate), most: Some(rate * seconds), ..Sending::default() };
        sent = send(feed, &target, &sending, &CancellationToken::new(), |_| {}).await?;
    }
    let until = Instant::now() + PATIENCE;
    while totals(seen).0 < before + sent {
        if Instant::now() > until {
            return Err(Error::internal("the events are not committed after a minute"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (cost, elapsed) = (usage.until_now(admin).await?, started.elapsed().as_secs_f64());
    let (after, latency) = totals(seen);
    let latency = difference(&latency, &latency_before);
    Ok(Phase {
        rate,
        events: after - before,
        p50_at_most_ms: bound(&latency, 0.5),
        p99_at_most_ms: bound(&latency, 0.99),
        cpu: cost.own_seconds / elapsed,
        server_cpu: cost.server_seconds / elapsed,
    })
}

/// Events committed and latencies, over all shards.
fn totals(seen: &Seen) -> (u64, Histogram) {
    let (mut events, mut latency) = (0, Histogram::default());
    for shard in seen.borrow().iter() {
        let progress = shard.borrow();
        events += progress.events;
        for (sum, count) in latency.counts.iter_mut().zip(progress.latency.counts) {
            *sum += count;
        }
    }
    (events, latency)
}

fn difference(after: &Histogram, before: &Histogram) -> Histogram {
    let mut left = *after;
    for (count, earlier) in left.counts.iter_mut().zip(before.counts) {
        *count -= earlier;
    }
    left
}

/// The bound under which this share of the latencies is; `None` without any, or above all.
fn bound(latency: &Histogram, share: f64) -> Option<u64> {
    let wanted = (latency.count() as f64 * share).ceil() as u64;
    let mut so_far = 0;
    latency.counts.iter().zip(BOUNDS_MS).find_map(|(count, bound)| {
        so_far += count;
        (so_far >= wanted && wanted > 0).then_some(bound)
    })
}
