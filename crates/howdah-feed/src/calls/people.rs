//! Sellers, buyers and callers, by index, and how often each of them comes.

use crate::dice::{Dice, hashed};
use crate::json::UuidPrefix;

/// Uuids of sellers.
pub(super) const SELLER: UuidPrefix = UuidPrefix("5e11e400");
/// Uuids of buyers.
pub(super) const BUYER: UuidPrefix = UuidPrefix("b0be4000");
/// Uuids of accounts that do not exist.
pub(super) const STRANGER: UuidPrefix = UuidPrefix("bad00000");
/// Uuids of callers.
pub(super) const CONSUMER: UuidPrefix = UuidPrefix("c0250000");
/// Uuids of the callers' consents.
pub(super) const CONSENT: UuidPrefix = UuidPrefix("c02e0000");

/// Ten area codes make thirty per cent of the calls.
const BUSY_AREAS: [u64; 10] = [212, 213, 312, 404, 415, 512, 602, 702, 713, 818];

/// Who takes part.
#[derive(Debug)]
pub(super) struct People {
    sellers: Vec<u64>,
    buyers: Vec<u64>,
    callers: u64,
}

/// How many sellers and buyers there are: one account in five sells.
pub(super) fn counts(tenants: u32) -> (u32, u32) {
    let sellers = (tenants / 5).max(2);
    (sellers, tenants.saturating_sub(sellers).max(8))
}

/// How many callers a feed has.
pub(super) fn callers(events: u64) -> u64 {
    (events / 50).clamp(100, 100_000)
}

impl People {
    pub(super) fn new(tenants: u32, events: u64) -> Self {
        let (sellers, buyers) = counts(tenants);
        Self { sellers: zipf(sellers), buyers: zipf(buyers), callers: callers(events) }
    }

    pub(super) fn seller(&self, dice: &mut Dice) -> u64 {
        dice.pick(&self.sellers) as u64
    }

    pub(super) fn buyer(&self, dice: &mut Dice) -> u64 {
        dice.pick(&self.buyers) as u64
    }

    pub(super) fn caller(&self, dice: &mut Dice) -> u64 {
        dice.below(self.callers)
    }
}

/// The rating of a buyer in thousandths.
pub(super) fn rating(buyer: u64) -> i64 {
    300 + hashed(buyer, 701) as i64
}

/// The number of a caller: `+1`, area, seven digits.
pub(super) fn phone(caller: u64) -> String {
    let area = if hashed(caller, 10) < 3 {
        BUSY_AREAS[hashed(caller ^ 0xa5, 10) as usize]
    } else {
        205 + hashed(caller ^ 0x5a, 780)
    };
    format!("+1{area}{:07}", caller % 10_000_000)
}

/// What stands for a caller's number in evidence: in the feed a hash without a key.
pub(super) fn phone_hmac(caller: u64) -> String {
    format!("{:016x}", hashed(caller, u64::MAX))
}

/// Running sums of weights 1 / n^1.1. The power is made of square roots, which IEEE 754 rounds
/// exactly: 1.1016 = 1 + 1/16 + 1/32 + 1/128.
fn zipf(count: u32) -> Vec<u64> {
    let root = |n: f64, times: u32| (0..times).fold(n, |root, _| root.sqrt());
    let mut sum = 0;
    (1..=count)
        .map(|rank| {
            let n = f64::from(rank);
            sum += (1e12 / (n * root(n, 4) * root(n, 5) * root(n, 7))) as u64;
            sum
        })
        .collect()
}
