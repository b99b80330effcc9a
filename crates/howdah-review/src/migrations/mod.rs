//! SQL files in the order in which their tool applies them, with what undoes them set apart.

mod convention;
mod depend;
pub(crate) mod drizzle;
mod marks;
mod natural;
mod parts;
pub(crate) mod rails;
mod sqitch;
mod template;

pub use convention::Convention;
pub(crate) use convention::{file_name, is_sql, is_version, numbered, parent};
pub use marks::Marks;
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
    let bare = bare_folders(&files);
    let ordered = convention.order(files);
    let mut cut: Vec<SqlFile> =
        ordered.into_iter().map(|file| parts::cut(convention, file)).collect();
    for file in &mut cut {
        let stem = convention.stem(&file.path);
        let undoes = |other: &&RawFile| convention.undoes(&other.path).as_ref() == Some(&stem);
        file.undo = undoing.iter().find(undoes).cloned();
        file.transactional &= !bare.contains(&stem);
    }
    cut
}

/// The folders whose `metadata.toml` tells diesel to apply them without a transaction.
fn bare_folders(files: &[RawFile]) -> Vec<String> {
    let bare = |text: &str| {
        text.lines().any(|line| {
            let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            line == "run_in_transaction=false"
        })
    };
    let about = files
        .iter()
        .filter_map(|file| file.path.strip_suffix("/metadata.toml").filter(|_| bare(&file.text)));
    about.map(str::to_owned).collect()
}

/// golang-migrate sends a file as it is: one statement alone is in no transaction. The files of
/// sqlx are called the same, so this is for projects without Rust.
pub(crate) fn as_golang_migrate(files: &mut [SqlFile]) {
    let marked = files.iter().any(|file| file.text.starts_with("-- no-transaction"));
    for file in files.iter_mut().filter(|file| !marked && file.path.ends_with(".up.sql")) {
        file.transactional &= !parts::is_bare(&file.text[file.up.clone()]);
    }
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
