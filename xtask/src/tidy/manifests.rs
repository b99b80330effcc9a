//! Every crate takes its lints and its dependencies from the workspace, so that each version and
//! each lint is said once.

use super::manifest;
use super::tree::{Finding, Tree};

/// Reads the manifest of every member.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let member = file.crate_name().is_some() || file.path.starts_with("xtask/");
        if !member || file.name() != "Cargo.toml" {
            continue;
        }
        let entries = manifest::entries(&file.text);
        if !entries.iter().any(|entry| {
            entry.section == "lints" && entry.key == "workspace" && entry.value == "true"
        }) {
            findings.push(file.finding(
                0,
                "the crate does not follow the lints of the workspace",
                "add `[lints]` with `workspace = true`",
            ));
        }
        for entry in &entries {
            let own_table = entry.section.contains("dependencies.");
            let own_version = entry.dependency().is_some() && !entry.is_from_workspace();
            if own_table || own_version {
                findings.push(file.finding(
                    entry.line,
                    format!("\"{}\" does not come from the workspace", entry.key),
                    "declare it in [workspace.dependencies] and write `name.workspace = true`",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let tree = Tree::sample(&[("crates/howdah-a/Cargo.toml", text)]);
        check(&tree).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn own_versions_and_missing_lints_are_found() {
        assert_eq!(lines("[dependencies]\na.workspace = true\n"), [1]);
        let lints = "[lints]\nworkspace = true\n";
        assert_eq!(lines(&format!("{lints}[dependencies]\na = \"1\"\n")), [4]);
        assert_eq!(lines(&format!("{lints}[dev-dependencies]\na = {{ path = \"x\" }}\n")), [4]);
        assert_eq!(lines(&format!("{lints}[dependencies.a]\nversion = \"1\"\n")), [4]);
    }

    #[test]
    fn a_member_of_the_workspace_passes() {
        let text = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n[dependencies]\n\
                    a.workspace = true\nb = { workspace = true, features = [\"c\"] }\n";
        assert_eq!(lines(text), []);
    }
}
