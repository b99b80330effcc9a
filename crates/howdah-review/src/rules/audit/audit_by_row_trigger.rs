//! A trigger writes each changed row as JSON into another table.
//!
//! ```sql,invalid
//! create table history (id bigint generated always as identity primary key, of text, was jsonb);
//! create table orders (id bigint primary key, note text);
//! create function record() returns trigger language plpgsql as $$
//! begin
//!   insert into history (of, was) values (tg_table_name, to_jsonb(new));
//!   return new;
//! end $$;
//! create trigger orders_record after insert or update on orders
//!   for each row execute function record();
//! ```
//!
//! Once a statement, with a transition table, is another thing, and so is a trigger that only
//! checks:
//!
//! ```sql,valid
//! create table history (id bigint generated always as identity primary key, of text, was jsonb);
//! create table orders (id bigint primary key, note text);
//! create function record() returns trigger language plpgsql as $$
//! begin
//!   insert into history (of, was) select tg_table_name, to_jsonb(added) from added;
//!   return null;
//! end $$;
//! create trigger orders_record after insert on orders
//!   referencing new table as added for each statement execute function record();
//! create function tidy() returns trigger language plpgsql as $$
//! begin new.note := trim(new.note); return new; end $$;
//! create trigger orders_tidy before insert on orders for each row execute function tidy();
//! ```
//!
//! ## Why
//!
//! Every write pays for a call, a JSON document and a row in a table that grows faster than the
//! audited one. The review writes made-up rows to a copy with the trigger and to one without, and
//! tells what it measured.
//!
//! ## Instead
//!
//! One trigger a statement with a transition table; or read the changes from the WAL, by logical
//! decoding, where writers do not pay for them.

use howdah_catalog::{Relation, Trigger};

use crate::experiment::AuditCost;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0904",
    name: "audit-by-row-trigger",
    level: Level::Notice,
    group: Group::Audit,
    needs: &[Needs::Catalog],
    source: include_str!("audit_by_row_trigger.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in facts.tables() {
        let writes = |trigger: &&Trigger| {
            let head = trigger.definition.split(" ON ").next().unwrap_or("");
            trigger.for_each_row
                && trigger.enabled != 'D'
                && head.contains("INSERT")
                && catalog.functions.iter().any(|function| {
                    function.name == trigger.function && is_audit_body(&function.body, table)
                })
        };
        for trigger in table.triggers.iter().filter(writes) {
            let finding = findings.add(
                Subject::Trigger(table.name.clone(), trigger.name.clone()),
                format!(
                    "trigger \"{}\" writes each row of \"{}\" as JSON",
                    trigger.name.as_str(),
                    table.name.plain()
                ),
            );
            finding.hint("Write once a statement, with a transition table.");
            finding
                .experiment(AuditCost { table: table.name.clone(), trigger: trigger.name.clone() });
        }
    }
}

/// Whether the function inserts the row as JSON into a table other than its own.
fn is_audit_body(body: &str, table: &Relation) -> bool {
    let text = body.to_ascii_lowercase();
    let json = ["to_jsonb(new", "to_jsonb(old", "row_to_json(new", "row_to_json(old"];
    let own = format!("insert into {} ", table.name.name.as_str());
    json.iter().any(|call| text.contains(call))
        && text.contains("insert into ")
        && !text.contains(&own)
}
