//! `howdah bench chain`: the system chain under the loads of its brief, with everything on.
//!
//! Events are in Redis before the clock starts; it stops when all of them are committed: five
//! streams, blocks that may be replaced, conflicts refused, seventeen derived tables. A case that
//! does not end with every count and every proof right is no result but an error.

mod decoding;
mod live;
mod questions;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use howdah_error::{Error, Result};
use howdah_feed::{Expected, Options};
use howdah_pg::{Connection, connect, from_pg};
use howdah_stream::Phases;
use howdah_upkeep::verify;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::live::Phase;
use self::questions::Answered;
use super::shares;
use super::usage::{self, Usage};
use super::{FOLDER, Sample, median, tell};
use crate::Outcome;
use crate::cli::{BenchArgs, Global, RunArgs};
use crate::command::apply::apply_told;
use crate::command::demo::stage::Stage;
use crate::command::demo::systems;
use crate::command::run::ingest;
use crate::feeder::{Sending, Target, send};
use crate::output::{self, Table, bytes, grouped};

/// The load to which others are compared: uniform keys, faultless, chunks of 75.
const BASE: &str = "L1-75";
/// The load with reorganisations, and the stream into which all kinds of it go.
const REORGANISED: &str = "L6";
const ONE_STREAM: &str = "rindexer_producer";
/// The last second of a fixed day: the same events at every run.
const UNTIL_MS: i64 = 1_760_745_599_000;

/// What one load measured: medians over the runs.
#[derive(Debug, Serialize)]
struct Case {
    load: String,
    events: u64,
    events_per_second: f64,
    /// Of the speed of the uniform load in the same runs, when that was measured.
    ratio_to_uniform: Option<f64>,
    /// Processor seconds of howdah per million events.
    cpu_seconds_per_million: f64,
    /// The same of the server.
    server_cpu_seconds_per_million: f64,
    /// What one core decodes where nothing else is done.
    decoded_events_per_core_second: f64,
    wal_bytes_per_event: f64,
    /// The largest resident memory of the process, of all runs; the benchmark's own is in it.
    memory_bytes: u64,
    /// Times of the questions of readers, after the last run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    questions: Vec<Answered>,
    /// Where the sessions of the writers spent their time, in the last run.
    shares: Vec<Share>,
}

#[derive(Debug, Serialize)]
struct Share {
    step: String,
    share: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    runs: u64,
    cases: Vec<Case>,
    /// The load as it comes, phase by phase.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    live: Vec<Phase>,
}

/// What the runs of a load gave.
#[derive(Default)]
struct Runs {
    samples: Vec<Sample>,
    decoded: Vec<f64>,
    memory_bytes: u64,
    shares: Vec<(String, f64)>,
    questions: Vec<Answered>,
}

/// Runs the loads and prints what they measured.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    let (live, drained): (Vec<&String>, Vec<&String>) =
        args.loads.iter().partition(|load| *load == live::LOAD);
    let mut loads: Vec<Runs> = drained.iter().map(|_| Runs::default()).collect();
    for run in 0..args.runs {
        // Load after load, so that a slow minute of the machine hits all of them.
        for (name, runs) in drained.iter().zip(&mut loads) {
            output::say(&format!("chain {name}, run {} of {}", run + 1, args.runs));
            let options =
                Options { profile: (*name).clone(), ..Options::new(args.events, 1, UNTIL_MS) };
            let stage = stage().await?;
            let mut result = Box::pin(measure(&stage, &options, runs)).await;
            if result.is_ok() && args.clients > 0 && run + 1 == args.runs {
                let lasting = Duration::from_secs(args.freshness);
                let asked = questions::ask(&stage.session.options, args.clients, lasting).await;
                result = asked.map(|answered| runs.questions = answered);
            }
            let closed = stage.close().await;
            result.and(closed)?;
        }
    }
    let mut phases = Vec::new();
    if !live.is_empty() {
        output::say("chain L4, live");
        let stage = stage().await?;
        let result = Box::pin(live::measure(&stage)).await;
        let closed = stage.close().await;
        phases = result.and_then(|phases| closed.map(|()| phases))?;
    }
    tell(global, &report(args, &drained, loads, phases), print)
}

