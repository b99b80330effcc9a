//! How fast the events of a shard may be taken, changed while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What a shard that was held up may make up for: long enough that a wait of the scheduler costs
/// nothing, and short enough that a limit holds over any second.
const BURST: Duration = Duration::from_millis(50);
/// A rate is looked at again so often while it holds events back.
const LOOK: Duration = Duration::from_millis(500);

/// Events a second that a shard may take; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Pace(Arc<AtomicU64>);

impl Pace {
    /// A pace of so many events a second; `None`: no limit.
    pub fn new(rate: Option<f64>) -> Self {
        let pace = Self::default();
        pace.set(rate);
        pace
    }

    /// Changes it; what is held back now goes on at the new pace within half a second.
    pub fn set(&self, rate: Option<f64>) {
        self.0.store(rate.unwrap_or_default().to_bits(), Ordering::Relaxed);
    }

    fn rate(&self) -> Option<f64> {
        Some(f64::from_bits(self.0.load(Ordering::Relaxed))).filter(|rate| *rate > 0.0)
    }
}

/// Counts what was taken against a [`Pace`]: events may be taken from `free_at` on, and each moves
/// it by its share of a second. (The generic cell rate algorithm of ITU-T I.371.)
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    /// `None`: nothing was taken under a limit.
    free_at: Option<Instant>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, free_at: None }
    }

    /// So many events were taken `now`.
    pub(crate) fn took(&mut self, events: u64, now: impl FnOnce() -> Instant) {
        self.free_at = self.pace.rate().map(|rate| {
            let now = now();
            let earliest = now.checked_sub(BURST).unwrap_or(now);
            let share = Duration::from_secs_f64(events as f64 / rate);
            self.free_at.map_or(now, |at| at.max(earliest)) + share
        });
    }

    /// Whether events may be taken `now`.
    pub(crate) fn is_free(&self, now: impl FnOnce() -> Instant) -> bool {
        self.pace.rate().is_none() || self.free_at.is_none_or(|at| at <= now())
    }

    /// When they may be, or when the pace has to be looked at again.
    pub(crate) fn due(&self, now: Instant) -> Instant {
        self.free_at.map_or(now, |at| at.min(now + LOOK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes entries of so many events until `end`, and gives how many events were taken.
    fn take(pacer: &mut Pacer, now: &mut Instant, entry: u64, end: Instant) -> u64 {
        let mut taken = 0;
        while *now < end {
            if pacer.is_free(|| *now) {
                taken += entry;
                pacer.took(entry, || *now);
            } else {
                *now = pacer.due(*now);
            }
        }
        taken
    }

    #[test]
    fn ten_seconds_of_a_limit_hold_it_by_5_percent() {
        for (rate, entry) in [(100.0, 1), (100.0, 7), (20_000.0, 75), (3.0, 1)] {
            let (mut pacer, mut now) = (Pacer::new(Pace::new(Some(rate))), Instant::now());
            let end = now + Duration::from_secs(10);
            let taken = take(&mut pacer, &mut now, entry, end) as f64;
            let off = (taken - rate * 10.0).abs();
            assert!(off <= (rate * 0.5).max(entry as f64), "{taken} at {rate}/s by {entry}");
        }
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let (mut pacer, mut now) = (Pacer::new(Pace::new(Some(100.0))), Instant::now());
        pacer.took(1, || now);
        now += Duration::from_secs(60);
        let end = now + Duration::from_secs(1);
        let taken = take(&mut pacer, &mut now, 1, end);
        assert!((95..=106).contains(&taken), "{taken}");
    }

    #[test]
    fn a_change_ends_the_wait_of_the_former_rate() {
        let (mut pacer, now) = (Pacer::new(Pace::new(Some(0.001))), Instant::now());
        pacer.took(1, || now);
        assert!(!pacer.is_free(|| now));
        assert_eq!(pacer.due(now), now + LOOK);
        pacer.pace.set(None);
        assert!(pacer.is_free(|| now));
        pacer.took(1_000_000, || now);
        pacer.pace.set(Some(1.0));
        assert!(pacer.is_free(|| now), "what was taken without a limit is not owed");
    }
}
