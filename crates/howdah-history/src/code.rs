//! How the values of one column of a segment are kept: the code, and the SQL that reads it. What
//! writes it is in `gather.rs` beside this.
//!
//! A code is exact or fails: whoever encodes a value checks that it can be read back, and takes
//! another code where it cannot (a number that is too wide, a digit too many, a NaN). Nothing is
//! ever rounded.

use howdah_catalog::Ident;
use serde::{Deserialize, Serialize};

/// What a column's type is, as far as codes care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
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
    /// `numeric`.
    Numeric,
    /// `date`.
    Date,
    /// `timestamp with time zone`.
    Timestamptz,
    /// `timestamp without time zone`.
    Timestamp,
    /// An array, or a type without an array type of its own.
    Nested,
    /// `bytea`.
    Bytes,
    /// Anything else.
    Other,
}

/// The whole numbers that a code keeps, as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// `"char"`: one byte with a sign.
    Int1,
    /// `int2`.
    Int2,
    /// `int4`.
    Int4,
    /// `int8`.
    Int8,
}

impl Width {
    /// The type's name.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Int1 => "pg_catalog.\"char\"",
            Self::Int2 => "pg_catalog.int2",
            Self::Int4 => "pg_catalog.int4",
            Self::Int8 => "pg_catalog.int8",
        }
    }

    /// The greatest difference that it holds on either side.
    #[must_use]
    pub fn most(self) -> i64 {
        match self {
            Self::Int1 => i64::from(i8::MAX),
            Self::Int2 => i64::from(i16::MAX),
            Self::Int4 => i64::from(i32::MAX),
            Self::Int8 => i64::MAX,
        }
    }

    /// A number of it in a type to reckon with.
    fn widened(self, number: &str) -> String {
        if self == Self::Int1 { format!("{number}::int4") } else { number.to_owned() }
    }
}

/// How the values of a column are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// An array of the type itself.
    Plain,
    /// An array of the values' texts: of types that have no array.
    Text,
    /// Byte strings of one length, none of them null, end to end: hashes and addresses. In an array
    /// each would have a head of four bytes.
    Joined {
        /// Of each, in bytes.
        length: u16,
    },
    /// Whole numbers and dates: differences from the segment's base, less a step for each row where
    /// they grow about evenly, as numbers that a sequence gave.
    Whole {
        /// Whether each segment has a step.
        #[serde(default)]
        stepped: bool,
        /// Of a difference.
        width: Width,
    },
    /// Decimals of one scale: whole numbers of `digits` decimals, as differences from the base.
    Decimal {
        /// The scale that each value is printed with.
        scale: u16,
        /// The decimals that matter.
        digits: u16,
        /// Of a difference.
        width: Width,
    },
    /// Floats that are decimals of few digits: the same.
    Float {
        /// The decimals that matter.
        digits: u16,
        /// Of a difference.
        width: Width,
    },
    /// Times: differences from the base, less a step for each row where the axis is regular.
    Time {
        /// In so many µs.
        unit: i64,
        /// Whether each segment has a step.
        stepped: bool,
        /// Of a difference.
        width: Width,
    },
}

/// A column of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, as stored in the catalog.
    pub name: String,
    /// Its type without modifiers, quoted.
    pub type_name: String,
    /// The type of its arrays, quoted; `None`: there is none.
    pub array_type: Option<String>,
    /// What the type is.
    pub shape: Shape,
    /// Its type with modifiers.
    #[serde(default)]
    pub modified: String,
}

impl Column {
    /// Whether another column is of the same type, as far as is known of this one.
    pub(crate) fn is_of_type(&self, other: &Self) -> bool {
        let modified = self.modified.is_empty() || self.modified == other.modified;
        self.type_name == other.type_name && modified
    }

    /// The quoted name.
    #[must_use]
    pub fn ident(&self) -> Ident {
        Ident::new(self.name.as_str())
    }
}

impl Code {
    /// Whether the values are kept as whole numbers, differences from a base.
    #[must_use]
    pub fn has_base(&self) -> bool {
        self.width().is_some()
    }

    /// The width of a difference, where there is one.
    #[must_use]
    pub fn width(&self) -> Option<Width> {
        match self {
            Self::Plain | Self::Text | Self::Joined { .. } => None,
            Self::Whole { width, .. }
            | Self::Decimal { width, .. }
            | Self::Float { width, .. }
            | Self::Time { width, .. } => Some(*width),
        }
    }

    /// The same code with differences of another width.
    #[must_use]
    pub fn with_width(&self, new: Width) -> Self {
        let mut out = self.clone();
        if let Self::Whole { width, .. }
        | Self::Decimal { width, .. }
        | Self::Float { width, .. }
        | Self::Time { width, .. } = &mut out
        {
            *width = new;
        }
        out
    }

