//! The report as SARIF 2.1.0 (OASIS), for code scanning.

use serde_json::{Value, json};

use super::Report;
use crate::finding::{Finding, Level};

/// The document.
pub fn sarif(report: &Report) -> howdah_error::Result<String> {
    let mut used: Vec<&crate::Rule> = report
        .findings
        .iter()
        .chain(report.suppressed.iter().map(|suppressed| &suppressed.finding))
        .map(|finding| finding.rule)
        .collect();
    used.sort_by_key(|rule| rule.code);
    used.dedup_by_key(|rule| rule.code);
    let rules: Vec<Value> = used
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "name": rule.name,
                "defaultConfiguration": {"level": level(rule.level)},
                "help": {"text": rule.documentation(), "markdown": rule.documentation()},
                "properties": {"tags": [rule.group.as_str()]}
            })
        })
        .collect();
    let mut results: Vec<Value> =
        report.findings.iter().map(|finding| result(report, finding, None)).collect();
    results.extend(
        report.suppressed.iter().map(|suppressed| {
            result(report, &suppressed.finding, Some(suppressed.reason.as_str()))
        }),
    );
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "howdah",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules
            }},
            "columnKind": "unicodeCodePoints",
            "results": results
        }]
    });
    serde_json::to_string_pretty(&document)
        .map_err(|error| howdah_error::Error::internal("could not print SARIF").source(error))
}

fn result(report: &Report, finding: &Finding, reason: Option<&str>) -> Value {
    let text = [Some(finding.message.as_str()), finding.detail.as_deref(), finding.hint.as_deref()];
    let text: Vec<&str> = text.into_iter().flatten().collect();
    let mut result = json!({
        "ruleId": finding.rule.code,
        "level": level(finding.level),
        "message": {"text": text.join("\n")},
        "partialFingerprints": {"howdah/v1": finding.fingerprint},
        "properties": {
            "proof": finding.proof.as_str(),
            "subject": finding.subject.to_string(),
            "cause": finding.cause()
        }
    });
    if let Some(place) = &finding.place {
        result["locations"] = json!([{"physicalLocation": {
            "artifactLocation": {"uri": uri(&report.path(&place.path))},
            "region": {
                "startLine": place.position.line,
                "startColumn": place.position.column,
                "byteOffset": place.span.start,
                "byteLength": place.span.len()
            }
        }}]);
    }
    if let Some(reason) = reason {
        result["suppressions"] = json!([{"kind": "inSource", "justification": reason}]);
    }
    result
}

/// A path as a URI reference (RFC 3986): everything else than unreserved characters and slashes is
/// written in hexadecimal.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice | Level::Info => "note",
    }
}
