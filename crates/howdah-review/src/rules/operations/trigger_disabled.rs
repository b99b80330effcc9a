//! A trigger is switched off.
//!
//! ```sql,invalid
//! create table accounts (id bigint primary key);
//! create function keep() returns trigger language plpgsql as 'begin return null; end';
//! create trigger keep before delete on accounts for each row execute function keep();
//! alter table accounts disable trigger keep;
//! ```
//!
//! ```sql,valid
//! create table accounts (id bigint primary key);
//! create function keep() returns trigger language plpgsql as 'begin return null; end';
//! create trigger keep before delete on accounts for each row execute function keep();
//! alter table accounts disable trigger keep;
//! alter table accounts enable trigger keep;
//! ```
//!
//! ## Why
//!
//! It was switched off for a load, most often, and forgotten. What it was to keep is not kept.
//!
//! ## Instead
//!
//! Switch it on, or drop it.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1104",
    name: "trigger-disabled",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Catalog],
    source: include_str!("trigger_disabled.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        for trigger in table.triggers.iter().filter(|trigger| trigger.enabled == 'D') {
            let name = trigger.name.as_str();
            let sql = format!(
                "select tgname from pg_trigger where tgrelid = {}::regclass and tgname = {}\n  \
                 and tgenabled = 'D'",
                Literal(&table.name.to_string()),
                Literal(name)
            );
            findings
                .add(
                    Subject::Trigger(table.name.clone(), trigger.name.clone()),
                    format!("trigger \"{name}\" of \"{}\" is switched off", table.name.plain()),
                )
                .proved(Reproducer::query(sql))
                .fix(vec![format!("alter table {} enable trigger {}", table.name, trigger.name)]);
        }
    }
}
