//! Events → rows in PostgreSQL's binary COPY format, or refusals.
//!
//! An event is refused with one of these codes: `bad_json`, `bad_csv`, `bad_utf8`, `too_large`,
//! `missing_field` (missing or null where the column needs a value), `wrong_type`, `out_of_range`,
//! `too_long`, `lossy_numeric` (digits would be lost), `unknown_label` (of an enum),
//! `unknown_value` (not among the mapping's `values`), `nul_character`, `other_tenant` (than the
//! sender's; see [`Decoder::pin_tenant`]).
//!
//! Missing and JSON null are both null. In CSV an empty field is null and a quoted empty field is
//! an empty text; for other types than text both are null. In Redis fields, which cannot be null,
//! an empty value is an empty text, or null for other types.
//!
//! Invariant: nothing that comes from outside panics, and no reason holds a value.

mod array;
mod decimal;
mod encode;
mod fault;
mod field;
mod json_text;
mod numeric;
mod paths;
mod scalar;
mod time;
mod value;

use std::borrow::Cow;

use bytes::{BufMut as _, Bytes, BytesMut};
use howdah_catalog::Ident;
use howdah_error::{Code, Error, Result};
use howdah_system::{Format, IngestLimits, MapFrom, Origin, Source, Stream};

use crate::batch::{Position, Refusal, Row};
use crate::csv::{self, CsvField};
use crate::raw::{Body, HARD_CAP_BYTES, Raw, entry_from_bytes, entry_to_bytes};
pub(crate) use array::staged_as_text;
use fault::Fault;
use field::Field;
use paths::{Paths, Span};
use value::Value;

/// Tuples are written into buffers of this size and shared out of them without copying.
const BUFFER_BYTES: usize = 256 << 10;

/// Decodes the events of one source into rows of its stream.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    /// The entry field that holds the event, for JSON out of Redis.
    entry_field: Option<String>,
    event_bytes: usize,
    fields: Vec<Field>,
    columns: Vec<Ident>,
    /// Which of `fields` is the stream's time.
    time: usize,
    paths: Paths,
    spans: Vec<Option<Span>>,
    header: Option<Header>,
    buffer: BytesMut,
}

/// The header line of a CSV file.
#[derive(Debug)]
struct Header {
    line: Bytes,
    names: Vec<String>,
    /// For each of the decoder's fields, where it stands in a record.
    places: Vec<Option<usize>>,
}

/// Why an event is refused, before it has a position.
struct Reject {
    code: &'static str,
    reason: String,
}

