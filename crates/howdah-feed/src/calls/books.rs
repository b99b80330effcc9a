//! The books: what the ledger makes of each account, kept while the play goes on.

use std::collections::BTreeMap;

/// Money in ten-thousandths of a dollar.
pub(super) type Money = i64;

/// The limit that each account has.
pub(super) const CREDIT_LIMIT: Money = 1_000 * 10_000;
/// What the platform takes of a charge, in hundredths.
const TAKE: i64 = 15;

/// A buyer's money.
#[derive(Debug, Clone, Copy, Default)]
struct Purse {
    posted: Money,
    held: Money,
}

/// What the store must say in the end.
#[derive(Debug, Default)]
pub(super) struct Books {
    buyers: BTreeMap<u64, Purse>,
    pub(super) charged: Money,
    pub(super) earned: Money,
    pub(super) fees: Money,
    pub(super) charges: u64,
    pub(super) deposited: Money,
}

impl Books {
    /// What a buyer may still hold.
    pub(super) fn available(&self, buyer: u64) -> Money {
        let purse = self.buyers.get(&buyer).copied().unwrap_or_default();
        purse.posted + CREDIT_LIMIT - purse.held
    }

    pub(super) fn deposit(&mut self, buyer: u64, amount: Money) {
        self.buyers.entry(buyer).or_default().posted += amount;
        self.deposited += amount;
    }

    pub(super) fn hold(&mut self, buyer: u64, amount: Money) {
        self.buyers.entry(buyer).or_default().held += amount;
    }

    pub(super) fn release(&mut self, buyer: u64, amount: Money) {
        self.buyers.entry(buyer).or_default().held -= amount;
    }

    /// Ends a hold of `size` by a charge.
    pub(super) fn capture(&mut self, buyer: u64, size: Money, charge: Money) {
        self.release(buyer, size);
        self.buyers.entry(buyer).or_default().posted -= charge;
        let (earned, fee) = parts(charge);
        self.charged += charge;
        self.earned += earned;
        self.fees += fee;
        self.charges += 1;
    }

    /// All that is held.
    pub(super) fn held(&self) -> Money {
        self.buyers.values().map(|purse| purse.held).sum()
    }

    /// What all buyers have.
    pub(super) fn posted(&self) -> Money {
        self.buyers.values().map(|purse| purse.posted).sum()
    }
}

/// The seller's part of a charge and the platform's: half to even, the rest is the platform's.
pub(super) fn parts(charge: Money) -> (Money, Money) {
    let hundredths = charge * (100 - TAKE);
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let up = rest > 50 || (rest == 50 && whole % 2 == 1);
    let earned = whole + i64::from(up);
    (earned, charge - earned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_parted_without_a_rest() {
        assert_eq!(parts(117_600), (99_960, 17_640));
        assert_eq!(parts(10), (8, 2), "8.5 goes to the even 8");
        assert_eq!(parts(30), (26, 4), "25.5 goes to the even 26");
        assert_eq!(parts(1), (1, 0));
    }

    #[test]
    fn the_books_balance() {
        let mut books = Books::default();
        books.deposit(1, 500_000);
        books.hold(1, 125_000);
        assert_eq!(books.available(1), 500_000 + CREDIT_LIMIT - 125_000);
        books.capture(1, 125_000, 117_600);
        assert_eq!((books.held(), books.posted()), (0, 382_400));
        assert_eq!(books.earned + books.fees, books.charged);
    }
}
