//! An event as it came, put together only when a dead letter needs it.

use bytes::{Bytes, BytesMut};

/// What a dead letter keeps of an event, so that it can be decoded again by itself. Clones share
/// the bytes.
///
/// An element of an array that holds many events is kept with what stands around the array, as an
/// array of one.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    /// Stands in front, such as the header line of a CSV record.
    front: Bytes,
    whole: Bytes,
    /// What is left out of `whole`: other elements before and behind.
    left_out: [(u32, u32); 2],
}

impl Payload {
    /// `front` and then `whole`.
    pub(crate) fn behind(front: Bytes, whole: Bytes) -> Self {
        Self { front, whole, ..Self::default() }
    }

    /// Of an array that stands at `array` (brackets included) only the element at `element`.
    pub(crate) fn element(&self, array: (u32, u32), element: (u32, u32)) -> Self {
        let left_out = [(array.0 + 1, element.0), (element.1, array.1 - 1)];
        Self { left_out, ..self.clone() }
    }

    /// Whether both are one event's: the same part of the same memory.
    pub(crate) fn shares(&self, other: &Self) -> bool {
        let place =
            |payload: &Self| (payload.whole.as_ptr(), payload.whole.len(), payload.left_out);
        place(self) == place(other)
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        let left_out: u32 = self.left_out.iter().map(|(start, end)| end - start).sum();
        self.front.len() + self.whole.len() - left_out as usize
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes; not copied when the event came as they are.
    pub fn to_bytes(&self) -> Bytes {
        if self.front.is_empty() && self.left_out == [(0, 0); 2] {
            return self.whole.clone();
        }
        let [before, behind] = self.left_out.map(|(start, end)| (start as usize, end as usize));
        let mut out = BytesMut::with_capacity(self.len());
        out.extend_from_slice(&self.front);
        out.extend_from_slice(&self.whole[..before.0]);
        out.extend_from_slice(&self.whole[before.1..behind.0]);
        out.extend_from_slice(&self.whole[behind.1..]);
        out.freeze()
    }
}

impl From<Bytes> for Payload {
    fn from(whole: Bytes) -> Self {
        Self { whole, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_kept_as_an_array_of_one() {
        let whole = Payload::from(Bytes::from_static(b"{\"a\":[1, 22 ,3],\"b\":4}"));
        assert_eq!(whole.to_bytes().len(), whole.len());
        let kept = |element| whole.element((5, 15), element).to_bytes();
        assert_eq!(kept((6, 7)), "{\"a\":[1],\"b\":4}");
        assert_eq!(kept((9, 11)), "{\"a\":[22],\"b\":4}");
        assert_eq!(kept((13, 14)), "{\"a\":[3],\"b\":4}");
        assert_eq!(whole.element((5, 15), (9, 11)).len(), 16);
        let csv = Payload::behind(Bytes::from_static(b"a,b\n"), Bytes::from_static(b"1,2"));
        assert_eq!((csv.to_bytes(), csv.len()), (Bytes::from_static(b"a,b\n1,2"), 7));
    }
}
