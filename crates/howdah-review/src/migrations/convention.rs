//! How tools name and order their files.

use std::collections::BTreeSet;
use std::path::Path;

use super::marks::{self, Marks};
use super::natural::natural;
use super::{RawFile, drizzle, rails, sqitch};

/// How files with SQL end.
const ENDINGS: &[&str] = &["sql", "psql", "pgsql", "ddl"];
/// How files end that undo, and how those that they undo.
const DOWN: &[&str] = &[
    ".down.sql",
    "_down.sql",
    "-down.sql",
    ".undo.sql",
    ".rollback.sql",
    "_rollback.sql",
    "-rollback.sql",
    ".revert.sql",
];
const UP: &[&str] = &[".up.sql", "_up.sql", "-up.sql", ".do.sql", ".sql"];
/// Folders of files that undo, and of those that they undo.
const DOWN_FOLDERS: &[&str] = &["down", "undo", "rollback", "rollbacks", "revert"];
const UP_FOLDERS: &[&str] = &["up", "do", "deploy"];

/// The tool whose files they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// Files in the order of their names, each statement on its own, as `psql -f` runs them; also
    /// a dump such as `structure.sql`.
    Plain,
    /// `NNN_name.sql`, `NNN_name.up.sql`, `NNN_name.down.sql`: sqlx, golang-migrate, howdah.
    Numbered,
    /// `NNN_name/up.sql` and `down.sql`.
    Diesel,
    /// Parts with a line before each: goose, dbmate, sql-migrate and others.
    Marked(&'static Marks),
    /// `V1__name.sql`, `R__name.sql`, `U1__name.sql`.
    Flyway,
    /// `NNN_name/migration.sql`.
    Prisma,
    /// `meta/_journal.json` with the order.
    Drizzle,
    /// `sqitch.plan` with the order of the files in `deploy/`.
    Sqitch,
}

impl Convention {
    /// The convention that the files follow.
    #[must_use]
    pub fn detect(files: &[RawFile]) -> Self {
        let named = |name: &str| files.iter().any(|file| file_name(&file.path) == name);
        if named("_journal.json") {
            Self::Drizzle
        } else if named("sqitch.plan") {
            Self::Sqitch
        } else if named("migration.sql") {
            Self::Prisma
        } else if named("up.sql") {
            Self::Diesel
        } else if let Some(marks) = marks::tool_of(files.iter().map(|file| file.text.as_str())) {
            Self::Marked(marks)
        } else if files.iter().any(|file| flyway_version(&file.path).is_some()) {
            Self::Flyway
        } else {
            // One file without a number among many is a dump or notes, which no tool applies.
            let sql = files.iter().filter(|file| is_sql(&file.path));
            let (with, without): (Vec<_>, Vec<_>) = sql.partition(|f| number(&f.path).is_some());
            let numbered = without.is_empty() || with.len() > 4 * without.len();
            if numbered { Self::Numbered } else { Self::Plain }
        }
    }

