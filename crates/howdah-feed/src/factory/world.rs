//! Companies, their sites, lines and machines, by index: three of them have most of the machines,
//! and a fifth of the machines says most of what is said.

use crate::Options;
use crate::dice::hashed;

/// Companies with several sites.
const LARGE: usize = 3;
/// Sites: name and zone. Among them one with half an hour, and one south of the equator.
pub(super) const SITES: [(&str, &str); 4] = [
    ("lyon", "Europe/Paris"),
    ("austin", "America/Chicago"),
    ("pune", "Asia/Kolkata"),
    ("adelaide", "Australia/Adelaide"),
];
const LINES: usize = 2;
const MACHINES: usize = 4;
/// Orders of a line, one after the other.
pub(super) const ORDERS: i64 = 40;
/// Products of each company.
pub(super) const PRODUCTS: [&str; 3] = ["BRK-220", "BRK-221", "HSG-10"];
/// Planned run time of a part of each product, in tenths of milliseconds: the scale of the column.
pub(super) const PRI: [i64; 3] = [25_000, 60_000, 185_000];

/// A machine's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) org: String,
    pub(super) site: &'static str,
    pub(super) line: String,
    pub(super) id: String,
}

/// All machines and how often each of them speaks.
#[derive(Debug)]
pub(super) struct World {
    pub(super) machines: Vec<Place>,
    /// Running sums, by tens of a per mille of the busiest.
    pub(super) weights: Vec<u64>,
    pub(super) start_ms: i64,
    pub(super) span_ms: i64,
}

impl World {
    pub(super) fn new(options: &Options) -> Self {
        let orgs = (options.tenants as usize / 50).clamp(1, 60);
        let mut machines = Vec::new();
        for org in 0..orgs {
            let mut number = 0;
            for site in sites_of(org) {
                for line in 0..LINES {
                    for _ in 0..MACHINES {
                        number += 1;
                        machines.push(Place {
                            org: format!("org-{org:02}"),
                            site: SITES[site].0,
                            line: format!("{}-l{}", SITES[site].0, line + 1),
                            id: format!("eq-{number:03}"),
                        });
                    }
                }
            }
        }
        let mut sum = 0;
        let weights = (0..machines.len() as u64)
            .map(|index| {
                // A fifth of them says 70 %.
                sum += if hashed(index, 5) == 0 { 93 } else { 10 };
                sum
            })
            .collect();
        let start_ms = options.until_ms - options.span_ms;
        Self { machines, weights, start_ms, span_ms: options.span_ms }
    }

    /// The number of the order that a line works on.
    pub(super) fn order_at(&self, ms: i64) -> i64 {
        ((ms - self.start_ms) * ORDERS / self.span_ms.max(1)).clamp(0, ORDERS - 1)
    }
}

/// The sites of a company: indexes into [`SITES`].
pub(super) fn sites_of(org: usize) -> Vec<usize> {
    if org < LARGE { (0..SITES.len()).collect() } else { vec![org % SITES.len()] }
}

/// The name of an order.
pub(super) fn order_name(line: &str, number: i64) -> String {
    format!("WO-{line}-{number:02}")
}

/// The product of an order: an index into [`PRODUCTS`].
pub(super) fn product_of(number: i64) -> usize {
    (number.unsigned_abs() % PRODUCTS.len() as u64) as usize
}
