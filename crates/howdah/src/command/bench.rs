//! `howdah bench ingest`: the whole path against a bare COPY into the same table, in one run.
//!
//! Each case is a stream with one, three or six rollup tables, forced row security and a unique
//! key. Its events come through file sources, one a shard: read, decoded, batched, copied, folded,
//! committed.
//! The yardstick is one binary COPY of the same rows, encoded before the clock starts, into the
//! same partitioned table with the same indexes, as a superuser (COPY refuses row security
//! otherwise). Then events flow through Redis at half the speed of the case of three, and probes
//! tell how long an event takes to show in its candle. Last, the system calls takes its events
//! beside the design of it that was reviewed.

mod chain;
mod chunks;
mod freshness;
mod history;
mod hostile;
mod inputs;
mod profile;
mod review;
mod reviewed;
mod shares;
mod upkeep;
mod usage;
mod yardstick;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use howdah_error::{Error, Kind, Result};
use howdah_pg::{Connection, connect, from_pg};
use howdah_stream::{Phases, Progress};
use howdah_system::Source;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::cli::{BenchArgs, BenchWhat, Global, OutputFormat, RunArgs};
use crate::command::{apply::apply_all, run::ingest};
use crate::output::{self, Table, bytes, grouped};
use crate::private_redis::PrivateRedis;
use crate::session::{Model, Session};
use freshness::Freshness;
use profile::Profile;
use reviewed::Reviewed;
use usage::{Cost, Usage};

/// The streams of the system file, by their number of rollup tables.
const CASES: [usize; 3] = [1, 3, 6];
/// The case that the goals speak of.
const MAIN_CASE: usize = 3;
const FOLDER: &str = ".howdah/bench";

/// What one case measured: medians over the runs.
#[derive(Debug, Serialize)]
struct Case {
    rollups: usize,
    events: u64,
    events_per_second: f64,
    copy_rows_per_second: f64,
    ratio_to_copy: f64,
    /// Processor seconds of howdah per million events.
    cpu_seconds_per_million: f64,
    /// Processor seconds of the server per million events.
    server_cpu_seconds_per_million: f64,
    /// Processor seconds of the server per million rows of the bare COPY.
    copy_server_cpu_seconds_per_million: f64,
    wal_bytes_per_event: f64,
    copy_wal_bytes_per_row: f64,
    /// The largest resident memory of the process, of all runs.
    memory_bytes: u64,
    /// Where the time of the run in the middle went.
    profile: Profile,
}

/// The whole result.
#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    runs: u64,
    /// Of the case of three rollup tables, when it was measured.
    events_per_second: Option<f64>,
    ratio_to_copy: Option<f64>,
    /// Of the system calls against the design that was reviewed.
    ratio_to_reviewed_design: Option<f64>,
    freshness: Option<Freshness>,
    reviewed: Option<Reviewed>,
    cases: Vec<Case>,
}

/// One timed stretch.
struct Sample {
    seconds: f64,
    cost: Cost,
    /// Of the commits; nothing for a bare COPY.
    phases: Phases,
}

/// Runs the benchmark and prints it.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    match args.what {
        BenchWhat::Ingest => {}
        BenchWhat::Chain => return Box::pin(chain::run(global, args)).await,
        BenchWhat::History => return Box::pin(history::run(global, args)).await,
        BenchWhat::Hostile => return Box::pin(hostile::run(global, args)).await,
        BenchWhat::Chunks => return Box::pin(chunks::run(global, args)).await,
        BenchWhat::Upkeep => return Box::pin(upkeep::run(global, args)).await,
        BenchWhat::Review => return Box::pin(review::run(global, args)).await,
    }
    if let Some(unknown) = args.rollups.iter().find(|number| !CASES.contains(number)) {
        return Err(Error::input(format!("there is no case of {unknown} rollup tables"))
            .hint("The cases are 1, 3 and 6."));
    }
    let folder = PathBuf::from(FOLDER);
    let events = inputs::write(&folder, args)?;
    let redis = PrivateRedis::start(&folder.join("redis")).await?;
    let result = Box::pin(measure(global, args, events, &redis)).await;
    redis.stop().await;
    tell(global, &result?, print)
}

