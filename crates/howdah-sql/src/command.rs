//! What a statement commands: `alter table orders add column …` as data, with byte places.
//!
//! The reader works on the splitter's tokens. It is total: whatever it does not know is
//! [`Command::Other`] with its leading words, and a part that it cannot follow ends as `Other` of
//! that part. It never judges whether PostgreSQL would take the statement; the server does that.
//! Expressions, queries and function bodies are kept as text with a place.

mod alter;
mod create;
mod cursor;
mod data;
mod drop;
mod effect;
mod model;
mod role;
mod routine;
mod table;

pub use effect::{Copy, CopyTarget, Escape, Grant, SetScope, Transaction};
pub use model::{
    AlterAction, AlterTable, ColumnConstraint, ColumnDef, Command, ConstraintDef, CreateIndex,
    CreateRoutine, CreateTable, CreateView, Drop, Name, ObjectKind, Part, References,
    TableConstraint,
};

use cursor::Tokens;

/// Reads one statement, as the splitter cuts it; places are bytes within `text`.
#[must_use]
pub fn read(text: &str) -> Command {
    let tokens = Tokens::new(text);
    let mut cursor = tokens.cursor();
    let command = match cursor.word() {
        Some("create") => create::read(&mut cursor),
        Some("alter") => alter::read(&mut cursor),
        Some("drop") => drop::read(&mut cursor),
        Some("truncate") => Some(drop::truncate(&mut cursor)),
        Some("grant" | "revoke") => role::grant(&mut cursor),
        Some("do") => routine::inline(&mut cursor),
        Some(_) => data::read(&mut cursor),
        None => None,
    };
    command.unwrap_or_else(|| Command::Other(other(text)))
}

/// What leaves the database within the body of a function or a `do` block, where it is written as
/// a statement; what is put together as text is not seen.
#[must_use]
pub fn escapes_within(body: &str) -> Vec<Escape> {
    let tokens = Tokens::new(body);
    let mut cursor = tokens.cursor();
    let mut found = Vec::new();
    while !cursor.at_end() {
        let mut statement = cursor.statement();
        let command = match statement.word() {
            Some("create") => create::read(&mut statement),
            Some("alter") => alter::read(&mut statement),
            Some("drop") => drop::read(&mut statement),
            Some("copy" | "load") => data::read(&mut statement),
            _ => None,
        };
        if let Some(Command::Escape(escape)) = command {
            found.push(escape);
        }
        cursor.advance();
    }
    found
}

/// The leading words of a statement that is not understood.
fn other(text: &str) -> String {
    let tokens = Tokens::new(text);
    let mut cursor = tokens.cursor();
    let mut words = Vec::new();
    while words.len() < 3
        && let Some(word) = cursor.word()
    {
        words.push(word.to_owned());
        cursor.advance();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests;
