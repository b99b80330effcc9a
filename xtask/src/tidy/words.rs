//! Marks of unfinished work and names that say nothing: no ignored tests, no notes to fix it
//! later, no debug prints, no modules for everything.

use super::mask;
use super::tree::{File, Finding, Tree};

/// Names that tell no duty.
const NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

/// Reads the names and the text of every Rust and SQL file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let written = |file: &&File| ["rs", "sql"].contains(&file.extension());
    tree.files.iter().filter(written).flat_map(unfinished).chain(nameless(tree)).collect()
}

fn unfinished(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for note in [concat!("FIX", "ME"), concat!("XX", "X")] {
        let in_text = mask::words(&file.text, note).map(|at| mask::line_of(&file.text, at));
        findings.extend(in_text.map(|line| {
            file.finding(line, format!("a note \"{note}\""), "do it now, or open an issue")
        }));
    }
    for (call, remedy) in [
        ("#[ignore", "make the test hold, or remove it"),
        ("dbg!", "remove it, or log with tracing"),
    ] {
        findings.extend(mask::words(&file.code, call).map(|at| {
            file.finding(mask::line_of(&file.code, at), format!("\"{call}\" in code"), remedy)
        }));
    }
    findings
}

fn nameless(tree: &Tree) -> impl Iterator<Item = Finding> {
    tree.rust().filter_map(|file| {
        let mut parts = file.path.trim_end_matches(".rs").split('/');
        let name = parts.find(|part| NAMES.contains(part))?;
        let wrong = format!("a module named \"{name}\"");
        Some(file.finding(0, wrong, "name it after its one duty"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::sample(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unfinished_work_is_found() {
        assert_eq!(lines("a.rs", concat!("//! a\n// FIX", "ME: b\n")), [2]);
        assert_eq!(lines("a.sql", concat!("-- XX", "X\n")), [1]);
        assert_eq!(lines("a.rs", "#[ignore = \"slow\"]\nfn a() { dbg!(1); }\n"), [1, 2]);
        assert_eq!(lines("crates/a/src/utils.rs", ""), [1]);
        assert_eq!(lines("crates/a/src/common/time.rs", ""), [1]);
    }

    #[test]
    fn ordinary_words_pass() {
        assert_eq!(lines("a.rs", "// #[ignore] and dbg! in a comment\nfn xdbg() {}\n"), []);
        assert_eq!(lines("a.sql", concat!("select 'XX", "XX';\n")), []);
        assert_eq!(lines("crates/a/src/commonness.rs", ""), []);
    }
}
