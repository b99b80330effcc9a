//! The temporary table that a batch is copied into, and the rows as the stream will see them.
//!
//! A temporary table needs no right beyond `temporary` on the database, has no row security, and
//! takes binary COPY. It is made once per connection and emptied at every commit.

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{Stream, StreamColumn};

/// The column that keeps the stream order of a batch: 0, 1, 2…; the legs of an event share theirs.
pub const ORD: &str = "howdah_ord";

/// The place of a staged row in its table.
pub(crate) const AT: &str = "howdah_at";

/// The staging table of one stream of a source.
#[derive(Debug, Clone)]
pub struct Staging {
    /// Its name in the temporary schema.
    table: RelName,
    columns: Vec<StagedColumn>,
}

/// A column that events give.
#[derive(Debug, Clone)]
pub struct StagedColumn {
    /// The column of the stream.
    pub column: StreamColumn,
    /// Kept as text and cast on the way into the stream: binary COPY cannot carry its type.
    pub as_text: bool,
}

impl Staging {
    /// The staging table for events that give `columns`, in that order; `name` tells it from the
    /// others of its connection.
    #[must_use]
    pub fn new(name: &str, columns: Vec<StagedColumn>) -> Self {
        let name = name::fitting("howdah_batch", name);
        Self { table: RelName { schema: Ident::new("pg_temp"), name }, columns }
    }

    /// Its quoted name.
    #[must_use]
    pub fn table(&self) -> &RelName {
        &self.table
    }

    /// `create temporary table if not exists …`.
    #[must_use]
    pub fn create(&self) -> String {
        let columns = self.columns.iter().map(|staged| {
            let type_name = if staged.as_text { "text" } else { staged.column.type_name.as_str() };
            format!("{} {type_name}", staged.column.name)
        });
        format!(
            "create temporary table if not exists {} ({ORD} integer not null, {}) \
             on commit delete rows",
            self.table.name,
            name::list(columns)
        )
    }

    /// `copy … from stdin (format binary)`: the order first, then the columns.
    #[must_use]
    pub fn copy(&self) -> String {
        let columns = self.columns.iter().map(|staged| &staged.column.name);
        format!("copy {} ({ORD}, {}) from stdin (format binary)", self.table, name::list(columns))
    }

    /// The columns given, as the stream names them.
    pub fn columns(&self) -> impl Iterator<Item = &Ident> {
        self.columns.iter().map(|staged| &staged.column.name)
    }

    /// The value of a staged column for the stream: cast where it was kept as text, the column's
    /// default where the event left it out.
    pub(crate) fn value(&self, name: &Ident) -> Option<String> {
        let staged = self.columns.iter().find(|staged| staged.column.name == *name)?;
        let column = &staged.column;
        let value = if staged.as_text {
            format!("s.{}::{}", column.name, column.type_name)
        } else {
            format!("s.{}", column.name)
        };
        Some(match &column.expression {
            Some(default) if column.has_default && !column.generated => {
                format!("coalesce({value}, {default})")
            }
            _ => value,
        })
    }

    /// A sub-query that gives every column of the stream for the staged rows between `$1` and `$2`
    /// in [`ORD`], as an insert would make them: defaults and generated columns included. Beside
    /// them stand [`ORD`] and [`AT`].
    pub(crate) fn as_stream_rows(&self, stream: &Stream) -> String {
        let plain = stream.columns.iter().filter(|column| !column.generated).map(|column| {
            let value = self
                .value(&column.name)
                .unwrap_or_else(|| column.expression.clone().unwrap_or_else(|| "null".to_owned()));
            typed(&value, column)
        });
        let generated = stream.columns.iter().filter(|column| column.generated).map(|column| {
            let expression = column.expression.as_deref().unwrap_or("null");
            typed(expression, column)
        });
        let generated: Vec<String> = generated.collect();
        let inner = format!(
            "select s.{ORD}, s.ctid as {AT}, {} from {} s where s.{ORD} between $1 and $2",
            name::list(plain),
            self.table
        );
        if generated.is_empty() {
            format!("({inner})")
        } else {
            format!("(select r.*, {} from ({inner}) r)", name::list(generated))
        }
    }
}

/// An expression with the type, collation and name of a column.
fn typed(expression: &str, column: &StreamColumn) -> String {
    let collation =
        column.collation.as_ref().map(|name| format!(" collate {name}")).unwrap_or_default();
    format!("({expression})::{}{collation} as {}", column.type_name, column.name)
}
