//! A source that is fed by HTTP: which streams it fills, and the decoders of its bodies.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use howdah_catalog::Ident;
use howdah_error::Result;
use howdah_stream::source::body::{BodyFault, Events, Notation, events_of};
use howdah_stream::{Body, Decoder, Position, Raw, Row};
use howdah_system::{Format, Source, Stream, System};
use hyper::StatusCode;

use crate::answer::{Problem, ROWS_TOLD, RowProblem};
use crate::keys::{Key, Scope};

/// The decoders that are kept for the next requests, of each notation.
const KEPT: usize = 8;
/// After so many events others get their turn.
const TURN: usize = 512;

/// A source, ready for requests.
#[derive(Debug)]
pub struct HttpSource {
    source: Source,
    /// The streams that it fills, and whose their rows are.
    streams: Vec<(Stream, Belonging)>,
    /// All streams of the system, which the source's routes speak of.
    all: Vec<Stream>,
    event_bytes: usize,
    most_events: usize,
    json: Mutex<Vec<Decoder>>,
    csv: Mutex<Vec<Decoder>>,
}

/// Whose the rows of a stream are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Belonging {
    /// Everybody's.
    All,
    /// The tenant's in this column.
    Tenant(Ident),
    /// Several tenants', as the system file says.
    Several,
}

/// The rows of a request.
#[derive(Debug)]
pub struct Decoded {
    /// The rows.
    pub rows: Vec<Row>,
    /// For each row which event it is of.
    pub events: Vec<u32>,
    /// For each event its line or element.
    pub numbers: Vec<u64>,
}

impl HttpSource {
    /// Prepares a source; fails when its mapping cannot be used.
    pub fn new(system: &System, source: &Source) -> Result<Self> {
        let streams = source.streams().map(|index| {
            let stream = system.streams[index].clone();
            let belonging = belonging(system, &stream);
            (stream, belonging)
        });
        let prepared = Self {
            source: source.clone(),
            streams: streams.collect(),
            all: system.streams.clone(),
            event_bytes: system.ingest.event_bytes,
            most_events: system.ingest.batch_rows,
            json: Mutex::new(Vec::new()),
            csv: Mutex::new(Vec::new()),
        };
        prepared.give_back(Notation::Json, prepared.new_decoder(Notation::Json)?);
        Ok(prepared)
    }

    /// The source's name.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The one stream that it fills, when it is one.
    pub fn only_stream(&self) -> Option<&str> {
        match self.streams.as_slice() {
            [(stream, _)] => Some(&stream.name),
            _ => None,
        }
    }

    /// Whether the key may send events here, and for whom.
    pub fn admit(&self, key: &Key) -> Result<(), Problem> {
        let forbidden =
            |code, detail: String| Err(Problem::new(StatusCode::FORBIDDEN, code, detail));
        for (stream, belonging) in &self.streams {
            let name = &stream.name;
            if !key.may_write(name) {
                return forbidden("no_scope", format!("the key has no scope write:{name}"));
            }
            match (belonging, &key.tenant) {
                (Belonging::All, _) | (Belonging::Tenant(_), Some(_)) => {}
                (_, None) if key.may(&Scope::AnyTenant) => {}
                (_, None) => {
                    let detail = "the key has neither a tenant nor the scope any-tenant";
                    return forbidden("no_tenant", detail.to_owned());
                }
                (Belonging::Several, Some(_)) => {
                    let detail = format!(
                        "rows of stream \"{name}\" belong to several tenants; a key of one cannot \
                         send them"
                    );
                    return forbidden("several_tenants", detail);
                }
            }
        }
        Ok(())
    }

