//! How the values of a column are kept in Parquet.
//!
//! | type | kept as |
//! | --- | --- |
//! | boolean, smallint, integer, bigint, real, double precision | the same; bits of floats too |
//! | numeric(p, s) to 38 digits, without NaN | DECIMAL(p, s) |
//! | timestamps and dates of years 1 to 9999 | TIMESTAMP in µs, DATE |
//! | uuid, bytea | UUID, BYTE_ARRAY |
//! | json, jsonb | JSON: the text |
//! | text, varchar | STRING |
//! | everything else, and whatever does not fit the above | STRING: the text of the value |

use std::sync::Arc;

use howdah_error::{Error, Result};
use howdah_history::{Column, Shape};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::Type;
use serde::{Deserialize, Serialize};

/// How a column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// BOOLEAN.
    Boolean,
    /// INT32 of a smallint.
    Small,
    /// INT32.
    Integer,
    /// INT64.
    Bigint,
    /// FLOAT.
    Real,
    /// DOUBLE.
    Double,
    /// DECIMAL: a whole number of `scale` decimals; INT64 to 18 digits, 16 bytes beyond.
    Decimal {
        /// All digits.
        precision: u8,
        /// Those behind the point.
        scale: u8,
    },
    /// DATE: days since 1970.
    Date,
    /// TIMESTAMP in µs since 1970, adjusted to UTC.
    Timestamptz,
    /// TIMESTAMP in µs since 1970, local.
    Timestamp,
    /// 16 bytes.
    Uuid,
    /// BYTE_ARRAY.
    Bytes,
    /// JSON text.
    Json,
    /// The text of the value.
    Text,
}

/// The precision to which a decimal fits an INT64.
pub(crate) const LONG_DIGITS: u8 = 18;

impl Stored {
    /// The best way for a column; `modified` is its type with modifiers. Whether every value fits
    /// is what [`Self::fits`] asks.
    pub(crate) fn best(column: &Column, modified: &str) -> Self {
        match column.shape {
            Shape::Int2 => Self::Small,
            Shape::Int4 => Self::Integer,
            Shape::Int8 => Self::Bigint,
            Shape::Float4 => Self::Real,
            Shape::Float8 => Self::Double,
            Shape::Date => Self::Date,
            Shape::Timestamptz => Self::Timestamptz,
            Shape::Timestamp => Self::Timestamp,
            Shape::Numeric => decimal(modified).unwrap_or(Self::Text),
            Shape::Nested => Self::Text,
            Shape::Bytes => Self::Bytes,
            Shape::Other => match column.type_name.as_str() {
                "pg_catalog.bool" => Self::Boolean,
                "pg_catalog.uuid" => Self::Uuid,
                "pg_catalog.json" | "pg_catalog.jsonb" => Self::Json,
                _ => Self::Text,
            },
        }
    }

    /// The condition that a value `c` can be kept so; `None`: each can.
    pub(crate) fn fits(self, c: &str) -> Option<String> {
        match self {
            Self::Date | Self::Timestamp | Self::Timestamptz => {
                Some(format!("{c} >= '0001-01-01' and {c} < '9999-12-31'"))
            }
            Self::Decimal { .. } => Some(format!("{c} <> 'NaN'")),
            _ => None,
        }
    }

    /// The value `c` as it is sent here.
    pub(crate) fn sent(self, c: &str) -> String {
        match self {
            Self::Date => format!("({c} - date '1970-01-01')"),
            // Exact: the server extracts seconds as a numeric.
            Self::Timestamp | Self::Timestamptz => {
                format!("(extract(epoch from {c}) * 1000000)::int8")
            }
            Self::Uuid => format!("uuid_send({c})"),
            Self::Decimal { .. } | Self::Json | Self::Text => format!("{c}::text"),
            _ => c.to_owned(),
        }
    }

    /// The column in a file's schema.
    pub(crate) fn schema(self, name: &str) -> Result<Arc<Type>> {
        let text = Some(LogicalType::String);
        let time = |utc| Some(LogicalType::timestamp(utc, TimeUnit::MICROS));
        let (physical, logical, length) = match self {
            Self::Boolean => (Physical::BOOLEAN, None, None),
            Self::Small => (Physical::INT32, Some(LogicalType::integer(16, true)), None),
            Self::Integer => (Physical::INT32, None, None),
            Self::Bigint => (Physical::INT64, None, None),
            Self::Real => (Physical::FLOAT, None, None),
            Self::Double => (Physical::DOUBLE, None, None),
            Self::Decimal { precision, scale } => {
                let logical = LogicalType::decimal(i32::from(scale), i32::from(precision));
                if precision <= LONG_DIGITS {
                    (Physical::INT64, Some(logical), None)
                } else {
                    (Physical::FIXED_LEN_BYTE_ARRAY, Some(logical), Some(16))
                }
            }
            Self::Date => (Physical::INT32, Some(LogicalType::Date), None),
            Self::Timestamptz => (Physical::INT64, time(true), None),
            Self::Timestamp => (Physical::INT64, time(false), None),
            Self::Uuid => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), Some(16)),
            Self::Bytes => (Physical::BYTE_ARRAY, None, None),
            Self::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json), None),
            Self::Text => (Physical::BYTE_ARRAY, text, None),
        };
        let mut builder = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        if let Some(length) = length {
            builder = builder.with_length(length);
        }
        if let Self::Decimal { precision, scale } = self {
            builder = builder.with_precision(precision.into()).with_scale(scale.into());
        }
        builder.build().map(Arc::new).map_err(|error| {
            Error::internal(format!("column \"{name}\" cannot be a column of Parquet"))
                .source(error)
        })
    }
}

/// `numeric(p,s)` as a decimal of Parquet, where it can be one.
fn decimal(modified: &str) -> Option<Stored> {
    let inner = modified.strip_prefix("numeric(")?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    ((1..=38).contains(&precision) && scale <= precision)
        .then_some(Stored::Decimal { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_of_bounded_numerics() {
        let of = |precision, scale| Some(Stored::Decimal { precision, scale });
        assert_eq!(decimal("numeric(18,8)"), of(18, 8));
        assert_eq!(decimal("numeric(5)"), of(5, 0));
        for other in ["numeric", "numeric(39,3)", "numeric(3,-2)", "numeric(2,5)", "text"] {
            assert_eq!(decimal(other), None, "{other}");
        }
    }
}
