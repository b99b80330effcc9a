//! Fixes that are written instead of a statement: the files are built anew with them.

use std::collections::{BTreeMap, BTreeSet};

use howdah_catalog::{Ident, Relation};
use howdah_error::Result;
use howdah_sql::command::{AlterAction, Command};

use super::edit::{self, edited};
use super::weed::{Bad, weed};
use super::{Withdrawn, fixed_by, withdraw};
use crate::build::{self, Scratch, ScratchDatabase, Session};
use crate::facts::{self, Facts, Run};
use crate::finding::{Finding, Fix};
use crate::review;

/// SQLSTATEs: there is no such table, no such constraint, no such schema.
const GONE: [&str; 3] = ["42P01", "42704", "3F000"];

/// Fixes that are written instead of a statement: the files are built anew with all of them.
pub(super) async fn run(
    scratch: &Scratch,
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &mut [Finding],
    withdrawn: &mut Vec<Withdrawn>,
) -> Result<()> {
    let fixes = fixed_by(findings, |fix| matches!(fix, Fix::Instead(..)));
    if fixes.is_empty() {
        return Ok(());
    }
    drop_needless(built, facts, findings, &fixes).await?;
    let mending = mending(facts, findings, &fixes);
    let rebuilt = if mending.is_empty() {
        None
    } else {
        Some(rebuilt(scratch, edited(facts, findings, &mending)).await?)
    };
    let mended = rebuilt.as_ref().unwrap_or(facts);
    let was = review::check(facts);
    // What is only supposed is nothing new before it was tried.
    let mut known = count(&was, false);
    for (key, number) in count(&review::check(mended), false) {
        let most = known.entry(key).or_default();
        *most = number.max(*most);
    }
    let trials = Trials { scratch, facts, findings, known, failing: failing(facts) };
    let statements = facts.statements.len();
    let weeded = weed(fixes, statements, async |set: &[usize]| trials.run(set).await).await?;
    for (at, reason) in weeded.guilty {
        withdraw(&mut findings[at], reason, withdrawn);
    }
    let is = weeded.trial.unwrap_or_default();
    withdraw_useless(findings, weeded.kept, (&was, &is), withdrawn);
    Ok(())
}

/// Drops what a fix leaves to a later migration where nothing is left to do at the end of all
/// files, since one of them took the table or the constraint away; a table that only got another
/// name is called by that.
async fn drop_needless(
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &mut [Finding],
    fixes: &[usize],
) -> Result<()> {
    let mut session = Session::open(built).await?;
    session.begin().await?;
    for &at in fixes {
        let was_run = |id| matches!(facts.statement(id).run, Run::Done(_));
        if !matches!(findings[at].fix, Some(Fix::Instead(id, _)) if was_run(id)) {
            continue;
        }
        let mut needed = Vec::new();
        for sql in std::mem::take(&mut findings[at].later) {
            let failure = session.run(&sql).await?;
            if failure.is_some_and(|failure| GONE.contains(&failure.sqlstate.as_str())) {
                needed.extend(by_new_name(facts, &sql));
            } else {
                needed.push(sql);
            }
        }
        findings[at].later = needed;
    }
    session.roll_back().await?;
    session.close().await;
    Ok(())
}

/// The validation of a constraint whose table was renamed; `None` when no table has it any more.
fn by_new_name(facts: &Facts, sql: &str) -> Option<String> {
    let Command::AlterTable(table) = howdah_sql::command::read(sql) else { return None };
    let [(AlterAction::ValidateConstraint(name), _)] = table.actions.as_slice() else {
        return None;
    };
    let has =
        |relation: &&Relation| relation.constraints.iter().any(|one| one.name.as_str() == name);
    let mut tables = facts.catalog.as_ref()?.relations.values().filter(has);
    let (table, None) = (tables.next()?, tables.next()) else { return None };
    Some(format!("alter table {} validate constraint {}", table.name, Ident::new(name.as_str())))
}

/// Builds of the files with some fixes written into them, and what is compared.
struct Trials<'a> {
    scratch: &'a Scratch,
    facts: &'a Facts,
    findings: &'a [Finding],
    /// What is found in the files as they are or with the failing statements mended: the more.
    known: BTreeMap<Key, usize>,
    /// The statements that fail in the files as they are.
    failing: Vec<(String, String)>,
}

