//! The findings of a former review, which are not told again.
//!
//! A baseline is the JSON of a report; only its fingerprints are read.

use std::collections::HashSet;

use howdah_error::{Error, Result};
use serde::Deserialize;

use crate::report::Report;

#[derive(Deserialize)]
struct Document {
    findings: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    fingerprint: String,
}

/// Takes out of `report` what the report in `json` has too; gives how many.
pub fn apply(report: &mut Report, json: &str) -> Result<usize> {
    let document: Document = serde_json::from_str(json).map_err(|error| {
        Error::input("the baseline is no report of howdah review")
            .detail(format!("{error}."))
            .hint("Write one with `howdah review --format json > baseline.json`.")
    })?;
    let known: HashSet<String> = document.findings.into_iter().map(|f| f.fingerprint).collect();
    let before = report.findings.len();
    report.findings.retain(|finding| !known.contains(&finding.fingerprint));
    Ok(before - report.findings.len())
}
