//! Values: read from the binary form, compared, written.

use std::cmp::Ordering;
use std::sync::Arc;

use howdah_system::ColumnType;

use crate::fault::Fault;
use crate::numeric::Decimal;
use crate::types::{Collation, Type, Width};

const MALFORMED: Fault = Fault("a value is not in its type's binary form");

/// A value of an expression; bytes are borrowed from the tuple or the program.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// A boolean
    Bool(bool),
    /// An integer, days of a date, microseconds of a timestamp
    Int(i64),
    /// A `numeric`
    Number(Decimal),
    /// A float of either width
    Float(f64),
    /// Anything else, in its type's binary form
    Bytes(&'a [u8]),
}

impl Value<'_> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A condition counts only when it is true.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }
}

/// A value that owns its bytes.
#[derive(Debug, Clone)]
pub(crate) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Number(Decimal),
    Bytes(Box<[u8]>),
}

impl Constant {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Number(value) => Value::Number(value.clone()),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

/// How the bytes of a field become a value, as the server would have it stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decode {
    Bool,
    Int2,
    Int4,
    Int8,
    /// The scale that the column declares.
    Numeric(Option<u16>),
    Float4,
    Float8,
    /// Blanks beyond n characters are cut.
    Varchar(u32),
    /// Blanks at the end are cut.
    Char,
    Bytes,
}

impl Decode {
    pub(crate) fn of(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::Bool => Self::Bool,
            ColumnType::Int2 => Self::Int2,
            ColumnType::Int4 | ColumnType::Date => Self::Int4,
            ColumnType::Int8 | ColumnType::Timestamp | ColumnType::Timestamptz => Self::Int8,
            ColumnType::Numeric(limit) => {
                Self::Numeric(limit.map(|(_, scale)| scale.max(0).unsigned_abs()))
            }
            ColumnType::Float4 => Self::Float4,
            ColumnType::Float8 => Self::Float8,
            ColumnType::Varchar(limit) => Self::Varchar(*limit),
            ColumnType::Char(_) => Self::Char,
            _ => Self::Bytes,
        }
    }

    /// How the server's answer for a value of this type is read.
    pub(crate) fn of_type(kind: &Type) -> Self {
        match kind {
            Type::Bool => Self::Bool,
            Type::Int(Width::Two) => Self::Int2,
            Type::Int(Width::Four) | Type::Date => Self::Int4,
            Type::Int(Width::Eight) | Type::Timestamp | Type::Timestamptz => Self::Int8,
            Type::Numeric => Self::Numeric(None),
            Type::Float4 => Self::Float4,
            Type::Float8 => Self::Float8,
            Type::Char(_) => Self::Char,
            _ => Self::Bytes,
        }
    }

    pub(crate) fn value(self, bytes: &[u8]) -> Result<Value<'_>, Fault> {
        fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
            bytes.try_into().map_err(|_| MALFORMED)
        }
        Ok(match self {
            Self::Bool => Value::Bool(fixed::<1>(bytes)?[0] != 0),
            Self::Int2 => Value::Int(i64::from(i16::from_be_bytes(fixed(bytes)?))),
            Self::Int4 => Value::Int(i64::from(i32::from_be_bytes(fixed(bytes)?))),
            Self::Int8 => Value::Int(i64::from_be_bytes(fixed(bytes)?)),
            Self::Numeric(scale) => Value::Number(Decimal::read(bytes, scale)?),
            Self::Float4 => Value::Float(f64::from(f32::from_be_bytes(fixed(bytes)?))),
            Self::Float8 => Value::Float(f64::from_be_bytes(fixed(bytes)?)),
            Self::Varchar(_) | Self::Char | Self::Bytes => Value::Bytes(self.stored(bytes)),
        })
    }

    /// The bytes as the column keeps them, for types that are kept as they come.
    pub(crate) fn stored(self, bytes: &[u8]) -> &[u8] {
        match self {
            Self::Varchar(limit) if bytes.len() > limit as usize => cut(bytes, limit as usize),
            Self::Char => without_blanks(bytes),
            _ => bytes,
        }
    }
}

