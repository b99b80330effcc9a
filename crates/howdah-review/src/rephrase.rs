//! Statements said in another way, for fixes.

use howdah_catalog::Ident;
use howdah_sql::command::{AlterAction, AlterTable, ConstraintDef, TableConstraint};

use crate::proof::quoted;

/// Puts `word` behind the first `after` that stands before byte `until` of the statement.
#[must_use]
pub fn word_after(text: &str, after: &str, until: usize, word: &str) -> Option<String> {
    let head = text.get(..until)?.to_ascii_lowercase();
    let at = head.rfind(after)? + after.len();
    Some(format!("{} {word}{}", &text[..at], &text[at..]))
}

/// `alter table` with its foreign keys and checks added as `not valid`, and the statements that
/// validate them: to be run when its transaction has ended.
#[must_use]
pub fn not_valid(text: &str, table: &AlterTable) -> (String, Vec<String>) {
    let mut changed = text.to_owned();
    let mut validations = Vec::new();
    for (action, span) in table.actions.iter().rev() {
        let AlterAction::AddConstraint(constraint) = action else { continue };
        if constraint.not_valid {
            continue;
        }
        let Some(name) = constraint_name(table, constraint) else { continue };
        changed.insert_str(span.end, " not valid");
        validations.insert(
            0,
            format!(
                "alter table {} validate constraint {}",
                quoted(&table.name),
                Ident::new(name.as_str())
            ),
        );
    }
    (changed, validations)
}

/// The name of a foreign key or a check, as PostgreSQL chooses it when none is written.
fn constraint_name(table: &AlterTable, constraint: &ConstraintDef) -> Option<String> {
    let chosen = match &constraint.constraint {
        TableConstraint::ForeignKey { columns, .. } => {
            format!("{}_{}_fkey", table.name.last(), columns.join("_"))
        }
        TableConstraint::Check(_) => format!("{}_check", table.name.last()),
        _ => return None,
    };
    Some(constraint.name.clone().unwrap_or(chosen))
}

/// A unique or primary key over an index that was built beforehand; `None` for one that says more
/// than its columns.
#[must_use]
pub fn by_index(table: &AlterTable, constraint: &ConstraintDef) -> Option<Vec<String>> {
    let (words, columns, ending) = match &constraint.constraint {
        TableConstraint::Unique(columns) => {
            ("unique", columns, format!("{}_key", columns.join("_")))
        }
        TableConstraint::PrimaryKey(columns) => ("primary key", columns, "pkey".to_owned()),
        _ => return None,
    };
    if table.actions.len() != 1 || columns.is_empty() {
        return None;
    }
    let chosen = format!("{}_{ending}", table.name.last());
    let name = Ident::new(constraint.name.clone().unwrap_or(chosen));
    let columns: Vec<String> =
        columns.iter().map(|column| Ident::new(column.as_str()).to_string()).collect();
    let relation = quoted(&table.name);
    Some(vec![
        format!("create unique index concurrently {name} on {relation} ({})", columns.join(", ")),
        format!("alter table {relation} add constraint {name} {words} using index {name}"),
    ])
}