impl Trials<'_> {
    /// What is found in the files with the fixes of `set`, or why they are worse.
    async fn run(&self, set: &[usize]) -> Result<std::result::Result<Vec<Finding>, Bad>> {
        let edited = rebuilt(self.scratch, edited(self.facts, self.findings, set)).await?;
        let found = review::check(&edited);
        let counts = count(&found, false);
        let known = |key| self.known.get(key).copied().unwrap_or(0);
        let more = counts.iter().filter(|(key, number)| known(*key) < **number);
        let new: Vec<&Key> = more.map(|(key, _)| key).collect();
        let failing = failing(&edited);
        let why = if failing.len() > self.failing.len() {
            "with it the files do not build"
        } else if new.is_empty() {
            return Ok(Ok(found));
        } else {
            "it brings a new finding"
        };
        let newly: Vec<&(String, String)> =
            failing.iter().filter(|one| !self.failing.contains(*one)).collect();
        let worse: BTreeSet<&str> = newly
            .iter()
            .map(|(path, _)| edit::origin(path))
            .chain(new.iter().filter_map(|key| key.1.as_deref()))
            .collect();
        // A table may be found wanting where it was made, for a fix of a later file.
        let tables: BTreeSet<&str> = found
            .iter()
            .filter(|finding| new.contains(&&key_of(finding)))
            .filter_map(|finding| finding.subject.table())
            .map(|table| table.name.as_str())
            .collect();
        let is_suspect = |at: &usize| {
            let finding = &self.findings[*at];
            let of_table = || match &finding.fix {
                Some(Fix::Instead(id, _)) => {
                    let name = self.facts.statement(*id).command.table();
                    name.is_some_and(|name| tables.contains(name.last()))
                }
                _ => false,
            };
            finding.place.as_ref().is_some_and(|place| worse.contains(place.path.as_str()))
                || newly.iter().any(|(_, text)| finding.later.contains(text))
                || of_table()
        };
        Ok(Err(Bad { why, suspects: set.iter().copied().filter(is_suspect).collect() }))
    }
}

/// The fixes of statements that fail. With those mended there is more to find, which is nothing
/// that a fix brought.
fn mending(facts: &Facts, findings: &[Finding], fixes: &[usize]) -> Vec<usize> {
    let fails = |at: &usize| match &findings[*at].fix {
        Some(Fix::Instead(id, _)) => matches!(facts.statement(*id).run, Run::Failed(_)),
        _ => false,
    };
    fixes.iter().copied().filter(fails).collect()
}

/// Takes back the fixes after which as much is found as before.
fn withdraw_useless(
    findings: &mut [Finding],
    kept: Vec<usize>,
    (was, is): (&[Finding], &[Finding]),
    withdrawn: &mut Vec<Withdrawn>,
) {
    let (before, after) = (count(was, true), count(is, true));
    for at in kept {
        let key = key_of(&findings[at]);
        let fewer = after.get(&key).copied().unwrap_or(0) < before.get(&key).copied().unwrap_or(0);
        if !fewer {
            withdraw(&mut findings[at], "the finding is still there", withdrawn);
        }
    }
}

/// The statements that fail: file and text.
fn failing(facts: &Facts) -> Vec<(String, String)> {
    let fails = |one: &&facts::Statement| matches!(one.run, Run::Failed(_));
    let failing = facts.statements.iter().filter(fails);
    let told = failing.map(|one| {
        let file = &facts.files[one.file];
        (file.path.clone(), file.text[one.span.clone()].to_owned())
    });
    told.collect()
}

/// What is counted: a rule and a file.
type Key = (&'static str, Option<String>);

/// Findings by rule and file; with `supposed` those too whose experiment is still to come.
fn count(found: &[Finding], supposed: bool) -> BTreeMap<Key, usize> {
    let mut counts = BTreeMap::new();
    for finding in found.iter().filter(|finding| supposed || finding.experiment.is_none()) {
        *counts.entry(key_of(finding)).or_default() += 1;
    }
    counts
}

fn key_of(finding: &Finding) -> Key {
    let path = finding.place.as_ref().map(|place| edit::origin(&place.path).to_owned());
    (finding.rule.code, path)
}

/// The facts with what each statement did.
async fn rebuilt(scratch: &Scratch, mut facts: Facts) -> Result<Facts> {
    let database = scratch.database().await?;
    build::build(&mut facts, &database).await?;
    scratch.drop(database).await?;
    Ok(facts)
}