/// Prints a report: as JSON, or by `print`.
fn tell<R: Serialize>(
    global: &Global,
    report: &R,
    print: impl FnOnce(&R) -> Result<()>,
) -> Result<Outcome> {
    if global.format == OutputFormat::Json {
        output::json(report)?;
    } else {
        print(report)?;
    }
    Ok(Outcome::Fine)
}

/// Writes the system file and the migration of a benchmark into its folder.
fn lay(folder: &Path, files: [(&str, &str); 2]) -> Result<()> {
    std::fs::create_dir_all(folder.join("migrations")).map_err(unwritable)?;
    for (name, text) in files {
        std::fs::write(folder.join(name), text).map_err(unwritable)?;
    }
    Ok(())
}

/// Works on the system of a folder, and closes the session whatever comes of it.
async fn in_folder<T>(
    global: &Global,
    folder: PathBuf,
    work: impl AsyncFnOnce(&Session) -> Result<T>,
) -> Result<T> {
    let session = Session::open(&Global { file: folder, format: global.format }).await?;
    let result = work(&session).await;
    let closed = session.close().await;
    result.and_then(|done| closed.map(|()| done))
}

/// The value below which this share of sorted ones is; 0 of none.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * share).round() as usize).copied().unwrap_or(0.0)
}

async fn measure(
    global: &Global,
    args: &BenchArgs,
    events: u64,
    redis: &PrivateRedis,
) -> Result<Report> {
    let folder = PathBuf::from(FOLDER);
    std::fs::write(folder.join(inputs::REDIS_URL), &redis.url).map_err(unwritable)?;
    let all = async |session: &Session| Box::pin(measure_all(session, args, events, redis)).await;
    let (cases, freshness) = in_folder(global, folder, all).await?;
    let reviewed = if args.reviewed > 0 {
        output::say(&format!("the reviewed design of calls, {} events", args.reviewed));
        Some(Box::pin(reviewed::measure(Path::new(FOLDER), args.reviewed)).await?)
    } else {
        None
    };
    let main = cases.iter().find(|case| case.rollups == MAIN_CASE);
    Ok(Report {
        version: 2,
        command: command(args),
        runs: args.runs,
        events_per_second: main.map(|case| case.events_per_second),
        ratio_to_copy: main.map(|case| case.ratio_to_copy),
        ratio_to_reviewed_design: reviewed.as_ref().map(|reviewed| reviewed.ratio),
        freshness,
        reviewed,
        cases,
    })
}

/// The command that gives these figures again.
fn command(args: &BenchArgs) -> String {
    let mut text = format!("howdah bench ingest --events {} --runs {}", args.events, args.runs);
    if args.rollups != CASES {
        let rollups: Vec<String> = args.rollups.iter().map(ToString::to_string).collect();
        let _ = write!(text, " --rollups {}", rollups.join(","));
    }
    if args.shards > 1 {
        let _ = write!(text, " --shards {}", args.shards);
    }
    if let Some(rows) = args.batch {
        let _ = write!(text, " --batch {rows}");
    }
    let _ = write!(text, " --freshness {}", args.freshness);
    if let Some(rate) = args.rate {
        let _ = write!(text, " --rate {rate}");
    }
    let _ = write!(text, " --reviewed {}", args.reviewed);
    text
}

