//! An event that takes several routes: rows for each, together or not at all.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use howdah_catalog::Ident;
use howdah_stream::{Body, Decoded, Decoder, Position, Raw};
use howdah_system::{
    ColumnType, Condition, Format, HashPart, MapFrom, Mapping, ReadAs, Route, Source,
};

use crate::model::{column, field, file, source, stream};

/// Statements go two ways: as they are, and (`also`) under the hash of their text.
fn two_ways() -> Source {
    let stream = stream(vec![column("id", "bytea", ColumnType::Bytea)]);
    let plain = source(&stream, file("events"), Format::Json);
    let when = vec![Condition { path: vec!["kind".into()], is: vec!["statement".into()] }];
    let id = |from| Mapping { missing: None, ..Mapping::new(Ident::new("id"), 1, from) };
    let at = || Mapping::new(Ident::new("at"), 0, field("at", ReadAs::Type));
    let hash = MapFrom::Keccak256(vec![HashPart::Const(vec![1]), HashPart::Event]);
    let first = Route {
        when: when.clone(),
        also: true,
        map: vec![at(), id(field("id", ReadAs::Hex(Some(2))))],
        ..plain.routes[0].clone()
    };
    let second = Route { when, map: vec![at(), id(hash)], ..plain.routes[0].clone() };
    Source { routes: vec![first, second, plain.routes[0].clone()], ..plain }
}

fn decoded(text: &'static str) -> Decoded {
    let stream = stream(vec![column("id", "bytea", ColumnType::Bytea)]);
    let mut decoder = Decoder::new(&two_ways(), &[stream]).unwrap();
    let mut out = Decoded::default();
    for _ in 0..2 {
        let position = Position("1:1:0".into());
        decoder.decode(Raw { position, body: Body::Text(text.into()) }, &mut out);
    }
    out
}

#[test]
fn an_event_gives_a_row_for_each_route_that_it_takes_in_one_group() {
    let out = decoded(r#"{"kind":"statement","at":"2026-11-20T10:00:00Z","id":"0102"}"#);
    assert_eq!((out.events, out.refusals.len()), (2, 0));
    let rows: Vec<(usize, u32)> = out.rows.iter().map(|row| (row.route, row.group)).collect();
    assert_eq!(rows, [(0, 0), (1, 0), (0, 1), (1, 1)]);
    assert!(out.rows[0].copy.ends_with(&[0, 0, 0, 2, 1, 2]));
    assert_eq!(out.rows[1].copy.len(), 2 + 12 + 4 + 32, "a hash has 32 bytes");
}

#[test]
fn an_event_that_one_of_its_routes_refuses_gives_no_row() {
    let out = decoded(r#"{"kind":"statement","at":"2026-11-20T10:00:00Z","id":"01"}"#);
    assert_eq!((out.events, out.rows.len(), out.refusals.len()), (2, 0, 2));
    assert_eq!(out.refusals[0].route, Some(0));
}

#[test]
fn other_events_take_the_route_behind() {
    let out = decoded(r#"{"kind":"note","at":"2026-11-20T10:00:00Z","id":"\\x0102"}"#);
    let routes: Vec<usize> = out.rows.iter().map(|row| row.route).collect();
    assert_eq!(routes, [2, 2]);
}
