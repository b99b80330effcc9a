//! Against the design that was reviewed: the system calls on howdah, and as its review found it
//! (`systems/calls/before`), with the same events in one run on one server.
//!
//! The reviewed design takes each event as it did: one statement in a transaction of its own, with
//! its row triggers, indexes and audit; the refresh of its views is left out. It gets the first
//! part of the events only, because it is slow; howdah gets them all, through Redis.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use howdah_error::{Error, Result};
use howdah_feed::Options;
use howdah_pg::{Connection, connect};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Statement;
use tokio_postgres::types::{ToSql, Type};
use tokio_util::sync::CancellationToken;

use super::sql_failed;
use super::usage::Usage;
use crate::cli::RunArgs;
use crate::command::apply::apply_all;
use crate::command::demo::stage::Stage;
use crate::command::demo::systems;
use crate::command::feed::load;
use crate::command::run::ingest;
use crate::feeder::{Sending, Target, send};

/// How many times more events howdah gets.
const MORE: u64 = 20;
/// The last second of a fixed day: the same events at every run.
const UNTIL_MS: i64 = 1_760_745_599_000;
const HOUR_MS: i64 = 3_600_000;

/// What both sides did.
#[derive(Debug, Serialize)]
pub struct Reviewed {
    /// The system calls on howdah.
    pub howdah: Side,
    /// The design that was reviewed.
    pub before: Side,
    /// How many times more events a second howdah takes.
    pub ratio: f64,
}

/// What one side did.
#[derive(Debug, Serialize)]
pub struct Side {
    /// Events that it took.
    pub events: u64,
    /// Its speed.
    pub events_per_second: f64,
    /// Processor seconds per million events, of the server and of howdah.
    pub cpu_seconds_per_million: f64,
    /// Bytes of write-ahead log per event.
    pub wal_bytes_per_event: f64,
}

impl Side {
    fn new(events: u64, seconds: f64, cpu_seconds: f64, wal_bytes: f64) -> Self {
        let count = events as f64;
        Self {
            events,
            events_per_second: count / seconds,
            cpu_seconds_per_million: cpu_seconds / count * 1e6,
            wal_bytes_per_event: wal_bytes / count,
        }
    }
}

macro_rules! before {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../../systems/calls/before/", $name, ".sql")))),*]
    };
}

/// The schema of the reviewed design, in order.
const MIGRATIONS: [(&str, &str); 4] = before![
    "migrations/0001_core",
    "migrations/0002_calls",
    "migrations/0003_market",
    "migrations/0004_analytics",
];
/// How it takes an event of each stream.
const LOADS: [(&str, &str); 9] = before![
    "load/accounts",
    "load/auction_events",
    "load/bid_events",
    "load/call_events",
    "load/call_quality",
    "load/compliance_checks",
    "load/fraud_scores",
    "load/ledger",
    "load/outcomes",
];

/// Measures both, the reviewed design with `events` events.
pub async fn measure(dir: &Path, events: u64) -> Result<Reviewed> {
    let stage = Stage::open(dir, systems::find("calls")?, false).await?;
    let result = Box::pin(measure_on(&stage, events)).await;
    let closed = stage.close().await;
    let out = result?;
    closed?;
    Ok(out)
}

/// Faultless events: the reviewed design has nowhere to put a broken one.
fn options(events: u64) -> Options {
    let mut options = Options::new(events, 1, UNTIL_MS);
    options.span_ms = 6 * HOUR_MS;
    options.broken_per_million = 0;
    options
}

async fn measure_on(stage: &Stage, events: u64) -> Result<Reviewed> {
    let admin = connect(&stage.session.admin_options()?).await?;
    let options = options(events * MORE);
    let howdah = Box::pin(load_ours(stage, &admin, &options)).await?;
    let design = Before::build(stage, &admin, &options).await?;
    let (usage, started) = (Usage::now(&admin).await?, Instant::now());
    let taken = design.take(&options, events).await?;
    let seconds = started.elapsed().as_secs_f64();
    let cost = usage.until_now(&admin).await?;
    // The client of the reviewed design is the benchmark itself: not counted, in its favour.
    let before = Side::new(taken, seconds, cost.server_seconds, cost.wal_bytes);
    let ratio = howdah.events_per_second / before.events_per_second;
    Ok(Reviewed { howdah, before, ratio })
}

