//! Fixes are run before they are printed: all of them, in the order of the whole plan, on a copy;
//! then the result is reviewed again. A fix that fails, that leaves its finding there, or that
//! brings a new one, is taken back: the finding stays, without it.

mod server;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use howdah_error::Result;
use howdah_pg::Connection;

use crate::build::{self, Scratch, ScratchDatabase};
use crate::facts::{self, Facts, Run, SqlFile};
use crate::finding::{Finding, Fix};
use crate::rule::Rule;
use crate::{copy, migrations, review};

pub use write::files;

/// The file behind all others, with what fixes leave to a later migration.
const LATER: &str = "~review_fixes.sql";

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
    server::run(built, facts, findings, &mut withdrawn).await?;
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
    let fixes: Vec<usize> =
        (0..findings.len()).filter(|at| matches!(findings[*at].fix, Some(Fix::After(_)))).collect();
    if fixes.is_empty() {
        return Ok(());
    }
    let mut before: HashSet<String> = findings.iter().map(|f| f.fingerprint.clone()).collect();
    // What an experiment has disputed is found again, and so is what only the copy has.
    before.extend(review::check(facts).into_iter().map(|finding| finding.fingerprint));
    let mut last = applied(scratch, built, facts, findings, &fixes, &mut before).await?;
    for (at, reason) in &last.failed {
        withdraw(&mut findings[*at], reason.clone(), withdrawn);
    }
    let left: Vec<usize> = fixes.into_iter().filter(|at| findings[*at].fix.is_some()).collect();
    let weeded = weed(left, async |set| {
        if last.set != set {
            last = applied(scratch, built, facts, findings, set, &mut before).await?;
        }
        // What is only supposed is nothing new before it was tried.
        let new = last.found.iter().any(|(found, supposed)| !supposed && !before.contains(found));
        Ok(new.then_some("it brings a new finding"))
    })
    .await?;
    for (at, reason) in weeded.guilty {
        withdraw(&mut findings[at], reason, withdrawn);
    }
    for at in weeded.kept {
        if last.found.contains_key(&findings[at].fingerprint) {
            withdraw(&mut findings[at], "the finding is still there", withdrawn);
        }
    }
    Ok(())
}

/// What came of some fixes on a copy.
struct Applied {
    set: Vec<usize>,
    failed: Vec<(usize, String)>,
    found: HashMap<String, bool>,
}

/// Runs the fixes of `set` in order on a copy, and reviews it. What a live database's copy has
/// without any fix is added to `before`.
async fn applied(
    scratch: &Scratch,
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &[Finding],
    set: &[usize],
    before: &mut HashSet<String>,
) -> Result<Applied> {
    let database = scratch.copy(built).await?;
    let connection = database.connect().await?;
    if facts.live {
        before.extend(found_on(&connection, facts).await?.into_keys());
    }
    let mut failed = Vec::new();
    for &at in set {
        let Some(Fix::After(statements)) = &findings[at].fix else { continue };
        for sql in statements {
            if let Err(error) = connection.batch_execute(sql).await {
                let reason = howdah_pg::from_pg("the fix failed", &error);
                failed.push((at, reason.message().to_owned()));
                break;
            }
        }
    }
    let found = found_on(&connection, facts).await?;
    connection.close().await;
    scratch.drop(database).await?;
    Ok(Applied { set: set.to_vec(), failed, found })
}

/// More guilty fixes than this are not looked for.
const MOST_GUILTY: usize = 6;
/// Of files with more statements than this, fixes are suspected by their file.
const EXACT: usize = 400;

