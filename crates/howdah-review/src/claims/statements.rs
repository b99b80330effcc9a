//! The SQL of a review is run on a copy of the target, a copy a block: does it run, does it change
//! anything, is it there already, which findings does it mend or bring.

use std::collections::BTreeMap;

use howdah_catalog::{Catalog, Constraint, ConstraintKind, Relation};
use howdah_error::Result;
use howdah_sql::Lines;
use howdah_sql::command::{Command, Escape};

use super::document::{Block, Document, begins_as_sql, normal};
use super::{Claim, Ground, Verdict};
use crate::build::{ScratchDatabase, Session};
use crate::facts::{Facts, Failure};
use crate::{copy, review};

/// Languages of code blocks that hold SQL.
const SQL: &[&str] = &["sql", "postgresql", "postgres", "pgsql", "plpgsql", "inline"];
/// SQLSTATE: the login may not do this.
const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// No statement of a review may take longer.
const LIMIT: &str = "set statement_timeout to '60s'";
/// Shorter texts are found in the target by chance.
const QUOTED: usize = 20;

/// A statement of the review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementResult {
    /// Its line in the review.
    pub line: usize,
    /// Its text.
    pub sql: String,
    /// What came of it.
    pub came: Came,
}

/// What came of a statement of the review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// It was not run: why.
    NotRun(String),
    /// It failed.
    Failed {
        /// The SQLSTATE.
        sqlstate: String,
        /// The server's message.
        message: String,
        /// Why, when more is known than the message says.
        cause: Option<String>,
    },
    /// It ran.
    Ran {
        /// Whether the definition of anything changed; `None` for what only reads or writes rows.
        changed: Option<bool>,
        /// What does the same already.
        duplicates: Vec<String>,
        /// Messages of findings that are gone after it.
        mends: Vec<String>,
        /// Messages of findings that it brings.
        brings: Vec<String>,
    },
}

/// Shows indexes and foreign keys of one table that are the same, after the statements were run.
const REPEATED: &str = "\
select 'index', i.indexrelid::regclass::text, j.indexrelid::regclass::text
from pg_index i
join pg_index j on j.indrelid = i.indrelid and j.indexrelid > i.indexrelid
  and j.indkey::text = i.indkey::text and j.indclass::text = i.indclass::text
  and j.indoption::text = i.indoption::text
  and pg_get_expr(j.indpred, j.indrelid) is not distinct from pg_get_expr(i.indpred, i.indrelid)
  and pg_get_expr(j.indexprs, j.indrelid) is not distinct from pg_get_expr(i.indexprs, i.indrelid)
where i.indrelid >= 16384
union all
select 'foreign key', a.conname, b.conname
from pg_constraint a
join pg_constraint b on b.contype = 'f' and b.conrelid = a.conrelid and b.oid > a.oid
  and b.conkey = a.conkey and b.confrelid = a.confrelid and b.confkey = a.confkey
where a.contype = 'f'";

/// Runs the statements of all blocks.
pub(super) async fn run(ground: &Ground<'_>, document: &Document) -> Result<Vec<StatementResult>> {
    let mut results = Vec::new();
    for block in blocks(document) {
        run_block(ground, &block, &mut results).await?;
    }
    results.sort_by_key(|result: &StatementResult| result.line);
    Ok(results)
}

/// What the review proposes as missing and the target has: a claim, with each line that makes it.
pub(super) fn there_already(results: &[StatementResult]) -> Option<Claim> {
    let repeated: Vec<(&StatementResult, &[String])> = results
        .iter()
        .filter_map(|result| match &result.came {
            Came::Ran { duplicates, .. } if !duplicates.is_empty() => {
                Some((result, duplicates.as_slice()))
            }
            _ => None,
        })
        .collect();
    let (first, _) = repeated.first()?;
    let named: Vec<String> = repeated.iter().flat_map(|(_, names)| names.iter().cloned()).collect();
    Some(Claim {
        kind: "proposed_is_missing".to_owned(),
        claim: "what is proposed is not there yet".to_owned(),
        lines: repeated.iter().map(|(result, _)| result.line).collect(),
        quote: first.sql.split_whitespace().collect::<Vec<_>>().join(" "),
        verdict: Verdict::False,
        reason: format!("The target has it already: {}.", named.join(", ")),
        reproducer: Some(REPEATED.to_owned()),
    })
}