impl Reject {
    fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl Decoder {
    /// A decoder by the source's mapping. Events may have [`IngestLimits::default`]'s
    /// `event_bytes`; see [`Self::with_event_bytes`].
    ///
    /// Fails when a constant does not fit its column, or when the mapping does not give the
    /// stream's time.
    pub fn new(source: &Source, stream: &Stream) -> Result<Self> {
        let route = &source.routes[0];
        let mut fields = Vec::with_capacity(route.map.len());
        let mut paths = Paths::default();
        for (slot, mapping) in route.map.iter().enumerate() {
            let column = stream.columns.get(mapping.index).ok_or_else(|| {
                Error::internal(format!(
                    "no column {} in stream \"{}\"",
                    mapping.index, stream.name
                ))
            })?;
            if let MapFrom::Field { path, .. } = &mapping.from {
                paths.add(path, slot);
            }
            let is_time = column.name == stream.time;
            fields.push(Field::new(column, &mapping.from, is_time)?);
        }
        let time = fields.iter().position(|field| field.is_time).ok_or_else(|| {
            Error::input(format!("source \"{}\" does not give the time", source.name))
                .detail(format!(
                    "Column \"{}\" is the time of stream \"{}\".",
                    stream.time.as_str(),
                    stream.name
                ))
                .hint("Map a field of the event to it.")
        })?;
        let entry_field = match (&source.origin, source.format) {
            (Origin::Redis { field, .. }, Format::Json) => Some(field.clone()),
            _ => None,
        };
        Ok(Self {
            format: source.format,
            entry_field,
            event_bytes: IngestLimits::default().event_bytes,
            columns: route.map.iter().map(|mapping| mapping.column.clone()).collect(),
            spans: vec![None; fields.len()],
            fields,
            time,
            paths,
            header: None,
            buffer: BytesMut::new(),
        })
    }

    /// Refuses events larger than this.
    #[must_use]
    pub fn with_event_bytes(mut self, event_bytes: usize) -> Self {
        self.event_bytes = event_bytes.min(HARD_CAP_BYTES);
        self
    }

    /// Lets events of the next calls be of this tenant only: one that names none gets it, one that
    /// names another is refused with `other_tenant`. `None` lifts it.
    ///
    /// Fails when the tenant is no value of the column's type.
    pub fn pin_tenant(&mut self, column: &Ident, tenant: Option<&str>) -> Result<()> {
        for (name, field) in self.columns.iter().zip(&mut self.fields) {
            if name == column {
                field.pin(tenant).map_err(|fault| {
                    Error::input(format!("the tenant {}", fault.what))
                        .detail(format!("It is for column \"{}\".", column.as_str()))
                })?;
            }
        }
        Ok(())
    }

    /// The columns of [`Row::copy`], in its order: those of the source's mapping.
    pub fn columns(&self) -> &[Ident] {
        &self.columns
    }

    /// Whether the bytes of column `i` are the text of a value, for the database to cast: types
    /// without a binary form known here, and arrays of types without a fixed OID.
    pub fn staged_as_text(&self, i: usize) -> bool {
        self.fields.get(i).is_some_and(Field::staged_as_text)
    }

    /// Takes the header line of a CSV file; records are read by it from now on.
    ///
    /// Fails when it is not CSV, names a column twice, or lacks one that no event can do without.
    pub fn set_header(&mut self, line: &Bytes) -> Result<()> {
        let header = Header::parse(line, &self.fields).map_err(|reject| {
            Error::input(reject.reason)
                .code(Code::SourceFailed)
                .hint("Check the header line of the file against the source's map.")
        })?;
        self.header = Some(header);
        Ok(())
    }

    /// Decodes one event.
    pub fn decode(&mut self, raw: Raw) -> Result<Row, Refusal> {
        let Raw { position, body } = raw;
        let size = body.size();
        let decoded = if size > self.event_bytes as u64 {
            let reason = format!("the event has {size} bytes, more than {}", self.event_bytes);
            Err(Reject::new("too_large", reason))
        } else {
            match (&body, self.format) {
                (Body::Entry(entry), Format::Json) => self.decode_entry_json(entry),
                (Body::Entry(entry), _) => self.decode_entry(entry),
                (Body::Text(text), Format::Csv) => self.decode_record(text),
                (Body::Text(text), _) => self.decode_json(text),
                (Body::Cut(..), _) => Err(Reject::new("too_large", "the event was cut")),
            }
        };
        let (kept, whole) = self.keep(&body);
        match decoded {
            Ok((copy, time_us)) => {
                Ok(Row { position, copy, route: 0, group: 0, raw: kept, time_us })
            }
            Err(reject) => Err(refusal(position, reject, kept, whole)),
        }
    }

    /// Decodes the payload of a dead letter, which is what [`Row::raw`] and [`Refusal::raw`] hold.
    pub fn decode_payload(&mut self, position: Position, payload: &Bytes) -> Result<Row, Refusal> {
        let body = match entry_from_bytes(payload) {
            Some(entry) => Body::Entry(entry),
            None => Body::Text(payload.clone()),
        };
        if self.format != Format::Csv {
            return self.decode(Raw { position, body });
        }
        let reject = |reason: String, position| {
            let reject = Reject::new("bad_csv", reason);
            refusal(position, reject, payload.clone(), payload.len() as u64)
        };
        let mut framing = csv::Framing::default();
        let Some(end) = framing.record_end(payload) else {
            return Err(reject("the payload has no header line".to_owned(), position));
        };
        if self.header.as_ref().is_none_or(|header| header.line != payload[..end]) {
            match Header::parse(&payload.slice(..end), &self.fields) {
                Ok(header) => self.header = Some(header),
                Err(found) => return Err(reject(found.reason, position)),
            }
        }
        self.decode(Raw { position, body: Body::Text(payload.slice(end + 1..)) })
    }

    /// The event as it came, so that it can be decoded again by itself: a CSV record with its
    /// header line, a Redis entry as RESP, unless a field of it is the event. And its size, which
    /// is larger when the event was cut.
    fn keep(&self, body: &Body) -> (Bytes, u64) {
        let whole = match body {
            Body::Text(text) => match &self.header {
                Some(header) => [&header.line[..], b"\n", text].concat().into(),
                None => text.clone(),
            },
            Body::Entry(entry) => {
                self.event_of(entry).cloned().unwrap_or_else(|| entry_to_bytes(entry))
            }
            Body::Cut(head, size) => return (head.clone(), *size),
        };
        let size = whole.len() as u64;
        (whole.slice(..whole.len().min(HARD_CAP_BYTES)), size)
    }

    fn event_of<'a>(&self, entry: &'a [(Bytes, Bytes)]) -> Option<&'a Bytes> {
        let wanted = self.entry_field.as_ref()?;
        entry.iter().find(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| value)
    }

    fn decode_entry_json(&mut self, entry: &[(Bytes, Bytes)]) -> Result<(Bytes, i64), Reject> {
        let Some(event) = self.event_of(entry).cloned() else {
            let name = self.entry_field.as_deref().unwrap_or_default();
            let reason = format!("the entry has no field \"{name}\"");
            return Err(Reject::new("missing_field", reason));
        };
        self.decode_json(&event)
    }

    fn decode_json(&mut self, event: &[u8]) -> Result<(Bytes, i64), Reject> {
        let event = utf8(event)?;
        let mut spans = std::mem::take(&mut self.spans);
        spans.fill(None);
        let found = self.paths.find(event, &mut spans);
        let row = match found {
            Ok(()) => self
                .write(|slot| Ok(spans[slot].map(|(start, end)| Value::Json(&event[start..end])))),
            Err(column) => {
                let reason = format!("the event is not a JSON object (byte {column})");
                Err(Reject::new("bad_json", reason))
            }
        };
        self.spans = spans;
        row
    }

    fn decode_record(&mut self, record: &[u8]) -> Result<(Bytes, i64), Reject> {
        let header = self.header.take();
        let row = match &header {
            Some(header) => self.decode_record_by(header, record),
            None => Err(Reject::new("bad_csv", "the record comes before a header line")),
        };
        self.header = header;
        row
    }

    fn decode_record_by(&mut self, header: &Header, record: &[u8]) -> Result<(Bytes, i64), Reject> {
        let bad = |reason: String| Reject::new("bad_csv", reason);
        let record = utf8(record)?;
        let found = csv::split(record)
            .ok_or_else(|| bad("a quoted field does not end as it should".to_owned()))?;
        let (have, want) = (found.len(), header.names.len());
        if have != want {
            return Err(bad(format!("the record has {have} fields, the header {want}")));
        }
        let textual: Vec<bool> = self.fields.iter().map(Field::is_text).collect();
        self.write(|slot| {
            let field = header.places[slot].map(|place| &found[place]);
            Ok(field.and_then(|CsvField { text, quoted }| {
                let null = text.is_empty() && !(*quoted && textual[slot]);
                (!null).then(|| Value::Plain(Cow::Borrowed(text.as_ref())))
            }))
        })
    }

    fn decode_entry(&mut self, entry: &[(Bytes, Bytes)]) -> Result<(Bytes, i64), Reject> {
        let places: Vec<Option<&Bytes>> = self
            .fields
            .iter()
            .map(|field| {
                let value = entry.iter().rev().find(|(name, _)| name == field.name.as_bytes());
                value.map(|(_, value)| value).filter(|v| !v.is_empty() || field.is_text())
            })
            .collect();
        self.write(|slot| {
            places[slot]
                .map(|value| utf8(value).map(|t| Value::Plain(Cow::Borrowed(t))))
                .transpose()
        })
    }

    /// Writes the tuple out of the value of each slot; its bytes and the event time.
    fn write<'v>(
        &mut self,
        value_of: impl Fn(usize) -> Result<Option<Value<'v>>, Reject>,
    ) -> Result<(Bytes, i64), Reject> {
        if self.buffer.capacity() < BUFFER_BYTES / 4 {
            self.buffer.reserve(BUFFER_BYTES);
        }
        let result = self.write_fields(value_of);
        match result {
            Ok(time) => Ok((self.buffer.split().freeze(), time)),
            Err(reject) => {
                self.buffer.clear();
                Err(reject)
            }
        }
    }

    fn write_fields<'v>(
        &mut self,
        value_of: impl Fn(usize) -> Result<Option<Value<'v>>, Reject>,
    ) -> Result<i64, Reject> {
        let out = &mut self.buffer;
        out.put_i16(self.fields.len() as i16);
        let mut time = None;
        for (slot, field) in self.fields.iter().enumerate() {
            let start = out.len();
            let value = if field.is_constant() { None } else { value_of(slot)? };
            field.write(value.as_ref(), out).map_err(|fault| field.reject(&fault))?;
            if slot == self.time {
                time = time::micros_of(&out[start + 4..]);
            }
        }
        time.ok_or_else(|| {
            let fault = Fault::out_of_range("is an infinite time");
            self.fields[self.time].reject(&fault)
        })
    }
}

