//! What `howdah run` says: its sources at the start, how it goes now and then, counts at the end.

use std::collections::HashMap;
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_stream::ShardId;
use howdah_stream::source::{Lag, lag, shard_of};
use howdah_system::{Origin, Source, System};
use serde_json::json;
use tokio_postgres::Row;

use crate::canvas::Canvas;
use crate::cli::OutputFormat;
use crate::meter::{Meter, Speed};
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
            let reference = match url {
                howdah_system::SecretRef::Env(name) => format!("env:{name}"),
                howdah_system::SecretRef::File(path) => format!("file:{}", path.display()),
            };
            {
                let names: Vec<String> = streams.iter().map(|name| format!("\"{name}\"")).collect();
                let word = if names.len() == 1 { "stream" } else { "streams" };
                format!("Redis {word} {} at {reference}", names.join(", "))
            }
        }
        Origin::File { path } => format!("file {}", path.display()),
        Origin::Stdin => "standard input".to_owned(),
        Origin::Http => "HTTP requests".to_owned(),
    }
}

/// How many events of each shard, by source and shard, were committed before the run.
pub type Before = HashMap<(String, String), u64>;

/// Reads what was committed before the run.
pub async fn before(connection: &Connection) -> Result<Before> {
    let rows = connection
        .query("select source, shard, events from howdah.positions", &[])
        .await
        .map_err(|error| from_pg("could not read the positions", &error))?;
    let count = |row: &Row| ((row.get(0), row.get(1)), row.get::<_, i64>(2) as u64);
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
            if totals.waiting { "  (waiting for the database)" } else { "" },
        );
        canvas.draw(&[line]);
    }
}

/// The lag of all running sources together, in their units.
async fn behind(session: &Session, system: &System, before: &Before, meter: &Meter) -> String {
    let (mut entries, mut length, mut unknown) = (0, 0, false);
    for (name, progress) in meter.sources() {
        let Some(source) = system.sources.iter().find(|source| source.name == name) else {
            continue;
        };
        let Ok(access) = session.access(source) else { continue };
        let ShardId { source: name, shard } = shard_of(source);
        let events = before.get(&(name, shard)).unwrap_or(&0) + progress.events;
        let position = progress.last_position.as_ref();
        match tokio::time::timeout(ASK, lag(source, &access, position, events)).await {
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
    let sources = meter.sources();
    if format == OutputFormat::Json {
        let sources: Vec<_> = sources
            .iter()
            .map(|(name, progress)| {
                json!({
                    "source": name, "events": progress.events, "rows": progress.rows,
                    "duplicates": progress.duplicates, "dead_letters": progress.dead_letters,
                    "position": progress.last_position.as_ref().map(|position| &position.0),
                })
            })
            .collect();
        return output::json(&json!({ "version": 1, "sources": sources }));
    }
    if sources.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["source", "events", "rows", "duplicates", "dead letters"]);
    for (name, progress) in sources {
        let counts = [progress.events, progress.rows, progress.duplicates, progress.dead_letters];
        let mut cells = vec![name];
        cells.extend(counts.map(|count| grouped(count as i64)));
        table.row(cells);
    }
    table.lines().iter().for_each(|line| output::say(line));
    Ok(())
}
