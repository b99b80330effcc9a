//! What a statement does to the tables that were there before: locks, rewrites, scans.

use std::collections::{HashMap, HashSet};

use howdah_catalog::RelName;
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_sql::command::Command;

use crate::facts::{Facts, LockMode, StatementId, Trace};

/// What was seen so far in the transaction of one file.
#[derive(Default)]
pub(super) struct Tracer {
    /// The tables that were there before the file, and their files on disk; empty until needed.
    files: HashMap<u32, u32>,
    locks: HashSet<(u32, LockMode)>,
    scans: HashMap<u32, i64>,
}

/// Whether a statement can lock, rewrite or scan a table that was there before its file. The look
/// costs as much as the statement, so what only makes something new goes without.
pub(super) fn is_traced(facts: &Facts, id: StatementId) -> bool {
    let names = |words: &[&str]| {
        let text = facts.text(id).to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    match &facts.statement(id).command {
        Command::Comment
        | Command::Insert { .. }
        | Command::Copy(_)
        | Command::Set { .. }
        | Command::Transaction(_)
        | Command::CreateSchema { .. }
        | Command::CreateExtension { .. }
        | Command::CreateRoutine(_)
        | Command::CreateType { .. }
        | Command::CreateDomain { .. }
        | Command::Escape(_) => false,
        Command::CreateView(view) => view.materialized,
        // Another table is locked that it refers to, and read that it is made of.
        Command::CreateTable(_) => {
            names(&["references", "inherits", "partition of", "like", "select", "table only"])
        }
        Command::AlterTable(table) => {
            facts.may_hold_rows(&table.name, id) || names(&["references", "partition", "inherit"])
        }
        other => other.table().is_none_or(|table| facts.may_hold_rows(table, id)),
    }
}

impl Tracer {
    /// Looks at what is there before a file.
    pub(super) async fn begin(connection: &Connection) -> Result<Self> {
        let rows = connection.query_typed(include_str!("known.sql"), &[]).await;
        let rows = rows.map_err(|error| from_pg("could not list the tables", &error))?;
        let files = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(Self { files, ..Self::default() })
    }

    /// What the statement that was just run did.
    pub(super) async fn look(&mut self, connection: &Connection) -> Result<Trace> {
        let rows = connection.query_typed(include_str!("trace.sql"), &[]).await;
        let rows = rows.map_err(|error| from_pg("could not read the locks", &error))?;
        let mut trace = Trace::default();
        let before_this = self.locks.clone();
        for row in &rows {
            let (oid, file, scans): (u32, u32, i64) = (row.get(0), row.get(4), row.get(5));
            let Some(before) = self.files.get_mut(&oid) else { continue };
            let name = RelName::new(row.get::<_, String>(1), row.get::<_, String>(2));
            if let Some(mode) = LockMode::parse(row.get(3)) {
                if self.locks.insert((oid, mode)) {
                    trace.locks.push((name.clone(), mode));
                }
                if mode.blocks_writes() && before_this.contains(&(oid, mode)) {
                    trace.held.push((name.clone(), mode));
                }
            }
            if *before != file {
                *before = file;
                trace.rewritten.push(name.clone());
            }
            if self.scans.insert(oid, scans).unwrap_or(0) < scans && !trace.scanned.contains(&name)
            {
                trace.scanned.push(name);
            }
        }
        trace.locks.sort();
        trace.held.sort();
        Ok(trace)
    }

    /// The transaction ended: its locks are gone.
    pub(super) fn end_transaction(&mut self) {
        self.locks.clear();
        self.scans.clear();
    }
}
