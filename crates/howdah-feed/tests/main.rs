//! Tests of the feeds: the same bytes, the skew of the briefs, and what a store must hold.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "main/bytes.rs"]
mod bytes;
#[path = "main/calls.rs"]
mod calls;
#[path = "main/chain.rs"]
mod chain;
#[path = "main/database.rs"]
mod database;
#[path = "main/entities.rs"]
mod entities;
#[path = "main/faults.rs"]
mod faults;
#[path = "main/fleet.rs"]
mod fleet;
#[path = "main/messages.rs"]
mod messages;
#[path = "main/skew.rs"]
mod skew;
#[path = "main/system_files.rs"]
mod system_files;

use std::collections::BTreeSet;

use howdah_feed::{Event, Expected, Feed, Options};
use serde_json::Value;

/// 2026-11-21 00:00 UTC, and any other time would do.
const UNTIL_MS: i64 = 1_795_219_200_000;

/// Options of a feed that ends at [`UNTIL_MS`].
fn options(events: u64) -> Options {
    Options::new(events, 7, UNTIL_MS)
}

/// Options of a feed without any fault.
fn faultless(events: u64) -> Options {
    Options {
        duplicates_per_million: 0,
        late_per_million: 0,
        disorder_per_million: 0,
        broken_per_million: 0,
        ..options(events)
    }
}

/// The feed of trading.
fn trading(options: &Options) -> Feed {
    howdah_feed::events("trading", options).unwrap()
}

/// A message's fields.
fn fields(event: &Event) -> Value {
    serde_json::from_str(&event.json).unwrap()
}

/// The events of one stream, as their fields.
fn of_stream(options: &Options, stream: &str) -> Vec<Value> {
    trading(options).filter(|event| event.stream == stream).map(|event| fields(&event)).collect()
}

/// A text field.
fn text<'a>(message: &'a Value, field: &str) -> &'a str {
    message[field].as_str().unwrap()
}

/// A whole feed, and what it says of itself.
fn fed(system: &str, options: &Options) -> (Vec<Event>, Expected) {
    let mut feed = howdah_feed::events(system, options).unwrap();
    let all: Vec<Event> = feed.by_ref().collect();
    (all, feed.expected().clone())
}

/// FNV-1a, 64 bits.
fn fingerprint<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    texts.flat_map(str::bytes).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What a feed of so many events, and its entities, come to.
fn fingerprints(system: &str, count: u64) -> (u64, u64) {
    let (all, _) = fed(system, &options(count));
    let entities = howdah_feed::entities_sql(system, &options(count)).unwrap();
    (
        fingerprint(all.iter().flat_map(|event| [event.stream, event.json.as_str()])),
        fingerprint(std::iter::once(entities.as_str())),
    )
}

/// As many events arrive as were asked for, and each is accounted for.
fn is_accounted_for(system: &str, count: u64) {
    let (all, expected) = fed(system, &options(count));
    assert_eq!(all.len() as u64, count);
    let total = expected.total();
    assert_eq!(total.rows + total.duplicates + total.broken, count);
    for (stream, counts) in expected.streams() {
        let of = all.iter().filter(|event| event.stream == stream);
        let sent: Vec<&str> = of.map(|event| event.json.as_str()).collect();
        let distinct: BTreeSet<&str> = sent.iter().copied().collect();
        assert_eq!(sent.len() as u64, counts.rows + counts.duplicates + counts.broken);
        assert!(distinct.len() as u64 >= counts.rows, "{stream}");
    }
}
