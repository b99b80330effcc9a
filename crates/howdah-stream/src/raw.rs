//! An event as its source hands it over, before decoding.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::batch::Position;

/// The most bytes of one event that are ever held: a larger one is cut to its beginning.
pub const HARD_CAP_BYTES: usize = 32 << 20;

/// An event and its position.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Reading on from it gives the next event.
    pub position: Position,
    /// What came.
    pub body: Body,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A JSON text or a CSV record, without its line end.
    Text(Bytes),
    /// A Redis stream entry: field names and values.
    Entry(Vec<(Bytes, Bytes)>),
    /// An MQTT message: its topic and its payload.
    Message(Bytes, Bytes),
    /// The beginning of an event beyond [`HARD_CAP_BYTES`], and its whole size.
    Cut(Bytes, u64),
}

impl Body {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Text(bytes) => bytes.len() as u64,
            Self::Entry(fields) => {
                fields.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum()
            }
            Self::Message(topic, payload) => (topic.len() + payload.len()) as u64,
            Self::Cut(_, size) => *size,
        }
    }
}

/// What stands in front of an MQTT message in a dead letter: a line with its topic.
///
/// A topic with a control character, which brokers should not pass on, is refused anyway.
pub(crate) fn topic_line(topic: &[u8]) -> Bytes {
    let mut line: Vec<u8> =
        topic.iter().map(|byte| if *byte == b'\n' { 0x7f } else { *byte }).collect();
    line.push(b'\n');
    line.into()
}

/// The message that stands behind its [`topic_line`]; without one the topic is empty.
pub(crate) fn message_from_bytes(bytes: &Bytes) -> Body {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => Body::Message(bytes.slice(..end), bytes.slice(end + 1..)),
        None => Body::Message(Bytes::new(), bytes.clone()),
    }
}

/// A Redis entry as one text that keeps every byte: a RESP array of bulk strings, which is how it
/// came over the wire.
pub(crate) fn entry_to_bytes(fields: &[(Bytes, Bytes)]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_slice(format!("*{}\r\n", fields.len() * 2).as_bytes());
    for part in fields.iter().flat_map(|(name, value)| [name, value]) {
        out.put_slice(format!("${}\r\n", part.len()).as_bytes());
        out.put_slice(part);
        out.put_slice(b"\r\n");
    }
    out.freeze()
}

/// The entry that [`entry_to_bytes`] wrote; `None` when the bytes are something else.
pub(crate) fn entry_from_bytes(bytes: &Bytes) -> Option<Vec<(Bytes, Bytes)>> {
    let mut at = 0;
    let parts = count(bytes, b'*', &mut at)?;
    let mut fields = Vec::new();
    for _ in 0..parts / 2 {
        fields.push((bulk(bytes, &mut at)?, bulk(bytes, &mut at)?));
    }
    (at == bytes.len() && parts % 2 == 0).then_some(fields)
}

fn bulk(bytes: &Bytes, at: &mut usize) -> Option<Bytes> {
    let len = count(bytes, b'$', at)?;
    let end = at.checked_add(len)?;
    if bytes.get(end..end.checked_add(2)?)? != b"\r\n" {
        return None;
    }
    let part = bytes.slice(*at..end);
    *at = end + 2;
    Some(part)
}

fn count(bytes: &Bytes, mark: u8, at: &mut usize) -> Option<usize> {
    let rest = bytes.get(*at..)?.strip_prefix(&[mark])?;
    let end = memchr::memchr(b'\r', rest)?;
    let value = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    *at += end + 3;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_as_bytes() {
        for (topic, payload) in [("a/b", "{\n}"), ("a", ""), ("", "{}")] {
            let bytes = [&topic_line(topic.as_bytes())[..], payload.as_bytes()].concat().into();
            let (topic, payload) = (Bytes::from(topic), Bytes::from(payload));
            assert_eq!(message_from_bytes(&bytes), Body::Message(topic, payload));
        }
        assert_eq!(topic_line(b"a\nb"), &b"a\x7fb\n"[..], "refused, not cut");
    }

    #[test]
    fn an_entry_survives_as_bytes() {
        let field = |name: &'static [u8], value: &'static [u8]| {
            (Bytes::from_static(name), Bytes::from_static(value))
        };
        for entry in [vec![], vec![field(b"a", b"1\r\n"), field(b"\xff", b"")]] {
            assert_eq!(entry_from_bytes(&entry_to_bytes(&entry)), Some(entry));
        }
        for broken in ["", "{}", "*1\r\n$1\r\na\r\n", "*2\r\n$9\r\na\r\n", "*2\r\n$1\r\na\r\n"] {
            assert_eq!(entry_from_bytes(&Bytes::from_static(broken.as_bytes())), None);
        }
    }
}