/// Blocks of SQL, with those that stand within other code.
fn blocks(document: &Document) -> Vec<Block> {
    let mut found = Vec::new();
    for block in &document.blocks {
        let bare = block.language.is_empty() && begins_as_sql(&block.text);
        if bare || SQL.contains(&block.language.as_str()) {
            found.push(block.clone());
            continue;
        }
        // A template that is tagged as SQL, or that begins as a statement does.
        let mut line = block.line;
        for (at, piece) in block.text.split('`').enumerate() {
            let words = piece.split_whitespace().count();
            if at % 2 == 1 && begins_as_sql(piece) && words > 2 {
                let before = piece.len() - piece.trim_start().len();
                let begin = line + piece[..before].matches('\n').count();
                let text = piece.trim().to_owned();
                found.push(Block { line: begin, language: "sql".into(), text, ..block.clone() });
            }
            line += piece.matches('\n').count();
        }
    }
    found
}

async fn run_block(
    ground: &Ground<'_>,
    block: &Block,
    results: &mut Vec<StatementResult>,
) -> Result<()> {
    let lines = Lines::new(&block.text);
    let (statements, _) = howdah_sql::split(&block.text);
    let mut todo = Vec::new();
    for statement in statements {
        let line = block.line + lines.position(statement.span.start).line - 1;
        let sql = statement.text.to_owned();
        match reason_not_to_run(ground, &sql) {
            Some(why) => results.push(StatementResult { line, sql, came: Came::NotRun(why) }),
            None => todo.push((line, sql)),
        }
    }
    if todo.is_empty() {
        return Ok(());
    }
    let database = ground.scratch.copy(ground.built).await?;
    let mut session = Session::open(&database).await?;
    session.run(LIMIT).await?;
    let mut seen = Seen::of(ground);
    let mut failed: Vec<String> = Vec::new();
    for (line, sql) in todo {
        let came = run_one(&sql, &database, &mut session, &mut seen, &failed).await?;
        if matches!(came, Came::Failed { .. })
            && let Some((_, name)) = howdah_sql::command::read(&sql).creates()
        {
            failed.push(name.last().to_owned());
        }
        results.push(StatementResult { line, sql, came });
    }
    session.close().await;
    ground.scratch.drop(database).await
}

fn reason_not_to_run(ground: &Ground<'_>, sql: &str) -> Option<String> {
    let words = normal(sql);
    let quoted = ground
        .facts
        .files
        .iter()
        .find(|file| words.len() >= QUOTED && normal(&file.text).contains(words.as_str()));
    if let Some(file) = quoted {
        return Some(format!("it is quoted from {}", file.path));
    }
    if !begins_as_sql(sql) {
        return Some("it is a part of a statement".to_owned());
    }
    match howdah_sql::command::read(sql) {
        Command::Escape(Escape::CreateRole(_)) => None,
        Command::Escape(_) => Some("its effect would leave the database".to_owned()),
        _ => None,
    }
}

/// What is known before a statement, to be compared with what is known after it.
struct Seen {
    facts: Facts,
    findings: BTreeMap<String, String>,
}

impl Seen {
    fn of(ground: &Ground<'_>) -> Self {
        let facts = ground.facts.clone();
        let findings = findings(&facts);
        Self { facts, findings }
    }
}

fn findings(facts: &Facts) -> BTreeMap<String, String> {
    let found = review::check(facts).into_iter();
    found.map(|finding| (finding.fingerprint, finding.message)).collect()
}

async fn run_one(
    sql: &str,
    database: &ScratchDatabase,
    session: &mut Session<'_>,
    seen: &mut Seen,
    failed: &[String],
) -> Result<Came> {
    let command = howdah_sql::command::read(sql);
    if let Command::Escape(Escape::CreateRole(role)) = &command {
        session.make_role(role).await?;
        return Ok(Came::NotRun("its effect would leave the database".to_owned()));
    }
    if let Some(failure) = session.run(sql).await? {
        if let Command::CreateExtension { name } = &command
            && session.make_extension(name, sql).await?
        {
            return Ok(ran(None));
        }
        if failure.sqlstate == INSUFFICIENT_PRIVILEGE {
            // Nothing under review runs as a superuser.
            let why = "it needs more rights than the owner of a database has";
            return Ok(Came::NotRun(why.to_owned()));
        }
        let cause = cause(sql, &failure, failed);
        return Ok(Came::Failed { sqlstate: failure.sqlstate, message: failure.message, cause });
    }
    let reads = matches!(
        command,
        Command::Query
            | Command::Insert { .. }
            | Command::Update { .. }
            | Command::Delete { .. }
            | Command::Set { .. }
            | Command::Transaction(_)
    );
    if reads {
        return Ok(ran(None));
    }
    compare(database, seen).await
}

fn ran(changed: Option<bool>) -> Came {
    Came::Ran { changed, duplicates: Vec::new(), mends: Vec::new(), brings: Vec::new() }
}

