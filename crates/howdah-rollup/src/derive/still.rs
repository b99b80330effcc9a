//! What changed rows give to derived rollups while their lookup stays as it is: the usual batch.
//!
//! A row then belongs where it belonged, so its old and its new values are subtracted before they
//! are summed, and the lookup is read once for both.

use howdah_catalog::{Ident, name};

use super::capture::{STAYS, THERE, changed, over_row, watched};
use super::{Pair, alias, found, key};

impl Pair<'_> {
    /// The query for the differences of the changed rows, a column `gN` for each of `given`.
    /// `None`: a row may come to another place by itself.
    pub(super) fn differences(&self, given: &[String]) -> Option<String> {
        let state = self.rollup();
        let key = key(state);
        let fixed = |column: &Ident| key.contains(&column);
        let lookup = self.lookup();
        let stays = self.into.iter().flat_map(|derived| &derived.by);
        if !stays.filter(|key| !key.of_lookup || lookup.is_none()).all(|key| fixed(&key.name))
            || !lookup.is_none_or(|(_, on)| on.iter().all(|(_, column)| fixed(column)))
        {
            return None;
        }
        let keys: Vec<String> = self.keys().collect();
        let values: Vec<String> = self.values().collect();
        if keys.iter().any(|key| values.contains(key)) {
            return None;
        }
        let row = alias(state);
        let columns = given.iter().enumerate().map(|(n, expression)| {
            if keys.contains(expression) {
                format!("{expression} as g{n}")
            } else {
                format!(
                    "coalesce(case when {row}.{STAYS} then howdah_new.g{n} end, 0) \
                     - coalesce(case when {row}.{THERE} then howdah_old.g{n} end, 0) as g{n}"
                )
            }
        });
        let side = |prefix: &str| {
            let kept = watched(state).iter().enumerate();
            let kept = kept.map(|(n, column)| format!("{row}.{prefix}{n} as {column}"));
            let measured = given.iter().enumerate().filter(|(_, it)| values.contains(it));
            let measured = measured.map(|(n, it)| format!("{it} as g{n}"));
            over_row(state, &row.to_string(), kept, measured)
        };
        // `offset 0`: the lookup is asked for each row by its key, never the other way round.
        let looked = lookup.map(|(lookup, on)| {
            format!(
                " cross join lateral (select * from {} l where {} offset 0) {}",
                lookup.levels[0].table,
                found(on, &row.to_string(), "l"),
                alias(lookup),
            )
        });
        Some(format!(
            "select {row}.{STAYS}::integer - {row}.{THERE}::integer as howdah_sign, {} \
             from {} {row}{} cross join lateral {} howdah_old cross join lateral {} howdah_new",
            name::list(columns),
            changed(state),
            looked.unwrap_or_default(),
            side("howdah_o"),
            side("howdah_n"),
        ))
    }
}
