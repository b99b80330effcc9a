//! `howdah bench upkeep`: what writers and readers notice of upkeep.
//!
//! Two writers commit batches into a stream with two days of old chunks, first alone and as fast as
//! they go, then at half of that for `--seconds`, some of the events hours late, while upkeep
//! folds, merges, proves and makes chunks, and rollups are rebuilt over and over. Each batch and
//! each query of a reader is timed; a sampler sees who waits for a lock, and for whom.

mod witness;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::connect;
use howdah_upkeep::rebuild::{Asked, rebuild_level};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{FOLDER, in_folder, lay, sql_failed, tell, unwritable};
use crate::Outcome;
use crate::cli::{BenchArgs, Global};
use crate::command::apply::apply_told;
use crate::command::run::upkeep_of;
use crate::output::{self, Table, grouped};
use crate::session::{Model, Session};
use witness::{Blocked, Read};
use writer::{BATCH, Commit, Feed, Written};

/// Writers side by side.
const WRITERS: u64 = 2;
/// Hours of old readings.
const HOURS: u64 = 48;
/// For how long the limit is measured.
const LIMIT: Duration = Duration::from_secs(5);

/// Times of one kind, in milliseconds.
#[derive(Debug, Serialize)]
struct Times {
    what: String,
    count: usize,
    failed: u64,
    over_100_ms: usize,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    seconds: u64,
    limit_events_per_second: f64,
    load_events_per_second: f64,
    rows: u64,
    dead_letters: u64,
    deadlocks: i64,
    /// Waits of writers and readers for a lock of more than 100 ms.
    blocked: Vec<Blocked>,
    /// Those of upkeep for others.
    upkeep_waited: usize,
    rebuilt_ranges: u64,
    jobs: Vec<(String, i64, i64)>,
    times: Vec<Times>,
    /// Whether rollups and stream agree afterwards.
    proved: bool,
}

/// Runs it and prints the figures.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    let folder = PathBuf::from(FOLDER).join("upkeep");
    let rows = (args.events / HOURS).max(40);
    let old = include_str!("upkeep/0001_readings.sql")
        .replace("{hours}", &HOURS.to_string())
        .replace("{rows}", &rows.to_string());
    lay(
        &folder,
        [
            ("howdah.toml", include_str!("upkeep/howdah.toml")),
            ("migrations/0001_readings.sql", &old),
        ],
    )?;
    std::fs::write(folder.join("readings.ndjson"), "").map_err(unwritable)?;
    let work = async |session: &Session| Box::pin(measure(session, args)).await;
    tell(global, &in_folder(global, folder, work).await?, print)
}

async fn measure(session: &Session, args: &BenchArgs) -> Result<Report> {
    session.empty_private().await?;
    output::say("two days of readings");
    Box::pin(apply_told(session, &[], &|_| {})).await?;
    let connection = session.connect().await?;
    let model = session.model(&connection).await?;
    // Readers ask for the history from the first moment on.
    for stream in &model.system.streams {
        howdah_history::prepare(&connection, &model.system, &model.catalog, stream).await?;
    }
    let mut feeds = Vec::new();
    for number in 0..WRITERS {
        feeds.push(Feed::open(session, &model, number, HOURS).await?);
    }
    output::say("the limit");
    let alone = load(&mut feeds, None, LIMIT).await?;
    let limit = alone.iter().map(|it| it.rows).sum::<u64>() as f64 / LIMIT.as_secs_f64();
    let pace = Duration::from_secs_f64((WRITERS * BATCH) as f64 / (limit / 2.0).max(1.0));
    let lasting = Duration::from_secs(args.seconds);
    output::say(&format!("{} s at half of {} events/s", args.seconds, grouped(limit as i64)));
    let end = CancellationToken::new();
    let upkeep = upkeep_of(session, &model)?;
    let admin = connect(&session.admin_options()?).await?;
    let ending = async {
        let written = load(&mut feeds, Some(pace), lasting).await;
        end.cancel();
        written
    };
    let (written, read, locks, rebuilt, ()) = tokio::join!(
        ending,
        witness::read(&session.options, &end),
        witness::locks(&admin, &end),
        rebuild(session, &model, &end),
        howdah_upkeep::run(&upkeep, &end, |_| {}),
    );
    let (written, read, (blocked, deadlocks)) = (written?, read?, locks?);
    let (served, own): (Vec<Blocked>, Vec<Blocked>) =
        blocked.into_iter().partition(Blocked::is_served);
    let rows = written.iter().map(|it| it.rows).sum::<u64>();
    let proofs = howdah_upkeep::verify::rollups(&connection, &model.system, &[], |_| {}).await?;
    Ok(Report {
        version: 1,
        command: format!("howdah bench upkeep --events {} --seconds {}", args.events, args.seconds),
        seconds: args.seconds,
        limit_events_per_second: limit,
        load_events_per_second: rows as f64 / lasting.as_secs_f64(),
        rows,
        dead_letters: written.iter().map(|it| it.dead_letters).sum(),
        deadlocks,
        blocked: served,
        upkeep_waited: own.len(),
        rebuilt_ranges: rebuilt?,
        jobs: jobs(session).await?,
        times: times(&alone, &written, &read),
        proved: proofs.iter().all(howdah_upkeep::verify::Proof::holds),
    })
}

