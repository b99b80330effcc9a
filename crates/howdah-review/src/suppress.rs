//! Findings that somebody has decided to live with, said in the SQL itself:
//!
//! ```text
//! -- howdah:allow index-duplicate: the old one is dropped with release 7, until 2027-03-01
//! create index …
//! ```
//!
//! The comment stands on a line before the statement or in it. A reason is required; the date is
//! not. One that nothing needs, that has no reason, or that has expired, is told.
//!
//! What no statement made is allowed by `howdah.toml`, whose fields are those of [`Allowed`]:
//!
//! ```toml
//! [[review.allow]]
//! rule = "foreign-key-without-index"
//! subject = "table audit"
//! reason = "never deleted from"
//! until = "2027-03-01"
//! ```

use howdah_error::{Error, Result};
use howdah_sql::{Lines, comments};
use serde::Deserialize;

use crate::facts::Facts;
use crate::finding::{Finding, Place};
use crate::rules;

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

/// A suppression of `howdah.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// The rule, by name or code.
    pub rule: String,
    /// Only findings about this, as reports name it; all of the rule when left out.
    pub subject: Option<String>,
    /// Only findings in files whose path begins so.
    pub path: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day, `YYYY-MM-DD`.
    pub until: Option<String>,
}

#[derive(Deserialize)]
struct File {
    review: Option<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default)]
    allow: Vec<Allowed>,
}

/// The suppressions of a `howdah.toml`; its other sections are not looked at.
pub fn allowed(text: &str) -> Result<Vec<Allowed>> {
    let file: File = toml::from_str(text).map_err(|error| {
        Error::input("could not read the section \"review\" of howdah.toml")
            .detail(format!("{}.", error.message()))
            .hint("A [[review.allow]] has rule, reason, and perhaps subject, path and until.")
    })?;
    let allowed = file.review.map(|section| section.allow).unwrap_or_default();
    for one in &allowed {
        if one.until.as_deref().is_some_and(|until| !is_date(until)) {
            return Err(Error::input(format!("the \"until\" for \"{}\" is no date", one.rule))
                .hint("Write it as \"2027-03-01\"."));
        }
    }
    Ok(allowed)
}

impl Allowed {
    fn covers(&self, finding: &Finding) -> bool {
        (self.rule == finding.rule.name || self.rule == finding.rule.code)
            && self.subject.as_ref().is_none_or(|subject| *subject == finding.subject.to_string())
            && self.path.as_ref().is_none_or(|path| {
                finding.place.as_ref().is_some_and(|place| place.path.starts_with(path.as_str()))
            })
    }

    /// Why it is not to be used.
    fn fault(&self, today: &str) -> Option<String> {
        if rules::find(&self.rule).is_none() {
            Some(format!("there is no rule \"{}\" to allow", self.rule))
        } else if self.reason.trim().is_empty() {
            Some("a suppression needs a reason".to_owned())
        } else if self.until.as_deref().is_some_and(|until| until < today) {
            Some(format!("the suppression of {} has expired", self.rule))
        } else {
            None
        }
    }

    fn note(&self, message: String) -> Note {
        let place = Place {
            path: "howdah.toml".to_owned(),
            span: 0..0,
            position: Lines::new("").position(0),
        };
        let about = self.subject.as_ref().map_or(String::new(), |subject| format!(" ({subject})"));
        Note { place, message: message + &about }
    }
}

/// Takes out what `howdah.toml` allows.
fn apply_allowed(outcome: &mut Outcome, allowed: &[Allowed], today: &str) {
    for one in allowed {
        if let Some(fault) = one.fault(today) {
            outcome.notes.push(one.note(fault));
            continue;
        }
        let before = outcome.taken.len();
        for finding in std::mem::take(&mut outcome.kept) {
            if one.covers(&finding) {
                outcome.taken.push(Suppressed { finding, reason: one.reason.clone() });
            } else {
                outcome.kept.push(finding);
            }
        }
        if outcome.taken.len() == before {
            outcome.notes.push(one.note(format!("the suppression of {} is not needed", one.rule)));
        }
    }
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
pub(crate) fn apply(
    facts: &Facts,
    findings: Vec<Finding>,
    allowed: &[Allowed],
    today: &str,
) -> Outcome {
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
    apply_allowed(&mut outcome, allowed, today);
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
