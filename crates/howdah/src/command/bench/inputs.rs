//! What the benchmark of ingestion reads: its system, its migration, and the events of each shard.

use std::fmt::Write as _;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use howdah_error::{Error, Result};

use super::{CASES, lay, unwritable};
use crate::cli::BenchArgs;

/// All events, in their order.
pub const EVENTS: &str = "events.ndjson";
/// The source that reads Redis, one stream a shard.
pub const LIVE: &str = "live";
/// Where the URL of Redis is kept, in the folder of the benchmark.
pub const REDIS_URL: &str = "redis.url";
/// What of an event says whose it is.
const SYMBOL: &str = "\"symbol\":\"";

/// The source of a shard of a case.
pub fn source(rollups: usize, shard: usize) -> String {
    format!("trades_{rollups}_{shard}")
}

/// The sources of a case.
pub fn sources(rollups: usize, shards: usize) -> Vec<String> {
    (0..shards).map(|shard| source(rollups, shard)).collect()
}

/// The stream in Redis of a shard.
pub fn redis_stream(shard: usize) -> String {
    format!("trades_{shard}")
}

/// The shard of an event: all events of a symbol are in one, as its producer would have it.
pub fn shard_of(event: &str, shards: usize) -> usize {
    let behind = event.find(SYMBOL).map_or("", |at| &event[at + SYMBOL.len()..]);
    let mut hasher = DefaultHasher::new();
    behind.split('"').next().hash(&mut hasher);
    (hasher.finish() % shards as u64) as usize
}

/// The file of a shard's events.
fn file_of(shard: usize, shards: usize) -> String {
    if shards == 1 { EVENTS.to_owned() } else { format!("events_{shard}.ndjson") }
}

/// Writes the system, its migration and its events; gives how many events there are.
pub fn write(folder: &Path, args: &BenchArgs) -> Result<u64> {
    if args.shards == 0 {
        return Err(Error::input("events without a shard cannot be read"));
    }
    let migration = ("migrations/0001_trades.sql", include_str!("0001_trades.sql"));
    lay(folder, [("howdah.toml", &system(args)), migration])?;
    write_events(folder, args)
}

fn system(args: &BenchArgs) -> String {
    let mut system = include_str!("howdah.toml").to_owned();
    let mut add = |name: &str, origin: &str, stream: &str| {
        let _ = write!(
            system,
            "\n[sources.{name}]\n{origin}\ninto = \"{stream}\"\n[sources.{name}.map]\n\
             tenant_id = {{ const = \"00000000-0000-4000-8000-000000000001\" }}\n\
             executed_at = \"event_time\"\nquantity = \"amount\"\n"
        );
    };
    for rollups in CASES {
        for shard in 0..args.shards {
            let origin = format!("file = \"{}\"", file_of(shard, args.shards));
            add(&source(rollups, shard), &origin, &format!("trades_{rollups}"));
        }
    }
    let streams: Vec<String> = (0..args.shards).map(redis_stream).collect();
    add(
        LIVE,
        &format!("redis = {{ url = \"file:{REDIS_URL}\", streams = {streams:?} }}"),
        "trades_live",
    );
    if let Some(rows) = args.batch {
        let _ = write!(system, "\n[ingest]\nbatch_rows = {rows}\n");
    }
    system
}

fn write_events(folder: &Path, args: &BenchArgs) -> Result<u64> {
    // The last second of a fixed day: the same events at every run.
    let (events, until_ms) = (args.events, 1_760_745_599_000);
    let mut options = howdah_feed::Options::new(events, 1, until_ms);
    // The pace of the trading brief, 10 million trades a day: it decides how many fall into a
    // bucket, and so how much a rollup writes.
    options.span_ms = i64::try_from(events).unwrap_or(i64::MAX).saturating_mul(864) / 100;
    options.broken_per_million = 0;
    options.duplicates_per_million = 0;
    let open = |name: String| File::create(folder.join(name)).map(BufWriter::new);
    let mut all = open(EVENTS.to_owned()).map_err(unwritable)?;
    let parts = if args.shards == 1 { 0 } else { args.shards };
    let parts: Result<Vec<_>, _> = (0..parts).map(|part| open(file_of(part, parts))).collect();
    let mut parts = parts.map_err(unwritable)?;
    let mut count = 0;
    for event in howdah_feed::events("trading", &options)? {
        if event.stream != "trades" {
            continue;
        }
        writeln!(all, "{}", event.json).map_err(unwritable)?;
        if !parts.is_empty() {
            let part = shard_of(&event.json, parts.len());
            writeln!(parts[part], "{}", event.json).map_err(unwritable)?;
        }
        count += 1;
    }
    for mut file in parts.into_iter().chain([all]) {
        file.flush().map_err(unwritable)?;
    }
    Ok(count)
}
