//! The reader over SQL that was cut, doubled and mixed: it never panics, never hangs, and whatever
//! it says lies within the text.
//!
//! `HOWDAH_SQL_FOLDER=/path` reads every SQL file below a folder too, such as PostgreSQL's own
//! regression tests, and prints how much of it was understood.

mod reading;

use std::fs;
use std::path::{Path, PathBuf};

use howdah_sql::command::{Command, read};
use howdah_sql::split;
use proptest::prelude::*;
use reading::read_all;

/// SQL of every kind; each file is a seed.
fn seeds() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds");
    let mut files = sql_files(&folder);
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).expect("a seed")).collect()
}

fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .flat_map(|path| if path.is_dir() { sql_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .collect()
}

/// One change to a text; places are parts of its length, in thousandths.
#[derive(Debug, Clone)]
enum Change {
    Cut(usize, usize),
    Double(usize, usize),
    Insert(usize, &'static str),
    Mix(usize, usize),
    End(usize),
}

/// What hurts a reader most.
const HURTFUL: &[&str] = &[
    "'",
    "\"",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    ".",
    "\\",
    "E'\\",
    "U&\"",
    "begin atomic",
    "end",
    "case",
    "copy t from stdin;\n",
    "\\.\n",
    "\u{0}",
    "é",
    "🦀",
    "$1",
    ":",
    "::",
    "{{",
    "create",
    "alter table",
    "only",
    "add",
    "constraint",
    "check",
    "not valid",
    "using",
    "generated",
    "as",
    "partition",
    "concurrently",
    "if not exists",
    "references",
    "\r\n",
];

fn change() -> impl Strategy<Value = Change> {
    let place = 0_usize..=1000;
    prop_oneof![
        (place.clone(), 0_usize..200).prop_map(|(at, n)| Change::Cut(at, n)),
        (place.clone(), 0_usize..200).prop_map(|(at, n)| Change::Double(at, n)),
        (place.clone(), prop::sample::select(HURTFUL)).prop_map(|(at, t)| Change::Insert(at, t)),
        (place.clone(), any::<usize>()).prop_map(|(at, seed)| Change::Mix(at, seed)),
        place.prop_map(Change::End),
    ]
}

fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn changed(seeds: &[String], mut text: String, changes: &[Change]) -> String {
    for change in changes {
        let place = |part: usize| boundary(&text, text.len() * part / 1000);
        match change {
            Change::Cut(at, n) => {
                let from = place(*at);
                let to = boundary(&text, from + n);
                text.replace_range(from..to.max(from), "");
            }
            Change::Double(at, n) => {
                let from = place(*at);
                let to = boundary(&text, from + n).max(from);
                let part = text[from..to].to_owned();
                text.insert_str(from, &part);
            }
            Change::Insert(at, new) => {
                let at = place(*at);
                text.insert_str(at, new);
            }
            Change::Mix(at, seed) => {
                let at = place(*at);
                let other = &seeds[seed % seeds.len()];
                text.insert_str(at, &other[..boundary(other, 300)]);
            }
            Change::End(at) => {
                let at = place(*at);
                text.truncate(at);
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn changed_sql_is_read(seed in any::<usize>(),
                           changes in prop::collection::vec(change(), 1..8)) {
        let seeds = seeds();
        let text = changed(&seeds, seeds[seed % seeds.len()].clone(), &changes);
        read_all(&text);
    }
}

/// What the fuzzer has kept, by `make fuzz`.
#[test]
fn the_corpus_of_the_fuzzer_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sql");
    let mut read = 0;
    for entry in fs::read_dir(folder).expect("the corpus") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("a file");
        if let Ok(text) = std::str::from_utf8(&bytes) {
            read_all(text);
            read += 1;
        }
    }
    assert!(read > 0);
}

#[test]
fn what_nests_or_repeats_without_end_is_read() {
    let many = 20_000;
    for text in [
        "(".repeat(many),
        "$a$".repeat(many),
        "/*".repeat(many),
        "'".repeat(many),
        "case ".repeat(many),
        format!("create table t ({})", "a int,".repeat(many)),
        format!("create table t ({}", "a int default (".repeat(many)),
        format!("alter table t {}", "add a int check (a > 0),".repeat(many)),
        format!("create index i on t {}", "(a".repeat(many)),
        format!("do $x$ {} $x$", "create role ".repeat(many)),
        format!("create function f() returns int {}", "begin atomic ".repeat(many)),
        format!("grant {} on t to x", "select,".repeat(many)),
        "copy t from stdin;\n".repeat(many),
        format!("select {}", "dblink".repeat(many)),
    ] {
        read_all(&text);
    }
}

#[test]
fn a_folder_of_others_is_read() {
    let Ok(folder) = std::env::var("HOWDAH_SQL_FOLDER") else { return };
    let (mut files, mut all, mut other, mut cut) = (0, 0, 0, 0);
    let mut words: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for file in sql_files(Path::new(&folder)) {
        let bytes = fs::read(&file).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        read_all(&text);
        files += 1;
        let (statements, problems) = split(&text);
        let psql = |kind| {
            matches!(kind, howdah_sql::ProblemKind::PsqlCommand | howdah_sql::ProblemKind::CopyData)
        };
        cut += problems.iter().filter(|problem| !psql(problem.kind)).count();
        for statement in &statements {
            all += 1;
            if let Command::Other(leading) = read(statement.text) {
                other += 1;
                *words.entry(leading.split(' ').next().unwrap_or("").to_owned()).or_default() += 1;
            }
        }
    }
    let mut words: Vec<(usize, String)> = words.into_iter().map(|(w, n)| (n, w)).collect();
    words.sort_by(|a, b| b.cmp(a));
    words.truncate(12);
    eprintln!(
        "{files} files, {all} statements, {other} not told apart, {cut} cut short; {words:?}"
    );
}
