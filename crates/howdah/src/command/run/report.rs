//! What `howdah run` says: its sources at the start, how it goes now and then, counts at the end.

use std::collections::HashMap;
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_stream::ShardId;
use howdah_stream::progress::Away;
use howdah_stream::source::{Lag, lag};
use howdah_system::{Origin, Source, System};
use serde_json::json;
use tokio_postgres::Row;

use crate::canvas::Canvas;
use crate::cli::OutputFormat;
use crate::meter::{Meter, Speed, Totals};
use crate::output::{self, Table, bytes, grouped};
use crate::session::Session;

/// How long a source may take to tell its lag.
const ASK: Duration = Duration::from_secs(1);

/// Says what will be read, from where, into what.
pub fn start(session: &Session, system: &System, sources: &[&Source]) {
    output::say(&format!("{} on {}", system.name, session.database_name()));
    for source in sources {
        let streams: Vec<&str> =
            source.streams().map(|index| system.streams[index].name.as_str()).collect();
        let (name, origin) = (&source.name, origin(&source.origin));
        output::say(&format!("  {name}: {origin} into {}", streams.join(", ")));
    }
    if sources.is_empty() {
        output::say("  no sources: nothing will come; the system file declares none");
    }
}

/// Where a source is, for people.
pub fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Redis { url, streams, .. } => {
            let names: Vec<String> = streams.iter().map(|name| format!("\"{name}\"")).collect();
            let word = if names.len() == 1 { "stream" } else { "streams" };
            format!("Redis {word} {} at {url}", names.join(", "))
        }
        Origin::Mqtt(mqtt) => {
            let names: Vec<String> = mqtt.topics.iter().map(|name| format!("\"{name}\"")).collect();
            let word = if names.len() == 1 { "topic" } else { "topics" };
            format!("MQTT {word} {} at {}", names.join(", "), mqtt.url)
        }
        Origin::File { path } => format!("file {}", path.display()),
        Origin::Stdin => "standard input".to_owned(),
        Origin::Http => "HTTP requests".to_owned(),
    }
}

/// How many events of each shard were committed before the run.
pub type Before = HashMap<ShardId, u64>;

/// Reads what was committed before the run.
pub async fn before(connection: &Connection) -> Result<Before> {
    let rows = connection
        .query("select source, shard, events from howdah.positions", &[])
        .await
        .map_err(|error| from_pg("could not read the positions", &error))?;
    let count = |row: &Row| {
        let shard = ShardId { source: row.get(0), shard: row.get(1) };
        (shard, row.get::<_, i64>(2) as u64)
    };
    Ok(rows.iter().map(count).collect())
}

/// Says how it goes: all the time on a terminal, else every ten seconds. Never ends.
pub async fn watch(session: &Session, system: &System, before: &Before, meter: &Meter) {
    let mut canvas = Canvas::stderr();
    let mut speed = Speed::new();
    let every = Duration::from_secs(if canvas.redraws() { 1 } else { 10 });
    loop {
        tokio::time::sleep(every).await;
        let totals = meter.totals();
        let behind = behind(session, system, before, meter).await;
        let line = format!(
            "{} events  {}/s  lag {behind}  duplicates {}  dead letters {}{}",
            grouped(totals.events as i64),
            grouped(speed.look(totals.events) as i64),
            grouped(totals.duplicates as i64),
            grouped(totals.dead_letters as i64),
            state(totals),
        );
        canvas.draw(&[line]);
    }
}

/// What is not as it should be.
pub fn state(totals: Totals) -> String {
    let mut state = String::new();
    if totals.lost > 0 {
        state.push_str(&format!("  lost by the source {}", grouped(totals.lost as i64)));
    }
    if totals.standby > 0 {
        state.push_str(&format!("  ({} shards stand by)", totals.standby));
    }
    match totals.waiting {
        Some(Away::Database) => state.push_str("  (waiting for the database)"),
        Some(Away::Source) => state.push_str("  (waiting for a source)"),
        None => {}
    }
    state
}

/// The lag of all running sources together, in their units.
async fn behind(session: &Session, system: &System, before: &Before, meter: &Meter) -> String {
    let (mut entries, mut length, mut unknown) = (0, 0, false);
    for progress in meter.shards() {
        let shard = &progress.shard;
        let Some(source) = system.sources.iter().find(|source| source.name == shard.source) else {
            continue;
        };
        let Ok(access) = session.access(source) else { continue };
        let events = before.get(shard).unwrap_or(&0) + progress.events;
        let position = progress.last_position.as_ref();
        match tokio::time::timeout(ASK, lag(source, &access, shard, position, events)).await {
            Ok(Ok(Some(Lag::Entries(count)))) => entries += count,
            Ok(Ok(Some(Lag::Bytes(count)))) => length += count,
            Ok(Ok(None)) => {}
            _ => unknown = true,
        }
    }
    let mut parts = Vec::new();
    if entries > 0 || (length == 0 && !unknown) {
        parts.push(grouped(entries as i64));
    }
    if length > 0 {
        parts.push(bytes(length as i64));
    }
    if unknown {
        parts.push("unknown (a source does not answer)".to_owned());
    }
    parts.join(" + ")
}

/// The counts of the run: for people on standard error, as JSON on standard output.
pub fn end(meter: &Meter, format: OutputFormat) -> Result<()> {
    let shards = meter.shards();
    if format == OutputFormat::Json {
        let sources: Vec<_> = shards
            .iter()
            .map(|progress| {
                json!({
                    "source": progress.shard.source, "shard": progress.shard.shard,
                    "lost": progress.lost, "events": progress.events, "rows": progress.rows,
                    "duplicates": progress.duplicates, "dead_letters": progress.dead_letters,
                    "position": progress.last_position.as_ref().map(|position| &position.0),
                })
            })
            .collect();
        return output::json(&json!({ "version": 1, "sources": sources }));
    }
    if shards.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["source", "events", "rows", "duplicates", "dead letters"]);
    for progress in shards {
        let counts = [progress.events, progress.rows, progress.duplicates, progress.dead_letters];
        let mut cells = vec![progress.shard.source];
        cells.extend(counts.map(|count| grouped(count as i64)));
        table.row(cells);
    }
    table.lines().iter().for_each(|line| output::say(line));
    Ok(())
}
