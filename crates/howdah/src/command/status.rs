//! `howdah status`: streams, sources, rollups and dead letters at a glance.

pub mod collect;
mod upkeep;

use std::collections::BTreeMap;
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::Connection;
use howdah_system::System;

use crate::Outcome;
use crate::canvas::Canvas;
use crate::cli::{Global, OutputFormat, StatusArgs};
use crate::output::{self, Table, bytes, cut, grouped};
use crate::session::Session;
use collect::{SourceStatus, Status, collect};

/// Prints the status, once or again and again.
pub async fn run(global: &Global, args: &StatusArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let result = show(&session, global, args).await;
    session.close().await?;
    result.map(|()| Outcome::Fine)
}

async fn show(session: &Session, global: &Global, args: &StatusArgs) -> Result<()> {
    let connection = session.connect().await?;
    session.require_applied(&connection).await?;
    let system = session.system(&connection).await?;
    let Some(seconds) = args.watch else {
        let status = collect(session, &connection, &system).await?;
        if global.format == OutputFormat::Json {
            return output::json(&status);
        }
        return lines(&status).iter().try_for_each(|text| output::line(text));
    };
    let every = Duration::from_secs(seconds.max(1));
    tokio::select! {
        result = watch(session, &connection, &system, global.format, every) => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn watch(
    session: &Session,
    connection: &Connection,
    system: &System,
    format: OutputFormat,
    every: Duration,
) -> Result<()> {
    let mut canvas = Canvas::stdout();
    loop {
        let status = collect(session, connection, system).await?;
        let drawn = if format == OutputFormat::Json {
            serde_json::to_string(&status).unwrap_or_default().lines().map(str::to_owned).collect()
        } else if canvas.redraws() {
            brief(&status)
        } else {
            lines(&status)
        };
        if !canvas.draw(&drawn) {
            return Ok(());
        }
        tokio::time::sleep(every).await;
    }
}

/// The status for people, at most 80 columns wide.
fn lines(status: &Status) -> Vec<String> {
    let mut out = vec![format!("{} on {}", status.system, status.database), String::new()];
    out.extend(streams(status).lines());
    out.push(String::new());
    out.extend(counts(&status.sources).lines());
    out.push(String::new());
    out.extend(positions(&status.sources).lines());
    out.extend(status.sources.iter().filter_map(owner));
    out.extend(status.sources.iter().filter_map(lost));
    for source in &status.sources {
        if let Some(problem) = &source.lag_problem {
            out.push(format!("  lag of {}: {problem}", cut(&source.source)));
        }
    }
    out.push(String::new());
    out.extend(rollups(status).lines());
    out.push(String::new());
    if let Some(upkeep) = &status.upkeep {
        out.extend(upkeep.lines());
        out.push(String::new());
    }
    if status.dead_letters.is_empty() {
        out.push("no dead letters".to_owned());
        return out;
    }
    let mut table = Table::new(&["dead letters of", "stream", "code", "letters"]);
    for count in &status.dead_letters {
        table.row(vec![
            cut(&count.source),
            cut(&count.stream),
            cut(&count.code),
            grouped(count.letters),
        ]);
    }
    out.extend(table.lines());
    out
}

/// The status in about 20 lines, for a small terminal that is redrawn.
fn brief(status: &Status) -> Vec<String> {
    let mut out = vec![format!("{} on {}", status.system, status.database), String::new()];
    out.extend(streams(status).lines());
    out.push(String::new());
    out.extend(counts(&status.sources).lines());
    out.push(String::new());
    out.extend(positions(&status.sources).lines());
    out.extend(status.sources.iter().filter_map(lost));
    out.push(String::new());
    let (ready, other): (Vec<_>, Vec<_>) =
        status.rollups.iter().partition(|rollup| rollup.state == "ready");
    let size = status.rollups.iter().map(|rollup| rollup.bytes).sum();
    out.push(format!("rollups: {} ready, {}", ready.len(), bytes(size)));
    out.extend(other.iter().map(|rollup| format!("  {} is {}", rollup.relation, rollup.state)));
    let mut codes: BTreeMap<&str, i64> = BTreeMap::new();
    for count in &status.dead_letters {
        *codes.entry(&count.code).or_default() += count.letters;
    }
    let codes: Vec<String> =
        codes.iter().map(|(code, letters)| format!("{code} {}", grouped(*letters))).collect();
    let codes = if codes.is_empty() { "none".to_owned() } else { codes.join("  ") };
    out.push(format!("dead letters: {codes}"));
    out.extend(status.upkeep.iter().map(upkeep::UpkeepStatus::brief));
    out
}

fn streams(status: &Status) -> Table {
    let mut table = Table::new(&["stream", "rows ~", "chunks", "from", "to", "size"]);
    for stream in &status.streams {
        let day = |time: &Option<String>| {
            time.as_ref().map_or_else(|| "-".to_owned(), |time| time.chars().take(10).collect())
        };
        table.row(vec![
            cut(&stream.stream),
            grouped(stream.estimated_rows),
            grouped(stream.chunks),
            day(&stream.oldest),
            day(&stream.newest),
            bytes(stream.bytes),
        ]);
    }
    table
}

fn counts(sources: &[SourceStatus]) -> Table {
    let mut table = Table::new(&["source", "events", "rows", "repeats", "dead"]);
    for source in sources {
        let counts = [source.events, source.rows, source.duplicates, source.dead_letters];
        let mut cells = vec![cut(&source.source)];
        cells.extend(counts.map(grouped));
        table.row(cells);
    }
    table
}

fn positions(sources: &[SourceStatus]) -> Table {
    let mut table = Table::new(&["source", "position", "committed", "lag"]);
    for source in sources {
        let lag = match (source.lag_events, source.lag_bytes) {
            (Some(events), _) => grouped(events as i64),
            (_, Some(length)) => bytes(length as i64),
            _ => "?".to_owned(),
        };
        table.row(vec![
            cut(&source.source),
            source.position.as_deref().map_or_else(|| "-".to_owned(), cut),
            source.seconds_since_commit.map_or_else(|| "never".to_owned(), age),
            lag,
        ]);
    }
    table
}

/// Who moves a shard; nobody: no line.
fn owner(source: &SourceStatus) -> Option<String> {
    let mut parts = source.owner.as_deref()?.split(' ');
    let (host, pid) = (parts.next()?, parts.next()?);
    let lease = match source.lease_seconds? {
        left if left > 0.0 => format!("lease {left:.0} s"),
        _ => "lease ended".to_owned(),
    };
    let (shard, host) = (cut(&source.shard), cut(host));
    Some(format!("  {shard} is moved by {host}, process {pid}, {lease}"))
}

/// What a source lost before it was read; nothing: no line.
fn lost(source: &SourceStatus) -> Option<String> {
    let entries = source.lost?;
    let at_least = if source.lost_exact == Some(true) { "" } else { "at least " };
    let shard = cut(&source.shard);
    Some(format!("  {shard} LOST {at_least}{} entries before they were read", grouped(entries)))
}

fn rollups(status: &Status) -> Table {
    let mut table = Table::new(&["rollup", "rows ~", "size", "state"]);
    for rollup in &status.rollups {
        table.row(vec![
            cut(&rollup.relation),
            grouped(rollup.estimated_rows),
            bytes(rollup.bytes),
            rollup.state.to_owned(),
        ]);
    }
    table
}

/// Seconds for people: 42 s ago, 3 h ago.
fn age(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_rounded_down() {
        assert_eq!(age(0), "0 s ago");
        assert_eq!(age(7_199), "119 min ago");
        assert_eq!(age(200_000), "2 days ago");
    }
}
