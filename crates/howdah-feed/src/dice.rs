//! Random choices that are the same on every machine and in every version of a library: ChaCha8
//! words, cut down to a range here.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A seeded source of choices.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// Dice of a seed; `purpose` keeps the choices of several users of one seed apart.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(purpose);
        Self(rng)
    }

    /// A number from 0 to `n` - 1; 0 for `n` = 0. The bias is below n / 2^64.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        scale(self.0.next_u64(), n)
    }

    /// True with a probability of `share` in a million.
    pub(crate) fn per_million(&mut self, share: u32) -> bool {
        self.below(1_000_000) < u64::from(share)
    }

    /// An index of `cumulative`, the running sums of weights that end with their total.
    pub(crate) fn pick(&mut self, cumulative: &[u64]) -> usize {
        let total = cumulative.last().copied().unwrap_or(0);
        let point = self.below(total);
        cumulative.partition_point(|sum| *sum <= point)
    }

    /// How often a coin shows heads before the first tail: 0 half of the time, 1 a quarter, …
    pub(crate) fn heads(&mut self) -> u32 {
        self.0.next_u64().trailing_zeros()
    }
}

fn scale(word: u64, n: u64) -> u64 {
    ((u128::from(word) * u128::from(n)) >> 64) as u64
}

/// A number from 0 to `n` - 1 that belongs to `index`, without order between neighbours:
/// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
pub(crate) fn hashed(index: u64, n: u64) -> u64 {
    let mut word = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    scale(word ^ (word >> 31), n)
}
