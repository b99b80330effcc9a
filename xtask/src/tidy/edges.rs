//! Which crate may depend on which: arrows point one way, and this table is the only place that
//! says how.

use super::manifest;
use super::tree::{Finding, Tree};

/// A crate and the crates of this workspace that it may use. Everything may use `howdah-error`.
/// `howdah-testkit` stands in no row: it is for [dev-dependencies], which are free.
const EDGES: &[(&str, &[&str])] = &[
    ("howdah-error", &[]),
    ("howdah-catalog", &[]),
    ("howdah-feed", &[]),
    ("howdah-sql", &["howdah-catalog"]),
    ("howdah-system", &["howdah-catalog", "howdah-sql"]),
    ("howdah-rollup", &["howdah-system", "howdah-sql", "howdah-catalog"]),
    ("howdah-fold", &["howdah-rollup", "howdah-system", "howdah-sql", "howdah-catalog"]),
    ("howdah-plan", &["howdah-rollup", "howdah-system", "howdah-catalog"]),
    ("howdah-pg", &["howdah-catalog", "howdah-sql"]),
    (
        "howdah-stream",
        &[
            "howdah-pg",
            "howdah-fold",
            "howdah-plan",
            "howdah-rollup",
            "howdah-system",
            "howdah-catalog",
        ],
    ),
    (
        "howdah-history",
        &["howdah-pg", "howdah-plan", "howdah-rollup", "howdah-system", "howdah-catalog"],
    ),
    (
        "howdah-upkeep",
        &[
            "howdah-history",
            "howdah-pg",
            "howdah-plan",
            "howdah-rollup",
            "howdah-system",
            "howdah-catalog",
        ],
    ),
    (
        "howdah-archive",
        &["howdah-history", "howdah-pg", "howdah-plan", "howdah-system", "howdah-catalog"],
    ),
    ("howdah-review", &["howdah-pg", "howdah-system", "howdah-sql", "howdah-catalog"]),
    ("howdah-testkit", &["howdah-pg"]),
    ("howdah-server", &["howdah-stream", "howdah-pg", "howdah-system", "howdah-catalog"]),
    (
        "howdah",
        &[
            "howdah-catalog",
            "howdah-sql",
            "howdah-system",
            "howdah-rollup",
            "howdah-plan",
            "howdah-pg",
            "howdah-stream",
            "howdah-upkeep",
            "howdah-history",
            "howdah-archive",
            "howdah-review",
            "howdah-server",
            "howdah-feed",
        ],
    ),
];

/// Compares the manifests with the table.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in tree.crates() {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(file) = tree.file(&path) else { continue };
        let Some((_, allowed)) = EDGES.iter().find(|(crate_name, _)| *crate_name == name) else {
            let wrong = format!("crate \"{name}\" has no row in the table of edges");
            findings.push(file.finding(0, wrong, "decide what it may use in tidy/edges.rs"));
            continue;
        };
        for entry in manifest::entries(&file.text) {
            let Some(used) = entry.dependency().filter(|_| !entry.is_dev()) else { continue };
            let ours = tree.crates().contains(used);
            let free = used == "howdah-error" && name != "howdah-error";
            if ours && !free && !allowed.contains(&used) {
                let wrong = format!("\"{name}\" may not depend on \"{used}\"");
                findings.push(file.finding(
                    entry.line,
                    wrong,
                    "move the code to a room that may, or change the table in tidy/edges.rs \
                     and ARCHITECTURE.md with a reason",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, manifest: &str) -> Vec<Finding> {
        let path = format!("crates/{name}/Cargo.toml");
        check(&Tree::sample(&[
            (&path, manifest),
            ("crates/howdah-pg/src/lib.rs", ""),
            ("crates/howdah-error/src/lib.rs", ""),
            ("crates/howdah-testkit/src/lib.rs", ""),
        ]))
    }

    #[test]
    fn an_edge_against_the_arrows_is_found() {
        let found = findings("howdah-plan", "[dependencies]\nhowdah-pg.workspace = true\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert_eq!(found[0].wrong, "\"howdah-plan\" may not depend on \"howdah-pg\"");
    }

    #[test]
    fn allowed_edges_and_test_edges_pass() {
        let manifest = "[dependencies]\nhowdah-error.workspace = true\nserde.workspace = true\n\
                        [dev-dependencies]\nhowdah-testkit.workspace = true\n";
        assert_eq!(findings("howdah-plan", manifest), []);
        let manifest = "[dependencies]\nhowdah-testkit.workspace = true\n";
        assert_eq!(findings("howdah-stream", manifest).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_eq!(findings("howdah-new", "[dependencies]\n").len(), 1);
    }

    /// Rows stand below the rows that they use, so the table has no circle.
    #[test]
    fn the_table_has_no_circle() {
        for (index, (name, allowed)) in EDGES.iter().enumerate() {
            for used in *allowed {
                let place = EDGES.iter().position(|(other, _)| other == used);
                assert!(place.is_some_and(|place| place < index), "{name} uses {used}");
            }
        }
    }
}
