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

use howdah_feed::{Event, Feed, Options};
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
