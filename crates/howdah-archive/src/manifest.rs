//! What an export says of itself.

use serde::{Deserialize, Serialize};

use crate::column::Stored;

/// The version of the format.
pub(crate) const VERSION: u32 = 1;
/// The name of the manifest beside the files.
pub(crate) const NAME: &str = "manifest.json";

/// One export: the events of a chunk, or of one tenant in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format.
    pub version: u32,
    /// The stream's table.
    pub stream: String,
    /// The chunk.
    pub chunk: String,
    /// The times that the chunk holds: µs since 2000-01-01 UTC.
    pub from_us: i64,
    /// Exclusive.
    pub to_us: i64,
    /// Whose events; null: everybody's.
    pub tenant: Option<String>,
    /// The columns, in the order of the files.
    pub columns: Vec<StoredColumn>,
    /// How many events there are in all files.
    pub rows: i64,
    /// The sum of `hashtextextended(row::text, 0)` over all events, as the server computes it.
    pub row_hashes: String,
    /// The files, in their order.
    pub files: Vec<FileEntry>,
}

/// A column of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredColumn {
    /// Its name.
    pub name: String,
    /// Its type in the database, quoted.
    pub type_name: String,
    /// How it is kept.
    pub stored: Stored,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name beside the manifest.
    pub name: String,
    /// How many events it has.
    pub rows: i64,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}
