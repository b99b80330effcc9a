//! One column of the mapping: where its value comes from, and its bytes.

use std::borrow::Cow;

use bytes::{BufMut as _, Bytes};
use howdah_error::{Code, Error, Result};
use howdah_system::{ColumnType, HashPart, MapFrom, Mapping, ReadAs, StreamColumn};

use super::Reject;
use super::array::element_oid;
use super::encode::encode;
use super::event::{Event, Place};
use super::fault::Fault;
use super::hex;
use super::value::Value;

/// A column, ready to be written.
#[derive(Debug)]
pub(super) struct Field {
    /// What the value is made of, for reasons: `field "price"`.
    what: String,
    /// `"price" (numeric(18,8))`, for reasons.
    column: String,
    /// The column's name alone.
    name: String,
    kind: ColumnType,
    /// The OID of an array's elements, when it is a built-in type's.
    array_oid: Option<u32>,
    from: From,
    /// The length and bytes of the only value that events may have, and have without saying so.
    pinned: Option<Bytes>,
    /// Length and bytes of the value of events that have none.
    default: Option<Bytes>,
    /// The code of an event that lacks the value, when the event cannot do without.
    missing: Option<Cow<'static, str>>,
    /// The column cannot do without, even when the event's value stands for null.
    required: bool,
    /// The code of a value that does not fit, instead of the fault's own.
    refused: Option<String>,
}

/// Where the value comes from.
#[derive(Debug)]
enum From {
    Place {
        place: Place,
        read_as: ReadAs,
        values: Vec<(String, String)>,
    },
    /// Length and bytes.
    Const(Bytes),
    LegNumber,
    Event,
    Keccak256(Vec<Part>),
}

/// What an event gave for a column.
enum Written {
    Value,
    /// A value that stands for null.
    Null,
    /// Nothing, or null.
    Absent,
}

#[derive(Debug)]
enum Part {
    Const(Vec<u8>),
    Place(Place),
    Event,
}

impl Field {
    /// Prepares a column; fails when a constant does not fit it. `place` gives the place of a path.
    pub(super) fn new(
        column: &StreamColumn,
        mapping: &Mapping,
        is_time: bool,
        mut place: impl FnMut(&[String]) -> Result<Place>,
    ) -> Result<Self> {
        let required = is_time || (column.not_null && !column.has_default);
        let named = |path: &[String]| format!("field \"{}\"", path.join("."));
        let what = match &mapping.from {
            MapFrom::Field { path, .. } => named(path),
            MapFrom::Const(_) => "the constant".to_owned(),
            MapFrom::LegNumber => "the number of the leg".to_owned(),
            MapFrom::Event => "the event".to_owned(),
            MapFrom::Keccak256(parts) => {
                let fields = parts.iter().filter_map(|part| match part {
                    HashPart::Field(path) => Some(named(path)),
                    HashPart::Event => Some("the event".to_owned()),
                    HashPart::Const(_) => None,
                });
                format!("the hash of {}", fields.collect::<Vec<_>>().join(", "))
            }
        };
        let mut field = Self {
            what,
            column: format!("\"{}\" ({})", column.name.as_str(), column.type_name),
            name: column.name.as_str().to_owned(),
            kind: column.kind.clone(),
            array_oid: element_oid(&column.type_name),
            from: From::Event,
            pinned: None,
            default: None,
            missing: match &mapping.missing {
                Some(code) => Some(Cow::Owned(code.clone())),
                None if mapping.default.is_some() => None,
                None => required.then_some(Cow::Borrowed("missing_field")),
            },
            required,
            refused: mapping.refused.clone(),
        };
        field.from = match &mapping.from {
            MapFrom::Field { path, read_as, values } => {
                From::Place { place: place(path)?, read_as: *read_as, values: values.clone() }
            }
            MapFrom::Const(text) => From::Const(field.constant(text)?),
            MapFrom::LegNumber => From::LegNumber,
            MapFrom::Event => From::Event,
            MapFrom::Keccak256(parts) => From::Keccak256(
                parts
                    .iter()
                    .map(|part| match part {
                        HashPart::Const(bytes) => Ok(Part::Const(bytes.clone())),
                        HashPart::Field(path) => place(path).map(Part::Place),
                        HashPart::Event => Ok(Part::Event),
                    })
                    .collect::<Result<_>>()?,
            ),
        };
        field.default = mapping.default.as_ref().map(|text| field.constant(text)).transpose()?;
        Ok(field)
    }

    /// Length and bytes of a constant of the system file.
    fn constant(&self, text: &str) -> Result<Bytes> {
        self.encoded(text).map_err(|fault| {
            Error::input(format!("the constant of column {} {}", self.column, fault.what))
                .code(Code::BadSystemFile)
        })
    }

    /// Length and bytes of a text read by the column's type alone.
    fn encoded(&self, text: &str) -> Result<Bytes, Fault> {
        let mut out = Vec::new();
        let value = Value::Plain(Cow::Borrowed(text));
        put(&mut out, |out| self.encode(&value, ReadAs::Type, &[], out))?;
        Ok(out.into())
    }

