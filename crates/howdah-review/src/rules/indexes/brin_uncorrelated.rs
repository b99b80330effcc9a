//! A block range index is on a column whose values lie all over the table.
//!
//! ```sql,invalid,live
//! create table readings (id bigint primary key, value double precision);
//! insert into readings select n, random() from generate_series(1, 20000) n;
//! create index readings_value on readings using brin (value);
//! analyze readings;
//! grant select on readings to public;
//! ```
//!
//! ```sql,valid,live
//! create table readings (id bigint primary key, value double precision);
//! insert into readings select n, n from generate_series(1, 20000) n;
//! create index readings_value on readings using brin (value);
//! analyze readings;
//! grant select on readings to public;
//! ```
//!
//! ## Why
//!
//! A block range index keeps the least and the greatest value of each range of pages. Where every
//! range holds nearly every value, none can be left out, and the whole table is read.
//!
//! ## Instead
//!
//! A B-tree, or bloom or minmax-multi operator classes where a few values stray. Block range
//! indexes are for what is written in the order of the column, such as the time of an event.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0409",
    name: "brin-uncorrelated",
    level: Level::Warning,
    group: Group::Indexes,
    needs: &[Needs::Catalog, Needs::Statistics],
    source: include_str!("brin_uncorrelated.rs"),
    check,
};

/// Rows below which it does not matter.
const ROWS: f64 = 10_000.0;
/// Correlation below which block ranges overlap throughout.
const CORRELATED: f32 = 0.5;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values().filter(|t| t.stats.estimated_rows >= ROWS) {
        for index in table.indexes.iter().filter(|index| index.method == "brin") {
            let plain = index.columns.iter().filter(|key| key.opclass.is_none());
            for column in plain.filter_map(|key| table.column(key.column.as_ref()?.as_str())) {
                let Some(correlation) = column.correlation else { continue };
                if correlation.abs() >= CORRELATED {
                    continue;
                }
                let finding = findings.add(
                    Subject::Index(table.name.clone(), index.name.clone()),
                    format!("block range index \"{}\" can leave out nothing", index.name.as_str()),
                );
                finding.detail(format!(
                    "The correlation of \"{}\" with the order on disk is {correlation:.2}.",
                    column.name.as_str()
                ));
                finding.hint("Use a B-tree, or the operator classes minmax_multi or bloom.");
                finding.proved(Reproducer::query(format!(
                    "select correlation from pg_stats where schemaname = {} and tablename = {}\n  \
                     and attname = {} and abs(correlation) < {CORRELATED}",
                    Literal(table.name.schema.as_str()),
                    Literal(table.name.name.as_str()),
                    Literal(column.name.as_str())
                )));
            }
        }
    }
}
