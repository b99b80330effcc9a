//! Statistics of tables that grow fast.
//!
//! A plan is kept until a table that it reads is analysed. While a state grows from nothing that is
//! too late: plans of the first batches stay for a minute, until autovacuum looks, and without
//! statistics the planner takes the shorter of two indexes, whatever it finds there. So the writer
//! has tables analysed itself when they have grown by much. A small sample is enough; autovacuum
//! makes better ones later.
//!
//! Only sources whose batches read states and streams beside their own rows need it.

use std::collections::BTreeSet;

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_system::System;

use super::Writer;

/// After so many batches is looked again, once the first ones are over.
const EACH: u64 = 32;
/// A sample of 300 rows times this.
const TARGET: u32 = 10;

/// The tables that are read by keys while a batch is written.
pub(super) fn read_by_keys(system: &System, streams: &[usize]) -> Vec<String> {
    let reach = system.reach(streams);
    let mut tables: BTreeSet<String> = BTreeSet::new();
    for stream in reach.iter().map(|index| &system.streams[*index]) {
        if stream.retracted.is_some() || stream.refuse_conflicts {
            tables.insert(stream.table.to_string());
        }
        tables.extend(stream.retracted.iter().map(ToString::to_string));
    }
    for state in system.rollups.iter().filter(|rollup| reach.contains(&rollup.stream)) {
        if state.watched.is_some() {
            tables.extend(state.levels.iter().map(|level| level.table.to_string()));
        }
    }
    tables.into_iter().collect()
}

/// Keeps plans until a table is analysed: planning over every chunk of every stream for each batch
/// costs as much as the statements do, and their parameters tell the planner nothing.
pub(super) async fn keep_plans(connection: &Connection, read_by_keys: &[String]) -> Result<()> {
    if read_by_keys.is_empty() {
        return Ok(());
    }
    let text = "set plan_cache_mode = force_generic_plan";
    let set = connection.batch_execute(text).await;
    set.map_err(|error| from_pg("could not set up the session of a writer", &error))
}

impl Writer {
    /// Has tables analysed that have grown; to be called between batches. What fails here is left
    /// to autovacuum: a lock that another one holds, a table of another owner.
    pub(super) async fn keep_statistics(&mut self) {
        let sql = self.sql.clone();
        self.batches += 1;
        let due = self.batches.is_power_of_two() || self.batches.is_multiple_of(EACH);
        if sql.read_by_keys.is_empty() || !due {
            return;
        }
        let query = include_str!("statistics.sql");
        let Ok(rows) = self.connection.query(query, &[&sql.read_by_keys]).await else { return };
        let grown: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        if grown.is_empty() {
            return;
        }
        let text = format!(
            "set default_statistics_target = {TARGET}; analyze (skip_locked) {}",
            grown.join(", ")
        );
        for statement in text.split("; ").chain(["reset default_statistics_target"]) {
            if let Err(error) = self.connection.batch_execute(statement).await {
                tracing::debug!(%error, "tables that have grown could not be analysed");
            }
        }
    }
}