impl Header {
    fn parse(line: &Bytes, fields: &[Field]) -> Result<Self, Reject> {
        let bad = |reason: String| Reject::new("bad_csv", reason);
        let text = utf8(line)?;
        let text = text.strip_suffix('\r').unwrap_or(text);
        let names = csv::split(text).ok_or_else(|| bad("the header is not CSV".to_owned()))?;
        let names: Vec<String> = names.into_iter().map(|name| name.text.into_owned()).collect();
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                return Err(bad(format!("the header names column \"{name}\" twice")));
            }
        }
        let place = |field: &Field| names.iter().position(|name| *name == field.name);
        let places: Vec<Option<usize>> = fields.iter().map(place).collect();
        for (field, place) in fields.iter().zip(&places) {
            if place.is_none() && field.is_required() {
                return Err(bad(format!("the header has no column \"{}\"", field.name)));
            }
        }
        Ok(Self { line: line.clone(), names, places })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Reject> {
    std::str::from_utf8(bytes).map_err(|error| {
        let reason = format!("the event is not UTF-8 (byte {})", error.valid_up_to());
        Reject::new("bad_utf8", reason)
    })
}

fn refusal(position: Position, reject: Reject, raw: Bytes, raw_bytes: u64) -> Refusal {
    Refusal { position, code: reject.code.to_owned(), reason: reject.reason, raw, raw_bytes }
}
