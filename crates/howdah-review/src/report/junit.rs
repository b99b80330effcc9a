//! The report as JUnit XML: a suite a group, a test a check of the score.

use super::Report;
use super::html::escape;
use crate::finding::Finding;
use crate::rule::{Group, Rule};
use crate::score::{Outcome, score};

/// The document.
#[must_use]
pub fn junit(report: &Report) -> String {
    let score = score(report);
    let failures = score.checks.iter().filter(|(_, outcome)| *outcome == Outcome::Failed).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"howdah review\" tests=\"{}\" failures=\"{failures}\">\n",
        score.checks.len()
    );
    for group in Group::ALL {
        let checks: Vec<&(&Rule, Outcome)> =
            score.checks.iter().filter(|(rule, _)| rule.group == *group).collect();
        if checks.is_empty() {
            continue;
        }
        let count = |wanted| checks.iter().filter(|(_, outcome)| *outcome == wanted).count();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
            group.as_str(),
            checks.len(),
            count(Outcome::Failed),
            count(Outcome::Unknown)
        ));
        for (rule, outcome) in checks {
            out.push_str(&case(report, rule, *outcome));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(report: &Report, rule: &Rule, outcome: Outcome) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{} {}\"",
        rule.group.as_str(),
        rule.code,
        rule.name
    );
    let found: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.rule.code == rule.code).collect();
    let lines: Vec<String> = found.iter().map(|finding| line(finding)).collect();
    let text = escape(&lines.join("\n"));
    match outcome {
        Outcome::Passed => format!("{head}/>\n"),
        Outcome::Failed => format!(
            "{head}>\n      <failure message=\"{} findings\" type=\"{}\">{text}</failure>\n    \
             </testcase>\n",
            found.len(),
            rule.level
        ),
        Outcome::Unknown => {
            let why = if found.is_empty() { "could not be checked" } else { "not proved" };
            format!("{head}>\n      <skipped message=\"{why}\"/>\n    </testcase>\n")
        }
    }
}

fn line(finding: &Finding) -> String {
    match &finding.place {
        Some(place) => format!("{}:{}: {}", place.path, place.position, finding.message),
        None => format!("{}: {}", finding.subject, finding.message),
    }
}
