//! ARCHITECTURE.md is a map: it names every crate, and names none that does not exist.

use std::collections::BTreeSet;

use super::tree::{Finding, Tree};

const MAP: &str = "ARCHITECTURE.md";

/// Compares the map with the folders under `crates/`. Without a map there is nothing to compare.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(MAP) else { return Vec::new() };
    let crates = tree.crates();
    let mut named = BTreeSet::new();
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for name in names(line) {
            if !crates.contains(name) && is_about_a_crate(line, name) {
                findings.push(file.finding(
                    number,
                    format!("\"{name}\" is not a crate of this workspace"),
                    "name what is there",
                ));
            }
            named.insert(name);
        }
    }
    for missing in crates.difference(&named) {
        let wrong = format!("the map does not name the crate \"{missing}\"");
        findings.push(file.finding(0, wrong, "say in one line what it is for"));
    }
    findings
}

/// The words of a line, where a word may hold dashes.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').filter(|w| !w.is_empty())
}

/// `howdah-x` and `crates/x` speak of crates; any other word speaks of something else.
fn is_about_a_crate(line: &str, name: &str) -> bool {
    name.starts_with("howdah-") || line.contains(&format!("crates/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(map: &str) -> Vec<String> {
        let tree = Tree::sample(&[
            (MAP, map),
            ("crates/howdah/src/main.rs", ""),
            ("crates/howdah-pg/src/lib.rs", ""),
        ]);
        check(&tree).into_iter().map(|finding| finding.wrong).collect()
    }

    #[test]
    fn a_map_of_exactly_the_crates_passes() {
        let map = "# Map\n- `crates/howdah-pg`: talks\n- `crates/howdah`: wires\n`howdah run`\n";
        assert_eq!(told(map), Vec::<String>::new());
        assert_eq!(check(&Tree::sample(&[("crates/howdah/src/main.rs", "")])), []);
    }

    #[test]
    fn missing_and_invented_crates_are_found() {
        assert_eq!(told("`howdah` only\n"), ["the map does not name the crate \"howdah-pg\""]);
        assert_eq!(
            told("howdah, howdah-pg, howdah-moon and crates/sun\n"),
            [
                "\"howdah-moon\" is not a crate of this workspace",
                "\"sun\" is not a crate of this workspace"
            ]
        );
    }
}
