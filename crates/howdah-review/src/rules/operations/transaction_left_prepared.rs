//! A prepared transaction was never finished.
//!
//! ```sql,invalid,live
//! -- server: max_prepared_transactions = 5
//! create table t (id bigint);
//! begin;
//! insert into t values (1);
//! prepare transaction 'howdah example';
//! select pg_sleep(1.1);
//! ```
//!
//! ```sql,valid,live
//! -- server: max_prepared_transactions = 5
//! create table t (id bigint);
//! begin;
//! insert into t values (1);
//! prepare transaction 'howdah finished example';
//! commit prepared 'howdah finished example';
//! ```
//!
//! ## Why
//!
//! It holds its locks and keeps vacuum from cleaning, over restarts too, and no session shows it.
//!
//! ## Instead
//!
//! `commit prepared` or `rollback prepared`; whoever prepares must have somebody who finishes.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1108",
    name: "transaction-left-prepared",
    level: Level::Error,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("transaction_left_prepared.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for (name, owner, seconds) in &in_use.prepared {
        // A transaction manager finishes within moments.
        if *seconds < 1 {
            continue;
        }
        let sql = format!("select gid from pg_prepared_xacts where gid = {}", Literal(name));
        findings
            .add(
                Subject::Named("prepared transaction", name.clone()),
                format!("prepared transaction \"{name}\" is not finished"),
            )
            .detail(format!("\"{owner}\" prepared it {seconds} seconds ago."))
            .hint(format!("Run rollback prepared {}, or commit it.", Literal(name)))
            .proved(Reproducer::query(sql));
    }
}
