//! Which of a folder's SQL files are one set of migrations for PostgreSQL.
//!
//! A repository has files for several databases, for several services, for tests, and dumps of what
//! its migrations make. One set is reviewed; the others are told, and can be named by their path.

use std::collections::BTreeMap;

use super::dialect;
use crate::migrations::{file_name, is_version, parent};

/// Names of folders that hold migrations.
const MIGRATIONS: &[&str] = &[
    "migrations",
    "migrate",
    "migration",
    "drizzle",
    "db_migrations",
    "dbmigrations",
    "deltas",
    "delta",
    "versioned",
    "evolutions",
];
/// Folders of what is no schema of the product: tests, examples, queries of the application, and
/// what brings old versions of a schema to the newest, beside what makes that.
const ASIDE: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "test_data",
    "test-data",
    "test-fixtures",
    "__tests__",
    "t",
    "e2e",
    "spec",
    "specs",
    "fixture",
    "fixtures",
    "stub",
    "stubs",
    "mock",
    "mocks",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
    "docs",
    "doc",
    "test-files",
    "update",
    "updates",
    "upgrade",
    "upgrades",
    "queries",
    "query",
    "seed",
    "seeds",
    "seeders",
];
/// Folders within a set whose files belong to every database.
const COMMON: &[&str] = &["common", "all", "shared", "generic", "base", "core"];
/// The dumps of Rails; of both the first says more.
const RAILS: &[&str] = &["structure.sql", "schema.rb"];
/// Dumps of a whole database.
const DUMPS: &[&str] = &["structure.sql", "schema.sql"];

/// A set of files that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    /// Its folder below the path; empty for the path itself.
    pub root: String,
    /// Its files, as they lie below the path.
    pub files: Vec<String>,
    rank: Rank,
}

/// How likely a set is the one that makes the database: later is likelier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// SQL files in a folder of any name.
    Files,
    /// A file that is called like a dump.
    Dump,
    /// What a tool of migrations applies.
    Migrations,
    /// A dump of Rails, whose migrations are no SQL.
    Structure,
}

/// What was found below a path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The sets, the likeliest first.
    pub sets: Vec<Set>,
    /// How many files are for another database, by its name.
    pub foreign: BTreeMap<&'static str, usize>,
}

/// Sorts the SQL files below a path into sets. `named` says that the path itself is called like a
/// folder of migrations.
pub(super) fn sets(paths: Vec<String>, named: bool) -> Layout {
    let mut layout = Layout::default();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        match dialect::of_path(&path) {
            Some(name) => *layout.foreign.entry(name).or_default() += 1,
            None => files.push(path),
        }
    }
    dialect::prefer_postgres(&mut files);
    let aside = |path: &String| {
        let name = lower(file_name(path));
        folders(path).any(|name| ASIDE.contains(&lower(name).as_str()))
            || ["testdata", "test_data", "test-data"].iter().any(|word| name.contains(word))
    };
    if !files.iter().all(aside) {
        files.retain(|path| !aside(path));
    }
    layout.sets = grouped(files, named);
    layout.sets.sort_by_key(|set| {
        let depth = set.root.matches('/').count();
        (std::cmp::Reverse((set.rank, set.files.len())), depth, set.root.clone())
    });
    layout
}

fn grouped(files: Vec<String>, named: bool) -> Vec<Set> {
    let mut roots: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
    let direct =
        files.iter().filter(|path| named_root(path).is_none()).map(|path| parent(path).to_owned());
    let direct: Vec<String> = direct.collect();
    for path in files {
        let root = match named_root(&path) {
            Some(root) => (root.to_owned(), true),
            None if named => (String::new(), true),
            None if is_of_folder_tool(&path) => (parent(parent(&path)).to_owned(), true),
            None => (topmost(&path, &direct), false),
        };
        roots.entry(root).or_default().push(path);
    }
    let mut sets = Vec::new();
    for ((root, named), files) in roots {
        if named {
            parted(root, files, &mut sets);
        } else {
            let rank = rank(&root, &files);
            let has = |name: &str| files.iter().any(|path| file_name(path) == name);
            let dump = RAILS.iter().copied().find(|name| has(name)).unwrap_or_default();
            let own = |path: &String| rank != Rank::Structure || file_name(path) == dump;
            let files = files.iter().filter(|path| own(path)).cloned().collect();
            sets.push(Set { root, files, rank });
        }
    }
    sets
}

/// The rank of files in a folder of no telling name.
fn rank(root: &str, files: &[String]) -> Rank {
    let direct: Vec<&str> =
        files.iter().filter(|path| parent(path) == root).map(|path| file_name(path)).collect();
    if RAILS.iter().any(|dump| direct.contains(dump)) {
        Rank::Structure
    } else if direct.iter().any(|name| DUMPS.contains(name)) {
        Rank::Dump
    } else {
        Rank::Files
    }
}

/// A folder of migrations whose folders are sets of their own is as many sets: one for each service
/// or database.
fn parted(root: String, files: Vec<String>, sets: &mut Vec<Set>) {
    let child = |path: &str| {
        let below = if root.is_empty() { path } else { &path[root.len() + 1..] };
        below.split_once('/').map(|(child, _)| child.to_owned())
    };
    let whole = files.iter().any(|path| child(path).is_none_or(|name| is_version(&name)))
        || files.iter().any(|path| is_flyway(file_name(path)))
        || files.iter().all(|path| parent(parent(path)) == root && is_of_folder_tool(path));
    if whole {
        sets.push(Set { root, files, rank: Rank::Migrations });
        return;
    }
    let mut children: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files {
        children.entry(child(&path).unwrap_or_default()).or_default().push(path);
    }
    let all_of_one = children.keys().all(|name| {
        COMMON.contains(&lower(name).as_str()) || dialect::is_postgres(name) || is_direction(name)
    });
    if children.len() > 1 && all_of_one {
        let files = children.into_values().flatten().collect();
        sets.push(Set { root, files, rank: Rank::Migrations });
        return;
    }
    for (name, files) in children {
        let root = if root.is_empty() { name } else { format!("{root}/{name}") };
        parted(root, files, sets);
    }
}

