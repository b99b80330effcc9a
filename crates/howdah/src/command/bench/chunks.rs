//! `howdah bench chunks`: what thousands of chunks cost those who look at them.
//!
//! Ten streams with segments and a rollup each get so many empty chunks of a day. Measured are the
//! model, the plan and the status as the commands have them, a pass of the job that makes chunks,
//! and the planning of queries that need one chunk.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use howdah_error::{Error, Result};
use howdah_pg::{Connection, connect};
use howdah_plan::chunk::{self, Chunk};
use howdah_system::Stream;
use serde::Serialize;

use super::{FOLDER, in_folder, lay, sql_failed, tell};
use crate::Outcome;
use crate::cli::{BenchArgs, Global};
use crate::command::apply::apply_told;
use crate::command::run::upkeep_of;
use crate::command::status;
use crate::output::{self, Table, grouped};
use crate::session::Session;

/// Streams among which the chunks are divided.
const STREAMS: usize = 10;
/// Chunks that one transaction makes.
const AT_ONCE: usize = 50;
/// The times of a chunk, in µs.
const DAY_US: i64 = 86_400_000_000;

/// What one look took: the first, and the median of the next ones, in milliseconds.
#[derive(Debug, Serialize)]
struct Look {
    what: &'static str,
    first_ms: f64,
    then_ms: f64,
    goal_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    chunks: i64,
    looks: Vec<Look>,
}

/// Runs it and prints the figures.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    let folder = PathBuf::from(FOLDER).join("chunks");
    let (file, tables) = system();
    lay(&folder, [("howdah.toml", &file), ("migrations/0001_streams.sql", &tables)])?;
    let work = async |session: &Session| Box::pin(measure(session, args)).await;
    tell(global, &in_folder(global, folder, work).await?, print)
}

/// The system file and its migration.
fn system() -> (String, String) {
    let (mut file, mut tables) = (include_str!("chunks/howdah.toml").to_owned(), String::new());
    for n in 0..STREAMS {
        let _ = write!(
            file,
            "\n[streams.s{n}]\ntime = \"at\"\nkey = [\"id\"]\nchunk = \"1 day\"\n\
             segment = {{ after = \"30 days\", by = [\"kind\"] }}\n\
             [rollups.r{n}]\nfrom = \"s{n}\"\nevery = [\"1 hour\"]\nby = [\"kind\"]\n\
             sum = \"sum(value)\"\n"
        );
        let _ = writeln!(
            tables,
            "create table s{n} (id bigint not null, at timestamptz not null, kind text not null, \
             value numeric not null, primary key (id, at));"
        );
    }
    (file, tables)
}

async fn measure(session: &Session, args: &BenchArgs) -> Result<Report> {
    session.empty_private().await?;
    Box::pin(apply_told(session, &[], &|_| {})).await?;
    let owner = connect(&session.options).await?;
    let admin = connect(&session.admin_options()?).await?;
    let model = session.model(&owner).await?;
    output::say(&format!("{} chunks", grouped(args.chunks as i64)));
    for stream in &model.system.streams {
        make(&owner, stream, args.chunks as usize / STREAMS).await?;
    }
    // As autovacuum and the checkpointer leave it; files by the ten thousand take long to sync.
    let failed = |error| sql_failed(&error);
    admin.batch_execute("vacuum analyze").await.map_err(failed)?;
    admin.batch_execute("checkpoint").await.map_err(failed)?;
    let count = "select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid \
                 where c.relkind = 'r'";
    let chunks: i64 = owner.query_one(count, &[]).await.map_err(failed)?.get(0);
    let mut looks = Vec::new();
    let goal = Some(1_000.0);
    looks.push(
        look("model", None, args.runs, async || session.model(&owner).await.map(|_| ())).await?,
    );
    let planned = async || {
        let model = session.model(&owner).await?;
        session.plan(&owner, &model).await.map(|_| ())
    };
    looks.push(look("plan", goal, args.runs, planned).await?);
    let told = async || {
        let system = session.system(&owner).await?;
        status::collect::collect(session, &owner, &system).await.map(|_| ())
    };
    looks.push(look("status", goal, args.runs, told).await?);
    let upkeep = upkeep_of(session, &model)?;
    let end = tokio_util::sync::CancellationToken::new();
    let pass = async || howdah_upkeep::once(&upkeep, &end, |_| {}).await;
    looks.push(look("pass of upkeep", None, args.runs, pass).await?);
    for (what, goal, condition) in [
        ("query of an hour", Some(2.0), "at >= '2020-05-01 10:00Z' and at < '2020-05-01 11:00Z'"),
        ("query of 8 hours from now", None, "at >= now() - interval '8 hours'"),
    ] {
        let sql = format!("explain (summary on) select sum(value) from s3 where {condition}");
        looks.push(planning(&session.options, what, goal, &sql, args.runs).await?);
    }
    Ok(Report {
        version: 1,
        command: format!("howdah bench chunks --chunks {} --runs {}", args.chunks, args.runs),
        chunks,
        looks,
    })
}

