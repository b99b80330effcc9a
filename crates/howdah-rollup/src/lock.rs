//! The advisory locks that order folds, rebuilds and judgements.
//!
//! Order in which they are taken, always: streams, judges, folds, spans, derivations, each in the
//! order of their keys. Rows of states and rollups are locked behind all of them but the last two;
//! a batch that holds the lock of spans or of a derivation waits for no row of a state.
//!
//! Batches into streams that meet in a derived rollup or a reorganisation have their judge for
//! themselves alone, one after the other, or share it with others that take nothing back: those
//! copy their rows side by side, fold one after the other for each stream, and derive one after the
//! other ([`beside`]).

use howdah_catalog::name::stable_hash;
use howdah_system::{Rollup, Stream, System};

use crate::derive;
use crate::fold::needs_judge_lock;

/// First key of every advisory lock of howdah: the bytes of `howd`.
pub const CLASS: i32 = 0x686f_7764;

/// An advisory lock `(CLASS, object)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdvisoryLock(pub i32);

impl AdvisoryLock {
    /// Held shared by every batch of the stream, exclusively by what must see no batch under way:
    /// a rebuild, a change of generation.
    #[must_use]
    pub fn stream(stream: &Stream) -> Self {
        Self::named("stream", &stream.table.to_string())
    }

    /// Held by a batch whose verdict or fold reads a state before it writes it (checks, positions,
    /// derived rollups).
    #[must_use]
    pub fn judge(stream: &Stream) -> Self {
        Self::named("judge", &stream.table.to_string())
    }

    /// Held by a batch that shares its judge, from the fold into the states of the stream on: what
    /// a fold keeps of a state's rows as they were must still be so when it changes them.
    #[must_use]
    pub fn fold(stream: &Stream) -> Self {
        Self::named("fold", &stream.table.to_string())
    }

    /// Held by a batch that shares its judge, from the derivation on: of two batches, the second
    /// derives from all that the first has changed. `stream` is the first of those that meet.
    #[must_use]
    pub fn derivation(stream: &Stream) -> Self {
        Self::named("derivation", &stream.table.to_string())
    }

    /// Held by a batch from when all its rows are in the streams and folded: what it finds beside
    /// its events stays beside them until its commit.
    #[must_use]
    pub fn spans(stream: &Stream) -> Self {
        Self::named("spans", &stream.table.to_string())
    }

    /// Held by the session that folds or restores chunks of the stream: one at a time.
    #[must_use]
    pub fn history(stream: &Stream) -> Self {
        Self::named("history", &stream.table.to_string())
    }

    fn named(kind: &str, name: &str) -> Self {
        Self(stable_hash(&format!("{kind} {name}")) as i32)
    }

    /// `select pg_advisory_xact_lock(…)`.
    #[must_use]
    pub fn exclusive(self) -> String {
        format!("select pg_advisory_xact_lock({CLASS}, {})", self.0)
    }

    /// `select pg_advisory_xact_lock_shared(…)`.
    #[must_use]
    pub fn shared(self) -> String {
        format!("select pg_advisory_xact_lock_shared({CLASS}, {})", self.0)
    }
}

/// The statements that take every lock of a batch into `streams` (indexes into
/// `System::streams`), in the one order that all batches keep: two of them never wait for each
/// other in a circle.
#[must_use]
pub fn of_batch(system: &System, streams: &[usize]) -> Vec<String> {
    let mut shared: Vec<AdvisoryLock> = Vec::new();
    let mut judges: Vec<AdvisoryLock> = Vec::new();
    for index in &system.reach(streams) {
        let stream = &system.streams[*index];
        shared.push(AdvisoryLock::stream(stream));
        let rollups: Vec<&Rollup> = system.rollups_of(stream).collect();
        // Streams that meet in a derived rollup have one judge together.
        if let Some(first) = derive::component(system, *index) {
            judges.push(AdvisoryLock::judge(&system.streams[first]));
        } else if needs_judge_lock(&rollups) || !stream.reverses.is_empty() {
            judges.push(AdvisoryLock::judge(stream));
        }
    }
    for locks in [&mut shared, &mut judges] {
        locks.sort_unstable();
        locks.dedup();
    }
    let shared = shared.into_iter().map(AdvisoryLock::shared);
    shared.chain(judges.into_iter().map(AdvisoryLock::exclusive)).collect()
}

/// The locks of a batch that runs beside others into streams that meet with its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Taken at the beginning, in this order.
    pub begin: Vec<String>,
    /// Taken when all states of the batch are folded, in this order.
    pub derive: Vec<String>,
}

/// The locks of a batch into `streams` (indexes into `System::streams`) that takes nothing back,
/// beside others that do not either. `None`: its verdicts or folds read what others write, or it
/// meets nobody, so that there is nothing to share.
///
/// Why the derived rollups stay right: say two batches change states A and B of one derived rollup.
/// Each folds its own state before it derives. The first derives from its change of A and from B
/// as it was committed; the second, behind the lock, from its change of B and from A with the
/// change of the first. Together that is what both changes give.
#[must_use]
pub fn beside(system: &System, streams: &[usize]) -> Option<Beside> {
    let (mut shared, mut judges, mut derive) = (Vec::new(), Vec::new(), Vec::new());
    for index in &system.reach(streams) {
        let stream = &system.streams[*index];
        let rollups: Vec<&Rollup> = system.rollups_of(stream).collect();
        if needs_judge_lock(&rollups) || !stream.reverses.is_empty() {
            return None;
        }
        shared.push(AdvisoryLock::stream(stream));
        if let Some(first) = derive::component(system, *index) {
            judges.push(AdvisoryLock::judge(&system.streams[first]));
            derive.push(AdvisoryLock::derivation(&system.streams[first]));
        }
    }
    for locks in [&mut shared, &mut judges, &mut derive] {
        locks.sort_unstable();
        locks.dedup();
    }
    (!judges.is_empty()).then(|| Beside {
        begin: shared.into_iter().chain(judges).map(AdvisoryLock::shared).collect(),
        derive: derive.into_iter().map(AdvisoryLock::exclusive).collect(),
    })
}