    /// The tool, for people.
    #[must_use]
    pub fn tool(self) -> &'static str {
        match self {
            Self::Plain => "plain SQL",
            Self::Numbered => "numbered files",
            Self::Diesel => "diesel",
            Self::Marked(marks) => marks.tool,
            Self::Flyway => "Flyway",
            Self::Prisma => "Prisma",
            Self::Drizzle => "Drizzle",
            Self::Sqitch => "Sqitch",
        }
    }

    /// The files that are applied, in order.
    #[must_use]
    pub fn order(self, mut files: Vec<RawFile>) -> Vec<RawFile> {
        match self {
            Self::Drizzle => return drizzle::order(files),
            Self::Sqitch => return sqitch::order(files),
            _ => {}
        }
        let undoing: Vec<bool> = files.iter().map(|file| self.is_undoing(file, &files)).collect();
        let mut undoing = undoing.into_iter();
        files.retain(|file| !undoing.next().unwrap_or(false) && self.applies(&file.path));
        match self {
            Self::Flyway => files.sort_by_cached_key(|file| {
                // Repeatable ones come after all versions, by name.
                let version = flyway_version(&file.path);
                (version.is_none(), version, file.path.clone())
            }),
            Self::Plain => {
                files.sort_by_cached_key(|file| natural(&file.path));
                if self.is_at_once(&files) {
                    files = super::depend::order(files);
                }
            }
            Self::Prisma | Self::Drizzle | Self::Sqitch => {
                files.sort_by(|a, b| a.path.cmp(&b.path));
            }
            Self::Diesel if files.iter().all(|file| diesel_version(&file.path).is_some()) => {
                files.sort_by_cached_key(|file| (diesel_version(&file.path), file.path.clone()));
            }
            // Folders of others that call their files as diesel does: `4-add-column/up.sql`.
            Self::Diesel => files.sort_by_cached_key(|file| natural(&file.path)),
            // Folders of their own for each version: `9/01_a.sql` before `10/01_a.sql`.
            Self::Numbered | Self::Marked(_) if in_numbered_folders(&files) => {
                files.sort_by_cached_key(|file| natural(&file.path));
            }
            Self::Numbered | Self::Marked(_) => {
                files.sort_by_cached_key(|file| {
                    (number(&file.path).unwrap_or(u128::MAX), natural(&file.path))
                });
            }
        }
        files
    }

    /// Whether the files are scripts that no tool applies and no number orders.
    #[must_use]
    pub fn is_at_once(self, files: &[RawFile]) -> bool {
        self == Self::Plain && !files.iter().any(|file| has_number(&file.path))
    }

    /// Whether a file undoes another one of `files`.
    fn is_undoing(self, file: &RawFile, files: &[RawFile]) -> bool {
        let Some(stem) = self.undoes(&file.path) else { return false };
        // Of other names only the pair tells that it is one.
        file.path.ends_with(".down.sql")
            || file_name(&file.path) == "down.sql"
            || files.iter().any(|other| other.path != file.path && self.stem(&other.path) == stem)
    }

    /// What a file that undoes another has in common with that one; `None` for other files.
    pub(super) fn undoes(self, path: &str) -> Option<String> {
        if self == Self::Diesel {
            return path.strip_suffix("/down.sql").map(str::to_owned);
        }
        let ending = DOWN.iter().find_map(|ending| path.strip_suffix(ending));
        let folder = || {
            let (folder, name) = path.rsplit_once('/')?;
            let above = DOWN_FOLDERS.iter().find_map(|name| without_folder(folder, name))?;
            let name = DOWN.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
            Some(format!("{above}{}", name.strip_suffix(".sql").unwrap_or(name)))
        };
        ending.map(str::to_owned).or_else(folder)
    }

    /// What a file that is applied has in common with the one that undoes it.
    pub(super) fn stem(self, path: &str) -> String {
        if self == Self::Diesel {
            return path.strip_suffix("/up.sql").unwrap_or(path).to_owned();
        }
        let stem = UP.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path);
        match stem.rsplit_once('/') {
            Some((folder, name)) => {
                let above = UP_FOLDERS.iter().find_map(|up| without_folder(folder, up));
                above.map_or_else(|| stem.to_owned(), |above| format!("{above}{name}"))
            }
            None => stem.to_owned(),
        }
    }

    /// Whether the tool books whole names, so that two files may have one version.
    #[must_use]
    pub fn books_names(self) -> bool {
        matches!(self, Self::Marked(marks) if marks.tool == "sql-migrate")
    }

    /// The version under which the tool books the file; `None` where names alone count.
    #[must_use]
    pub fn version(self, path: &str) -> Option<String> {
        match self {
            // No tool of theirs knows dashes in a version.
            Self::Numbered if numbered_with_dashes(path) => None,
            Self::Numbered | Self::Marked(_) => number(path).map(|number| number.to_string()),
            Self::Diesel => diesel_version(path),
            Self::Flyway => flyway_version(path)
                .map(|version| version.iter().map(u64::to_string).collect::<Vec<_>>().join(".")),
            Self::Plain | Self::Prisma | Self::Drizzle | Self::Sqitch => None,
        }
    }

    fn applies(self, path: &str) -> bool {
        let name = file_name(path);
        let sql = is_sql(name);
        match self {
            Self::Diesel => name == "up.sql",
            Self::Prisma => name == "migration.sql",
            Self::Numbered => sql && number(path).is_some(),
            Self::Flyway => sql && (flyway_version(path).is_some() || name.starts_with("R__")),
            Self::Plain | Self::Marked(_) | Self::Drizzle | Self::Sqitch => sql,
        }
    }
}

/// Whether every file lies in a folder that is called by a number, and there are several.
fn in_numbered_folders(files: &[RawFile]) -> bool {
    let folders: BTreeSet<&str> = files.iter().map(|file| parent(&file.path)).collect();
    folders.len() > 1 && folders.iter().all(|folder| is_version(file_name(folder)))
}

/// `a/down` without `down`: `a/`.
fn without_folder<'a>(folder: &'a str, name: &str) -> Option<&'a str> {
    let above = folder.strip_suffix(name)?;
    (above.is_empty() || above.ends_with('/')).then_some(above)
}

/// Whether a file holds SQL, by its ending.
pub(crate) fn is_sql(path: &str) -> bool {
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str());
    rails::is_schema(path)
        || ending
            .is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// The folder of a path; empty where it has none.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The number that a file, or for `up.sql` its folder, begins with. Dashes and underscores within
/// it are passed over: `2024-01-31-120000_name`.
fn number(path: &str) -> Option<u128> {
    let name = match file_name(path) {
        "up.sql" | "down.sql" => path.rsplit('/').nth(1)?,
        name => name,
    };
    numbered(name).0.parse().ok()
}

fn numbered_with_dashes(path: &str) -> bool {
    let name = file_name(path);
    let digits = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
    name[digits..]
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What diesel books of `2020-12-7-190800_name/up.sql`: all up to the first underscore, without
/// dashes. It is compared as text, so a day of one digit comes behind those of two. `None` for
/// folders that diesel has not made.
pub(super) fn diesel_version(path: &str) -> Option<String> {
    let folder = path.strip_suffix("/up.sql").or_else(|| path.strip_suffix("/down.sql"))?;
    let name = file_name(folder);
    let version = name.split('_').next().unwrap_or(name).replace('-', "");
    version.chars().all(|c| c.is_ascii_digit()).then_some(version)
}

/// The digits that a name begins with, without the dashes among them, and what comes behind.
pub(crate) fn numbered(name: &str) -> (String, &str) {
    let end = name.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(name.len());
    (name[..end].chars().filter(char::is_ascii_digit).collect(), &name[end..])
}

/// Whether a part of the path begins with a number, so that names tell an order: `v1.2/a.sql`.
fn has_number(path: &str) -> bool {
    path.split('/').any(is_version)
}

/// Whether a name begins as that of one version: `0001_name`, `v1.2`, `58`.
pub(crate) fn is_version(name: &str) -> bool {
    let name = name.strip_prefix(['v', 'V']).unwrap_or(name);
    name.starts_with(|c: char| c.is_ascii_digit())
}

/// `V1.2__name.sql` as [1, 2].
fn flyway_version(path: &str) -> Option<Vec<u64>> {
    let (version, _) = file_name(path).strip_prefix('V')?.split_once("__")?;
    version.split(['.', '_']).map(|part| part.parse().ok()).collect()
}
