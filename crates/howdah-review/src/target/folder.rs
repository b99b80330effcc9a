//! SQL files below a path.

use std::fs;
use std::path::{Path, PathBuf};

use howdah_error::{Error, Kind, Result};

use crate::facts::{Facts, Unseen};
use crate::migrations::{self, Convention, RawFile};
use crate::orm;
use crate::source::{Language, SourceFile};

/// Folders that hold what others wrote.
const FOREIGN: &[&str] = &["node_modules", "target", "vendor", "dist", "build", "venv"];
/// Names of folders that hold migrations.
const MIGRATIONS: &[&str] = &["migrations", "migrate", "migration", "drizzle", "db_migrations"];
/// How deep below the path folders are looked into.
const DEPTH: usize = 8;
/// More files of source than this are not read.
const MAX_SOURCES: usize = 20_000;
/// A larger file of source was written by a program.
const MAX_SOURCE_BYTES: u64 = 1 << 20;
/// The most bytes that are read of one file.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the file, the folder, or the one folder of migrations of the repository.
pub(super) fn read(path: &Path) -> Result<Facts> {
    let failed = |error| {
        Error::new(Kind::Io, format!("could not read \"{}\"", path.display())).source(error)
    };
    let about = fs::metadata(path).map_err(failed)?;
    let mut others = Vec::new();
    let (root, files) = if about.is_file() {
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        (root, vec![path.to_owned()])
    } else {
        let (root, rest) = migrations_of(path);
        others = rest;
        let mut files = Vec::new();
        walk(&root, DEPTH, &mut |file| files.push(file.to_owned()));
        (root, files)
    };
    let mut raw = Vec::new();
    for file in files {
        let journal = file.ends_with("meta/_journal.json");
        if !journal && file.extension().is_none_or(|ending| ending != "sql") {
            continue;
        }
        raw.push(RawFile { path: plain(&file, &root), text: text_of(&file)? });
    }
    if about.is_dir() {
        raw.extend(sources(path, &root));
    }
    let mut facts = facts_of(raw);
    facts.target = root.display().to_string();
    facts.unseen.extend(others.iter().map(|other| {
        Unseen {
        what: format!("the migrations in \"{}\"", other.display()),
        why: "They make another database, or the same by another tool: review them by their path."
            .to_owned(),
    }
    }));
    if facts.files.is_empty() && !facts.sources.is_empty() {
        // Without migrations nothing is known that a model could differ from.
        facts.models.clear();
        facts.unseen.push(Unseen {
            what: "the database".to_owned(),
            why: "There are no migrations here, so only the source was read.".to_owned(),
        });
    } else if facts.files.is_empty() {
        return Err(Error::input(format!("there are no SQL files in \"{}\"", root.display()))
            .hint("Name a folder of migrations, a SQL file, or a database by its URL."));
    }
    Ok(facts)
}

/// The source of the repository at `path`, with paths as they are seen from its migrations.
fn sources(path: &Path, root: &Path) -> Vec<RawFile> {
    let mut files = Vec::new();
    walk(path, DEPTH, &mut |file| {
        let name = file.to_string_lossy();
        let read = Language::of(&name).is_some() || orm::is_schema(&name);
        if read && files.len() < MAX_SOURCES {
            files.push(file.to_owned());
        }
    });
    let up = root.strip_prefix(path).map_or(0, |below| below.components().count());
    let read = files.into_iter().filter_map(|file| {
        if fs::metadata(&file).ok()?.len() > MAX_SOURCE_BYTES {
            return None;
        }
        let below = plain(&file, path);
        Some(RawFile { path: format!("{}{below}", "../".repeat(up)), text: text_of(&file).ok()? })
    });
    read.collect()
}

/// The facts of files that are at hand; nothing is run.
#[must_use]
pub fn facts_of(files: Vec<RawFile>) -> Facts {
    let (sources, mut files): (Vec<RawFile>, Vec<RawFile>) =
        files.into_iter().partition(|file| Language::of(&file.path).is_some());
    let sources = sources.into_iter().filter_map(|file| SourceFile::read(file.path, file.text));
    let sources: Vec<SourceFile> = sources.collect();
    let mut models = orm::of_sources(&sources);
    files.retain(|file| {
        models.extend(orm::of_schema(&file.path, &file.text));
        !orm::is_schema(&file.path)
    });
    let guesses = migrations::fill(&mut files);
    let convention = Some(Convention::detect(&files));
    let journal = files.iter().find(|file| file.path.ends_with("_journal.json")).cloned();
    let files = migrations::order(files);
    let statements = migrations::statements(&files);
    let unseen = guesses
        .iter()
        .map(|guess| Unseen {
            what: format!("the value of \"{}\"", guess.variable),
            why: format!(
                "It was taken as \"{}\"; \"-- howdah:let {} = value\" in a file declares it.",
                guess.value, guess.variable
            ),
        })
        .collect();
    Facts {
        files,
        statements,
        sources,
        models,
        convention,
        journal,
        guesses,
        unseen,
        ..Facts::default()
    }
}

/// The folder itself when it holds SQL files, else the folder of migrations below it; of several
/// the one with the most files, with the others.
fn migrations_of(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let direct = entries(path).iter().any(|entry| entry.extension().is_some_and(|e| e == "sql"));
    if direct {
        return (path.to_owned(), Vec::new());
    }
    let system = path.join("migrations");
    if path.join("howdah.toml").is_file() && system.is_dir() {
        return (system, Vec::new());
    }
    let mut found: Vec<PathBuf> = Vec::new();
    folders(path, DEPTH, &mut found);
    let count = |folder: &PathBuf| {
        let mut files = 0_usize;
        walk(folder, DEPTH, &mut |_| files += 1);
        std::cmp::Reverse(files)
    };
    // Those with as many files stay in the order of their names.
    found.sort_by_cached_key(count);
    let mut found = found.into_iter();
    (found.next().unwrap_or_else(|| path.to_owned()), found.collect())
}

fn folders(path: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in entries(path).into_iter().filter(|entry| entry.is_dir()) {
        if name_of(&entry).is_some_and(|name| MIGRATIONS.contains(&name)) && has_sql(&entry) {
            found.push(entry);
        } else if depth > 0 && !is_foreign(&entry) {
            folders(&entry, depth - 1, found);
        }
    }
}

fn has_sql(path: &Path) -> bool {
    let mut any = false;
    walk(path, 2, &mut |file| any |= file.extension().is_some_and(|ending| ending == "sql"));
    any
}

fn walk(path: &Path, depth: usize, take: &mut dyn FnMut(&Path)) {
    for entry in entries(path) {
        if entry.is_dir() {
            if depth > 0 && !is_foreign(&entry) {
                walk(&entry, depth - 1, take);
            }
        } else {
            take(&entry);
        }
    }
}

/// What is in a folder, in the order of the names; links are not followed.
fn entries(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    entries
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn is_foreign(path: &Path) -> bool {
    name_of(path).is_none_or(|name| name.starts_with('.') || FOREIGN.contains(&name))
}

fn plain(file: &Path, root: &Path) -> String {
    let below = file.strip_prefix(root).unwrap_or(file);
    below.to_string_lossy().replace('\\', "/")
}

fn text_of(file: &Path) -> Result<String> {
    let failed = |error| {
        Error::new(Kind::Io, format!("could not read \"{}\"", file.display())).source(error)
    };
    if fs::metadata(file).map_err(failed)?.len() > MAX_BYTES {
        return Err(Error::input(format!("\"{}\" is larger than 64 MiB", file.display())));
    }
    let bytes = fs::read(file).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}
