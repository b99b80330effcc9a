//! From XADD to the visible rollup, while events flow at half the speed that was measured.
//!
//! A probe is a trade of a symbol of its own. It is added to the Redis stream behind everything
//! that waits there, and another connection asks for its candle until it shows.

use std::path::Path;
use std::time::{Duration, Instant};

use howdah_error::{Error, Kind, Result};
use howdah_pg::{Connection, connect};
use redis::aio::MultiplexedConnection;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio_util::sync::CancellationToken;

use super::sql_failed;
use crate::cli::RunArgs;
use crate::command::run::ingest;
use crate::private_redis::PrivateRedis;
use crate::session::Session;

/// The source of the benchmark's system file that reads Redis.
pub const SOURCE: &str = "live";
/// Its stream in Redis.
const STREAM: &str = "trades";
/// Where its URL is kept, in the folder of the benchmark.
pub const REDIS_URL: &str = "redis.url";
/// How often events are sent.
const TICK: Duration = Duration::from_millis(10);
/// How long a probe may stay unseen before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Probes while the run starts, which are not counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// Percentiles of the time from XADD to the visible candle, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Freshness {
    /// Events a second that flowed meanwhile.
    pub load_per_second: f64,
    /// How many probes were timed.
    pub probes: usize,
    /// Half of the probes were faster.
    pub p50_ms: f64,
    /// 95 of 100 were.
    pub p95_ms: f64,
    /// 99 of 100 were.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// Measures for `lasting`, or until the events at `events` run out.
pub async fn measure(
    session: &Session,
    redis: &PrivateRedis,
    events: &Path,
    rate: f64,
    lasting: Duration,
) -> Result<Freshness> {
    let end = CancellationToken::new();
    let args = RunArgs { once: false, source: vec![SOURCE.to_owned()] };
    let ingesting = async {
        let result = Box::pin(ingest(session, &args, &end, |_| {})).await;
        end.cancel();
        result.map(|()| 0.0)
    };
    let feeding = async {
        let result = feed(&redis.url, events, rate, &end).await;
        end.cancel();
        result
    };
    let probing = async {
        let admin = connect(&session.admin_options()?).await?;
        let result = probe(&admin, &redis.url, lasting, &end).await;
        end.cancel();
        result
    };
    let (ingested, fed, probed) = tokio::join!(ingesting, feeding, probing);
    ingested?;
    let load_per_second = fed?;
    let mut times = probed?;
    if times.is_empty() {
        return Err(Error::internal("no probe was seen before the events ran out")
            .hint("Measure with more events."));
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    Ok(Freshness {
        load_per_second,
        probes: times.len(),
        p50_ms: at(0.50),
        p95_ms: at(0.95),
        p99_ms: at(0.99),
        max_ms: at(1.0),
    })
}

/// Adds events at `rate` a second; gives the rate that was reached.
async fn feed(url: &str, events: &Path, rate: f64, end: &CancellationToken) -> Result<f64> {
    let mut connection = open(url).await?;
    let file = tokio::fs::File::open(events)
        .await
        .map_err(|error| Error::new(Kind::Io, "could not read the events").source(error))?;
    let mut lines = BufReader::new(file).lines();
    let (start, mut sent) = (Instant::now(), 0_u64);
    let mut tick = tokio::time::interval(TICK);
    while !end.is_cancelled() {
        tick.tick().await;
        let due = (start.elapsed().as_secs_f64() * rate) as u64;
        let added = add(&mut connection, &mut lines, due.saturating_sub(sent)).await?;
        if added == 0 && due > sent {
            break;
        }
        sent += added;
    }
    Ok(sent as f64 / start.elapsed().as_secs_f64())
}

/// Adds up to `count` events in one pipeline; gives how many there were.
async fn add(
    connection: &mut MultiplexedConnection,
    lines: &mut Lines<BufReader<tokio::fs::File>>,
    count: u64,
) -> Result<u64> {
    let mut pipe = redis::pipe();
    let mut added = 0;
    while added < count {
        let line = lines.next_line().await;
        let line =
            line.map_err(|error| Error::new(Kind::Io, "could not read the events").source(error))?;
        let Some(line) = line else { break };
        pipe.cmd("XADD").arg(STREAM).arg("*").arg("data").arg(line).ignore();
        added += 1;
    }
    if added > 0 {
        pipe.query_async::<()>(connection).await.map_err(redis_failed)?;
    }
    Ok(added)
}

/// Times one probe after the other, in milliseconds.
async fn probe(
    admin: &Connection,
    url: &str,
    lasting: Duration,
    end: &CancellationToken,
) -> Result<Vec<f64>> {
    let mut connection = open(url).await?;
    let shown = admin
        .prepare(
            "select coalesce(sum(trades), 0)::bigint from candles_of_live_1m \
             where exchange = 'probe' and symbol = 'probe'",
        )
        .await
        .map_err(|error| sql_failed(&error))?;
    let start = Instant::now();
    let mut times = Vec::new();
    let mut id = 0_i64;
    while !end.is_cancelled() && start.elapsed() < lasting {
        id += 1;
        let sent = Instant::now();
        let event = format!(
            "{{\"exchange\":\"probe\",\"symbol\":\"probe\",\"trade_id\":{id},\
             \"event_time\":\"2025-10-17T12:00:00Z\",\"price\":\"1\",\"amount\":\"1\",\
             \"side\":\"buy\"}}"
        );
        redis::cmd("XADD")
            .arg(&[STREAM, "*", "data", &event])
            .exec_async(&mut connection)
            .await
            .map_err(redis_failed)?;
        loop {
            let row = admin.query_one(&shown, &[]).await.map_err(|error| sql_failed(&error))?;
            if row.get::<_, i64>(0) >= id {
                break;
            }
            if end.is_cancelled() {
                return Ok(times);
            }
            if sent.elapsed() > PATIENCE {
                return Err(Error::internal("a probe does not show in its candle"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if start.elapsed() > WARM_UP {
            times.push(sent.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    Ok(times)
}

async fn open(url: &str) -> Result<MultiplexedConnection> {
    let client = redis::Client::open(url).map_err(redis_failed)?;
    client.get_multiplexed_async_connection().await.map_err(redis_failed)
}

fn redis_failed(error: redis::RedisError) -> Error {
    Error::new(Kind::Unavailable, "the benchmark's Redis could not be used").source(error)
}
