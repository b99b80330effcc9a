//! Whatever comes, every event is accounted for: rows of one group, or one refusal; and what is
//! kept for a dead letter decodes to the same again.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeSet;

use bytes::Bytes;
use howdah_stream::{Body, Decoded, Decoder, Position, Raw};
use howdah_system::Origin;
use proptest::prelude::*;
use serde_json::Value;

use crate::chain::{EVENTS, chain, element, envelope};

fn decoder() -> Decoder {
    let (source, streams) = chain(Origin::Stdin);
    Decoder::new(&source, &streams).unwrap()
}

fn decode(decoder: &mut Decoder, text: &Bytes) -> Decoded {
    let mut found = Decoded::default();
    let raw = Raw { position: Position("1-1".into()), body: Body::Text(text.clone()) };
    decoder.decode(raw, &mut found);
    found
}

/// How many events a text holds, told by another reader of JSON.
fn events_in(text: &[u8]) -> usize {
    let parsed: Option<Value> =
        std::str::from_utf8(text).ok().and_then(|text| serde_json::from_str(text).ok());
    match parsed.as_ref().and_then(|value| value.get("event_data")) {
        Some(Value::Array(elements)) => elements.len(),
        _ => 1,
    }
}

fn check(decoder: &mut Decoder, text: &Bytes) {
    let found = decode(decoder, text);
    let groups: BTreeSet<u32> = found.rows.iter().map(|row| row.group).collect();
    let shown = || String::from_utf8_lossy(text).into_owned();
    assert_eq!(found.events as usize, groups.len() + found.refusals.len(), "{}", shown());
    assert_eq!(found.events as usize, events_in(text), "{}", shown());
    assert!(groups.iter().copied().eq(0..groups.len() as u32), "{}", shown());
    for row in &found.rows {
        let again = decode(decoder, &row.raw.to_bytes());
        assert_eq!((again.events, again.rows.len()), (1, 1), "{}", shown());
        assert_eq!((&again.rows[0].copy, again.rows[0].route), (&row.copy, row.route));
    }
    for refusal in &found.refusals {
        let again = decode(decoder, &refusal.raw.to_bytes());
        assert_eq!((again.events, again.refusals.len()), (1, 1), "{}", shown());
        assert_eq!(again.refusals[0].code, refusal.code, "{}", shown());
    }
}

/// A good text of one of the events, or of another.
fn good() -> impl Strategy<Value = String> {
    (0..6_usize, 0..5_usize).prop_map(|(event, count)| {
        let name = EVENTS.get(event).map_or("other", |(name, _)| name);
        let elements: Vec<Value> = (0..count).map(|i| element(name, i)).collect();
        envelope(name, &elements).to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_are_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        check(&mut decoder(), &bytes.into());
    }

    #[test]
    fn near_texts_are_accounted_for(
        text in "\\{\"event_data\":(\\[|\\{)?[\\[\\]{}:,\" a-z0-9]{0,20}(\\]|\\})?\
                 (,\"event_data\":\\[\\{\\}\\])?\\}"
    ) {
        check(&mut decoder(), &text.into());
    }

    #[test]
    fn mutated_texts_are_accounted_for(
        text in good(),
        changes in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8),
            0..4,
        ),
    ) {
        let mut bytes = text.into_bytes();
        for (at, other, kind) in changes {
            let (at, other) = (at.index(bytes.len()), other.index(bytes.len()));
            match kind {
                0 => bytes[at] = b"{}[]\",:0x-n\\ "[other % 13],
                1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at.max(1)),
                _ => {
                    let piece = bytes[at.min(other)..at.max(other)].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        check(&mut decoder(), &bytes.into());
    }
}
