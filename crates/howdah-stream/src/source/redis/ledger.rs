//! What was read and is not committed yet: which entries, their ordinals, what was lost between.
//!
//! The reader writes it chunk by chunk; the loop of the run takes from it, batch by batch, what is
//! to be kept with the position of each. Batches come in the order of the chunks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::id::Id;
use crate::batch::{Loss, Mark, Position};

/// Shared by the reader of a shard and the loop of its run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    chunks: VecDeque<Chunk>,
    /// Entries in `chunks` that were not taken.
    queued: u64,
}

/// Entries that were read at once.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Ascending; at least one.
    pub(super) ids: Vec<Id>,
    /// How many of `ids` were taken.
    pub(super) taken: usize,
    /// The ordinal of the entry before the first, lost ones included.
    pub(super) before: Option<u64>,
    /// Which run of the server they are from.
    pub(super) incarnation: Option<Arc<str>>,
    /// What was lost between the chunk before and this one.
    pub(super) losses: Vec<Loss>,
}

/// What is to be kept with a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// What the source says of the position at its end.
    pub(crate) mark: Mark,
    /// When each of its entries was added: milliseconds since 1970, by the clock of the server.
    pub(crate) added_ms: Vec<u64>,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was read next.
    pub(super) fn push(&self, chunk: Chunk) {
        let mut inner = self.lock();
        inner.queued += chunk.ids.len() as u64;
        inner.chunks.push_back(chunk);
    }

    /// Adds to the last chunk what was lost within it; nobody may have taken of it.
    pub(super) fn amend(&self, loss: Loss) {
        if let Some(chunk) = self.lock().chunks.back_mut() {
            chunk.before = chunk.before.map(|before| before + loss.entries);
            chunk.losses.push(loss);
        }
    }

    /// Entries that were read and not taken.
    pub(crate) fn queued(&self) -> u64 {
        self.lock().queued
    }

    /// Takes what is to be kept with the batch that ends at `to`, which is the end of an entry.
    pub(crate) fn take(&self, to: &Position) -> Taken {
        let mut taken = Taken::default();
        let mut inner = self.lock();
        let Some(to) = Id::parse(&to.0) else { return taken };
        let Some(place) = inner.chunks.iter().position(|chunk| chunk.find(to).is_some()) else {
            return taken;
        };
        for at in 0..=place {
            let Some(mut chunk) = inner.chunks.pop_front() else { break };
            let end = chunk.find(to).filter(|_| at == place).map_or(chunk.ids.len(), |at| at + 1);
            taken.mark.losses.append(&mut chunk.losses);
            taken.added_ms.extend(chunk.ids[chunk.taken..end].iter().map(|id| id.0));
            inner.queued -= (end - chunk.taken) as u64;
            chunk.taken = end;
            if at == place {
                taken.mark.ordinal = chunk.before.map(|before| before + end as u64);
                taken.mark.incarnation = chunk.incarnation.as_deref().map(str::to_owned);
                if end < chunk.ids.len() {
                    inner.chunks.push_front(chunk);
                }
            }
        }
        taken
    }
}

impl Chunk {
    /// The place of an entry that was not taken.
    fn find(&self, id: Id) -> Option<usize> {
        self.ids[self.taken..].binary_search(&id).ok().map(|at| self.taken + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(ids: std::ops::RangeInclusive<u64>, before: u64, lost: u64) -> Chunk {
        let ids: Vec<Id> = ids.map(|id| Id(id, 0)).collect();
        let position = |id: u64| Position(Id(id, 0).to_string());
        let losses = (lost > 0).then(|| Loss {
            kind: "removed",
            after: position(ids[0].0 - 1),
            before: position(ids[0].0),
            entries: lost,
            exact: true,
        });
        let losses = losses.into_iter().collect();
        Chunk { ids, before: Some(before), losses, ..Chunk::default() }
    }

    fn take(ledger: &Ledger, to: u64) -> (Option<u64>, u64, usize) {
        let taken = ledger.take(&Position(format!("{to}-0")));
        let lost = taken.mark.losses.iter().map(|loss| loss.entries).sum();
        (taken.mark.ordinal, lost, taken.added_ms.len())
    }

    #[test]
    fn batches_cut_chunks_anywhere() {
        let ledger = Ledger::default();
        ledger.push(chunk(1..=10, 0, 0));
        ledger.push(chunk(14..=20, 13, 3));
        ledger.push(chunk(21..=30, 20, 0));
        assert_eq!(ledger.queued(), 27);
        assert_eq!(take(&ledger, 4), (Some(4), 0, 4));
        assert_eq!(take(&ledger, 10), (Some(10), 0, 6));
        assert_eq!(take(&ledger, 15), (Some(15), 3, 2));
        assert_eq!(take(&ledger, 99), (None, 0, 0), "no entry that was read");
        assert_eq!(take(&ledger, 30), (Some(30), 0, 15));
        assert_eq!(ledger.queued(), 0);
    }

    #[test]
    fn entries_that_are_read_again_are_taken_again() {
        let ledger = Ledger::default();
        ledger.push(chunk(5..=8, 4, 0));
        ledger.push(chunk(1..=6, 0, 0));
        assert_eq!(take(&ledger, 6), (Some(6), 0, 2));
        assert_eq!(take(&ledger, 8), (Some(8), 0, 2));
        assert_eq!(take(&ledger, 6), (Some(6), 0, 6));
    }
}
