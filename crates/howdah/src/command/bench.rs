//! `howdah bench ingest`: the whole path against a bare COPY into the same table, in one run.
//!
//! Each case is a stream with one, three or six rollups, forced row security and a unique key. Its
//! events come through a file source: read, decoded, batched, inserted, folded, committed. The
//! yardstick is one binary COPY of the same rows, encoded before the clock starts, into the same
//! partitioned table with the same indexes, as a superuser (COPY refuses row security otherwise).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use howdah_error::{Error, Kind, Result};
use howdah_pg::{Connection, connect, from_pg};
use howdah_stream::{Body, Decoder, Position, Raw};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::cli::{BenchArgs, BenchWhat, Global, OutputFormat, RunArgs};
use crate::command::{apply::apply_all, run::ingest};
use crate::output::{self, Table, grouped};
use crate::session::{Model, Session};

/// The streams of the system file, by their number of rollup tables.
const CASES: [usize; 3] = [1, 3, 6];
const FOLDER: &str = ".howdah/bench";
const EVENTS: &str = "events.ndjson";
/// Bytes handed to the driver at once.
const COPY_CHUNK: usize = 256 << 10;

/// What one case measured: medians over the runs.
#[derive(Debug, Serialize)]
struct Case {
    rollups: usize,
    events: u64,
    events_per_second: f64,
    copy_rows_per_second: f64,
    ratio_to_copy: f64,
}

/// The whole result.
#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    runs: u64,
    cases: Vec<Case>,
}

/// Runs the benchmark and prints it.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    let BenchWhat::Ingest = args.what;
    let folder = PathBuf::from(FOLDER);
    let events = write_inputs(&folder, args.events)?;
    let session = Session::open(&Global { file: folder, format: global.format }).await?;
    let result = Box::pin(measure_all(&session, args, events)).await;
    session.close().await?;
    let cases = result?;
    let command = format!("howdah bench ingest --events {} --runs {}", args.events, args.runs);
    if global.format == OutputFormat::Json {
        output::json(&Report { version: 1, command, runs: args.runs, cases })?;
    } else {
        print(&cases, &command)?;
    }
    Ok(Outcome::Fine)
}

fn print(cases: &[Case], command: &str) -> Result<()> {
    let mut table = Table::new(&["rollups", "events", "events/s", "COPY rows/s", "ratio to COPY"]);
    for case in cases {
        table.row(vec![
            case.rollups.to_string(),
            grouped(case.events as i64),
            grouped(case.events_per_second as i64),
            grouped(case.copy_rows_per_second as i64),
            format!("{:.3}", case.ratio_to_copy),
        ]);
    }
    table.print()?;
    output::line(&format!("medians of: {command}"))
}

/// Writes the system, its migration and its events; gives how many events there are.
fn write_inputs(folder: &Path, events: u64) -> Result<u64> {
    let failed = |error| {
        Error::new(Kind::Io, format!("could not write below \"{}\"", folder.display()))
            .source(error)
    };
    std::fs::create_dir_all(folder.join("migrations")).map_err(failed)?;
    std::fs::write(folder.join("howdah.toml"), include_str!("bench/howdah.toml"))
        .map_err(failed)?;
    std::fs::write(
        folder.join("migrations/0001_trades.sql"),
        include_str!("bench/0001_trades.sql"),
    )
    .map_err(failed)?;
    // The last second of a fixed day: the same events at every run.
    let until_ms = 1_760_745_599_000;
    let mut options = howdah_feed::Options::new(events, 1, until_ms);
    // The pace of the trading brief, 10 million trades a day: it decides how many fall into a
    // bucket, and so how much a rollup writes.
    options.span_ms = i64::try_from(events).unwrap_or(i64::MAX).saturating_mul(864) / 100;
    options.broken_per_million = 0;
    options.duplicates_per_million = 0;
    let mut text = String::new();
    let mut count = 0;
    for event in howdah_feed::events("trading", &options)? {
        if event.stream == "trades" {
            let _ = writeln!(text, "{}", event.json);
            count += 1;
        }
    }
    std::fs::write(folder.join(EVENTS), text).map_err(failed)?;
    Ok(count)
}