    /// The rows of a body, or everything that is wrong with its events.
    pub async fn decode(
        &self,
        notation: Notation,
        body: &Bytes,
        key: &Key,
    ) -> Result<Decoded, Problem> {
        let nested = self.source.each.is_some()
            || self.source.routes.iter().any(|route| route.legs.is_some());
        if notation == Notation::Csv && nested {
            let detail = "events of this source have arrays, which CSV has not: send JSON";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "csv_has_no_arrays", detail));
        }
        let events = events_of(notation, body, self.most_events)
            .map_err(|fault| cannot_cut(fault, self.most_events))?;
        let mut decoder = self.take(notation)?;
        let result = self.decode_events(&mut decoder, notation, events, key).await;
        self.give_back(notation, decoder);
        result
    }

    async fn decode_events(
        &self,
        decoder: &mut Decoder,
        notation: Notation,
        events: Events,
        key: &Key,
    ) -> Result<Decoded, Problem> {
        self.pin(decoder, key)?;
        let mut bad = BadRows::new(notation);
        if let Some(header) = &events.header
            && let Err(error) = decoder.set_header(header)
        {
            bad.add(1, None, "bad_csv".to_owned(), error.message().to_owned());
            return Err(bad.problem());
        }
        let mut out = howdah_stream::Decoded::default();
        let mut numbers = Vec::with_capacity(events.events.len());
        for (index, (number, event)) in events.events.into_iter().enumerate() {
            let refused = out.refusals.len();
            let raw = Raw { position: Position(String::new()), body: Body::Text(event) };
            decoder.decode(raw, &mut out);
            for refusal in &out.refusals[refused..] {
                let (column, code) = (refusal.column.clone(), refusal.code.clone());
                bad.add(number, column, code, refusal.reason.clone());
            }
            // An array of events within the event makes several of it.
            let accepted = out.events - out.refusals.len() as u64;
            numbers.resize(accepted as usize, number);
            if index % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        if bad.count > 0 {
            return Err(bad.problem());
        }
        if numbers.len() > self.most_events {
            return Err(cannot_cut(BodyFault::TooMany, self.most_events));
        }
        if out.rows.is_empty() {
            return Err(cannot_cut(BodyFault::Empty, self.most_events));
        }
        let events = out.rows.iter().map(|row| row.group).collect();
        Ok(Decoded { rows: out.rows, events, numbers })
    }

    /// Fills the tenant's column by the key.
    fn pin(&self, decoder: &mut Decoder, key: &Key) -> Result<(), Problem> {
        for (_, belonging) in &self.streams {
            let Belonging::Tenant(column) = belonging else { continue };
            decoder.pin_tenant(column, key.tenant.as_deref()).map_err(|_| {
                let detail = "the key's tenant does not fit the type of the tenant column";
                Problem::new(StatusCode::FORBIDDEN, "bad_tenant", detail)
            })?;
        }
        Ok(())
    }

    fn kept(&self, notation: Notation) -> &Mutex<Vec<Decoder>> {
        if notation == Notation::Csv { &self.csv } else { &self.json }
    }

    fn take(&self, notation: Notation) -> Result<Decoder, Problem> {
        let kept = self.kept(notation).lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept {
            Some(decoder) => Ok(decoder),
            None => self.new_decoder(notation).map_err(|error| {
                tracing::error!(source = self.name(), %error, "could not make a decoder");
                let detail = "the source's mapping cannot be used";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }),
        }
    }

    fn give_back(&self, notation: Notation, decoder: Decoder) {
        let mut kept = self.kept(notation).lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(decoder);
        }
    }

    fn new_decoder(&self, notation: Notation) -> Result<Decoder> {
        let format = if notation == Notation::Csv { Format::Csv } else { Format::Json };
        let source = Source { format, ..self.source.clone() };
        Ok(Decoder::new(&source, &self.all)?.with_event_bytes(self.event_bytes))
    }
}

fn belonging(system: &System, stream: &Stream) -> Belonging {
    let Some(tenants) = &system.tenants else { return Belonging::All };
    if let Some(column) = &stream.tenant {
        return Belonging::Tenant(column.clone());
    }
    let declared = tenants.visible.iter().any(|visible| visible.table == stream.table);
    if declared { Belonging::Several } else { Belonging::All }
}

fn cannot_cut(fault: BodyFault, most: usize) -> Problem {
    match fault {
        BodyFault::Malformed(reason) => Problem::new(StatusCode::BAD_REQUEST, "bad_body", reason),
        BodyFault::Empty => {
            Problem::new(StatusCode::BAD_REQUEST, "no_events", "the body has no event")
        }
        BodyFault::TooMany => {
            let detail = format!("the body has more than {most} events; send several requests");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_events", detail)
        }
    }
}

/// The rows of a request that are to blame, the first of them told.
#[derive(Debug)]
pub struct BadRows {
    notation: Notation,
    rows: Vec<RowProblem>,
    count: u64,
    other_tenant: bool,
}

impl BadRows {
    /// None yet, of a body of this notation.
    pub fn new(notation: Notation) -> Self {
        Self { notation, rows: Vec::new(), count: 0, other_tenant: false }
    }

    /// One more; `number` is its line or element.
    pub fn add(&mut self, number: u64, column: Option<String>, code: String, reason: String) {
        self.count += 1;
        self.other_tenant |= code == "other_tenant";
        if self.rows.len() < ROWS_TOLD {
            let number = Some(number);
            let (line, element) = match self.notation {
                Notation::Json => (None, number),
                Notation::Lines | Notation::Csv => (number, None),
            };
            self.rows.push(RowProblem { line, element, column, code, reason });
        }
    }

    /// The problem of the request.
    pub fn problem(self) -> Problem {
        let (status, code, detail) = if self.other_tenant {
            (
                StatusCode::FORBIDDEN,
                "other_tenant",
                "an event names another tenant than the key's; nothing is stored",
            )
        } else {
            let detail = "events of the request cannot be stored, so none of it is";
            (StatusCode::UNPROCESSABLE_ENTITY, "bad_events", detail)
        };
        let mut problem = Problem::new(status, code, detail);
        (problem.rows, problem.bad_rows) = (self.rows, self.count);
        problem
    }
}
