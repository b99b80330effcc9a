//! The rules of the group "build". This list is written by `cargo xtask rules`.

mod does_not_build;
mod not_repeatable;
mod secret_in_sql;
mod statement_escapes_database;
mod transaction_in_transaction;
mod transaction_left_open;
mod undo_does_not_restore;
mod undo_fails;
mod version_twice;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    does_not_build::RULE,
    not_repeatable::RULE,
    secret_in_sql::RULE,
    statement_escapes_database::RULE,
    transaction_in_transaction::RULE,
    transaction_left_open::RULE,
    undo_does_not_restore::RULE,
    undo_fails::RULE,
    version_twice::RULE,
];
