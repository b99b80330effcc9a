//! Arrays: JSON's and PostgreSQL's own notation → elements → an array, in binary or as text.
//!
//! Binary is the form of `array_recv` (src/backend/utils/adt/arrayfuncs.c); it names the element
//! type by OID, which is fixed for built-in types only. Arrays of anything else are staged as the
//! text of an array literal. One dimension only.

use std::borrow::Cow;

use bytes::BufMut as _;
use howdah_system::{ColumnType, ReadAs, StreamColumn};
use serde_json::value::RawValue;

use super::encode::encode;
use super::fault::Fault;
use super::value::{Scalar, Value};

/// The OID of a built-in element type by the type's name without modifiers; fixed since it was
/// introduced (src/include/catalog/pg_type.dat).
pub(crate) fn element_oid(type_name: &str) -> Option<u32> {
    let element = type_name.strip_suffix("[]")?;
    let base = element.split('(').next().unwrap_or(element).trim_end();
    let base = if element.ends_with("without time zone") && base == "timestamp" {
        "timestamp without time zone"
    } else if element.ends_with("with time zone") && base == "timestamp" {
        "timestamp with time zone"
    } else {
        base
    };
    Some(match base {
        "boolean" => 16,
        "bytea" => 17,
        "bigint" => 20,
        "smallint" => 21,
        "integer" => 23,
        "text" => 25,
        "json" => 114,
        "cidr" => 650,
        "real" => 700,
        "double precision" => 701,
        "inet" => 869,
        "character" => 1042,
        "character varying" => 1043,
        "date" => 1082,
        "timestamp without time zone" => 1114,
        "timestamp with time zone" => 1184,
        "numeric" => 1700,
        "uuid" => 2950,
        "jsonb" => 3802,
        _ => return None,
    })
}

/// Whether events give that column as a text for the database to cast: types without a binary form
/// known here, and arrays of types without a fixed OID.
pub fn staged_as_text(column: &StreamColumn) -> bool {
    match column.kind {
        ColumnType::Other => true,
        ColumnType::Array(_) => element_oid(&column.type_name).is_none(),
        _ => false,
    }
}

/// Writes an array in binary form.
pub(crate) fn encode_array(
    value: &Value<'_>,
    element: &ColumnType,
    oid: u32,
    read_as: ReadAs,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let elements = elements(value)?;
    let has_null = elements.iter().any(Option::is_none);
    out.put_i32(i32::from(!elements.is_empty()));
    out.put_i32(i32::from(has_null));
    out.put_u32(oid);
    if elements.is_empty() {
        return Ok(());
    }
    out.put_i32(i32::try_from(elements.len()).map_err(|_| too_many())?);
    out.put_i32(1);
    for item in &elements {
        let Some(item) = item else {
            out.put_i32(-1);
            continue;
        };
        let start = out.len();
        out.put_i32(0);
        encode(element, None, read_as, item, out)?;
        let len = (out.len() - start - 4) as i32;
        out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    }
    Ok(())
}

/// Writes an array as the text of an array literal, each element checked as far as its type is
/// known.
pub(crate) fn encode_literal(
    value: &Value<'_>,
    element: &ColumnType,
    read_as: ReadAs,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let mut checked = Vec::new();
    out.put_u8(b'{');
    for (i, item) in elements(value)?.iter().enumerate() {
        if i > 0 {
            out.put_u8(b',');
        }
        let Some(item) = item else {
            out.put_slice(b"NULL");
            continue;
        };
        checked.clear();
        encode(element, None, read_as, item, &mut checked)?;
        out.put_u8(b'"');
        for byte in item.scalar()?.any_text().bytes() {
            if matches!(byte, b'"' | b'\\') {
                out.put_u8(b'\\');
            }
            out.put_u8(byte);
        }
        out.put_u8(b'"');
    }
    out.put_u8(b'}');
    Ok(())
}

/// The elements of an array in either notation; `None` is null.
fn elements<'a>(value: &'a Value<'a>) -> Result<Vec<Option<Value<'a>>>, Fault> {
    let fault = || Fault::wrong_type("is not an array");
    match value {
        Value::Json(raw) if raw.starts_with('[') => json_elements(raw),
        Value::Json(_) => match value.scalar()? {
            Scalar::Text(text) if text.trim_start().starts_with('{') => literal_elements(&text),
            _ => Err(fault()),
        },
        Value::Plain(text) if text.trim_start().starts_with('[') => json_elements(text),
        Value::Plain(text) => literal_elements(text),
    }
}

