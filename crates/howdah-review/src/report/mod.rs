//! A review's result, and the ways to print it.

mod cause;
mod github;
mod gitlab;
mod html;
mod json;
mod junit;
mod markdown;
mod sarif;
mod terminal;

use crate::facts::Facts;
use crate::finding::{Finding, Level};
use crate::fix::Withdrawn;
use crate::rule::{Needs, Rule};
use crate::suppress::{Note, Suppressed};

pub use cause::{Told, told};
pub use github::github;
pub use gitlab::gitlab;
pub use html::html;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;
pub use terminal::terminal;

/// What a review found.
#[derive(Debug)]
pub struct Report {
    /// What was looked at.
    pub facts: Facts,
    /// Findings, worst first.
    pub findings: Vec<Finding>,
    /// Findings that somebody has decided to live with.
    pub suppressed: Vec<Suppressed>,
    /// About suppressions themselves.
    pub notes: Vec<Note>,
    /// Rules that could not be checked.
    pub unchecked: Vec<Unchecked>,
    /// Fixes that rules offered and that did not stand the trial; never printed.
    pub withdrawn: Vec<Withdrawn>,
}

/// A rule that could not be checked, and which facts it lacks.
#[derive(Debug)]
pub struct Unchecked {
    /// The rule.
    pub rule: &'static Rule,
    /// What is missing.
    pub missing: Vec<Needs>,
}

impl Report {
    /// A path of a file as others see it: from where howdah was started, not from the target.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        match self.facts.target.as_str() {
            "" | "." => path.to_owned(),
            target => format!("{}/{path}", target.trim_end_matches('/')),
        }
    }

    /// Whether a finding is at least as bad as `level`.
    #[must_use]
    pub fn fails(&self, level: Level) -> bool {
        self.findings.iter().any(|finding| finding.level >= level)
    }
}
