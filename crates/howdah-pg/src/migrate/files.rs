//! The migrations folder: names, texts, checksums.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use howdah_error::{Code, Error, Kind, Result};
use howdah_sql::{Statement, split};
use sha2::{Digest as _, Sha384};

/// The first line by which a file asks to run outside a transaction, as sqlx reads it.
const NO_TRANSACTION: &str = "-- no-transaction";

/// The migrations of a folder, by version.
#[derive(Debug, Clone, Default)]
pub struct Migrations {
    migrations: BTreeMap<i64, Migration>,
}

/// One version: how to get there and, perhaps, how to get back.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The number that the file names begin with.
    pub version: i64,
    /// The rest of the name with spaces for underscores, as sqlx stores it.
    pub description: String,
    /// `NNNN_name.sql` or `NNNN_name.up.sql`.
    pub up: MigrationFile,
    /// `NNNN_name.down.sql`.
    pub down: Option<MigrationFile>,
}

/// A file of SQL.
#[derive(Debug, Clone)]
pub struct MigrationFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

impl MigrationFile {
    /// SHA-384 of the file's bytes, which sqlx keeps in its history.
    #[must_use]
    pub fn checksum(&self) -> Vec<u8> {
        Sha384::digest(self.text.as_bytes()).to_vec()
    }

    /// The statements of the file, in order.
    #[must_use]
    pub fn statements(&self) -> Vec<Statement<'_>> {
        split(&self.text).0
    }

    /// Whether the file can run as one transaction: it does not ask for the contrary, and none of
    /// its statements refuses.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        !self.text.starts_with(NO_TRANSACTION)
            && !self.statements().iter().any(Statement::needs_no_transaction)
    }

    /// The file's name without its folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What a file name says.
#[derive(Debug, PartialEq, Eq)]
struct FileName {
    version: i64,
    description: String,
    down: bool,
}

impl Migrations {
    /// Reads the folder `dir`. Files that do not end in `.sql` and folders are passed over.
    ///
    /// HD0201 with all mistakes together: a name that is not `NNNN_name.sql`, a version that is
    /// there twice, an empty file, a down file without its up file, text that is not UTF-8, a
    /// string or comment that never ends, commands for psql.
    pub fn load(dir: &Path) -> Result<Self> {
        let mut mistakes = Vec::new();
        let mut ups: BTreeMap<i64, Migration> = BTreeMap::new();
        let mut downs: BTreeMap<i64, MigrationFile> = BTreeMap::new();
        for path in sql_files(dir)? {
            let Some(file) = read(path, &mut mistakes)? else { continue };
            let name = file.name();
            let Some(FileName { version, description, down }) = parse(&name) else {
                mistakes.push(format!(
                    "{name}: the name is not NNNN_name.sql, NNNN_name.up.sql or NNNN_name.down.sql"
                ));
                continue;
            };
            let other = if down {
                downs.insert(version, file).map(|other| other.name())
            } else {
                let migration = Migration { version, description, up: file, down: None };
                ups.insert(version, migration).map(|other| other.up.name())
            };
            if let Some(other) = other {
                mistakes.push(format!("{name}: version {version} is also in {other}"));
            }
        }
        for (version, file) in downs {
            match ups.get_mut(&version) {
                Some(migration) => migration.down = Some(file),
                None => mistakes.push(format!("{}: there is no file to go up", file.name())),
            }
        }
        if mistakes.is_empty() { Ok(Self { migrations: ups }) } else { Err(bad(dir, &mistakes)) }
    }

    /// All of them, by version.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> {
        self.migrations.values()
    }

    /// The one of that version.
    #[must_use]
    pub fn get(&self, version: i64) -> Option<&Migration> {
        self.migrations.get(&version)
    }
}

fn bad(dir: &Path, mistakes: &[String]) -> Error {
    let count = match mistakes.len() {
        1 => "a mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    Error::input(format!("{count} in the migrations of \"{}\"", dir.display()))
        .code(Code::BadMigrationFile)
        .detail(format!("{}.", mistakes.join("; ")))
        .hint("Rename, remove or mend these files; nothing was applied.")
}

fn sql_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source: std::io::Error| {
        Error::new(Kind::Io, format!("could not read the migrations folder \"{}\"", dir.display()))
            .code(Code::BadMigrationFile)
            .hint("Name the folder that holds the files NNNN_name.sql.")
            .source(source)
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "sql") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The file, or `None` and a mistake.
fn read(path: PathBuf, mistakes: &mut Vec<String>) -> Result<Option<MigrationFile>> {
    let bytes = fs::read(&path).map_err(|source| {
        Error::new(Kind::Io, format!("could not read \"{}\"", path.display())).source(source)
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Ok(text) = String::from_utf8(bytes) else {
        mistakes.push(format!("{name}: not UTF-8"));
        return Ok(None);
    };
    if text.trim().is_empty() {
        mistakes.push(format!("{name}: empty"));
    }
    let (_, problems) = split(&text);
    mistakes.extend(problems.iter().map(|problem| format!("{name}:{problem}")));
    Ok(Some(MigrationFile { path, text }))
}

fn parse(name: &str) -> Option<FileName> {
    let (stem, down) = match (name.strip_suffix(".down.sql"), name.strip_suffix(".up.sql")) {
        (Some(stem), _) => (stem, true),
        (None, Some(stem)) => (stem, false),
        (None, None) => (name.strip_suffix(".sql")?, false),
    };
    let (version, rest) = stem.split_once('_')?;
    if !version.bytes().all(|byte| byte.is_ascii_digit()) || rest.is_empty() {
        return None;
    }
    Some(FileName { version: version.parse().ok()?, description: rest.replace('_', " "), down })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sqlx_reads_them() {
        let name = |name| parse(name).map(|n| (n.version, n.description, n.down));
        assert_eq!(name("0001_users.sql"), Some((1, "users".to_owned(), false)));
        assert_eq!(
            name("20240131120000_add_an_index.up.sql"),
            Some((20_240_131_120_000, "add an index".to_owned(), false))
        );
        assert_eq!(name("2_x_y.down.sql"), Some((2, "x y".to_owned(), true)));
        for bad in [
            "users.sql",
            "a1_x.sql",
            "1_.sql",
            "-1_x.sql",
            "1-x.sql",
            "_x.sql",
            "9999999999999999999_x.sql",
        ] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[test]
    fn statements_decide_about_the_transaction() {
        let file = |text: &str| MigrationFile { path: PathBuf::new(), text: text.to_owned() };
        assert!(file("create index on t (x); select 'vacuum'").is_transactional());
        assert!(!file("create index concurrently on t (x)").is_transactional());
        assert!(!file("-- no-transaction\nselect 1").is_transactional());
        assert!(!file("begin; select 1; commit").is_transactional());
    }
}
