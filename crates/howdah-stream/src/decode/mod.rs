//! Events → rows in PostgreSQL's binary COPY format, or refusals.
//!
//! What a source hands over is one event, or an array of events, each decoded apart from its
//! neighbours. An event takes the first route that it matches and becomes a row of that route's
//! stream, or several: its legs.
//!
//! An event is refused with one of these codes: `bad_json`, `bad_csv`, `bad_utf8`, `too_large`,
//! `bad_topic`, `no_route`, `missing_field` (missing or null where the column needs a value),
//! `wrong_type`, `out_of_range`, `too_long`, `lossy_numeric` (digits would be lost),
//! `unknown_label` (of an enum), `unknown_value` (not among the mapping's `values`),
//! `unexpected_value` (not what the route expects), `nul_character`, `other_tenant` (than the
//! sender's; see [`Decoder::pin_tenant`]); or with the code that the source gives.
//!
//! Missing and JSON null are both null. In CSV an empty field is null and a quoted empty field is
//! an empty text; for other types than text both are null. In Redis fields, which cannot be null,
//! an empty value is an empty text, or null for other types.
//!
//! Invariant: nothing that comes from outside panics, no reason holds a value, and every event is
//! accounted for: rows of one group, or one refusal.

mod array;
mod decimal;
mod encode;
mod event;
mod fault;
mod field;
mod header;
mod hex;
mod json;
mod json_text;
mod numeric;
mod paths;
mod quantity;
mod route;
mod scalar;
mod scan;
mod time;
mod value;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use howdah_catalog::Ident;
use howdah_error::{Code, Error, Result};
use howdah_system::{Format, IngestLimits, Origin, Source, Stream};

use crate::batch::{Position, Refusal, Row};
use crate::csv;
use crate::payload::Payload;
use crate::raw::{
    Body, HARD_CAP_BYTES, Raw, entry_from_bytes, entry_to_bytes, message_from_bytes, topic_line,
};
pub use array::staged_as_text;
use event::Event;
use header::Header;
use paths::Found;
use route::{Places, Route};

/// Tuples are written into buffers of this size and shared out of them without copying.
const BUFFER_BYTES: usize = 256 << 10;

/// Decodes what one source hands over into rows of its streams.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    /// Events are messages with a topic.
    topics: bool,
    /// The entry fields of which the first that is there holds the event, for JSON out of Redis.
    entry_fields: Vec<String>,
    /// The path of the array of events, for reasons.
    each: Option<String>,
    event_bytes: usize,
    places: Places,
    routes: Vec<Route>,
    /// All events of one text take one route: it is told by what stands around them.
    one_route: bool,
    header: Option<Header>,
    // Buffers that are used again.
    found: Found,
    found_legs: Found,
    tuple: Vec<u8>,
    tuples: BytesMut,
}

/// What became of events: rows and refusals, each in stream order.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The rows. Those of one event have the same group number; they rise from 0.
    pub rows: Vec<Row>,
    /// The refused events.
    pub refusals: Vec<Refusal>,
    /// How many events there were: groups of rows, and refusals.
    pub events: u64,
    /// About how much memory this takes.
    pub bytes: usize,
    groups: u32,
}

/// Why an event is refused, before it has a position.
struct Reject {
    code: Cow<'static, str>,
    reason: String,
    /// The column to blame, if it is one.
    column: Option<String>,
}

impl Reject {
    fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), reason: reason.into(), column: None }
    }
}

/// What an event came in, on its way into a row or a refusal.
#[derive(Debug, Clone)]
struct Carrier {
    position: Position,
    payload: Payload,
    /// How large it was, when the payload is cut.
    cut: Option<u64>,
}

impl Decoded {
    fn refuse(&mut self, carrier: Carrier, route: Option<usize>, reject: Reject) {
        let Carrier { position, payload: raw, cut } = carrier;
        let raw_bytes = cut.unwrap_or(raw.len() as u64);
        let Reject { code, reason, column } = reject;
        let code = code.into_owned();
        self.events += 1;
        self.bytes += size_of::<Refusal>() + reason.len();
        self.refusals.push(Refusal { position, route, code, reason, column, raw, raw_bytes });
    }