fn print(report: &Report) -> Result<()> {
    let number = |value: f64| grouped(value as i64);
    let mut table = Table::new(&["rollups", "events", "events/s", "COPY rows/s", "ratio to COPY"]);
    for case in &report.cases {
        table.row(vec![
            case.rollups.to_string(),
            grouped(case.events as i64),
            number(case.events_per_second),
            number(case.copy_rows_per_second),
            format!("{:.3}", case.ratio_to_copy),
        ]);
    }
    table.print()?;
    output::line("")?;
    let mut table = Table::new(&[
        "rollups",
        "CPU s/M",
        "server CPU s/M",
        "of COPY",
        "WAL B/event",
        "of COPY",
        "memory",
    ]);
    for case in &report.cases {
        table.row(vec![
            case.rollups.to_string(),
            format!("{:.2}", case.cpu_seconds_per_million),
            format!("{:.2}", case.server_cpu_seconds_per_million),
            format!("{:.2}", case.copy_server_cpu_seconds_per_million),
            number(case.wal_bytes_per_event),
            number(case.copy_wal_bytes_per_row),
            bytes(case.memory_bytes as i64),
        ]);
    }
    table.print()?;
    profile::print(report.cases.iter().map(|case| (case.rollups, &case.profile)))?;
    if let Some(fresh) = &report.freshness {
        output::line(&format!(
            "\nXADD to visible candle at {} events/s: p50 {:.1} ms, p95 {:.1}, p99 {:.1}, worst of \
             {} {:.1}",
            number(fresh.load_per_second),
            fresh.p50_ms,
            fresh.p95_ms,
            fresh.p99_ms,
            fresh.probes,
            fresh.max_ms
        ))?;
    }
    if let Some(reviewed) = &report.reviewed {
        print_reviewed(reviewed)?;
    }
    output::line(&format!("\nmedians of: {}", report.command))
}

fn print_reviewed(reviewed: &Reviewed) -> Result<()> {
    output::line("")?;
    let mut table = Table::new(&["system calls", "events", "events/s", "CPU s/M", "WAL B/event"]);
    for (name, side) in [("howdah", &reviewed.howdah), ("as reviewed", &reviewed.before)] {
        table.row(vec![
            name.to_owned(),
            grouped(side.events as i64),
            grouped(side.events_per_second as i64),
            format!("{:.0}", side.cpu_seconds_per_million),
            grouped(side.wal_bytes_per_event as i64),
        ]);
    }
    table.print()?;
    output::line(&format!("ratio to the reviewed design: {:.1}", reviewed.ratio))
}

fn unwritable(error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("could not write below \"{FOLDER}\"")).source(error)
}

async fn measure_all(
    session: &Session,
    args: &BenchArgs,
    events: u64,
    redis: &PrivateRedis,
) -> Result<(Vec<Case>, Option<Freshness>)> {
    apply_all(session, &[]).await?;
    let admin = connect(&session.admin_options()?).await?;
    let connection = session.connect().await?;
    let model = session.model(&connection).await?;
    let mut cases = Vec::new();
    for rollups in &args.rollups {
        cases.push(Box::pin(measure_case(session, &admin, &model, args, events, *rollups)).await?);
    }
    let speed = cases.iter().find(|case| case.rollups == MAIN_CASE);
    let freshness = match speed {
        Some(case) if args.freshness > 0 => {
            output::say(&format!("freshness at half load, {} s", args.freshness));
            empty(&admin, &model, "trades_live").await?;
            let path = session.folder.join(inputs::EVENTS);
            let rate = args.rate.map_or(case.events_per_second / 2.0, f64::from);
            let lasting = Duration::from_secs(args.freshness);
            let load = freshness::Load { events: &path, shards: args.shards, rate, lasting };
            Some(Box::pin(freshness::measure(session, redis, &load)).await?)
        }
        _ => None,
    };
    Ok((cases, freshness))
}

