//! What a plan needs to know beyond the catalog.

use std::collections::BTreeMap;

use howdah_catalog::{RelName, Relation};

/// What only the database knows, asked for the tables that the system file names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The database's clock, µs since 2000-01-01 UTC.
    pub now_us: i64,
    /// The version of howdah's own schema, if it is there.
    pub schema_version: Option<i32>,
    /// Rows of `howdah.rollups`, by relation as `schema.name`.
    pub rollups: BTreeMap<String, InstalledRollup>,
    /// Tables of streams.
    pub tables: BTreeMap<RelName, TableFacts>,
}

impl Facts {
    /// Whether a table is known to have no row.
    #[must_use]
    pub fn is_empty(&self, relation: &Relation) -> bool {
        self.tables.get(&relation.name).is_some_and(|table| table.newest_us.is_none())
    }
}

/// What `howdah.rollups` says of a rollup table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledRollup {
    /// The definition that its rows follow.
    pub definition: String,
    /// Whether all of the stream is in it.
    pub ready: bool,
}

/// Facts of one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableFacts {
    /// The time of the newest row, µs since 2000-01-01 UTC; `None`: the table is empty. Of a
    /// partitioned table any number stands for a row, in a chunk or in a segment, and for not
    /// having looked, where every table that would be filled from it is there.
    pub newest_us: Option<i64>,
    /// Views that read the table: name and `pg_get_viewdef`.
    pub views: Vec<(RelName, String)>,
    /// Anything else that depends on the table and cannot follow a swap, described.
    pub other_dependents: Vec<String>,
    /// Foreign keys of other tables that reference it.
    pub referenced_by: Vec<RelName>,
    /// `(column, sequence)` of sequences that belong to a column of the table.
    pub sequences: Vec<(String, RelName)>,
    /// Its segment tables.
    pub layouts: Vec<FoldedLayout>,
}

/// A segment table of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedLayout {
    /// The table.
    pub table: RelName,
    /// The columns that stay plain in it, in their order.
    pub plain: Vec<String>,
    /// Whether it holds a segment.
    pub filled: bool,
}
