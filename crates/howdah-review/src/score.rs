//! The score: arithmetic over named checks that anybody can repeat from the JSON.
//!
//! A check is a rule. It has passed when it could be made and found nothing, failed when it found
//! something PROVED, and is unknown when its facts are missing or all that it found is not proved.
//! It weighs 10 at level error, 3 at warning, 1 at notice and nothing at info. The score is
//! `100 × weight of the passed ÷ weight of the passed and the failed`, cut to one digit. Unknown
//! checks count neither way, and their share is printed beside the score.

use crate::finding::{Level, Proof};
use crate::report::Report;
use crate::rule::Rule;
use crate::rules;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Looked, and found nothing.
    Passed,
    /// Found something that is proved.
    Failed,
    /// Could not look, or could not prove.
    Unknown,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// The score with all that it is computed from.
#[derive(Debug)]
pub struct Score {
    /// Every check that weighs something, by code.
    pub checks: Vec<(&'static Rule, Outcome)>,
    /// Weight of the passed checks.
    pub passed: u32,
    /// Weight of the passed and the failed checks.
    pub known: u32,
    /// Weight of all checks.
    pub all: u32,
}

/// What a check of that level weighs.
#[must_use]
pub fn weight(level: Level) -> u32 {
    match level {
        Level::Info => 0,
        Level::Notice => 1,
        Level::Warning => 3,
        Level::Error => 10,
    }
}

/// Adds up.
#[must_use]
pub fn score(report: &Report) -> Score {
    let outcome = |rule: &'static Rule| {
        if report.unchecked.iter().any(|unchecked| unchecked.rule.code == rule.code) {
            return Outcome::Unknown;
        }
        let mut found = report.findings.iter().filter(|f| f.rule.code == rule.code).peekable();
        if found.peek().is_none() {
            return Outcome::Passed;
        }
        let proved = found.any(|finding| matches!(finding.proof, Proof::Proved(_)));
        if proved { Outcome::Failed } else { Outcome::Unknown }
    };
    let checks: Vec<(&Rule, Outcome)> = rules::all()
        .filter(|rule| weight(rule.level) > 0)
        .map(|rule| (rule, outcome(rule)))
        .collect();
    let sum = |wanted: &[Outcome]| {
        let counted = checks.iter().filter(|(_, outcome)| wanted.contains(outcome));
        counted.map(|(rule, _)| weight(rule.level)).sum()
    };
    Score {
        passed: sum(&[Outcome::Passed]),
        known: sum(&[Outcome::Passed, Outcome::Failed]),
        all: sum(&[Outcome::Passed, Outcome::Failed, Outcome::Unknown]),
        checks,
    }
}

impl Score {
    /// The score in tenths, `None` when nothing is known.
    #[must_use]
    pub fn tenths(&self) -> Option<u32> {
        (self.passed * 1000).checked_div(self.known)
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.tenths() {
            Some(tenths) => write!(f, "{}.{}", tenths / 10, tenths % 10),
            None => f.write_str("unknown"),
        }
    }
}
