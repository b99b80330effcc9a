//! Where the time of a commit goes.

use std::time::{Duration, Instant};

use crate::batch::Phases;

/// A stopwatch that gives each stretch of a commit to its phase.
pub(super) struct Laps {
    since: Instant,
    phases: Phases,
}

impl Laps {
    /// Starts anew.
    pub(super) fn start() -> Self {
        Self { since: Instant::now(), phases: Phases::default() }
    }

    /// Gives the time since the last lap to a phase.
    pub(super) fn lap(&mut self, phase: fn(&mut Phases) -> &mut Duration) {
        let now = Instant::now();
        *phase(&mut self.phases) += now - self.since;
        self.since = now;
    }

    /// The phases so far.
    pub(super) fn phases(&self) -> Phases {
        self.phases
    }
}
