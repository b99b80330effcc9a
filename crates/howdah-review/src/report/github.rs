//! The report as workflow commands of GitHub Actions, which shows them beside the lines.

use super::Report;
use crate::finding::Level;

/// One line a finding.
#[must_use]
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice | Level::Info => "notice",
        };
        let mut properties = Vec::new();
        if let Some(place) = &finding.place {
            properties.push(format!("file={}", property(&report.path(&place.path))));
            properties.push(format!("line={}", place.position.line));
            properties.push(format!("col={}", place.position.column));
        }
        let title = format!("{} {}", finding.rule.code, finding.rule.name);
        properties.push(format!("title={}", property(&title)));
        let text = [Some(&finding.message), finding.detail.as_ref(), finding.hint.as_ref()];
        let text: Vec<&str> = text.into_iter().flatten().map(String::as_str).collect();
        let text = data(&text.join("\n"));
        out.push_str(&format!("::{command} {}::{text}\n", properties.join(",")));
    }
    out
}

/// Escapes as the toolkit of GitHub Actions does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