    /// One row more of the event that is being decoded.
    fn push(&mut self, carrier: Carrier, route: usize, (copy, time_us): (Bytes, i64)) {
        let Carrier { position, payload: raw, .. } = carrier;
        self.bytes += size_of::<Row>() + copy.len();
        self.rows.push(Row { position, copy, route, group: self.groups, raw, time_us });
    }

    /// The last rows were all of an event.
    fn accept(&mut self) {
        self.events += 1;
        self.groups = self.groups.saturating_add(1);
    }
}

impl Decoder {
    /// A decoder by the source's routes and their mappings; `streams` are those of the system.
    /// What comes may have [`IngestLimits::default`]'s `event_bytes`; see
    /// [`Self::with_event_bytes`].
    ///
    /// Fails when a constant does not fit its column, or when a mapping does not give the
    /// stream's time.
    pub fn new(source: &Source, streams: &[Stream]) -> Result<Self> {
        let mut places = Places::new(source);
        let mut routes = Vec::with_capacity(source.routes.len());
        for route in &source.routes {
            let stream = streams.get(route.stream).ok_or_else(|| {
                Error::internal(format!("source \"{}\" leads into no stream", source.name))
            })?;
            routes.push(Route::new(source, route, stream, &mut places)?);
        }
        places.json.sort();
        let entry_fields = match (&source.origin, source.format) {
            (Origin::Redis { fields, .. }, Format::Json) => fields.clone(),
            _ => Vec::new(),
        };
        Ok(Self {
            one_route: !routes.iter().any(Route::looks_into_elements),
            format: source.format,
            topics: matches!(source.origin, Origin::Mqtt(_)),
            entry_fields,
            each: source.each.as_ref().map(|path| path.join(".")),
            event_bytes: IngestLimits::default().event_bytes,
            places,
            routes,
            header: None,
            found: Found::default(),
            found_legs: Found::default(),
            tuple: Vec::new(),
            tuples: BytesMut::new(),
        })
    }

