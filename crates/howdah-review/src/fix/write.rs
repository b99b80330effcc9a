//! Fixes as migrations of the project's own convention.

use std::collections::BTreeMap;

use howdah_sql::split;

use super::instead::edited;
use crate::facts::SqlFile;
use crate::finding::Fix;
use crate::migrations::{Convention, RawFile, drizzle};
use crate::report::Report;
use crate::secret;

/// What parts the statements of a file for Drizzle.
const BREAKPOINT: &str = "--> statement-breakpoint\n";
/// What stands in the names of the files.
const NAME: &str = "review_fixes";

/// The files that `--fix` writes: for each statement that was not to be written so, its whole file
/// with the better one; for what is mended afterwards, new migrations behind the last.
///
/// The order is that in which they are applied.
#[must_use]
pub fn files(report: &Report) -> Vec<RawFile> {
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for finding in &report.findings {
        let statements = match &finding.fix {
            Some(Fix::After(statements)) => statements,
            Some(Fix::Instead(..)) => &finding.later,
            // No migration of a database sets the server.
            Some(Fix::Server(_)) | None => continue,
        };
        let message = finding.message.replace('\n', " ");
        let reason = format!("-- {} {}: {message}", finding.rule.code, finding.rule.name);
        for sql in statements {
            let text = format!("{reason}\n{sql};\n");
            // Each of these is a migration of its own: together they would be one transaction.
            if split(sql).0.iter().any(howdah_sql::Statement::needs_no_transaction) {
                alone.push(text);
            } else {
                together.push(text);
            }
        }
    }
    let raw: Vec<RawFile> = report
        .facts
        .files
        .iter()
        .map(|file| RawFile { path: file.path.clone(), text: file.text.clone() })
        .collect();
    let convention = report.facts.convention.unwrap_or_else(|| Convention::detect(&raw));
    let mut files = rewritten(report, convention);
    let mut place = Place::behind(convention, &raw);
    let mut new = Vec::new();
    if !together.is_empty() {
        let parting = if convention == Convention::Drizzle { BREAKPOINT } else { "\n" };
        new.push(place.next(&together.join(parting), true));
    }
    // Drizzle applies all of its files in one transaction, in which these cannot be.
    if convention != Convention::Drizzle {
        new.extend(alone.iter().map(|text| place.next(text, false)));
    }
    let journal = report.facts.journal.as_ref().filter(|_| !new.is_empty());
    files.extend(journal.and_then(|journal| drizzle::with(journal, &new)));
    files.extend(new);
    files
}

fn rewritten(report: &Report, convention: Convention) -> Vec<RawFile> {
    let all: Vec<usize> = (0..report.findings.len()).collect();
    let after = edited(&report.facts, &report.findings, &all);
    let before: BTreeMap<&str, &SqlFile> =
        report.facts.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let changed = after.files.into_iter().filter_map(|file| {
        let old = before.get(file.path.as_str())?;
        // A report holds no password, so such a file could not be written as it is.
        if old.text == file.text || !secret::passwords(&file.text).is_empty() {
            return None;
        }
        let text = if old.transactional && !file.transactional {
            without_transaction(convention, &file.text)?
        } else {
            file.text
        };
        Some(RawFile { path: file.path, text })
    });
    changed.collect()
}

/// The text with what tells the tool to apply it outside of a transaction, when the tool can.
fn without_transaction(convention: Convention, text: &str) -> Option<String> {
    match convention {
        Convention::Numbered => Some(format!("-- no-transaction\n{text}")),
        Convention::Marked(marks) => marks.without_transaction(text),
        Convention::Plain | Convention::Flyway => Some(text.to_owned()),
        Convention::Diesel | Convention::Prisma | Convention::Drizzle | Convention::Sqitch => None,
    }
}

/// Where the next migration goes.
struct Place {
    convention: Convention,
    /// The digits of the last number, with their width.
    number: u128,
    width: usize,
    /// `.up.sql` or `.sql`.
    ending: &'static str,
    last: String,
}

impl Place {
    fn behind(convention: Convention, files: &[RawFile]) -> Self {
        let digits = |path: &str| -> String {
            // The number of a folder, where each migration is one.
            let in_folder = matches!(convention, Convention::Diesel | Convention::Prisma);
            let name = if in_folder { path.rsplit('/').nth(1) } else { path.rsplit('/').next() };
            let name = name.unwrap_or(path);
            let name = name.strip_prefix('V').unwrap_or(name);
            name.chars()
                .take_while(|c| c.is_ascii_digit() || *c == '-')
                .filter(char::is_ascii_digit)
                .collect()
        };
        let last = files
            .iter()
            .map(|file| (digits(&file.path), file.path.as_str()))
            .max_by_key(|(digits, path)| (digits.parse::<u128>().unwrap_or(0), *path));
        let (digits, last) = last.unwrap_or_default();
        Self {
            convention,
            number: digits.parse().unwrap_or(0),
            width: digits.len(),
            ending: if last.ends_with(".up.sql") { ".up.sql" } else { ".sql" },
            last: last.to_owned(),
        }
    }

    fn next(&mut self, sql: &str, transactional: bool) -> RawFile {
        self.number += 1;
        let (number, width) = (self.number, self.width);
        let numbered = format!("{number:0width$}_{NAME}");
        let (path, head) = match self.convention {
            Convention::Diesel => (format!("{numbered}/up.sql"), ""),
            Convention::Prisma => (format!("{numbered}/migration.sql"), ""),
            Convention::Flyway => (format!("V{number}__{NAME}.sql"), ""),
            Convention::Marked(marks) => {
                let text = format!("{}\n{sql}", marks.written);
                let bare = || marks.without_transaction(&text).unwrap_or_else(|| text.clone());
                let text = if transactional { text.clone() } else { bare() };
                return RawFile { path: format!("{numbered}.sql"), text };
            }
            // A change has to be written into the plan too, by hand.
            Convention::Sqitch => (format!("deploy/{NAME}_{number}.sql"), ""),
            Convention::Numbered if transactional => (format!("{numbered}{}", self.ending), ""),
            Convention::Numbered => (format!("{numbered}{}", self.ending), "-- no-transaction\n"),
            Convention::Drizzle => (format!("{numbered}.sql"), ""),
            Convention::Plain => {
                // Behind the last by name: "_" sorts behind ".".
                let stem = self.last.strip_suffix(".sql").unwrap_or(&self.last);
                (format!("{stem}_{NAME}_{number}.sql"), "")
            }
        };
        RawFile { path, text: format!("{head}{sql}") }
    }
}
