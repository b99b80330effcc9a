//! The advisory locks that order folds, rebuilds and judgements.
//!
//! Order in which they are taken, always: streams, then judges, each in the order of their keys.
//! Row locks come after.

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
