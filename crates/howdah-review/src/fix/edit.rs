//! Files with fixes written into them.
//!
//! What cannot run in a transaction is written into its file when nothing else is in it. Else each
//! statement of the fix gets a file of its own right behind: the others stay together, and most
//! tools send what stands in one file as one transaction, whatever they are told.

use std::collections::BTreeMap;
use std::ops::Range;

use howdah_sql::command::Command;

use crate::facts::{Facts, SqlFile};
use crate::finding::{Finding, Fix};
use crate::migrations;

/// The file behind all others, with what fixes leave to a later migration.
const LATER: &str = "~review_fixes.sql";
/// What the path of a file ends with that stands behind another; it gives the file no version.
const BEHIND: &str = "/~alone";

/// The file behind which another stands; any other path is its own.
pub(super) fn origin(path: &str) -> &str {
    path.strip_suffix(BEHIND).unwrap_or(path)
}

/// Whether a file was not there before.
pub(super) fn is_behind(file: &SqlFile) -> bool {
    file.path.ends_with(BEHIND)
}

/// Whether one of the statements cannot run in a transaction.
pub(super) fn needs_no_transaction(sql: &str) -> bool {
    howdah_sql::split(sql).0.iter().any(howdah_sql::Statement::needs_no_transaction)
}

/// Better statements for one of a file.
struct Edit {
    span: Range<usize>,
    statements: Vec<String>,
}

/// The facts of the files with these fixes written into them.
pub(super) fn edited(facts: &Facts, findings: &[Finding], which: &[usize]) -> Facts {
    let mut edits = edits(facts, findings, which);
    let mut files = Vec::with_capacity(facts.files.len());
    for (number, file) in facts.files.iter().enumerate() {
        let Some(edits) = edits.remove(&number) else {
            files.push(file.clone());
            continue;
        };
        let (file, behind) = rewritten(file.clone(), edits, statements_of(facts, number) > 1);
        files.push(file);
        files.extend(behind);
    }
    let later: Vec<&str> =
        which.iter().flat_map(|at| &findings[*at].later).map(String::as_str).collect();
    if !later.is_empty() {
        files.push(new_file(LATER.to_owned(), &later, true));
    }
    let statements = migrations::statements(&files);
    Facts {
        target: facts.target.clone(),
        today: facts.today.clone(),
        files,
        statements,
        convention: facts.convention,
        guesses: facts.guesses.clone(),
        // Source is looked at once; no fix changes it.
        models: facts.models.clone(),
        ..Facts::default()
    }
}

/// What is to be written into each file, from its end, so that the places of earlier ones stay.
fn edits(facts: &Facts, findings: &[Finding], which: &[usize]) -> BTreeMap<usize, Vec<Edit>> {
    let mut all: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    for at in which {
        let Some(Fix::Instead(id, statements)) = &findings[*at].fix else { continue };
        let statement = facts.statement(*id);
        let edit = Edit { span: statement.span.clone(), statements: statements.clone() };
        all.entry(statement.file).or_default().push(edit);
    }
    for edits in all.values_mut() {
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        edits.dedup_by_key(|edit| edit.span.start);
    }
    all
}

/// How many statements a file has that do something.
fn statements_of(facts: &Facts, number: usize) -> usize {
    let others = facts.statements.iter().filter(|statement| {
        statement.file == number && !matches!(statement.command, Command::Transaction(_))
    });
    others.count()
}

/// The file with the edits, and the files behind it; `others`: it has more than one statement.
fn rewritten(mut file: SqlFile, edits: Vec<Edit>, others: bool) -> (SqlFile, Vec<SqlFile>) {
    let mut behind: Vec<String> = Vec::new();
    let transactional = file.transactional;
    for Edit { mut span, mut statements } in edits {
        if transactional && statements.iter().any(|sql| needs_no_transaction(sql)) {
            let stay = statements.len().min(usize::from(!others));
            behind.splice(0..0, statements.split_off(stay));
        }
        let text = statements.join(";\n");
        if needs_no_transaction(&text) {
            file.transactional = false;
        }
        if statements.is_empty() {
            // Its semicolon goes with it.
            let rest = &file.text[span.end..file.up.end];
            let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            span.end += blank + usize::from(rest[blank..].starts_with(';'));
        }
        file.up.end = file.up.end + text.len() - span.len();
        if let Some(down) = file.down.as_mut().filter(|down| down.start >= span.end) {
            *down = down.start + text.len() - span.len()..down.end + text.len() - span.len();
        }
        file.text.replace_range(span, &text);
    }
    let path = format!("{}{BEHIND}", file.path);
    let behind =
        behind.iter().map(|sql| new_file(path.clone(), &[sql], !needs_no_transaction(sql)));
    let behind = behind.collect();
    (file, behind)
}

fn new_file(path: String, statements: &[&str], transactional: bool) -> SqlFile {
    let text = format!("{};\n", statements.join(";\n"));
    SqlFile { path, up: 0..text.len(), text, down: None, undo: None, transactional }
}
