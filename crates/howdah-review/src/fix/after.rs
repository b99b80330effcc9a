//! Fixes of the finished database: run one after the other on a copy, which is reviewed again.

use std::collections::{BTreeSet, HashMap, HashSet};

use howdah_error::Result;
use howdah_pg::Connection;

use super::weed::{Bad, weed};
use super::{Withdrawn, fixed_by, withdraw};
use crate::build::{Scratch, ScratchDatabase};
use crate::facts::Facts;
use crate::finding::{Finding, Fix};
use crate::{copy, review};

/// Fixes of the finished database.
pub(super) async fn run(
    scratch: &Scratch,
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &mut [Finding],
    withdrawn: &mut Vec<Withdrawn>,
) -> Result<()> {
    let fixes = fixed_by(findings, |fix| matches!(fix, Fix::After(_)));
    if fixes.is_empty() {
        return Ok(());
    }
    let mut before: HashSet<String> = findings.iter().map(|f| f.fingerprint.clone()).collect();
    // What an experiment has disputed is found again, and so is what only the copy has.
    before.extend(review::check(facts).into_iter().map(|finding| finding.fingerprint));
    if facts.live {
        let copied = applied(scratch, built, facts, findings, &[]).await?;
        before.extend(copied.found.into_keys());
    }
    let last = applied(scratch, built, facts, findings, &fixes).await?;
    for (at, reason) in &last.failed {
        withdraw(&mut findings[*at], reason.clone(), withdrawn);
    }
    let left: Vec<usize> = fixes.into_iter().filter(|at| findings[*at].fix.is_some()).collect();
    // Where none failed, that was the trial with which weeding begins.
    let mut first = last.failed.is_empty().then_some(last);
    let statements = left.len();
    let weeded = weed(left, statements, async |set| {
        let last = match first.take() {
            Some(last) => last,
            None => applied(scratch, built, facts, findings, set).await?,
        };
        // What is only supposed is nothing new before it was tried.
        let new = last.found.iter().any(|(found, supposed)| !supposed && !before.contains(found));
        let bad = Bad { why: "it brings a new finding", suspects: BTreeSet::new() };
        Ok(if new { Err(bad) } else { Ok(last.found) })
    })
    .await?;
    for (at, reason) in weeded.guilty {
        withdraw(&mut findings[at], reason, withdrawn);
    }
    let found = weeded.trial.unwrap_or_default();
    for at in weeded.kept {
        if found.contains_key(&findings[at].fingerprint) {
            withdraw(&mut findings[at], "the finding is still there", withdrawn);
        }
    }
    Ok(())
}

/// What came of some fixes on a copy.
struct Applied {
    failed: Vec<(usize, String)>,
    found: HashMap<String, bool>,
}

/// Runs the fixes of `set` in order on a copy, and reviews it.
async fn applied(
    scratch: &Scratch,
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &[Finding],
    set: &[usize],
) -> Result<Applied> {
    let database = scratch.copy(built).await?;
    let connection = database.connect().await?;
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
    Ok(Applied { failed, found })
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