async fn stage() -> Result<Stage> {
    Box::pin(Stage::open(&PathBuf::from(FOLDER), systems::find("chain")?, false)).await
}

async fn measure(stage: &Stage, options: &Options, runs: &mut Runs) -> Result<()> {
    let admin = connect(&stage.session.admin_options()?).await?;
    Box::pin(apply_told(&stage.session, &[], &|_| {})).await?;
    let mut feed = howdah_feed::events("chain", options)?;
    let field = howdah_feed::redis_field("chain");
    let target = Target::Redis { url: stage.redis.url.clone(), field };
    let never = CancellationToken::new();
    // Announcements stand where the producer put them, before and behind events of other kinds.
    let into = (options.profile == REORGANISED).then_some(ONE_STREAM);
    let sending = Sending { into, ..Sending::default() };
    send(&mut feed, &target, &sending, &never, |_| {}).await?;
    let expected = feed.expected().clone();
    admin.batch_execute("checkpoint").await.map_err(|error| super::sql_failed(&error))?;
    let looker = connect(&stage.session.admin_options()?).await?;
    let loaded = CancellationToken::new();
    let memory = tokio::spawn(usage::watch_memory(loaded.clone()));
    let shares = tokio::spawn(shares::watch(looker, loaded.clone()));
    let args = RunArgs { once: true, source: Vec::new() };
    let (usage, started) = (Usage::now(&admin).await?, Instant::now());
    let result = Box::pin(ingest(&stage.session, &args, &never, |_| {})).await;
    let seconds = started.elapsed().as_secs_f64();
    let cost = usage.until_now(&admin).await?;
    loaded.cancel();
    result?;
    let broke = |error| Error::internal("a watcher of the benchmark broke off").source(error);
    runs.memory_bytes = runs.memory_bytes.max(memory.await.map_err(broke)?);
    runs.shares = shares.await.map_err(broke)??;
    prove(stage, &admin, &expected).await?;
    runs.decoded.push(decoding::measure(stage, options).await?);
    runs.samples.push(Sample { seconds, cost, phases: Phases::default() });
    Ok(())
}

/// A speed at which something is lost, doubled or wrong is none.
async fn prove(stage: &Stage, admin: &Connection, expected: &Expected) -> Result<()> {
    let found = admin
        .query_one(
            "select sum(rows)::bigint, sum(duplicates)::bigint, sum(dead_letters)::bigint \
             from howdah.positions",
            &[],
        )
        .await
        .map_err(|error| from_pg("could not read the positions", &error))?;
    let found = [0, 1, 2].map(|at| found.get::<_, i64>(at) as u64);
    let all = expected.total();
    let wanted = [all.rows, all.duplicates, all.broken];
    if found != wanted {
        return Err(Error::internal(format!(
            "{found:?} rows, repeats and dead letters are there, not {wanted:?}"
        )));
    }
    let connection = stage.session.connect().await?;
    let model = stage.session.model(&connection).await?;
    let proofs = verify::rollups(&connection, &model.system, &[], |_| {}).await?;
    match proofs.iter().find(|proof| !proof.holds()) {
        Some(wrong) => Err(Error::internal(format!("\"{}\" is wrong", wrong.relation))),
        None => Ok(()),
    }
}

