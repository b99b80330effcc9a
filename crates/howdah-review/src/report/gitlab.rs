//! The report in the format of GitLab's Code Quality.

use serde_json::{Value, json};

use super::Report;
use crate::finding::Level;

/// The document.
pub fn gitlab(report: &Report) -> howdah_error::Result<String> {
    let issues: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let place = finding.place.as_ref();
            // A place is required; what has none is about the whole target.
            let path = place.map_or_else(|| ".".to_owned(), |place| report.path(&place.path));
            let severity = match finding.level {
                Level::Error => "critical",
                Level::Warning => "major",
                Level::Notice => "minor",
                Level::Info => "info",
            };
            json!({
                "description": finding.message,
                "check_name": finding.rule.name,
                "fingerprint": finding.fingerprint,
                "severity": severity,
                "location": {
                    "path": path,
                    "lines": {"begin": place.map_or(1, |place| place.position.line)}
                }
            })
        })
        .collect();
    serde_json::to_string_pretty(&issues)
        .map_err(|error| howdah_error::Error::internal("could not print JSON").source(error))
}
