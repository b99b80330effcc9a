//! One value → the bytes of its column.

use bytes::BufMut as _;
use howdah_system::{ColumnType, ReadAs};

use super::fault::Fault;
use super::value::{Scalar, Value};
use super::{array, hex, json_text, numeric, quantity, scalar, time};

/// Appends the column's bytes for `value`, or says why it does not fit; what was appended before
/// a fault is for the caller to cut off.
///
/// `array_oid` is the OID of an array's elements; without it an array is written as text.
pub(crate) fn encode(
    kind: &ColumnType,
    array_oid: Option<u32>,
    read_as: ReadAs,
    value: &Value<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    match read_as {
        ReadAs::Quantity => return quantity::encode(kind, value, out),
        ReadAs::Hex(bytes) => return hex::encode(value, bytes, out),
        _ => {}
    }
    match kind {
        ColumnType::Json | ColumnType::Jsonb => {
            return encode_json(value, *kind == ColumnType::Jsonb, out);
        }
        ColumnType::Array(element) => {
            return match array_oid {
                Some(oid) => array::encode_array(value, element, oid, read_as, out),
                None => array::encode_literal(value, element, read_as, out),
            };
        }
        _ => {}
    }
    let value = value.scalar()?;
    match kind {
        ColumnType::Int2 => scalar::encode_integer(value.text("is not an integer")?, 2, out),
        ColumnType::Int4 => scalar::encode_integer(value.text("is not an integer")?, 4, out),
        ColumnType::Int8 => scalar::encode_integer(value.text("is not an integer")?, 8, out),
        ColumnType::Float4 => scalar::encode_float4(value.text("is not a number")?, out),
        ColumnType::Float8 => scalar::encode_float8(value.text("is not a number")?, out),
        ColumnType::Numeric(limit) => numeric::encode(value.text("is not a number")?, *limit, out),
        ColumnType::Bool => match &value {
            Scalar::Composite(_) => Err(Fault::wrong_type("is not true or false")),
            _ => scalar::encode_bool(value.any_text(), out),
        },
        ColumnType::Uuid => scalar::encode_uuid(value.text("is not a UUID")?, out),
        ColumnType::Timestamptz => {
            time::encode(value.text("is not a time")?, read_as, time::Zone::Required, out)
        }
        ColumnType::Timestamp => {
            time::encode(value.text("is not a time")?, read_as, time::Zone::Optional, out)
        }
        ColumnType::Date => time::encode_date(value.text("is not a date")?, read_as, out),
        ColumnType::Bytea => scalar::encode_bytea(value.text("is not a text")?, read_as, out),
        ColumnType::Inet => scalar::encode_inet(value.text("is not an IP address")?, false, out),
        ColumnType::Cidr => scalar::encode_inet(value.text("is not an IP network")?, true, out),
        ColumnType::Enum(labels) => encode_label(value.any_text(), labels, out),
        ColumnType::Varchar(limit) | ColumnType::Char(limit) => {
            encode_text(value.any_text(), Some(*limit as usize), out)
        }
        ColumnType::Text | ColumnType::Other => encode_text(value.any_text(), None, out),
        ColumnType::Json | ColumnType::Jsonb | ColumnType::Array(_) => Ok(()),
    }
}

/// Text of at most `limit` characters; as in PostgreSQL, surplus spaces at the end do not count.
fn encode_text(text: &str, limit: Option<usize>, out: &mut Vec<u8>) -> Result<(), Fault> {
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(json_text::nul());
    }
    // A text has at most as many characters as bytes, so short ones need no counting.
    if let Some(limit) = limit
        && text.len() > limit
        && text.trim_end_matches(' ').chars().count() > limit
    {
        return Err(Fault::new("too_long", "has more characters than the column holds"));
    }
    out.put_slice(text.as_bytes());
    Ok(())
}

fn encode_label(text: &str, labels: &[String], out: &mut Vec<u8>) -> Result<(), Fault> {
    if !labels.iter().any(|label| label == text) {
        return Err(Fault::new("unknown_label", "is not one of the labels of the enum"));
    }
    out.put_slice(text.as_bytes());
    Ok(())
}

/// The format of `jsonb_recv` is a version byte and the text.
fn encode_json(value: &Value<'_>, jsonb: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = match value {
        Value::Json(raw) => raw,
        Value::Plain(text) => {
            json_text::check_syntax(text)?;
            text.as_ref()
        }
    };
    if jsonb {
        json_text::check_jsonb(text)?;
        out.put_u8(1);
    }
    out.put_slice(text.as_bytes());
    Ok(())
}
