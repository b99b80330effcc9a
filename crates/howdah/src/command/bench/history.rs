//! `howdah bench history`: segments against the rows that they were folded from, in one run.
//!
//! Four streams are filled by SQL, the same for the same number of events: telemetry of flights,
//! sensors of machines, trades, stakes of a contract. Each is measured as a chunk with its key
//! (bytes, queries), folded, and measured as segments. A fold that changes the number of events is
//! an error.

use std::path::PathBuf;
use std::time::Instant;

use howdah_error::{Error, Result};
use howdah_history::{chunks, fold_chunk};
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

/// A stream: its name, the SQL that fills it with `{n}` events, the queries, and the goals in
/// bytes an event and in times smaller.
struct Case {
    stream: &'static str,
    fill: &'static str,
    queries: &'static [(&'static str, &'static str)],
    goal_bytes: Option<f64>,
    goal_ratio: f64,
}

const TENANT: &str = "'11111111-1111-4111-8111-111111111111'";

const CASES: [Case; 4] = [
    Case {
        stream: "telemetry",
        fill: "insert into telemetry select {tenant}, s, '2026-01-01Z'::timestamptz \
               + i * interval '100 ms' + i / 5000 * interval '7 min', \
               round((3 * sin(i / 90.0 + s))::numeric, 2), \
               round((3 * cos(i / 70.0 + s))::numeric, 2), \
               round((1.5 + sin(i / 300.0))::numeric, 2), \
               round((4.1 - i / 60000.0)::numeric, 3), round((2 * sin(i / 11.0))::numeric, 1), \
               round((2 * cos(i / 13.0))::numeric, 1), i / 40 % 360, \
               1200 + (20 * sin(i / 25.0))::int, 11 + i / 3000 % 3, true \
               from generate_series(1, 20) s, generate_series(0, {n} / 20 - 1) i",
        queries: &[
            ("one column", "select sum(x) from {t}"),
            (
                "key and range",
                "select avg(battery) from {t} where aircraft_id = 7 and at >= \
              '2026-01-01 00:20Z' and at < '2026-01-01 00:25Z'",
            ),
        ],
        goal_bytes: Some(8.0),
        goal_ratio: 20.0,
    },
    Case {
        stream: "sensors",
        fill: "insert into sensors select {tenant}, s, '2026-01-01Z'::timestamptz \
               + i * interval '1 s', round((70 + 5 * sin(i / 900.0))::numeric, 2), \
               round((3 + i / 400 % 5 / 10.0)::numeric, 2), \
               round((0.2 + 0.05 * sin(i / 50.0))::numeric, 3), \
               round((2 + sin(i / 200.0))::numeric, 2), round((32 + cos(i / 600.0))::numeric, 1), \
               1450 + i / 60 % 7, case when i / 900 % 4 = 0 then 'idle' else 'automatic' end, \
               i % 5000 = 0 \
               from generate_series(1, 20) s, generate_series(0, least({n} / 20, 86400) - 1) i",
        queries: &[
            ("one column", "select sum(vibration) from {t}"),
            (
                "key and range",
                "select avg(flow) from {t} where machine_id = 7 and at >= \
              '2026-01-01 02:00Z' and at < '2026-01-01 02:10Z'",
            ),
        ],
        goal_bytes: Some(8.0),
        goal_ratio: 20.0,
    },
    Case {
        stream: "trades",
        fill: "insert into trades select {tenant}, 'SYM' || i % 5, 3735683259 + i, \
               '2026-01-01Z'::timestamptz + i * interval '80 ms' \
               + (random() * 79)::int * interval '1 ms', \
               round((61000 + 50 * sin(i / 5000.0) + random() * 4)::numeric, 2), \
               round((random() ^ 3)::numeric, 5), \
               case when random() < 0.5 then 'buy' else 'sell' end \
               from (select setseed(0.5)) q, generate_series(0, least({n}, 1000000) - 1) i",
        queries: &[
            ("one column", "select sum(quantity) from {t}"),
            (
                "key and range",
                "select max(price) from {t} where symbol = 'SYM3' and executed_at >= \
              '2026-01-01 00:10Z' and executed_at < '2026-01-01 00:15Z'",
            ),
        ],
        goal_bytes: None,
        goal_ratio: 6.0,
    },
    // As the brief of the system chain draws them: accounts and terms by Zipf's law, nine redeems
    // of a hundred, four events a block. Hashes are noise: 32 bytes an event stay.
    Case {
        stream: "stakes",
        fill: "insert into stakes select 1155, \
               decode('6e35cf57a41fa15ea0eae9c33e751b01a784fe7e', 'hex'), 4000000 + i / 4, \
               sha256(('b' || i / 4)::bytea), \
               '2026-01-01Z'::timestamptz + i / 4 * interval '2 s', sha256(('t' || i)::bytea), \
               i % 4, i % 4 * 3, case when redeems then 'Redeemed' else 'Deposited' end, account, \
               account, sha256(('v' || term)::bytea), '1', date '2026-01-01' + i / 172800, \
               amount * 1e14, case when not redeems then round(amount * 0.9475e14) end, \
               case when redeems then round(amount * 0.0125e14) end, \
               round(amount * 1e14 / (1 + term / 7.0)), \
               round(amount * (2 + random() * 9)::numeric * 1e13), \
               case when term % 3 = 0 then 'Atom' else 'Triple' end, \
               '2026-01-01Z'::timestamptz + i / 4 * interval '2 s' + random() * interval '3 s' \
               from (select setseed(0.5)) q, generate_series(0, least({n}, 5000000) - 1) i, \
               lateral (select \
               substr(sha256(('a' || floor(exp(random() * ln(4000) + 0 * i)))::bytea), 13) \
               as account, floor(exp(random() * ln(500) + 0 * i))::int as term, \
               round((exp(random() * 9 + 0 * i))::numeric) as amount, \
               random() + 0 * i < 0.09 as redeems) v",
        queries: &[
            ("one column", "select sum(assets) from {t}"),
            (
                "key and range",
                "select sum(assets) from {t} where term_id = sha256('v7') and \
              block_timestamp >= '2026-01-01 02:00Z' and block_timestamp < '2026-01-01 08:00Z'",
            ),
        ],
        goal_bytes: None,
        goal_ratio: 6.0,
    },
];

