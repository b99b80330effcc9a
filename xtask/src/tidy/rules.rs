//! The lists of the review's rules name every file of their folders, and nothing else.

use std::collections::BTreeMap;

use super::tree::{Finding, Tree};
use crate::rules::{FOLDER, list};

/// Compares `rules/GROUP.rs` with the folder `rules/GROUP/`.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in tree.rust() {
        let Some(below) = file.path.strip_prefix(FOLDER) else { continue };
        if let Some((group, name)) = below.trim_start_matches('/').split_once('/') {
            groups.entry(group).or_default().push(name.trim_end_matches(".rs").to_owned());
        }
    }
    let mut findings = Vec::new();
    for (group, mut modules) in groups {
        modules.sort();
        let path = format!("{FOLDER}/{group}.rs");
        match tree.file(&path) {
            Some(file) if file.text == list(group, &modules) => {}
            Some(file) => findings.push(file.finding(
                0,
                "the list is not that of the folder",
                "run `cargo xtask rules`",
            )),
            None => findings.push(Finding {
                path,
                line: 1,
                wrong: "the group has no list".to_owned(),
                remedy: "run `cargo xtask rules`, and name the group in rules.rs".to_owned(),
            }),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_list_names_is_found() {
        let list = list("keys", &["a".to_owned()]);
        let path = format!("{FOLDER}/keys.rs");
        let (a, b) = (format!("{FOLDER}/keys/a.rs"), format!("{FOLDER}/keys/b.rs"));
        assert_eq!(check(&Tree::sample(&[(&path, &list), (&a, "")])), []);
        assert_eq!(check(&Tree::sample(&[(&path, &list), (&a, ""), (&b, "")])).len(), 1);
        assert_eq!(check(&Tree::sample(&[(&a, "")])).len(), 1);
    }
}