async fn measure_case(
    session: &Session,
    admin: &Connection,
    model: &Model,
    args: &BenchArgs,
    events: u64,
    rollups: usize,
) -> Result<Case> {
    let name = format!("trades_{rollups}");
    let rows = yardstick::encode(
        model,
        source(model, &inputs::source(rollups, 0))?,
        &session.folder.join(inputs::EVENTS),
    )
    .await?;
    let (mut ours, mut copies, mut memory_bytes) = (Vec::new(), Vec::new(), 0);
    for run in 0..args.runs {
        // Ours comes first: it makes the chunks that the bare COPY needs.
        empty(admin, model, &name).await?;
        let (sample, memory) = load(session, admin, inputs::sources(rollups, args.shards)).await?;
        ours.push(sample);
        memory_bytes = memory.max(memory_bytes);
        empty(admin, model, &name).await?;
        let (usage, started) = (Usage::now(admin).await?, Instant::now());
        yardstick::copy(admin, &rows).await?;
        let seconds = started.elapsed().as_secs_f64();
        let (cost, phases) = (usage.until_now(admin).await?, Phases::default());
        copies.push(Sample { seconds, cost, phases });
        output::say(&format!("{rollups} rollups, run {} of {}", run + 1, args.runs));
    }
    check_count(admin, &name, events).await?;
    // Nobody has rolled up what the bare COPY left, which upkeep would find.
    empty(admin, model, &name).await?;
    let count = events as f64;
    let seconds = |samples: &[Sample]| median(samples, |sample| sample.seconds);
    let each = |samples: &[Sample], of: fn(&Cost) -> f64| median(samples, |s| of(&s.cost)) / count;
    Ok(Case {
        rollups,
        events,
        events_per_second: count / seconds(&ours),
        copy_rows_per_second: count / seconds(&copies),
        ratio_to_copy: seconds(&copies) / seconds(&ours),
        cpu_seconds_per_million: each(&ours, |cost| cost.own_seconds) * 1e6,
        server_cpu_seconds_per_million: each(&ours, |cost| cost.server_seconds) * 1e6,
        copy_server_cpu_seconds_per_million: each(&copies, |cost| cost.server_seconds) * 1e6,
        wal_bytes_per_event: each(&ours, |cost| cost.wal_bytes),
        copy_wal_bytes_per_row: each(&copies, |cost| cost.wal_bytes),
        memory_bytes,
        profile: Profile::of(middle(&mut ours), count),
    })
}

/// The sample whose time is in the middle.
fn middle(samples: &mut [Sample]) -> &Sample {
    samples.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    &samples[samples.len() / 2]
}

fn median(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn sql_failed(error: &tokio_postgres::Error) -> Error {
    from_pg("could not run the benchmark's SQL", error)
}

fn source<'m>(model: &'m Model, name: &str) -> Result<&'m Source> {
    let found = model.system.sources.iter().find(|source| source.name == name);
    found.ok_or_else(|| Error::internal(format!("the benchmark has no source \"{name}\"")))
}

/// Empties a stream, its rollups and the positions, and writes out what is dirty.
async fn empty(admin: &Connection, model: &Model, name: &str) -> Result<()> {
    let stream = model
        .system
        .stream(name)
        .ok_or_else(|| Error::internal(format!("the benchmark has no stream \"{name}\"")))?;
    let mut sql = format!("truncate {}", stream.table);
    for rollup in model.system.rollups_of(stream) {
        for level in &rollup.levels {
            let _ = write!(sql, ", {}", level.table);
        }
    }
    sql.push_str("; delete from howdah.positions; checkpoint");
    for statement in sql.split("; ") {
        admin.batch_execute(statement).await.map_err(|error| sql_failed(&error))?;
    }
    Ok(())
}

/// The whole path, timed; and the largest resident memory meanwhile.
async fn load(session: &Session, admin: &Connection, source: Vec<String>) -> Result<(Sample, u64)> {
    let args = RunArgs { once: true, source };
    let loaded = CancellationToken::new();
    let memory = tokio::spawn(usage::watch_memory(loaded.clone()));
    let (usage, started) = (Usage::now(admin).await?, Instant::now());
    let mut shards: Vec<watch::Receiver<Progress>> = Vec::new();
    let result =
        ingest(session, &args, &CancellationToken::new(), |shard| shards.push(shard)).await;
    let seconds = started.elapsed().as_secs_f64();
    loaded.cancel();
    let memory = memory.await.map_err(|error| Error::internal("no memory").source(error))?;
    result?;
    let mut phases = Phases::default();
    for shard in &shards {
        phases += shard.borrow().phases;
    }
    Ok((Sample { seconds, cost: usage.until_now(admin).await?, phases }, memory))
}

/// What was measured must have happened.
async fn check_count(admin: &Connection, stream: &str, events: u64) -> Result<()> {
    let count: i64 = admin
        .query_one(&format!("select count(*) from {stream}"), &[])
        .await
        .map_err(|error| sql_failed(&error))?
        .get(0);
    if count == events as i64 {
        return Ok(());
    }
    Err(Error::internal(format!("{events} events went in and {count} rows are there")))
}
