//! A trigger function finds its tables only by the search path of whoever writes.
//!
//! ```sql,invalid
//! create table audit_log (id bigint generated always as identity primary key, note text);
//! create table orders (id bigint primary key, state text);
//! create function keep() returns trigger language plpgsql as $$
//! begin
//!   insert into audit_log (note) values (new.state);
//!   return new;
//! end $$;
//! create trigger keep before insert on orders for each row execute function keep();
//! ```
//!
//! Names with their schema, a path of the function's own, and functions that name no table work
//! everywhere:
//!
//! ```sql,valid
//! create table audit_log (id bigint generated always as identity primary key, note text);
//! create table orders (id bigint primary key, state text, at timestamptz);
//! create function keep() returns trigger language plpgsql as $$
//! begin
//!   insert into public.audit_log (note) values (new.state);
//!   return new;
//! end $$;
//! create function note() returns trigger language plpgsql
//! set search_path = public, pg_temp as $$
//! begin
//!   insert into audit_log (note) values (new.state);
//!   return new;
//! end $$;
//! create function touch() returns trigger language plpgsql as $$
//! begin
//!   new.at := now();
//!   return new;
//! end $$;
//! create trigger keep before insert on orders for each row execute function keep();
//! create trigger note before update on orders for each row execute function note();
//! create trigger touch before insert or update on orders for each row execute function touch();
//! ```
//!
//! ## Why
//!
//! A restore and a logical subscription write with an empty search path, and a login may have
//! another: there the trigger fails and the row with it, or it writes into a table of the same name
//! in another schema.
//!
//! ## Instead
//!
//! Name tables with their schema, or `set search_path = public, pg_temp` on the function.

use howdah_catalog::{Function, Relation, RelationKind, Trigger};

use crate::experiment::WithoutPath;
use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::routine;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0706",
    name: "trigger-needs-search-path",
    level: Level::Notice,
    group: Group::Routines,
    needs: &[Needs::Catalog],
    source: include_str!("trigger_needs_search_path.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for function in catalog.functions.iter().filter(|function| depends_on_path(facts, function)) {
        // One table is enough to show it.
        let fires = catalog.relations.values().filter(|table| is_table(table)).find_map(|table| {
            table.triggers.iter().find(|t| fires(t, function)).map(|trigger| (table, trigger))
        });
        let Some((table, trigger)) = fires else { continue };
        findings
            .add(
                routine::subject(function),
                format!(
                    "trigger function \"{}\" fails when its writer has another search path",
                    function.name.plain()
                ),
            )
            .hint("Name its tables with their schema, or give it a search path of its own.")
            .experiment(WithoutPath { table: table.name.clone(), trigger: trigger.clone() })
            .fix(vec![format!(
                "alter function {}({}) set search_path = public, pg_temp",
                function.name, function.arguments
            )]);
    }
}

fn is_table(table: &Relation) -> bool {
    matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable)
}

fn fires(trigger: &Trigger, function: &Function) -> bool {
    trigger.function == function.name && trigger.enabled != 'D'
}

/// Whether it names a table without a schema and has no path of its own. With its owner's rights
/// it is another rule's.
fn depends_on_path(facts: &Facts, function: &Function) -> bool {
    if function.result.as_deref() != Some("trigger")
        || function.language != "plpgsql"
        || function.security_definer
        || function.settings.iter().any(|setting| setting.starts_with("search_path="))
    {
        return false;
    }
    let code = routine::code(&function.body);
    facts.tables().any(|table| routine::has(&code, table.name.name.as_str()))
}
