//! The events of a body that is held in memory as a whole: what a request brings.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::BYTE_ORDER_MARK;
use crate::csv::Framing;

/// How the events of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// One JSON object a line.
    Lines,
    /// One JSON text: an object is one event, an array has an event for each element.
    Json,
    /// CSV by RFC 4180 with a header line.
    Csv,
}

/// The events of a body, each a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// The header line of CSV.
    pub header: Option<Bytes>,
    /// Line (from 1, where the event begins) or element (from 0), and the event.
    pub events: Vec<(u64, Bytes)>,
}

/// Why a body has no events to speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyFault {
    /// It is not what it says; where and how, without values.
    Malformed(String),
    /// It has more events than may be.
    TooMany,
    /// It has none.
    Empty,
}

/// Cuts a body into at most `most` events. Blank lines are none.
pub fn events_of(notation: Notation, body: &Bytes, most: usize) -> Result<Events, BodyFault> {
    let text = match body.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => body.slice_ref(rest),
        None => body.clone(),
    };
    let mut found = Events { header: None, events: Vec::new() };
    match notation {
        Notation::Lines => lines(&text, most, &mut found)?,
        Notation::Csv => records(&text, most, &mut found)?,
        Notation::Json => elements(&text, most, &mut found)?,
    }
    if found.events.is_empty() { Err(BodyFault::Empty) } else { Ok(found) }
}

impl Events {
    fn push(&mut self, number: u64, event: Bytes, most: usize) -> Result<(), BodyFault> {
        if self.events.len() == most {
            return Err(BodyFault::TooMany);
        }
        self.events.push((number, event));
        Ok(())
    }
}

fn lines(text: &Bytes, most: usize, found: &mut Events) -> Result<(), BodyFault> {
    let mut from = 0;
    let mut number = 0;
    while from < text.len() {
        let end = memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |len| from + len);
        number += 1;
        let line = text[from..end].trim_ascii();
        if !line.is_empty() {
            found.push(number, text.slice_ref(line), most)?;
        }
        from = end + 1;
    }
    Ok(())
}

fn records(text: &Bytes, most: usize, found: &mut Events) -> Result<(), BodyFault> {
    let mut framing = Framing::default();
    let mut from = 0;
    let mut line = 1;
    while from < text.len() {
        let end = framing.record_end(&text[from..]).map_or(text.len(), |len| from + len);
        let record = &text[from..end];
        let number = line;
        line += memchr::memchr_iter(b'\n', record).count() as u64 + 1;
        from = end + 1;
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        if record.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let record = text.slice_ref(record);
        if found.header.is_none() {
            found.header = Some(record);
        } else {
            found.push(number, record, most)?;
        }
    }
    Ok(())
}

fn elements(text: &Bytes, most: usize, found: &mut Events) -> Result<(), BodyFault> {
    let utf8 = std::str::from_utf8(text).map_err(|error| {
        let at = error.valid_up_to();
        BodyFault::Malformed(format!("the body is not UTF-8 (byte {at})"))
    })?;
    let malformed = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        BodyFault::Malformed(format!("the body is not JSON (line {line}, column {column})"))
    };
    match utf8.trim_ascii_start().as_bytes().first() {
        None => Ok(()),
        Some(b'[') => {
            let mut json = serde_json::Deserializer::from_str(utf8);
            let elements = Elements { text, most, found };
            let whole = json.deserialize_seq(elements).map_err(malformed)?;
            // What stands behind the limit is not read, so its end is not seen either.
            if whole { json.end().map_err(malformed) } else { Err(BodyFault::TooMany) }
        }
        Some(b'{') => {
            let object: &RawValue = serde_json::from_str(utf8).map_err(malformed)?;
            found.push(0, text.slice_ref(object.get().as_bytes()), most)
        }
        Some(_) => Err(BodyFault::Malformed(
            "the body is neither a JSON object nor an array of them".to_owned(),
        )),
    }
}

/// Collects the elements of an array; gives whether all of them are within the limit.
struct Elements<'a> {
    text: &'a Bytes,
    most: usize,
    found: &'a mut Events,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut number = 0;
        let mut whole = true;
        while let Some(element) = seq.next_element::<&RawValue>()? {
            let event = self.text.slice_ref(element.get().as_bytes());
            whole = whole && self.found.push(number, event, self.most).is_ok();
            number += 1;
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(notation: Notation, body: &'static [u8]) -> Result<Vec<(u64, String)>, BodyFault> {
        let found = events_of(notation, &Bytes::from_static(body), 3)?;
        let text = |(number, event): (u64, Bytes)| (number, String::from_utf8_lossy(&event).into());
        Ok(found.events.into_iter().map(text).collect())
    }

    fn pairs(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected.iter().map(|(number, text)| (*number, (*text).to_owned())).collect()
    }

    #[test]
    fn lines_are_counted_as_people_count_them() {
        let body = b"\xEF\xBB\xBF{}\r\n\n  {\"a\":1}\n\xff";
        let expected = pairs(&[(1, "{}"), (3, "{\"a\":1}"), (4, "\u{fffd}")]);
        assert_eq!(events(Notation::Lines, body), Ok(expected));
        assert_eq!(events(Notation::Lines, b"\n \n"), Err(BodyFault::Empty));
        assert_eq!(events(Notation::Lines, b"1\n2\n3\n4\n"), Err(BodyFault::TooMany));
    }

    #[test]
    fn records_begin_where_their_first_line_is() {
        let body = b"a,b\r\n1,\"x\ny\"\r\n\r\n2,z";
        assert_eq!(events(Notation::Csv, body), Ok(pairs(&[(2, "1,\"x\ny\""), (5, "2,z")])));
        let header = events_of(Notation::Csv, &Bytes::from_static(body), 3).map(|e| e.header);
        assert_eq!(header, Ok(Some(Bytes::from_static(b"a,b"))));
        assert_eq!(events(Notation::Csv, b"a,b\n"), Err(BodyFault::Empty));
        assert_eq!(events(Notation::Csv, b""), Err(BodyFault::Empty));
    }

    #[test]
    fn a_json_body_is_an_object_or_an_array() {
        let array = b" [ {\"a\": [1, 2]} ,3,{}] ";
        let expected = pairs(&[(0, "{\"a\": [1, 2]}"), (1, "3"), (2, "{}")]);
        assert_eq!(events(Notation::Json, array), Ok(expected));
        assert_eq!(events(Notation::Json, b" {\"a\":1}\n"), Ok(pairs(&[(0, "{\"a\":1}")])));
        assert_eq!(events(Notation::Json, b"[]"), Err(BodyFault::Empty));
        assert_eq!(events(Notation::Json, b"  "), Err(BodyFault::Empty));
        assert_eq!(events(Notation::Json, b"[1,2,3,4]"), Err(BodyFault::TooMany));
        for body in
            [&b"[{}"[..], b"[{},]", b"[{}] x", b"{\"a\":}", b"{} {}", b"7", b"\"a\"", b"[\"\xff\"]"]
        {
            let fault = events(Notation::Json, body);
            assert!(matches!(fault, Err(BodyFault::Malformed(_))), "{body:?}: {fault:?}");
        }
    }

    #[test]
    fn a_deep_body_does_not_exhaust_the_stack() {
        let deep = Bytes::from("[".repeat(1 << 20));
        let fault = events_of(Notation::Json, &deep, 3);
        assert!(matches!(fault, Err(BodyFault::Malformed(_))), "{fault:?}");
    }
}