    /// Whether the segment has a step for each row.
    #[must_use]
    pub fn has_step(&self) -> bool {
        matches!(self, Self::Time { stepped: true, .. } | Self::Whole { stepped: true, .. })
    }

    /// The type of what holds a segment's values.
    #[must_use]
    pub fn array_type(&self, column: &Column) -> String {
        match self {
            Self::Plain => {
                column.array_type.clone().unwrap_or_else(|| format!("{}[]", column.type_name))
            }
            Self::Text => "pg_catalog.text[]".to_owned(),
            Self::Joined { .. } => "pg_catalog.bytea".to_owned(),
            Self::Whole { width, .. }
            | Self::Decimal { width, .. }
            | Self::Float { width, .. }
            | Self::Time { width, .. } => format!("{}[]", width.type_name()),
        }
    }

    /// What holds a segment's values, taken out of its storage once.
    #[must_use]
    pub fn taken_out(&self, array: &str) -> String {
        match self {
            Self::Joined { .. } => format!("pg_catalog.byteacat({array}, '')"),
            _ => format!("array_append({array}, null)"),
        }
    }

    /// The element of a row of what [`Self::taken_out`] gave; `i` is the row's number from 1.
    #[must_use]
    pub fn element(&self, array: &str, i: &str) -> String {
        match self {
            Self::Joined { length } => {
                format!("pg_catalog.substr({array}, ({i} - 1) * {length} + 1, {length})")
            }
            _ => format!("{array}[{i}]"),
        }
    }

    /// The value again, of an element, the segment's base and step, and the row's number from 1.
    #[must_use]
    pub fn value(&self, column: &Column, element: &str, base: &str, step: &str, i: &str) -> String {
        let step = if self.has_step() { format!(" + {step} * ({i} - 1)") } else { String::new() };
        let element = match self {
            Self::Plain | Self::Joined { .. } => return element.to_owned(),
            Self::Text => return format!("{element}::{}", column.type_name),
            Self::Time { unit, width, .. } if *unit != 1 => {
                format!("{} * {unit}::int8", width.widened(element))
            }
            Self::Whole { width, .. }
            | Self::Decimal { width, .. }
            | Self::Float { width, .. }
            | Self::Time { width, .. } => width.widened(element),
        };
        self.of_counted(column, &format!("{base}{step} + {element}"))
    }

    /// The sum of the values, of the sum of what was counted, as a numeric.
    #[must_use]
    pub fn sum(&self, total: &str) -> String {
        match self {
            Self::Decimal { scale, digits, .. } => {
                format!("({total} * {})", unit_of(*scale, *digits))
            }
            Self::Float { digits, .. } => format!("({total} * {})", unit_of(*digits, *digits)),
            _ => total.to_owned(),
        }
    }

    /// The value again of what was counted: a whole number.
    #[must_use]
    pub fn of_counted(&self, column: &Column, counted: &str) -> String {
        match self {
            Self::Plain | Self::Text | Self::Joined { .. } => counted.to_owned(),
            Self::Whole { .. } if column.shape == Shape::Date => {
                format!("(date '2000-01-01' + ({counted})::int4)")
            }
            Self::Whole { .. } => format!("({counted})::{}", column.type_name),
            Self::Decimal { scale, digits, .. } => {
                format!("(({counted})::numeric * {})", unit_of(*scale, *digits))
            }
            Self::Float { digits, .. } => {
                let number = format!("(({counted})::float8 / {}::float8)", power(*digits));
                if column.shape == Shape::Float4 { format!("{number}::float4") } else { number }
            }
            // The origin in seconds of 1970. In the years of exact times the sum is off by less
            // than half a µs, and the function rounds to whole ones.
            Self::Time { .. } if column.shape == Shape::Timestamptz => {
                format!("to_timestamp(({counted})::float8 / 1000000 + 946684800)")
            }
            Self::Time { .. } => format!(
                "(timestamp '2000-01-01 00:00:00' + ({counted}) * interval '1 microsecond')"
            ),
        }
    }
}

fn power(digits: u16) -> String {
    format!("1{}", "0".repeat(digits.into()))
}

/// 10^-digits with `scale` decimals: what a whole number is multiplied with to have that scale.
fn unit_of(scale: u16, digits: u16) -> String {
    if scale == 0 {
        return "1".to_owned();
    }
    if digits == 0 {
        return format!("1.{}", "0".repeat(scale.into()));
    }
    let zeros = usize::from(digits) - 1;
    format!("0.{}1{}", "0".repeat(zeros), "0".repeat((scale - digits).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_the_scale_of_the_column() {
        assert_eq!(unit_of(8, 1), "0.10000000");
        assert_eq!(unit_of(2, 2), "0.01");
        assert_eq!(unit_of(3, 0), "1.000");
        assert_eq!(unit_of(0, 0), "1");
    }
}
