//! A `do` block or a function that is called builds an index, reads a table under a lock, or
//! writes it anew: what a reader of the migration does not see.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id int primary key, customer bigint);
//! -- file: 0002_wider.sql
//! do $$ begin
//!     execute 'alter table orders alter column id type bigint';
//! end $$;
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id int primary key, customer bigint);
//! create function index_it() returns void language plpgsql as $$ begin
//!     create index orders_customer on orders (customer);
//! end $$;
//! -- file: 0002_index.sql
//! select index_it();
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id int primary key, customer bigint);
//! do $$ begin
//!     execute 'alter table orders alter column id type bigint';
//! end $$;
//! -- file: 0002_policy.sql
//! do $$ begin
//!     if not exists (select from orders) then
//!         alter table orders add column note text;
//!     end if;
//! end $$;
//! ```
//!
//! ## Why
//!
//! It does to the table what the statement within does: nobody can write, or nobody can read,
//! until it is done.
//!
//! ## Instead
//!
//! What is said for the statement within; a statement that needs no transaction cannot be in a
//! block.

use howdah_sql::command::Command;

use crate::facts::{self, Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0216",
    name: "block-changes-tables",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("block_changes_tables.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let what = match &statement.command {
            Command::Do { .. } => "a block",
            Command::Query => "a call",
            _ => continue,
        };
        let Some(trace) = facts.trace(id) else { continue };
        let mut told = Vec::new();
        for (name, mode) in &trace.locks {
            let table = facts::name(name);
            if told.contains(&name) || !mode.blocks_writes() || !facts.may_hold_rows(&table, id) {
                continue;
            }
            let (message, reproducer) = if let Some(proof) = proof::rewritten(facts, id, &table) {
                (format!("{what} writes all of \"{}\" anew", name.plain()), proof)
            } else if *mode == LockMode::Share {
                let message = format!("writers of \"{}\" wait while {what} runs", name.plain());
                (message, proof::shows_lock(facts, id, name, *mode))
            } else {
                continue;
            };
            told.push(name);
            findings
                .add(Subject::Statement(id), message)
                .detail(format!("It takes a {mode} lock."))
                .proved(reproducer);
        }
    }
}
