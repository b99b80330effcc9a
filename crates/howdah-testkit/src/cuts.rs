//! Replayable moments and choices for fault campaigns.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

/// A seeded schedule; the same seed gives the same cuts everywhere.
///
/// `HOWDAH_SEED` overrides the seed; when the test fails, the seed is printed.
#[derive(Debug)]
pub struct Cuts {
    seed: u64,
    rng: ChaCha12Rng,
}

impl Cuts {
    /// The schedule of `seed`, or of `HOWDAH_SEED` when that is set.
    ///
    /// # Panics
    /// When `HOWDAH_SEED` is not a number.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let seed = match std::env::var("HOWDAH_SEED") {
            Ok(text) => text.trim().parse().expect("HOWDAH_SEED is a whole number"),
            Err(_) => seed,
        };
        Self { seed, rng: ChaCha12Rng::seed_from_u64(seed) }
    }

    /// An independent schedule of the same seed: number `branch` of as many as are wanted.
    #[must_use]
    pub fn branch(&self, branch: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(self.seed);
        // Stream 0 is the one of `new`.
        rng.set_stream(branch + 1);
        Self { seed: self.seed, rng }
    }

    /// The seed in use.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How long to wait before the next cut: uniform between `from` and `to`.
    pub fn after(&mut self, from: Duration, to: Duration) -> Duration {
        from + to.saturating_sub(from).mul_f64(self.rng.random::<f64>())
    }

    /// One of `choices`, each as likely.
    ///
    /// # Panics
    /// When there is nothing to choose from.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.rng.random_range(0..choices.len())]
    }

    /// A number below `end`, each as likely.
    ///
    /// # Panics
    /// When `end` is zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.rng.random_range(0..end)
    }
}

impl Drop for Cuts {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with HOWDAH_SEED={}", self.seed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_of_a_seed_differ_and_come_again() {
        let first = |branch| Cuts::new(7).branch(branch).below(u64::MAX);
        assert_eq!(first(3), first(3));
        assert_ne!(first(3), first(4));
    }

    #[test]
    fn the_same_seed_gives_the_same_cuts() {
        let moments = |seed| {
            let mut cuts = Cuts::new(seed);
            let (from, to) = (Duration::from_millis(1), Duration::from_millis(100));
            (0..10).map(|_| (cuts.after(from, to), *cuts.pick(&[1, 2, 3]))).collect::<Vec<_>>()
        };
        assert_eq!(moments(7), moments(7));
        assert!(moments(7).iter().all(|(after, _)| *after <= Duration::from_millis(100)));
    }
}
