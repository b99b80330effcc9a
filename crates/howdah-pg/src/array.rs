//! Arrays for parameters out of elements that are in binary form already, and raw values of rows.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

/// A parameter of an array type, given as its elements in PostgreSQL's binary form: for each an
/// `i32` length (-1 for null) and the bytes. The parameter's type in the prepared statement says
/// what the elements are; nothing is converted or checked here.
#[derive(Debug, Clone, Copy)]
pub struct BinaryArray<'a> {
    /// How many elements.
    pub len: usize,
    /// The elements.
    pub elements: &'a [u8],
    /// Whether any is null.
    pub has_nulls: bool,
}

impl ToSql for BinaryArray<'_> {
    /// The format is that of `array_recv` (src/backend/utils/adt/arrayfuncs.c).
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Kind::Array(element) = ty.kind() else {
            return Err("the parameter is not an array".into());
        };
        out.put_i32(i32::from(self.len > 0));
        out.put_i32(i32::from(self.has_nulls));
        out.put_u32(element.oid());
        if self.len > 0 {
            out.put_i32(i32::try_from(self.len)?);
            out.put_i32(1);
            out.put_slice(self.elements);
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(_))
    }

    to_sql_checked!();
}

/// A value of a row in its type's binary form, whatever the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawValue<'a>(pub Option<&'a [u8]>);

impl<'a> FromSql<'a> for RawValue<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_element_s_type() {
        let mut out = BytesMut::new();
        let elements = [0, 0, 0, 2, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF];
        let array = BinaryArray { len: 2, elements: &elements, has_nulls: true };
        assert!(matches!(array.to_sql(&Type::INT2_ARRAY, &mut out), Ok(IsNull::No)));
        let mut expected = vec![0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1];
        expected.extend(elements);
        assert_eq!(out, expected);
        assert!(!<BinaryArray<'_> as ToSql>::accepts(&Type::INT2));
    }
}
