//! Sizes that a reader can hold: lines of 100 columns, functions of 70 lines, files of 600 lines
//! without their test module. `xtask/tidy-exceptions.txt` lists what is larger; it may only
//! shrink, so an exception that is no longer needed, or larger than needed, is an error.

use std::collections::BTreeMap;

use super::functions::functions;
use super::tree::{File, Finding, Tree};

const COLUMNS: usize = 100;
const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 600;
const EXCEPTIONS: &str = "xtask/tidy-exceptions.txt";

/// Something that is larger than its limit: where, what it is called in the list, and its lines.
struct Large<'a> {
    file: &'a File,
    line: usize,
    name: String,
    lines: usize,
    limit: usize,
}

/// Measures every Rust file and settles the result with the list of exceptions.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree.rust().flat_map(long_lines).collect();
    let mut larger: Vec<Large<'_>> = tree.rust().flat_map(large_functions).collect();
    larger.extend(tree.rust().filter_map(large_file));
    findings.extend(settle(tree, larger));
    findings
}

/// An address cannot be broken, so a line that holds one may be as long as it is.
fn long_lines(file: &File) -> Vec<Finding> {
    file.text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.chars().count() > COLUMNS && !line.contains("://"))
        .map(|(number, line)| {
            let wrong = format!("the line has {} columns of {COLUMNS}", line.chars().count());
            file.finding(number, wrong, "break it")
        })
        .collect()
}

fn large_functions(file: &File) -> Vec<Large<'_>> {
    functions(&file.code)
        .into_iter()
        .filter(|function| function.lines > FUNCTION_LINES)
        .map(|function| Large {
            file,
            line: function.line,
            name: format!("{}::{}", file.path, function.name),
            lines: function.lines,
            limit: FUNCTION_LINES,
        })
        .collect()
}

fn large_file(file: &File) -> Option<Large<'_>> {
    let all = file.text.lines().count();
    // A file of tests is measured as a whole; a file of code without its test module.
    let tests: usize = file.tests.iter().map(ExactSizeIterator::len).sum();
    let lines = if tests == all { all } else { all - tests };
    let name = file.path.clone();
    (lines > FILE_LINES).then_some(Large { file, line: 0, name, lines, limit: FILE_LINES })
}

/// What is large and not in the list, and what is in the list and not that large.
fn settle(tree: &Tree, larger: Vec<Large<'_>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let list = tree.file(EXCEPTIONS);
    let (mut allowed, unreadable) = list.map_or_else(Default::default, read_exceptions);
    findings.extend(unreadable);
    for large in larger {
        let Large { file, line, name, lines, limit } = large;
        match allowed.remove(&name) {
            Some((_, exception)) if exception == lines => {}
            Some((at, exception)) if exception > lines => findings.extend(list.map(|list| {
                let wrong = format!("\"{name}\" has shrunk from {exception} to {lines} lines");
                list.finding(at, wrong, "write the smaller number")
            })),
            exception => {
                let limit = exception.map_or(limit, |(_, exception)| exception);
                let wrong = format!("\"{name}\" has {lines} lines of {limit}");
                findings.push(file.finding(line, wrong, "split it by meaning"));
            }
        }
    }
    for (name, (at, _)) in allowed {
        findings.extend(list.map(|list| {
            list.finding(at, format!("the exception \"{name}\" is not needed"), "remove the line")
        }));
    }
    findings
}

/// Name to (line in the list, lines allowed).
type Allowed = BTreeMap<String, (usize, usize)>;

/// Each line is `path lines` or `path::function lines`; `#` begins a comment.
fn read_exceptions(list: &File) -> (Allowed, Vec<Finding>) {
    let mut allowed = Allowed::new();
    let mut findings = Vec::new();
    for (number, line) in list.text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = line.rsplit_once(' ').and_then(|(name, n)| Some((name, n.parse().ok()?)));
        match parsed {
            Some((name, lines)) => {
                allowed.insert(name.to_owned(), (number, lines));
            }
            None => findings.push(list.finding(
                number,
                "the line is not an exception",
                "write `path lines` or `path::function lines`",
            )),
        }
    }
    (allowed, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/a/src/lib.rs";

    fn told(text: &str, exceptions: &str) -> Vec<String> {
        let tree = Tree::sample(&[(PATH, text), (EXCEPTIONS, exceptions)]);
        check(&tree).iter().map(|finding| format!("{}: {}", finding.line, finding.wrong)).collect()
    }

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "x();\n".repeat(lines - 2))
    }

    #[test]
    fn lines_end_at_the_limit_unless_they_hold_an_address() {
        assert_eq!(told(&format!("// {}\n", "ä".repeat(97)), ""), Vec::<String>::new());
        assert_eq!(
            told(&format!("// {}\n", "ä".repeat(98)), ""),
            ["1: the line has 101 columns of 100"]
        );
        assert_eq!(told(&format!("// https://{}\n", "a".repeat(98)), ""), Vec::<String>::new());
    }

    #[test]
    fn functions_and_files_end_at_the_limit() {
        assert_eq!(told(&function(70), ""), Vec::<String>::new());
        assert_eq!(told(&function(71), ""), ["1: \"crates/a/src/lib.rs::f\" has 71 lines of 70"]);
        assert_eq!(told(&"use a;\n".repeat(600), ""), Vec::<String>::new());
        assert_eq!(
            told(&"use a;\n".repeat(601), ""),
            ["1: \"crates/a/src/lib.rs\" has 601 lines of 600"]
        );
        let with_tests = format!(
            "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
            "use a;\n".repeat(600),
            "use b;\n".repeat(90)
        );
        assert_eq!(told(&with_tests, ""), Vec::<String>::new());
    }

    #[test]
    fn exceptions_may_only_shrink() {
        let exception = "# why\ncrates/a/src/lib.rs::f 80\n";
        assert_eq!(told(&function(80), exception), Vec::<String>::new());
        assert_eq!(
            told(&function(81), exception),
            ["1: \"crates/a/src/lib.rs::f\" has 81 lines of 80"]
        );
        assert_eq!(
            told(&function(79), exception),
            ["2: \"crates/a/src/lib.rs::f\" has shrunk from 80 to 79 lines"]
        );
        assert_eq!(
            told(&function(70), exception),
            ["2: the exception \"crates/a/src/lib.rs::f\" is not needed"]
        );
        assert_eq!(told("", "what is this"), ["1: the line is not an exception"]);
    }
}
