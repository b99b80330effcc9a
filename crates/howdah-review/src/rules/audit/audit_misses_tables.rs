//! Most tables of a schema are audited by a trigger, and this one is not.
//!
//! ```sql,invalid
//! create table audit_log (id bigint generated always as identity primary key, what jsonb);
//! create table orders (id bigint primary key, note text);
//! create table lines (id bigint primary key, note text);
//! create table payments (id bigint primary key, amount numeric);
//! create table refunds (id bigint primary key, amount numeric);
//! create function record() returns trigger language plpgsql as $$
//! begin insert into audit_log (what) values (to_jsonb(new)); return new; end $$;
//! create trigger record after insert or update on orders
//!   for each row execute function record();
//! create trigger record after insert or update on lines
//!   for each row execute function record();
//! create trigger record after insert or update on payments
//!   for each row execute function record();
//! ```
//!
//! Where few tables are audited, the others are meant not to be; and a partition has its parent's
//! trigger:
//!
//! ```sql,valid
//! create table audit_log (id bigint generated always as identity primary key, what jsonb);
//! create table orders (id bigint primary key, note text);
//! create table countries (id bigint primary key, name text);
//! create table colours (id bigint primary key, name text);
//! create table sizes (id bigint primary key, name text);
//! create function record() returns trigger language plpgsql as $$
//! begin insert into audit_log (what) values (to_jsonb(new)); return new; end $$;
//! create trigger record after insert or update on orders
//!   for each row execute function record();
//! ```
//!
//! ## Why
//!
//! The trigger was added to each table by hand, and a table that came later was forgotten. The
//! audit then looks whole and is not.
//!
//! ## Instead
//!
//! The same trigger on this table too; or read the changes from the WAL, by logical decoding of all
//! tables, which forgets none.

use howdah_catalog::{Function, Ident, Literal, RelName, Relation, RelationKind, Trigger};

use super::audit_table_mutable::is_audit;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0905",
    name: "audit-misses-tables",
    level: Level::Notice,
    group: Group::Audit,
    needs: &[Needs::Catalog],
    source: include_str!("audit_misses_tables.rs"),
    check,
};

/// Fewer audited tables are chosen ones.
const LEAST: usize = 3;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for function in catalog.functions.iter().filter(|function| writes_audit(function)) {
        let calls =
            |trigger: &&Trigger| trigger.function == function.name && trigger.enabled != 'D';
        let model =
            facts.tables().find_map(|table| Some((table, table.triggers.iter().find(calls)?)));
        let Some((first, trigger)) = model else { continue };
        let schema = &first.name.schema;
        let like = facts.tables().filter(|table| {
            table.name.schema == *schema
                && table.kind == RelationKind::Table
                && table.primary_key().is_some()
                && !is_audit(table)
        });
        let (audited, missed): (Vec<&Relation>, Vec<&Relation>) =
            like.partition(|table| table.triggers.iter().any(|trigger| calls(&trigger)));
        if audited.len() < LEAST || audited.len() <= missed.len() {
            continue;
        }
        for table in missed.into_iter().filter(|table| !is_written(table, function)) {
            let finding = findings.add(
                Subject::Relation(table.name.clone()),
                format!(
                    "\"{}\" is not audited, as {} others of its schema are",
                    table.name.plain(),
                    audited.len()
                ),
            );
            finding.proved(proof::no_trigger(
                table,
                &format!("t.tgfoid = {}::regproc", Literal(&function.name.to_string())),
            ));
            if let Some(sql) = like_that(trigger, &first.name, &table.name) {
                finding.fix(vec![sql]);
            }
        }
    }
}

/// Whether the function writes rows as they were or are into an audit table.
fn writes_audit(function: &Function) -> bool {
    let body = function.body.to_ascii_lowercase();
    let row = ["to_jsonb(", "row_to_json(", "to_json("].iter().any(|call| body.contains(call));
    row && body.contains("insert into")
        && ["audit", "history", "changes"].iter().any(|word| body.contains(word))
}

/// Whether the function itself writes the table: then it is an audit by another name.
fn is_written(table: &Relation, function: &Function) -> bool {
    let body = function.body.to_ascii_lowercase();
    body.split("insert into").skip(1).any(|rest| {
        let name = rest.split_whitespace().next().unwrap_or("");
        name.rsplit('.').next() == Some(table.name.name.as_str())
    })
}

/// The trigger on another table, when nothing in it is of the table alone.
fn like_that(trigger: &Trigger, from: &RelName, to: &RelName) -> Option<String> {
    let definition = trigger.definition.as_str();
    let on = format!(" ON {from} ");
    let special = [" WHEN (", "UPDATE OF "].iter().any(|word| definition.contains(word));
    let name: &Ident = &trigger.name;
    (!special && definition.contains(&on) && definition.contains(name.as_str()))
        .then(|| definition.replacen(&on, &format!(" ON {to} "), 1))
}