async fn measure_all(session: &Session, args: &BenchArgs, events: u64) -> Result<Vec<Case>> {
    apply_all(session, &[]).await?;
    let admin = connect(&session.admin_options()?).await?;
    let connection = session.connect().await?;
    let model = session.model(&connection).await?;
    let mut cases = Vec::new();
    for rollups in CASES {
        let mut ours = Vec::new();
        let mut copies = Vec::new();
        let rows = encode(session, &model, rollups)?;
        for run in 0..args.runs {
            // Ours comes first: it makes the chunks that the bare COPY needs.
            empty(&admin, &model, rollups).await?;
            ours.push(load(session, rollups).await?);
            empty(&admin, &model, rollups).await?;
            copies.push(copy(&admin, &rows).await?);
            output::say(&format!("{rollups} rollups, run {} of {}", run + 1, args.runs));
        }
        check_count(&admin, rollups, events).await?;
        let (ours, copies) = (median(ours), median(copies));
        cases.push(Case {
            rollups,
            events,
            events_per_second: events as f64 / ours,
            copy_rows_per_second: events as f64 / copies,
            ratio_to_copy: copies / ours,
        });
    }
    Ok(cases)
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn sql_failed(error: &tokio_postgres::Error) -> Error {
    from_pg("could not run the benchmark's SQL", error)
}

/// Empties the case's stream, rollups and position, and writes out what is dirty.
async fn empty(admin: &Connection, model: &Model, rollups: usize) -> Result<()> {
    let name = format!("trades_{rollups}");
    let stream = model
        .system
        .stream(&name)
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

/// Seconds for the whole path.
async fn load(session: &Session, rollups: usize) -> Result<f64> {
    let args = RunArgs { once: true, source: vec![format!("trades_{rollups}")] };
    let started = Instant::now();
    ingest(session, &args, &CancellationToken::new(), |_, _| {}).await?;
    Ok(started.elapsed().as_secs_f64())
}

/// The rows of the yardstick: the COPY statement, and the stream that it reads.
struct Encoded {
    copy: String,
    chunks: Vec<Bytes>,
}

fn encode(session: &Session, model: &Model, rollups: usize) -> Result<Encoded> {
    let source = &model.system.sources[CASES.iter().position(|n| *n == rollups).unwrap_or(0)];
    let stream = &model.system.streams[source.routes[0].stream];
    let mut decoder = Decoder::new(source, stream)?;
    let text = std::fs::read(session.folder.join(EVENTS))
        .map_err(|error| Error::new(Kind::Io, "could not read the events").source(error))?;
    let text = Bytes::from(text);
    let mut buffer = BytesMut::new();
    buffer.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    let mut chunks = Vec::new();
    let mut at = 0;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let body = Body::Text(text.slice_ref(line));
        at += 1;
        let raw = Raw { position: Position(at.to_string()), body };
        let row = decoder.decode(raw).map_err(|refusal| Error::internal(refusal.reason))?;
        buffer.put_slice(&row.copy);
        if buffer.len() >= COPY_CHUNK {
            chunks.push(buffer.split().freeze());
        }
    }
    buffer.put_i16(-1);
    chunks.push(buffer.freeze());
    let columns = howdah_catalog::name::list(decoder.columns());
    let copy = format!("copy {} ({columns}) from stdin (format binary)", stream.table);
    Ok(Encoded { copy, chunks })
}

/// Seconds for the bare COPY, in one transaction.
async fn copy(admin: &Connection, rows: &Encoded) -> Result<f64> {
    let started = Instant::now();
    let sink = admin.copy_in::<_, Bytes>(&rows.copy).await.map_err(|error| sql_failed(&error))?;
    futures_util::pin_mut!(sink);
    for chunk in &rows.chunks {
        sink.send(chunk.clone()).await.map_err(|error| sql_failed(&error))?;
    }
    sink.finish().await.map_err(|error| sql_failed(&error))?;
    Ok(started.elapsed().as_secs_f64())
}

/// What was measured must have happened.
async fn check_count(admin: &Connection, rollups: usize, events: u64) -> Result<()> {
    let count: i64 = admin
        .query_one(&format!("select count(*) from trades_{rollups}"), &[])
        .await
        .map_err(|error| sql_failed(&error))?
        .get(0);
    if count == events as i64 {
        return Ok(());
    }
    Err(Error::internal(format!("{events} events went in and {count} rows are there")))
}
