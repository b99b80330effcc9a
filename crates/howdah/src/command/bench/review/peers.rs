//! The checks of peers as sections of a file of SQL, their instances on a database, and what
//! becomes of each: howdah reports it too, or an experiment of the section disputes it.
//!
//! A section begins with `-- check NAME`. Then come the rules that cover it, the query that gives
//! its instances (what about, and which part of it), and with `-- answer: WORDS` a script whose
//! last query gives a row when the instance is disputed. `-- style: WORDS` says that a check asks
//! for a manner of writing, which neither is nor is not so. `-- experiment NAME` names an answer
//! that is no script.

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_review::Finding;
use serde::Serialize;
use tokio_postgres::SimpleQueryMessage;

/// A check of a peer.
#[derive(Debug, Default)]
pub struct Check {
    pub name: String,
    /// Rules of howdah that report the same.
    pub covered: Vec<String>,
    /// Gives the instances.
    pub query: String,
    /// Why an instance may be disputed.
    pub answer: String,
    /// Gives a row when it is.
    pub script: String,
    /// The name of an answer that is no script.
    pub experiment: String,
    /// Why it neither is nor is not so.
    pub style: String,
}

/// The sections of a file.
pub fn checks(text: &str) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("-- check ") {
            checks.push(Check { name: name.to_owned(), ..Check::default() });
            continue;
        }
        let Some(check) = checks.last_mut() else { continue };
        if let Some(rules) = line.strip_prefix("-- covered by ") {
            check.covered = rules.split(", ").map(str::to_owned).collect();
        } else if let Some(words) = line.strip_prefix("-- answer: ") {
            words.clone_into(&mut check.answer);
        } else if let Some(words) = line.strip_prefix("-- style: ") {
            words.clone_into(&mut check.style);
        } else if let Some(name) = line.strip_prefix("-- experiment ") {
            name.clone_into(&mut check.experiment);
        } else {
            let part = if check.answer.is_empty() { &mut check.query } else { &mut check.script };
            part.push_str(line);
            part.push('\n');
        }
    }
    checks
}

/// Something that a peer reports.
#[derive(Debug, Clone)]
pub struct Instance {
    /// A table, function or other object; several are parted by commas.
    pub about: String,
    /// A column, index or constraint of it; likewise.
    pub part: Option<String>,
}

/// What becomes of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "verdict", content = "by")]
pub enum Verdict {
    /// This rule of howdah reports it.
    Reported(String),
    /// An experiment disputes it, with the reason.
    Disputed(String),
    /// It is a matter of taste, with the reason.
    Style(String),
    /// Neither.
    Missed(String),
}

/// Makes what the checks have in common.
pub async fn prepare(connection: &Connection) -> Result<()> {
    let made = connection.batch_execute(include_str!("prelude.sql")).await;
    made.map_err(|error| from_pg("could not prepare the checks of the peers", &error))
}

/// The instances of a check.
pub async fn instances(connection: &Connection, check: &Check) -> Result<Vec<Instance>> {
    let rows = connection.simple_query(&check.query).await.map_err(|error| {
        from_pg("a check of a peer failed", &error).detail(format!("It is {}.", check.name))
    })?;
    let text = |row: &tokio_postgres::SimpleQueryRow, at| row.get(at).map(str::to_owned);
    Ok(rows
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some(Instance { about: text(row, 0).unwrap_or_default(), part: text(row, 1) })
            }
            _ => None,
        })
        .collect())
}

/// The rule by which one of the findings is about the instance.
pub fn covered(check: &Check, instance: &Instance, findings: &[&Finding]) -> Option<Verdict> {
    let names = |text: &str, names: &str| names.split(',').any(|name| has_word(text, name));
    let found = findings.iter().find(|finding| {
        let text = text(finding);
        check.covered.iter().any(|rule| rule == finding.rule.name)
            && names(&text, &instance.about)
            && instance.part.as_deref().is_none_or(|part| names(&text, part))
    });
    found.map(|finding| Verdict::Reported(finding.rule.name.to_owned()))
}

fn text(finding: &Finding) -> String {
    let fix = finding.fix.as_ref().map_or(String::new(), |fix| fix.sql().join("\n"));
    let detail = finding.detail.as_deref().unwrap_or_default();
    format!("{}\n{}\n{detail}\n{fix}", finding.subject, finding.message)
}

/// Whether the name stands in the text and no letter of another name beside it.
pub fn has_word(text: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(part_of_name)
            && !text[at + name.len()..].chars().next().is_some_and(part_of_name)
    })
}

/// What the script of the check, or its word on style, says of the instance.
pub async fn answered(
    connection: &Connection,
    check: &Check,
    instance: &Instance,
) -> Result<Verdict> {
    if !check.style.is_empty() {
        return Ok(Verdict::Style(check.style.clone()));
    }
    let missed = || Verdict::Missed(format!("{} {:?}", instance.about, instance.part));
    if check.script.trim().is_empty() {
        return Ok(missed());
    }
    let schema = instance.about.rsplit_once('.').map_or("", |(schema, _)| schema);
    let dot = if schema.is_empty() { "" } else { "." };
    let script = check
        .script
        .replace("{schema}", &format!("{schema}{dot}"))
        .replace("{about}", &instance.about)
        .replace("{part}", instance.part.as_deref().unwrap_or_default());
    // Taken back afterwards, so that the next instance meets the same database.
    own(connection, "begin").await?;
    let answer = connection.simple_query(&script).await;
    own(connection, "rollback").await?;
    let disputed = answer.is_ok_and(|messages| last_has_rows(&messages));
    Ok(if disputed { Verdict::Disputed(check.answer.clone()) } else { missed() })
}

fn last_has_rows(messages: &[SimpleQueryMessage]) -> bool {
    let (mut rows, mut last) = (0, 0);
    for message in messages {
        match message {
            SimpleQueryMessage::Row(_) => rows += 1,
            SimpleQueryMessage::CommandComplete(_) => (last, rows) = (rows, 0),
            _ => {}
        }
    }
    last > 0
}

async fn own(connection: &Connection, sql: &str) -> Result<()> {
    let done = connection.batch_execute(sql).await;
    done.map_err(|error| from_pg("could not try an answer", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_answered_by_rules_that_exist() {
        let files = [
            include_str!("splinter.sql"),
            include_str!("pg_index_health.sql"),
            include_str!("squawk.sql"),
        ];
        for check in files.iter().flat_map(|text| checks(text)) {
            for rule in &check.covered {
                assert!(howdah_review::rules::find(rule).is_some(), "{}: {rule}", check.name);
            }
            let answers = [&check.script, &check.experiment, &check.style];
            let answered = answers.iter().any(|answer| !answer.trim().is_empty());
            assert_eq!(answered, !check.answer.is_empty() || !check.style.is_empty(), "{check:?}");
        }
    }

    #[test]
    fn names_are_found_as_words_alone() {
        assert!(has_word("column core.calls.status", "core.calls"));
        assert!(has_word("index a_b on t", "a_b"));
        assert!(!has_word("column core.calls_old.status", "core.calls"));
        assert!(!has_word("index a_b_idx on t", "a_b"));
    }
}
