//! Every Rust file begins with `//!`: a line that says its duty.

use super::tree::{Finding, Tree};

/// Looks at the first line of every Rust file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| {
            let remedy = "begin with `//! ` and one sentence that says its duty";
            file.finding(0, "the file does not say what it is for", remedy)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_a_header_pass() {
        let tree = Tree::sample(&[
            ("crates/a/src/lib.rs", "//! Names.\n"),
            ("crates/a/src/bare.rs", "use std::fmt;\n"),
            ("crates/a/src/empty.rs", "//!\n"),
        ]);
        let paths: Vec<String> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["crates/a/src/bare.rs", "crates/a/src/empty.rs"]);
    }
}
