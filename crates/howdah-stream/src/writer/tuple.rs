//! The tuples of binary COPY (PostgreSQL documentation, COPY, "Binary Format"): an `i16` field
//! count, then for each field an `i32` length (-1 for null) and its bytes.

use bytes::{BufMut as _, BytesMut};

/// The signature and header of binary COPY: no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands behind the last tuple.
pub(super) const TRAILER: i16 = -1;

/// The fields of a tuple, each with its length in front.
pub(super) struct Fields<'t>(&'t [u8]);

impl<'t> Fields<'t> {
    pub(super) fn of(tuple: &'t [u8]) -> Self {
        Self(tuple.get(2..).unwrap_or_default())
    }
}

impl<'t> Iterator for Fields<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let (head, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(i32::from_be_bytes(*head)).unwrap_or(0).min(rest.len());
        let (field, rest) = self.0.split_at(4 + length);
        self.0 = rest;
        Some(field)
    }
}

/// Whether a field with its length in front is null.
pub(super) fn is_null(field: &[u8]) -> bool {
    field.first().is_none_or(|first| first & 0x80 != 0)
}

/// A tuple with its order in front.
pub(super) fn put_ordered(out: &mut BytesMut, order: usize, tuple: &[u8]) {
    let count = tuple.first_chunk::<2>().map_or(0, |count| i16::from_be_bytes(*count));
    out.put_i16(count + 1);
    out.put_i32(4);
    out.put_i32(i32::try_from(order).unwrap_or(i32::MAX));
    out.put_slice(tuple.get(2..).unwrap_or_default());
}

/// A tuple with its order in front and its fields at other places, as of [`put_fields`].
pub(super) fn put_placed(
    out: &mut BytesMut,
    order: usize,
    tuple: &[u8],
    places: &[Option<usize>],
    fields: &mut Vec<(usize, usize)>,
) {
    let start = out.len();
    put_fields(out, tuple, places, fields);
    let moved = out.split_off(start);
    put_ordered(out, order, &moved);
}

/// A tuple with its fields at other places: `places` gives for each column the field, `None` for
/// null.
pub(super) fn put_fields(
    out: &mut BytesMut,
    tuple: &[u8],
    places: &[Option<usize>],
    fields: &mut Vec<(usize, usize)>,
) {
    fields.clear();
    let mut at = 2;
    for field in Fields::of(tuple) {
        fields.push((at, at + field.len()));
        at += field.len();
    }
    out.put_i16(i16::try_from(places.len()).unwrap_or(i16::MAX));
    for place in places {
        match place.and_then(|place| fields.get(place)) {
            Some((from, to)) => out.put_slice(&tuple[*from..*to]),
            None => out.put_i32(-1),
        }
    }
}

/// A tuple without the fields whose bits are set in `left_out`.
pub(super) fn put_without(out: &mut BytesMut, tuple: &[u8], left_out: u64) {
    let stays = |at: usize| at >= 64 || left_out >> at & 1 == 0;
    let count = Fields::of(tuple).enumerate().filter(|(at, _)| stays(*at)).count();
    out.put_i16(i16::try_from(count).unwrap_or(i16::MAX));
    for (_, field) in Fields::of(tuple).enumerate().filter(|(at, _)| stays(*at)) {
        out.put_slice(field);
    }
}

/// The bits of the null fields among those of `of`.
pub(super) fn nulls(tuple: &[u8], of: u64) -> u64 {
    if of == 0 {
        return 0;
    }
    let null = |(at, field): (usize, &[u8])| {
        let asked = at < 64 && of >> at & 1 == 1;
        if asked && is_null(field) { 1 << at } else { 0 }
    };
    Fields::of(tuple).enumerate().map(null).fold(0, |bits, bit| bits | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(fields: &[Option<&str>]) -> BytesMut {
        let mut out = BytesMut::new();
        out.put_i16(fields.len() as i16);
        for field in fields {
            match field {
                Some(text) => {
                    out.put_i32(text.len() as i32);
                    out.put_slice(text.as_bytes());
                }
                None => out.put_i32(-1),
            }
        }
        out
    }

    #[test]
    fn fields_are_found_left_out_and_moved() {
        let whole = tuple(&[Some("a"), None, Some("ccc")]);
        let fields: Vec<&[u8]> = Fields::of(&whole).collect();
        assert_eq!(fields, [&b"\0\0\0\x01a"[..], &[0xff; 4], &b"\0\0\0\x03ccc"[..]]);
        assert_eq!(nulls(&whole, 0b111), 0b010);
        assert_eq!(nulls(&whole, 0b101), 0);

        let mut out = BytesMut::new();
        put_without(&mut out, &whole, 0b010);
        assert_eq!(out, tuple(&[Some("a"), Some("ccc")]));

        let mut placed = BytesMut::new();
        put_placed(&mut placed, 7, &whole, &[Some(2), None, Some(0)], &mut Vec::new());
        let mut expected = BytesMut::new();
        put_ordered(&mut expected, 7, &tuple(&[Some("ccc"), None, Some("a")]));
        assert_eq!(placed, expected);
    }

    #[test]
    fn a_cut_tuple_is_no_panic() {
        let whole = tuple(&[Some("abc"), Some("de")]);
        for end in 0..whole.len() {
            assert!(Fields::of(&whole[..end]).count() <= 2);
        }
    }
}
