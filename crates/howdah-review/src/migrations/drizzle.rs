//! Drizzle's journal: which files, in which order.

use serde::Deserialize;
use serde_json::{Value, json};

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

/// The journal with new files behind the others. Drizzle applies what is later than the last that
/// it has applied, so each is a moment later than the one before; `None` when the journal cannot
/// be read.
pub(crate) fn with(journal: &RawFile, new: &[RawFile]) -> Option<RawFile> {
    let mut document: Value = serde_json::from_str(&journal.text).ok()?;
    let entries = document.get_mut("entries")?.as_array_mut()?;
    let last = entries.iter().max_by_key(|entry| entry["idx"].as_u64());
    let last = last.cloned().unwrap_or_else(|| json!({"version": "7", "breakpoints": true}));
    let first = last["idx"].as_u64().map_or(0, |last| last + 1);
    for (idx, file) in (first..).zip(new) {
        let mut entry = last.clone();
        entry["idx"] = json!(idx);
        entry["when"] = json!(last["when"].as_u64().unwrap_or(0) + (idx - first + 1) * 1000);
        entry["tag"] = json!(file_name(&file.path).strip_suffix(".sql")?);
        entries.push(entry);
    }
    let text = serde_json::to_string_pretty(&document).ok()? + "\n";
    Some(RawFile { path: journal.path.clone(), text })
}
