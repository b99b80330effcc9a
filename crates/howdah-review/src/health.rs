//! What the server of a database in use holds back and counts, for the rules of operations
//! and settings.

use std::collections::BTreeMap;

use howdah_catalog::RelName;

/// What is known beside the catalog of how the server does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// What may keep vacuum from taking dead rows away, the oldest first.
    pub holders: Vec<Holder>,
    /// When each table was vacuumed and analyzed.
    pub upkeep: BTreeMap<RelName, Upkeep>,
    /// Materialized views that were never refreshed, while a table that they read has changed.
    pub stale_views: Vec<StaleView>,
    /// Counters of the whole server; `None` when they could not be read.
    pub counters: Option<Counters>,
    /// Logins with a session here whose statements have no limit of time.
    pub unlimited_logins: Vec<String>,
    /// Logins and the most sessions that each may have, where that is limited.
    pub connection_limits: Vec<(String, i64)>,
    /// The WAL file whose archiving has failed last, when none was archived since.
    pub unarchived: Option<String>,
    /// Extensions with another version than the server would make now: name, both versions.
    pub extensions_behind: Vec<(String, String, String)>,
    /// Sessions from other machines that are not encrypted.
    pub plain_sessions: i64,
    /// Processors of the machine, when the server is on this one.
    pub cores: Option<usize>,
}

/// Something that holds an old transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// `session`, `prepared transaction`, `replication slot` or `standby`.
    pub kind: String,
    /// Which: a process, or a name.
    pub name: String,
    /// How many transactions have begun since.
    pub age: i64,
    /// Since when, in seconds of the epoch, where that is known.
    pub since: Option<f64>,
}

/// The upkeep of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Upkeep {
    /// Rows that were changed since it was analyzed.
    pub changed: i64,
    /// When it was vacuumed, in seconds of the epoch.
    pub vacuumed: Option<f64>,
    /// Seconds since it was analyzed.
    pub unanalyzed_seconds: Option<f64>,
}

/// A materialized view that was never refreshed.
#[derive(Debug, Clone, PartialEq)]
pub struct StaleView {
    /// The view.
    pub view: RelName,
    /// A table that it reads.
    pub table: RelName,
    /// Rows of it that were changed since the view was made, at least.
    pub changed: i64,
}

/// Counters of the server or the database since they were reset.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counters {
    /// Sessions now, ours included.
    pub sessions: i64,
    /// Checkpoints that the time began.
    pub timed_checkpoints: i64,
    /// Checkpoints that something else began, most often the amount of WAL.
    pub requested_checkpoints: i64,
    /// Bytes of WAL.
    pub wal_bytes: i64,
    /// Seconds in which that was written.
    pub wal_seconds: f64,
    /// Blocks that this database read from outside of its buffers.
    pub blocks_read: i64,
    /// Blocks that it found in its buffers.
    pub blocks_hit: i64,
    /// Milliseconds of the reading; 0 without `track_io_timing`.
    pub read_ms: f64,
    /// Of the blocks that were read, those of indexes.
    pub index_blocks_read: i64,
    /// Transactions of this database that were committed.
    pub commits: i64,
}