fn report(args: &BenchArgs, names: &[&String], loads: Vec<Runs>, live: Vec<Phase>) -> Report {
    let count = args.events as f64;
    let seconds = |runs: &Runs| median(&runs.samples, |sample| sample.seconds);
    let base = names.iter().position(|name| *name == BASE).map(|at| seconds(&loads[at]));
    let cases = names.iter().zip(loads).map(|(load, runs)| {
        let each = |of: fn(&usage::Cost) -> f64| median(&runs.samples, |s| of(&s.cost)) / count;
        Case {
            load: (*load).clone(),
            events: args.events,
            events_per_second: count / seconds(&runs),
            ratio_to_uniform: base.map(|base| base / seconds(&runs)),
            cpu_seconds_per_million: each(|cost| cost.own_seconds) * 1e6,
            server_cpu_seconds_per_million: each(|cost| cost.server_seconds) * 1e6,
            decoded_events_per_core_second: runs.decoded.iter().copied().fold(0.0, f64::max),
            wal_bytes_per_event: each(|cost| cost.wal_bytes),
            memory_bytes: runs.memory_bytes,
            questions: runs.questions,
            shares: runs.shares.into_iter().map(|(step, share)| Share { step, share }).collect(),
        }
    });
    Report { version: 1, command: command(args), runs: args.runs, cases: cases.collect(), live }
}

fn command(args: &BenchArgs) -> String {
    let (events, runs, loads) = (args.events, args.runs, args.loads.join(","));
    let mut text = format!("howdah bench chain --events {events} --runs {runs} --loads {loads}");
    if args.clients > 0 {
        let _ = write!(text, " --clients {} --freshness {}", args.clients, args.freshness);
    }
    text
}

fn print(report: &Report) -> Result<()> {
    let number = |value: f64| grouped(value as i64);
    let mut table = Table::new(&[
        "load",
        "events/s",
        "of uniform",
        "CPU s/M",
        "server CPU s/M",
        "decoded/core s",
        "WAL B/event",
        "memory",
    ]);
    for case in &report.cases {
        table.row(vec![
            case.load.clone(),
            number(case.events_per_second),
            case.ratio_to_uniform.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            format!("{:.1}", case.cpu_seconds_per_million),
            format!("{:.1}", case.server_cpu_seconds_per_million),
            number(case.decoded_events_per_core_second),
            number(case.wal_bytes_per_event),
            bytes(case.memory_bytes as i64),
        ]);
    }
    table.print()?;
    for case in &report.cases {
        output::line(&format!("\nwhere the writers' time goes, {}", case.load))?;
        let mut table = Table::new(&["  step", "share"]);
        for share in case.shares.iter().filter(|share| share.share >= 0.005) {
            table.row(vec![format!("  {}", share.step), format!("{:.1}%", share.share * 100.0)]);
        }
        table.print()?;
    }
    for case in report.cases.iter().filter(|case| !case.questions.is_empty()) {
        print_questions(case)?;
    }
    if !report.live.is_empty() {
        print_live(&report.live)?;
    }
    output::line(&format!("\nmedians of: {}", report.command))
}

fn print_questions(case: &Case) -> Result<()> {
    output::line(&format!("\nquestions of readers behind {}, ms", case.load))?;
    let mut table = Table::new(&["  question", "rows", "p50", "p95", "p99", "asked"]);
    for answered in &case.questions {
        let ms = |ms: f64| format!("{ms:.2}");
        table.row(vec![
            format!("  {}", answered.question),
            answered.rows.to_string(),
            ms(answered.p50_ms),
            ms(answered.p95_ms),
            ms(answered.p99_ms),
            answered.times.to_string(),
        ]);
    }
    table.print()
}

fn print_live(phases: &[Phase]) -> Result<()> {
    output::line("\nL4, from the entry in Redis to its commit")?;
    let mut table = Table::new(&["events/s", "events", "p50", "p99", "cores", "server cores"]);
    for phase in phases {
        let most = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("<= {ms} ms"));
        table.row(vec![
            phase.rate.to_string(),
            grouped(phase.events as i64),
            most(phase.p50_at_most_ms),
            most(phase.p99_at_most_ms),
            format!("{:.3}", phase.cpu),
            format!("{:.3}", phase.server_cpu),
        ]);
    }
    table.print()
}
