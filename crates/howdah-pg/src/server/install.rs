//! Which PostgreSQL servers are installed on this machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use howdah_error::{Code, Error, Kind, Result};

/// The oldest major version that howdah works with.
const OLDEST: u32 = 15;

/// An installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// The major version, such as 15.
    pub major: u32,
    /// The folder of `postgres` and `initdb`.
    pub bin: PathBuf,
}

impl Install {
    /// Every usable installation, newest first; `HOWDAH_PG_BIN`, when set, is the only one.
    ///
    /// Looked at: Debian's and Red Hat's folders, Homebrew's, `/usr/local/pgsql`, `PATH`, and what
    /// `pg_config --bindir` says. None found: code HD0105 with the install command.
    pub fn all() -> Result<Vec<Self>> {
        let folders = match std::env::var_os("HOWDAH_PG_BIN") {
            Some(folder) => BTreeSet::from([PathBuf::from(folder)]),
            None => candidates(),
        };
        let mut found: Vec<_> = folders.iter().filter_map(|bin| Self::at(bin)).collect();
        found.sort_by_key(|install| std::cmp::Reverse(install.major));
        let too_old = found.first().filter(|newest| newest.major < OLDEST).cloned();
        found.retain(|install| install.major >= OLDEST);
        if found.is_empty() { Err(none_installed(too_old.as_ref(), &folders)) } else { Ok(found) }
    }

    /// The installation in folder `bin`, if there is a whole one.
    fn at(bin: &Path) -> Option<Self> {
        if !bin.join("initdb").is_file() {
            return None;
        }
        let text = output_of(&bin.join("postgres"), "--version")?;
        Some(Self { major: major_of(&text)?, bin: bin.to_owned() })
    }

    /// The path of one of its programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Reads `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)`, also `17beta1` and `18devel`.
fn major_of(text: &str) -> Option<u32> {
    let version = text.split_whitespace().nth(2)?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn candidates() -> BTreeSet<PathBuf> {
    let mut folders =
        BTreeSet::from([PathBuf::from("/usr/local/pgsql/bin"), PathBuf::from("/opt/homebrew/bin")]);
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
    ] {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(
            entries
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
                .map(|entry| entry.path().join("bin")),
        );
    }
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    if let Some(folder) = output_of(Path::new("pg_config"), "--bindir") {
        folders.insert(PathBuf::from(folder.trim()));
    }
    folders
}

fn output_of(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn none_installed(too_old: Option<&Install>, folders: &BTreeSet<PathBuf>) -> Error {
    let detail = match too_old {
        Some(old) => format!(
            "The newest one found is PostgreSQL {} in {}; howdah needs {OLDEST} or newer.",
            old.major,
            old.bin.display()
        ),
        None if folders.len() == 1 => format!(
            "HOWDAH_PG_BIN names {}, which holds no postgres and initdb that run.",
            folders.iter().map(|folder| folder.display().to_string()).collect::<String>()
        ),
        None => "None of the usual folders holds postgres and initdb.".to_owned(),
    };
    Error::new(Kind::Io, "no PostgreSQL server is installed")
        .code(Code::NoServerInstalled)
        .detail(detail)
        .hint(format!("{}, or name a database by its URL.", install_command()))
}

/// What to type, by the package manager that is there.
fn install_command() -> &'static str {
    if cfg!(target_os = "macos") {
        "Install one with `brew install postgresql@17`"
    } else if Path::new("/usr/bin/dnf").exists() {
        "Install one with `sudo dnf install postgresql-server`"
    } else if Path::new("/usr/bin/apt-get").exists() {
        "Install one with `sudo apt-get install postgresql`"
    } else {
        "Install PostgreSQL 15 or newer with your package manager"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18devel"), Some(18));
        assert_eq!(major_of("nonsense"), None);
    }
}
