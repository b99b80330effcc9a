//! Drizzle's journal: which files, in which order.

use serde::Deserialize;

use super::RawFile;
use super::convention::{file_name, is_sql};

#[derive(Deserialize)]
struct Journal {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    idx: u64,
    tag: String,
}

/// The files that the journal names, in its order; by name when it cannot be read.
pub(super) fn order(mut files: Vec<RawFile>) -> Vec<RawFile> {
    let journal = files.iter().find(|file| file_name(&file.path) == "_journal.json");
    let journal = journal.and_then(|file| serde_json::from_str::<Journal>(&file.text).ok());
    files.retain(|file| is_sql(&file.path));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let Some(mut journal) = journal else { return files };
    journal.entries.sort_by_key(|entry| entry.idx);
    let mut ordered = Vec::new();
    for entry in journal.entries {
        let name = format!("{}.sql", entry.tag);
        if let Some(at) = files.iter().position(|file| file_name(&file.path) == name) {
            ordered.push(files.remove(at));
        }
    }
    ordered
}
