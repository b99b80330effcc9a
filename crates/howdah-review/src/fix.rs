//! Fixes are run before they are printed: all of them, in the order of the whole plan, on a copy;
//! then the result is reviewed again. A fix that fails, or that leaves its finding there, is taken
//! back: the finding stays, without it.

mod write;

use std::collections::{BTreeMap, HashMap, HashSet};

use howdah_error::Result;
use howdah_pg::Connection;

use crate::build::{self, Scratch, ScratchDatabase};
use crate::facts::{Facts, Run};
use crate::finding::{Finding, Fix};
use crate::rule::Rule;
use crate::{copy, migrations, review};

pub use write::files;

/// A fix that was taken back.
#[derive(Debug)]
pub struct Withdrawn {
    /// The rule that offered it.
    pub rule: &'static Rule,
    /// What it was.
    pub fix: Fix,
    /// Why it is not printed.
    pub reason: String,
}

/// Runs the fixes of all `findings`; gives those that were taken back.
pub(crate) async fn run_all(
    scratch: &Scratch,
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &mut [Finding],
) -> Result<Vec<Withdrawn>> {
    let mut withdrawn = Vec::new();
    run_after(scratch, built, facts, findings, &mut withdrawn).await?;
    run_instead(scratch, facts, findings, &mut withdrawn).await?;
    Ok(withdrawn)
}

fn withdraw(finding: &mut Finding, reason: impl Into<String>, withdrawn: &mut Vec<Withdrawn>) {
    if let Some(fix) = finding.fix.take() {
        withdrawn.push(Withdrawn { rule: finding.rule, fix, reason: reason.into() });
    }
}

/// Fixes of the finished database.
async fn run_after(
    scratch: &Scratch,
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &mut [Finding],
    withdrawn: &mut Vec<Withdrawn>,
) -> Result<()> {
    if !findings.iter().any(|finding| matches!(finding.fix, Some(Fix::After(_)))) {
        return Ok(());
    }
    let mut before: HashSet<String> = findings.iter().map(|f| f.fingerprint.clone()).collect();
    let database = scratch.copy(built).await?;
    let connection = database.connect().await?;
    // What an experiment has disputed is found again, and so is what only the copy has.
    before.extend(review::check(facts).into_iter().map(|finding| finding.fingerprint));
    if facts.live {
        before.extend(found_on(&connection, facts).await?.into_keys());
    }
    for finding in findings.iter_mut() {
        let Some(Fix::After(statements)) = finding.fix.clone() else { continue };
        for sql in statements {
            if let Err(error) = connection.batch_execute(&sql).await {
                let reason = howdah_pg::from_pg("the fix failed", &error);
                withdraw(finding, reason.message(), withdrawn);
                break;
            }
        }
    }
    let after = found_on(&connection, facts).await?;
    connection.close().await;
    scratch.drop(database).await?;
    // Whoever brings something new is not told apart, so then none of them is printed.
    // What is only supposed is nothing new before it was tried.
    let brings_new = after.iter().any(|(found, supposed)| !supposed && !before.contains(found));
    for finding in findings.iter_mut().filter(|f| matches!(f.fix, Some(Fix::After(_)))) {
        if after.contains_key(&finding.fingerprint) {
            withdraw(finding, "the finding is still there", withdrawn);
        } else if brings_new {
            withdraw(finding, "the fixes together bring a new finding", withdrawn);
        }
    }
    Ok(())
}

/// The fingerprints of what is found in a database that was built or copied, as it is now, and
/// whether each is only supposed.
async fn found_on(connection: &Connection, facts: &Facts) -> Result<HashMap<String, bool>> {
    let mut now = facts.clone();
    let mut catalog = howdah_pg::introspect(connection).await?;
    if let Some(target) = facts.catalog.as_ref().filter(|_| facts.live) {
        copy::overlay(&mut catalog, target);
    }
    now.catalog = Some(catalog);
    let found = review::check(&now).into_iter();
    Ok(found.map(|finding| (finding.fingerprint, finding.experiment.is_some())).collect())
}

