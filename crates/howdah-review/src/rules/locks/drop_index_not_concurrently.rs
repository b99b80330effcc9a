//! An index is dropped in the way that locks its table for everybody.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! create index orders_customer on orders (customer);
//! -- file: 0002_drop.sql
//! drop index orders_customer;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! create index orders_one on orders (customer);
//! create index orders_two on orders (customer, id);
//! drop index orders_one;
//! -- file: 0002_drop.sql
//! -- no-transaction
//! drop index concurrently orders_two;
//! ```
//!
//! ## Why
//!
//! `drop index` takes an ACCESS EXCLUSIVE lock on the table and holds it to the end of the
//! transaction. It is short by itself, but it waits behind the longest query of the table, and
//! everybody else waits behind it.
//!
//! ## Instead
//!
//! `drop index concurrently`, in a file that its tool runs without a transaction.

use howdah_sql::command::{Command, ObjectKind};

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::{proof, rephrase};

pub(super) const RULE: Rule = Rule {
    code: "HR0208",
    name: "drop-index-not-concurrently",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("drop_index_not_concurrently.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::Drop(drop) = &statement.command else { continue };
        if drop.kind != ObjectKind::Index || drop.concurrently {
            continue;
        }
        let lock = proof::locked_any(facts, id, LockMode::AccessExclusive);
        let Some((table, _, reproducer)) = lock else { continue };
        let finding = findings.add(
            Subject::Statement(id),
            format!("nobody can use \"{}\" while an index is dropped", table.plain()),
        );
        finding
            .hint("Drop it concurrently, in a file that is run without a transaction.")
            .proved(reproducer);
        let catalog = facts.catalog.as_ref().and_then(|catalog| catalog.relation(&table));
        let partitioned = catalog.is_some_and(|relation| relation.partitioning.is_some());
        // PostgreSQL drops them concurrently one at a time, and none of a partitioned table.
        if drop.names.len() == 1
            && !drop.cascade
            && !partitioned
            && let Some(sql) =
                rephrase::word_after(facts.text(id), "index", drop.names[0].span.start, WORD)
        {
            finding.instead(id, vec![sql]);
        }
    }
}

const WORD: &str = "concurrently";
