//! Values as the server sends and takes them: whole numbers and numerics out of their binary form,
//! and parameters that are in binary form already.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use howdah_pg::BinaryArray;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A `smallint`, `integer`, `bigint`, date or time.
pub(crate) fn whole(raw: &[u8]) -> Option<i64> {
    Some(match raw.len() {
        2 => i64::from(i16::from_be_bytes(raw.try_into().ok()?)),
        4 => i64::from(i32::from_be_bytes(raw.try_into().ok()?)),
        8 => i64::from_be_bytes(raw.try_into().ok()?),
        _ => return None,
    })
}

/// A `double precision`; a `real` is one too.
pub(crate) fn float(raw: &[u8]) -> Option<f64> {
    Some(match raw.len() {
        4 => f64::from(f32::from_be_bytes(raw.try_into().ok()?)),
        8 => f64::from_be_bytes(raw.try_into().ok()?),
        _ => return None,
    })
}

/// A finite numeric: its whole number `mantissa` times ten thousand to the power of `exponent`,
/// and the scale that it is printed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numeric {
    mantissa: i128,
    exponent: i32,
    pub(crate) scale: u16,
}

/// More groups of four digits than this do not fit an i128.
const MOST_GROUPS: usize = 9;

impl Numeric {
    /// The format is that of `numeric_send` (src/backend/utils/adt/numeric.c): groups, weight of
    /// the first, sign, scale, groups of four digits. `None`: NaN, infinite, or very long.
    pub(crate) fn read(raw: &[u8]) -> Option<Self> {
        let field = |at: usize| -> Option<u16> {
            Some(u16::from_be_bytes(raw.get(2 * at..2 * at + 2)?.try_into().ok()?))
        };
        let groups = usize::from(field(0)?);
        if groups > MOST_GROUPS {
            return None;
        }
        let weight = i32::from(i16::from_be_bytes(raw.get(2..4)?.try_into().ok()?));
        let sign = match field(2)? {
            0x0000 => 1,
            0x4000 => -1,
            _ => return None,
        };
        let mut mantissa: i128 = 0;
        for at in 0..groups {
            mantissa = mantissa * 10_000 + i128::from(field(4 + at)?);
        }
        let exponent = weight - groups as i32 + 1;
        Some(Self { mantissa: sign * mantissa, exponent, scale: field(3)? })
    }

    /// It times ten to the power of `digits`, where that is a whole number of 64 bits.
    pub(crate) fn scaled(self, digits: u16) -> Option<i64> {
        if self.mantissa == 0 {
            return Some(0);
        }
        let tens = 4 * self.exponent + i32::from(digits);
        let power = 10_i128.checked_pow(tens.unsigned_abs())?;
        let number = if tens >= 0 {
            self.mantissa.checked_mul(power)?
        } else if self.mantissa % power == 0 {
            self.mantissa / power
        } else {
            return None;
        };
        i64::try_from(number).ok()
    }

    /// The decimals that matter.
    pub(crate) fn digits(self) -> u16 {
        (0..=self.scale).find(|digits| self.is_whole(*digits)).unwrap_or(self.scale)
    }

    fn is_whole(self, digits: u16) -> bool {
        let tens = 4 * self.exponent + i32::from(digits);
        let power = 10_i128.checked_pow(tens.unsigned_abs());
        tens >= 0 || self.mantissa == 0 || power.is_some_and(|power| self.mantissa % power == 0)
    }
}

/// A parameter in its type's binary form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// One value.
    One(Option<Vec<u8>>),
    /// An array.
    Array(Elements),
}

/// Elements of an array, in the form of [`BinaryArray`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elements {
    len: usize,
    bytes: Vec<u8>,
    has_nulls: bool,
}

impl Elements {
    /// One more.
    pub(crate) fn push(&mut self, element: Option<&[u8]>) {
        self.len += 1;
        let Some(element) = element else {
            self.has_nulls = true;
            self.bytes.put_i32(-1);
            return;
        };
        // No value of the server is longer than a GB.
        self.bytes.put_u32(element.len() as u32);
        self.bytes.put_slice(element);
    }
}

impl Value {
    /// A whole number of eight bytes.
    pub(crate) fn int8(number: i64) -> Self {
        Self::One(Some(number.to_be_bytes().to_vec()))
    }

    /// A text.
    pub(crate) fn text(text: String) -> Self {
        Self::One(Some(text.into_bytes()))
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::One(None) => Ok(IsNull::Yes),
            Self::One(Some(raw)) => {
                out.put_slice(raw);
                Ok(IsNull::No)
            }
            Self::Array(Elements { len, bytes, has_nulls }) => {
                BinaryArray { len: *len, elements: bytes, has_nulls: *has_nulls }.to_sql(ty, out)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(groups: &[u16], weight: i16, sign: u16, scale: u16) -> Vec<u8> {
        let mut out = (groups.len() as u16).to_be_bytes().to_vec();
        out.extend(weight.to_be_bytes());
        out.extend(sign.to_be_bytes());
        out.extend(scale.to_be_bytes());
        for group in groups {
            out.extend(group.to_be_bytes());
        }
        out
    }

    #[test]
    fn numerics_are_whole_numbers_of_the_decimals_that_matter() {
        // -61000.25, with a scale of 8.
        let price = Numeric::read(&numeric(&[6, 1000, 2500], 1, 0x4000, 8)).unwrap();
        assert_eq!((price.scale, price.digits()), (8, 2));
        assert_eq!(price.scaled(2), Some(-6_100_025));
        assert_eq!(price.scaled(8), Some(-6_100_025_000_000));
        assert_eq!(price.scaled(1), None, "a digit too few");
        // 1e20 is wider than 64 bits, 0.00 has no groups.
        let wide = Numeric::read(&numeric(&[1], 5, 0, 0)).unwrap();
        assert_eq!(wide.scaled(0), None);
        let zero = Numeric::read(&numeric(&[], 0, 0, 2)).unwrap();
        assert_eq!((zero.scaled(2), zero.digits(), zero.scale), (Some(0), 0, 2));
        // 0.0001 and 3000000.
        let small = Numeric::read(&numeric(&[1], -1, 0, 4)).unwrap();
        assert_eq!((small.scaled(4), small.digits()), (Some(1), 4));
        let round = Numeric::read(&numeric(&[300], 1, 0, 0)).unwrap();
        assert_eq!((round.scaled(0), round.digits()), (Some(3_000_000), 0));
        for special in [0xC000, 0xD000, 0xF000] {
            assert_eq!(Numeric::read(&numeric(&[], 0, special, 0)), None);
        }
    }
}
