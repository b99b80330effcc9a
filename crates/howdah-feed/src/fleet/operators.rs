//! Organisations and their aircraft, by index, and how often each of them flies.

use crate::dice::{Dice, hashed};

/// What an aircraft is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Multirotor,
    FixedWing,
    Vtol,
    Helicopter,
}

impl Type {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Multirotor => "multirotor",
            Self::FixedWing => "fixed_wing",
            Self::Vtol => "vtol",
            Self::Helicopter => "helicopter",
        }
    }

    /// How many motors it has.
    pub(super) fn motors(self) -> u64 {
        match self {
            Self::Multirotor => 4,
            Self::Vtol => 5,
            Self::FixedWing | Self::Helicopter => 1,
        }
    }

    /// Cells of its pack in series.
    pub(super) fn cells(self) -> i64 {
        if self == Self::Vtol { 6 } else { 4 }
    }
}

/// An aircraft: its organisation and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Aircraft {
    pub(super) org: u64,
    pub(super) index: u64,
}

impl Aircraft {
    /// Its registration.
    pub(super) fn name(self) -> String {
        format!("F{:03}-{:02}", self.org, self.index)
    }

    /// The shares of the brief: 78 % multirotors, 12 % fixed wing, 8 % VTOL, 2 % helicopters.
    pub(super) fn kind(self) -> Type {
        match hashed(self.org * 1_000 + self.index, 100) {
            0..78 => Type::Multirotor,
            78..90 => Type::FixedWing,
            90..98 => Type::Vtol,
            _ => Type::Helicopter,
        }
    }
}

/// The code of an organisation.
pub(super) fn org_name(org: u64) -> String {
    format!("org-{org:03}")
}

/// Pilots of an organisation, by their pseudonyms.
pub(super) const PILOTS: u64 = 3;

/// A pilot's pseudonym.
pub(super) fn pilot(org: u64, index: u64) -> String {
    format!("p-{org:03}-{index}")
}

/// How many organisations there are.
pub(super) fn orgs(tenants: u32) -> u64 {
    u64::from(tenants / 5).clamp(2, 900)
}

/// How many aircraft an organisation has; the last one of the first is grounded.
pub(super) fn aircraft_of(org: u64) -> u64 {
    if org == 0 { 41 } else { 4 + hashed(org, 13) }
}

/// The aircraft that is grounded from the beginning.
pub(super) const GROUNDED: Aircraft = Aircraft { org: 0, index: 40 };

/// Who flies how often.
#[derive(Debug)]
pub(super) struct Operators {
    orgs: Vec<u64>,
    /// Running sums of weights 1 / n^0.8 of the aircraft of an organisation.
    aircraft: Vec<u64>,
}

impl Operators {
    pub(super) fn new(tenants: u32) -> Self {
        let count = orgs(tenants);
        // The largest has 30 of 100 flights, the others share 70 by 1 / n^1.1.
        let others = weights(count - 1, &[4, 5, 7], true);
        let total: u64 = others.iter().sum();
        let mut sum = total * 3 / 7;
        let mut orgs = vec![sum];
        orgs.extend(others.iter().map(|weight| {
            sum += weight;
            sum
        }));
        let mut sum = 0;
        let aircraft = weights(41, &[1, 2, 5, 6], false).into_iter().map(|weight| {
            sum += weight;
            sum
        });
        Self { orgs, aircraft: aircraft.collect() }
    }

    /// Who flies next: the organisation, and its aircraft by how often it flies.
    pub(super) fn next(&self, dice: &mut Dice) -> Aircraft {
        let org = dice.pick(&self.orgs) as u64;
        let may_fly = aircraft_of(org) - u64::from(org == GROUNDED.org);
        let index = dice.pick(&self.aircraft[..may_fly as usize]) as u64;
        Aircraft { org, index }
    }
}

/// Weights 1 / n^x of ranks 1 to `count`. The power is made of square roots, which IEEE 754 rounds
/// exactly: a root taken t times is a power of 1/2^t. With `whole` a further factor n.
fn weights(count: u64, roots: &[u32], whole: bool) -> Vec<u64> {
    let root = |n: f64, times: u32| (0..times).fold(n, |root, _| root.sqrt());
    (1..=count)
        .map(|rank| {
            let n = rank as f64;
            let power: f64 = roots.iter().map(|times| root(n, *times)).product();
            (1e12 / if whole { n * power } else { power }) as u64
        })
        .collect()
}
