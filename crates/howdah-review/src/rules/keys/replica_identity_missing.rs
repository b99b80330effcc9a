//! Changes of a table are published, and nothing tells its rows apart.
//!
//! ```sql,invalid
//! create table orders (id bigint not null, note text);
//! create publication changes for table orders;
//! ```
//!
//! Where only inserts are published, or the whole row is, it does:
//!
//! ```sql,valid
//! create table orders (id bigint primary key, note text);
//! create table events (id bigint not null, note text);
//! create table notes (id bigint not null, note text);
//! alter table notes replica identity full;
//! create publication changes for table orders, notes;
//! create publication added for table events with (publish = 'insert');
//! ```
//!
//! ## Why
//!
//! Each update and delete of the table fails (SQLSTATE 55000) from the moment on at which it is
//! published: the subscriber could not be told which row it was.
//!
//! ## Instead
//!
//! A primary key; `replica identity using index` with a unique index of columns that are not null;
//! or `replica identity full`, which writes whole old rows to the WAL.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0511",
    name: "replica-identity-missing",
    level: Level::Error,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("replica_identity_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in facts.published.iter().filter_map(|name| catalog.relation(name)) {
        let none = match table.replica_identity {
            'd' => table.primary_key().is_none(),
            'n' => true,
            _ => false,
        };
        if !none {
            continue;
        }
        let sql = format!(
            "select c.relreplident from pg_class c where c.oid = {}::regclass\n  \
             and c.relreplident in ('d', 'n') and (c.relreplident = 'n' or not exists (\n    \
             select from pg_index i where i.indrelid = c.oid and i.indisprimary))\n  \
             and exists (select from pg_publication_tables t\n    \
             join pg_publication p on p.pubname = t.pubname and (p.pubupdate or p.pubdelete)\n    \
             where t.tablename = c.relname and t.schemaname = c.relnamespace::regnamespace::text)",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("updates and deletes of \"{}\" fail", table.name.plain()),
            )
            .detail("They are published, and the table has no replica identity.")
            .hint("Give it a primary key; replica identity full works at once, and writes more.")
            .proved(Reproducer::query(sql))
            .fix(vec![format!("alter table {} replica identity full", table.name)]);
    }
}