/// What weeding left, and what it took out with the reasons.
struct Weeded {
    kept: Vec<usize>,
    guilty: Vec<(usize, &'static str)>,
}

/// Takes out the fixes that make a set bad, and no others: the last one of the shortest beginning
/// that is bad is guilty, until what is left is fine. `is_bad` says why a set is. Its last call is
/// with the set that is kept.
async fn weed<F>(mut left: Vec<usize>, mut is_bad: F) -> Result<Weeded>
where
    F: AsyncFnMut(&[usize]) -> Result<Option<&'static str>>,
{
    let mut guilty = Vec::new();
    while let Some(mut why) = is_bad(&left).await? {
        if left.is_empty() || guilty.len() == MOST_GUILTY {
            guilty.extend(left.drain(..).map(|at| (at, why)));
            is_bad(&left).await?;
            break;
        }
        let (mut fine, mut bad) = (0, left.len());
        while bad - fine > 1 {
            let middle = fine.midpoint(bad);
            match is_bad(&left[..middle]).await? {
                Some(reason) => (bad, why) = (middle, reason),
                None => fine = middle,
            }
        }
        guilty.push((left.remove(bad - 1), why));
    }
    Ok(Weeded { kept: left, guilty })
}

/// The fingerprints of what is found in a database that was built or copied, as it is now, and
/// whether each is only supposed.
async fn found_on(connection: &Connection, facts: &Facts) -> Result<HashMap<String, bool>> {
    let mut now = Facts { sources: Vec::new(), ..facts.clone() };
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
    let mending = mending(facts, findings, &fixes);
    let built = if mending.is_empty() {
        None
    } else {
        Some(rebuilt(scratch, edited(facts, findings, &mending)).await?)
    };
    let mended = built.as_ref().unwrap_or(facts);
    let was = review::check(facts);
    // What is only supposed is nothing new before it was tried.
    let mut known = count(&was, false);
    for (key, number) in count(&review::check(mended), false) {
        let most = known.entry(key).or_default();
        *most = number.max(*most);
    }
    let trials = Trials { scratch, facts, findings, known, failing: failing(facts) };
    // To find the guilty one among many, the files are built again and again. Where that takes
    // long, all of the files in which something is wrong are taken back before.
    let (mut left, mut guilty, mut first) = (fixes, Vec::new(), None);
    if facts.statements.len() > EXACT {
        let all = trials.run(&left).await?;
        if let Some(why) = all.why {
            let (suspected, others): (Vec<usize>, Vec<usize>) = left.into_iter().partition(|at| {
                findings[*at].place.as_ref().is_some_and(|place| all.suspects.contains(&place.path))
            });
            guilty = suspected.into_iter().map(|at| (at, why)).collect();
            left = others;
        }
        // Weeding begins with a trial of what is left, which this was when nothing was taken out.
        first = guilty.is_empty().then_some(all);
    }
    let mut is = Vec::new();
    let mut weeded = weed(left, async |set: &[usize]| {
        let trial = match first.take() {
            Some(trial) => trial,
            None => trials.run(set).await?,
        };
        is = trial.found;
        Ok(trial.why)
    })
    .await?;
    weeded.guilty.extend(guilty);
    for (at, reason) in weeded.guilty {
        withdraw(&mut findings[at], reason, withdrawn);
    }
    withdraw_useless(findings, weeded.kept, (&was, &is), withdrawn);
    Ok(())
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

/// What the files are with some fixes written into them.
struct Trial {
    /// Why they are worse; `None`: they are not.
    why: Option<&'static str>,
    /// The files in which something is worse.
    suspects: BTreeSet<String>,
    found: Vec<Finding>,
}

impl Trials<'_> {
    async fn run(&self, set: &[usize]) -> Result<Trial> {
        let edited = rebuilt(self.scratch, edited(self.facts, self.findings, set)).await?;
        let found = review::check(&edited);
        let counts = count(&found, false);
        let known = |key| self.known.get(key).copied().unwrap_or(0);
        let more = counts.iter().filter(|(key, number)| known(*key) < **number);
        let new: Vec<&Key> = more.map(|(key, _)| key).collect();
        let failing = failing(&edited);
        let newly = failing.iter().filter(|one| !self.failing.contains(*one));
        let suspects =
            newly.map(|(path, _)| path).chain(new.iter().filter_map(|key| key.1.as_ref()));
        let suspects = suspects.cloned().collect();
        let why = if failing.len() > self.failing.len() {
            Some("with it the files do not build")
        } else {
            (!new.is_empty()).then_some("it brings a new finding")
        };
        Ok(Trial { why, suspects, found })
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
        let path = findings[at].place.as_ref().map(|place| place.path.clone());
        let key = (findings[at].rule.code, path);
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
    let later: Vec<&str> =
        which.iter().flat_map(|at| &findings[*at].later).map(String::as_str).collect();
    if !later.is_empty() {
        let text = format!("{};\n", later.join(";\n"));
        files.push(SqlFile {
            path: LATER.to_owned(),
            up: 0..text.len(),
            text,
            down: None,
            undo: None,
            transactional: true,
        });
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

#[cfg(test)]
mod tests {
    use super::weed;

    async fn weeded(all: &[usize], bad: &[&[usize]]) -> (Vec<usize>, Vec<usize>) {
        let mut last = Vec::new();
        let result = weed(all.to_vec(), async |set: &[usize]| {
            last = set.to_vec();
            let holds = |together: &&[usize]| together.iter().all(|one| set.contains(one));
            Ok(bad.iter().any(holds).then_some("bad"))
        });
        let result = result.await.unwrap();
        assert_eq!(last, result.kept, "the last trial is that of what is kept");
        (result.kept, result.guilty.into_iter().map(|(at, _)| at).collect())
    }

    #[tokio::test]
    async fn only_the_guilty_fix_is_taken_back() {
        assert_eq!(weeded(&[1, 2, 3, 4, 5], &[]).await, (vec![1, 2, 3, 4, 5], vec![]));
        assert_eq!(weeded(&[1, 2, 3, 4, 5], &[&[3]]).await, (vec![1, 2, 4, 5], vec![3]));
        assert_eq!(weeded(&[1, 2, 3, 4, 5], &[&[1], &[5]]).await, (vec![2, 3, 4], vec![1, 5]));
        assert_eq!(weeded(&[7], &[&[7]]).await, (vec![], vec![7]));
    }

    #[tokio::test]
    async fn of_two_that_are_bad_together_the_later_is_taken_back() {
        assert_eq!(weeded(&[1, 2, 3, 4], &[&[1, 4]]).await, (vec![1, 2, 3], vec![4]));
    }

    #[tokio::test]
    async fn a_plan_that_is_bad_all_over_is_taken_back_as_a_whole() {
        let all: Vec<usize> = (0..20).collect();
        let each: Vec<Vec<usize>> = all.iter().map(|one| vec![*one]).collect();
        let bad: Vec<&[usize]> = each.iter().map(Vec::as_slice).collect();
        let (kept, guilty) = weeded(&all, &bad).await;
        assert_eq!((kept.len(), guilty.len()), (0, 20));
    }
}
