//! Sqitch's plan: which files of `deploy/`, in which order.

use super::RawFile;
use super::convention::{file_name, is_sql};

/// The files in `deploy/` in the order of the plan; by name when there is none.
pub(super) fn order(mut files: Vec<RawFile>) -> Vec<RawFile> {
    let plan = files.iter().find(|file| file_name(&file.path) == "sqitch.plan").cloned();
    files.retain(|file| is_sql(&file.path) && file.path.split('/').any(|part| part == "deploy"));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let Some(plan) = plan else { return files };
    let mut ordered = Vec::new();
    for change in changes(&plan.text) {
        let name = format!("deploy/{change}.sql");
        let is = |file: &RawFile| file.path == name || file.path.ends_with(&format!("/{name}"));
        if let Some(at) = files.iter().position(is) {
            ordered.push(files.remove(at));
        }
    }
    ordered
}

/// The names of the changes; lines with `%` are pragmas and those with `@` tags.
fn changes(plan: &str) -> impl Iterator<Item = &str> {
    plan.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['%', '@', '#', '-']))
        .filter_map(|line| line.split_whitespace().next())
}
