//! `howdah review` as it is typed: what changed since a revision, claims, formats.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use howdah_testkit::TestFolder;
use serde_json::Value;

fn howdah(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_howdah"));
    command.args(args).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn git(folder: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
    let output =
        Command::new("git").current_dir(folder).args(identity).args(args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn migrations(folder: &Path) {
    fs::create_dir(folder.join("migrations")).unwrap();
    for (name, sql) in [
        ("0001_a.sql", "create table a (id bigint primary key, n int);"),
        ("0002_b.sql", "update a set n = 1;"),
    ] {
        fs::write(folder.join("migrations").join(name), sql).unwrap();
    }
}

/// The paths of what a rule finds.
fn found(folder: &Path, rule: &str, args: &[&str]) -> Vec<String> {
    let output = howdah(folder, &[&["review", ".", "--static", "--format", "json"], args].concat());
    assert!(output.status.code() != Some(2), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["rule"] == rule)
        .map(|finding| finding["place"]["path"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn source_is_read_where_it_lies_and_told_when_it_changed() {
    let folder = TestFolder::new();
    let source = "const page = sql`SELECT id FROM a ORDER BY id LIMIT 10 OFFSET 20`;\n";
    // Without any migration, beside a SQL file, and beside a folder of migrations.
    fs::write(folder.path().join("page.ts"), source).unwrap();
    assert_eq!(found(folder.path(), "offset-pages", &[]), ["page.ts"]);
    fs::write(folder.path().join("0001_a.sql"), "create table a (id bigint primary key);").unwrap();
    assert_eq!(found(folder.path(), "offset-pages", &[]), ["page.ts"]);
    fs::remove_file(folder.path().join("0001_a.sql")).unwrap();
    migrations(folder.path());
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "begin"]);
    assert_eq!(found(folder.path(), "offset-pages", &[]), ["../page.ts"]);
    assert!(found(folder.path(), "offset-pages", &["--since", "HEAD"]).is_empty());
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/list.ts"), source).unwrap();
    assert_eq!(found(folder.path(), "offset-pages", &["--since", "HEAD"]), ["../src/list.ts"]);
}

#[test]
fn only_files_that_changed_since_a_revision_are_told() {
    let folder = TestFolder::new();
    migrations(folder.path());
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "begin"]);
    fs::write(folder.path().join("migrations/0003_c.sql"), "update a set n = 2;").unwrap();
    let paths = |more: &[&str]| -> Vec<String> {
        let args = [&["review", ".", "--static", "--format", "json"], more].concat();
        let output = howdah(folder.path(), &args);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = document["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["rule"] == "update-every-row")
            .map(|finding| finding["place"]["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths(&[]), ["0002_b.sql", "0003_c.sql"]);
    assert_eq!(paths(&["--since", "HEAD"]), ["0003_c.sql"]);
    let output = howdah(folder.path(), &["review", ".", "--static", "--since", "nothing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("git could not tell what changed"));
}

#[test]
fn a_review_that_is_refuted_ends_with_1() {
    let folder = TestFolder::new();
    migrations(folder.path());
    let review = folder.path().join("review.md");
    fs::write(&review, "Foreign keys to partitioned tables are unsupported.\n").unwrap();
    let output = howdah(folder.path(), &["review", ".", "--claims", "review.md"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("FALSE: "), "{}", text(&output.stdout));
    fs::write(&review, "It is fine.\n").unwrap();
    let args = ["review", ".", "--claims", "review.md", "--format", "json"];
    let output = howdah(folder.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["claims"].as_array().unwrap().len(), 0);
    let args = ["review", ".", "--claims", "review.md", "--format", "sarif"];
    let output = howdah(folder.path(), &args);
    assert_eq!(output.status.code(), Some(2));
}
