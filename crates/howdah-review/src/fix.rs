//! Fixes are run before they are printed: all of them, in the order of the whole plan, on a copy;
//! then the result is reviewed again. A fix that fails, that leaves its finding there, or that
//! brings a new one, is taken back: the finding stays, without it.

mod after;
mod edit;
mod instead;
mod server;
mod weed;
mod write;

use howdah_error::Result;

use crate::build::{Scratch, ScratchDatabase};
use crate::facts::Facts;
use crate::finding::{Finding, Fix};
use crate::rule::Rule;

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
    after::run(scratch, built, facts, findings, &mut withdrawn).await?;
    instead::run(scratch, built, facts, findings, &mut withdrawn).await?;
    server::run(built, facts, findings, &mut withdrawn).await?;
    Ok(withdrawn)
}

/// The places of the findings whose fix is such.
fn fixed_by(findings: &[Finding], is_such: impl Fn(&Fix) -> bool) -> Vec<usize> {
    let has = |at: &usize| findings[*at].fix.as_ref().is_some_and(&is_such);
    (0..findings.len()).filter(has).collect()
}

fn withdraw(finding: &mut Finding, reason: impl Into<String>, withdrawn: &mut Vec<Withdrawn>) {
    if let Some(fix) = finding.fix.take() {
        withdrawn.push(Withdrawn { rule: finding.rule, fix, reason: reason.into() });
    }
}
