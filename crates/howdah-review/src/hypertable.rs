//! Hypertables of TimescaleDB, by the text of the statements that make them.
//!
//! The scratch server has no TimescaleDB, so what its functions would do is known from their calls.

use crate::facts::{Facts, StatementId};

/// A call that makes a table a hypertable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hypertable {
    /// The statement.
    pub statement: StatementId,
    /// The table, as it is written, without its schema.
    pub table: String,
    /// Its time column.
    pub time: String,
}

/// The hypertables that the statements make.
#[must_use]
pub fn hypertables(facts: &Facts) -> Vec<Hypertable> {
    let calls = facts.statements().filter_map(|(statement, _)| {
        let text = facts.text(statement);
        let at = text.to_ascii_lowercase().find("create_hypertable")?;
        let mut quoted = text[at..].split('\'').skip(1).step_by(2);
        let (table, time) = (quoted.next()?, quoted.next()?);
        Some(Hypertable { statement, table: last_part(table), time: time.to_owned() })
    });
    calls.collect()
}

/// A name without its schema and its quotes.
#[must_use]
pub fn last_part(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_owned()
}
