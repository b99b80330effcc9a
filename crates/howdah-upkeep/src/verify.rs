//! Proofs: that rollups equal their streams, and that positions fit what is there.

use howdah_catalog::RelName;
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_rollup::{derive, recompute, span};
use howdah_system::{Stream, System};
use tokio_postgres::Client;

use crate::source::reading;

/// A proof reads one moment, and takes as long as it takes.
const SNAPSHOT: &str =
    "begin isolation level repeatable read read only; set local statement_timeout = 0";

/// The outcome of one proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The rollup's table, as people write it.
    pub relation: String,
    /// Rows that the table holds.
    pub rows: i64,
    /// Rows that it should hold and does not.
    pub missing: i64,
    /// Rows that it holds and should not.
    pub surplus: i64,
    /// Keys of rows that differ, as JSON objects; at most ten.
    pub keys: Vec<String>,
}

impl Proof {
    /// Whether table and stream agree.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.missing == 0 && self.surplus == 0
    }
}

/// Proves every level of every rollup whose name is in `names` (empty: of all).
///
/// Each proof reads one snapshot; batches go on meanwhile.
pub async fn rollups(
    client: &Client,
    system: &System,
    names: &[String],
    mut tell: impl FnMut(&Proof),
) -> Result<Vec<Proof>> {
    let mut out = Vec::new();
    let is_derived = |name: &&String| {
        system.derived.iter().any(|derived| derived.name == **name)
            || system.span_rollups.iter().any(|spans| spans.rollup.name == **name)
    };
    for name in names.iter().filter(|name| !is_derived(name)) {
        crate::rebuild::find(system, name)?;
    }
    let chosen = |name: &String| names.is_empty() || names.contains(name);
    for rollup in system.rollups.iter().filter(|rollup| chosen(&rollup.name)) {
        let stream = &reading(client, system.stream_of(rollup)).await?;
        for (index, level) in rollup.levels.iter().enumerate() {
            let proof = recompute::proof(stream, rollup, index, None);
            let keys = recompute::differing_keys(stream, rollup, index, None, KEYS);
            let proof = prove(client, &level.table, &proof, &keys).await?;
            tell(&proof);
            out.push(proof);
        }
    }
    for derived in system.derived.iter().filter(|derived| chosen(&derived.name)) {
        let proof = derive::proof(system, derived);
        let keys = derive::differing_keys(system, derived, KEYS);
        let proof = prove(client, &derived.table, &proof, &keys).await?;
        tell(&proof);
        out.push(proof);
    }
    for rollup in system.span_rollups.iter().filter(|it| chosen(&it.rollup.name)) {
        let read = reading(client, system.stream_of(&rollup.rollup)).await?;
        for (index, level) in rollup.rollup.levels.iter().enumerate() {
            let proof = span::proof(system, rollup, index, &read);
            let keys = span::differing_keys(system, rollup, index, &read, KEYS);
            let proof = prove(client, &level.table, &proof, &keys).await?;
            tell(&proof);
            out.push(proof);
        }
    }
    Ok(out)
}

/// The events of a stream that retention took, as far as they were not brought back.
const DROPPED: &str = "select coalesce(sum(events), 0)::bigint from howdah.drops \
                       where stream = $1 and restored_at is null";

/// How many keys of rows that differ are told.
const KEYS: u32 = 10;

/// Runs a proof; when it fails, `keys` tells where.
async fn prove(client: &Client, table: &RelName, proof: &str, keys: &str) -> Result<Proof> {
    let failed = |error| from_pg("could not prove a rollup", &error);
    // A batch commits rows and rollups together, so every snapshot is consistent: no lock.
    client.batch_execute(SNAPSHOT).await.map_err(failed)?;
    let result = async {
        let row = client.query_one(proof, &[]).await.map_err(failed)?;
        let count = client
            .query_one(&format!("select count(*) from {table}"), &[])
            .await
            .map_err(failed)?;
        let mut proof = Proof {
            relation: table.plain(),
            rows: count.get(0),
            missing: row.get(0),
            surplus: row.get(1),
            keys: Vec::new(),
        };
        if !proof.holds() {
            let rows = client.query(keys, &[]).await.map_err(failed)?;
            proof.keys = rows.iter().map(|row| row.get(0)).collect();
        }
        Ok(proof)
    }
    .await;
    let _ = client.batch_execute("rollback").await;
    result
}

