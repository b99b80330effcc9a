//! What a status tells, read with cheap queries: catalog, statistics, positions.

use std::time::Duration;

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_stream::dead_letters::{self, Filter};
use howdah_stream::source::{Lag, lag, shards_of};
use howdah_stream::{Position, ShardId};
use howdah_system::System;
use serde::Serialize;

use super::upkeep::{self, UpkeepStatus};
use crate::session::Session;

/// How long a source may take to tell its lag.
const ASK: Duration = Duration::from_secs(1);

/// Everything at a glance.
#[derive(Debug, Serialize)]
pub struct Status {
    pub version: u32,
    pub system: String,
    pub database: String,
    pub streams: Vec<StreamStatus>,
    pub sources: Vec<SourceStatus>,
    pub rollups: Vec<RollupStatus>,
    pub dead_letters: Vec<LetterCount>,
    /// Missing in a database of an older howdah.
    pub upkeep: Option<UpkeepStatus>,
}

/// A stream and its chunks.
#[derive(Debug, Serialize)]
pub struct StreamStatus {
    pub stream: String,
    /// By the statistics; no row is counted.
    pub estimated_rows: i64,
    pub chunks: i64,
    pub bytes: i64,
    /// Where the oldest chunk begins, as PostgreSQL prints it.
    pub oldest: Option<String>,
    /// Where the newest chunk ends.
    pub newest: Option<String>,
}

/// A shard that has committed.
#[derive(Debug, Serialize)]
pub struct SourceStatus {
    pub source: String,
    pub shard: String,
    pub position: Option<String>,
    pub events: i64,
    pub rows: i64,
    pub duplicates: i64,
    pub dead_letters: i64,
    pub seconds_since_commit: Option<i64>,
    /// The process that moves it: host, process id and a nonce.
    pub owner: Option<String>,
    /// How often the shard has had a new owner.
    pub epoch: i64,
    /// How long the lease lasts unless it is renewed; negative when it has run out.
    pub lease_seconds: Option<f64>,
    /// Entries that the source lost before they were read.
    pub lost: Option<i64>,
    /// Whether they were counted; else they are more.
    pub lost_exact: Option<bool>,
    pub lag_events: Option<u64>,
    pub lag_bytes: Option<u64>,
    /// Why the lag is not known.
    pub lag_problem: Option<String>,
}

/// A table of a rollup.
#[derive(Debug, Serialize)]
pub struct RollupStatus {
    pub rollup: String,
    pub relation: String,
    /// By the statistics; no row is counted.
    pub estimated_rows: i64,
    pub bytes: i64,
    /// `ready`, `rebuilding` or `missing`.
    pub state: &'static str,
    /// How far a rebuild has come.
    pub rebuilt_to: Option<String>,
}

/// Dead letters of one source, stream and code.
#[derive(Debug, Serialize)]
pub struct LetterCount {
    pub source: String,
    pub stream: String,
    pub code: String,
    pub letters: i64,
}

/// Reads the status.
pub async fn collect(
    session: &Session,
    connection: &Connection,
    system: &System,
) -> Result<Status> {
    let upkeep = upkeep::collect(connection, system).await?;
    let letters = dead_letters::count(connection, &Filter::default()).await?;
    Ok(Status {
        version: 1,
        system: system.name.clone(),
        database: session.database_name(),
        streams: streams(connection, system).await?,
        sources: sources(session, connection, system).await?,
        rollups: rollups(connection, system).await?,
        dead_letters: letters
            .into_iter()
            .map(|count| LetterCount {
                source: count.source,
                stream: count.stream,
                code: count.code,
                letters: count.letters,
            })
            .collect(),
        upkeep,
    })
}

async fn streams(connection: &Connection, system: &System) -> Result<Vec<StreamStatus>> {
    let streams = &system.streams;
    let tables: Vec<String> = streams.iter().map(|stream| stream.table.to_string()).collect();
    let rows = connection
        .query(include_str!("streams.sql"), &[&tables])
        .await
        .map_err(|error| from_pg("could not read the chunks", &error))?;
    Ok(streams
        .iter()
        .zip(&tables)
        .filter_map(|(stream, table)| {
            let row = rows.iter().find(|row| row.get::<_, &str>(0) == table)?;
            Some(StreamStatus {
                stream: stream.name.clone(),
                chunks: row.get(1),
                estimated_rows: row.get(2),
                bytes: row.get(3),
                oldest: row.get(4),
                newest: row.get(5),
            })
        })
        .collect())
}

