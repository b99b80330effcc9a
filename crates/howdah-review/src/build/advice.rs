//! Failures that have a known cause: what to say, and what works instead.

use howdah_catalog::Ident;
use howdah_sql::command::{ColumnConstraint, Command, CreateIndex, CreateTable, TableConstraint};

use super::{extensions, missing, newer};
use crate::facts::{Facts, Failure, StatementId};
use crate::finding::Level;

const BY_PARTITION: &str = "Make the index \"on only\" the parent, build it concurrently on each \
                            partition, and attach those to it.";

pub(super) const NOT_INSTALLED: &str =
    "It is not installed where the files were tried; what misses it is counted with it.";

/// What is known of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Sentences: what to do.
    pub hint: String,
    /// SQL to write instead; it is tried.
    pub instead: Option<String>,
    /// How much it matters, when it is not an error of the files.
    pub level: Option<Level>,
}

impl Advice {
    pub(super) fn new(hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), instead: None, level: None }
    }

    /// What is no fault of the files.
    pub(super) fn notice(hint: impl Into<String>) -> Self {
        Self { level: Some(Level::Notice), ..Self::new(hint) }
    }

    fn or_write(mut self, sql: Option<String>) -> Self {
        self.instead = sql;
        self
    }
}

/// What is known of the failure of a statement.
#[must_use]
pub fn advice(facts: &Facts, id: StatementId, failure: &Failure) -> Option<Advice> {
    let command = &facts.statement(id).command;
    let (message, text) = (failure.message.as_str(), facts.text(id));
    match (command, failure.sqlstate.as_str()) {
        (Command::CreateIndex(index), "42P17") if message.contains("predicate") => Some(
            Advice::new(
                "A predicate is decided once, when a row is written, so it cannot know the time or \
                 the session. Index the column, and compare it in the query.",
            )
            .or_write(without_predicate(text, index)),
        ),
        (Command::CreateIndex(index), "42P17") => Some(
            Advice::new(
                "The value depends on a setting of the session, such as the time zone. Name the \
                 time zone in the expression, and write it so in the query too.",
            )
            .or_write(in_utc(text, index)),
        ),
        (Command::CreateTable(table), "0A000") if message.contains("partitioned table must") => {
            Some(
                Advice::new(
                    "PostgreSQL keeps a key unique within each partition only; the key needs all \
                     columns of the partition key.",
                )
                .or_write(with_partition_key(text, table)),
            )
        }
        (Command::CreateIndex(_), "0A000") if message.contains("concurrently") => {
            Some(Advice::new(BY_PARTITION))
        }
        (_, "55P04") => Some(Advice::new(
            "A new value of an enum can be used when its transaction has ended: add it in a file \
             before this one.",
        )),
        (Command::CreateExtension { name }, "0A000" | "58P01" | "22023") => Some(extension(name)),
        (Command::CreateExtension { .. }, "42501") => Some(Advice::notice(
            "It reaches files, programs or other servers, so it was not made; what misses it \
                 is counted with it.",
        )),
        (_, "42501") if needs_superuser(failure) => Some(Advice::notice(
            "Only a superuser may do that; the files were tried as the owner of the database.",
        )),
        _ => newer_server(facts, id, failure).or_else(|| missing::advice(facts, id, failure)),
    }
}

/// What is wrong only for the server that the files were tried on.
fn newer_server(facts: &Facts, id: StatementId, failure: &Failure) -> Option<Advice> {
    let server = facts.server_version()?;
    let version = newer::needs(facts.text(id), failure, server)?;
    Some(Advice::notice(format!(
        "PostgreSQL {version} takes it; the files were tried on {}. What misses it is counted \
             with it.",
        server / 10_000
    )))
}

/// Whether the server asks for a superuser.
fn needs_superuser(failure: &Failure) -> bool {
    let asks = |text: &str| text.to_ascii_lowercase().contains("superuser");
    // A table of the catalog, or the triggers of foreign keys.
    failure.message.starts_with("permission denied for table pg_")
        || failure.message.ends_with("is a system trigger")
        || asks(&failure.message)
        || failure.hint.as_deref().is_some_and(asks)
}

fn extension(name: &str) -> Advice {
    if let Some(right) = extensions::meant(name) {
        return Advice::new(format!("The extension is called \"{right}\"."));
    }
    Advice::notice(NOT_INSTALLED)
}