/// All writers side by side for some time.
async fn load(feeds: &mut [Feed], pace: Option<Duration>, time: Duration) -> Result<Vec<Written>> {
    let end = CancellationToken::new();
    let timer = async {
        tokio::time::sleep(time).await;
        end.cancel();
    };
    let writing = futures_util::future::join_all(feeds.iter_mut().map(|it| it.run(pace, &end)));
    let (written, ()) = tokio::join!(writing, timer);
    written.into_iter().collect()
}

/// Rebuilds hours of a rollup, one after the other, from the newest back and again.
async fn rebuild(session: &Session, model: &Model, end: &CancellationToken) -> Result<u64> {
    let connection = connect(&session.options).await?;
    let mut done = 0;
    for hour in (0..HOURS as i64).cycle() {
        if end.is_cancelled() {
            break;
        }
        let sql = "select date_trunc('hour', now() - $1 * interval '1 hour')::text, \
                   date_trunc('hour', now() - ($1 - 1) * interval '1 hour')::text";
        let back = hour as f64;
        let row = connection.query_one(sql, &[&back]).await.map_err(|error| sql_failed(&error))?;
        let asked = Asked { from: Some(row.get(0)), to: Some(row.get(1)) };
        let rebuilt =
            rebuild_level(&connection, &model.system, "states", 0, Some(&asked), |_| done += 1);
        rebuilt.await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(done)
}

/// What each job did: steps, and what is left.
async fn jobs(session: &Session) -> Result<Vec<(String, i64, i64)>> {
    let connection = session.connect().await?;
    let (_, jobs) = howdah_upkeep::record::read(&connection).await?;
    Ok(jobs.into_iter().map(|job| (job.job, job.steps, job.backlog)).collect())
}

fn times(alone: &[Written], written: &[Written], read: &Read) -> Vec<Times> {
    let of = |written: &[Written], late: Option<bool>| -> Vec<f64> {
        let all = written.iter().flat_map(|it| &it.commits);
        let chosen = all.filter(|it: &&Commit| late.is_none_or(|late| it.late == late));
        chosen.map(|it| it.ms).collect()
    };
    let failed = |written: &[Written]| written.iter().map(|it| it.failed).sum();
    let mut out = vec![
        summary("batches alone, no pace", of(alone, None), failed(alone)),
        summary("batches", of(written, Some(false)), failed(written)),
        summary("batches with late events", of(written, Some(true)), 0),
    ];
    let mut names: Vec<&str> = read.queries.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    for (place, name) in names.into_iter().enumerate() {
        let ms = read.queries.iter().filter(|(known, _)| *known == name).map(|(_, ms)| *ms);
        out.push(summary(name, ms.collect(), if place == 0 { read.failed } else { 0 }));
    }
    out
}

fn summary(what: &str, mut ms: Vec<f64>, failed: u64) -> Times {
    ms.sort_by(f64::total_cmp);
    let at =
        |share: f64| ms.get((ms.len().saturating_sub(1) as f64 * share).round() as usize).copied();
    Times {
        what: what.to_owned(),
        count: ms.len(),
        failed,
        over_100_ms: ms.iter().filter(|ms| **ms > 100.0).count(),
        p50_ms: at(0.5).unwrap_or_default(),
        p99_ms: at(0.99).unwrap_or_default(),
        max_ms: at(1.0).unwrap_or_default(),
    }
}

fn print(report: &Report) -> Result<()> {
    let mut table =
        Table::new(&["what", "count", "failed", "> 100 ms", "p50 ms", "p99 ms", "max ms"]);
    for it in &report.times {
        table.row(vec![
            it.what.clone(),
            grouped(it.count as i64),
            grouped(it.failed as i64),
            grouped(it.over_100_ms as i64),
            format!("{:.1}", it.p50_ms),
            format!("{:.1}", it.p99_ms),
            format!("{:.1}", it.max_ms),
        ]);
    }
    table.print()?;
    let mut table = Table::new(&["job", "steps", "left"]);
    for (job, steps, left) in &report.jobs {
        table.row(vec![job.clone(), grouped(*steps), grouped(*left)]);
    }
    table.print()?;
    output::line(&format!(
        "{} events/s of {}; {} ranges rebuilt; {} dead letters; {} deadlocks; upkeep waited {} \
         times; rollups {}",
        grouped(report.load_events_per_second as i64),
        grouped(report.limit_events_per_second as i64),
        grouped(report.rebuilt_ranges as i64),
        grouped(report.dead_letters as i64),
        report.deadlocks,
        report.upkeep_waited,
        if report.proved { "equal the stream" } else { "DIFFER FROM THE STREAM" },
    ))?;
    output::line(&format!("{} waits of more than 100 ms for a lock", report.blocked.len()))?;
    for wait in report.blocked.iter().take(20) {
        output::line(&format!("  {}", wait.line()))?;
    }
    output::line(&format!("\n{}", report.command))
}
