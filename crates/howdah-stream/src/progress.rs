//! How a running shard fares: for a live status, and for metrics. A snapshot is small and cheap.

use std::time::{Duration, SystemTime};

use howdah_error::{Code, Error};
use tokio::sync::watch;

use crate::batch::{Batch, Outcome, Phases, Position, ShardId};

/// Whether the shard is this process's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ownership {
    /// Not known yet.
    #[default]
    Unknown,
    /// This process moves it.
    Owner {
        /// Under this epoch.
        epoch: i64,
    },
    /// Another process moves it; this one takes over when that one ends.
    Standby {
        /// The other one.
        owner: String,
    },
    /// The shard failed; the run of the others goes on.
    Failed,
    /// It has ended, and the lease is given back.
    Ended,
}

/// What a shard waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// PostgreSQL; the batch in hand is kept.
    Database,
    /// The source's server, such as Redis.
    Source,
}

/// Upper bounds of the buckets of a [`Histogram`], in milliseconds.
pub const BOUNDS_MS: [u64; 15] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// Counts of durations by size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram {
    /// How many were at most [`BOUNDS_MS`] and above the bound before; the last: above all.
    pub counts: [u64; BOUNDS_MS.len() + 1],
    /// Their sum in milliseconds.
    pub sum_ms: u64,
}

impl Histogram {
    /// Counts a duration of so many milliseconds.
    pub fn observe(&mut self, ms: u64) {
        let bucket = BOUNDS_MS.partition_point(|bound| *bound < ms);
        self.counts[bucket] += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The last batch that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastBatch {
    /// Its events.
    pub events: u64,
    /// From the first attempt to the reply of the commit.
    pub took: Duration,
}

/// A shard since the start of the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Which shard.
    pub shard: ShardId,
    /// Events committed: rows, duplicates and dead letters.
    pub events: u64,
    /// Rows that were new.
    pub rows: u64,
    /// Events whose key was there already.
    pub duplicates: u64,
    /// Events that became dead letters.
    pub dead_letters: u64,
    /// Batches committed.
    pub batches: u64,
    /// The committed position.
    pub last_position: Option<Position>,
    /// When the last commit was done.
    pub last_commit_at: Option<SystemTime>,
    /// The last batch.
    pub last_batch: LastBatch,
    /// How long commits took.
    pub commits: Histogram,
    /// Where that time went, in the attempts that succeeded.
    pub phases: Phases,
    /// From the moment in an entry's id to its commit (Redis; as far as both clocks agree).
    pub latency: Histogram,
    /// Entries read and not committed yet, as far as the source counts them (Redis).
    pub queued: u64,
    /// Entries behind the last one read, when the source was last asked (Redis 7 and newer).
    pub behind: Option<u64>,
    /// Whether the shard is this process's.
    pub ownership: Ownership,
    /// How often the shard changed from another process to this one or back.
    pub handovers: u64,
    /// What is away, and since when.
    pub waiting: Option<(Away, SystemTime)>,
    /// Attempts that failed because something was away.
    pub retries: u64,
    /// The code of the last failure.
    pub last_error: Option<Code>,
    /// Entries that the source lost before they were read; at least.
    pub lost: u64,
}

impl Progress {
    /// Whether another process moves the shard.
    #[must_use]
    pub fn stands_by(&self) -> bool {
        matches!(self.ownership, Ownership::Standby { .. })
    }
}

/// The running shard's end of its [`Progress`].
#[derive(Debug, Clone)]
pub struct Reporter(watch::Sender<Progress>);

impl Reporter {
    /// A reporter of a shard, and what watches it.
    pub fn new(shard: ShardId) -> (Self, watch::Receiver<Progress>) {
        let (sender, receiver) = watch::channel(Progress { shard, ..Progress::default() });
        (Self(sender), receiver)
    }

    /// The shard is this process's, or another's; reading starts behind `position`.
    pub(crate) fn owned(&self, epoch: i64, position: Option<&Position>) {
        self.0.send_modify(|progress| {
            progress.handovers += 1;
            progress.ownership = Ownership::Owner { epoch };
            progress.last_position = position.cloned();
        });
    }

    /// Another process has the shard.
    pub(crate) fn stands_by(&self, owner: &str) {
        self.0.send_if_modified(|progress| {
            let standby = Ownership::Standby { owner: owner.to_owned() };
            let changed = progress.ownership != standby;
            progress.ownership = standby;
            changed
        });
    }

    /// The shard has ended well or not.
    pub fn ended(&self, failure: Option<&Error>) {
        self.0.send_modify(|progress| {
            progress.waiting = None;
            match failure {
                Some(error) => {
                    progress.ownership = Ownership::Failed;
                    progress.last_error = error.get_code();
                }
                None => progress.ownership = Ownership::Ended,
            }
        });
    }

    /// Something is away, with the error of this attempt.
    pub(crate) fn away(&self, what: Away, code: Option<Code>) {
        self.0.send_modify(|progress| {
            progress.retries += 1;
            progress.last_error = code;
            match progress.waiting {
                Some((known, _)) if known == what => {}
                _ => progress.waiting = Some((what, SystemTime::now())),
            }
        });
    }

    /// What was away is back.
    pub(crate) fn back(&self, what: Away) {
        self.0.send_if_modified(|progress| {
            let was = progress.waiting.is_some_and(|(known, _)| known == what);
            if was {
                progress.waiting = None;
            }
            was
        });
    }

    /// So many entries are read and not committed, and so many are behind them.
    pub(crate) fn read(&self, queued: u64, behind: Option<u64>) {
        self.0.send_modify(|progress| {
            progress.queued = queued;
            progress.behind = behind;
        });
    }

    /// The source lost entries.
    pub(crate) fn lost(&self, entries: u64) {
        self.0.send_modify(|progress| progress.lost += entries);
    }

    /// A batch was committed, of entries that were added then (milliseconds since 1970); `queued`
    /// are read and not committed.
    pub(crate) fn committed(
        &self,
        batch: &Batch,
        outcome: &Outcome,
        (last, phases): (LastBatch, Phases),
        queued: Option<u64>,
        added_ms: &[u64],
    ) {
        let now = SystemTime::now();
        let now_ms = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        self.0.send_modify(|progress| {
            progress.events += batch.events;
            progress.rows += outcome.rows;
            progress.duplicates += outcome.duplicates;
            progress.dead_letters += outcome.dead_letters;
            progress.batches += 1;
            progress.last_position = Some(batch.to.clone());
            progress.last_commit_at = Some(now);
            progress.queued = queued.unwrap_or_default();
            progress.last_batch = last;
            progress.phases += phases;
            progress.commits.observe(last.took.as_millis() as u64);
            for added in added_ms {
                progress.latency.observe((now_ms as u64).saturating_sub(*added));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_into_their_buckets() {
        let mut histogram = Histogram::default();
        for ms in [0, 1, 2, 3, 60_000, 60_001] {
            histogram.observe(ms);
        }
        assert_eq!(histogram.counts[..3], [2, 1, 1]);
        assert_eq!(histogram.counts[14..], [1, 1]);
        assert_eq!((histogram.count(), histogram.sum_ms), (6, 120_007));
    }
}