/// The index without its predicate.
fn without_predicate(text: &str, index: &CreateIndex) -> Option<String> {
    let predicate = index.predicate.as_ref()?;
    let head = &text[..predicate.span.start];
    let at = head.to_ascii_lowercase().rfind("where")?;
    let parts: Vec<&str> = split_and(&predicate.text);
    let stays: Vec<&str> = parts.iter().copied().filter(|part| !reads_clock(part)).collect();
    if stays.is_empty() || stays.len() == parts.len() {
        return Some(text[..at].trim_end().to_owned());
    }
    Some(format!("{head}{}", stays.join(" and ")))
}

/// The parts of a conjunction; the whole when it is more than that.
fn split_and(text: &str) -> Vec<&str> {
    let lower = text.to_ascii_lowercase();
    if lower.contains(" or ") || lower.contains("between") || lower.contains("case") {
        return vec![text];
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in lower.match_indices(" and ") {
        parts.push(text[start..at].trim());
        start = at + " and ".len();
    }
    parts.push(text[start..].trim());
    parts
}

fn reads_clock(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["now()", "current_", "localtime", "clock_timestamp", "statement_timestamp"]
        .iter()
        .any(|word| text.contains(word))
}

/// The index with its times taken in UTC: `date_trunc('day', at)` and `at::date`.
fn in_utc(text: &str, index: &CreateIndex) -> Option<String> {
    for key in index.keys.iter().rev() {
        let lower = key.text.to_ascii_lowercase();
        let new = if let Some(at) = lower.find("date_trunc(") {
            let comma = at + key.text[at..].find(',')?;
            let close = comma + key.text[comma..].find(')')?;
            format!(
                "{} ({} at time zone 'UTC'){}",
                &key.text[..=comma],
                key.text[comma + 1..close].trim(),
                &key.text[close..]
            )
        } else if let Some(at) = lower.find("::date") {
            let column = key.text[..at].trim_start_matches('(').trim();
            format!("(({column} at time zone 'UTC')::date)")
        } else if let Some(column) = lower.strip_prefix("date(").and_then(|l| l.strip_suffix(')')) {
            format!("(({column} at time zone 'UTC')::date)")
        } else {
            continue;
        };
        return Some(format!("{}{new}{}", &text[..key.span.start], &text[key.span.end..]));
    }
    None
}

/// The table with the partition key in each of its keys.
fn with_partition_key(text: &str, table: &CreateTable) -> Option<String> {
    let by = &table.partition_by.as_ref()?.text;
    let inner = by.get(by.find('(')? + 1..by.rfind(')')?)?;
    let columns: Vec<&str> = inner.split(',').map(str::trim).collect();
    // Keys over expressions cannot be unique at all.
    if columns.iter().any(|column| column.contains(['(', ' '])) {
        return None;
    }
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut end = 0;
    for constraint in &table.constraints {
        end = end.max(constraint.span.end);
        let (TableConstraint::PrimaryKey(have) | TableConstraint::Unique(have)) =
            &constraint.constraint
        else {
            continue;
        };
        let more: Vec<&str> =
            columns.iter().copied().filter(|c| !have.iter().any(|have| have == c)).collect();
        let close = constraint.span.start + text[constraint.span.clone()].find(')')?;
        if !more.is_empty() {
            edits.push((close..close, format!(", {}", more.join(", "))));
        }
    }
    let mut added = String::new();
    for column in &table.columns {
        end = end.max(column.span.end);
        for (kind, words) in
            [(ColumnConstraint::PrimaryKey, "primary key"), (ColumnConstraint::Unique, "unique")]
        {
            if !column.has(&kind) {
                continue;
            }
            let lower = text[column.span.clone()].to_ascii_lowercase();
            let at = column.span.start + lower.rfind(words)?;
            edits.push((at..at + words.len(), String::new()));
            let rest = columns.iter().filter(|c| **c != column.name);
            let all: Vec<String> = std::iter::once(Ident::new(column.name.as_str()).to_string())
                .chain(rest.map(ToString::to_string))
                .collect();
            added.push_str(&format!(", {words} ({})", all.join(", ")));
        }
    }
    edits.push((end..end, added));
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = text.to_owned();
    for (span, new) in edits {
        text.replace_range(span, &new);
    }
    Some(text)
}
