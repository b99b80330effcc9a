//! Pure crates stay pure: no files, no network, no environment, no processes, no clock, no
//! runtime. And the SQL parser is seen by one crate only. Code of tests is free.

use super::mask;
use super::tree::{File, Finding, Tree};

/// The crates that work on data alone, so that they can be tested as data.
const PURE: &[&str] = &[
    "howdah-error",
    "howdah-catalog",
    "howdah-sql",
    "howdah-system",
    "howdah-rollup",
    "howdah-fold",
    "howdah-plan",
    "howdah-feed",
];

/// Paths into the outside world.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "tokio",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// The parts of `std` above as they stand in `use std::{…}`.
const OUTSIDE_STD: &[&str] = &["fs", "net", "env", "process"];

/// The crate that may see the parser, and the parser.
const PARSER: (&str, &str) = ("howdah-sql", "sqlparser");

/// Reads the code of every crate.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let Some(name) = file.crate_name() else { continue };
        if PURE.contains(&name) {
            findings.extend(outside(file));
        }
        if name != PARSER.0 {
            findings.extend(mask::words(&file.code, PARSER.1).map(|byte| {
                file.finding(
                    mask::line_of(&file.code, byte),
                    format!("only {} may name {}", PARSER.0, PARSER.1),
                    "use the types of howdah-sql",
                )
            }));
        }
    }
    findings
}

fn outside(file: &File) -> Vec<Finding> {
    let paths =
        OUTSIDE.iter().flat_map(|path| mask::words(&file.code, path).map(move |at| (at, *path)));
    paths
        .chain(grouped(&file.code))
        .map(|(byte, path)| (mask::line_of(&file.code, byte), path))
        .filter(|(line, _)| !file.is_test(*line))
        .map(|(line, path)| {
            let wrong = format!("a pure crate uses \"{path}\"");
            file.finding(line, wrong, "pass the value in; IO lives at the rim")
        })
        .collect()
}

/// `use std::{fs, env::var}`: the same paths in a group.
fn grouped(code: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (at, group) in code.match_indices("std::{") {
        let open = at + group.len() - 1;
        let Some(end) = mask::closing(code, open) else { continue };
        for part in code[open + 1..end].split(',') {
            let first = part.trim().split("::").next().unwrap_or("");
            found.extend(OUTSIDE_STD.iter().find(|name| **name == first).map(|name| (at, *name)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::sample(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn io_and_clocks_in_a_pure_crate_are_found() {
        let path = "crates/howdah-plan/src/lib.rs";
        assert_eq!(lines(path, "use std::fs::File;\n"), [1]);
        assert_eq!(lines(path, "use std::{fmt, env};\n"), [1]);
        assert_eq!(lines(path, "\nlet now = Instant::now();\n"), [2]);
        assert_eq!(lines(path, "async fn f() { tokio::spawn(g) }\n"), [1]);
    }

    #[test]
    fn comments_tests_and_other_crates_are_free() {
        let path = "crates/howdah-plan/src/lib.rs";
        assert_eq!(lines(path, "// std::fs\nconst A: &str = \"std::env\";\n"), []);
        assert_eq!(lines(path, "#[cfg(test)]\nmod tests {\n use std::fs;\n}\n"), []);
        assert_eq!(lines(path, "use tokio_free::x;\nuse std::{fmt, io};\n"), []);
        assert_eq!(lines("crates/howdah-pg/src/lib.rs", "use std::fs;\n"), []);
    }

    #[test]
    fn the_parser_is_seen_by_one_crate() {
        assert_eq!(lines("crates/howdah-pg/src/lib.rs", "use sqlparser::ast;\n"), [1]);
        assert_eq!(lines("crates/howdah-sql/src/lib.rs", "use sqlparser::ast;\n"), []);
    }
}