fn json_elements(raw: &str) -> Result<Vec<Option<Value<'_>>>, Fault> {
    let items: Vec<&RawValue> =
        serde_json::from_str(raw).map_err(|_| Fault::wrong_type("is not a JSON array"))?;
    items
        .into_iter()
        .map(|item| match item.get() {
            "null" => Ok(None),
            nested if nested.starts_with('[') => {
                Err(Fault::wrong_type("is an array of arrays, which is not supported"))
            }
            text => Ok(Some(Value::Json(text))),
        })
        .collect()
}

fn too_many() -> Fault {
    Fault::out_of_range("has too many elements")
}

/// `{a,"b,c",NULL}`, as `array_out` writes it.
fn literal_elements<'a>(text: &str) -> Result<Vec<Option<Value<'a>>>, Fault> {
    let fault = || Fault::wrong_type("is not an array like {1,2}");
    let inner = text.trim_ascii().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.ok_or_else(fault)?;
    let mut items = Vec::new();
    if inner.trim_ascii().is_empty() {
        return Ok(items);
    }
    let mut rest = inner;
    loop {
        let (item, after) = literal_element(rest).ok_or_else(fault)?;
        items.push(item.map(|text| Value::Plain(Cow::Owned(text))));
        match after.split_at_checked(1) {
            None => return Ok(items),
            Some((",", more)) => rest = more,
            Some(_) => return Err(fault()),
        }
    }
}

/// The first element and what stands behind it, from its comma on.
fn literal_element(text: &str) -> Option<(Option<String>, &str)> {
    let text = text.trim_ascii_start();
    let quoted = text.starts_with('"');
    let mut item = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    let mut escaped_any = quoted;
    let end = loop {
        match chars.next() {
            None if quoted => return None,
            None => break text.len(),
            Some((_, '\\')) => {
                escaped_any = true;
                item.push(chars.next()?.1);
            }
            Some((at, '"')) if quoted => break at + 1,
            Some((at, ',')) if !quoted => break at,
            Some((_, '{' | '}' | '"')) if !quoted => return None,
            Some((_, char)) => item.push(char),
        }
    };
    let rest = text[end..].trim_ascii_start();
    if escaped_any {
        return Some((Some(item), rest));
    }
    let item = item.trim_ascii_end();
    if item.is_empty() {
        return None;
    }
    Some(((!item.eq_ignore_ascii_case("null")).then(|| item.to_owned()), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed parse fails the test")]

    use super::*;

    fn texts(text: &str) -> Option<Vec<Option<String>>> {
        let value = Value::Plain(Cow::Borrowed(text));
        let items = elements(&value).ok()?;
        let text = |item: Value<'_>| item.scalar().unwrap().any_text().to_owned();
        Some(items.into_iter().map(|item| item.map(text)).collect())
    }

    #[test]
    fn both_notations_give_the_same_elements() {
        let expected = Some(vec![Some("a".to_owned()), None, Some("b,\"c".to_owned())]);
        assert_eq!(texts(r#"{a,NULL,"b,\"c"}"#), expected);
        assert_eq!(texts(r#"["a",null,"b,\"c"]"#), expected);
        assert_eq!(texts(r#"{"NULL", x y }"#).unwrap()[0].as_deref(), Some("NULL"));
        assert_eq!(texts("{}"), Some(vec![]));
        for text in ["", "{", "{a", "{,}", "{a,}", "{{1},{2}}", "[[1]]", "{\"a\"b}", "1,2"] {
            assert_eq!(texts(text), None, "{text}");
        }
    }

    #[test]
    fn oids_are_known_for_built_in_types_only() {
        assert_eq!(element_oid("numeric(38,18)[]"), Some(1700));
        assert_eq!(element_oid("timestamp(3) with time zone[]"), Some(1184));
        assert_eq!(element_oid("citext[]"), None);
        assert_eq!(element_oid("text"), None);
    }
}
