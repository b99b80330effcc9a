//! How far the running shards have come, all together: for the lines of a run and the demo.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use howdah_stream::Progress;
use howdah_stream::progress::Away;
use tokio::sync::watch;

/// The shards that run; clones look at the same ones.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<Vec<watch::Receiver<Progress>>>>);

/// Counts of all shards since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events committed.
    pub events: u64,
    /// Rows that were new.
    pub rows: u64,
    /// Events whose key was there already.
    pub duplicates: u64,
    /// Events refused.
    pub dead_letters: u64,
    /// What a shard waits for.
    pub waiting: Option<Away>,
    /// How many shards are another process's.
    pub standby: usize,
    /// Entries that sources lost before they were read.
    pub lost: u64,
}

impl Meter {
    /// Looks at one more shard.
    pub fn add(&self, progress: watch::Receiver<Progress>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
    }

    /// The progress of each shard, in the order in which they were added.
    pub fn shards(&self) -> Vec<Progress> {
        let shards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shards.iter().map(|progress| progress.borrow().clone()).collect()
    }

    /// All shards together.
    pub fn totals(&self) -> Totals {
        self.shards().iter().fold(Totals::default(), |sum, progress| Totals {
            events: sum.events + progress.events,
            rows: sum.rows + progress.rows,
            duplicates: sum.duplicates + progress.duplicates,
            dead_letters: sum.dead_letters + progress.dead_letters,
            waiting: sum.waiting.or(progress.waiting.map(|(away, _)| away)),
            standby: sum.standby + usize::from(progress.stands_by()),
            lost: sum.lost + progress.lost,
        })
    }
}

/// Events a second between two looks.
pub struct Speed {
    at: Instant,
    events: u64,
}

impl Speed {
    /// Begins now, with nothing done.
    pub fn new() -> Self {
        Self { at: Instant::now(), events: 0 }
    }

    /// Events a second since the last look.
    pub fn look(&mut self, events: u64) -> u64 {
        let now = Instant::now();
        let seconds = now.duration_since(self.at).as_secs_f64().max(1e-3);
        let done = events.saturating_sub(self.events);
        *self = Self { at: now, events };
        (done as f64 / seconds) as u64
    }
}
