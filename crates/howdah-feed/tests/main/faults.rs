//! Duplicates, lateness and broken events: as many as were asked for, and all of them counted.

use std::collections::{BTreeMap, HashMap};

use howdah_feed::{Broken, Counts, Event, Expected, Options};
use serde_json::Value;

use crate::{fields, options, text, trading};

/// The fields that name an event of a stream, time included.
fn key_of(stream: &str) -> &'static [&'static str] {
    match stream {
        "trades" => &["exchange", "symbol", "trade_id", "event_time"],
        "fills" => &["tenant_id", "order_id", "trade_id", "event_time"],
        _ => &["tenant_id", "user_id", "event_time", "rev"],
    }
}

/// Why a store refuses a message, found without asking the feed.
fn refused(event: &Event) -> Option<Broken> {
    let Ok(message) = serde_json::from_str::<Value>(&event.json) else {
        return Some(Broken::Malformed);
    };
    let missing = |field: &&&str| message.get(**field).is_none();
    match key_of(event.stream).iter().find(missing) {
        Some(&"event_time") => return Some(Broken::MissingTime),
        Some(_) => return Some(Broken::MissingKey),
        None => {}
    }
    if text(&message, "event_time") > "2026-11-21T00:05" {
        return Some(Broken::FarFuture);
    }
    if message.get("amount").is_some_and(|amount| amount.as_str().unwrap().starts_with('-')) {
        return Some(Broken::NegativeSize);
    }
    let stranger = message.get("tenant_id").is_some_and(|id| id.as_str().unwrap() > "8");
    stranger.then_some(Broken::UnknownTenant)
}

/// Counts a feed as a store would.
fn recount(events: &[Event]) -> (BTreeMap<&'static str, Counts>, HashMap<Broken, u64>) {
    let mut streams = BTreeMap::<&'static str, Counts>::new();
    let mut broken = HashMap::<Broken, u64>::new();
    let mut stored = HashMap::<String, &str>::new();
    for event in events {
        let counts = streams.entry(event.stream).or_default();
        if let Some(kind) = refused(event) {
            counts.broken += 1;
            *broken.entry(kind).or_default() += 1;
            continue;
        }
        let message = fields(event);
        let mut key = event.stream.to_owned();
        for field in key_of(event.stream) {
            key = format!("{key} {}", message[*field]);
        }
        match stored.insert(key, &event.json) {
            None => counts.rows += 1,
            Some(before) => {
                assert_eq!(before, event.json, "one key, one content");
                counts.duplicates += 1;
            }
        }
    }
    (streams, broken)
}

fn faulty() -> Options {
    Options { broken_per_million: 20_000, ..options(60_000) }
}

#[test]
fn expected_is_what_a_store_finds() {
    let mut feed = trading(&faulty());
    let events: Vec<Event> = feed.by_ref().collect();
    let (streams, broken) = recount(&events);
    let expected = feed.expected();
    assert_eq!(expected.streams().collect::<BTreeMap<_, _>>(), streams);
    for kind in Broken::ALL {
        let of_trading = kind <= Broken::UnknownTenant;
        assert_eq!(expected.broken(kind) > 0, of_trading, "{kind:?} occurs");
        assert_eq!(expected.broken(kind), broken.get(&kind).copied().unwrap_or(0), "{kind:?}");
    }
    let total = expected.total();
    assert_eq!(total.rows + total.duplicates + total.broken, 60_000);
}

#[test]
fn faults_are_as_frequent_as_asked() {
    let mut feed = trading(&options(200_000));
    assert_eq!(feed.by_ref().count(), 200_000);
    let expected: &Expected = feed.expected();
    assert!((1_800..=2_200).contains(&expected.total().duplicates));
    assert!((150..=250).contains(&expected.total().broken));
    assert!((850..=1_150).contains(&expected.late()));
    assert!((3_600..=4_400).contains(&expected.out_of_order()));
}

#[test]
fn nothing_arrives_more_than_an_hour_late() {
    let quiet = Options { broken_per_million: 0, ..options(50_000) };
    let (mut latest, mut behind) = (0, 0);
    for event in trading(&quiet).filter(|event| event.stream == "trades") {
        let message = fields(&event);
        let time = text(&message, "event_time");
        let part = |range: std::ops::Range<usize>| time[range].parse::<i64>().unwrap();
        let second = ((part(8..10) * 24 + part(11..13)) * 60 + part(14..16)) * 60 + part(17..19);
        latest = latest.max(second);
        assert!(latest - second <= 3_601 + 60, "{time} came too late");
        behind += i64::from(latest - second > 120);
    }
    assert!(behind > 100, "only {behind} came late");
}

#[test]
fn wrong_options_are_refused_by_name() {
    for (wrong, name) in [
        (Options { tenants: 0, ..options(1) }, "tenants"),
        (Options { symbols: 1, ..options(1) }, "symbols"),
        (Options { span_ms: 0, ..options(1) }, "span"),
        (Options { until_ms: i64::MAX, ..options(1) }, "until"),
        (Options { events: u64::MAX, ..options(1) }, "events"),
        (Options { broken_per_million: 1_000_000, ..options(1) }, "broken"),
    ] {
        let error = howdah_feed::events("trading", &wrong).expect_err(name);
        assert!(error.message().contains(name), "{error}");
    }
    let error = howdah_feed::events("tradings", &options(1)).expect_err("no such system");
    assert_eq!(error.message(), "there is no feed for system \"tradings\"");
}

#[test]
fn smallest_feeds_work() {
    assert_eq!(trading(&options(0)).count(), 0);
    let tiny = Options { tenants: 1, symbols: 2, span_ms: 1_000, ..faulty() };
    assert_eq!(trading(&tiny).count(), 60_000);
    let one = Options { duplicates_per_million: 500_000, ..options(1) };
    assert_eq!(trading(&one).count(), 1);
}
