//! SQL files in the order in which their tool applies them, with what undoes them set apart.

mod convention;
pub(crate) mod drizzle;
mod parts;
mod template;

pub use convention::Convention;
pub use template::Guess;

pub(crate) use template::fill;

use howdah_sql::{Lines, split};

use crate::facts::{Run, SqlFile, Statement};

/// A file as it lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFile {
    /// Its path from the folder, with slashes.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The files that are applied, in order.
#[must_use]
pub fn order(files: Vec<RawFile>) -> Vec<SqlFile> {
    let convention = Convention::detect(&files);
    let undoing: Vec<RawFile> =
        files.iter().filter(|file| convention.undoes(&file.path).is_some()).cloned().collect();
    let ordered = convention.order(files);
    let mut cut: Vec<SqlFile> =
        ordered.into_iter().map(|file| parts::cut(convention, file)).collect();
    for file in &mut cut {
        file.undo = undoing
            .iter()
            .find(|undoing| convention.undoes(&undoing.path) == Some(convention.stem(&file.path)))
            .cloned();
    }
    cut
}

/// The statements of all files, in order.
#[must_use]
pub fn statements(files: &[SqlFile]) -> Vec<Statement> {
    let mut all = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let lines = Lines::new(&file.text);
        let (found, _) = split(&file.text[file.up.clone()]);
        all.extend(found.into_iter().map(|statement| {
            let span = statement.span.start + file.up.start..statement.span.end + file.up.start;
            Statement {
                file: number,
                position: lines.position(span.start),
                span,
                command: howdah_sql::command::read(statement.text),
                needs_no_transaction: statement.needs_no_transaction()
                    && !statement.is_transaction_control(),
                run: Run::NotBuilt,
            }
        }));
    }
    all
}

#[cfg(test)]
mod tests;