/// At most `limit` characters; what is beyond are blanks, or the server refuses the row.
fn cut(bytes: &[u8], limit: usize) -> &[u8] {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte & 0xC0 != 0x80);
    starts.map(|(at, _)| at).nth(limit).map_or(bytes, |end| &bytes[..end])
}

fn without_blanks(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &bytes[..kept]
}

/// How two values of a type are compared.
#[derive(Debug, Clone)]
pub(crate) enum Comparer {
    /// By their natural order.
    Natural,
    /// By the place of their labels.
    Labels(Arc<[String]>),
    /// Only whether they are equal.
    Equality,
}

impl Comparer {
    /// For `=`, `<>`, `in`, `distinct from`.
    pub(crate) fn equality(kind: &Type) -> Result<Self, String> {
        match kind {
            Type::Text(collation) | Type::Char(collation) if !collation.is_exact() => {
                Err("texts of a collation that may not be deterministic".to_owned())
            }
            Type::Opaque => Err("a comparison of a rare type".to_owned()),
            _ => Ok(Self::Equality),
        }
    }

    /// For `<`, `min`, `greatest` and the order of events.
    pub(crate) fn order(kind: &Type) -> Result<Self, String> {
        match kind {
            Type::Text(Collation::Bytes) | Type::Char(Collation::Bytes) => Ok(Self::Natural),
            Type::Text(_) | Type::Char(_) => {
                Err("the order of texts is known for the collation \"C\" only".to_owned())
            }
            Type::Enum(labels) => Ok(Self::Labels(Arc::clone(labels))),
            Type::Opaque | Type::Address | Type::Unknown => {
                Err("the order of a rare type".to_owned())
            }
            _ => Ok(Self::Natural),
        }
    }

    /// Neither may be null.
    pub(crate) fn compare(&self, a: &Value<'_>, b: &Value<'_>) -> Ordering {
        match (a, b) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) => a.compare(b),
            (Value::Bytes(a), Value::Bytes(b)) => match self {
                Self::Labels(labels) => place(labels, a).cmp(&place(labels, b)),
                Self::Natural | Self::Equality => a.cmp(b),
            },
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            // NaN is equal to itself and larger than all else, as in `float8_cmp_internal`.
            (Value::Float(a), Value::Float(b)) => {
                a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            }
            // The compiler brings both sides to one type.
            _ => Ordering::Equal,
        }
    }
}

fn place(labels: &[String], label: &[u8]) -> Option<usize> {
    labels.iter().position(|known| known.as_bytes() == label)
}

/// Appends the binary form of a value that is not null, without its length.
pub(crate) fn write(kind: &Type, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let range = Fault("an integer is out of range");
    match (value, kind) {
        (Value::Bool(value), _) => out.push(u8::from(*value)),
        (Value::Int(value), Type::Int(Width::Two)) => {
            out.extend_from_slice(&i16::try_from(*value).map_err(|_| range)?.to_be_bytes());
        }
        (Value::Int(value), Type::Int(Width::Four) | Type::Date) => {
            out.extend_from_slice(&i32::try_from(*value).map_err(|_| range)?.to_be_bytes());
        }
        (Value::Int(value), _) => out.extend_from_slice(&value.to_be_bytes()),
        (Value::Number(value), _) => value.write(out)?,
        (Value::Float(value), Type::Float4) => {
            out.extend_from_slice(&(*value as f32).to_be_bytes());
        }
        (Value::Float(value), _) => out.extend_from_slice(&value.to_be_bytes()),
        (Value::Bytes(bytes), _) => out.extend_from_slice(bytes),
        (Value::Null, _) => return Err(MALFORMED),
    }
    Ok(())
}
