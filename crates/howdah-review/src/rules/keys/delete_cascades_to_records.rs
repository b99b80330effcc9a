//! Deleting a row deletes records that should outlive it: payments, ledgers, audit.
//!
//! ```sql,invalid
//! create table users (id bigint primary key, name text);
//! create table orders (id bigint primary key, buyer bigint not null references users
//!                        on delete cascade);
//! create index on orders (buyer);
//! create table payments (id bigint primary key, order_id bigint not null references orders
//!                          on delete cascade, amount numeric not null);
//! create index on payments (order_id);
//! ```
//!
//! ```sql,valid
//! create table users (id bigint primary key, name text);
//! create table settings (id bigint primary key, owner bigint not null references users
//!                          on delete cascade);
//! create index on settings (owner);
//! create table payments (id bigint primary key, payer bigint not null references users,
//!                        amount numeric not null);
//! create index on payments (payer);
//! create table payment_methods (id bigint primary key, owner bigint not null references users
//!                                 on delete cascade);
//! create index on payment_methods (owner);
//! ```
//!
//! ## Why
//!
//! One `delete` of a user takes what was paid with it, without a word. The review puts a made-up
//! row into each table of the chain and deletes the first.
//!
//! ## Instead
//!
//! `on delete restrict`, and a column that says that the parent is closed.

use howdah_catalog::{Catalog, Constraint, ConstraintKind, RelName, Relation};

use crate::experiment::Cascade;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0509",
    name: "delete-cascades-to-records",
    level: Level::Warning,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("delete_cascades_to_records.rs"),
    check,
};

/// Last words of the names of tables whose rows are records.
const RECORDS: &[&str] = &[
    "audit",
    "audits",
    "audit_log",
    "audit_logs",
    "fills",
    "invoices",
    "ledger",
    "ledger_entries",
    "payments",
    "postings",
    "trades",
    "transactions",
];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in facts.tables().filter(|table| is_record(table)) {
        let Some(key) = cascading(table).next() else { continue };
        let chain = chain(catalog, table, key);
        let (Some(first), Some(last)) = (chain.first(), chain.last()) else { continue };
        let finding = findings.add(
            Subject::Constraint(table.name.clone(), key.name.clone()),
            format!("deleting a row of \"{}\" deletes from \"{}\"", first.plain(), last.plain()),
        );
        let names: Vec<String> = chain.iter().map(RelName::plain).collect();
        finding.detail(format!("The chain is {}.", names.join(", ")));
        finding.hint("Refuse the delete, and mark the parent as closed instead.");
        let by_catalog = proof::constraint(table, key, "k.confdeltype = 'c'");
        finding.experiment(Cascade { chain, by_catalog });
    }
}

fn is_record(table: &Relation) -> bool {
    let name = table.name.name.as_str();
    RECORDS.iter().any(|record| {
        name == *record || name.strip_suffix(record).is_some_and(|before| before.ends_with('_'))
    })
}

fn cascading(table: &Relation) -> impl Iterator<Item = &Constraint> {
    table.constraints.iter().filter(|key| {
        key.kind == ConstraintKind::ForeignKey && key.definition.contains("ON DELETE CASCADE")
    })
}

/// The tables from the one whose delete reaches farthest, each deleting from the next.
fn chain(catalog: &Catalog, table: &Relation, key: &Constraint) -> Vec<RelName> {
    let mut chain = vec![table.name.clone()];
    let mut next = key.references.clone();
    while let Some(name) = next.filter(|name| !chain.contains(name)) {
        let above = catalog.relation(&name).and_then(|above| cascading(above).next());
        next = above.and_then(|key| key.references.clone());
        chain.push(name);
    }
    chain.reverse();
    chain
}