/// Fixes that are written instead of a statement: the files are built anew with all of them.
async fn run_instead(
    scratch: &Scratch,
    facts: &Facts,
    findings: &mut [Finding],
    withdrawn: &mut Vec<Withdrawn>,
) -> Result<()> {
    let fixes: Vec<usize> = (0..findings.len())
        .filter(|at| matches!(findings[*at].fix, Some(Fix::Instead(..))))
        .collect();
    if fixes.is_empty() {
        return Ok(());
    }
    // With a failing statement mended there is more to find, which is nothing that a fix brought.
    let fails = |at: &usize| {
        let fix = findings[*at].fix.as_ref();
        fix.is_some_and(|fix| match fix {
            Fix::Instead(id, _) => matches!(facts.statement(*id).run, Run::Failed(_)),
            Fix::After(_) => false,
        })
    };
    let mending: Vec<usize> = fixes.iter().copied().filter(fails).collect();
    let built = if mending.is_empty() {
        None
    } else {
        Some(rebuilt(scratch, edited(facts, findings, &mending)).await?)
    };
    let mended = built.as_ref().unwrap_or(facts);
    let edited = rebuilt(scratch, edited(facts, findings, &fixes)).await?;
    let (was, is) = (review::check(facts), review::check(&edited));
    // What is only supposed is nothing new before it was tried.
    let (certain, base) = (count(&was, false), count(&review::check(mended), false));
    let known =
        |key: &Key| certain.get(key).copied().unwrap_or(0).max(base.get(key).copied().unwrap_or(0));
    // A fix answers for its file; for what is new elsewhere all of them answer.
    let worse: HashSet<Option<String>> = count(&is, false)
        .into_iter()
        .filter(|(key, number)| known(key) < *number)
        .map(|((_, path), _)| path)
        .collect();
    let (before, after) = (count(&was, true), count(&is, true));
    let path_of = |at: &usize| findings[*at].place.as_ref().map(|place| place.path.clone());
    let their_files: HashSet<Option<String>> = fixes.iter().map(path_of).collect();
    let elsewhere = worse.iter().any(|path| !their_files.contains(path));
    let failed =
        |facts: &Facts| facts.statements.iter().filter(|s| matches!(s.run, Run::Failed(_))).count();
    let broke = failed(&edited) > failed(facts);
    for at in fixes {
        let path = findings[at].place.as_ref().map(|place| place.path.clone());
        let brings_new = elsewhere || worse.contains(&path);
        let key = (findings[at].rule.code, path);
        let fewer = after.get(&key).copied().unwrap_or(0) < before.get(&key).copied().unwrap_or(0);
        if broke {
            withdraw(&mut findings[at], "with it the files do not build", withdrawn);
        } else if brings_new {
            withdraw(&mut findings[at], "the fixes together bring a new finding", withdrawn);
        } else if !fewer {
            withdraw(&mut findings[at], "the finding is still there", withdrawn);
        }
    }
    Ok(())
}

/// What is counted: a rule and a file.
type Key = (&'static str, Option<String>);

/// Findings by rule and file; with `supposed` those too whose experiment is still to come.
fn count(found: &[Finding], supposed: bool) -> BTreeMap<Key, usize> {
    let mut counts = BTreeMap::new();
    for finding in found.iter().filter(|finding| supposed || finding.experiment.is_none()) {
        let path = finding.place.as_ref().map(|place| place.path.clone());
        *counts.entry((finding.rule.code, path)).or_default() += 1;
    }
    counts
}

/// The facts with what each statement did.
async fn rebuilt(scratch: &Scratch, mut facts: Facts) -> Result<Facts> {
    let database = scratch.database().await?;
    build::build(&mut facts, &database).await?;
    scratch.drop(database).await?;
    Ok(facts)
}

/// The facts of the files with these fixes written into them.
fn edited(facts: &Facts, findings: &[Finding], which: &[usize]) -> Facts {
    let mut files = facts.files.clone();
    let mut edits: Vec<(usize, std::ops::Range<usize>, String)> = which
        .iter()
        .filter_map(|at| match &findings[*at].fix {
            Some(Fix::Instead(id, statements)) => {
                let statement = facts.statement(*id);
                Some((statement.file, statement.span.clone(), statements.join(";\n")))
            }
            _ => None,
        })
        .collect();
    // From the end, so that the places of earlier ones stay.
    edits.sort_by_key(|(file, span, _)| std::cmp::Reverse((*file, span.start)));
    edits.dedup_by_key(|(file, span, _)| (*file, span.start));
    for (file, span, text) in edits {
        let file = &mut files[file];
        if howdah_sql::split(&text).0.iter().any(howdah_sql::Statement::needs_no_transaction) {
            file.transactional = false;
        }
        file.up.end = file.up.end + text.len() - span.len();
        if let Some(down) = file.down.as_mut().filter(|down| down.start >= span.end) {
            *down = down.start + text.len() - span.len()..down.end + text.len() - span.len();
        }
        file.text.replace_range(span, &text);
    }
    let statements = migrations::statements(&files);
    Facts {
        target: facts.target.clone(),
        today: facts.today.clone(),
        files,
        statements,
        convention: facts.convention,
        guesses: facts.guesses.clone(),
        sources: facts.sources.clone(),
        ..Facts::default()
    }
}
