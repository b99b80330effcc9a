//! Where the time of a load goes: the phases of its commits, and what lies between them.

use std::collections::BTreeMap;

use howdah_error::Result;
use serde::Serialize;

use super::Sample;
use crate::output::{self, Table};

/// Between two commits: the next batch is not decoded yet, or the run starts or ends.
const BETWEEN: &str = "between";

/// Microseconds of wall time per event, by phase. The phases of a batch follow each other on the
/// one connection of the shard, so their sum is the time of the load.
#[derive(Debug, Serialize)]
pub struct Profile {
    microseconds_per_event: BTreeMap<&'static str, f64>,
    #[serde(skip)]
    order: Vec<&'static str>,
}

impl Profile {
    /// Of a load of one shard with so many events.
    pub(super) fn of(sample: &Sample, events: f64) -> Self {
        let per_event = |seconds: f64| seconds * 1e6 / events;
        let mut named: Vec<(&'static str, f64)> =
            sample.phases.named().map(|(name, took)| (name, took.as_secs_f64())).to_vec();
        let committing: f64 = named.iter().map(|(_, seconds)| seconds).sum();
        named.push((BETWEEN, sample.seconds - committing));
        Self {
            order: named.iter().map(|(name, _)| *name).collect(),
            microseconds_per_event: named
                .into_iter()
                .map(|(name, seconds)| (name, per_event(seconds)))
                .collect(),
        }
    }
}

/// Prints a line for each case.
pub fn print<'p>(cases: impl Iterator<Item = (usize, &'p Profile)>) -> Result<()> {
    let cases: Vec<(usize, &Profile)> = cases.collect();
    let Some((_, first)) = cases.first() else { return Ok(()) };
    output::line("\nmicroseconds per event, by phase of the commit")?;
    let mut header = vec!["rollups"];
    header.extend(&first.order);
    header.push("sum");
    let mut table = Table::new(&header);
    for (rollups, profile) in cases {
        let each: Vec<f64> =
            profile.order.iter().map(|name| profile.microseconds_per_event[name]).collect();
        let mut row = vec![rollups.to_string()];
        row.extend(each.iter().map(|value| format!("{value:.2}")));
        row.push(format!("{:.2}", each.iter().sum::<f64>()));
        table.row(row);
    }
    table.print()
}
