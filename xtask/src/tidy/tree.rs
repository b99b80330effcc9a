//! The files that the checks read, and the finding that they return.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::mask;

/// One thing that is wrong at one place, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path of the file from the root of the repository.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub wrong: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}: {}", self.path, self.line, self.wrong, self.remedy)
    }
}

/// A text file of the repository.
pub struct File {
    /// Path from the root, with slashes.
    pub path: String,
    /// What it holds.
    pub text: String,
    /// For Rust: the text with comments and literals blanked, line by line as long as the text.
    pub code: String,
    /// For Rust: the lines, from 0, that are compiled for tests only.
    pub tests: Vec<Range<usize>>,
}

impl File {
    /// Takes a text apart once for all checks.
    pub fn new(path: &str, text: &str) -> Self {
        let code = if extension(path) == "rs" { mask::blank(text) } else { String::new() };
        let tests = if is_test_path(path) {
            vec![Range { start: 0, end: text.lines().count() }]
        } else {
            mask::test_lines(&code)
        };
        Self { path: path.to_owned(), text: text.to_owned(), code, tests }
    }

    /// The ending of the name, empty when there is none.
    pub fn extension(&self) -> &str {
        extension(&self.path)
    }

    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether a line, counted from 0, is compiled for tests only.
    pub fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&line))
    }

    /// The crate under `crates/` that the file belongs to.
    pub fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split_once('/').map(|(name, _)| name)
    }

    /// A finding in this file at a line counted from 0.
    pub fn finding(&self, line: usize, wrong: impl Into<String>, remedy: &str) -> Finding {
        Finding {
            path: self.path.clone(),
            line: line + 1,
            wrong: wrong.into(),
            remedy: remedy.to_owned(),
        }
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Folders and files that hold nothing but tests.
fn is_test_path(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs")
}

/// Every text file of the repository that git does not ignore.
pub struct Tree {
    /// Absolute path of the repository.
    pub root: PathBuf,
    /// Sorted by path.
    pub files: Vec<File>,
}

impl Tree {
    /// Walks the folder itself instead of asking git: tidy then also works on an unpacked
    /// archive, and sees a new file before it is added.
    pub fn read(root: &Path) -> io::Result<Self> {
        let ignored = Ignored::parse(&fs::read_to_string(root.join(".gitignore"))?);
        let mut files = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                let shown = path.to_string_lossy().replace('\\', "/");
                if ignored.holds(&shown) {
                    continue;
                }
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file()
                    && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
                {
                    files.push(File::new(&shown, &text));
                }
            }
        }
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(Self { root: root.to_owned(), files })
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.extension() == "rs")
    }

    /// The file at exactly this path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The names of all folders under `crates/`.
    pub fn crates(&self) -> BTreeSet<&str> {
        self.files.iter().filter_map(File::crate_name).collect()
    }

    /// A tree for the tests of a check.
    #[cfg(test)]
    pub fn sample(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File::new(path, text)).collect();
        Self { root: PathBuf::from("/srv/clone/howdah"), files }
    }
}

/// What `.gitignore` names, as far as this repository uses its patterns: `/at-the-root`,
/// `any-part/` and `*.ending`.
struct Ignored(Vec<String>);

impl Ignored {
    fn parse(text: &str) -> Self {
        let patterns = text.lines().map(str::trim);
        Self(
            patterns
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(|line| line.trim_end_matches('/').to_owned())
                .collect(),
        )
    }

    fn holds(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        name == ".git"
            || self.0.iter().any(|pattern| {
                if let Some(anchored) = pattern.strip_prefix('/') {
                    path == anchored
                } else if let Some(ending) = pattern.strip_prefix('*') {
                    name.ends_with(ending)
                } else {
                    name == pattern
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_patterns_hold_as_git_reads_them() {
        let ignored = Ignored::parse("/target\n.howdah/\n*.snap.new\n# a comment\n");
        assert!(ignored.holds("target"));
        assert!(!ignored.holds("crates/target"));
        assert!(ignored.holds("systems/trading/.howdah"));
        assert!(ignored.holds("crates/a/tests/one.snap.new"));
        assert!(ignored.holds(".git"));
        assert!(!ignored.holds(".gitignore"));
        assert!(!ignored.holds("crates/a/tests/one.snap"));
    }

    #[test]
    fn a_file_knows_its_crate_and_its_test_lines() {
        let file = File::new("crates/a/src/b.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(file.crate_name(), Some("a"));
        assert!(!file.is_test(0));
        assert!(file.is_test(2));
        assert!(File::new("crates/a/tests/main.rs", "fn a() {}\n").is_test(0));
    }
}
