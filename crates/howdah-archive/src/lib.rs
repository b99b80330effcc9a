//! Exports: the events of a part that retention takes, as Parquet files in a folder or an object
//! store that speaks S3, with a manifest of columns, row counts and checksums; and back.
//!
//! An export is complete when its manifest is there: it is written last, after every file was read
//! back from where it lies and found to be what was written. Bringing events back checks all of it
//! again, and the rows once more in the database, before any of them is seen.
//!
//! Every value is kept exactly ([`column`]): by a type of Parquet where there is an equal one, by
//! its text otherwise; the manifest says which.

mod bring;
mod column;
mod copy_text;
mod export;
mod manifest;
mod parquet_read;
mod parquet_write;
mod place;

pub use bring::{Brought, bring_back};
pub use export::{Exported, export_chunk};
pub use manifest::{FileEntry, Manifest, StoredColumn};
pub use place::Place;
