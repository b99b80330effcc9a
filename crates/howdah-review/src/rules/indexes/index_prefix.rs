//! An index holds what another one begins with.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, customer bigint, at date);
//! create index orders_customer on orders (customer);
//! create index orders_customer_at on orders (customer, at);
//! ```
//!
//! A unique one guards something; another order, predicate or kind serves something else:
//!
//! ```sql,valid
//! create table orders (id bigint primary key, customer bigint, at date, code text unique);
//! create index orders_code_at on orders (code, at);
//! create index orders_open on orders (customer) where at is null;
//! create index orders_customer_at on orders (customer, at);
//! create index orders_at on orders (at);
//! create index orders_latest on orders (customer desc nulls last);
//! create index orders_hash on orders using hash (customer);
//! create index orders_cover on orders (at desc) include (code);
//! ```
//!
//! ## Why
//!
//! Queries that look by the first columns find the rows by the longer index too, and every write
//! maintains both.
//!
//! ## Instead
//!
//! Drop the shorter one. It earns its place only where it is much smaller and read far more often.

use howdah_catalog::{Index, Literal, RelName, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0403",
    name: "index-prefix",
    level: Level::Notice,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_prefix.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for index in &table.indexes {
            let guards = index.unique || index.primary || index.method != "btree";
            if guards || !index.valid || index.parent.is_some() {
                continue;
            }
            let Some(longer) = table.indexes.iter().find(|longer| begins(longer, index)) else {
                continue;
            };
            let finding = findings.add(
                Subject::Index(table.name.clone(), index.name.clone()),
                format!(
                    "index \"{}\" of \"{}\" is the beginning of \"{}\"",
                    index.name.as_str(),
                    table.name.plain(),
                    longer.name.as_str()
                ),
            );
            let oid = |index: &Index| {
                let name = RelName { schema: table.name.schema.clone(), name: index.name.clone() };
                format!("{}::regclass", Literal(&name.to_string()))
            };
            finding.proved(Reproducer::query(format!(
                "select a.indexrelid::regclass, b.indexrelid::regclass from pg_index a\n  \
                 join pg_index b on b.indrelid = a.indrelid and b.indnkeyatts > a.indnkeyatts\n    \
                 and (b.indkey::text || ' ') like (a.indkey::text || ' %')\n  \
                 where a.indexrelid = {} and b.indexrelid = {}",
                oid(index),
                oid(longer)
            )));
            let name = RelName { schema: table.name.schema.clone(), name: index.name.clone() };
            // An index of a partitioned table cannot be dropped concurrently.
            let how = if table.kind == RelationKind::Table { "concurrently " } else { "" };
            finding.fix(vec![format!("drop index {how}{name}")]);
        }
    }
}

/// Whether `longer` begins with all that `index` holds, in the same order.
fn begins(longer: &Index, index: &Index) -> bool {
    longer.valid
        && longer.method == index.method
        && longer.predicate == index.predicate
        && longer.columns.len() > index.columns.len()
        && index.include.is_empty()
        && index.columns.iter().zip(&longer.columns).all(|(a, b)| {
            a.expression == b.expression
                && a.descending == b.descending
                && a.opclass == b.opclass
                && collation(index, &a.expression) == collation(longer, &b.expression)
        })
}

/// What the definition says behind a column: collation and order of nulls, as it is printed.
fn collation<'i>(index: &'i Index, expression: &str) -> Option<&'i str> {
    let from = index.definition.find(" USING ")?;
    let columns = &index.definition[from..];
    let at = columns.find(expression)? + expression.len();
    columns[at..].split([',', ')']).next()
}