/// The deepest folder above a file that is called like one of migrations.
fn named_root(path: &str) -> Option<&str> {
    let folder = parent(path);
    let mut end = folder.len();
    while end > 0 {
        let start = folder[..end].rfind('/').map_or(0, |at| at + 1);
        if is_named(&folder[start..end]) {
            return Some(&folder[..end]);
        }
        end = start.saturating_sub(1);
    }
    None
}

/// The topmost folder above a file that has SQL files itself, at most two above its own.
fn topmost(path: &str, direct: &[String]) -> String {
    let mut found = parent(path);
    let mut folder = found;
    for _ in 0..2 {
        if folder.is_empty() {
            break;
        }
        folder = parent(folder);
        if direct.iter().any(|other| other == folder) {
            found = folder;
        }
    }
    found.to_owned()
}

/// `NNN_name/up.sql` and `NNN_name/migration.sql`, whose folder is the migration.
fn is_of_folder_tool(path: &str) -> bool {
    matches!(file_name(path), "up.sql" | "down.sql" | "migration.sql")
}

fn is_direction(name: &str) -> bool {
    matches!(lower(name).as_str(), "up" | "down" | "do" | "undo" | "deploy" | "revert" | "verify")
}

fn is_flyway(name: &str) -> bool {
    let version = name.strip_prefix('V').and_then(|rest| rest.split_once("__"));
    version.is_some_and(|(version, _)| version.starts_with(|c: char| c.is_ascii_digit()))
        || name.starts_with("R__")
}

fn folders(path: &str) -> impl Iterator<Item = &str> {
    parent(path).split('/').filter(|name| !name.is_empty())
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Whether a folder of this name holds migrations.
pub(super) fn is_named(name: &str) -> bool {
    MIGRATIONS.contains(&lower(name).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str]) -> Vec<(String, usize)> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        sets(paths, false).sets.into_iter().map(|set| (set.root, set.files.len())).collect()
    }

    fn first(paths: &[&str]) -> String {
        found(paths).swap_remove(0).0
    }

    #[test]
    fn services_and_databases_of_one_repository_are_sets_of_their_own() {
        let paths = [
            "migrations/tenant/0001_a.sql",
            "migrations/tenant/0002_b.sql",
            "migrations/control/0001_a.sql",
            "services/mail/migrations/1_a.sql",
        ];
        let found = found(&paths);
        assert_eq!(found[0], ("migrations/tenant".to_owned(), 2));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn files_of_other_databases_are_left_out() {
        let paths = [
            "migrations/mysql/2020_a/up.sql",
            "migrations/sqlite/2020_a/up.sql",
            "migrations/postgresql/2020_a/up.sql",
            "migrations/postgresql/2020_a/down.sql",
        ];
        let layout = sets(paths.map(str::to_owned).into(), false);
        assert_eq!(layout.sets.len(), 1);
        assert_eq!(layout.sets[0].root, "migrations/postgresql");
        assert_eq!(layout.foreign.len(), 2);
    }

    #[test]
    fn a_dump_is_preferred_only_where_migrations_are_no_sql() {
        let rails = ["db/structure.sql", "db/views/a.sql", "db/migrate/x.sql"];
        assert_eq!(found(&rails)[0], ("db".to_owned(), 1));
        assert_eq!(found(&["db/schema.rb", "db/views/a.sql"])[0], ("db".to_owned(), 1));
        assert_eq!(found(&["db/schema.rb", "db/structure.sql"])[0], ("db".to_owned(), 1));
        assert_eq!(first(&["db/schema.sql", "db/migrations/1_a.sql"]), "db/migrations");
        assert_eq!(first(&["schema.sql", "queries/a.sql", "queries/b.sql"]), "");
    }

    #[test]
    fn folders_of_versions_are_one_set_and_tests_are_none() {
        let paths = ["schema/versioned/v1.0/a.sql", "schema/versioned/v1.10/b.sql"];
        assert_eq!(found(&paths), [("schema/versioned".to_owned(), 2)]);
        let paths = ["tests/migrations/1_a.sql", "tests/migrations/2_a.sql", "sql/1_a.sql"];
        assert_eq!(found(&paths), [("sql".to_owned(), 1)]);
        assert_eq!(found(&["tests/a.sql"]), [("tests".to_owned(), 1)]);
        assert_eq!(
            found(&["db/create/a.sql", "db/upgrade/1_a.sql", "db/upgrade/2_a.sql"]),
            [("db/create".to_owned(), 1)]
        );
    }

    #[test]
    fn parts_of_one_schema_stay_together() {
        let paths = ["sql/tables.sql", "sql/functions/a.sql", "sql/views/v.sql"];
        assert_eq!(found(&paths), [("sql".to_owned(), 3)]);
        let paths = ["db/migration/common/V1__a.sql", "db/migration/postgresql/V2__b.sql"];
        assert_eq!(found(&paths), [("db/migration".to_owned(), 2)]);
    }
}
