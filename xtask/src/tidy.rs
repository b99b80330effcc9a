//! `cargo xtask tidy`: the rules of this repository that no compiler holds. Each check is one
//! file, a pure function from the tree of files to findings.

mod architecture;
mod docs;
mod edges;
mod functions;
mod header;
mod limits;
mod links;
mod manifest;
mod manifests;
mod mask;
mod proofs;
mod pure;
mod rules;
mod secrets;
mod spaces;
mod tree;
mod words;

use std::path::Path;
use std::process::ExitCode;

use crate::could_not;
use tree::{Finding, Tree};

/// A check reads the tree and says what is wrong.
type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[Check] = &[
    edges::check,
    pure::check,
    manifests::check,
    header::check,
    limits::check,
    architecture::check,
    secrets::check,
    spaces::check,
    words::check,
    docs::check,
    rules::check,
    proofs::check,
    links::check,
];

/// Runs every check and prints all findings in the order of the files.
pub fn run(root: &Path) -> ExitCode {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(source) => return could_not(&format!("could not read the repository: {source}")),
    };
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        eprintln!("tidy: {} files, nothing to say", tree.files.len());
        return ExitCode::SUCCESS;
    }
    eprintln!("tidy: {} findings in {} files", findings.len(), tree.files.len());
    ExitCode::from(1)
}
