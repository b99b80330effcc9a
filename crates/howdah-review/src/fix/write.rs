//! Fixes as migrations of the project's own convention.

use std::collections::BTreeMap;

use super::edit::{self, edited};
use crate::facts::SqlFile;
use crate::finding::Fix;
use crate::migrations::{Convention, RawFile, drizzle, file_name, numbered, rails};
use crate::report::Report;
use crate::secret;

/// What parts the statements of a file for Drizzle.
const BREAKPOINT: &str = "--> statement-breakpoint\n";
/// What stands in the names of the files.
const NAME: &str = "review_fixes";
/// And in those of files for what was taken out of another.
const ALONE: &str = "alone";

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
            if edit::needs_no_transaction(sql) {
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
    let mut files = rewritten(report, convention, &raw);
    let mut place = Place::behind(convention, &raw);
    let mut new = Vec::new();
    if !together.is_empty() {
        let parting = if convention == Convention::Drizzle { BREAKPOINT } else { "\n" };
        new.push(place.next(&together.join(parting), true));
    }
    // Drizzle applies all of its files in one transaction, in which these cannot be.
    if convention != Convention::Drizzle {
        for text in &alone {
            new.extend(told(convention, place.next(text, false), false));
        }
    }
    let journal = report.facts.journal.as_ref().filter(|_| !new.is_empty());
    files.extend(journal.and_then(|journal| drizzle::with(journal, &new)));
    files.extend(new);
    files
}

fn rewritten(report: &Report, convention: Convention, raw: &[RawFile]) -> Vec<RawFile> {
    let all: Vec<usize> = (0..report.findings.len()).collect();
    let after = edited(&report.facts, &report.findings, &all);
    let before: BTreeMap<&str, &SqlFile> =
        report.facts.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut files = Vec::new();
    let mut after = after.files.into_iter().peekable();
    while let Some(file) = after.next() {
        let behind: Vec<SqlFile> = std::iter::from_fn(|| after.next_if(edit::is_behind)).collect();
        let Some(old) = before.get(file.path.as_str()) else { continue };
        // A report holds no password, so such a file could not be written as it is; nor could the
        // Ruby that was read as SQL.
        let changed = old.text != file.text && !rails::is_schema(&file.path);
        if !changed || !secret::passwords(&file.text).is_empty() {
            continue;
        }
        let named = |(nth, behind): (usize, &SqlFile)| {
            let path = right_behind(convention, raw, &file.path, nth + 1)?;
            let text = head(convention, &behind.text, behind.transactional);
            Some((RawFile { path, text }, behind.transactional))
        };
        // Without a place for what is taken out of it the file stays as it is.
        let Some(behind) = behind.iter().enumerate().map(named).collect::<Option<Vec<_>>>() else {
            continue;
        };
        let bare = old.transactional && !file.transactional;
        let text = if bare { without_transaction(convention, &file.text) } else { Some(file.text) };
        let Some(text) = text else { continue };
        files.extend(told(convention, RawFile { path: file.path, text }, !bare));
        for (behind, transactional) in behind {
            files.extend(told(convention, behind, transactional));
        }
    }
    files
}

/// The path of the `nth` migration between one and the next; `None` where there is no room for it.
fn right_behind(convention: Convention, raw: &[RawFile], path: &str, nth: usize) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let beside = |name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    let version = convention.version(path);
    let path = match convention {
        Convention::Flyway => {
            let title = name.split_once("__")?.1;
            beside(format!("V{}.{nth}__{ALONE}_{title}", version?))
        }
        Convention::Prisma => format!("{folder}_{ALONE}_{nth}/{name}"),
        Convention::Numbered | Convention::Diesel | Convention::Marked(_) => {
            let next = version?.parse::<u128>().ok()? + nth as u128;
            let named = if convention == Convention::Diesel { file_name(folder) } else { name };
            let (digits, title) = numbered(named);
            let (width, title) = (digits.len(), title.trim_start_matches('_'));
            let new = format!("{next:0>width$}_{ALONE}_{title}");
            match (convention, folder.rsplit_once('/')) {
                (Convention::Diesel, Some((above, _))) => format!("{above}/{new}/{name}"),
                (Convention::Diesel, None) => format!("{new}/{name}"),
                _ => beside(new),
            }
        }
        Convention::Plain | Convention::Drizzle | Convention::Sqitch => return None,
    };
    let version = convention.version(&path);
    let same = |other: &RawFile| version.is_some() && convention.version(&other.path) == version;
    (!raw.iter().any(same)).then_some(path)
}

/// The file, and before it what tells the tool beside it that it is applied outside of
/// a transaction.
fn told(
    convention: Convention,
    file: RawFile,
    transactional: bool,
) -> impl Iterator<Item = RawFile> {
    let diesel = convention == Convention::Diesel && !transactional;
    let folder = file.path.strip_suffix("/up.sql").filter(|_| diesel);
    let beside = folder.map(|folder| RawFile {
        path: format!("{folder}/metadata.toml"),
        text: "run_in_transaction = false\n".to_owned(),
    });
    beside.into_iter().chain([file])
}

/// The text with what tells the tool to apply it outside of a transaction, when the tool can and is
/// not [`told`] beside it.
fn without_transaction(convention: Convention, text: &str) -> Option<String> {
    match convention {
        Convention::Numbered => Some(format!("-- no-transaction\n{text}")),
        Convention::Marked(marks) => marks.without_transaction(text),
        Convention::Plain | Convention::Flyway | Convention::Diesel | Convention::Prisma => {
            Some(text.to_owned())
        }
        Convention::Drizzle | Convention::Sqitch => None,
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
            numbered(name).0
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
        let path = match self.convention {
            Convention::Diesel => format!("{numbered}/up.sql"),
            Convention::Prisma => format!("{numbered}/migration.sql"),
            Convention::Flyway => format!("V{number}__{NAME}.sql"),
            Convention::Marked(_) | Convention::Drizzle => format!("{numbered}.sql"),
            // A change has to be written into the plan too, by hand.
            Convention::Sqitch => format!("deploy/{NAME}_{number}.sql"),
            Convention::Numbered => format!("{numbered}{}", self.ending),
            Convention::Plain => {
                // Behind the last by name: "_" sorts behind ".".
                let stem = self.last.strip_suffix(".sql").unwrap_or(&self.last);
                format!("{stem}_{NAME}_{number}.sql")
            }
        };
        RawFile { path, text: head(self.convention, sql, transactional) }
    }
}

/// The text of a new file: behind the marks of the tool, and what tells it that the file is applied
/// outside of a transaction.
fn head(convention: Convention, sql: &str, transactional: bool) -> String {
    match convention {
        Convention::Marked(marks) => {
            let text = format!("{}\n{sql}", marks.written);
            let bare = (!transactional).then(|| marks.without_transaction(&text)).flatten();
            bare.unwrap_or(text)
        }
        Convention::Numbered if !transactional => format!("-- no-transaction\n{sql}"),
        _ => sql.to_owned(),
    }
}
