//! How far a running source has come, for a live status.

use std::time::SystemTime;

use tokio::sync::watch;

use crate::batch::{Batch, Outcome, Position};

/// Counts since the start of the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
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
    /// Whether the database is away and the batch in hand waits for it.
    pub waiting: bool,
}

/// The running source's end of its [`Progress`].
#[derive(Debug, Clone)]
pub struct Reporter(watch::Sender<Progress>);

impl Reporter {
    /// A reporter and what watches it.
    pub fn new() -> (Self, watch::Receiver<Progress>) {
        let (sender, receiver) = watch::channel(Progress::default());
        (Self(sender), receiver)
    }

    /// Reading starts behind this position.
    pub(crate) fn started(&self, position: Option<&Position>) {
        self.0.send_modify(|progress| progress.last_position = position.cloned());
    }

    /// The database is away, or back.
    pub(crate) fn waiting(&self, waiting: bool) {
        self.0.send_if_modified(|progress| {
            std::mem::replace(&mut progress.waiting, waiting) != waiting
        });
    }

    /// A batch was committed.
    pub(crate) fn committed(&self, batch: &Batch, outcome: &Outcome) {
        self.0.send_modify(|progress| {
            progress.events += batch.events;
            progress.rows += outcome.rows;
            progress.duplicates += outcome.duplicates;
            progress.dead_letters += outcome.dead_letters;
            progress.batches += 1;
            progress.last_position = Some(batch.to.clone());
            progress.last_commit_at = Some(SystemTime::now());
        });
    }
}
