//! Tenants, their users and the users' accounts, by index: 80 % single traders, 10 % influencers,
//! 9 % small companies, 1 % companies of more than fifty.

use crate::dice::{Dice, hashed};
use crate::json::UuidPrefix;
use crate::trading::market::{EXCHANGES, exchange_of_share};

/// Uuids of tenants.
pub(super) const TENANT: UuidPrefix = UuidPrefix("7e4a0000");
/// Uuids of tenants that do not exist.
pub(super) const STRANGER: UuidPrefix = UuidPrefix("bad00000");
/// Uuids of users.
pub(super) const USER: UuidPrefix = UuidPrefix("05e20000");
/// Uuids of exchange connections; each user has one, with the user's number.
pub(super) const CONNECTION: UuidPrefix = UuidPrefix("c0220000");
/// Uuids of the orders that fills speak of.
pub(super) const ORDER: UuidPrefix = UuidPrefix("02de0000");
/// Uuids of the open orders among the entities.
pub(super) const OPEN_ORDER: UuidPrefix = UuidPrefix("02de0001");

/// The share of fills, per million, that the busiest hundredth of the users makes.
const BUSY_SHARE: u32 = 500_000;

/// What a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TenantKind {
    Company,
    Trader,
    Influencer,
}

impl TenantKind {
    /// The label of the enum `tenant_kind`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Trader => "trader",
            Self::Influencer => "influencer",
        }
    }
}

/// What the tenant of this number is, and how many members it has.
pub(super) fn tenant(index: u32) -> (TenantKind, u32) {
    match index % 100 {
        // 56 to 456, in the middle 256: with 5,000 tenants that makes the brief's 20,000 users.
        0 => (TenantKind::Company, 56 + 10 * (index / 100 * 20 % 41)),
        of_small @ 1..=9 => (TenantKind::Company, 1 + of_small),
        10..=19 => (TenantKind::Influencer, 1),
        _ => (TenantKind::Trader, 1),
    }
}

/// The role of a tenant's member, counted from 0; the first is the owner.
pub(super) fn role(kind: TenantKind, member: u32) -> &'static str {
    match (kind, member) {
        (TenantKind::Influencer, _) => "influencer",
        (TenantKind::Company, 0) => "ceo",
        (TenantKind::Company, 1) => "admin",
        (TenantKind::Company, 2) => "manager",
        (TenantKind::Company, n) if n % 10 == 9 => "viewer",
        (TenantKind::Company, n) if n % 5 == 3 => "staff",
        (TenantKind::Trader | TenantKind::Company, _) => "trader",
    }
}

/// The exchange, as an index of [`EXCHANGES`], on which a user has an account.
pub(super) fn exchange_of(user: u32) -> usize {
    exchange_of_share(hashed(u64::from(user), 100))
}

/// Who trades how much.
#[derive(Debug)]
pub(super) struct People {
    /// The tenant of each user.
    tenants: Vec<u32>,
    /// All users with an account on each exchange.
    on: Vec<Vec<u32>>,
    /// The busiest of them.
    busy_on: Vec<Vec<u32>>,
}

impl People {
    /// The people of so many tenants.
    pub(super) fn new(tenants: u32) -> Self {
        let mut people = Self {
            tenants: Vec::new(),
            on: vec![Vec::new(); EXCHANGES.len()],
            busy_on: vec![Vec::new(); EXCHANGES.len()],
        };
        for index in 0..tenants {
            for _ in 0..tenant(index).1 {
                let user = people.tenants.len() as u32;
                let exchange = exchange_of(user);
                people.tenants.push(index);
                people.on[exchange].push(user);
                if user % 100 == 50 {
                    people.busy_on[exchange].push(user);
                }
            }
        }
        people
    }

    /// How many users there are.
    pub(super) fn count(&self) -> usize {
        self.tenants.len()
    }

    /// The tenant of a user.
    pub(super) fn tenant_of(&self, user: u32) -> u32 {
        self.tenants[user as usize]
    }

    /// Who made a fill on an exchange; `None` when nobody has an account there.
    pub(super) fn trader_on(&self, exchange: usize, dice: &mut Dice) -> Option<u32> {
        let busy = dice.per_million(BUSY_SHARE);
        let all = &self.on[exchange];
        let among = Some(&self.busy_on[exchange]).filter(|some| busy && !some.is_empty());
        let among = among.unwrap_or(all);
        among.get(dice.below(among.len() as u64) as usize).copied()
    }

    /// Any user, each as likely.
    pub(super) fn anyone(&self, dice: &mut Dice) -> u32 {
        dice.below(self.tenants.len() as u64) as u32
    }
}
