//! Batches that run beside others into streams that meet with theirs.
//!
//! Nearly every batch takes nothing back. Such a one shares the lock of judgement, copies its rows
//! while others copy theirs, and is alone only from the fold into its states on; see
//! [`howdah_rollup::lock::beside`]. Whether it takes nothing back is asked last, when it derives:
//! nothing that others commit comes between then and its own commit. When it does, or when it does
//! not go straight into the chunks, it is undone and begun again, alone; where that is usual,
//! batches are begun alone at once.

use howdah_rollup::lock::{self, AdvisoryLock};
use howdah_system::System;

use howdah_error::{Error, Kind};

use super::Writer;
use super::events::Events;
use super::failed::{Again, Failed, Tried};
use super::sql;

/// The locks of a source's batches that run beside others.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    /// Begins a transaction.
    pub(super) begin: String,
    /// For each of the source's streams, the lock of its folds.
    folds: Vec<AdvisoryLock>,
    derive: String,
}

impl Beside {
    /// `None`: batches into `streams` have their locks for themselves alone.
    pub(super) fn new(system: &System, streams: &[usize]) -> Option<Self> {
        let locks = lock::beside(system, streams)?;
        let fold = |index: &usize| AdvisoryLock::fold(&system.streams[*index]);
        Some(Self {
            begin: sql::begin(locks.begin),
            folds: streams.iter().map(fold).collect(),
            derive: locks.derive.join("; "),
        })
    }
}

/// Whether batches are to be begun alone.
#[derive(Debug)]
pub(super) struct Company {
    /// The next try is.
    alone: bool,
    /// The open transaction shares its locks.
    pub(super) beside: bool,
    /// The batch in hand had to be alone.
    needed: bool,
    /// How usual that is: an average over the last batches, from 0 to 1.
    usual: f32,
}

impl Default for Company {
    /// The first batches of a session are alone: side by side they would derive by plans of tables
    /// that were empty, before the first of them has had the tables analysed.
    fn default() -> Self {
        Self { alone: false, beside: false, needed: false, usual: 0.5 }
    }
}

impl Company {
    /// Whether the next transaction may share its locks.
    pub(super) fn may_share(&self) -> bool {
        !self.alone && self.usual < 0.3
    }

    /// The batch in hand is not one that may run beside others.
    pub(super) fn needs_to_be_alone(&mut self) {
        (self.alone, self.needed) = (true, true);
    }

    /// The batch in hand is committed.
    pub(super) fn committed(&mut self) {
        if self.beside {
            tracing::debug!("the batch ran beside others");
        }
        // About the last eight batches count.
        self.usual += (f32::from(u8::from(self.needed)) - self.usual) / 8.0;
        (self.alone, self.needed) = (false, false);
    }
}

/// Ends a try of a batch that must be alone.
pub(super) fn must_be_alone() -> Failed {
    let error = Error::new(Kind::Unavailable, "a batch must have its streams for itself alone");
    Failed { error, again: Again::Alone }
}

impl Writer {
    /// Waits until no other batch folds into the states of these events' streams.
    pub(super) async fn lock_folds(&mut self, events: &Events<'_>) -> Tried<()> {
        let Some(beside) = self.sql.beside.as_ref().filter(|_| self.company.beside) else {
            return Ok(());
        };
        // Of all streams of the batch at once, whichever comes first: in one order.
        let mut locks: Vec<AdvisoryLock> =
            events.parts().concat().into_iter().map(|target| beside.folds[target]).collect();
        locks.sort_unstable();
        let statements: Vec<String> = locks.into_iter().map(AdvisoryLock::exclusive).collect();
        self.execute(&statements.join("; ")).await?;
        self.laps.lap(|phases| &mut phases.begin);
        Ok(())
    }

    /// Whether a part takes nothing back; a batch beside others asks when it derives.
    pub(super) async fn may_go_directly(
        &mut self,
        events: &Events<'_>,
        part: &[usize],
    ) -> Tried<bool> {
        if self.company.beside {
            return Ok(true);
        }
        let sql = self.sql.clone();
        self.is_quiet(part, &sql.quiet.gather(events, part)).await
    }

    /// Makes the blocks of a part known; a batch beside others does so when it derives.
    pub(super) async fn went_directly(&mut self, events: &Events<'_>, part: &[usize]) -> Tried<()> {
        if self.company.beside {
            return Ok(());
        }
        let sql = self.sql.clone();
        self.register_blocks(&sql.quiet.gather(events, part)).await
    }

    /// Waits until no other batch derives, and makes sure that this one takes nothing back.
    pub(super) async fn lock_derivation(
        &mut self,
        events: &Events<'_>,
        parts: &[Vec<usize>],
    ) -> Tried<()> {
        let sql = self.sql.clone();
        let Some(beside) = sql.beside.as_ref().filter(|_| self.company.beside) else {
            return Ok(());
        };
        // Gathered before others wait for this batch.
        let gathered: Vec<_> = parts.iter().map(|part| sql.quiet.gather(events, part)).collect();
        self.laps.lap(|phases| &mut phases.judge);
        self.execute(&beside.derive).await?;
        self.laps.lap(|phases| &mut phases.begin);
        for (part, gathered) in parts.iter().zip(&gathered) {
            if !self.is_quiet(part, gathered).await? {
                return Err(must_be_alone());
            }
            self.register_blocks(gathered).await?;
        }
        self.laps.lap(|phases| &mut phases.judge);
        Ok(())
    }
}
