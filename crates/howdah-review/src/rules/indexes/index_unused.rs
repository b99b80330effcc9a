//! An index is written and was not read once, though its table was read a thousand times.
//!
//! ```sql,invalid,live
//! create table orders (id bigint primary key, note text);
//! create index orders_note on orders (note);
//! insert into orders select n, n::text from generate_series(1, 2000) n;
//! analyze orders;
//! do $$ declare answer text; begin
//!   for n in 1..1200 loop select note into answer from orders where id = n; end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! What guards a key or serves a foreign key is used without being read, and a table that is not
//! read either tells nothing:
//!
//! ```sql,valid,live
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, note text, code text unique,
//!                      customer bigint references customers);
//! create index orders_customer on orders (customer);
//! create table fresh (id bigint primary key, note text);
//! create index fresh_note on fresh (note);
//! insert into orders select n, n::text, n::text from generate_series(1, 2000) n;
//! insert into fresh select n, n::text from generate_series(1, 2000) n;
//! do $$ declare answer text; begin
//!   for n in 1..1200 loop select note into answer from orders where id = n; end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! Each write that is not in place maintains it, and it lies in memory and in backups.
//!
//! ## Instead
//!
//! Drop it, when the counters have counted long enough to have seen the rare reports too, and no
//! standby server reads by it: what standby servers read is not in these counters. With less than a
//! month of counting, or with a standby, this is only worth knowing.

use howdah_catalog::{Constraint, ConstraintKind, Index, Relation};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0405",
    name: "index-unused",
    level: Level::Notice,
    group: Group::Indexes,
    needs: &[Needs::Catalog, Needs::Statistics],
    source: include_str!("index_unused.rs"),
    check,
};

/// Reads of the table that tell something about an index that none of them used.
const READS: i64 = 1_000;
/// Days of counting that have seen a monthly report.
const DAYS: f64 = 31.0;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        if table.stats.seq_scans + table.stats.index_scans < READS {
            continue;
        }
        for index in table.indexes.iter().filter(|index| index.scans == 0) {
            if index.unique || !index.valid || index.parent.is_some() || is_for_key(table, index) {
                continue;
            }
            let finding = findings.add(
                Subject::Index(table.name.clone(), index.name.clone()),
                format!(
                    "index \"{}\" of \"{}\" was never read",
                    index.name.as_str(),
                    table.name.plain()
                ),
            );
            if facts.usage.counted_days < DAYS || facts.usage.standbys > 0 {
                finding.level(Level::Info);
            }
            finding.detail(format!(
                "Its table was read {} times and written {} times; it takes {} kB. The counters \
                 have counted for at least {:.1} days, and {} standby servers read beside them.",
                table.stats.seq_scans + table.stats.index_scans,
                table.stats.inserted + table.stats.updated - table.stats.hot_updated,
                index.bytes / 1024,
                facts.usage.counted_days,
                facts.usage.standbys
            ));
            finding.hint("Drop it when nothing rare and no standby server needs it.");
            finding.proved(proof::index(table, index, "pg_stat_get_numscans(i.indexrelid) = 0"));
        }
    }
}

/// Whether a foreign key, an exclusion or the replica identity needs it.
fn is_for_key(table: &Relation, index: &Index) -> bool {
    let needs = |constraint: &Constraint| match constraint.kind {
        ConstraintKind::ForeignKey => index
            .columns
            .first()
            .and_then(|key| key.column.as_ref())
            .is_some_and(|column| constraint.columns.contains(column)),
        _ => constraint.index.as_ref() == Some(&index.name),
    };
    table.constraints.iter().any(needs)
}
