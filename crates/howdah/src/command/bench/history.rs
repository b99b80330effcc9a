//! `howdah bench history`: segments against the rows that they were folded from, in one run.
//!
//! Four streams are filled by SQL, the same for the same number of events: telemetry of flights,
//! sensors of machines, trades, stakes of a contract. Each is measured as a chunk with its key
//! (bytes, queries), folded, measured as segments, restored, and measured as rows again: what the
//! machine does meanwhile meets both. A fold that changes the number of events is an error. With
//! `--timescaledb` the same data and queries are measured there, on a server beside.

mod cases;
mod timescale;

use std::path::PathBuf;
use std::time::Instant;

use howdah_error::{Error, Result};
use howdah_history::{chunks, fold_chunk, restore_chunk};
use howdah_pg::{Connection, connect};
use howdah_system::Stream;
use serde::Serialize;

use super::usage::{Usage, core_ms};
use super::{FOLDER, in_folder, lay, sql_failed, tell};
use crate::Outcome;
use crate::cli::{BenchArgs, Global};
use crate::command::apply::apply_told;
use crate::output::{self, Table, grouped};
use crate::session::{Model, Session};
use cases::{CASES, Case};
use timescale::{Timescale, Timescaled};

/// What a query took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Took {
    /// The median of the runs.
    wall_ms: f64,
    /// The least that a run needed of the server's processor: what others do on the machine
    /// changes it little.
    core_ms: f64,
}

impl Took {
    fn less(self, other: Self) -> Self {
        Self { wall_ms: self.wall_ms.min(other.wall_ms), core_ms: self.core_ms.min(other.core_ms) }
    }
}

/// One process answers, whatever it takes.
const ALONE: &str = "set statement_timeout = 0; set max_parallel_workers_per_gather = 0";

#[derive(Debug, Serialize)]
struct Query {
    name: &'static str,
    rows: Took,
    segments: Took,
    #[serde(skip_serializing_if = "Option::is_none")]
    timescaledb: Option<Took>,
}

#[derive(Debug, Serialize)]
struct Measured {
    stream: &'static str,
    events: i64,
    bytes_per_event_rows: f64,
    bytes_per_event_segments: f64,
    ratio: f64,
    goal_bytes: Option<f64>,
    goal_ratio: f64,
    fold_events_per_second: f64,
    /// Per second that the server's processes worked: what one core does.
    fold_events_per_server_second: f64,
    /// Per second of one core for both, the server and this process.
    fold_events_per_core_second: f64,
    wal_bytes_per_event: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    timescaledb: Option<Timescaled>,
    queries: Vec<Query>,
}

#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    runs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    timescaledb: Option<String>,
    streams: Vec<Measured>,
}

/// Runs the cases and prints them.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    let folder = PathBuf::from(FOLDER).join("history");
    lay(
        &folder,
        [
            ("howdah.toml", include_str!("history/howdah.toml")),
            ("migrations/0001_history.sql", include_str!("history/0001_history.sql")),
        ],
    )?;
    let work = async |session: &Session| Box::pin(measure(session, args)).await;
    tell(global, &in_folder(global, folder, work).await?, print)
}

async fn measure(session: &Session, args: &BenchArgs) -> Result<Report> {
    // Whether there is such a server is told before minutes have gone by.
    let peer = if args.timescaledb { Some(Timescale::start().await?) } else { None };
    session.empty_private().await?;
    Box::pin(apply_told(session, &[], &|_| {})).await?;
    let admin = connect(&session.admin_options()?).await?;
    let owner = connect(&session.options).await?;
    owner.batch_execute(ALONE).await.map_err(|error| sql_failed(&error))?;
    let model = session.model(&owner).await?;
    let mut streams = Vec::new();
    for case in &CASES {
        output::say(case.stream);
        let stream = model.system.stream(case.stream).ok_or_else(|| missing(case.stream))?;
        let mut measured = measure_one(&owner, &admin, &model, stream, case, args).await?;
        if let Some(peer) = &peer {
            output::say(&format!("{} in TimescaleDB", case.stream));
            let (compressed, queries) = peer.measure(case, args).await?;
            for (query, took) in measured.queries.iter_mut().zip(queries) {
                query.timescaledb = Some(took);
            }
            measured.timescaledb = Some(compressed);
        }
        streams.push(measured);
    }
    let version = peer.as_ref().map(|peer| peer.version.clone());
    if let Some(peer) = peer {
        peer.stop().await?;
    }
    let with = if args.timescaledb { " --timescaledb" } else { "" };
    Ok(Report {
        version: 1,
        command: format!(
            "howdah bench history --events {} --runs {}{with}",
            args.events, args.runs
        ),
        runs: args.runs,
        timescaledb: version,
        streams,
    })
}

fn missing(what: &str) -> Error {
    Error::internal(format!("the benchmark has lost {what}"))
}

