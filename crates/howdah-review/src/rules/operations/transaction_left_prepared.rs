//! A prepared transaction was never finished.
//!
//! ```sql,invalid,live
//! create table t (id bigint);
//! begin;
//! insert into t values (1);
//! prepare transaction 'howdah example';
//! set synchronous_commit = off;
//! do $$ begin
//!     for n in 1..100100 loop
//!         perform pg_current_xact_id();
//!         commit;
//!     end loop;
//! end $$;
//! ```
//!
//! One that was prepared a moment ago is still at work:
//!
//! ```sql,valid,live
//! create table t (id bigint);
//! begin;
//! insert into t values (1);
//! prepare transaction 'howdah finished example';
//! commit prepared 'howdah finished example';
//! begin;
//! insert into t values (1);
//! prepare transaction 'howdah fresh example';
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

/// A transaction manager finishes within moments.
const SECONDS: i64 = 600;
/// Where so many others have begun meanwhile, moments have passed.
const OTHERS: i64 = 100_000;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for prepared in &in_use.prepared {
        if prepared.seconds < SECONDS && prepared.age < OTHERS {
            continue;
        }
        let name = Literal(&prepared.name);
        let sql = format!(
            "select gid from pg_prepared_xacts where gid = {name}\n  \
             and (prepared < now() - interval '{SECONDS} seconds' or age(transaction) >= {OTHERS})"
        );
        findings
            .add(
                Subject::Named("prepared transaction", prepared.name.clone()),
                format!("prepared transaction \"{}\" is not finished", prepared.name),
            )
            .detail(format!(
                "\"{}\" prepared it {} seconds ago; {} transactions have begun since.",
                prepared.owner, prepared.seconds, prepared.age
            ))
            .hint(format!("Run rollback prepared {name}, or commit it."))
            .proved(Reproducer::query(sql));
    }
}
