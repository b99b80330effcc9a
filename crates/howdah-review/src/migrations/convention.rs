//! How tools name and order their files.

use std::path::Path;

use super::{RawFile, drizzle};

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
    /// Parts marked `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// `V1__name.sql`, `R__name.sql`, `U1__name.sql`.
    Flyway,
    /// Parts marked `-- migrate:up` and `-- migrate:down`.
    Dbmate,
    /// `NNN_name/migration.sql`.
    Prisma,
    /// `meta/_journal.json` with the order.
    Drizzle,
}

impl Convention {
    /// The convention that the files follow.
    #[must_use]
    pub fn detect(files: &[RawFile]) -> Self {
        let named = |name: &str| files.iter().any(|file| file_name(&file.path) == name);
        let marked = |mark: &str| {
            files
                .iter()
                .any(|file| file.text.lines().any(|line| line.trim_start().starts_with(mark)))
        };
        if named("_journal.json") {
            Self::Drizzle
        } else if named("migration.sql") {
            Self::Prisma
        } else if named("up.sql") {
            Self::Diesel
        } else if marked("-- +goose Up") {
            Self::Goose
        } else if marked("-- migrate:up") {
            Self::Dbmate
        } else if files.iter().any(|file| flyway_version(&file.path).is_some()) {
            Self::Flyway
        } else if files.iter().filter(|f| is_sql(&f.path)).all(|f| number(&f.path).is_some()) {
            Self::Numbered
        } else {
            Self::Plain
        }
    }

    /// The files that are applied, in order.
    #[must_use]
    pub fn order(self, mut files: Vec<RawFile>) -> Vec<RawFile> {
        if self == Self::Drizzle {
            return drizzle::order(files);
        }
        files.retain(|file| self.applies(&file.path));
        match self {
            Self::Flyway => files.sort_by_cached_key(|file| {
                // Repeatable ones come after all versions, by name.
                let version = flyway_version(&file.path);
                (version.is_none(), version, file.path.clone())
            }),
            Self::Plain | Self::Prisma | Self::Drizzle => {
                files.sort_by(|a, b| a.path.cmp(&b.path));
            }
            Self::Numbered | Self::Diesel | Self::Goose | Self::Dbmate => {
                files.sort_by_cached_key(|file| {
                    (number(&file.path).unwrap_or(u128::MAX), file.path.clone())
                });
            }
        }
        files
    }

    /// What a file that undoes another has in common with that one; `None` for other files.
    pub(super) fn undoes(self, path: &str) -> Option<&str> {
        match self {
            Self::Diesel => path.strip_suffix("/down.sql"),
            _ => path.strip_suffix(".down.sql"),
        }
    }

    /// What a file that is applied has in common with the one that undoes it.
    pub(super) fn stem(self, path: &str) -> &str {
        let stem = match self {
            Self::Diesel => path.strip_suffix("/up.sql"),
            _ => path.strip_suffix(".up.sql").or_else(|| path.strip_suffix(".sql")),
        };
        stem.unwrap_or(path)
    }

    /// The version under which the tool books the file; `None` where names alone count.
    #[must_use]
    pub fn version(self, path: &str) -> Option<String> {
        match self {
            Self::Numbered | Self::Diesel | Self::Goose | Self::Dbmate => {
                number(path).map(|number| number.to_string())
            }
            Self::Flyway => flyway_version(path)
                .map(|version| version.iter().map(u64::to_string).collect::<Vec<_>>().join(".")),
            Self::Plain | Self::Prisma | Self::Drizzle => None,
        }
    }

    fn applies(self, path: &str) -> bool {
        let name = file_name(path);
        let sql = is_sql(name);
        match self {
            Self::Diesel => name == "up.sql",
            Self::Prisma => name == "migration.sql",
            Self::Numbered => sql && !name.ends_with(".down.sql"),
            Self::Flyway => sql && (flyway_version(path).is_some() || name.starts_with("R__")),
            Self::Plain | Self::Goose | Self::Dbmate | Self::Drizzle => {
                sql && !name.ends_with(".down.sql")
            }
        }
    }
}

/// Whether a file holds SQL, by its ending.
pub(super) fn is_sql(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql"))
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The number that a file, or for `up.sql` its folder, begins with. Dashes and underscores within
/// it are passed over: `2024-01-31-120000_name`.
fn number(path: &str) -> Option<u128> {
    let name = match file_name(path) {
        "up.sql" | "down.sql" => path.rsplit('/').nth(1)?,
        name => name,
    };
    let digits: String = name
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '-')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// `V1.2__name.sql` as [1, 2].
fn flyway_version(path: &str) -> Option<Vec<u64>> {
    let (version, _) = file_name(path).strip_prefix('V')?.split_once("__")?;
    version.split(['.', '_']).map(|part| part.parse().ok()).collect()
}
