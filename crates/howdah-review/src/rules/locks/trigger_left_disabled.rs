//! A trigger is disabled and no later statement enables it again.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, amount numeric);
//! create function check_order() returns trigger language plpgsql as $$ begin return new; end $$;
//! create trigger orders_check before insert on orders for each row execute function check_order();
//! alter table orders disable trigger orders_check;
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, amount numeric);
//! create function check_order() returns trigger language plpgsql as $$ begin return new; end $$;
//! create trigger orders_check before insert on orders for each row execute function check_order();
//! alter table orders disable trigger orders_check;
//! update orders set amount = 0;
//! alter table orders enable trigger orders_check;
//! ```
//!
//! ## Why
//!
//! What the trigger guards is guarded no more, for all sessions, and nothing shows it.
//!
//! ## Instead
//!
//! Enable it again in the same migration, or drop it.

use howdah_catalog::Literal;
use howdah_sql::command::{AlterAction, AlterTable, Command, Name};

use crate::facts::{Facts, StatementId};
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0226",
    name: "trigger-left-disabled",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Catalog, Needs::Statements],
    source: include_str!("trigger_left_disabled.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        for (action, _) in &table.actions {
            let AlterAction::Trigger(false, trigger) = action else { continue };
            let name = table.name.plain();
            let relation = catalog.resolve(&name);
            if facts.trace(id).is_none() || relation.is_none() || later(facts, id, table) {
                continue;
            }
            let which = if trigger == "all" || trigger == "user" {
                "not tgisinternal".to_owned()
            } else {
                format!("tgname = {}", Literal(trigger))
            };
            findings
                .add(
                    Subject::Statement(id),
                    format!("trigger \"{trigger}\" of \"{name}\" stays disabled"),
                )
                .hint("Enable it again in the same migration, or drop it.")
                .proved(Reproducer::query(format!(
                    "select tgname from pg_trigger where tgrelid = {}::regclass\n  \
                     and tgenabled = 'D' and {which}",
                    Literal(&proof::quoted(&table.name))
                )));
        }
    }
}

/// Whether a later statement says anything of triggers of the table, or drops it.
fn later(facts: &Facts, id: StatementId, table: &AlterTable) -> bool {
    let same = |name: &Name| name.last() == table.name.last();
    facts.statements().skip(id.0 + 1).any(|(_, later)| match &later.command {
        Command::AlterTable(other) => {
            same(&other.name)
                && other.actions.iter().any(|(action, _)| {
                    matches!(action, AlterAction::Trigger(true, _) | AlterAction::Rename(_))
                })
        }
        Command::Drop(drop) => drop.names.iter().chain(&drop.on).any(same),
        _ => false,
    })
}