async fn sources(
    session: &Session,
    connection: &Connection,
    system: &System,
) -> Result<Vec<SourceStatus>> {
    let rows = connection
        .query(include_str!("positions.sql"), &[])
        .await
        .map_err(|error| from_pg("could not read the positions", &error))?;
    let mut out: Vec<SourceStatus> = rows
        .iter()
        .map(|row| SourceStatus {
            source: row.get(0),
            shard: row.get(1),
            position: row.get(2),
            events: row.get(3),
            rows: row.get(4),
            duplicates: row.get(5),
            dead_letters: row.get(6),
            seconds_since_commit: row.get(7),
            owner: row.get(8),
            epoch: row.get(9),
            lease_seconds: row.get(10),
            lost: row.get(11),
            lost_exact: row.get(12),
            ..SourceStatus::empty()
        })
        .collect();
    for source in &system.sources {
        for ShardId { source, shard } in shards_of(source) {
            if !out.iter().any(|status| status.source == source && status.shard == shard) {
                out.push(SourceStatus { source, shard, ..SourceStatus::empty() });
            }
        }
    }
    futures_util::future::join_all(out.iter_mut().map(|status| ask(session, system, status))).await;
    Ok(out)
}

impl SourceStatus {
    /// One that has committed nothing.
    fn empty() -> Self {
        Self {
            source: String::new(),
            shard: String::new(),
            position: None,
            events: 0,
            rows: 0,
            duplicates: 0,
            dead_letters: 0,
            seconds_since_commit: None,
            owner: None,
            epoch: 0,
            lease_seconds: None,
            lost: None,
            lost_exact: None,
            lag_events: None,
            lag_bytes: None,
            lag_problem: None,
        }
    }
}

/// Asks the source for its lag; one that does not answer is part of the status, no failure of it.
async fn ask(session: &Session, system: &System, status: &mut SourceStatus) {
    let shard = ShardId { source: status.source.clone(), shard: status.shard.clone() };
    let sources = &system.sources;
    let Some(source) = sources.iter().find(|source| shards_of(source).contains(&shard)) else {
        status.lag_problem = Some("not in the system file".to_owned());
        return;
    };
    let position = status.position.clone().map(Position);
    let asked = async {
        let access = session.access(source)?;
        lag(source, &access, &shard, position.as_ref(), status.events as u64).await
    };
    match tokio::time::timeout(ASK, asked).await {
        Ok(Ok(Some(Lag::Entries(count)))) => status.lag_events = Some(count),
        Ok(Ok(Some(Lag::Bytes(count)))) => status.lag_bytes = Some(count),
        Ok(Ok(None)) => {}
        Ok(Err(error)) => status.lag_problem = Some(error.message().to_owned()),
        Err(_) => status.lag_problem = Some("the source does not answer".to_owned()),
    }
}

async fn rollups(connection: &Connection, system: &System) -> Result<Vec<RollupStatus>> {
    let of_spans = system.span_rollups.iter().map(|spans| &spans.rollup);
    let tables: Vec<(&str, String, String)> = system
        .rollups
        .iter()
        .chain(of_spans)
        .flat_map(|rollup| rollup.levels.iter().map(move |level| (rollup, level)))
        .map(|(rollup, level)| (rollup.name.as_str(), &level.table))
        .chain(system.derived.iter().map(|derived| (derived.name.as_str(), &derived.table)))
        .map(|(name, table)| (name, table.to_string(), table.plain()))
        .collect();
    let quoted: Vec<&str> = tables.iter().map(|(_, quoted, _)| quoted.as_str()).collect();
    let plain: Vec<&str> = tables.iter().map(|(_, _, plain)| plain.as_str()).collect();
    let rows = connection
        .query(include_str!("rollups.sql"), &[&quoted, &plain])
        .await
        .map_err(|error| from_pg("could not read the rollups", &error))?;
    Ok(tables
        .iter()
        .zip(rows)
        .map(|((rollup, _, plain), row)| RollupStatus {
            rollup: (*rollup).to_owned(),
            relation: plain.clone(),
            estimated_rows: row.get(1),
            bytes: row.get(2),
            state: match (row.get(3), row.get(4)) {
                (false, _) => "missing",
                (true, true) => "ready",
                (true, false) => "rebuilding",
            },
            rebuilt_to: row.get(5),
        })
        .collect())
}
