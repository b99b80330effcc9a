//! Findings that somebody has decided to live with, said in the SQL itself:
//!
//! ```text
//! -- howdah:allow index-duplicate: the old one is dropped with release 7, until 2027-03-01
//! create index …
//! ```
//!
//! The comment stands on a line before the statement or in it. A reason is required; the date is
//! not. One that nothing needs, that has no reason, or that has expired, is told.

use crate::facts::Facts;
use crate::finding::{Finding, Place};
use crate::rules;
use howdah_sql::{Lines, comments};

const MARK: &str = "howdah:allow ";

/// A finding that was taken out, and why.
#[derive(Debug)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// The reason that was given.
    pub reason: String,
}

/// Something about a suppression that its author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub place: Place,
    /// What: lower-case, no full stop.
    pub message: String,
}

/// What is left.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) kept: Vec<Finding>,
    pub(crate) taken: Vec<Suppressed>,
    pub(crate) notes: Vec<Note>,
}

/// One comment.
struct Allow {
    rules: Vec<String>,
    reason: String,
    until: Option<String>,
    place: Place,
    /// The end of the statement that it is for, in the same file.
    end: usize,
    used: bool,
}

/// Takes out what is allowed.
pub(crate) fn apply(facts: &Facts, findings: Vec<Finding>, today: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let mut allows = Vec::new();
    for allow in read(facts) {
        let expired = allow.until.as_deref().is_some_and(|until| until < today);
        let unknown = allow.rules.iter().find(|name| rules::find(name).is_none());
        let message = if let Some(name) = unknown {
            format!("there is no rule \"{name}\" to allow")
        } else if allow.reason.is_empty() {
            "a suppression needs a reason".to_owned()
        } else if expired {
            format!("the suppression of {} has expired", allow.rules.join(", "))
        } else {
            allows.push(allow);
            continue;
        };
        outcome.notes.push(Note { place: allow.place, message });
    }
    for finding in findings {
        let allow = allows.iter_mut().find(|allow| allow.covers(&finding));
        if let Some(allow) = allow {
            allow.used = true;
            outcome.taken.push(Suppressed { finding, reason: allow.reason.clone() });
        } else {
            outcome.kept.push(finding);
        }
    }
    outcome.notes.extend(allows.into_iter().filter(|allow| !allow.used).map(|allow| Note {
        message: format!("the suppression of {} is not needed", allow.rules.join(", ")),
        place: allow.place,
    }));
    outcome
}

impl Allow {
    fn covers(&self, finding: &Finding) -> bool {
        let named = |name: &String| name == finding.rule.name || name == finding.rule.code;
        self.rules.iter().any(named)
            && finding.place.as_ref().is_some_and(|place| {
                place.path == self.place.path
                    && place.span.start < self.end
                    && place.span.end > self.place.span.start
            })
    }
}

fn read(facts: &Facts) -> Vec<Allow> {
    let mut allows = Vec::new();
    for (number, file) in facts.files.iter().enumerate() {
        if !file.text.contains(MARK) {
            continue;
        }
        let lines = Lines::new(&file.text);
        for (at, comment) in comments(&file.text) {
            let Some((_, text)) = comment.split_once(MARK) else { continue };
            let (names, rest) = text.split_once(':').unwrap_or((text, ""));
            let (reason, until) = match rest.rsplit_once("until ") {
                Some((reason, date)) if is_date(date.trim()) => (reason, Some(date.trim())),
                _ => (rest, None),
            };
            let end = facts.statements.iter().filter(|s| s.file == number && s.span.end > at);
            allows.push(Allow {
                rules: names.split(',').map(|name| name.trim().to_owned()).collect(),
                reason: reason.trim().trim_end_matches(',').to_owned(),
                until: until.map(ToOwned::to_owned),
                end: end.map(|s| s.span.end).min().unwrap_or(file.text.len()),
                place: Place {
                    path: file.path.clone(),
                    span: at..at + comment.len(),
                    position: lines.position(at),
                },
                used: false,
            });
        }
    }
    allows
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
