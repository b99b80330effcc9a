//! `[rollups.NAME]` with `of`: sums and counts over the rows of states.

use howdah_sql::expression::parse_measure_of_rows;

use super::reader::{At, Section};
use super::rollup::{
    AggregateSection, ComputedSection, Found, MeasureSection, computed_of, read_measure,
};
use super::stream::{columns_by_column, report_twice};

/// `[rollups.NAME]` of states, with its expressions taken apart.
#[derive(Debug, Clone)]
pub(crate) struct DerivedSection {
    pub(crate) name: At<String>,
    pub(crate) of: Vec<At<String>>,
    pub(crate) through: Option<At<String>>,
    /// A key column of the lookup, and the column of the states that is equal to it.
    pub(crate) on: Vec<(At<String>, At<String>)>,
    pub(crate) by: Vec<At<String>>,
    pub(crate) measures: Vec<AggregateSection>,
    pub(crate) computed: Vec<ComputedSection>,
}

/// Keys of a rollup of a stream that a derived one cannot have, and why.
const NOT_HERE: [(&str, &str); 5] = [
    ("from", "A rollup reads a stream (\"from\") or states (\"of\"); keep one of the two."),
    ("every", "States have no time buckets; leave it out."),
    ("timezone", "States have no time buckets; leave it out."),
    ("where", "Give each measure its own filter (where …)."),
    ("check", "A check is judged event by event; put it on one of the states."),
];

pub(super) fn read_one(name: At<String>, section: &Section<'_>) -> DerivedSection {
    let of = section.strings("of").unwrap_or_default();
    report_twice(section, &of);
    if of.is_empty() {
        let place = section.place_of("of");
        section.report(place.problem("\"of\" names no state").hint("Write of = [\"balances\"]."));
    }
    let through = section.string("through");
    let on = read_on(section, through.as_ref());
    let by = section.strings("by").unwrap_or_default();
    report_twice(section, &by);
    for (key, why) in NOT_HERE {
        if section.has(key) {
            let place = section.place_of(key);
            section.report(place.problem(format!("a derived rollup has no \"{key}\"")).hint(why));
        }
    }
    let (mut measures, mut computed) = (Vec::new(), Vec::new());
    for (key, value) in section.others() {
        if NOT_HERE.iter().any(|(known, _)| *known == key.value) {
            continue;
        }
        match read_measure(section, key, value, parse_measure_of_rows) {
            Some(Found::Measure(MeasureSection::Aggregate(measure))) => measures.push(*measure),
            Some(Found::Measure(MeasureSection::Position(position))) => section.report(
                position
                    .name
                    .problem("a derived rollup has no position")
                    .hint("Positions are folded from events; put it into a state."),
            ),
            Some(Found::Computed(measure)) => computed.push(*measure),
            None => {}
        }
    }
    let known: Vec<&str> = measures
        .iter()
        .map(|measure| measure.name.value.as_str())
        .chain(by.iter().map(|key| key.value.as_str()))
        .collect();
    let computed = computed_of(section, computed, &known);
    DerivedSection { name, of, through, on, by, measures, computed }
}

/// `on = { term_id = "vault_term" }`.
fn read_on(section: &Section<'_>, through: Option<&At<String>>) -> Vec<(At<String>, At<String>)> {
    if section.has("on") && through.is_none() {
        section.report(
            section
                .place_of("on")
                .problem("\"on\" has no effect here")
                .hint("It says how the state that \"through\" names is found."),
        );
    }
    columns_by_column(section, "on")
}