    /// Refuses what is larger than this.
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
        for route in &mut self.routes {
            for (name, field) in route.columns.iter().zip(&mut route.fields) {
                if name == column {
                    field.pin(tenant).map_err(|fault| {
                        Error::input(format!("the tenant {}", fault.what))
                            .detail(format!("It is for column \"{}\".", column.as_str()))
                    })?;
                }
            }
        }
        Ok(())
    }

    /// The columns of [`Row::copy`] of a route, in its order: those of the route's mapping.
    pub fn columns(&self, route: usize) -> &[Ident] {
        self.routes.get(route).map(|route| &route.columns[..]).unwrap_or_default()
    }

    /// Takes the header line of a CSV file; records are read by it from now on.
    ///
    /// Fails when it is not CSV, names a column twice, or lacks one that no event can do without.
    pub fn set_header(&mut self, line: &Bytes) -> Result<()> {
        let header = Header::parse(line, &self.places.names, &self.routes).map_err(|reject| {
            Error::input(reject.reason)
                .code(Code::SourceFailed)
                .hint("Check the header line of the file against the source's map.")
        })?;
        self.header = Some(header);
        Ok(())
    }

    /// Decodes what a source handed over, and adds what became of it to `into`: one event, or as
    /// many as its array of events has.
    pub fn decode(&mut self, raw: Raw, into: &mut Decoded) {
        let Raw { position, body } = raw;
        let size = body.size();
        into.bytes += usize::try_from(size).unwrap_or(usize::MAX).min(HARD_CAP_BYTES);
        let (payload, cut) = self.keep(&body);
        let carrier = Carrier { position, payload, cut };
        if size > self.event_bytes as u64 {
            let reason = format!("the event has {size} bytes, more than {}", self.event_bytes);
            return into.refuse(carrier, None, Reject::new("too_large", reason));
        }
        match (&body, self.format) {
            (Body::Entry(entry), Format::Json) => match self.event_of(entry) {
                Some(event) => self.decode_json(&event.clone(), None, carrier, into),
                None => into.refuse(carrier, None, self.no_entry_field()),
            },
            (Body::Entry(entry), _) => self.decode_entry(entry, carrier, into),
            (Body::Text(text), Format::Csv) => self.decode_record(text, carrier, into),
            (Body::Text(text), _) => self.decode_json(text, None, carrier, into),
            (Body::Message(topic, payload), _) => match topic_of(topic) {
                Ok(topic) => self.decode_json(payload, Some(topic), carrier, into),
                Err(reject) => into.refuse(carrier, None, reject),
            },
            (Body::Cut(..), _) => {
                into.refuse(carrier, None, Reject::new("too_large", "the event was cut"));
            }
        }
    }

    /// Decodes the payload of a dead letter, which is what [`Row::raw`] and [`Refusal::raw`] hold.
    pub fn decode_payload(&mut self, position: Position, payload: &Bytes, into: &mut Decoded) {
        let body = match entry_from_bytes(payload) {
            _ if self.topics => message_from_bytes(payload),
            Some(entry) => Body::Entry(entry),
            None => Body::Text(payload.clone()),
        };
        if self.format != Format::Csv {
            return self.decode(Raw { position, body }, into);
        }
        match self.header_of(payload) {
            Ok(end) => {
                let body = Body::Text(payload.slice(end + 1..));
                self.decode(Raw { position, body }, into);
            }
            Err(reject) => {
                let payload = payload.clone().into();
                into.refuse(Carrier { position, payload, cut: None }, None, reject);
            }
        }
    }

    /// Takes the header line at the beginning of a payload, and says where it ends.
    fn header_of(&mut self, payload: &Bytes) -> Result<usize, Reject> {
        let end = csv::Framing::default()
            .record_end(payload)
            .ok_or_else(|| Reject::new("bad_csv", "the payload has no header line"))?;
        if self.header.as_ref().is_none_or(|header| header.line != payload[..=end]) {
            let header = Header::parse(&payload[..end], &self.places.names, &self.routes)?;
            self.header = Some(header);
        }
        Ok(end)
    }

    /// The event as it came, so that it can be decoded again by itself: a CSV record with its
    /// header line, a Redis entry as RESP, unless a field of it is the event, a message behind a
    /// line with its topic. And its size, when the event had to be cut.
    fn keep(&self, body: &Body) -> (Payload, Option<u64>) {
        let whole = match body {
            Body::Text(text) | Body::Message(_, text) => text.clone(),
            Body::Entry(entry) => {
                self.event_of(entry).cloned().unwrap_or_else(|| entry_to_bytes(entry))
            }
            Body::Cut(head, size) => return (head.clone().into(), Some(*size)),
        };
        let front = match (&self.header, body) {
            (Some(header), Body::Text(_)) => header.line.clone(),
            (_, Body::Message(topic, _)) => topic_line(topic),
            _ => Bytes::new(),
        };
        let most = HARD_CAP_BYTES.saturating_sub(front.len());
        if whole.len() <= most {
            return (Payload::behind(front, whole), None);
        }
        let size = (front.len() + whole.len()) as u64;
        (Payload::behind(front, whole.slice(..most)), Some(size))
    }

    fn event_of<'a>(&self, entry: &'a [(Bytes, Bytes)]) -> Option<&'a Bytes> {
        self.entry_fields.iter().find_map(|wanted| {
            entry.iter().find(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| value)
        })
    }

    fn no_entry_field(&self) -> Reject {
        let names: Vec<String> =
            self.entry_fields.iter().map(|name| format!("\"{name}\"")).collect();
        let reason = format!("the entry has no field {}", names.join(" or "));
        Reject::new("missing_field", reason)
    }

    fn decode_record(&mut self, record: &[u8], carrier: Carrier, into: &mut Decoded) {
        let bad = |reason: String| Reject::new("bad_csv", reason);
        let Some(header) = self.header.take() else {
            let reject = bad("the record comes before a header line".to_owned());
            return into.refuse(carrier, None, reject);
        };
        let found = utf8(record).and_then(|record| {
            let found = csv::split(record)
                .ok_or_else(|| bad("a quoted field does not end as it should".to_owned()))?;
            if found.len() == header.width {
                return Ok(found);
            }
            let (have, want) = (found.len(), header.width);
            Err(bad(format!("the record has {have} fields, the header {want}")))
        });
        match found {
            Ok(found) => self.decode_plain(&Event::Csv(&found, &header.places), carrier, into),
            Err(reject) => into.refuse(carrier, None, reject),
        }
        self.header = Some(header);
    }

    fn decode_entry(&mut self, entry: &[(Bytes, Bytes)], carrier: Carrier, into: &mut Decoded) {
        let value = |name: &String| {
            let found = entry.iter().rev().find(|(known, _)| known == name.as_bytes());
            found.map(|(_, value)| value)
        };
        let values: Vec<Option<&Bytes>> = self.places.names.iter().map(value).collect();
        self.decode_plain(&Event::Entry(&values), carrier, into);
    }

    /// One event that is no JSON.
    fn decode_plain(&mut self, event: &Event<'_>, carrier: Carrier, into: &mut Decoded) {
        let route = self.route_of(event, 0);
        self.decode_event(route, event, carrier, into, |reason| reason);
    }

    /// Adds the rows of one event, for `route` and those after it that it takes too, or its
    /// refusal; `placed` says in the reason which event it is.
    fn decode_event(
        &mut self,
        mut route: Option<usize>,
        event: &Event<'_>,
        carrier: Carrier,
        into: &mut Decoded,
        placed: impl FnOnce(String) -> String,
    ) {
        let first = into.rows.len();
        let refused = loop {
            let Some(at) = route else { break no_route() };
            let next = self.route_after(event, at);
            let written = match event {
                Event::Json(json) if self.routes[at].legs.is_some() => {
                    self.write_legs(at, *json, &carrier, into).map(|()| None)
                }
                _ => self.write(at, event).map(Some),
            };
            match (written, next) {
                (Err(reject), _) => break reject,
                (Ok(tuple), None) => {
                    if let Some(tuple) = tuple {
                        into.push(carrier, at, tuple);
                    }
                    return into.accept();
                }
                (Ok(tuple), Some(_)) => {
                    if let Some(tuple) = tuple {
                        into.push(carrier.clone(), at, tuple);
                    }
                    route = next;
                }
            }
        };
        into.rows.truncate(first);
        let reason = placed(refused.reason);
        into.refuse(carrier, route, Reject { reason, ..refused });
    }

    /// The tuple and event time of an event that is one row of a route.
    fn write(&mut self, route: usize, event: &Event<'_>) -> Result<(Bytes, i64), Reject> {
        let route = &self.routes[route];
        route.check(event)?;
        let time_us = route.write(event, &mut self.tuple)?;
        Ok((share(&mut self.tuples, &self.tuple), time_us))
    }

    /// The first route from `from` on that takes the event.
    fn route_of(&self, event: &Event<'_>, from: usize) -> Option<usize> {
        let later = self.routes.get(from..)?;
        later.iter().position(|route| route.takes(event)).map(|at| from + at)
    }

    /// The route that the event takes besides the one at `at`.
    fn route_after(&self, event: &Event<'_>, at: usize) -> Option<usize> {
        let goes_on = self.routes.get(at).is_some_and(|route| route.also);
        if goes_on { self.route_of(event, at + 1) } else { None }
    }
}

/// A topic as a text; one that no publisher should have is refused.
fn topic_of(topic: &[u8]) -> Result<&str, Reject> {
    let text = std::str::from_utf8(topic).ok();
    text.filter(|text| !text.is_empty() && !text.contains(char::is_control)).ok_or_else(|| {
        Reject::new("bad_topic", "the topic is empty, not UTF-8 or has a control character")
    })
}

/// A copy of a tuple, in memory that many share.
fn share(tuples: &mut BytesMut, tuple: &[u8]) -> Bytes {
    if tuples.capacity() < tuple.len() {
        tuples.reserve(BUFFER_BYTES.max(tuple.len()));
    }
    tuples.extend_from_slice(tuple);
    tuples.split().freeze()
}

fn no_route() -> Reject {
    Reject::new("no_route", "the event is for none of the source's routes")
}

fn utf8(bytes: &[u8]) -> Result<&str, Reject> {
    std::str::from_utf8(bytes).map_err(|error| {
        let reason = format!("the event is not UTF-8 (byte {})", error.valid_up_to());
        Reject::new("bad_utf8", reason)
    })
}
