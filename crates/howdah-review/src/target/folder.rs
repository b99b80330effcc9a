//! SQL files below a path.

use std::fs;
use std::path::{Path, PathBuf};

use howdah_error::{Error, Kind, Result};

use super::{dialect, layout};
use crate::facts::{Facts, SqlFile, Unseen};
use crate::migrations::{self, Convention, RawFile, rails};
use crate::orm;
use crate::source::{self, Language, SourceFile};

/// Folders that hold what others wrote.
const FOREIGN: &[&str] = &["node_modules", "target", "vendor", "dist", "build", "venv"];
/// Files beside the SQL that say how a tool applies it.
const BESIDE: &[&str] = &["meta/_journal.json", "metadata.toml", "sqitch.plan"];
/// More sets of files than this are not told one by one.
const MOST_TOLD: usize = 6;
/// How deep below the path folders are looked into.
const DEPTH: usize = 14;
/// More files of source than this are not read.
const MAX_SOURCES: usize = 20_000;
/// A larger file of source was written by a program.
const MAX_SOURCE_BYTES: u64 = 1 << 20;
/// The most bytes that are read of one file.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the file, or the SQL and the source below the folder.
pub(super) fn read(path: &Path) -> Result<Facts> {
    let failed = |error| {
        Error::new(Kind::Io, format!("could not read \"{}\"", path.display())).source(error)
    };
    let about = fs::metadata(path).map_err(failed)?;
    if about.is_file() {
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        let file = RawFile { path: plain(path, &root), text: text_of(path)? };
        let mut facts = facts_of(vec![file]);
        if facts.files.is_empty() && facts.sources.is_empty() {
            return Err(no_files(path));
        }
        facts.target = root.display().to_string();
        return Ok(facts);
    }
    let Chosen { root, mut raw, unseen } = chosen(path)?;
    raw.extend(sources(path, &root));
    let mut facts = facts_of(raw);
    facts.target = root.display().to_string();
    facts.unseen.extend(unseen);
    if facts.files.is_empty() && !facts.sources.is_empty() {
        // Without migrations nothing is known that a model could differ from.
        facts.models.clear();
        facts.unseen.push(Unseen {
            what: "the database".to_owned(),
            why: "There are no migrations in SQL here, so only the source was read.".to_owned(),
        });
    } else if facts.files.is_empty() {
        return Err(no_files(&root));
    }
    Ok(facts)
}

fn no_files(path: &Path) -> Error {
    Error::input(format!("there are no SQL files for PostgreSQL in \"{}\"", path.display()))
        .hint("Name a folder of migrations, a SQL file, or a database by its URL.")
}

/// The files of one set of migrations, with paths as they are seen from its folder.
struct Chosen {
    root: PathBuf,
    raw: Vec<RawFile>,
    unseen: Vec<Unseen>,
}

/// Reads the likeliest set of migrations below `path`; what is left is told.
fn chosen(path: &Path) -> Result<Chosen> {
    let base = system_of(path).unwrap_or_else(|| path.to_owned());
    let mut paths = Vec::new();
    walk(&base, DEPTH, &mut |file| {
        let name = file.to_string_lossy();
        // Other classes may be called so.
        let is_dump = || text_of(file).is_ok_and(|text| rails::is_dump(&text));
        if migrations::is_sql(&name) && (!rails::is_schema(&name) || is_dump()) {
            paths.push(plain(file, &base));
        }
    });
    let named = fs::canonicalize(&base).ok();
    let named = named.as_deref().and_then(name_of).is_some_and(layout::is_named);
    let found = layout::sets(paths, named);
    let mut unseen: Vec<Unseen> = found
        .foreign
        .iter()
        .map(|(database, count)| Unseen {
            what: format!("{count} SQL files for {database}"),
            why: "They are called so, and are for another database.".to_owned(),
        })
        .collect();
    let mut chosen = None;
    let mut others = Vec::new();
    for set in found.sets {
        let root = if set.root.is_empty() { base.clone() } else { base.join(&set.root) };
        if chosen.is_some() {
            others.push(root);
            continue;
        }
        let mut raw = Vec::new();
        for file in &set.files {
            let file = base.join(file);
            raw.push(RawFile { path: plain(&file, &root), text: text_of(&file)? });
        }
        match dialect::of_texts(raw.iter().map(|file| file.text.as_str())) {
            Some(database) => unseen.push(Unseen {
                what: format!("{} SQL files in \"{}\"", raw.len(), root.display()),
                why: format!("They are for {database}, by what they say."),
            }),
            None => chosen = Some((root, raw)),
        }
    }
    let Some((root, mut raw)) = chosen else {
        return Ok(Chosen { root: base, raw: Vec::new(), unseen });
    };
    for beside in BESIDE {
        walk(&root, DEPTH, &mut |file| {
            if file.ends_with(beside)
                && let Ok(text) = text_of(file)
            {
                raw.push(RawFile { path: plain(file, &root), text });
            }
        });
    }
    unseen.extend(told(&others));
    Ok(Chosen { root, raw, unseen })
}

