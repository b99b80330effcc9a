//! From XADD to the visible rollup, while events flow at half the speed that was measured.
//!
//! A probe is a trade of a symbol of its own. Probes are added to the Redis stream at fixed times,
//! whether the ones before have shown or not, behind everything that waits there; another
//! connection reads their candle and sees how many have arrived. The events that flow meanwhile are
//! encoded before the clock starts, so that sending them takes little of the machine.

use std::path::Path;
use std::time::{Duration, Instant};

use howdah_error::{Error, Kind, Result};
use howdah_pg::{Connection, connect};
use redis::aio::MultiplexedConnection;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{inputs, percentile, sql_failed};
use crate::cli::RunArgs;
use crate::command::run::ingest;
use crate::private_redis::PrivateRedis;
use crate::session::Session;

/// How often events are sent.
const TICK: Duration = Duration::from_millis(10);
/// How often a probe is sent.
const PROBE: Duration = Duration::from_millis(20);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(2);
/// How long a probe may stay unseen before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Probes while the load sets in, which are not counted.
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

/// The events that flow meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Load<'l> {
    /// Where they are.
    pub events: &'l Path,
    /// How many streams in Redis they go to.
    pub shards: usize,
    /// How many a second.
    pub rate: f64,
    /// For how long they are to last.
    pub lasting: Duration,
}

/// Measures for as long as the load lasts, or until its events run out.
pub async fn measure(
    session: &Session,
    redis: &PrivateRedis,
    load: &Load<'_>,
) -> Result<Freshness> {
    let lasting = load.lasting;
    let ticks = encode(load).await?;
    let mut connection = open(&redis.url).await?;
    // What an earlier run left would be read first. And a rewrite of the append-only file would
    // take a core of its own meanwhile.
    redis::pipe()
        .cmd("UNLINK")
        .arg((0..load.shards).map(inputs::redis_stream).collect::<Vec<_>>())
        .cmd("CONFIG")
        .arg(&["SET", "auto-aof-rewrite-percentage", "0"])
        .exec_async(&mut connection)
        .await
        .map_err(redis_failed)?;
    let (end, (up, is_up)) = (CancellationToken::new(), watch::channel(false));
    let args = RunArgs { once: false, source: vec![inputs::LIVE.to_owned()] };
    let ingesting = async {
        let result = Box::pin(ingest(session, &args, &end, |_| {})).await;
        end.cancel();
        result
    };
    let feeding = async {
        let result = feed(&redis.url, &ticks, is_up, &end).await;
        end.cancel();
        result
    };
    let probing = async {
        let admin = connect(&session.admin_options()?).await?;
        let result = Probing { admin, connection, shards: load.shards, end: &end }
            .measure(&up, lasting)
            .await;
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
    let at = |share| percentile(&times, share);
    Ok(Freshness {
        load_per_second,
        probes: times.len(),
        p50_ms: at(0.50),
        p95_ms: at(0.95),
        p99_ms: at(0.99),
        max_ms: at(1.0),
    })
}

/// The commands of each tick, in Redis's protocol, and how many events they add.
struct Tick {
    commands: Vec<u8>,
    events: u64,
}

/// Encodes the events of the load, or as many as there are.
async fn encode(load: &Load<'_>) -> Result<Vec<Tick>> {
    let (rate, lasting) = (load.rate, load.lasting + WARM_UP);
    let failed = |error| Error::new(Kind::Io, "could not read the events").source(error);
    let file = tokio::fs::File::open(load.events).await.map_err(failed)?;
    let mut lines = BufReader::new(file).lines();
    let (mut ticks, mut sent) = (Vec::new(), 0_u64);
    for number in 1..=(lasting.as_secs_f64() / TICK.as_secs_f64()).ceil() as u64 {
        let due = (number as f64 * TICK.as_secs_f64() * rate) as u64;
        let mut tick = Tick { commands: Vec::new(), events: 0 };
        while sent + tick.events < due {
            let Some(line) = lines.next_line().await.map_err(failed)? else { return Ok(ticks) };
            let stream = inputs::redis_stream(inputs::shard_of(&line, load.shards));
            let add = redis::cmd("XADD").arg(stream).arg("*").arg("data").arg(line).take();
            add.write_packed_command(&mut tick.commands);
            tick.events += 1;
        }
        sent += tick.events;
        ticks.push(tick);
    }
    Ok(ticks)
}

/// Sends the ticks, from the moment when howdah is up; gives the rate that was reached.
async fn feed(
    url: &str,
    ticks: &[Tick],
    mut is_up: watch::Receiver<bool>,
    end: &CancellationToken,
) -> Result<f64> {
    let failed = |error| Error::new(Kind::Io, "could not feed Redis").source(error);
    let (mut replies, mut commands) = authenticated(url).await?.into_split();
    tokio::select! {
        up = is_up.wait_for(|up| *up) => drop(up),
        () = end.cancelled() => return Ok(0.0),
    }
    // What was added shows in the rollups; its ids are nobody's business here.
    let mut ignored = vec![0; 64 << 10];
    let ignoring = async {
        while replies.read(&mut ignored).await.map_err(failed)? > 0 {}
        Ok(())
    };
    let sending = async {
        let (start, mut sent) = (Instant::now(), 0_u64);
        let mut clock = tokio::time::interval(TICK);
        for tick in ticks {
            clock.tick().await;
            if end.is_cancelled() {
                break;
            }
            commands.write_all(&tick.commands).await.map_err(failed)?;
            sent += tick.events;
        }
        Ok(sent as f64 / start.elapsed().as_secs_f64())
    };
    tokio::select! {
        sent = sending => sent,
        ended = ignoring => ended.map(|()| 0.0),
    }
}

/// A bare connection, for commands that are encoded already.
async fn authenticated(url: &str) -> Result<TcpStream> {
    let failed = |error| Error::new(Kind::Io, "could not feed Redis").source(error);
    let client = redis::Client::open(url).map_err(redis_failed)?;
    let info = client.get_connection_info();
    let mut stream = TcpStream::connect(info.addr().to_string()).await.map_err(failed)?;
    if let Some(password) = info.redis_settings().password() {
        let auth = redis::cmd("AUTH").arg(password).get_packed_command();
        stream.write_all(&auth).await.map_err(failed)?;
        let mut reply = [0; 5];
        stream.read_exact(&mut reply).await.map_err(failed)?;
        if &reply != b"+OK\r\n" {
            return Err(Error::internal("the benchmark's Redis refuses its password"));
        }
    }
    Ok(stream)
}

/// Sends probes and looks for them.
struct Probing<'e> {
    admin: Connection,
    connection: MultiplexedConnection,
    shards: usize,
    end: &'e CancellationToken,
}

