//! A sequence has given out most of the values that its column can hold.
//!
//! ```sql,invalid,live
//! create table events (id integer generated always as identity primary key, note text);
//! select setval('events_id_seq', 1500000000);
//! grant select on sequence events_id_seq to public;
//! ```
//!
//! ```sql,valid,live
//! create table events (id integer generated always as identity primary key, note text);
//! select setval('events_id_seq', 900000000);
//! create table orders (id bigint generated always as identity primary key, note text);
//! select setval('orders_id_seq', 1500000000);
//! grant select on all sequences in schema public to public;
//! ```
//!
//! ## Why
//!
//! At the end of the type or of the sequence every insert fails.
//!
//! ## Instead
//!
//! Change the column to `bigint` while there is time: with a second column that a trigger fills, a
//! back-fill in batches, and a swap. From four fifths on this is an error.

use howdah_catalog::{Ident, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0309",
    name: "key-near-overflow",
    level: Level::Warning,
    group: Group::Types,
    needs: &[Needs::Catalog, Needs::Statistics],
    source: include_str!("key_near_overflow.rs"),
    check,
};

/// Shares of all values from which it is told, in hundredths.
const WARN: i64 = 50;
const LATE: i64 = 80;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for sequence in &facts.usage.sequences {
        let share = sequence.last / (sequence.most / 100).max(1);
        if share < WARN {
            continue;
        }
        let finding = findings.add(
            Subject::Column(sequence.table.clone(), Ident::new(sequence.column.as_str())),
            format!(
                "{share} % of the values of \"{}.{}\" are used up",
                sequence.table.plain(),
                sequence.column
            ),
        );
        if share >= LATE {
            finding.level(Level::Error);
        }
        finding.detail(format!("{} of {} are given out.", sequence.last, sequence.most));
        finding.hint("Change the column to bigint while there is time.");
        let column =
            format!("{}, {}", Literal(&sequence.table.to_string()), Literal(&sequence.column));
        finding.proved(Reproducer::query(format!(
            "select last_value from pg_sequences where last_value >= {}\n  \
             and format('%I.%I', schemaname, sequencename)::regclass\n  \
             = pg_get_serial_sequence({column})::regclass",
            sequence.last
        )));
    }
}