/// The folder of migrations of a system of howdah.
fn system_of(path: &Path) -> Option<PathBuf> {
    let migrations = path.join("migrations");
    (path.join("howdah.toml").is_file() && migrations.is_dir()).then_some(migrations)
}

/// What is told of the sets that are not reviewed.
fn told(others: &[PathBuf]) -> Vec<Unseen> {
    let mut told: Vec<Unseen> = others
        .iter()
        .take(MOST_TOLD)
        .map(|other| Unseen {
            what: format!("the SQL files in \"{}\"", other.display()),
            why: "They make another database, or the same by another tool: review them by their \
                  path."
                .to_owned(),
        })
        .collect();
    if others.len() > MOST_TOLD {
        told.push(Unseen {
            what: format!("the SQL files in {} more folders", others.len() - MOST_TOLD),
            why: "They were not chosen either.".to_owned(),
        });
    }
    told
}

/// The source of the repository at `path`, with paths as they are seen from its migrations.
fn sources(path: &Path, root: &Path) -> Vec<RawFile> {
    let mut files = Vec::new();
    walk(path, DEPTH, &mut |file| {
        let name = plain(file, path);
        let read = Language::of(&name).is_some() || orm::is_schema(&name);
        let other = source::is_test(&name) || dialect::of_path(&name).is_some();
        if read && !other && files.len() < MAX_SOURCES {
            files.push(file.to_owned());
        }
    });
    let up = root.strip_prefix(path).map_or(0, |below| below.components().count());
    let read = files.into_iter().filter_map(|file| {
        if fs::metadata(&file).ok()?.len() > MAX_SOURCE_BYTES {
            return None;
        }
        let seen = match file.strip_prefix(root) {
            Ok(_) => plain(&file, root),
            Err(_) => format!("{}{}", "../".repeat(up), plain(&file, path)),
        };
        Some(RawFile { path: seen, text: text_of(&file).ok()? })
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
    models.extend(orm::of_schemas(files.iter().map(|file| (&*file.path, &*file.text))));
    files.retain(|file| !orm::is_schema(&file.path));
    for file in files.iter_mut().filter(|file| rails::is_schema(&file.path)) {
        file.text = rails::sql_of(&file.text);
    }
    let guesses = migrations::fill(&mut files);
    let convention = Convention::detect(&files);
    let at_once = convention.is_at_once(&files);
    let convention = Some(convention);
    let journal = files.iter().find(|file| file.path.ends_with("_journal.json")).cloned();
    let all: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let mut files = migrations::order(files);
    if convention == Some(Convention::Numbered)
        && !sources.iter().any(|source| source.language == Language::Rust)
    {
        migrations::as_golang_migrate(&mut files);
    }
    let left = not_applied(&all, &files);
    let statements = migrations::statements(&files);
    let taken = guesses.iter().map(|guess| Unseen {
        what: format!("the value of \"{}\"", guess.variable),
        why: format!(
            "It was taken as \"{}\"; \"-- howdah:let {} = value\" in a file declares it.",
            guess.value, guess.variable
        ),
    });
    let dumps = files.iter().filter(|file| rails::is_schema(&file.path));
    let unread = dumps.map(|file| (file, rails::not_read(&file.text)));
    let unread = unread.filter(|(_, lines)| *lines > 0).map(|(file, lines)| Unseen {
        what: format!("{lines} lines of \"{}\"", file.path),
        why: "They are no Ruby as Rails writes it into its dumps.".to_owned(),
    });
    let unseen = taken.chain(left).chain(unread).collect();
    Facts {
        files,
        statements,
        sources,
        models,
        convention,
        at_once,
        journal,
        guesses,
        unseen,
        ..Facts::default()
    }
}

/// What is told of SQL files that their tool does not apply.
fn not_applied(all: &[String], files: &[SqlFile]) -> Option<Unseen> {
    let used: Vec<&str> = files
        .iter()
        .flat_map(|file| [Some(&file.path), file.undo.as_ref().map(|undo| &undo.path)])
        .flatten()
        .map(String::as_str)
        .collect();
    let left: Vec<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|path| migrations::is_sql(path) && !used.contains(path))
        .collect();
    let shown = left.iter().take(3).map(|path| format!("\"{path}\"")).collect::<Vec<_>>();
    let more = if left.len() > shown.len() { ", …" } else { "" };
    (!left.is_empty()).then(|| Unseen {
        what: format!("{} SQL files that are not applied: {}{more}", left.len(), shown.join(", ")),
        why: "Their names are not those of the other migrations, or they only undo.".to_owned(),
    })
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