impl Probing<'_> {
    /// The times of the probes from their XADD until they were seen, in milliseconds. Says when the
    /// first one was seen, and counts from then.
    async fn measure(&mut self, up: &watch::Sender<bool>, lasting: Duration) -> Result<Vec<f64>> {
        let shown = self
            .admin
            .prepare(
                "select coalesce(sum(trades), 0)::bigint from candles_of_live_1m \
                 where tenant_id = '00000000-0000-4000-8000-000000000001' \
                 and exchange = 'probe' and symbol = 'probe'",
            )
            .await
            .map_err(|error| sql_failed(&error))?;
        let (mut sent, mut times): (Vec<Instant>, Vec<f64>) = (Vec::new(), Vec::new());
        let (mut seen, mut start) = (0, None);
        loop {
            // One alone until howdah is up; then one after the other at its time.
            let due = match start {
                None => sent.is_empty(),
                Some(start) => Instant::now() >= start + PROBE * sent.len() as u32,
            };
            if due {
                sent.push(Instant::now());
                self.add(sent.len()).await?;
            }
            let row = self.admin.query_one(&shown, &[]).await;
            let arrived = row.map_err(|error| sql_failed(&error))?.get::<_, i64>(0) as usize;
            for at in &sent[seen..arrived.min(sent.len())] {
                if start.is_some_and(|start| *at > start + WARM_UP) {
                    times.push(at.elapsed().as_secs_f64() * 1_000.0);
                }
            }
            seen = arrived;
            if start.is_none() && seen > 0 {
                start = Some(Instant::now());
                up.send_replace(true);
            }
            let done = start.is_some_and(|start| start.elapsed() > WARM_UP + lasting);
            if done || self.end.is_cancelled() {
                return Ok(times);
            }
            if sent.get(seen).is_some_and(|at| at.elapsed() > PATIENCE) {
                return Err(Error::internal("a probe does not show in its candle"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn add(&mut self, id: usize) -> Result<()> {
        let event = format!(
            "{{\"exchange\":\"probe\",\"symbol\":\"probe\",\"trade_id\":{id},\
             \"event_time\":\"2025-10-17T12:00:00Z\",\"price\":\"1\",\"amount\":\"1\",\
             \"side\":\"buy\"}}"
        );
        let stream = inputs::redis_stream(inputs::shard_of(&event, self.shards));
        redis::cmd("XADD")
            .arg(&[&stream, "*", "data", &event])
            .exec_async(&mut self.connection)
            .await
            .map_err(redis_failed)
    }
}

async fn open(url: &str) -> Result<MultiplexedConnection> {
    let client = redis::Client::open(url).map_err(redis_failed)?;
    client.get_multiplexed_async_connection().await.map_err(redis_failed)
}

fn redis_failed(error: redis::RedisError) -> Error {
    Error::new(Kind::Unavailable, "the benchmark's Redis could not be used").source(error)
}
