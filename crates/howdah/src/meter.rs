//! How far the running sources have come, all together: for the lines of a run and the demo.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use howdah_stream::Progress;
use tokio::sync::watch;

/// A source by name, and how far it is.
type Running = (String, watch::Receiver<Progress>);

/// The sources that run; clones look at the same ones.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<Vec<Running>>>);

/// Counts of all sources since the start.
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
    /// Whether a source waits for the database.
    pub waiting: bool,
}

impl Meter {
    /// Looks at one more source.
    pub fn add(&self, source: &str, progress: watch::Receiver<Progress>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((source.to_owned(), progress));
    }

    /// Each source and its progress, in the order in which they were added.
    pub fn sources(&self) -> Vec<(String, Progress)> {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.iter().map(|(name, progress)| (name.clone(), progress.borrow().clone())).collect()
    }

    /// All sources together.
    pub fn totals(&self) -> Totals {
        self.sources().iter().fold(Totals::default(), |sum, (_, progress)| Totals {
            events: sum.events + progress.events,
            rows: sum.rows + progress.rows,
            duplicates: sum.duplicates + progress.duplicates,
            dead_letters: sum.dead_letters + progress.dead_letters,
            waiting: sum.waiting || progress.waiting,
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
