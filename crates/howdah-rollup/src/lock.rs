//! The advisory locks that order folds, rebuilds and judgements.
//!
//! Order in which they are taken, always: stream, then the stream's judge. Row locks come after.

use howdah_catalog::name::stable_hash;
use howdah_system::Stream;

/// First key of every advisory lock of howdah: the bytes of `howd`.
pub const CLASS: i32 = 0x686f_7764;

/// An advisory lock `(CLASS, object)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvisoryLock(pub i32);

impl AdvisoryLock {
    /// Held shared by every batch of the stream, exclusively by what must see no batch under way:
    /// a rebuild, a change of generation.
    #[must_use]
    pub fn stream(stream: &Stream) -> Self {
        Self::named("stream", &stream.table.to_string())
    }

    /// Held by a batch whose verdict or fold reads a state before it writes it (checks, positions).
    #[must_use]
    pub fn judge(stream: &Stream) -> Self {
        Self::named("judge", &stream.table.to_string())
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
