//! A column that is filled with UUIDs is text.
//!
//! ```sql,invalid
//! create table orders (id varchar(36) primary key default gen_random_uuid()::text, note text);
//! ```
//!
//! ```sql,valid
//! create table orders (id uuid primary key default gen_random_uuid(), note text);
//! create table links (id text primary key default 'l_' || gen_random_uuid()::text);
//! ```
//!
//! ## Why
//!
//! As text it takes 37 bytes instead of 16, in the table and in every index and every foreign key
//! to it; it is compared letter by letter under a collation; and what is no UUID is taken too.
//!
//! ## Instead
//!
//! `uuid`.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0311",
    name: "uuid-as-text",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("uuid_as_text.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for column in &table.columns {
            let text = matches!(column.type_base.as_str(), "text" | "varchar" | "bpchar");
            let made = column.default.as_deref().is_some_and(|default| {
                (default.starts_with("(gen_random_uuid())")
                    || default.starts_with("gen_random_uuid()")
                    || default.starts_with("(uuid_generate_v")
                    || default.starts_with("uuid_generate_v"))
                    && !default.contains("||")
                    && !default.contains("replace(")
            });
            if !text || !made {
                continue;
            }
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!("column \"{}\" keeps UUIDs as text", column.name.as_str()),
                )
                .hint("Use uuid.")
                .proved(proof::column(
                    table,
                    column,
                    "exists (select from pg_attrdef d where d.adrelid = a.attrelid\n    \
                     and d.adnum = a.attnum\n    \
                     and pg_get_expr(d.adbin, d.adrelid) like '%uuid%::text%')",
                ));
        }
    }
}
