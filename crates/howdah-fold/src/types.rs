//! The types that are computed with, and what of them the server and this crate agree on.

use std::sync::Arc;

use howdah_catalog::RelName;
use howdah_system::{ColumnType, StreamColumn};

/// A type of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Not known yet: `null` or a constant in quotes.
    Unknown,
    /// `boolean`
    Bool,
    /// `smallint`, `integer`, `bigint`
    Int(Width),
    /// `numeric`
    Numeric,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `text`, `character varying`
    Text(Collation),
    /// `character(n)`: blanks at the end do not count
    Char(Collation),
    /// An enum and its labels, in order
    Enum(Arc<[String]>),
    /// `uuid`
    Uuid,
    /// `bytea`
    Bytea,
    /// `date`: days
    Date,
    /// `timestamp`: microseconds
    Timestamp,
    /// `timestamptz`: microseconds
    Timestamptz,
    /// `inet`, `cidr`: equal when their bytes are
    Address,
    /// Anything else: kept or null, never looked into
    Opaque,
}

/// Of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// `smallint`
    Two,
    /// `integer`
    Four,
    /// `bigint`
    Eight,
}

/// Of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collation {
    /// The database's, whichever that is: texts are equal when their bytes are.
    Default,
    /// `"C"` or a twin of it: the order is that of the bytes.
    Bytes,
    /// One that comes with PostgreSQL: texts are equal when their bytes are.
    BuiltIn(RelName),
    /// One that somebody made: texts may be equal that are not the same.
    Made(RelName),
}

impl Collation {
    /// The collation of a column.
    pub(crate) fn of(name: Option<&RelName>) -> Self {
        let Some(name) = name else { return Self::Default };
        // Only `create collation` makes what is not deterministic.
        if name.schema.as_str() != "pg_catalog" {
            return Self::Made(name.clone());
        }
        match name.name.as_str() {
            "C" | "POSIX" | "ucs_basic" => Self::Bytes,
            _ => Self::BuiltIn(name.clone()),
        }
    }

    /// The collation of a comparison: any beats the default, two others do not go together
    /// (`merge_collation_state`).
    pub(crate) fn merge(&self, other: &Self) -> Result<Self, String> {
        match (self, other) {
            (Self::Default, other) | (other, Self::Default) => Ok(other.clone()),
            (a, b) if a == b => Ok(a.clone()),
            _ => Err("texts of two collations".to_owned()),
        }
    }

    /// Whether texts are equal only when their bytes are.
    pub(crate) fn is_exact(&self) -> bool {
        !matches!(self, Self::Made(_))
    }
}

/// A type as written or printed, without or with modifiers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedType {
    pub(crate) kind: Type,
    /// Precision and scale of a `numeric`.
    pub(crate) limit: Option<(u16, i16)>,
}

impl NamedType {
    /// Reads `numeric(18,4)`, `timestamp with time zone`, `INT`; `None` for what is not known and
    /// for modifiers that round times or cut texts.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        let (plain, modifiers) = match name.split_once('(') {
            Some((plain, rest)) => (plain.trim(), Some(rest.strip_suffix(')')?)),
            None => (name.as_str(), None),
        };
        if let Some(modifiers) = modifiers {
            if !matches!(plain, "numeric" | "decimal") {
                return None;
            }
            let (precision, scale) = modifiers.split_once(',').unwrap_or((modifiers, "0"));
            let limit = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
            return Some(Self { kind: Type::Numeric, limit: Some(limit) });
        }
        let kind = match plain {
            "boolean" | "bool" => Type::Bool,
            "smallint" | "int2" => Type::Int(Width::Two),
            "integer" | "int" | "int4" => Type::Int(Width::Four),
            "bigint" | "int8" => Type::Int(Width::Eight),
            "numeric" | "decimal" => Type::Numeric,
            "real" | "float4" => Type::Float4,
            "double precision" | "float8" => Type::Float8,
            "text" | "character varying" | "varchar" => Type::Text(Collation::Default),
            "uuid" => Type::Uuid,
            "bytea" => Type::Bytea,
            "date" => Type::Date,
            "timestamp" | "timestamp without time zone" => Type::Timestamp,
            "timestamptz" | "timestamp with time zone" => Type::Timestamptz,
            "inet" | "cidr" => Type::Address,
            _ => return None,
        };
        Some(Self { kind, limit: None })
    }
}

/// The type of a stream's column.
///
/// # Errors
/// Why values of it cannot be used here, as far as only equality and null matter.
pub(crate) fn of_column(column: &StreamColumn) -> Result<Type, String> {
    let collation = || Collation::of(column.collation.as_ref());
    let name = column.type_name.as_str();
    Ok(match &column.kind {
        ColumnType::Bool => Type::Bool,
        ColumnType::Int2 => Type::Int(Width::Two),
        ColumnType::Int4 => Type::Int(Width::Four),
        ColumnType::Int8 => Type::Int(Width::Eight),
        ColumnType::Numeric(_) => Type::Numeric,
        ColumnType::Float4 => Type::Float4,
        ColumnType::Float8 => Type::Float8,
        // The same kind stands for citext and for domains over it.
        ColumnType::Text if matches!(name, "text" | "character varying") => Type::Text(collation()),
        ColumnType::Varchar(_) if name.starts_with("character varying") => Type::Text(collation()),
        ColumnType::Char(_) if name.starts_with("character(") => Type::Char(collation()),
        ColumnType::Uuid => Type::Uuid,
        ColumnType::Bytea => Type::Bytea,
        ColumnType::Date => Type::Date,
        ColumnType::Timestamp | ColumnType::Timestamptz if name.contains('(') => {
            return Err(format!("the type {name} rounds its times"));
        }
        ColumnType::Timestamp => Type::Timestamp,
        ColumnType::Timestamptz => Type::Timestamptz,
        ColumnType::Inet | ColumnType::Cidr => Type::Address,
        ColumnType::Enum(labels) => Type::Enum(labels.clone().into()),
        ColumnType::Text
        | ColumnType::Varchar(_)
        | ColumnType::Char(_)
        | ColumnType::Json
        | ColumnType::Jsonb
        | ColumnType::Array(_) => Type::Opaque,
        ColumnType::Other => return Err(format!("the type {name} is not known")),
    })
}
