//! One column of the mapping: where its value comes from, and its bytes.

use std::borrow::Cow;

use bytes::{BufMut as _, Bytes, BytesMut};
use howdah_error::{Code, Error, Result};
use howdah_system::{ColumnType, MapFrom, ReadAs, StreamColumn};

use super::Reject;
use super::array::element_oid;
use super::encode::encode;
use super::fault::Fault;
use super::value::Value;

/// A column, ready to be written.
#[derive(Debug)]
pub(super) struct Field {
    /// The event's name for it, nested names joined by a point; for CSV and Redis fields the name
    /// itself.
    pub(super) name: String,
    /// Whether it is the stream's time.
    pub(super) is_time: bool,
    /// `"price" (numeric(18,8))`, for reasons.
    column: String,
    kind: ColumnType,
    /// The OID of an array's elements, when it is a built-in type's.
    array_oid: Option<u32>,
    read_as: ReadAs,
    values: Vec<(String, String)>,
    /// The length and bytes of a constant.
    constant: Option<Bytes>,
    /// The length and bytes of the only value that events may have, and have without saying so.
    pinned: Option<Bytes>,
    /// No event can do without it.
    required: bool,
}

impl Field {
    /// Prepares a column; fails when a constant does not fit it.
    pub(super) fn new(column: &StreamColumn, from: &MapFrom, is_time: bool) -> Result<Self> {
        let mut field = Self {
            name: String::new(),
            is_time,
            column: format!("\"{}\" ({})", column.name.as_str(), column.type_name),
            kind: column.kind.clone(),
            array_oid: element_oid(&column.type_name),
            read_as: ReadAs::Type,
            values: Vec::new(),
            constant: None,
            pinned: None,
            required: is_time || (column.not_null && !column.has_default),
        };
        match from {
            MapFrom::Field { path, read_as, values } => {
                field.name = path.join(".");
                field.read_as = *read_as;
                field.values.clone_from(values);
            }
            MapFrom::Const(text) => {
                field.constant = Some(field.encoded(text).map_err(|fault| {
                    Error::input(format!("the constant of column {} {}", field.column, fault.what))
                        .code(Code::BadSystemFile)
                })?);
                field.required = false;
            }
        }
        Ok(field)
    }

    /// Length and bytes of a text read by the column's type alone.
    fn encoded(&self, text: &str) -> Result<Bytes, Fault> {
        let mut out = BytesMut::new();
        out.put_i32(0);
        let value = Value::Plain(Cow::Borrowed(text));
        encode(&self.kind, self.array_oid, ReadAs::Type, &value, &mut out)?;
        let len = (out.len() - 4) as i32;
        out[..4].copy_from_slice(&len.to_be_bytes());
        Ok(out.freeze())
    }

    /// Lets events have this value only; `None` lifts it. It is read by the column's type, whatever
    /// the mapping makes of values.
    pub(super) fn pin(&mut self, value: Option<&str>) -> Result<(), Fault> {
        self.pinned = value.map(|text| self.encoded(text)).transpose()?;
        Ok(())
    }

    /// Whether every event has the same value, whatever it says.
    pub(super) fn is_constant(&self) -> bool {
        self.constant.is_some()
    }

    /// Whether an event without it is refused.
    pub(super) fn is_required(&self) -> bool {
        self.required && self.pinned.is_none()
    }

    /// Whether an empty text is a value of the column.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, ColumnType::Text | ColumnType::Varchar(_) | ColumnType::Char(_))
    }

    /// Whether its bytes are a text for the database to cast.
    pub(super) fn staged_as_text(&self) -> bool {
        match self.kind {
            ColumnType::Other => true,
            ColumnType::Array(_) => self.array_oid.is_none(),
            _ => false,
        }
    }

    /// Appends length and bytes of the value; `None` is null.
    pub(super) fn write(&self, value: Option<&Value<'_>>, out: &mut BytesMut) -> Result<(), Fault> {
        let Some(pinned) = &self.pinned else { return self.write_any(value, out) };
        if value.is_none() && self.constant.is_none() {
            out.put_slice(pinned);
            return Ok(());
        }
        let start = out.len();
        self.write_any(value, out)?;
        if out[start..] == pinned[..] {
            return Ok(());
        }
        Err(Fault::new("other_tenant", "names another tenant than the sender's"))
    }

    fn write_any(&self, value: Option<&Value<'_>>, out: &mut BytesMut) -> Result<(), Fault> {
        if let Some(constant) = &self.constant {
            out.put_slice(constant);
            return Ok(());
        }
        match value {
            Some(value) => self.write_value(value, out),
            None if self.required => Err(Fault::new("missing_field", "is missing or null")),
            None => {
                out.put_i32(-1);
                Ok(())
            }
        }
    }

    fn write_value(&self, value: &Value<'_>, out: &mut BytesMut) -> Result<(), Fault> {
        let start = out.len();
        out.put_i32(0);
        if self.values.is_empty() {
            encode(&self.kind, self.array_oid, self.read_as, value, out)?;
        } else {
            let scalar = value.scalar()?;
            let text = scalar.any_text();
            let (_, to) = self.values.iter().find(|(from, _)| from == text).ok_or_else(|| {
                Fault::new("unknown_value", "is not one of the values that the source maps")
            })?;
            let value = Value::Plain(Cow::Borrowed(to));
            encode(&self.kind, self.array_oid, self.read_as, &value, out)?;
        }
        let len = (out.len() - start - 4) as i32;
        out[start..start + 4].copy_from_slice(&len.to_be_bytes());
        Ok(())
    }

    /// The fault as a reason that names column and field.
    pub(super) fn reject(&self, fault: &Fault) -> Reject {
        let reason = if self.constant.is_some() {
            format!("column {}: the constant {}", self.column, fault.what)
        } else {
            format!("column {}: field \"{}\" {}", self.column, self.name, fault.what)
        };
        Reject::new(fault.code, reason)
    }
}
