//! Findings with one cause are told as one, with every place.
//!
//! What is declared (columns, indexes, keys, policies, the locks of a migration) is declared by
//! habit: the same is amiss about seven columns of a file because its author wrote columns so, and
//! one change mends all. So findings of one rule, of one level, known in one way, of one file (of
//! one schema in a database in use) are one cause. The types of columns are a convention of the
//! whole project, and so one cause in all its files. What is written as code, such as a query, a
//! function or a statement that does not build, is a mistake each time. A table or column that the
//! application believes in and that is not there is one cause a file of models.
//!
//! Nothing is left out by it: each finding keeps its place, its proof, its fix and its fingerprint,
//! and formats for programs have each for itself.

use std::collections::HashMap;

use howdah_catalog::name::stable_hash;

use super::Report;
use crate::finding::{Expect, Finding, Fix, Level, Proof, Subject};
use crate::rule::{Group, Needs};

/// Findings that are told as one: at least one.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// In the order of the report.
    pub findings: Vec<&'a Finding>,
}

impl Finding {
    /// The same for findings with the same cause, over moved lines too.
    #[must_use]
    pub fn cause(&self) -> String {
        if !self.is_declared() {
            return self.fingerprint.clone();
        }
        let home = match (&self.place, &self.subject) {
            _ if self.rule.group == Group::Types => "",
            (Some(place), _) => place.path.as_str(),
            (None, Subject::Function(name, _)) => name.schema.as_str(),
            (None, subject) => subject.table().map_or("", |table| table.schema.as_str()),
        };
        let (code, proof) = (self.rule.code, self.proof.as_str());
        format!("{:016x}", stable_hash(&format!("{code}\n{}\n{proof}\n{home}", self.level)))
    }

    /// Whether it is about a declaration rather than code.
    fn is_declared(&self) -> bool {
        match self.rule.group {
            Group::Locks
            | Group::Types
            | Group::Indexes
            | Group::Keys
            | Group::Security
            | Group::Audit
            | Group::Timeseries => true,
            Group::Source => self.rule.needs.contains(&Needs::Models),
            Group::Build
            | Group::Queries
            | Group::Routines
            | Group::Settings
            | Group::Operations => false,
        }
    }
}

/// Puts together what has one cause; the order is that of the first of each.
#[must_use]
pub fn told<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Told<'a>> {
    let mut all: Vec<Told<'a>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        let at = *known.entry(finding.cause()).or_insert(all.len());
        match all.get_mut(at) {
            Some(told) => told.findings.push(finding),
            None => all.push(Told { findings: vec![finding] }),
        }
    }
    all
}

impl Report {
    /// Its findings as they are told.
    #[must_use]
    pub fn told(&self) -> Vec<Told<'_>> {
        told(&self.findings)
    }
}

impl<'a> Told<'a> {
    /// The one that speaks for all.
    #[must_use]
    pub fn first(&self) -> &'a Finding {
        self.findings[0]
    }

    /// What they have in common.
    #[must_use]
    pub fn level(&self) -> Level {
        self.first().level
    }

    /// The message, and how many places it is about.
    #[must_use]
    pub fn message(&self) -> String {
        match self.findings.len() {
            1 => self.first().message.clone(),
            places => format!("{} ({places} places)", self.first().message),
        }
    }

    /// Every place with what it is about, a line each.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        self.findings
            .iter()
            .map(|finding| format!("{}: {}", whereabouts(finding), finding.message))
            .collect()
    }

    /// The details, each once.
    #[must_use]
    pub fn details(&self) -> Vec<&'a str> {
        once(self.findings.iter().filter_map(|finding| finding.detail.as_deref()))
    }

    /// The hints, each once.
    #[must_use]
    pub fn hints(&self) -> Vec<&'a str> {
        once(self.findings.iter().filter_map(|finding| finding.hint.as_deref()))
    }

    /// All fixes that are run afterwards, then all that are written instead of a statement; each
    /// with its word.
    #[must_use]
    pub fn fixes(&self) -> Vec<(&'static str, String)> {
        let text = |instead: bool| {
            let of = self.findings.iter().filter(|finding| {
                finding.fix.as_ref().is_some_and(|fix| matches!(fix, Fix::Instead(..)) == instead)
            });
            let texts: Vec<String> = of.filter_map(|finding| finding.fix_text()).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        };
        let named = [("fix", text(false)), ("instead", text(true))];
        named.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }

    /// How they are known, for people: each reproducer once.
    #[must_use]
    pub fn proofs(&self, report: &Report) -> String {
        let written = |finding: &&Finding| match &finding.proof {
            Proof::Proved(shown) => shown.expect == Expect::Written,
            Proof::Estimated(_) | Proof::Heuristic => false,
        };
        if self.findings.len() > 1 && self.findings.iter().all(written) {
            return "the statements themselves".to_owned();
        }
        let mut texts: Vec<String> = Vec::new();
        for finding in &self.findings {
            let text = super::terminal::proof(report, finding);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts.join("\n")
    }
}

/// The place, or what it is about.
#[must_use]
pub fn whereabouts(finding: &Finding) -> String {
    match &finding.place {
        Some(place) => format!("{}:{}", place.path, place.position.line),
        None => finding.subject.to_string(),
    }
}

fn once<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut kept: Vec<&str> = Vec::new();
    for text in texts {
        if !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept
}
