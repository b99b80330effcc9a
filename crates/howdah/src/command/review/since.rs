//! `--since REV`: only what is in files that changed.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
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
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    let top = top.into_iter().next().map(PathBuf::from).unwrap_or_default();
    // Source lies beside the migrations, so all of the repository counts.
    let mut changed = git(&top, &["diff", "--name-only", revision])?;
    changed.extend(git(&top, &["ls-files", "--others", "--exclude-standard"])?);
    let root = root.canonicalize().map_err(|error| {
        Error::new(Kind::Io, format!("could not find \"{}\"", root.display())).source(error)
    })?;
    let is_changed = |path: &str| {
        let path = plain(&root.join(path));
        let within = path.strip_prefix(&top).ok().map(|path| path.to_string_lossy().into_owned());
        within.is_some_and(|path| changed.contains(&path))
    };
    let before = report.findings.len();
    report
        .findings
        .retain(|finding| finding.place.as_ref().is_some_and(|place| is_changed(&place.path)));
    Ok(before - report.findings.len())
}

/// The path without `..` and `.`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
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
