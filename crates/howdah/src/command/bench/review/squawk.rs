//! Squawk on the files of a design, and what becomes of each thing that it reports.
//!
//! Its program is run as it is; nothing of it is part of howdah.

use std::collections::BTreeMap;
use std::path::Path;
use std::process;

use howdah_error::{Error, Result};
use howdah_pg::{Connection, from_pg};
use howdah_review::build::{Scratch, build_before};
use howdah_review::facts::{Facts, Run, Statement, StatementId};
use howdah_review::{Finding, Report};
use howdah_sql::command::Command;
use serde::Deserialize;

use super::peers::{self, Check, Instance, Verdict};

/// What squawk prints of a finding; lines and columns count from 0.
#[derive(Debug, Deserialize)]
pub struct Reported {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub rule_name: String,
}

/// Runs it on the files of a folder.
pub fn run(program: &Path, folder: &Path, files: &[String]) -> Result<Vec<Reported>> {
    let program = program.canonicalize().map_err(|error| {
        Error::input(format!("could not find squawk at \"{}\"", program.display())).source(error)
    })?;
    let mut command = process::Command::new(program);
    command.current_dir(folder).args(["--reporter", "json"]).args(files);
    let output =
        command.output().map_err(|error| Error::input("could not start squawk").source(error))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::input("squawk did not print what was expected").source(error))
}

/// Where the answers are tried.
pub struct Court<'a> {
    pub scratch: &'a Scratch,
    /// The review of the files.
    pub report: &'a Report,
    /// Its findings and those of the built database.
    pub findings: &'a [&'a Finding],
    /// To the built database, as its superuser, prepared for the checks.
    pub connection: &'a Connection,
    /// Files that could be applied again after they were rolled back.
    pub again: BTreeMap<usize, bool>,
}

impl Court<'_> {
    /// What becomes of one finding of squawk.
    pub async fn judge(&mut self, checks: &[Check], reported: &Reported) -> Result<Verdict> {
        let place = format!("{}:{}", reported.file, reported.line + 1);
        let missed = Verdict::Missed(place);
        let Some(check) = checks.iter().find(|check| check.name == reported.rule_name) else {
            return Ok(missed);
        };
        let facts = &self.report.facts;
        let Some((id, statement)) = statement_at(facts, reported) else { return Ok(missed) };
        let column = column_at(facts, statement, reported);
        if let Some(verdict) = self.covered(check, reported, statement, column.as_deref()) {
            return Ok(verdict);
        }
        let disputed = match check.experiment.as_str() {
            "no lock by the statement" => !locks_its_table(facts, id),
            "no lock by the file" => {
                !facts.statements().any(|(id, s)| s.file == statement.file && locks(facts, id))
            }
            "run again" => self.runs_again(statement.file).await?,
            _ => {
                let made = statement.command.creates();
                let about = made.map(|(_, name)| name.plain()).unwrap_or_default();
                let instance = Instance { about, part: column };
                return peers::answered(self.connection, check, &instance).await;
            }
        };
        Ok(if disputed { Verdict::Disputed(check.answer.clone()) } else { missed })
    }

    /// A finding of a covering rule about the same statement, or one that speaks for all files.
    fn covered(
        &self,
        check: &Check,
        reported: &Reported,
        statement: &Statement,
        column: Option<&str>,
    ) -> Option<Verdict> {
        let in_statement = |finding: &Finding| {
            finding.place.as_ref().is_some_and(|place| {
                place.path == reported.file
                    && place.span.start < statement.span.end
                    && statement.span.start < place.span.end
            })
        };
        let for_all = ["lock-timeout-missing", "statement-timeout-missing"];
        let found = self.findings.iter().find(|finding| {
            let rule = finding.rule.name;
            let text = format!("{}\n{}", finding.subject, finding.message);
            let said = finding.detail.as_deref().unwrap_or_default();
            let names = |column| peers::has_word(&text, column) || peers::has_word(said, column);
            check.covered.iter().any(|covering| covering == rule)
                && (for_all.contains(&rule) || in_statement(finding) && column.is_none_or(names))
        });
        // What did not build is told as that.
        let failed = || {
            let rule = self.findings.iter().find(|finding| finding.rule.name == "does-not-build");
            rule.filter(|_| matches!(statement.run, Run::Failed(_)))
        };
        let found = found.or_else(failed)?;
        Some(Verdict::Reported(found.rule.name.to_owned()))
    }

    /// Whether a file that is one transaction can be applied after it was rolled back.
    async fn runs_again(&mut self, file: usize) -> Result<bool> {
        if let Some(known) = self.again.get(&file) {
            return Ok(*known);
        }
        let facts = &self.report.facts;
        let first = facts.statements().find(|(_, statement)| statement.file == file);
        let Some((first, _)) = first else { return Ok(false) };
        let database = self.scratch.database().await?;
        build_before(facts, first, &database).await?;
        let connection = database.admin().await?;
        let mut again = facts.files[file].transactional;
        for end in ["rollback", "commit"] {
            again &= run_file(&connection, facts, file).await?;
            again &= connection.batch_execute(end).await.is_ok();
        }
        connection.close().await;
        self.scratch.drop(database).await?;
        self.again.insert(file, again);
        Ok(again)
    }
}

/// Runs what of the file was built, in a transaction that stays open.
async fn run_file(connection: &Connection, facts: &Facts, file: usize) -> Result<bool> {
    let begun = connection.batch_execute("begin").await;
    begun.map_err(|error| from_pg("could not begin a transaction", &error))?;
    for (id, statement) in facts.statements() {
        if statement.file == file
            && matches!(statement.run, Run::Done(_))
            && connection.batch_execute(facts.text(id)).await.is_err()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the build saw the statement hold a lock for which writers wait.
fn locks(facts: &Facts, id: StatementId) -> bool {
    facts.trace(id).is_some_and(|trace| {
        trace.locks.iter().chain(&trace.held).any(|(_, mode)| mode.blocks_writes())
    })
}

/// Likewise on the table whose index it makes.
fn locks_its_table(facts: &Facts, id: StatementId) -> bool {
    let Command::CreateIndex(index) = &facts.statement(id).command else { return true };
    facts.trace(id).is_none_or(|trace| {
        trace
            .locks
            .iter()
            .chain(&trace.held)
            .any(|(table, mode)| mode.blocks_writes() && table.name.as_str() == index.table.last())
    })
}

/// The statement of that line, or the last one before it.
fn statement_at<'f>(facts: &'f Facts, reported: &Reported) -> Option<(StatementId, &'f Statement)> {
    let in_file = facts.statements().filter(|(_, s)| facts.files[s.file].path == reported.file);
    let mut before = in_file.filter(|(_, statement)| statement.position.line <= reported.line + 1);
    let first = before.next()?;
    Some(before.last().unwrap_or(first))
}

/// The name before the type that the finding points at.
fn column_at(facts: &Facts, statement: &Statement, reported: &Reported) -> Option<String> {
    if !reported.rule_name.starts_with("prefer-") || reported.rule_name.ends_with("stmts") {
        return None;
    }
    let line = facts.files[statement.file].text.lines().nth(reported.line)?;
    let before = line.get(..reported.column)?.trim_end();
    Some(before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?.to_owned())
}