/// Makes so many chunks of days from 2016 on.
async fn make(owner: &Connection, stream: &Stream, many: usize) -> Result<()> {
    let first = chunk::parse_time("2016-01-01").unwrap_or_default();
    let chunks: Vec<Chunk> = (0..many as i64)
        .filter_map(|day| Chunk::holding(stream.chunk, first + day * DAY_US))
        .collect();
    for some in chunks.chunks(AT_ONCE) {
        let statements: Vec<String> =
            some.iter().flat_map(|it| chunk::create(stream, *it)).collect();
        let sql = format!("begin; {}; commit", statements.join("; "));
        owner.batch_execute(&sql).await.map_err(|error| sql_failed(&error))?;
    }
    Ok(())
}

async fn look(
    what: &'static str,
    goal_ms: Option<f64>,
    runs: u64,
    work: impl AsyncFn() -> Result<()>,
) -> Result<Look> {
    let mut times = Vec::new();
    for _ in 0..=runs {
        let start = Instant::now();
        Box::pin(work()).await?;
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(of(what, goal_ms, times))
}

fn of(what: &'static str, goal_ms: Option<f64>, mut times: Vec<f64>) -> Look {
    let first_ms = times.remove(0);
    times.sort_by(f64::total_cmp);
    let then_ms = times.get(times.len() / 2).copied().unwrap_or(first_ms);
    Look { what, first_ms, then_ms, goal_ms }
}

/// What the server says of its planning, in a session of its own.
async fn planning(
    options: &howdah_pg::ConnectOptions,
    what: &'static str,
    goal_ms: Option<f64>,
    sql: &str,
    runs: u64,
) -> Result<Look> {
    let connection = connect(options).await?;
    let mut times = Vec::new();
    for _ in 0..=runs {
        let rows = connection.query(sql, &[]).await.map_err(|error| sql_failed(&error))?;
        let said = rows.iter().find_map(|row| {
            row.get::<_, &str>(0).strip_prefix("Planning Time: ")?.strip_suffix(" ms")?.parse().ok()
        });
        times.push(said.ok_or_else(|| Error::internal("the server tells no planning time"))?);
    }
    Ok(of(what, goal_ms, times))
}

fn print(report: &Report) -> Result<()> {
    output::line(&format!("{} chunks in {STREAMS} streams", grouped(report.chunks)))?;
    let mut table = Table::new(&["look", "first ms", "then ms", "goal ms"]);
    for it in &report.looks {
        table.row(vec![
            it.what.to_owned(),
            format!("{:.2}", it.first_ms),
            format!("{:.2}", it.then_ms),
            it.goal_ms.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.0}")),
        ]);
    }
    table.print()?;
    output::line(&format!("\n{}", report.command))
}