async fn measure_one(
    client: &Connection,
    admin: &Connection,
    model: &Model,
    stream: &Stream,
    case: &Case,
    args: &BenchArgs,
) -> Result<Measured> {
    let name = case.stream;
    let tidy = format!("vacuum (analyze) {name}");
    execute(client, &[case.fill(args.events), tidy.clone()]).await?;
    let events = number(client, &format!("select count(*) from {name}")).await?;
    let chunk = chunks::find(client, stream, &format!("{name}_old")).await?;
    let of_rows = |sql: &str| sql.replace("{t}", name);
    let before = ask(client, case, args.runs, of_rows).await?;
    let (usage, start) = (Usage::now(admin).await?, Instant::now());
    let folded = fold_chunk(client, &model.system, &model.catalog, stream, &chunk).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cost = usage.until_now(admin).await?;
    if folded.rows != events {
        return Err(missing("events"));
    }
    let size = format!("select pg_total_relation_size('{}')", folded.table);
    let bytes = number(client, &size).await?;
    let segments = ask(client, case, args.runs, |sql| of_history(name, sql)).await?;
    restore_chunk(client, stream, &chunk).await?;
    execute(client, &[tidy]).await?;
    let after = ask(client, case, args.runs, of_rows).await?;
    let rows = before.into_iter().zip(after).map(|(before, after)| before.less(after));
    let queries = case.queries.iter().zip(rows.zip(segments));
    let count = events as f64;
    Ok(Measured {
        stream: name,
        events,
        bytes_per_event_rows: chunk.bytes as f64 / count,
        bytes_per_event_segments: bytes as f64 / count,
        ratio: chunk.bytes as f64 / bytes as f64,
        goal_bytes: case.goal_bytes,
        goal_ratio: case.goal_ratio,
        fold_events_per_second: count / seconds,
        fold_events_per_server_second: count / cost.server_seconds,
        fold_events_per_core_second: count / (cost.server_seconds + cost.own_seconds),
        wal_bytes_per_event: cost.wal_bytes / count,
        timescaledb: None,
        queries: queries
            .map(|((name, _), (rows, segments))| Query { name, rows, segments, timescaledb: None })
            .collect(),
    })
}

/// Of a range of times the function, which finds its segments; of all the view.
fn of_history(name: &str, sql: &str) -> String {
    match sql.split_once(">= '") {
        Some((_, rest)) => {
            let mut times = rest.split('\'');
            let (from, to) = (times.next().unwrap_or(""), times.nth(1).unwrap_or(""));
            sql.replace("{t}", &format!("{name}_between('{from}', '{to}')"))
        }
        None => sql.replace("{t}", &format!("{name}_history")),
    }
}

/// What the queries of a case take, each written as `written` says.
async fn ask(
    client: &Connection,
    case: &Case,
    runs: u64,
    written: impl Fn(&str) -> String,
) -> Result<Vec<Took>> {
    let mut all = Vec::with_capacity(case.queries.len());
    for (_, sql) in case.queries {
        all.push(timed(client, &written(sql), runs).await?);
    }
    Ok(all)
}

async fn execute(client: &Connection, statements: &[String]) -> Result<()> {
    for sql in statements {
        client.batch_execute(sql).await.map_err(|error| sql_failed(&error))?;
    }
    Ok(())
}

async fn number(client: &Connection, sql: &str) -> Result<i64> {
    Ok(client.query_one(sql, &[]).await.map_err(|error| sql_failed(&error))?.get(0))
}

/// What a query takes, after one run that is not counted.
async fn timed(client: &Connection, sql: &str, runs: u64) -> Result<Took> {
    let pid = client.query_one("select pg_backend_pid()", &[]).await;
    let pid: i32 = pid.map_err(|error| sql_failed(&error))?.get(0);
    let (mut wall, mut core) = (Vec::new(), Vec::new());
    for _ in 0..=runs {
        let (before, start) = (core_ms(pid), Instant::now());
        client.query(sql, &[]).await.map_err(|error| sql_failed(&error))?;
        wall.push(start.elapsed().as_secs_f64() * 1000.0);
        core.push(core_ms(pid).zip(before).map_or(0.0, |(after, before)| after - before));
    }
    let sorted = |mut times: Vec<f64>| {
        times.remove(0);
        times.sort_by(f64::total_cmp);
        times
    };
    let (wall, core) = (sorted(wall), sorted(core));
    Ok(Took { wall_ms: wall[wall.len() / 2], core_ms: core[0] })
}

fn print(report: &Report) -> Result<()> {
    let mut table = Table::new(&[
        "stream",
        "events",
        "B/event",
        "folded",
        "ratio",
        "goal",
        "fold/s",
        "server core s",
        "core s",
        "WAL/event",
    ]);
    for it in &report.streams {
        table.row(vec![
            it.stream.to_owned(),
            grouped(it.events),
            format!("{:.1}", it.bytes_per_event_rows),
            format!("{:.2}", it.bytes_per_event_segments),
            format!("{:.1}", it.ratio),
            format!("{:.0}", it.goal_ratio),
            grouped(it.fold_events_per_second as i64),
            grouped(it.fold_events_per_server_second as i64),
            grouped(it.fold_events_per_core_second as i64),
            format!("{:.0}", it.wal_bytes_per_event),
        ]);
    }
    table.print()?;
    let mut table =
        Table::new(&["stream", "query", "rows ms", "segments ms", "core ms", "core ms", "of rows"]);
    for it in &report.streams {
        for query in &it.queries {
            table.row(vec![
                it.stream.to_owned(),
                query.name.to_owned(),
                format!("{:.1}", query.rows.wall_ms),
                format!("{:.1}", query.segments.wall_ms),
                format!("{:.1}", query.rows.core_ms),
                format!("{:.1}", query.segments.core_ms),
                format!("{:.2}", query.segments.core_ms / query.rows.core_ms),
            ]);
        }
    }
    table.print()?;
    if let Some(version) = &report.timescaledb {
        output::line(&format!("\nTimescaleDB {version}, without row security"))?;
        timescale::print(&report.streams)?;
    }
    output::line(&format!("\n{}", report.command))
}
