//! `--since REV`: only what is in files that changed.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use howdah_error::{Error, Kind, Result};
use howdah_review::report::Report;
use howdah_review::target::Target;

/// Takes out the findings in files that are as they were at `revision`; gives how many.
pub fn apply(report: &mut Report, target: &Target, revision: &str) -> Result<usize> {
    let Target::Path(path) = target else {
        return Err(Error::input("a database has no revisions")
            .hint("Give --since with a folder of migrations; --baseline works with both."));
    };
    let root = Path::new(&report.facts.target);
    let root = if root.is_dir() { root } else { path.as_path() };
    if revision.starts_with('-') {
        return Err(Error::input(format!("\"{revision}\" is no revision")));
    }
    let mut changed = git(root, &["diff", "--name-only", "--relative", revision, "--", "."])?;
    changed.extend(git(root, &["ls-files", "--others", "--exclude-standard", "--", "."])?);
    let before = report.findings.len();
    report.findings.retain(|finding| {
        finding.place.as_ref().is_some_and(|place| changed.contains(&place.path))
    });
    Ok(before - report.findings.len())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<HashSet<String>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "core.quotePath=off"])
        .args(arguments)
        .output()
        .map_err(|error| Error::new(Kind::Io, "could not run git").source(error))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::input("git could not tell what changed").detail(format!("{why}.")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(str::to_owned).collect())
}
