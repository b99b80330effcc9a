//! The columns of a stream and the types that events are decoded into.

use howdah_catalog::{Ident, RelName};

/// A column of a stream's table, as far as ingestion needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamColumn {
    /// Its name.
    pub name: Ident,
    /// Its type with modifiers, as `format_type` prints it.
    pub type_name: String,
    /// What an event's value is decoded into.
    pub kind: ColumnType,
    /// `not null`, by itself or through a domain.
    pub not_null: bool,
    /// Has a default or is an identity column: an event may leave it out.
    pub has_default: bool,
    /// Generated: an event may not give it.
    pub generated: bool,
    /// The default, or the expression of a generated column, as PostgreSQL prints it.
    pub expression: Option<String>,
    /// The collation when it is not the type's default.
    pub collation: Option<RelName>,
}

impl StreamColumn {
    /// Whether the database numbers it where an insert leaves it out. A null does not stand for
    /// that, as it does for a default.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.has_default && !self.generated && self.expression.is_none()
    }
}

/// The types that decoding knows. Domains stand as their base type (PostgreSQL checks the domain).
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnType {
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `numeric`, with precision and scale when declared.
    Numeric(Option<(u16, i16)>),
    /// `text`, `citext` and the like; no limit.
    Text,
    /// `character varying(n)`; n in characters.
    Varchar(u32),
    /// `character(n)`.
    Char(u32),
    /// `boolean`.
    Bool,
    /// `uuid`.
    Uuid,
    /// `timestamp with time zone`.
    Timestamptz,
    /// `timestamp without time zone`.
    Timestamp,
    /// `date`.
    Date,
    /// `json`.
    Json,
    /// `jsonb`.
    Jsonb,
    /// `bytea`.
    Bytea,
    /// `inet`.
    Inet,
    /// `cidr`.
    Cidr,
    /// An enum: its labels.
    Enum(Vec<String>),
    /// A one-dimensional array of any of these but arrays.
    Array(Box<ColumnType>),
    /// Any other type: the event's text is handed to the type's own input function.
    Other,
}