    /// Lets events have this value only; `None` lifts it. It is read by the column's type, whatever
    /// the mapping makes of values.
    pub(super) fn pin(&mut self, value: Option<&str>) -> Result<(), Fault> {
        self.pinned = value.map(|text| self.encoded(text)).transpose()?;
        Ok(())
    }

    /// The place without which no event can be, if the field needs one.
    pub(super) fn required_place(&self) -> Option<Place> {
        match self.from {
            From::Place { place, .. } if self.missing.is_some() && self.pinned.is_none() => {
                Some(place)
            }
            _ => None,
        }
    }

    /// Whether an empty text is a value of the column.
    fn is_text(&self) -> bool {
        matches!(self.kind, ColumnType::Text | ColumnType::Varchar(_) | ColumnType::Char(_))
    }

    /// Appends length and bytes of the event's value, or the length of null.
    pub(super) fn write(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = out.len();
        let written = self.write_value(event, out)?;
        match (&self.pinned, written) {
            (None, Written::Value) => Ok(()),
            (Some(pinned), Written::Value) if out[start..] == pinned[..] => Ok(()),
            (Some(_), Written::Value) => {
                Err(Fault::new("other_tenant", "names another tenant than the sender's"))
            }
            (Some(pinned), _) => {
                out.put_slice(pinned);
                Ok(())
            }
            (None, Written::Absent) if self.missing.is_some() => {
                Err(Fault::new("missing_field", "is missing or null"))
            }
            (None, Written::Null) if self.required && self.default.is_none() => {
                Err(Fault::new("missing_field", "is null by the way it is read"))
            }
            (None, _) => {
                match &self.default {
                    Some(default) => out.put_slice(default),
                    None => out.put_i32(-1),
                }
                Ok(())
            }
        }
    }

    /// Appends length and bytes of the event's value, if it has one.
    fn write_value(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<Written, Fault> {
        match &self.from {
            From::Const(constant) => {
                out.put_slice(constant);
                Ok(Written::Value)
            }
            From::Place { place, read_as, values } => match event.value(*place, self.is_text())? {
                Some(value) => put(out, |out| self.encode(&value, *read_as, values, out)),
                None => Ok(Written::Absent),
            },
            From::LegNumber => match event.leg_number() {
                Some(number) => put(out, |out| {
                    let value = Value::Plain(Cow::Owned(number.to_string()));
                    self.encode(&value, ReadAs::Type, &[], out)
                }),
                None => Ok(Written::Absent),
            },
            From::Event => match event.whole() {
                Some(value) => put(out, |out| self.encode(&value, ReadAs::Type, &[], out)),
                None => Ok(Written::Absent),
            },
            From::Keccak256(parts) => match put(out, |out| hash(parts, event, out))? {
                Written::Null => Ok(Written::Absent),
                written => Ok(written),
            },
        }
    }

    /// Appends the bytes of a value; `false` when it stands for null.
    fn encode(
        &self,
        value: &Value<'_>,
        read_as: ReadAs,
        values: &[(String, String)],
        out: &mut Vec<u8>,
    ) -> Result<bool, Fault> {
        match read_as {
            ReadAs::HexText => return hex::encode_if(true, value, out),
            ReadAs::HexNotText => return hex::encode_if(false, value, out),
            _ => {}
        }
        if values.is_empty() {
            encode(&self.kind, self.array_oid, read_as, value, out)?;
        } else {
            let scalar = value.scalar()?;
            let text = scalar.any_text();
            let (_, to) = values.iter().find(|(from, _)| from == text).ok_or_else(|| {
                Fault::new("unknown_value", "is not one of the values that the source maps")
            })?;
            let value = Value::Plain(Cow::Borrowed(to));
            encode(&self.kind, self.array_oid, read_as, &value, out)?;
        }
        Ok(true)
    }

    /// The fault as a reason that names column and field.
    pub(super) fn reject(&self, fault: &Fault) -> Reject {
        let reason = format!("column {}: {} {}", self.column, self.what, fault.what);
        let named = match fault.code {
            "missing_field" => self.missing.clone(),
            // Whose an event is, is between the sender and his key, not a matter of the mapping.
            "other_tenant" => None,
            _ => self.refused.clone().map(Cow::Owned),
        };
        let code = named.unwrap_or(Cow::Borrowed(fault.code));
        Reject { code, reason, column: Some(self.name.clone()) }
    }
}

/// Appends what `encode` appends behind its length; nothing when it gives no value (`false`).
fn put(
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, Fault>,
) -> Result<Written, Fault> {
    let start = out.len();
    out.put_i32(0);
    if !encode(out)? {
        out.truncate(start);
        return Ok(Written::Null);
    }
    let len = (out.len() - start - 4) as i32;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    Ok(Written::Value)
}

fn hash(parts: &[Part], event: &Event<'_>, out: &mut Vec<u8>) -> Result<bool, Fault> {
    let mut hash = hex::Hash::default();
    for part in parts {
        match part {
            Part::Const(bytes) => hash.add(bytes),
            Part::Place(place) => match event.value(*place, true)? {
                Some(value) => hash.add_hex(&value)?,
                None => return Ok(false),
            },
            Part::Event => match event.whole_text() {
                Some(text) => hash.add(text.as_bytes()),
                None => return Ok(false),
            },
        }
    }
    hash.finish(out);
    Ok(true)
}