async fn compare(database: &ScratchDatabase, seen: &mut Seen) -> Result<Came> {
    let connection = database.connect().await?;
    let mut after = howdah_pg::introspect(&connection).await?;
    connection.close().await;
    if let Some(before) = seen.facts.catalog.as_ref().filter(|_| seen.facts.live) {
        copy::overlay(&mut after, before);
    }
    let before = seen.facts.catalog.replace(after);
    let (Some(before), Some(after)) = (before, &seen.facts.catalog) else {
        return Ok(ran(None));
    };
    if definitions(&before) == definitions(after) {
        return Ok(ran(Some(false)));
    }
    let duplicates = duplicates(&before, after);
    let found = findings(&seen.facts);
    let gone = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        let gone = a.iter().filter(|(key, _)| !b.contains_key(*key));
        gone.map(|(_, message)| message.clone()).collect::<Vec<_>>()
    };
    let (mends, brings) = (gone(&seen.findings, &found), gone(&found, &seen.findings));
    seen.findings = found;
    Ok(Came::Ran { changed: Some(true), duplicates, mends, brings })
}

/// What is defined, without what merely counts rows.
fn definitions(catalog: &Catalog) -> String {
    let mut text = String::new();
    for relation in catalog.relations.values() {
        text.push_str(&format!(
            "{} {:?} {} {} {:?} {:?} {:?} {:?} {:?}\n",
            relation.name,
            relation.comment,
            relation.row_security,
            relation.force_row_security,
            relation.options,
            relation.definition,
            relation.constraints,
            relation.policies,
            relation.triggers,
        ));
        for column in &relation.columns {
            let (kind, default) = (&column.type_name, &column.default);
            let name = column.name.as_str();
            text.push_str(&format!("{name} {kind} {} {default:?}\n", column.not_null));
        }
        for index in &relation.indexes {
            text.push_str(&format!("{} {}\n", index.definition, index.valid));
        }
    }
    for function in &catalog.functions {
        text.push_str(&format!("{} {} {}\n", function.name, function.arguments, function.body));
    }
    let rest = (&catalog.schemas, &catalog.types, &catalog.extensions, &catalog.grants);
    text + &format!("{rest:?}")
}

/// What the new indexes and foreign keys repeat.
fn duplicates(before: &Catalog, after: &Catalog) -> Vec<String> {
    let mut found = Vec::new();
    for table in after.relations.values() {
        let old = before.relations.get(&table.name);
        let is_old = |name: &str| {
            old.is_some_and(|old| {
                old.indexes.iter().any(|index| index.name.as_str() == name)
                    || old.constraints.iter().any(|one| one.name.as_str() == name)
            })
        };
        for index in table.indexes.iter().filter(|index| !is_old(index.name.as_str())) {
            let keys = |definition: &str| {
                let from = definition.find(" USING ").unwrap_or(0);
                definition[from..].to_owned()
            };
            let same = table.indexes.iter().find(|other| {
                other.name != index.name
                    && keys(&other.definition) == keys(&index.definition)
                    && (other.unique || !index.unique)
            });
            found.extend(same.map(|other| format!("index \"{}\"", other.name.as_str())));
        }
        found.extend(repeated_keys(table, &is_old));
    }
    found
}

fn repeated_keys(table: &Relation, is_old: &dyn Fn(&str) -> bool) -> Vec<String> {
    let foreign: Vec<&Constraint> =
        table.constraints.iter().filter(|one| one.kind == ConstraintKind::ForeignKey).collect();
    let new = foreign.iter().filter(|one| !is_old(one.name.as_str()));
    new.filter_map(|one| {
        let same = foreign.iter().find(|other| {
            other.name != one.name
                && other.columns == one.columns
                && other.references == one.references
                && other.referenced_columns == one.referenced_columns
        })?;
        Some(format!("foreign key \"{}\"", same.name.as_str()))
    })
    .collect()
}

fn cause(sql: &str, failure: &Failure, failed: &[String]) -> Option<String> {
    if let Some(name) = failed.iter().find(|name| failure.message.contains(&format!("\"{name}\"")))
    {
        return Some(format!("the statement before that would have made \"{name}\" failed"));
    }
    if failure.sqlstate == "42601" && ["...", "${", "<"].iter().any(|mark| sql.contains(mark)) {
        return Some("it holds a placeholder".to_owned());
    }
    match failure.sqlstate.as_str() {
        "42P01" | "3F000" | "42704" | "42883" => Some("the target has no such object".to_owned()),
        "42703" => Some("there is no such column".to_owned()),
        _ => None,
    }
}
