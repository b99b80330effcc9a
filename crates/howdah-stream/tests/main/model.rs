//! Streams and sources made by hand, without a system file.

#![allow(clippy::result_large_err, reason = "a refusal is what the tests look at")]

use std::path::PathBuf;

use howdah_catalog::{Ident, RelName};
use howdah_stream::{Body, Decoded, Decoder, Position, Raw, Refusal, Row};
use howdah_system::{
    Accept, Bucket, ColumnType, Format, MapFrom, Mapping, Origin, ReadAs, Route, SecretRef, Source,
    Span, Stream, StreamColumn, TimeType,
};

/// A nullable column without a default.
pub fn column(name: &str, type_name: &str, kind: ColumnType) -> StreamColumn {
    StreamColumn {
        name: Ident::new(name),
        type_name: type_name.to_owned(),
        kind,
        not_null: false,
        has_default: false,
        generated: false,
        expression: None,
        collation: None,
    }
}

/// A stream of a time `at` and the given columns.
pub fn stream(columns: Vec<StreamColumn>) -> Stream {
    let mut all = vec![column("at", "timestamp with time zone", ColumnType::Timestamptz)];
    all[0].not_null = true;
    all.extend(columns);
    Stream {
        name: "events".into(),
        table: RelName::new("public", "events"),
        time: Ident::new("at"),
        time_type: TimeType::Timestamptz,
        key: vec![Ident::new("at")],
        order: vec![Ident::new("at")],
        chunk: Bucket::Day,
        ahead: 1,
        accept: Accept { past: None, future: Span { months: 0, days: 1, seconds: 0 } },
        keep: None,
        keep_by: None,
        segment: None,
        reverses: Vec::new(),
        refuse_conflicts: false,
        retracted: None,
        span_key: Vec::new(),
        horizon: None,
        tenant: None,
        columns: all,
    }
}

/// A source that maps every column of the stream by its name.
pub fn source(stream: &Stream, origin: Origin, format: Format) -> Source {
    let map = stream.columns.iter().enumerate().map(|(index, column)| {
        Mapping::new(column.name.clone(), index, field(column.name.as_str(), ReadAs::Type))
    });
    let route = Route {
        stream: 0,
        when: vec![],
        expect: vec![],
        also: false,
        legs: None,
        map: map.collect(),
    };
    Source { name: "feed".into(), origin, format, rate: None, each: None, routes: vec![route] }
}

/// A field at the end of a path with points.
pub fn field(path: &str, read_as: ReadAs) -> MapFrom {
    let path = path.split('.').map(str::to_owned).collect();
    MapFrom::Field { path, read_as, values: vec![] }
}

/// A file.
pub fn file(path: impl Into<PathBuf>) -> Origin {
    Origin::File { path: path.into() }
}

/// A Redis stream of JSON events in field `event`.
pub fn redis(key: &str) -> Origin {
    let url = SecretRef::Env("UNUSED".into());
    Origin::Redis { url, streams: vec![key.into()], fields: vec!["event".into()], group: None }
}

/// Decodes what gives one row or one refusal.
pub fn decode_one(decoder: &mut Decoder, raw: Raw) -> Result<Row, Refusal> {
    let mut found = Decoded::default();
    decoder.decode(raw, &mut found);
    one(found)
}

/// The one row, or the one refusal.
pub fn one(mut decoded: Decoded) -> Result<Row, Refusal> {
    assert_eq!((decoded.events, decoded.rows.len() + decoded.refusals.len()), (1, 1));
    decoded.rows.pop().ok_or_else(|| decoded.refusals.remove(0))
}

/// Decodes one JSON or CSV text.
pub fn decode(decoder: &mut Decoder, text: impl Into<bytes::Bytes>) -> Result<Row, Refusal> {
    let raw = Raw { position: Position("1:1:0".into()), body: Body::Text(text.into()) };
    decode_one(decoder, raw)
}

/// Decodes the payload of a dead letter of one event.
pub fn decode_again(decoder: &mut Decoder, payload: &bytes::Bytes) -> Result<Row, Refusal> {
    let mut found = Decoded::default();
    decoder.decode_payload(Position("1:1:0".into()), payload, &mut found);
    one(found)
}