/// All events through Redis into howdah.
async fn load_ours(stage: &Stage, admin: &Connection, options: &Options) -> Result<Side> {
    apply_all(&stage.session, &[]).await?;
    load(&stage.session, &howdah_feed::entities_sql("calls", options)?).await?;
    let mut feed = howdah_feed::events("calls", options)?;
    let field = howdah_feed::redis_field("calls");
    let target = Target::Redis { url: stage.redis.url.clone(), field };
    let sending = Sending::default();
    let never = CancellationToken::new();
    let events = send(&mut feed, &target, &sending, &never, |_| {}).await?;
    let args = RunArgs { once: true, source: Vec::new() };
    let (usage, started) = (Usage::now(admin).await?, Instant::now());
    ingest(&stage.session, &args, &never, |_| {}).await?;
    let seconds = started.elapsed().as_secs_f64();
    let cost = usage.until_now(admin).await?;
    Ok(Side::new(events, seconds, cost.own_seconds + cost.server_seconds, cost.wal_bytes))
}

/// The reviewed design, ready to be loaded.
struct Before {
    connection: Connection,
    loads: HashMap<&'static str, Load>,
}

/// How it takes an event of one stream.
struct Load {
    statement: Statement,
    /// Fields of the event, or of an element of the array `rows` when they begin with its name.
    params: Vec<String>,
    rows: Option<String>,
}

impl Before {
    /// Builds it in a database of its own on the same server.
    async fn build(stage: &Stage, admin: &Connection, options: &Options) -> Result<Self> {
        let failed = |error| sql_failed(&error);
        admin.batch_execute("create database calls_before").await.map_err(failed)?;
        let target = stage.session.admin_options()?.database("calls_before");
        let connection = connect(&target).await?;
        for (_, sql) in MIGRATIONS {
            connection.batch_execute(sql).await.map_err(failed)?;
        }
        let partitions = format!(
            "select core.make_partitions(to_timestamp({} / 1000.0), to_timestamp({} / 1000.0))",
            options.until_ms - options.span_ms,
            options.until_ms + HOUR_MS
        );
        connection.batch_execute(&partitions).await.map_err(failed)?;
        let mut loads = HashMap::new();
        for (name, sql) in LOADS {
            let stream = name.trim_start_matches("load/");
            match Load::prepare(&connection, sql).await? {
                Some(load) => _ = loads.insert(stream, load),
                None if stream == "accounts" => {
                    connection.batch_execute(sql).await.map_err(failed)?;
                }
                None => {}
            }
        }
        Ok(Self { connection, loads })
    }

    /// Takes up to `most` events; gives how many there were.
    async fn take(&self, options: &Options, most: u64) -> Result<u64> {
        let mut taken = 0;
        for event in howdah_feed::events("calls", options)?.take(most as usize) {
            let Some(load) = self.loads.get(event.stream) else { continue };
            let json: Value = serde_json::from_str(&event.json)
                .map_err(|error| Error::internal("the feed is not JSON").source(error))?;
            load.run(&self.connection, &json).await?;
            taken += 1;
        }
        Ok(taken)
    }
}

impl Load {
    /// `None` when the text is no load of events: it names no parameters.
    async fn prepare(connection: &Connection, sql: &str) -> Result<Option<Self>> {
        let head = |key: &str| sql.lines().find_map(|line| line.strip_prefix(key));
        let Some(params) = head("-- params: ") else { return Ok(None) };
        let params: Vec<String> = params.split(", ").map(str::to_owned).collect();
        let types = vec![Type::TEXT; params.len()];
        let statement =
            connection.prepare_typed(sql, &types).await.map_err(|error| sql_failed(&error))?;
        Ok(Some(Self { statement, params, rows: head("-- rows: ").map(str::to_owned) }))
    }

    async fn run(&self, connection: &Connection, event: &Value) -> Result<()> {
        let one = [Value::Null];
        let rows: &[Value] = match &self.rows {
            Some(rows) => event[rows].as_array().map_or(&[], Vec::as_slice),
            None => &one,
        };
        for row in rows {
            let fields: Vec<Option<String>> =
                self.params.iter().map(|name| self.field(event, row, name)).collect();
            let params: Vec<&(dyn ToSql + Sync)> = fields.iter().map(|field| field as _).collect();
            connection
                .execute(&self.statement, &params)
                .await
                .map_err(|error| sql_failed(&error))?;
        }
        Ok(())
    }

    /// A field as text; `None` where it is missing.
    fn field(&self, event: &Value, row: &Value, name: &str) -> Option<String> {
        let of_row =
            self.rows.as_ref().and_then(|rows| name.strip_prefix(rows.as_str())?.strip_prefix('.'));
        match of_row.map_or_else(|| &event[name], |name| &row[name]) {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}
