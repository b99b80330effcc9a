//! A page that names a test by `file.rs::name` names one that exists: `name` is a function of a
//! file whose path ends so. `name` may be cut with `…`: then it is the beginning of one.

use super::tree::{File, Finding, Tree};

/// Reads every page.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files.iter().filter(|file| file.extension() == "md");
    pages.flat_map(|page| lost(tree, page)).collect()
}

fn lost(tree: &Tree, page: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in page.text.lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let Some((path, name)) = quoted.split_once(".rs::") else { continue };
            if !exists(tree, &format!("{path}.rs"), name) {
                let wrong = format!("there is no test `{quoted}`");
                findings.push(page.finding(number, wrong, "name one that exists, or write it"));
            }
        }
    }
    findings
}

fn exists(tree: &Tree, path: &str, name: &str) -> bool {
    let (beginning, end) = match name.strip_suffix('…') {
        Some(beginning) => (format!("fn {beginning}"), ""),
        None => (format!("fn {name}"), "("),
    };
    let found = |file: &File| file.code.contains(&format!("{beginning}{end}"));
    tree.files.iter().filter(|file| ends_with(&file.path, path)).any(found)
}

/// Whether a path ends with these parts.
fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_a_page_names_exist() {
        let test = ("crates/a/tests/main/money.rs", "#[test]\nfn w2_a_hold() {}\n// fn w9_x()\n");
        let told = |page: &str| {
            let tree = Tree::sample(&[("systems/calls/README.md", page), test]);
            check(&tree).into_iter().map(|finding| finding.wrong).collect::<Vec<_>>()
        };
        assert_eq!(told("`money.rs::w2_a_hold`, `main/money.rs::w2_…`, `money.rs` alone"), [""; 0]);
        for lost in ["money.rs::w2_a", "oney.rs::w2_a_hold", "money.rs::w9_x", "money.rs::w3_…"] {
            assert_eq!(told(&format!("- `{lost}`")), [format!("there is no test `{lost}`")]);
        }
    }
}