/// What a query took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Took {
    /// The median of the runs.
    wall_ms: f64,
    /// The least that a run needed of the server's processor: what others do on the machine
    /// changes it little.
    core_ms: f64,
}

#[derive(Debug, Serialize)]
struct Query {
    name: &'static str,
    rows: Took,
    segments: Took,
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
    queries: Vec<Query>,
}

#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    runs: u64,
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
    session.empty_private().await?;
    Box::pin(apply_told(session, &[], &|_| {})).await?;
    let admin = connect(&session.admin_options()?).await?;
    let owner = connect(&session.options).await?;
    owner
        .batch_execute("set statement_timeout = 0; set max_parallel_workers_per_gather = 0")
        .await
        .map_err(|error| sql_failed(&error))?;
    let model = session.model(&owner).await?;
    let mut streams = Vec::new();
    for case in &CASES {
        output::say(case.stream);
        let stream = model.system.stream(case.stream).ok_or_else(|| missing(case.stream))?;
        streams.push(measure_one(&owner, &admin, &model, stream, case, args).await?);
    }
    Ok(Report {
        version: 1,
        command: format!("howdah bench history --events {} --runs {}", args.events, args.runs),
        runs: args.runs,
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
    let fill = case.fill.replace("{tenant}", TENANT).replace("{n}", &args.events.to_string());
    let fill = format!("{}; vacuum (analyze) {name}", fill.replace("{tenant}", TENANT));
    for statement in fill.split("; ") {
        client.batch_execute(statement).await.map_err(|error| sql_failed(&error))?;
    }
    let count = format!("select count(*) from {name}");
    let events = number(client, &count).await?;
    let chunk = chunks::find(client, stream, &format!("{name}_old")).await?;
    let mut queries = Vec::new();
    for (what, sql) in case.queries {
        let rows = timed(client, &sql.replace("{t}", name), args.runs).await?;
        queries.push(Query { name: what, rows, segments: Took::default() });
    }
    let (usage, start) = (Usage::now(admin).await?, Instant::now());
    let folded = fold_chunk(client, &model.system, &model.catalog, stream, &chunk).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cost = usage.until_now(admin).await?;
    if folded.rows != events {
        return Err(missing("events"));
    }
    let size = format!("select pg_total_relation_size('{}')", folded.table);
    let bytes = number(client, &size).await?;
    for (query, (_, sql)) in queries.iter_mut().zip(case.queries) {
        // Of a range of times the function, which finds its segments; of all the view.
        let sql = match sql.split_once(">= '") {
            Some((_, rest)) => {
                let mut times = rest.split('\'');
                let (from, to) = (times.next().unwrap_or(""), times.nth(1).unwrap_or(""));
                sql.replace("{t}", &format!("{name}_between('{from}', '{to}')"))
            }
            None => sql.replace("{t}", &format!("{name}_history")),
        };
        query.segments = timed(client, &sql, args.runs).await?;
    }
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
        queries,
    })
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
    output::line(&format!("\n{}", report.command))
}