/// How many events of a stream retention took.
async fn dropped(client: &Client, stream: &Stream) -> Result<i64> {
    let Some(name) = &stream.horizon else { return Ok(0) };
    let row = client
        .query_one(DROPPED, &[name])
        .await
        .map_err(|error| from_pg("could not read what retention took", &error))?;
    Ok(row.get(0))
}

/// How many rows a rollup's table lacks and how many it has too many, by the query `proof` over one
/// moment.
pub(crate) async fn difference(client: &Client, proof: &str) -> Result<(i64, i64)> {
    let failed = |error| from_pg("could not prove a rollup", &error);
    client.batch_execute(SNAPSHOT).await.map_err(failed)?;
    let row = client.query_one(proof, &[]).await.map_err(failed);
    let _ = client.batch_execute("rollback").await;
    row.map(|row| (row.get(0), row.get(1)))
}

/// One shard's position against what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionProof {
    /// The source.
    pub source: String,
    /// The shard.
    pub shard: String,
    /// The committed position; `None` when nothing is committed.
    pub position: Option<String>,
    /// Events that the position counts.
    pub events: i64,
    /// What contradicts it, as sentences.
    pub problems: Vec<String>,
    /// What the source lost before it was read, as a sentence; that contradicts no position.
    pub lost: Option<String>,
}

/// Checks the positions: that every event is accounted for (rows, duplicates and dead letters add
/// up to events), and that no stream holds fewer rows than its shards committed.
pub async fn positions(client: &Client, system: &System) -> Result<Vec<PositionProof>> {
    client
        .batch_execute(SNAPSHOT)
        .await
        .map_err(|error| from_pg("could not prove positions", &error))?;
    let result = positions_in_txn(client, system).await;
    let _ = client.batch_execute("rollback").await;
    result
}

fn lost(entries: Option<i64>, exact: Option<bool>) -> Option<String> {
    let at_least = if exact == Some(true) { "" } else { "at least " };
    entries.map(|many| format!("The source lost {at_least}{many} entries before they were read."))
}

async fn positions_in_txn(client: &Client, system: &System) -> Result<Vec<PositionProof>> {
    let failed = |error| from_pg("could not prove positions", &error);
    let rows = client
        .query(
            "select source, shard, position, events, rows, duplicates, dead_letters, \
             (select sum(entries)::bigint from howdah.losses l \
              where l.source = p.source and l.shard = p.shard), \
             (select bool_and(exact) from howdah.losses l \
              where l.source = p.source and l.shard = p.shard) \
             from howdah.positions p order by source, shard",
            &[],
        )
        .await
        .map_err(failed)?;
    let mut out = Vec::with_capacity(rows.len());
    let mut committed = vec![0_i64; system.streams.len()];
    for row in &rows {
        let source: String = row.get(0);
        let (events, new, duplicates, dead): (i64, i64, i64, i64) =
            (row.get(3), row.get(4), row.get(5), row.get(6));
        let mut problems = Vec::new();
        if new + duplicates + dead != events {
            problems.push(format!(
                "{new} rows, {duplicates} duplicates and {dead} dead letters do not add up to \
                 {events} events."
            ));
        }
        match system.sources.iter().find(|known| known.name == source) {
            Some(known) => {
                // The counts of a source with several streams cannot be told apart.
                let mut streams = known.streams();
                if let (Some(stream), None) = (streams.next(), streams.next()) {
                    committed[stream] += new;
                }
            }
            None => problems.push("The system file has no such source.".to_owned()),
        }
        out.push(PositionProof {
            source,
            shard: row.get(1),
            position: row.get(2),
            events,
            problems,
            lost: lost(row.get(7), row.get(8)),
        });
    }
    for (index, stream) in system.streams.iter().enumerate() {
        let stream = &reading(client, stream).await?;
        let retracted = stream.retracted.as_ref();
        let retracted = retracted.map(|table| format!(" + (select count(*) from {table})"));
        let sql = format!(
            "select (select count(*) from {}){}",
            stream.table,
            retracted.unwrap_or_default()
        );
        let held: i64 = client.query_one(&sql, &[]).await.map_err(failed)?.get(0);
        let count = held + dropped(client, stream).await?;
        if count < committed[index] {
            for proof in out.iter_mut().filter(|proof| {
                system.sources.iter().any(|s| s.name == proof.source && s.feeds(index))
            }) {
                proof.problems.push(format!(
                    "Stream \"{}\" holds {count} rows, its shards committed {}.",
                    stream.name, committed[index]
                ));
            }
        }
    }
    Ok(out)
}
